// Asking for silence: of what, for how long, and why. Only the telling is held back; alerts are raised and shown all the same.

import { get, sentence } from "./api.js";
import { dialog, label, sent, who } from "./ask.js";
import { h, show, visible } from "./dom.js";
import { pick, t } from "./i18n.js";
import { placeField } from "./places.js";

const LENGTHS = [30, 120, 480, 1440, 10080]; // minutes
const WORDS = { 30: "length.30", 120: "length.120", 480: "length.480", 1440: "length.1440", 10080: "length.10080" };

/** One of a few, as buttons; {element, value()}. */
function oneOf(options, first) {
  let chosen = first;
  const element = h("div.chips", { role: "group" });
  const draw = () =>
    show(element, options.map(([value, text]) => h("button.chip", { type: "button", "aria-pressed": value === chosen ? "true" : "false", on: { click: () => ((chosen = value), draw()) } }, text)));
  draw();
  return { element, value: () => chosen };
}

function field(key, ...inputs) {
  return h("label", {}, h("span", {}, t(key)), inputs);
}

function group(key, one) {
  one.element.setAttribute("aria-label", t(key));
  return h("div.field", {}, h("span", {}, t(key)), one.element);
}

/** Whether the hub asks for a second person: fire, a person in need, and whatever is critical. */
function savesLives(alert) {
  return alert.severity === "critical" || /^(fire|safety)\./.test(alert.quantity);
}

function lengths() {
  return oneOf(LENGTHS.map((minutes) => [minutes, t(WORDS[minutes])]), 120);
}

function why() {
  return h("textarea", { name: "why", rows: 2, maxlength: 2000 });
}

async function ask(title, fields, body) {
  return dialog(title, fields, async (complainAbout) => {
    const given = await body(complainAbout);
    if (!given) return null;
    if (!given.why) {
      complainAbout(t("silence.whyNeeded"));
      return null;
    }
    return sent("silences", given, complainAbout);
  });
}

/** Silences this alert's rule at its device, or the whole device while somebody works on it. */
export async function silenceAlert(alert, done) {
  const by = await who();
  if (!by) return;
  const scope = oneOf([["rule", t("silence.scope.rule")], ["maintenance", t("silence.scope.maintenance")]], "rule");
  const long = lengths();
  const reason = why();
  const fields = [
    h("p.hint", {}, t("silence.hint")),
    group("silence.of", scope),
    group("silence.long", long),
    field("silence.why", reason),
    savesLives(alert) ? h("p.remark", {}, t("silence.second.hint")) : null,
  ];
  const made = await ask(h("bdi", {}, t("silence.title", { what: label(alert) })), fields, () => {
    const said = { by, why: reason.value.trim(), minutes: long.value(), device: alert.device };
    if (scope.value() === "maintenance") return { ...said, kind: "maintenance" };
    return { ...said, rule: alert.rule, quantity: alert.quantity || "*", severity: alert.severity };
  });
  if (made) {
    if (made.waits_for_second) location.hash = "#/silences";
    done();
  }
}

/** Silences a rule, a place, a severity. */
export async function newSilence(done) {
  const by = await who();
  if (!by) return;
  const problem = h("p.problem", { role: "alert" });
  const fail = (trouble) => show(problem, visible(t("list.failed", { why: sentence(trouble) })));
  const rules = await get("rules").then((page) => page.items, () => []);
  const rule = h("select", { name: "rule" }, h("option", { value: "*" }, t("silence.anyRule")), rules.map((one) => h("option", { value: one.id, translate: "no" }, visible(pick(one.name) || one.id))));
  const severities = [["", t("alerts.anySeverity")], ["info", t("severity.info")], ["warning", t("severity.warning")], ["critical", t("severity.critical")]];
  const severity = h("select", { name: "severity" }, severities.map(([value, text]) => h("option", { value }, text)));
  const where = placeField("where", fail);
  const long = lengths();
  const reason = why();
  const fields = [
    h("p.hint", {}, t("silence.hint")),
    field("silence.where", where.element),
    field("silence.rule", rule),
    field("silence.severity", severity),
    group("silence.long", long),
    field("silence.why", reason),
    h("p.remark", {}, t("silence.second.maybe")),
    problem,
  ];
  const made = await ask(t("silence.new"), fields, async (complainAbout) => {
    const space = await where.chosen().catch(() => "");
    if (space === undefined) {
      complainAbout(t("device.acceptUnknown"));
      return null;
    }
    return { by, why: reason.value.trim(), minutes: long.value(), rule: rule.value, space: space || "*", severity: severity.value };
  });
  if (made) done();
}
