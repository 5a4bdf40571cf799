// Figures of a report as people read them: what is not known is said, what is not exact has its bounds.

import { number, unitSign } from "./format.js";
import { has, language, pick, t } from "./i18n.js";
import { state } from "./state.js";

const FULL = 0.9995;

export function percent(share) {
  return share === null || share === undefined ? t("report.unknown") : `${number(share * 100, share > 0.9 && share < 1 ? 1 : 0)}%`;
}

export function amount(value, unit) {
  return value === null || value === undefined ? t("report.unknown") : `${number(value)}\u202f${unitSign(unit)}`;
}

export function money(value, currency) {
  if (value === null || value === undefined) return t("report.unknown");
  return new Intl.NumberFormat(language === "zh" ? "zh-CN" : "en", { style: "currency", currency, currencyDisplay: "narrowSymbol" }).format(value);
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
