// One alert as it stands in a list: what, where, since when, who, and the button.

import { acknowledge, complaint, resolve } from "./ask.js";
import { data, h } from "./dom.js";
import { age, figure, ms, person, place, since, time, what } from "./format.js";
import { pick, say, t } from "./i18n.js";
import { badge } from "./marks.js";
import { state } from "./state.js";

export function address(alert) {
  return `#/alerts/${encodeURIComponent(alert.id)}`;
}

export function raised(alert) {
  return ms(alert.raised_at) ?? ms(alert.at);
}

/** Whether a value adds something to the words of the alert: "Smoke detected: alarm" does not. */
export function telling(alert) {
  const shape = state.quantities.get(alert.quantity)?.shape;
  return shape !== "state" && shape !== "event";
}

/** "388.2 kPa (limit 400 kPa), now 379.5 kPa" */
export function measured(alert) {
  const { quantity, unit } = alert;
  if (alert.value === null || !telling(alert)) return [];
  const parts = [figure(alert.value, quantity, unit)];
  if (alert.threshold !== null) parts.push(" ", h("span.faint", {}, say("alert.limit", { value: figure(alert.threshold, quantity, unit) })));
  if (alert.last_value !== null && alert.last_value !== alert.value && alert.state === "firing") {
    parts.push(" · ", h("span", {}, say("alert.now", { value: figure(alert.last_value, quantity, unit) })));
  }
  return h("span.measured", {}, parts);
}

export function remarksOf(alert) {
  const said = [];
  if (alert.silent && alert.quantity) said.push(t("alert.silent"));
  if (alert.stale) said.push(t("alert.stale"));
  return said.map((text) => h("p.remark", {}, text));
}

export function answered(alert) {
  if (alert.acknowledged_by) return h("span.answered", {}, say("alert.by", { name: person(alert.acknowledged_by) }));
  return null;
}

export function buttons(alert) {
  const named = { what: `${what(alert)}, ${pick(alert.place)}` };
  const take = h(
    "button.primary",
    { type: "button", "data-focus": `take-${alert.id}`, "aria-label": t("alert.acknowledgeOf", named), on: { click: () => acknowledge(alert, take) } },
    t("alert.acknowledge"),
  );
  const end = h(
    "button",
    { type: "button", "data-focus": `end-${alert.id}`, "aria-label": t("ask.resolveTitle", named), on: { click: () => resolve(alert) } },
    t("alert.resolve"),
  );
  if (alert.state === "resolved") return null;
  return h("div.buttons", {}, alert.acknowledged_by ? null : [take, complaint(`take-${alert.id}`)], end);
}

/** `lines`: who has been told, who is next. */
export function incident(alert, lines = null) {
  const taken = alert.acknowledged_by ? ".taken" : "";
  return h(
    `article.incident.${alert.severity}${taken}`,
    { "data-alert": alert.id },
    h("p.head", {}, badge(alert.severity), since(raised(alert), "age.ago"), answered(alert)),
    h("h3", {}, h("a", { href: address(alert), "data-focus": `open-${alert.id}` }, place(alert.place, alert.device))),
    h("p.what", {}, h("span.summary", {}, data(what(alert))), " ", measured(alert)),
    remarksOf(alert),
    lines,
    buttons(alert),
  );
}

/** A line of the history. */
export function pastIncident(alert) {
  const from = raised(alert);
  const until = ms(alert.resolved_at);
  return h(
    "li.row",
    {},
    h(
      "a",
      { href: address(alert) },
      h("span.lead", {}, badge(alert.severity), time(from)),
      h("span.name", {}, place(alert.place, alert.device)),
      h("span.detail", {}, data(what(alert)), " ", measured(alert)),
      h(
        "span.tail",
        {},
        alert.state === "resolved"
          ? [h("span", {}, t("alert.state.resolved")), " · ", h("span", {}, t("alerts.lasted", { age: age(until - from) }))]
          : h("span", {}, alert.acknowledged_by ? say("alert.by", { name: person(alert.acknowledged_by) }) : t(`alert.state.${alert.state}`)),
      ),
    ),
  );
}

