// The one screen: what is wrong now, the community, the day so far.

import { blindLine } from "./armed.js";
import { data, h, show } from "./dom.js";
import { age, clock, figure, hour, ms, now, number, since } from "./format.js";
import { pick, say, t } from "./i18n.js";
import { groupCard } from "./group.js";
import { incident } from "./incident.js";
import { standing } from "./incidents.js";
import { house, mark } from "./marks.js";
import { sound } from "./siren.js";
import { dayCurve, share } from "./spark.js";
import { listen, openAlerts, openTotal, state } from "./state.js";
import { steady } from "./steady.js";
import { story, toldLines } from "./told.js";

const STEP = 20;
const TOLD = 6; // cards that say who has been told

export function home(root) {
  const wrong = h("section.wrong", { "aria-labelledby": "wrong-title" });
  const community = h("section.community");
  const day = h("section.day");
  let shown = STEP;
  const cards = new Map(); // id -> {key, element}: an unchanged alert keeps its element, and with it the focus
  const look = steady(wrong);
  let begun = false;
  show(root, wrong, community, day);

  /** A group, or a single alert as it is; whom it was told stands with the first ones. */
  function card(one, at) {
    const told = one.incident && at < TOLD && !(one.alert && one.answered) ? story(one.incident.id, one.incident.changed_at, drawWrong) : null;
    const key = JSON.stringify([one.alert ? one.alert.revision : one.incident, told, document.documentElement.lang, state.quantities.size]);
    const drawn = cards.get(one.id);
    if (drawn && drawn.key === key) return drawn.element;
    const element = one.alert ? incident(one.alert, one.answered ? null : toldLines(told, true)) : groupCard(one.incident, told);
    cards.set(one.id, { key, element });
    return element;
  }

  function drawWrong() {
    const alerts = openAlerts();
    const total = openTotal();
    const all = standing();
    const list = all.slice(0, shown).map(card);
    const there = new Set(all.map((one) => one.id));
    for (const id of cards.keys()) if (!there.has(id)) cards.delete(id);
    const focus = document.activeElement?.dataset?.focus;
    show(
      wrong,
      h("h1", { id: "wrong-title" }, headline(total, all)),
      subline(),
      stoppedLine(),
      blindLine(),
      needsSound(alerts) ? h("p.remark", {}, t("sound.need")) : null,
      list.length ? h("div.incidents", {}, list) : null,
      h(
        "div.buttons",
        {},
        all.length > shown
          ? h("button", { type: "button", on: { click: more } }, t("home.more", { n: Math.min(STEP, all.length - shown) }))
          : null,
        total > shown || total > all.length ? h("a.button", { href: "#/alerts?state=open" }, t("home.all", { n: number(total) })) : null,
      ),
    );
    if (focus) wrong.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
    look(new Map(list.map((element) => [element.dataset.alert, element])), !begun);
    begun = state.loaded;
  }

  function more() {
    shown += STEP;
    drawWrong();
  }

  let before = "";
  function draw() {
    drawWrong();
    const key = JSON.stringify([state.overview, document.documentElement.lang, state.quantities.size], (name, value) =>
      name === "now" || name === "newest_at" || name.startsWith("alert_") ? undefined : value,
    );
    if (state.overview && key !== before) {
      before = key;
      drawCommunity(community, state.overview);
      drawDay(day, state.overview);
    }
  }

  draw();
  return { close: listen(draw), title: () => t("nav.now") };
}

function needsSound(alerts) {
  return !sound.allowed() && alerts.some((alert) => alert.severity === "critical" && !alert.acknowledged_by);
}

function headline(total, all) {
  if (state.line === "lost" && !state.overview) return t("line.first");
  if (!state.overview) return t("list.loading");
  if (!total && state.overview.stopped.length) return t("home.stopped", { n: number(state.overview.stopped.length) });
  if (!total) return state.overview.devices ? wellWords() : t("home.empty");
  const waiting = all.filter((one) => !one.answered).length || (state.loaded ? 0 : state.overview.unacknowledged);
  return waiting ? t(all.some((one) => !one.alert) ? "home.incidentsNeedYou" : "home.needYou", { n: number(waiting) }) : t("home.inHand");
}

/** At night with the watch of the hour, as the watchmen called it. */
function wellWords() {
  const at = hour();
  const watch = at >= 19 ? Math.floor((at - 19) / 2) + 1 : at < 5 ? Math.floor((at + 5) / 2) + 1 : 0;
  return watch ? [t(`watch.${watch}`), " · ", t("home.allWell")] : t("home.allWell");
}

/** What cannot alert is no less grave for being quiet. */
function stoppedLine() {
  const found = state.overview?.stopped ?? [];
  return found.length ? h("p.remark", {}, t("home.stoppedHint"), " ", found.slice(0, STEP).flatMap((id, at) => [at ? t("list.comma") : null, h("a", { href: `#/rules/${encodeURIComponent(id)}` }, data(id))])) : null;
}

function subline() {
  if (!state.overview) return h("p.quiet", {}, state.line === "lost" ? t("line.firstHint") : "");
  if (!state.overview.devices) return h("p.quiet", {}, t("home.emptyHint"));
  const counts = ["critical", "warning", "info"]
    .filter((severity) => state.overview.open[severity])
    .map((severity) =>
      h("a.count", { href: `#/alerts?state=open&severity=${severity}` }, mark(severity), h("span.figure", {}, number(state.overview.open[severity])), " ", t(`severity.${severity}`)),
    );
  const watched = h("span", {}, t("home.alive", { n: state.overview.devices }));
  return h("p.quiet", {}, counts.length ? counts : [h("span.pulse", { "aria-hidden": "true" }), watched]);
}

function drawCommunity(root, overview) {
  const cells = overview.buildings.map((building) => {
    const name = pick({ en: building.name_en, zh: building.name });
    return h(
      `a.building.${building.worst || (building.silent ? "unknown" : "still")}${building.worst && !building.unacknowledged ? ".taken" : ""}`,
      { href: `#/devices?space=${encodeURIComponent(building.id)}` },
      house(),
      h(
        "span.words",
        {},
        h("strong", {}, data(name)),
        building.worst
          ? h("span.state", {}, mark(building.worst), t(`severity.${building.worst}`), h("span.figure", {}, t("home.openHere", { n: building.open })))
          : building.silent
            ? h("span.state", {}, mark("unknown"), h("span.figure", {}, t("home.silentHere", { n: building.silent })))
            : null,
        h("span.faint.figure", {}, t("home.devicesHere", { n: building.devices })),
      ),
    );
  });
  show(
    root,
    h("h2", {}, t("home.community")),
    cells.length ? h(`div.plan${cells.length > 40 ? ".dense" : ""}`, {}, cells) : h("p.quiet", {}, t("home.noPlaces")),
    overview.unaccepted ? h("p.quiet", {}, h("a.unaccepted", { href: "#/devices?accepted=false" }, t("home.unaccepted", { n: overview.unaccepted }), " →")) : null,
  );
}

function midnight() {
  const [hours, minutes] = clock(now()).split(":").map(Number);
  return Math.floor(now() / 60000) * 60000 - (hours * 60 + minutes) * 60000;
}

function line(domain, label, big, small, chart) {
  return h(
    "a.domain",
    { href: `#/devices?domain=${domain}` },
    h("span.label", {}, label),
    h("span.big", {}, big),
    h("span.small", {}, small.filter(Boolean).flatMap((part, at) => (at ? [" · ", part] : [part]))),
    chart ? h("span.curve", {}, chart) : null,
  );
}

function span(text) {
  return h("span", {}, text);
}

function drawDay(root, seen) {
  const from = midnight();
  const none = () => h("span.faint", {}, t("line.none"));
  show(
    root,
    h("h2", {}, t("home.day")),
    h(
      "div.domains",
      {},
      line(
        "energy",
        t("energy.label"),
        seen.power_w === null ? none() : figure(seen.power_w, "power.active", "W"),
        [
          seen.kwh_today === null ? null : span(t("energy.today", { kwh: number(seen.kwh_today) })),
          seen.power_usual.length ? span(t("energy.usual")) : null,
        ],
        seen.power_today.length || seen.power_usual.length ? dayCurve(seen.power_today, seen.power_usual, from, t("energy.chart")) : null,
      ),
      line(
        "parking",
        t("parking.label"),
        seen.bays_free === null ? none() : h("span.figure", {}, number(seen.bays_free)),
        [
          seen.bays_total ? span(t("parking.free", { n: number(seen.bays_total) })) : null,
          seen.cars_in === null ? null : span(t("parking.flow", { in: seen.cars_in, out: seen.cars_out ?? 0 })),
        ],
        seen.bays_today.length ? dayCurve(seen.bays_today, [], from, t("parking.chart")) : null,
      ),
      line(
        "fire",
        t("fire.label"),
        seen.detectors_total ? h("span.figure", {}, number(seen.detectors_healthy)) : none(),
        [
          seen.detectors_total ? span(t("fire.healthy", { n: number(seen.detectors_total) })) : null,
          seen.detectors_total ? span(seen.last_drill ? t("fire.drill", { age: age(now() - ms(seen.last_drill)) }) : t("fire.noDrill")) : null,
        ],
        seen.detectors_total ? share(seen.detectors_healthy, seen.detectors_total, t("fire.chart")) : null,
      ),
      line(
        "health",
        t("health.label"),
        seen.wearers_total ? h("span.figure", {}, number(seen.wearers_seen)) : none(),
        [seen.wearers_total ? span(t("health.seen", { n: number(seen.wearers_total) })) : null],
        seen.wearers_total ? share(seen.wearers_seen, seen.wearers_total, t("health.chart")) : null,
      ),
    ),
  );
}

export function newest(overview) {
  if (!overview || !overview.newest_at) return h("span", {}, t("foot.none"));
  return since(ms(overview.newest_at), "foot.newest");
}

export function alarmPath(overview) {
  if (!overview || overview.alert_p99_ms === null) return null;
  const { alert_p50_ms: half, alert_p99_ms: ms, alert_own_p99_ms: own, alert_budget_ms: budget } = overview;
  const words = { half: number(half, 1), ms: number(ms, 1), own: number(own, 1), budget: number(budget, 0) };
  return h("span.figure", {}, say("foot.path", words));
}
