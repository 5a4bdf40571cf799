// Which days a report is about, as people choose them and as the hub is asked.

import { h } from "./dom.js";
import { now } from "./format.js";
import { t } from "./i18n.js";
import { choices } from "./list.js";
import { toZone } from "./zone.js";

export const PERIODS = ["today", "month", "last", "year", "days"];

function today() {
  return toZone(now()).slice(0, 10);
}

function shifted(day, days) {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86400000).toISOString().slice(0, 10);
}

function monthBefore(month) {
  const [year, number] = month.split("-").map(Number);
  return number === 1 ? `${year - 1}-12` : `${year}-${String(number - 1).padStart(2, "0")}`;
}

/** What is asked: {from, to}, the day after the last, or {today}; `every` fits a chart of it. Null: not chosen yet. */
export function asked(chosen) {
  const day = today();
  if (chosen.period === "today") return { words: { today: "true" }, files: { from: day, to: shifted(day, 1) }, every: "hour" };
  if (chosen.period === "year") {
    const words = { from: `${day.slice(0, 4)}-01-01`, to: shifted(day, 1) };
    return { words, files: words, every: "month" };
  }
  if (chosen.period === "days") {
    if (!chosen.from || !chosen.to || chosen.to < chosen.from) return null;
    const words = { from: chosen.from, to: shifted(chosen.to, 1) };
    const long = (Date.parse(words.to) - Date.parse(words.from)) / 86400000;
    return { words, files: words, every: long <= 2 ? "hour" : long <= 93 ? "day" : "month" };
  }
  const month = chosen.period === "last" ? monthBefore(day.slice(0, 7)) : day.slice(0, 7);
  return { words: { month }, files: { month }, every: "day" };
}

/** The chips, and two fields for days of one's own. */
export function periodPicker(chosen, change) {
  const day = (name) => {
    const input = h("input", { type: "date", name, max: today(), on: { change: () => change({ [name]: input.value }) } });
    input.value = chosen[name] || "";
    return h("label", {}, h("span", {}, t(`report.${name}`)), input);
  };
  return [
    choices("range.label", PERIODS.map((one) => [one, t(`report.period.${one}`)]), chosen.period, (period) => change({ period })),
    chosen.period === "days" ? h("div.period", {}, day("from"), day("to")) : null,
  ];
}
