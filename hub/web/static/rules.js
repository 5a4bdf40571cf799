// All rules by what they watch: what is open of each, and how often it has fired.

import { get, sentence } from "./api.js";
import { blindness } from "./armed.js";
import { data, h, show, visible } from "./dom.js";
import { number, quantityName } from "./format.js";
import { has, pick, t } from "./i18n.js";
import { search } from "./list.js";
import { badge } from "./marks.js";

const WATCHED = ["fire", "health", "energy", "parking", "device"];
const SHOWN = 200;

export function ruleName(rule) {
  return pick(rule.name) || rule.id;
}

export function kindName(kind) {
  return has(`kind.${kind}`) ? t(`kind.${kind}`) : kind;
}

export function rules(root, _, params, keepParams) {
  const body = h("div");
  let found = null;
  let wanted = params.get("search") || "";
  let alive = true;

  async function load() {
    show(body, h("p.quiet", {}, t("list.loading")));
    try {
      found = (await get("rulebook")).items;
      if (alive) draw();
    } catch (trouble) {
      const again = h("button", { type: "button", on: { click: load } }, t("list.again"));
      if (alive) show(body, h("p.problem", { role: "alert" }, visible(t("list.failed", { why: sentence(trouble) }))), again);
    }
  }

  function draw() {
    const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (rule) => {
      const text = [rule.id, ...Object.values(rule.name), rule.quantity, kindName(rule.kind)].join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    };
    const chosen = found.filter(fits);
    const groups = WATCHED.map((domain) => [domain, chosen.filter((rule) => rule.watches === domain)]).filter(([, list]) => list.length);
    show(
      body,
      groups.map(([domain, list]) => [
        h("h2", {}, t(`rules.watch.${domain}`)),
        h("ul.rows", {}, list.slice(0, SHOWN).map(row)),
        list.length > SHOWN ? h("p.faint", {}, t("rules.more", { n: number(list.length - SHOWN) })) : null,
      ]),
      chosen.length ? null : h("p.empty", {}, t("rules.none")),
    );
  }

  const field = search("rules.search", wanted, (value) => {
    wanted = value;
    keepParams({ search: wanted });
    if (found) draw();
  });
  show(
    root,
    h("h1", {}, t("rules.title")),
    h("p.quiet", {}, t("rules.about")),
    h("div.buttons", {}, h("a.button.primary", { href: "#/rules/+" }, t("rules.new")), h("a.button", { href: "#/armed" }, t("armed.title"), blindness())),
    h("div.finder", {}, field),
    body,
  );
  load();
  return { close: () => (alive = false), title: () => t("rules.title") };
}

function lately(rule) {
  const parts = rule.open ? [h("strong", {}, t("home.openHere", { n: number(rule.open) }))] : [];
  if (rule.fired) parts.push(t("rules.fired", { n: number(rule.fired) }));
  else if (!rule.open) parts.push(h("span.faint", { title: t("rules.quietHint") }, t("rules.quiet")));
  return parts;
}

function row(rule) {
  const marks = [
    rule.stopped ? h("span.tag", {}, t("rules.stopped")) : null,
    rule.enabled ? null : h("span.tag", {}, t("rules.off")),
    rule.origin === "page" ? h("span.tag", {}, t("rules.edited")) : null,
    rule.unusable ? h("span.tag", {}, t("rules.unusable")) : null,
  ].filter(Boolean);
  return h(
    "li.row.rule",
    {},
    h(
      "a",
      { href: `#/rules/${encodeURIComponent(rule.id)}` },
      h("span.lead", {}, badge(rule.severity)),
      h("span.name", {}, data(ruleName(rule))),
      h("span.detail", {}, h("span.faint", {}, kindName(rule.kind), " · ", quantityName(rule.quantity)), marks.length ? [" ", marks] : null),
      h("span.tail.figure", {}, lately(rule).flatMap((part, at) => (at ? [" · ", part] : [part]))),
    ),
  );
}
