// One alert: what it is, what to do, the evidence, what happened, who was told, why it was raised.

import { get, post, readings, sentence } from "./api.js";
import { myName } from "./ask.js";
import { bucket, chart } from "./chart.js";
import { data, h, show, visible } from "./dom.js";
import { age, channelOf, exact, figure, ms, now, place, quantityName, since, time, what } from "./format.js";
import { has, pick, say, t } from "./i18n.js";
import { answered, buttons, measured, raised, remarksOf, telling } from "./incident.js";
import { hear } from "./live.js";
import { badge } from "./marks.js";
import { state } from "./state.js";

const BEFORE = 30 * 60000;
const AFTER = 10 * 60000;

const STEPS = [
  ["fire.smoke", "fire"], ["fire.heat", "fire"], ["fire.co", "co"], ["fire.gas", "gas"], ["fire.water", "pressure"],
  ["fire.fault", "fault"], ["fire", "fire"], ["safety", "help"], ["health", "health"], ["water.leak", "leak"],
  ["device.battery", "battery"], ["device.fault", "fault"], ["device.online", "silent"], ["power", "power"],
  ["current", "power"], ["voltage", "power"], ["parking", "parking"],
];

function stepsFor(alert) {
  if (!alert.quantity || (alert.silent && alert.value === null)) return "silent";
  const found = STEPS.find(([prefix]) => alert.quantity === prefix || alert.quantity.startsWith(`${prefix}.`));
  return found ? found[1] : "other";
}

function steps(alert) {
  const kind = stepsFor(alert);
  const found = [1, 2, 3, 4].map((n) => `steps.${kind}.${n}`).filter(has);
  return h("ol.steps", {}, found.map((key) => h("li", {}, t(key))));
}

/** Whatever comes from a fire detector, even that it is silent. */
function aboutFire(alert, device) {
  return alert.quantity.startsWith("fire.") || Boolean(device?.latest.some((one) => one.quantity.startsWith("fire.")));
}

export function alert(root, [id]) {
  const body = h("div");
  const evidence = h("section.evidence");
  let drawn = null;
  let story = null;
  let device = null;
  let turn = 0;
  let looked = false;
  const after = h("div");
  show(root, body, evidence, after);
  show(body, h("p.quiet", {}, t("list.loading")));

  async function load() {
    const mine = ++turn;
    try {
      const given = await get(`alerts/${encodeURIComponent(id)}`);
      device ??= await get(`devices/${encodeURIComponent(given.alert.device)}`).catch(() => null);
      if (mine !== turn) return;
      story = given;
      draw();
      look();
      drawEvidence(story.alert, mine);
    } catch (trouble) {
      if (mine !== turn) return;
      show(body, h("p.problem", { role: "alert" }, visible(sentence(trouble))), h("a.button", { href: "#/" }, t("missing.back")));
    }
  }

  function look() {
    if (looked || document.visibilityState !== "visible") return;
    looked = true;
    post(`alerts/${encodeURIComponent(id)}/seen`, { by: myName() }).catch(() => (looked = false));
  }

  function draw() {
    const one = story.alert;
    const open = one.state !== "resolved";
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
        open ? h("p", {}, answered(one) ?? h("span.answered", {}, t("alert.nobody"))) : ended(one),
        buttons(one),
      ),
      open ? h("section", {}, h("h2", {}, t("alert.steps")), steps(one), aboutFire(one, device) ? h("p.supplement", {}, t("alert.supplement")) : null) : null,
    );
    show(
      after,
      h("div.two", {}, timeline(story), told(story)),
      why(story),
      !open && aboutFire(one, device) ? h("p.supplement", {}, t("alert.supplement")) : null,
    );
  }

  async function drawEvidence(one, mine) {
    if (!one.quantity) return;
    const from = ms(one.at) - BEFORE;
    const to = Math.min(now(), (ms(one.resolved_at) ?? Math.max(ms(one.last_at), ms(one.at))) + AFTER);
    const every = bucket(to - from, evidence.clientWidth || 640);
    const series = { device: one.device, quantity: one.quantity, channel: one.channel };
    const page = await readings(series, from, to, every).catch(() => null);
    if (mine !== turn || !page) return;
    const points = page.items.map((item) => ({ ...item, at: ms(item.time) }));
    const known = state.quantities.get(one.quantity);
    const given = {
      points, from, to, every, quantity: one.quantity, unit: one.unit, shape: known?.shape ?? "gauge", name: visible(pick(known) || one.quantity),
      interval: device?.interval, threshold: one.threshold, severity: one.severity, mark: ms(one.at), low: known?.low, high: known?.high,
    };
    if (drawn) drawn.update(given);
    else {
      drawn = chart(given, null);
      const link = `#/devices/${encodeURIComponent(one.device)}?quantity=${encodeURIComponent(one.quantity)}&channel=${encodeURIComponent(one.channel)}`;
      show(evidence, h("h2", {}, t("alert.evidence")), h("p.faint", {}, h("a", { href: link }, quantityName(one.quantity, channelOf(one, device?.latest)))), drawn.element);
    }
  }

  load();
  const close = hear((changed) => changed.id === id && load());
  const heading = () => (story ? visible(pick(story.alert.place) || story.alert.device) : t("alerts.title"));
  return { close: () => (turn++, drawn?.close(), close()), title: heading };
}

function ended(one) {
  const by = one.resolved_by === "evidence" ? t("alert.resolvedSelf") : say("alert.resolvedBy", { name: data(one.resolved_by) });
  return h("p.answered", {}, by, one.reason ? [" · ", data(one.reason)] : null);
}

function timeline({ alert: one, changes }) {
  const items = changes.map((step) => {
    const itself = step.what === "resolved" && (!step.by || step.by === "evidence");
    const words = itself ? t("change.resolvedSelf") : say(`change.${step.what}`, { name: data(step.by) });
    return h(
      "li",
      {},
      time(ms(step.at)),
      h("div", {}, h("span", {}, words), step.value === null || !telling(one) ? null : [" ", figure(step.value, one.quantity, one.unit)], step.text ? h("p.quote", {}, data(step.text)) : null),
    );
  });
  return h("section", {}, h("h2", {}, t("alert.timeline")), h("ol.timeline", {}, items));
}

function told({ told: notices }) {
  const items = notices.map((one) =>
    h(
      "li",
      {},
      time(ms(one.created_at)),
      h(
        "div",
        {},
        h("strong", {}, data(one.person || one.notifier)),
        one.person ? [" ", h("span.faint", {}, data(one.notifier))] : null,
        h("p.faint", {}, h("span", {}, t(`why.${one.why}`)), " · ", h("span", {}, one.sent_at ? t("alert.toldSent", { age: age(ms(one.sent_at) - ms(one.created_at)) }) : t("alert.toldTrying", { n: one.attempts }))),
        one.error && !one.sent_at ? h("p.quote", {}, data(one.error)) : null,
      ),
    ),
  );
  return h("section", {}, h("h2", {}, t("alert.told")), items.length ? h("ol.timeline", {}, items) : h("p.quiet", {}, t("alert.toldNobody")));
}

function why({ alert: one, rule }) {
  const device = h("p", {}, h("span", {}, t("alert.device")), " ", h("a", { href: `#/devices/${encodeURIComponent(one.device)}` }, data(one.device)));
  if (!rule) return h("section", {}, h("h2", {}, t("alert.rule")), h("p", {}, say("alert.ruleGone", { id: data(one.rule) })), device);
  const { threshold, limit, hold_for: hold } = rule.settings;
  const key = has(`rule.${rule.kind}`) ? `rule.${rule.kind}` : "rule.other";
  const bound = one.threshold ?? threshold ?? limit;
  const what = one.quantity ? quantityName(one.quantity) : data(rule.quantity);
  const words = say(key, { what, limit: bound === undefined ? "…" : figure(bound, one.quantity, one.unit) });
  return h(
    "section",
    {},
    h("h2", {}, t("alert.rule")),
    h("p", {}, words, hold ? [" ", h("span", {}, t("rule.hold", { age: age(hold) }))] : null, " · ", h("span.faint", {}, say("rule.named", { id: data(pick(rule.name) || rule.id) }))),
    rule.disabled ? h("p.remark", {}, say("alert.ruleStands", { why: data(rule.disabled) })) : null,
    device,
  );
}
