// One alert: what it is, what to do, the evidence, what happened, who was told, why it was raised.

import { get, post, sentence } from "./api.js";
import { AGAIN, myName } from "./ask.js";
import { data, h, show, visible } from "./dom.js";
import { evidence } from "./evidence.js";
import { age, exact, figure, ms, now, person, place, quantityName, since, time, until, what } from "./format.js";
import { keepFresh } from "./fresh.js";
import { groupAddress } from "./group.js";
import { has, pick, say, t } from "./i18n.js";
import { answered, buttons, measured, raised, remarksOf, telling } from "./incident.js";
import { hear } from "./live.js";
import { badge } from "./marks.js";
import { bonds, noteButtons, persons } from "./notes.js";
import { silenceAlert } from "./silence.js";
import { aboutFire, steps } from "./steps.js";
import { heldLine, ladderList, ledger, nextLine, toldLine } from "./told.js";
import { whyLink } from "./why.js";

export function alert(root, [id]) {
  const body = h("div");
  const picture = h("section.evidence");
  const after = h("div");
  const chart = evidence(picture);
  let story = null;
  let device = null;
  let people = null; // notes, to whom it is assigned, frozen evidence
  let incident = null; // the story of the incident it belongs to
  let names = new Map();
  let turn = 0;
  let looked = false;
  show(root, body, picture, after);
  show(body, h("p.quiet", {}, t("list.loading")));

  async function load() {
    const mine = ++turn;
    const path = `alerts/${encodeURIComponent(id)}`;
    try {
      const [given, beside] = await Promise.all([get(path), get(`${path}/people`).catch(() => null)]);
      device ??= await get(`devices/${encodeURIComponent(given.alert.device)}`).catch(() => null);
      if (mine !== turn) return;
      [story, people] = [given, beside];
      draw();
      look();
      chart.draw(story.alert, device, people?.evidence);
      await loadMore(mine);
    } catch (trouble) {
      if (mine !== turn) return;
      show(body, h("p.problem", { role: "alert" }, visible(sentence(trouble))), h("a.button", { href: "#/" }, t("missing.back")));
    }
  }

  async function loadMore(mine) {
    const wanted = people?.incident && (story.alert.state !== "resolved" || !incident);
    const found = wanted ? await get(`incidents/${encodeURIComponent(people.incident)}`, { members: "0" }).catch(() => null) : incident;
    const known = people?.assigned ? await persons() : names;
    if (mine !== turn) return;
    [incident, names] = [found, known];
    draw();
  }

  /** Who has been told meanwhile: the rest of the page stays as it is. */
  async function again() {
    const mine = turn;
    const [given, found] = await Promise.all([
      get(`alerts/${encodeURIComponent(id)}`),
      get(`incidents/${encodeURIComponent(people.incident)}`, { members: "0" }),
    ]).catch(() => []);
    if (mine !== turn || !found || !waits()) return;
    const before = JSON.stringify([story.told, incident?.next]);
    [story, incident] = [given, found];
    if (JSON.stringify([story.told, incident.next]) !== before) draw();
  }

  const waits = () => Boolean(story && people?.incident && story.alert.state !== "resolved" && !story.alert.acknowledged_by);

  function look() {
    if (looked || document.visibilityState !== "visible") return;
    looked = true;
    post(`alerts/${encodeURIComponent(id)}/seen`, { by: myName() }).catch(() => (looked = false));
  }

  function draw() {
    const one = story.alert;
    const open = one.state !== "resolved";
    const focus = document.activeElement?.dataset?.focus;
    const together = incident && incident.incident.members > 1;
    show(
      body,
      h(
        `header.story.${one.severity}${open && !one.acknowledged_by ? "" : ".taken"}`,
        {},
        h("p.head", {}, badge(one.severity), h("span", {}, t(`alert.state.${one.state}`)), since(raised(one), "age.ago")),
        h("h1", {}, place(one.place, one.device)),
        h("p.what", {}, h("span.summary", {}, data(what(one))), " ", measured(one)),
        h("p", {}, say("alert.since", { time: h("time.figure", { datetime: one.at }, exact(ms(one.at))) })),
        remarksOf(one),
        together ? h("p", {}, h("a", { href: groupAddress(incident.incident) }, t("group.oneOf", { n: incident.incident.members }), " →")) : null,
        bonds(one, people, names),
        open ? h("p", {}, answered(one) ?? h("span.answered", {}, t("alert.nobody"))) : ended(one),
        open && !one.acknowledged_by ? [people?.held ? heldLine({ [people.held]: 1 }, true) : null, toldLine(story.told), nextLine(incident?.next)] : null,
        buttons(one),
      ),
      h("div.buttons.quieter", {}, noteButtons(one, load), open ? h("button.quiet-button", { type: "button", "data-focus": "silence.this", on: { click: () => silenceAlert(one, load) } }, t("silence.this")) : null),
      open ? h("section", {}, h("h2", {}, t("alert.steps")), steps(story.steps), aboutFire(one, device) ? h("p.supplement", {}, t("alert.supplement")) : null) : null,
    );
    show(
      after,
      h("div.two", {}, timeline(story), told(story, incident)),
      why(story, device),
      !open && aboutFire(one, device) ? h("p.supplement", {}, t("alert.supplement")) : null,
    );
    if (focus) body.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
  }

  load();
  let waiting = 0;
  const close = hear((changed) => {
    if (changed.id !== id) return;
    clearTimeout(waiting);
    waiting = setTimeout(load, 50);
  });
  const fresh = keepFresh(waits, () => incident?.next, again);
  const heading = () => (story ? visible(pick(story.alert.place) || story.alert.device) : t("alerts.title"));
  return { close: () => (turn++, clearTimeout(waiting), fresh(), chart.close(), close()), title: heading };
}

function ended(one) {
  const by = one.resolved_by === "evidence" ? t("alert.resolvedSelf") : say("alert.resolvedBy", { name: person(one.resolved_by) });
  const again = ms(one.resolved_at) + AGAIN;
  return [
    h("p.answered", {}, by, one.reason ? [" · ", data(one.reason)] : null),
    one.resolved_by !== "evidence" && again > now() ? h("p.remark", {}, until(again, "alert.again")) : null,
  ];
}

function timeline({ alert: one, changes }) {
  const items = changes.map((step) => {
    const itself = step.what === "resolved" && (!step.by || step.by === "evidence");
    const words = itself ? t("change.resolvedSelf") : say(`change.${step.what}`, { name: person(step.by) });
    return h(
      "li",
      {},
      time(ms(step.at)),
      h("div", {}, h("span", {}, words), step.value === null || !telling(one) ? null : [" ", figure(step.value, one.quantity, one.unit)], step.text ? h("p.quote", {}, data(step.text)) : null),
    );
  });
  return h("section", {}, h("h2", {}, t("alert.timeline")), h("ol.timeline", {}, items));
}

function told({ told: notices }, incident) {
  const ladder = incident?.ladder ?? [];
  return h("section", {}, h("h2", {}, t("alert.told")), ledger(notices), ladder.length ? [h("h2", {}, t("ladder.title")), ladderList(ladder)] : null);
}

function why({ alert: one, rule }, device) {
  const link = h("p", {}, h("span", {}, t("alert.device")), " ", h("a", { href: `#/devices/${encodeURIComponent(one.device)}` }, data(device?.name || one.device)), device?.name ? [" ", h("span.faint", {}, data(one.device))] : null);
  if (!rule) return h("section", {}, h("h2", {}, t("alert.rule")), h("p", {}, say("alert.ruleGone", { id: data(one.rule) })), link);
  const { threshold, limit, hold_for: hold } = rule.settings;
  const key = has(`rule.${rule.kind}`) ? `rule.${rule.kind}` : "rule.other";
  const bound = one.threshold ?? threshold ?? limit;
  const what = one.quantity ? quantityName(one.quantity) : data(rule.quantity);
  const words = say(key, { what, limit: bound === undefined ? "…" : figure(bound, one.quantity, one.unit) });
  return h(
    "section",
    {},
    h("h2", {}, t("alert.rule")),
    h("p", {}, words, hold ? [" ", h("span", {}, t("rule.hold", { age: age(hold) }))] : null, " · ", h("a.faint", { href: `#/rules/${encodeURIComponent(rule.id)}` }, say("rule.named", { id: data(pick(rule.name) || rule.id) }))),
    rule.disabled ? h("p.remark", {}, say("alert.ruleStands", { why: data(rule.disabled) })) : null,
    link,
    one.device ? h("p.whylink", {}, whyLink(one.device, ms(one.raised_at ?? one.at))) : null,
  );
}
