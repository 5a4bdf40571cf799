// The history: every alert, by state, severity and search.

import { h, show } from "./dom.js";
import { t } from "./i18n.js";
import { pastIncident } from "./incident.js";
import { choices, list, search } from "./list.js";
import { hear } from "./live.js";
import { badge } from "./marks.js";

export function alerts(root, _, params, keepParams) {
  const chosen = { state: params.get("state") || "", severity: params.get("severity") || "", search: params.get("search") || "" };
  const rows = list("alerts", () => chosen, pastIncident, ["alerts.none", "alerts.noneHint"]);
  const filters = h("div.filters");

  function change(name, value) {
    chosen[name] = value;
    keepParams(chosen);
    draw();
    rows.reload();
  }

  function draw() {
    const states = [["", t("alerts.everything")], ["open", t("alerts.open")], ["resolved", t("alerts.resolved")]];
    const severities = [["", t("alerts.anySeverity")], ...["critical", "warning", "info"].map((one) => [one, badge(one)])];
    show(
      filters,
      choices("list.filter", states, chosen.state, (value) => change("state", value)),
      choices("list.filter", severities, chosen.severity, (value) => change("severity", value)),
    );
  }

  draw();
  const field = search("alerts.search", chosen.search, (value) => change("search", value));
  show(root, h("h1", {}, t("alerts.title")), field, filters, rows.element);
  let waiting = 0;
  const close = hear(() => {
    clearTimeout(waiting);
    waiting = setTimeout(() => scrollY < 200 && rows.reload(), 1000);
  });
  return { close: () => (clearTimeout(waiting), close()), title: () => t("alerts.title") };
}
