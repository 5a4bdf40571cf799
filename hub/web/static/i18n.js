// Speaks the words of words.js in one of two languages.

import { words as common } from "./words.js";
import { words as aboutPeople } from "./words_people.js";
import { words as aboutReports } from "./words_reports.js";
import { words as aboutRules } from "./words_rules.js";

const words = { ...common, ...aboutPeople, ...aboutRules, ...aboutReports };

const KEY = "gengfu.language";
const LANGUAGES = ["en", "zh"];

export let language = preferred("en");

function preferred(fallback) {
  const wanted = [localStorage.getItem(KEY), ...navigator.languages].map((tag) => (tag || "").slice(0, 2).toLowerCase());
  return wanted.find((tag) => LANGUAGES.includes(tag)) || fallback;
}

/** The site's own language, for a browser that wants neither of ours. */
export function settle(fallback) {
  language = preferred(LANGUAGES.includes(fallback) ? fallback : "en");
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
}

export function choose(tag) {
  localStorage.setItem(KEY, tag);
  settle(tag);
}

export function other() {
  return language === "zh" ? "en" : "zh";
}

export function has(key) {
  return key in words;
}

function template(key, params) {
  if (!has(key)) return key.split(".").at(-1); // a newer hub's word: better its bare name than no page at night
  const text = words[key][language === "zh" ? 1 : 0];
  const [one, many] = text.split("|");
  return many !== undefined && params.n !== 1 && params.n !== "1" ? many : one;
}

/** A sentence as text. Never for what came from outside: use say. */
export function t(key, params = {}) {
  return template(key, params).replace(/\{(\w+)\}/g, (_, name) => String(params[name]));
}

/** A sentence as a list of texts and nodes; params may be nodes. */
export function say(key, params = {}) {
  const parts = template(key, params).split(/\{(\w+)\}/);
  return parts.map((part, at) => (at % 2 ? params[part] : part)).filter((part) => part !== "");
}

/** The one of {en, zh} that fits; the other when it is missing. */
export function pick(both) {
  if (!both) return "";
  return both[language] || both.en || both.zh || "";
}
