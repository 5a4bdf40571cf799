// What the page asks people in dialogs: who they are (once), and why an alert is resolved.

import { post, sentence } from "./api.js";
import { data, h, show, visible } from "./dom.js";
import { what } from "./format.js";
import { pick, t } from "./i18n.js";
import { keep, state } from "./state.js";

const KEY = "gengfu.name";
const SAID_FOR = 15000; // ms: time to read why something did not work
const complaints = new Map();

export function myName() {
  return localStorage.getItem(KEY) || "";
}

/** Opens a dialog; resolves to what `collect` gave on submit, or null when it was cancelled or another page was gone to.
 *  `doing`: what the button that agrees is called. */
export function dialog(title, fields, collect, doing = t("ask.ok")) {
  return new Promise((resolve) => {
    const problem = h("p.problem", { role: "alert" });
    const heading = h("h2", {}, title);
    let busy = false; // a second click sends nothing twice
    const form = h(
      "form",
      {
        on: {
          submit: async (event) => {
            event.preventDefault();
            if (busy) return;
            busy = true;
            const given = await collect((text) => show(problem, text));
            busy = false;
            if (given !== null) close(given);
          },
        },
      },
      heading,
      fields,
      problem,
      h(
        "div.buttons",
        {},
        h("button.primary", { type: "submit" }, doing),
        h("button", { type: "button", on: { click: () => close(null) } }, t("ask.cancel")),
      ),
    );
    const element = h("dialog", { "aria-label": heading.textContent }, form);
    const close = (given) => {
      removeEventListener("hashchange", left);
      element.remove();
      resolve(given);
    };
    const left = () => close(null);
    addEventListener("hashchange", left);
    element.addEventListener("cancel", left);
    document.body.append(element);
    element.showModal();
    (form.querySelector("[data-first]") ?? form.querySelector("input:not([type=radio]), textarea, select") ?? form.querySelector("button")).focus();
  });
}

/** Those who are configured are there to tap; anybody else writes a name. */
export async function askName() {
  const input = h("input", { name: "name", autocomplete: "name", maxlength: 100, value: myName(), required: true });
  const tapped = (name) => {
    input.value = name;
    input.form.requestSubmit();
  };
  const names = [...new Set(Object.values(state.site?.people ?? {}))].map((name, at) =>
    // the keyboard of a phone would hide the names
    h("button", { type: "button", "data-first": at ? null : "", on: { click: () => tapped(name) } }, data(name)),
  );
  const fields = [
    h("p.hint", {}, t("ask.nameHint")),
    names.length ? h("div.buttons", { role: "group", "aria-label": t("ask.name") }, names) : null,
    h("label", {}, h("span", {}, t(names.length ? "ask.nameOther" : "ask.name")), input),
  ];
  const name = await dialog(t("ask.nameTitle"), fields, () => input.value.trim() || null);
  if (name) localStorage.setItem(KEY, name);
  return name;
}

/** The name of whoever acts; asked the first time. */
export async function who() {
  return myName() || (await askName());
}

/** Sends what a dialog has gathered; null, and the reason said in it, when that did not work. */
export async function sent(path, body, complainAbout) {
  try {
    return await post(path, body);
  } catch (trouble) {
    complainAbout(visible(t("ask.failed", { why: sentence(trouble) })));
    return null;
  }
}

export function label(alert) {
  return visible(`${what(alert)} · ${pick(alert.place) || alert.device}`);
}

/** Which ready reasons fit. */
function kind(quantity) {
  if (/^fire\.(smoke|heat|co|gas)$/.test(quantity)) return "fire";
  return /^(safety|health)\./.test(quantity) ? "help" : "other";
}

/** One click; the name is asked the first time. The button stands still meanwhile. */
export async function acknowledge(alert, button) {
  const by = await who();
  if (!by) return;
  button.disabled = true;
  try {
    keep(await post(`alerts/${encodeURIComponent(alert.id)}/acknowledge`, { by, comment: "" }));
  } catch (trouble) {
    button.disabled = false;
    complain(button, trouble);
  }
}

export function complain(button, trouble) {
  const text = visible(t("ask.failed", { why: sentence(trouble) }));
  button.parentElement.querySelector(".problem")?.remove();
  button.after(h("p.problem", { role: "alert" }, text));
  const key = button.dataset.focus;
  if (!key) return;
  complaints.set(key, text);
  setTimeout(() => complaints.get(key) === text && complaints.delete(key), SAID_FOR);
}

/** What was said beside the button of that `data-focus`, for a card that is drawn anew meanwhile. */
export function complaint(key) {
  return complaints.has(key) ? h("p.problem", {}, complaints.get(key)) : null;
}

export const AGAIN = 600000; // ms: what goes on after a person resolved it is told again after this long, as the rules do

export async function resolve(alert) {
  const by = await who();
  if (!by) return;
  const reason = h("textarea", { name: "reason", rows: 3, maxlength: 2000 });
  const ready = [1, 2, 3].map((n) => {
    const text = t(`ask.reason.${kind(alert.quantity)}.${n}`);
    return h("button.chip", { type: "button", on: { click: () => ((reason.value = text), reason.focus()) } }, text);
  });
  const fields = [h("label", {}, h("span", {}, t("ask.reason")), reason), h("div.chips", {}, ready), h("p.hint", {}, t("ask.resolveAgain", { n: AGAIN / 60000 }))];
  const title = t("ask.resolveTitle", { what: label(alert) });
  await dialog(h("bdi", {}, title), fields, async (complainAbout) => {
    if (alert.severity === "critical" && !reason.value.trim()) {
      complainAbout(t("ask.reasonNeeded"));
      return null;
    }
    const changed = await sent(`alerts/${encodeURIComponent(alert.id)}/resolve`, { by, reason: reason.value.trim() }, complainAbout);
    if (changed) keep(changed);
    return changed;
  });
}
