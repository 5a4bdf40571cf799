// The parts of an energy report: figures, comparison, cost, tables, what is missing.

import { data, h, s, show } from "./dom.js";
import { exact, ms, number, time } from "./format.js";
import { language, pick, t } from "./i18n.js";
import { amount, bounds, complete, cost, litres, money, paid, percent, together, what } from "./reportwords.js";

const IMPORT = "energy.active.import.total";
const SHOWN = 400;

function stat(key, value, hint) {
  return h("div.stat", {}, h("span.faint", {}, t(key)), h("strong", {}, value), hint ? h("small", {}, hint) : null);
}

export function figures(report) {
  const { balance, demand, totals } = report;
  const total = (quantity) => totals.find((row) => row.quantity === quantity);
  const found = [];
  const grid = total(IMPORT);
  const lack = (row) => [bounds(row), complete(row) ? "" : t("report.known", { share: percent(row.completeness) })].filter(Boolean).join(" · ");
  if (grid) found.push(stat("report.grid", amount(grid.value, "kW.h"), lack(grid)));
  if (balance?.flows.solar.meters) found.push(stat("report.solar", amount(balance.flows.solar.value, "kW.h"), balance.flows.solar.completeness < 0.9995 ? t("report.known", { share: percent(balance.flows.solar.completeness) }) : ""));
  if (balance?.flows.fed_in.meters) found.push(stat("report.fedIn", amount(balance.flows.fed_in.value, "kW.h"), balance.flows.fed_in.completeness < 0.9995 ? t("report.known", { share: percent(balance.flows.fed_in.completeness) }) : ""));
  const sum = together(totals);
  if (sum) {
    const lacks = [sum.known < 0.9995 ? t("report.costPart") : "", sum.tiers < 0.9995 ? t("report.earlierUse", { share: percent(sum.tiers) }) : ""];
    found.push(stat("report.cost", cost(sum), [...lacks, report.facts?.examples.length ? t("report.example") : ""].filter(Boolean).join(" · ")));
  }
  if (demand?.peak !== null && demand?.peak !== undefined) {
    found.push(stat("report.peak", `${number(demand.peak)}\u202fkW`, time(ms(demand.peak_at))));
    found.push(stat("report.base", `${number(demand.base)}\u202fkW`, demand.load_factor === null ? "" : t("report.loadFactor", { share: percent(demand.load_factor) })));
  }
  if (balance?.flows.solar.meters && balance.flows.fed_in.meters) {
    found.push(stat("report.selfUse", percent(balance.self_consumption)), stat("report.autarky", percent(balance.autarky)));
  }
  if (balance?.zero_carbon) found.push(stat("report.zeroCarbon", percent(balance.zero_carbon)));
  if (balance?.co2.rows.length) found.push(stat("report.co2", amount(balance.co2.kg, "kg")));
  for (const quantity of ["water.volume.total", "gas.volume.total", "heat.energy.total"]) {
    const row = total(quantity);
    if (row) found.push(stat(`report.q.${quantity}`, amount(row.value, row.unit), lack(row)));
  }
  return h("div.figures", {}, found);
}

export function grid(head, rows, foot = null) {
  const cells = (kind, list) => list.map((one, at) => h(`${kind}${at && head[at]?.number ? ".number" : ""}`, {}, one));
  return h(
    "div.scroll.tidy",
    {},
    h("table", {}, h("thead", {}, h("tr", {}, head.map((one) => h(`th${one.number ? ".number" : ""}`, { scope: "col" }, t(one.key))))), h("tbody", {}, rows.map((row) => h(`tr.${row.kind || "plain"}`, {}, cells("td", row.cells)))), foot ? h("tfoot", {}, foot.map((row) => h("tr", {}, cells("td", row)))) : null),
  );
}

export const N = (key) => ({ key, number: true });
export const T = (key) => ({ key });

export function comparison({ compare, totals }) {
  if (!compare?.rows.length) return null;
  const units = new Map(totals.map((row) => [row.quantity, row.unit]));
  const change = (row, name) => {
    const both = row[name] && row.value !== null && row.value_completeness >= 0.9995 && row[`${name}_completeness`] >= 0.9995;
    return both ? ` (${row.value >= row[name] ? "+" : "−"}${percent(Math.abs(row.value / row[name] - 1))})` : "";
  };
  const cell = (row, name) => [
    h("span.figure", {}, amount(row[name], units.get(row.quantity)), name === "value" ? "" : change(row, name)),
    row[name] !== null && row[`${name}_completeness`] < 0.9995 ? h("small", {}, ` ${t("report.known", { share: percent(row[`${name}_completeness`]) })}`) : null,
  ];
  const rows = compare.rows.map((row) => ({ cells: [what(row.quantity), cell(row, "value"), cell(row, "previous"), cell(row, "last_year")] }));
  return h("section", {}, h("h2", {}, t("report.compare")), grid([T("report.what"), N("report.now"), N("report.previous"), N("report.lastYear")], rows), compare.value ? h("p.faint.figure", {}, t("report.compared", { from: minute(compare.previous[0]), to: minute(compare.previous[1]), end: minute(compare.value[1]) })) : null);
}

function minute(at) {
  return exact(ms(at)).slice(0, -7);
}

export function costs({ totals }) {
  const lines = totals.flatMap((row) => (row.lines || []).map((line) => ({ ...line, name: line.name === "tiers" && row.tiers_known < 0.9995 ? "tiersLeast" : line.name, currency: row.currency, quantity: row.quantity, unit: row.unit })));
  if (!lines.length) return null;
  const most = Math.max(...lines.map((line) => Math.abs(line.amount ?? 0))) || 1;
  const rows = lines.map((line, at) => ({
    cells: [
      [s("svg", { viewBox: "0 0 100 6", class: "share", preserveAspectRatio: "none" }, s("rect", { class: `part-${(at % 4) + 1}`, width: (Math.abs(line.amount ?? 0) / most) * 100, height: 6 })), h("span", {}, what(line.quantity), line.name ? [" · ", position(line.name)] : null)],
      h("span.figure", {}, line.name === "demand" ? `${number(line.used ?? 0)}\u202fkW` : line.used ? amount(line.used, line.unit) : ""),
      h("span.figure", {}, line.price === null || line.price === undefined ? "" : String(line.price)),
      h("span.figure", {}, money(line.amount, line.currency)),
    ],
  }));
  return h("section", {}, h("h2", {}, t("report.costs")), grid([T("report.line"), N("report.used"), N("report.price"), N("report.amount")], rows, [[t("report.total"), "", "", cost(together(totals))]]));
}

/** A bill's position: one of the hub's own, or what the tariff calls a period. */
function position(name) {
  return ["tiers", "tiersLeast", "demand", "standing"].includes(name) ? t(`report.line.${name}`) : data(name);
}

/** What people call each group: a flat with its building, where its own name does not say it. */
function namer(report, spaces) {
  const english = new Map(report.rows.map((row) => [row.group, row.name_en]));
  const called = (one) => (language === "en" && one.name_en) || one.name;
  return (row) => {
    const own = (language === "en" && (row.name_en || english.get(row.group))) || row.name || row.group;
    let around = spaces.get(spaces.get(row.group)?.parent);
    while (around && around.kind !== "building") around = spaces.get(around.parent);
    if (!around || own.includes(called(around))) return own;
    return language === "zh" ? `${called(around)}${own}` : `${called(around)}, ${own}`;
  };
}

export function table(report, spaces) {
  const named = namer(report, spaces);
  const name = (row) => {
    const words = named(row);
    if (row.part === "rest") return words ? t("report.rest", { name: words }) : t("report.restOnly");
    return row.part === "whole" ? t("report.whole", { name: words }) : words || t("report.common");
  };
  const line = (row) => [
    h("span.figure", {}, row.value === null ? t("report.unknown") : amount(row.value, row.unit), bounds(row) ? h("small", {}, ` ${bounds(row)}`) : null),
    complete(row) ? "100%" : h("strong", {}, `◐ ${percent(row.completeness)}`),
    row.estimated ? percent(row.estimated) : "–",
    row.currency ? cost(row) : "–",
  ];
  const rows = report.rows.slice(0, SHOWN).map((row) => ({ kind: row.part, cells: [h("span", {}, data(name(row))), what(row.quantity), ...line(row)] }));
  const foot = report.totals.map((row) => [t("report.total"), what(row.quantity), ...line(row)]);
  const head = [T("report.group"), T("report.what"), N("report.value"), N("report.completeness"), N("report.estimated"), N("report.cost")];
  return h("section", {}, h("h2", {}, t("report.table")), grid(head, rows, foot), report.rows.length > SHOWN ? h("p.faint", {}, t("report.moreRows", { n: number(report.rows.length - SHOWN) })) : null);
}

export function moreTables(report, spaces) {
  const named = namer(report, spaces);
  const peaks = (report.demands || []).filter((row) => row.peak !== null);
  const nights = [...(report.nights || [])].sort((one, other) => other.leak - one.leak || other.minimum - one.minimum);
  return [
    peaks.length
      ? h("section", {}, h("h2", {}, t("report.demands")), grid([T("report.group"), N("report.peak"), T("device.time"), N("report.base"), N("report.completeness")], peaks.map((row) => ({ cells: [h("span", {}, named(row) ? data(named(row)) : t("report.common")), `${number(row.peak)}\u202fkW`, minute(row.peak_at), `${number(row.base)}\u202fkW`, percent(row.completeness)] }))))
      : null,
    nights.length ? h("section", {}, h("h2", {}, t("report.nights")), grid([T("report.group"), T("report.found"), N("report.flow"), N("report.nightCount")], nights.map(night))) : null,
    (report.split || []).map((one) => split(one, report)),
  ];
}

function night(row) {
  const said = row.leak ? h("strong", {}, t("report.leak")) : t("report.noLeak");
  const name = [h("a", { href: `#/devices/${encodeURIComponent(row.device)}` }, data(row.name || row.device)), h("small", {}, ` ${what(row.quantity)}`)];
  return { cells: [name, said, h("span.figure", {}, litres(row.minimum)), number(row.nights)] };
}

/** Who pays what of a main meter's cost; what no party's meter counted is a line of its own. */
function split(one, report) {
  const { unit, currency } = report.totals.find((row) => row.quantity === one.quantity);
  const line = (name, used, share, row) => [name, h("span.figure", {}, row.part === "shared" ? "–" : paid(row.amount, row.amount_low, row.amount_high, currency)), [h("span.figure", {}, amount(used, unit)), h("small", {}, share === null ? "" : ` ${percent(share)}`)]];
  const name = (row) => (row.part === "rest" ? t("report.restOnly") : row.part === "shared" ? t("report.restShared") : h("span", {}, data(row.party)));
  const rows = one.rows.map((row) => ({ kind: row.part, cells: line(name(row), row.used, row.share, row) }));
  const problem = language === "zh" ? one.problem_zh || one.problem : one.problem;
  const body = problem ? h("p.problem", {}, data(problem)) : grid([T("report.party"), N("report.amount"), N("report.used")], rows, [line(t("report.total"), one.whole, 1, one)]);
  return h("section", {}, h("h2", {}, t("report.split"), " · ", what(one.quantity)), body);
}

export function gaps({ gaps: list }) {
  if (!list) return null;
  if (!list.length) return h("section", {}, h("h2", {}, t("report.missing")), h("p.fine", {}, t("report.nothingMissing")));
  const rows = list.slice(0, 50).map((gap) => ({
    cells: [h("a", { href: `#/devices/${encodeURIComponent(gap.device)}` }, data(gap.name || gap.device)), what(gap.quantity), `${minute(gap.start)} – ${minute(gap.end)}`, percent(gap.known)],
  }));
  return h("section", {}, h("h2", {}, t("report.missing")), h("p.quiet", {}, t("report.missingHint")), grid([T("report.group"), T("report.what"), T("report.when"), N("report.completeness")], rows), list.length > 50 ? h("p.faint", {}, t("report.moreRows", { n: number(list.length - 50) })) : null);
}

export function notes(report) {
  const tariffs = report.tariffs.map((one) => h("li", {}, data(pick(one.name) || one.id), one.example ? [" · ", h("strong", {}, t("report.example"))] : null, one.source ? [" · ", data(one.source)] : null));
  return h("section", {}, tariffs.length ? [h("h2", {}, t("report.sources")), h("ul", {}, tariffs)] : null, h("p.faint.figure", {}, t("report.revision", { revision: report.revision, n: number(report.facts?.meters ?? 0) })));
}
