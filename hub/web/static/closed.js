// The list of closed reports, with their files and what is different from the number before.

import { get } from "./api.js";
import { data, h, show } from "./dom.js";
import { exact, number } from "./format.js";
import { language, t } from "./i18n.js";
import { grid, T } from "./report.js";
import { what } from "./reportwords.js";

const CHANGES = 20;

/** "October 2026" of 2026-10. */
function month(period) {
  return new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", { year: "numeric", month: "long", timeZone: "UTC" }).format(Date.parse(`${period}-01`));
}

const KINDS = ["pdf", "xlsx", "csv", "json"];

/** "report.en.pdf": its kind and its language. */
function parts(file) {
  const [, ...rest] = file.split(".");
  return { file, kind: rest.at(-1), spoken: rest.length > 1 ? rest[0] : "" };
}

function files(one) {
  const own = (part) => (part.spoken === language ? 0 : 1);
  const found = one.files.map(parts).sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || own(a) - own(b));
  return found.map(({ file, kind, spoken }, at) => [
    at ? " · " : "",
    h("a", { href: `/api/v1/reports/closed/${encodeURIComponent(one.id)}/${encodeURIComponent(file)}`, download: true }, t(`report.file.${kind}`), spoken ? ` ${t(`report.in.${spoken}`)}` : ""),
  ]);
}

function figure(value, name) {
  return value === null ? t("report.unknown") : number(value, name === "cost" ? 2 : 3);
}

function changes(one) {
  if (one.number < 2) return null;
  const shown = one.changes.slice(0, CHANGES).map((row) => h("li", {}, data(row.group || t("report.common")), ` · ${what(row.quantity)}: `, h("span.figure", {}, `${figure(row.before, row.figure)} → ${figure(row.after, row.figure)}`)));
  const more = one.changes.length - shown.length;
  return h("details", {}, h("summary", {}, t("report.changed", { n: number(one.changes.length) })), h("ul", {}, shown, more > 0 ? h("li.faint", {}, t("report.moreChanges", { n: number(more) })) : null));
}

export async function closedReports(place) {
  const found = await get("reports/closed").catch(() => null);
  if (!found?.items.length) return;
  const rows = found.items.map((one) => ({
    cells: [
      [h("strong", {}, month(one.period), one.number > 1 ? ` · ${t("report.number", { n: one.number })}` : ""), changes(one)],
      t(`report.by.${one.by}`),
      exact(one.closed_at).slice(0, -7),
      h("span", {}, files(one)),
      h("code", {}, one.hash.slice(0, 8)),
    ],
  }));
  show(place, h("h2", {}, t("report.closed")), h("p.quiet", {}, t("report.closedHint")), grid([T("report.period"), T("report.by"), T("report.closedAt"), T("report.files"), T("report.hash")], rows));
}
