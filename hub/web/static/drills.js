// Fire drills: the last one with the time of each step, a button to run a small one, and those before.

import { get, post, sentence } from "./api.js";
import { complain, dialog, who } from "./ask.js";
import { data, h, s, show, visible } from "./dom.js";
import { age, ms, number, person, since, time } from "./format.js";
import { has, say, t } from "./i18n.js";
import { mark } from "./marks.js";

const POLL = 400;
const LISTED = 30;

const BESIDE = new Set(["confirmed", "told", "seen", "acknowledged"]); // they count from another step than the one before

function stepName(step) {
  return has(`step.${step}`) ? h("span", {}, t(`step.${step}`)) : data(step);
}

function verdict(drill) {
  const sign = { passed: "ok", failed: "critical", running: "unknown" }[drill.state];
  return h(`span.badge.${sign}`, {}, mark(sign), h("span", {}, t(`drill.${drill.state}`)));
}

function duration(span) {
  if (span === null) return "";
  return span < 10000 ? t("drill.ms", { n: number(span, span < 10 ? 1 : 0) }) : age(span);
}

/** Each step as a bar of its time on one scale, where in the whole it lies; the steps beside the way are hollow. */
export function bars(drill) {
  const from = ms(drill.started_at);
  const way = drill.steps.filter((one) => !BESIDE.has(one.step));
  const beside = drill.steps.filter((one) => BESIDE.has(one.step));
  const first = Math.min(...way.filter((one) => one.at).map((one) => ms(one.at) - (one.ms ?? 0)), ms(way[0]?.at) ?? from);
  const end = Math.max(...way.filter((one) => one.at).map((one) => ms(one.at)), first + 1);
  const x = (at) => Math.min(100, Math.max(0, ((at - first) / (end - first)) * 100));
  const row = (one) => {
    const until = one.at ? ms(one.at) : null;
    const start = until === null ? null : until - (one.ms ?? 0);
    const bar =
      until === null || (BESIDE.has(one.step) && until > end)
        ? null
        : s("rect", { class: BESIDE.has(one.step) ? "beside" : one.state === "failed" ? "failed" : "on", x: x(start), width: Math.max(0.6, x(until) - x(start)), y: 2, height: 8 });
    return h(
      `li.${one.state.replace(" ", "-")}`,
      {},
      h("span.step", {}, one.state === "failed" ? mark("critical") : one.state === "ok" ? mark("ok") : mark("unknown"), stepName(one.step), one.person || one.notifier ? h("span.faint", {}, " ", one.person ? person(one.person) : data(one.notifier)) : null),
      s("svg", { viewBox: "0 0 100 12", class: "bar", preserveAspectRatio: "none", "aria-hidden": "true" }, s("path", { class: "base", d: "M0 11.5H100" }), bar),
      h("span.figure.tail", {}, one.state === "ok" ? duration(one.ms) : t(`drill.step.${one.state.replace(" ", "_")}`)),
      one.why ? h("p.quote", {}, data(one.why)) : null,
    );
  };
  return [h("ol.drill-bars", {}, way.map(row)), beside.length ? [h("h3", {}, t("drill.beside")), h("ol.drill-bars", {}, beside.map(row))] : null];
}

function report(drill) {
  const failed = drill.failed && has(`step.${drill.failed}`) ? h("strong", {}, t(`step.${drill.failed}`)) : data(drill.failed);
  return h(
    "section.drill",
    {},
    h("p.head", {}, verdict(drill), h("span.tag", {}, t(drill.large ? "drill.large" : "drill.small")), since(ms(drill.started_at), "age.ago"), drill.by ? h("span.faint", {}, say("silences.by", { name: data(drill.by) })) : null),
    drill.state === "failed"
      ? h("p.problem", {}, say("drill.failedAt", { step: failed }), drill.why ? [" ", data(drill.why)] : null)
      : drill.total_ms === null
        ? h("p.quiet", {}, t("drill.goesOn"))
        : h("p.total", {}, h("strong.figure.big", {}, duration(drill.total_ms)), " ", h("span", {}, t("drill.total"))),
    bars(drill),
  );
}

function row(drill, look) {
  return h(
    "li.row",
    {},
    h(
      "button.drill-row",
      { type: "button", on: { click: () => look(drill) } },
      h("span.lead", {}, verdict(drill), h("span.tag", {}, t(drill.large ? "drill.large" : "drill.small"))),
      time(ms(drill.started_at)),
      h("span.tail.figure", {}, drill.state === "failed" && has(`step.${drill.failed}`) ? t(`step.${drill.failed}`) : duration(drill.total_ms)),
    ),
  );
}

export function drills(root) {
  const top = h("div");
  const past = h("div");
  const small = h("button.primary", { type: "button", on: { click: () => start(small, false) } }, t("drill.runSmall"));
  const large = h("button", { type: "button", on: { click: sure } }, t("drill.runLarge"));
  const buttons = h("div.buttons", {}, small, large);
  let closed = false;
  let shown = null;
  show(root, h("h1", {}, t("drills.title")), h("p.quiet", {}, t("drills.about")), buttons, top, past);
  show(top, h("p.quiet", {}, t("list.loading")));

  async function load(look = true) {
    try {
      const page = await get("drills", { limit: LISTED });
      if (closed) return;
      if (look) shown = page.items[0] ?? null;
      draw(page.items);
      if (look && shown?.state === "running") await follow(shown.id);
    } catch (trouble) {
      if (closed) return;
      buttons.hidden = trouble.status === 404;
      if (trouble.status === 404) show(top, h("p.empty", {}, t("drills.off")), h("p.quiet", {}, t("drills.offHint")));
      else show(top, h("p.problem", { role: "alert" }, visible(t("list.failed", { why: sentence(trouble) }))), h("button", { type: "button", on: { click: () => load() } }, t("list.again")));
    }
  }

  function draw(items) {
    show(top, shown ? report(shown) : [h("p.empty", {}, t("drills.none")), h("p.quiet", {}, t("drills.noneHint"))]);
    show(past, items.length ? [h("h2", {}, t("drills.past")), h("ul.rows", {}, items.map((one) => row(one, choose)))] : null);
  }

  function choose(drill) {
    shown = drill;
    show(top, report(drill));
    scrollTo(0, 0);
  }

  async function sure() {
    const agreed = await dialog(t("drill.runLarge"), [h("p", {}, t("drill.largeHint"))], () => true, t("drill.begin"));
    if (agreed) start(large, true);
  }

  async function start(button, toPeople) {
    const by = await who();
    if (!by) return;
    button.disabled = true;
    try {
      shown = await post("drills", { by, to_people: toPeople });
      show(top, report(shown));
      await follow(shown.id);
    } catch (trouble) {
      complain(button, trouble);
    }
    button.disabled = false;
  }

  /** Looks at it until it is over. */
  async function follow(id) {
    while (!closed && shown?.id === id) {
      await new Promise((resolve) => setTimeout(resolve, POLL));
      const drill = await get(`drills/${encodeURIComponent(id)}`);
      if (closed || shown?.id !== id) return;
      shown = drill;
      show(top, report(drill));
      if (drill.state !== "running") break;
    }
    await load(false);
  }

  load();
  return { close: () => (closed = true), title: () => t("drills.title") };
}
