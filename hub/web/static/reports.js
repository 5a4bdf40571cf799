// Energy reports: what was used, made and paid, with what is not known said everywhere.

import { get, sentence } from "./api.js";
import { bars, key, lacking, profile, swatch } from "./bars.js";
import { closedReports } from "./closed.js";
import { h, show, visible } from "./dom.js";
import { ms } from "./format.js";
import { language, t } from "./i18n.js";
import { asked, periodPicker } from "./period.js";
import { comparison, costs, figures, gaps, moreTables, notes, table } from "./report.js";
import { patiently } from "./slow.js";
import { state } from "./state.js";
import { whole } from "./reportwords.js";

const BY = ["community", "building", "unit", "room", "device", "party"];
const IMPORT = "energy.active.import.total";
const EXPORT = "energy.active.export.total";
const SOLAR = "energy.pv.total";

export function reports(root, _, params, keepParams) {
  const chosen = { period: params.get("period") || "month", by: BY.includes(params.get("by")) ? params.get("by") : "building", from: params.get("from") || "", to: params.get("to") || "" };
  const controls = h("div.controls");
  const body = h("div");
  const closed = h("section");
  let charts = [];
  let turn = 0;

  function change(what) {
    Object.assign(chosen, what);
    keepParams(chosen);
    draw();
    load();
  }

  function draw() {
    const select = h("select", { name: "by", on: { change: () => change({ by: select.value }) } }, BY.map((one) => h("option", { value: one, selected: one === chosen.by }, t(`report.by.${one}`))));
    const period = asked(chosen);
    const query = (more) => new URLSearchParams({ ...period.files, by: chosen.by, ...more });
    const files = period
      ? h(
          "div.buttons",
          {},
          ["pdf", "xlsx", "csv"].map((one) => h("a.button", { href: `/api/v1/reports/energy.${one}?${query({ every: "total", language })}`, download: true }, t(`report.file.${one}`))),
          h("a.button", { href: `/api/v1/reports/energy?${query({ every: "total", full: "true" })}`, download: "energy.json" }, "JSON"),
        )
      : null;
    show(controls, h("div.filters", {}, periodPicker(chosen, change)), h("div.period", {}, h("label", {}, h("span", {}, t("report.by")), select), files));
  }

  function clear() {
    charts.forEach((chart) => chart.close());
    charts = [];
  }

  async function load() {
    const mine = ++turn;
    const period = asked(chosen);
    clear();
    if (!period) return show(body, h("p.quiet", {}, t("report.chooseDays")));
    try {
      const query = (more) => new URLSearchParams({ ...period.words, ...more });
      const report = await patiently(body, `reports/energy?${query({ by: chosen.by, every: "total", full: "true" })}`);
      if (mine !== turn) return;
      if (!report) return show(body, h("p.quiet", {}, t("report.stopped")), h("button", { type: "button", on: { click: load } }, t("list.again")));
      const steps = await get(`reports/energy?${query({ by: "community", every: period.every })}`);
      const places = await get("spaces").catch(() => ({ items: [] })); // without them a flat goes by its own name
      if (mine === turn) fill(report, steps, period.every, new Map(places.items.map((one) => [one.id, one])));
    } catch (trouble) {
      if (mine === turn) show(body, h("p.problem", { role: "alert" }, visible(sentence(trouble))), h("button", { type: "button", on: { click: load } }, t("list.again")));
    }
  }

  function fill(report, steps, every, spaces) {
    if (!report.totals.length) {
      show(body, h("p.empty", {}, t("report.empty")), h("p.quiet", {}, t("report.emptyHint")));
      return;
    }
    const shape = report.demand?.profile;
    const known = shape && [...shape.workday, ...shape.weekend].some((value) => value !== null);
    const course = overTime(steps, every);
    if (course) charts.push(course);
    const day = known ? profile(shape, "kW", t("report.profile")) : null;
    if (day) charts.push(day);
    show(
      body,
      figures(report),
      course ? [h("h2", {}, t(`report.over.${every}`)), course.legend, course.element] : null,
      day ? [h("h2", {}, t("report.profile")), day.element] : null,
      h("div.two", {}, comparison(report), costs(report)),
      table(report, spaces),
      moreTables(report, spaces),
      gaps(report),
      notes(report),
    );
  }

  draw();
  show(root, h("h1", {}, t("report.title")), controls, body, closed);
  load();
  closedReports(closed);
  return { close: () => (turn++, clear()), title: () => t("report.title") };
}

const FORMATS = { hour: { hour: "2-digit" }, day: { day: "numeric" }, month: { month: "short" } };
const NAMES = { hour: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }, day: { weekday: "short", day: "numeric", month: "short" }, month: { month: "long", year: "numeric" } };

function stamp(at, options) {
  return new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", { timeZone: state.zone, hourCycle: "h23", ...options }).format(at);
}

/** The use of each hour, day or month: from the grid, from the sun, and below the line what was fed in. */
function overTime(steps, every) {
  const spans = new Map();
  for (const row of steps.rows) if ([IMPORT, EXPORT, SOLAR].includes(row.quantity)) spans.set(row.start, { ...spans.get(row.start), [row.quantity]: row });
  if (!spans.size) return null;
  const has = (quantity) => steps.rows.some((row) => row.quantity === quantity);
  const columns = [...spans].map(([start, rows]) => {
    const [grid, fed, sun] = [rows[IMPORT], rows[EXPORT], rows[SOLAR]];
    const own = sun && sun.value !== null ? Math.max(0, sun.value - (fed?.value ?? 0)) : null;
    const known = Math.min(...[grid, fed, sun].filter(Boolean).map((row) => (row.value === null ? 0 : row.completeness)));
    const said = [
      grid ? t("report.said", { what: t("report.grid"), value: whole(grid) }) : null,
      sun ? t("report.said", { what: t("report.solar"), value: whole(sun) }) : null,
      fed ? t("report.said", { what: t("report.fedIn"), value: whole(fed) }) : null,
    ].filter(Boolean);
    return {
      label: stamp(ms(start), FORMATS[every]).replace(/[^\d\p{L}]+$/u, ""),
      parts: [{ part: 1, value: grid?.value ?? null }, { part: 2, value: own }],
      below: fed ? { part: 3, value: fed.value } : null,
      known: known > 0.9995 ? 1 : known,
      words: `${stamp(ms(start), NAMES[every])}: ${said.join(" · ")}`,
    };
  });
  const chart = bars(columns, "kWh", t(`report.over.${every}`));
  const entries = [[swatch(1), t("report.grid")]];
  if (has(SOLAR)) entries.push([swatch(2), t("report.ownSolar")]);
  if (has(EXPORT)) entries.push([swatch(3), t("report.fedIn")]);
  if (columns.some((one) => one.known < 1)) entries.push([lacking(), t("report.lacking")]);
  return { ...chart, legend: key(entries) };
}
