// Figures, units and times as people read them; the community's own zone, the hub's own clock.

import { data, h } from "./dom.js";
import { has, language, pick, say, t } from "./i18n.js";
import { state } from "./state.js";

const UNITS = {
  "kW.h": "kWh", "kvar.h": "kvarh", "V.A": "VA", "Cel": "°C", "[ppm]": "ppm", "m3": "m³", "/min": "/min",
  "mm[Hg]": "mmHg", "ug/m3": "µg/m³", "1": "",
};

export function now() {
  return Date.now() + state.clock;
}

export function ms(iso) {
  return iso ? Date.parse(iso) : null;
}

const cache = new Map();
function made(kind, options, make) {
  const key = kind + language + state.zone + JSON.stringify(options);
  if (!cache.has(key)) cache.set(key, make());
  return cache.get(key);
}

export function number(value, digits) {
  const size = Math.abs(value);
  const most = digits ?? (size >= 100 ? 0 : size >= 10 ? 1 : 2);
  return made("n", most, () => new Intl.NumberFormat(language, { maximumFractionDigits: most })).format(value);
}

function stamp(at, options) {
  const locale = language === "zh" ? "zh-CN" : "en-GB";
  return made("t", options, () => new Intl.DateTimeFormat(locale, { timeZone: state.zone, hour12: false, ...options })).format(at);
}

export function clock(at) {
  return stamp(at, { hour: "2-digit", minute: "2-digit" });
}

export function seconds(at) {
  return stamp(at, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

export function day(at) {
  return stamp(at, { month: "short", day: "numeric" });
}

export function exact(at) {
  const base = stamp(at, { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return `${base}.${String(((at % 1000) + 1000) % 1000).padStart(3, "0")}`;
}

/** "03:12" today, otherwise with its day. */
export function moment(at) {
  return day(at) === day(now()) ? clock(at) : `${day(at)} ${clock(at)}`;
}

export function hour() {
  return Number(stamp(now(), { hour: "2-digit" }).replace(/\D/g, "")) % 24;
}

/** A length of time in one figure: "3 min". */
export function age(span) {
  const seconds = Math.max(0, Math.round(span / 1000));
  if (seconds < 60) return t("age.s", { n: seconds });
  if (seconds < 3600) return t("age.min", { n: Math.floor(seconds / 60) });
  if (seconds < 172800) return t("age.h", { n: Math.floor(seconds / 3600) });
  return t("age.d", { n: Math.floor(seconds / 86400) });
}

/** How long until then: two hours to come are two hours, not "1 h" a second later. */
function ahead(span) {
  const minutes = Math.ceil(span / 60_000);
  if (minutes <= 1 || minutes >= 2880) return age(span);
  return minutes < 90 ? t("age.min", { n: minutes }) : t("age.h", { n: Math.round(minutes / 60) });
}

/** A time that keeps telling how long ago it was; exact on hover. */
export function since(at, key = "") {
  const element = h("time.figure", { datetime: new Date(at).toISOString(), title: exact(at), "data-since": at, "data-key": key });
  refresh(element);
  return element;
}

/** A time to come that keeps telling how long until then. */
export function until(at, key) {
  const element = h("time.figure", { datetime: new Date(at).toISOString(), title: exact(at), "data-until": at, "data-key": key });
  refresh(element);
  return element;
}

function refresh(element) {
  const { since: from, until: to } = element.dataset;
  const text = from ? age(now() - Number(from)) : ahead(Number(to) - now());
  const sentence = element.dataset.key ? t(element.dataset.key, { age: text }) : text;
  if (element.textContent !== sentence) element.textContent = sentence;
}

setInterval(() => document.querySelectorAll("time[data-since], time[data-until]").forEach(refresh), 1000);

export function time(at) {
  return h("time.figure", { datetime: new Date(at).toISOString(), title: exact(at) }, moment(at));
}

// --- quantities

export function quantityName(name, channel = "") {
  const known = state.quantities.get(name);
  const label = known ? pick(known) : name;
  return data(channel ? `${label} · ${channel}` : label);
}

/** The channel of a reading or an alert where its device has several of the quantity; "" for the only one. */
export function channelOf(one, latest) {
  return latest?.some((other) => other.quantity === one.quantity && other.channel !== one.channel) ? one.channel : "";
}

function stateWord(quantity, value) {
  const on = value ? 1 : 0;
  const family = quantity.split(".")[0];
  for (const key of [`state.${quantity}.${on}`, `state.${family}.${on}`]) if (has(key)) return t(key);
  return t(`state.any.${on}`);
}

/** A value as text with its unit: "388.2 kPa", "Alarm". */
export function value(amount, quantity, unit) {
  if (amount === null || amount === undefined) return t("value.none");
  const known = state.quantities.get(quantity);
  if (known && (known.shape === "state" || known.shape === "event")) return stateWord(quantity, amount);
  let code = unit || (known ? known.unit : "");
  let shown = amount;
  if (code === "W" && Math.abs(amount) >= 10000) [shown, code] = [amount / 1000, "kW"];
  const sign = UNITS[code] ?? code;
  return `${number(shown)}${sign ? (sign === "%" ? "" : "\u202f") + sign : ""}`;
}

export function figure(amount, quantity, unit) {
  return h("span.figure", {}, value(amount, quantity, unit));
}

export function unitSign(unit) {
  return UNITS[unit] ?? unit;
}

const FIGURE = /\s?[(\uff08]-?\d[^()\uff08\uff09]*[)\uff09]$/u; // the value in brackets, narrow or wide

/** The words of an alert without the place and the value that stand beside them: "Smoke" of "Smoke in Building 3". */
export function what(alert) {
  let said = pick(alert.summary);
  for (const where of Object.values(alert.place).filter(Boolean)) {
    if (said.endsWith(` in ${where}`)) said = said.slice(0, -` in ${where}`.length);
    if (said.startsWith(`${where} `)) said = said.slice(where.length + 1);
  }
  const shape = state.quantities.get(alert.quantity)?.shape;
  return shape === "gauge" || shape === "counter" ? said.replace(FIGURE, "") : said;
}

/** Where a device is; nothing where its name says it already. */
export function placeOf(device) {
  const where = pick(device.place);
  return where && where !== (device.name || device.id) ? data(where) : null;
}

export function place(words, fallback = "") {
  const text = pick(words) || fallback;
  return text ? data(text) : h("span", {}, t("alert.placeUnknown"));
}

/** Whoever is told is known by an id, whoever answers on the page by the name given there. */
export function person(by) {
  const name = state.site?.people?.[by];
  const [, channel] = name ? [] : (/^link(?::(.*))?$/s.exec(by) ?? []);
  if (channel) return h("span", {}, say("person.somebodyIn", { channel: data(channel) }));
  return by === "link" && !name ? h("span", {}, t("person.somebody")) : data(name ?? by);
}

export function remarks(quality) {
  return quality.map((flag) => (has(`quality.${flag}`) ? t(`quality.${flag}`) : flag)).join(language === "zh" ? "、" : ", ");
}

