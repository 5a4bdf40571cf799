// Silences: what waits for a second person, what is held back now and until when, what is over; each with who and why.

import { ask, get, sentence } from "./api.js";
import { complain, who } from "./ask.js";
import { data, h, show, visible } from "./dom.js";
import { exact, ms, now, quantityName, since, time, until } from "./format.js";
import { pick, say, t } from "./i18n.js";
import { badge } from "./marks.js";
import { persons } from "./notes.js";
import { placeName } from "./places.js";
import { newSilence } from "./silence.js";
import { listed } from "./told.js";

const EVERY = 15000;

export function silences(root) {
  const lists = h("div");
  const make = h("button.primary", { type: "button", on: { click: () => newSilence(load) } }, t("silence.new"));
  let turn = 0;
  let people = new Map();
  let rules = new Map();
  const places = new Map();
  const devices = new Map(); // where they are, as people say it
  show(root, h("h1", {}, t("silences.title")), h("p.quiet", {}, t("silences.about")), h("div.buttons", {}, make), lists);
  show(lists, h("p.quiet", {}, t("list.loading")));

  async function load() {
    const mine = ++turn;
    try {
      const [page, known, running] = await Promise.all([get("silences", { over: true }), persons(), get("rules").catch(() => null)]);
      people = known;
      rules = new Map((running?.items ?? []).map((one) => [one.id, pick(one.name) || one.id]));
      const asked = [...new Set(page.items.map((one) => one.space))].filter((id) => id !== "*" && !places.has(id));
      await Promise.all(asked.map((id) => placeName(id).then((name) => places.set(id, name), () => places.set(id, id))));
      const meant = [...new Set(page.items.map((one) => one.device))].filter((id) => !/[*?[]/.test(id) && !devices.has(id));
      await Promise.all(meant.map((id) => get(`devices/${encodeURIComponent(id)}`).then((one) => devices.set(id, pick(one.place) || one.name || id), () => devices.set(id, id))));
      if (mine === turn) draw(page.items);
    } catch (trouble) {
      if (mine !== turn) return;
      const again = h("button", { type: "button", on: { click: load } }, t("list.again"));
      show(lists, h("p.problem", { role: "alert" }, visible(t("list.failed", { why: sentence(trouble) }))), again);
    }
  }

  function draw(items) {
    const at = now();
    const over = (one) => Boolean(one.ended_at) || ms(one.until) <= at;
    const open = items.filter((one) => !over(one));
    const parts = [
      ["silences.waiting", open.filter((one) => one.waits_for_second)],
      ["silences.running", open.filter((one) => !one.waits_for_second && ms(one.since) <= at)],
      ["silences.coming", open.filter((one) => !one.waits_for_second && ms(one.since) > at)],
      ["silences.over", items.filter(over).sort((a, b) => b.until.localeCompare(a.until))],
    ];
    const focus = document.activeElement?.dataset?.focus;
    show(
      lists,
      open.length ? null : [h("p.empty", {}, t("silences.none")), h("p.quiet", {}, t("silences.noneHint"))],
      parts.filter(([, found]) => found.length).map(([key, found]) => h("section", {}, h("h2", {}, t(key)), h("ul.silences", {}, found.map((one) => row(one, key))))),
    );
    if (focus) lists.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
  }

  /** "Smoke · Building 3 · Warning": what it holds back. */
  function of(one) {
    const parts = [];
    if (one.kind !== "silence") parts.push(h("span", {}, t(`silence.kind.${one.kind}`)));
    if (one.rule !== "*") parts.push(data(rules.get(one.rule) ?? one.rule));
    if (one.space !== "*") parts.push(data(places.get(one.space)));
    if (one.device !== "*") parts.push(h("a", { href: `#/devices/${encodeURIComponent(one.device)}` }, data(devices.get(one.device) ?? one.device)));
    if (one.quantity !== "*" && one.rule === "*") parts.push(quantityName(one.quantity));
    const named = parts.flatMap((part, at) => (at ? [" · ", part] : [part]));
    return one.severity ? [named, " ", badge(one.severity)] : named;
  }

  /** Who signed with an id is shown by name. */
  function named(person) {
    return data(people.get(person) ?? person);
  }

  function row(one, section) {
    const open = section !== "silences.over";
    const when = !open
      ? one.ended_by
        ? say("silences.endedBy", { name: named(one.ended_by), time: time(ms(one.ended_at)) })
        : since(ms(one.until), "silences.ended")
      : section === "silences.coming"
        ? say("silences.from", { time: time(ms(one.since)) })
        : until(ms(one.until), "silences.left");
    const others = [...people.values()].filter((name) => name !== one.by && name !== people.get(one.by));
    const second = h("button.primary", { type: "button", "data-focus": `second-${one.id}`, on: { click: () => act(second, `silences/${encodeURIComponent(one.id)}/second`, "POST") } }, t("silences.confirm"));
    const end = h("button", { type: "button", "data-focus": `end-${one.id}`, on: { click: () => act(end, `silences/${encodeURIComponent(one.id)}`, "DELETE") } }, t("silences.end"));
    return h(
      `li.silence${one.waits_for_second && open ? ".waits" : ""}`,
      {},
      h("p.name", {}, of(one)),
      h("p", {}, when, open ? [" · ", h("span.faint", { title: exact(ms(one.until)) }, say("silences.until", { time: time(ms(one.until)) }))] : null),
      h("p", {}, h("span.quote", {}, data(one.why)), " ", h("span.faint", {}, say("silences.by", { name: named(one.by) }), one.second ? [" · ", say("silences.seconded", { name: named(one.second) })] : null)),
      one.waits_for_second && open ? h("p.remark", {}, data(pick(one.told_anyway)), " ", others.length ? say("silences.may", { names: h("span", {}, listed(others.map((name) => data(name)))) }) : null) : null,
      open ? h("div.buttons", {}, one.waits_for_second ? second : null, end) : null,
    );
  }

  async function act(button, path, method) {
    const by = await who();
    if (!by) return;
    button.disabled = true;
    try {
      await ask(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify({ by }) });
      await load();
    } catch (trouble) {
      button.disabled = false;
      complain(button, trouble);
    }
  }

  load();
  const ticking = setInterval(() => !document.querySelector("dialog") && !lists.querySelector(".problem") && load(), EVERY);
  return { close: () => (turn++, clearInterval(ticking)), title: () => t("silences.title") };
}
