// What people do about an alert beside answering and resolving it: assign, write, say what was done, say that it is not over.

import { get } from "./api.js";
import { dialog, label, sent, who } from "./ask.js";
import { data, h, visible } from "./dom.js";
import { say, t } from "./i18n.js";
import { keep } from "./state.js";

let asking = null;
/** Those who can be told, by id: their names. */
export function persons() {
  asking ??= get("rota", { days: 1 }).then((duty) => new Map(duty.people.map((one) => [one.id, one.name])));
  asking.catch(() => (asking = null));
  return asking.catch(() => new Map());
}

function path(alert, what) {
  return `alerts/${encodeURIComponent(alert.id)}/${what}`;
}

/** A dialog with one text; `what` is comments, done or reopen. */
async function write(alert, what, field) {
  const by = await who();
  if (!by) return null;
  const text = h("textarea", { name: "text", rows: 3, maxlength: 2000 });
  const fields = [h("p.hint", {}, t(`note.${what}.hint`)), h("label", {}, h("span", {}, t(`note.${what}.label`)), text)];
  const title = h("bdi", {}, t(`note.${what}.title`, { what: label(alert) }));
  return dialog(title, fields, async (complainAbout) => {
    if (!text.value.trim()) {
      complainAbout(t("note.needed"));
      return null;
    }
    return sent(path(alert, what), { by, [field]: text.value.trim() }, complainAbout);
  });
}

export async function reopen(alert) {
  const again = await write(alert, "reopen", "reason");
  if (!again) return;
  keep(again);
  location.hash = `#/alerts/${encodeURIComponent(again.id)}`;
}

async function assign(alert, done) {
  const by = await who();
  if (!by) return;
  const known = await persons();
  const whom = h("select", { name: "to" }, h("option", { value: "" }, t("note.assign.nobody")), [...known].map(([id, name]) => h("option", { value: id, translate: "no" }, visible(name))));
  const text = h("textarea", { name: "text", rows: 2, maxlength: 2000 });
  const hint = known.size ? t("note.assign.hint") : t("note.assign.empty");
  const fields = [h("p.hint", {}, hint), h("label", {}, h("span", {}, t("note.assign.label")), whom), h("label", {}, h("span", {}, t("note.assign.text")), text)];
  const title = h("bdi", {}, t("note.assign.title", { what: label(alert) }));
  const said = await dialog(title, fields, (complainAbout) => sent(path(alert, "assign"), { by, to: whom.value, text: text.value.trim() }, complainAbout));
  if (said) done();
}

/** The quieter buttons of an alert; `done` is called after each that changed something. */
export function noteButtons(alert, done) {
  const button = (key, act) => h("button.quiet-button", { type: "button", "data-focus": key, on: { click: act } }, t(key));
  const after = (said) => said && done();
  return [
    alert.state === "resolved" ? h("button", { type: "button", "data-focus": "note.reopen", on: { click: () => reopen(alert) } }, t("note.reopen")) : button("note.assign", () => assign(alert, done)),
    button("note.comments", () => write(alert, "comments", "text").then(after)),
    button("note.done", () => write(alert, "done", "text").then(after)),
  ];
}

/** "Assigned to Wang", and the alerts before and after it where somebody said that it was not over. */
export function bonds(alert, people, names) {
  const found = [];
  const link = (id, key) => h("p", {}, h("a", { href: `#/alerts/${encodeURIComponent(id)}` }, t(key)));
  if (alert.reopens) found.push(link(alert.reopens, "note.before"));
  const later = people?.notes.findLast((one) => one.what === "reopened" && one.whom);
  if (later) found.push(link(later.whom, "note.after"));
  if (people?.assigned && alert.state !== "resolved") found.push(h("p", {}, say("note.assigned", { name: data(names.get(people.assigned) ?? people.assigned) })));
  return found;
}
