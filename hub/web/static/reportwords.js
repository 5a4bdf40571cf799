// Figures of a report as people read them: what is not known is said, what is not exact has its bounds.

import { number, unitSign } from "./format.js";
import { has, language, pick, t } from "./i18n.js";
import { state } from "./state.js";

const FULL = 0.9995;

export function percent(share) {
  return share === null || share === undefined ? t("report.unknown") : `${number(share * 100, share > 0.9 && share < 1 ? 1 : 0)}%`;
}

/** A little is not shown as nothing. */
function little(value, digits) {
  const least = 10 ** -digits;
  return value !== 0 && Math.abs(value) < least ? `< ${number(least, digits)}` : number(value, Math.abs(value) < 0.1 ? digits : undefined);
}

export function amount(value, unit) {
  return value === null || value === undefined ? t("report.unknown") : `${little(value, 3)}\u202f${unitSign(unit)}`;
}

/** A flow of m3/h as people read it. */
export function litres(flow) {
  return `${little(flow * 1000, 2)}\u202fL/h`;
}

export function money(value, currency) {
  if (value === null || value === undefined) return t("report.unknown");
  return new Intl.NumberFormat(language === "zh" ? "zh-CN" : "en", { style: "currency", currency, currencyDisplay: "narrowSymbol" }).format(value);
}

const CENT = 0.005;
const CLOSE = 0.01;

/** A cost that is only known within bounds is never shown as if it were certain. */
export function paid(value, low, high, currency) {
  if (value === null || value === undefined || low === undefined) return money(value, currency);
  if (low === null || high === null) {
    if (low !== null) return `≥ ${money(low, currency)}`;
    return high === null ? `${money(value, currency)} + ${t("report.unknown")}` : `≤ ${money(high, currency)}`;
  }
  if (high - low < CENT) return money(value, currency);
  if (high - low <= CLOSE * Math.abs(value)) return `≈ ${money(value, currency)}`;
  return `${money(low, currency)} – ${money(high, currency)}`;
}

export function cost(row, currency = row.currency) {
  return paid(row.cost, row.cost_low, row.cost_high, currency);
}

/** The cost of all quantities as one row, or null. */
export function together(totals) {
  const found = totals.filter((row) => row.cost !== null && row.currency);
  if (!found.length) return null;
  const sum = (key) => (found.some((row) => row[key] === null) ? null : found.reduce((so, row) => so + row[key], 0));
  const least = (key) => Math.min(...found.map((row) => row[key] ?? 1));
  return { cost: sum("cost"), cost_low: sum("cost_low"), cost_high: sum("cost_high"), currency: found[0].currency, known: least("cost_completeness"), tiers: least("tiers_known") };
}

/** A row's value, with how much of it is known and between which bounds it lies. */
export function whole(row) {
  return [amount(row.value, row.unit), bounds(row), row.value !== null && row.completeness < FULL ? t("report.known", { share: percent(row.completeness) }) : ""].filter(Boolean).join(", ");
}

/** "" where the value is exact. */
export function bounds(row) {
  if (row.value === null || (row.low !== null && row.high !== null && row.high - row.low <= Math.abs(row.value) * 1e-6)) return "";
  if (row.high === null) return row.low === null ? "" : number(row.low) === number(row.value) ? t("report.orMore") : t("report.atLeast", { low: number(row.low) });
  return t("report.between", { low: number(row.low ?? 0), high: number(row.high) });
}

export function complete(row) {
  return row.completeness >= FULL;
}

export function what(quantity) {
  if (has(`report.q.${quantity}`)) return t(`report.q.${quantity}`);
  return pick(state.quantities.get(quantity)) || quantity;
}
