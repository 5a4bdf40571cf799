// Who has been told, who is next, and why somebody is not: lines under a card, and the ledger of each notice.

import { get } from "./api.js";
import { data, h } from "./dom.js";
import { age, ms, now, number, time, until } from "./format.js";
import { has, say, t } from "./i18n.js";

const STATES = ["failed", "queued", "accepted", "seen", "acknowledged"]; // the further the better
const NAMED = 4;

/** A list of nodes with a comma of the language between them. */
export function listed(nodes) {
  return nodes.flatMap((node, at) => (at ? [t("list.comma"), node] : [node]));
}

/** "Told: Li (has looked), Wang (on its way)" */
export function toldLine(told) {
  const best = new Map();
  for (const one of told) {
    const name = one.person || one.notifier;
    if (!best.has(name) || STATES.indexOf(one.state) > STATES.indexOf(best.get(name))) best.set(name, one.state);
  }
  if (!best.size) return null;
  const names = [...best].slice(0, NAMED).map(([name, how]) => h("span.reached", {}, data(name), " ", h("span.faint", {}, t(`reached.${how}`))));
  if (best.size > NAMED) names.push(h("span.figure", {}, t("told.more", { n: best.size - NAMED })));
  return h("p.teller", {}, h("span.faint", {}, t("told.label")), " ", listed(names));
}

/** "Next: Wang in 2 min"; "Told again: …" of people who know. */
export function nextLine(next) {
  if (!next) return null;
  const when = ms(next.at) > now() ? until(ms(next.at), "ladder.in") : h("span", {}, t("ladder.now"));
  return h("p.teller", {}, h("span.faint", {}, t(next.again ? "ladder.again" : "ladder.next")), " ", listed(next.people.map((name) => data(name))), " ", when);
}

/** The three lines of an incident that waits for somebody. `alone`: of a single alert, which needs no numbers. */
export function toldLines(story, alone = false) {
  return story ? [heldLine(story.held, alone), toldLine(story.told), nextLine(story.next)] : null;
}

/** Why nobody is told: {silence: 3} */
export function heldLine(held, alone = false) {
  return Object.entries(held).map(([why, n]) =>
    h("p.teller.held", {}, h("strong", {}, alone ? t("held.this") : t("held.some", { n })), " ", h("span", {}, t(`held.${has(`held.${why}`) ? why : "other"}`)), " ", h("a", { href: "#/silences" }, t("held.look"))),
  );
}

/** The whole ladder: each step with whom it means and when. */
export function ladderList(ladder) {
  return h(
    "ol.timeline",
    {},
    ladder.map((rung) =>
      h(
        "li",
        {},
        time(ms(rung.at)),
        h(
          "div",
          {},
          h("strong", {}, listed(rung.tell.map(target))),
          h("p.faint", {}, rung.people.length ? [listed(rung.people.map((name) => data(name))), " · "] : h("span", {}, t("ladder.nobody")), rung.people.length === 0 ? null : rung.done ? h("span", {}, t("ladder.done")) : ms(rung.at) > now() ? until(ms(rung.at), "ladder.in") : h("span", {}, t("ladder.now"))),
        ),
      ),
    ),
  );
}

/** Whom a step names: the keeper, who is on duty, everybody, a team, a person. */
export function target(name) {
  if (has(`target.${name}`)) return h("span", {}, t(`target.${name}`));
  if (name.startsWith("team:")) return h("span", {}, say("target.team", { team: data(name.slice(5)) }));
  return data(name);
}

const PASSED = [["created_at", "queued"], ["tried_at", "tried"], ["accepted_at", "accepted"], ["seen_at", "seen"], ["acknowledged_at", "acknowledged"], ["failed_at", "failed"]];

/** The first seconds with a tenth: here they matter. */
function took(span) {
  return span < 10000 ? t("age.s", { n: number(span / 1000, 1) }) : age(span);
}

/** Each notice: to whom, by what, why, and when it got how far. */
export function ledger(told) {
  if (!told.length) return h("p.quiet", {}, t("alert.toldNobody"));
  const items = told.map((one) => {
    const from = ms(one.created_at);
    const steps = PASSED.filter(([field]) => one[field] && !(field === "tried_at" && one.accepted_at));
    return h(
      `li.${one.state}`,
      {},
      time(from),
      h(
        "div",
        {},
        h("strong", {}, data(one.person || one.notifier)),
        one.person ? [" ", h("span.faint", {}, data(one.notifier))] : null,
        " · ",
        h("span", {}, t(`why.${one.why}`)),
        h(
          "ul.steps-passed",
          {},
          steps.slice(1).map(([field, word]) => h("li", { title: "" }, h("span", {}, t(`ledger.${word}`)), " ", h("span.figure.faint", {}, t("ledger.after", { age: took(ms(one[field]) - from) })))),
        ),
        one.state === "queued" ? h("p.faint", {}, t("alert.toldTrying", { n: one.attempts })) : null,
        one.error && (one.state === "queued" || one.state === "failed") ? h("p.quote", {}, data(one.error)) : null,
      ),
    );
  });
  return h("ol.timeline.ledger", {}, items);
}

// --- the stories behind the cards: asked for when they are shown, again when something has changed

const FRESH = 10000;
const stories = new Map(); // incident -> {story, key, at, asking}

/** What is known of an incident without its members; `arrived` is called when there is more. */
export function story(id, key, arrived) {
  const entry = stories.get(id) ?? { story: null, key: "", at: 0, asking: false };
  stories.set(id, entry);
  if (stories.size > 100) stories.delete(stories.keys().next().value);
  const past = entry.story?.next && ms(entry.story.next.at) < now();
  if (!entry.asking && Date.now() - entry.at > 1000 && (entry.key !== key || past || Date.now() - entry.at > FRESH)) {
    entry.asking = true;
    Object.assign(entry, { key, at: Date.now() });
    get(`incidents/${encodeURIComponent(id)}`, { members: "3" })
      .then((given) => (entry.story = given), () => (entry.key = ""))
      .finally(() => {
        entry.asking = false;
        arrived();
      });
  }
  return entry.story;
}
