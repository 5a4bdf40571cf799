// The duty rota: who is on duty now, the next fourteen days with their holes, swaps, and the ladders that use it.

import { get, sentence } from "./api.js";
import { dialog, sent, who } from "./ask.js";
import { data, h, s, show, visible } from "./dom.js";
import { age, clock, ms, now } from "./format.js";
import { language, say, t } from "./i18n.js";
import { badge, mark } from "./marks.js";
import { state } from "./state.js";
import { listed, target } from "./told.js";

const DAYS = 14;
const DAY = 86400000;

/** "2026-10-01" on the site's calendar. */
function iso(at) {
  return new Intl.DateTimeFormat("en-CA", { timeZone: state.zone, year: "numeric", month: "2-digit", day: "2-digit" }).format(at);
}

function dayWords(at) {
  const options = { timeZone: state.zone, weekday: "short", month: "short", day: "numeric" };
  return new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", options).format(at);
}

/** The pieces by the day on which they lie; a piece that ends at midnight says 24:00. */
function byDay(pieces) {
  const days = new Map();
  for (const piece of pieces) {
    const [start, end] = [ms(piece.start), ms(piece.end)];
    const key = iso(start);
    if (!days.has(key)) days.set(key, []);
    days.get(key).push({ ...piece, start, end });
  }
  return days;
}

function hours(piece) {
  const end = clock(piece.end);
  return `${clock(piece.start)}–${end === "00:00" ? "24:00" : end}`;
}

/** The day as a strip: ink where somebody is on duty, a hole where nobody is, a line for now. */
function strip(pieces) {
  const from = pieces[0].start;
  const span = Math.max(pieces.at(-1).end - from, 1);
  const x = (at) => ((at - from) / span) * 240;
  const bars = pieces.map((piece) => s("rect", { class: piece.people.length ? "on" : "hole", x: x(piece.start) + 0.5, width: Math.max(1, x(piece.end) - x(piece.start) - 1), y: 2, height: 10 }));
  const at = now();
  const here = at >= from && at < from + span ? s("path", { class: "now", d: `M${x(at)} 0V14` }) : null;
  return s("svg", { viewBox: "0 0 240 14", class: "duty-strip", "aria-hidden": "true", preserveAspectRatio: "none" }, bars, here);
}

export function rota(root) {
  const body = h("div");
  let turn = 0;
  show(root, h("h1", {}, t("rota.title")), body);
  show(body, h("p.quiet", {}, t("list.loading")));

  async function load() {
    const mine = ++turn;
    try {
      const duty = await get("rota", { days: DAYS });
      if (mine === turn) draw(duty);
    } catch (trouble) {
      if (mine !== turn) return;
      show(body, h("p.problem", { role: "alert" }, visible(t("list.failed", { why: sentence(trouble) }))), h("button", { type: "button", on: { click: load } }, t("list.again")));
    }
  }

  function draw(duty) {
    const names = new Map(duty.people.map((one) => [one.id, one.name]));
    const teams = Object.keys(duty.days);
    show(
      body,
      teams.length ? null : [h("p.empty", {}, t("rota.none")), h("p.quiet", {}, t("rota.noneHint"))],
      teams.map((team) => teamPart(duty, team, names, teams.length > 1)),
      teams.length ? swaps(duty, names) : null,
      ladders(duty),
      persons(duty),
    );
  }

  function teamPart(duty, team, names, several) {
    const days = [...byDay(duty.days[team])];
    const holes = duty.days[team].filter((piece) => !piece.people.length && ms(piece.end) > now());
    const onDuty = duty.now[team] ?? [];
    return h(
      "section",
      {},
      several ? h("h2", {}, data(team)) : null,
      h(
        `p.on-duty${onDuty.length ? "" : ".hole"}`,
        {},
        onDuty.length ? say("rota.now", { names: h("strong", {}, listed(onDuty.map((id) => data(names.get(id) ?? id)))) }) : [mark("warning"), h("strong", {}, t("rota.nobodyNow"))],
      ),
      holes.length ? h("p.hole", {}, mark("warning"), h("span", {}, t("rota.holes", { n: holes.length }))) : h("p.quiet", {}, t("rota.whole", { n: DAYS })),
      h("ol.rota", {}, days.map(([day, pieces]) => dayRow(day, pieces, duty, team))),
    );
  }

  function dayRow(day, pieces, duty, team) {
    const swapped = duty.swaps.filter((one) => one.day === day && (!one.team || one.team === team));
    return h(
      `li${day === iso(now()) ? ".today" : ""}`,
      {},
      h("span.day.figure", {}, dayWords(pieces[0].start)),
      h("span.picture", {}, strip(pieces)),
      h(
        "ul.pieces",
        {},
        pieces.map((piece) =>
          h(`li${piece.people.length ? "" : piece.end > now() ? ".hole" : ".faint"}`, {}, h("span.figure.faint", {}, hours(piece)), " ", piece.people.length ? listed(piece.names.map((name) => data(name))) : [piece.end > now() ? mark("warning") : null, h("span", {}, t("rota.nobody"))]),
        ),
        swapped.map(() => h("li.tag", {}, t("rota.swapped"))),
      ),
      duty.people.length > 1 && pieces.some((piece) => piece.people.length)
        ? h("button.quiet-button", { type: "button", "aria-label": t("rota.swapOf", { day: dayWords(pieces[0].start) }), on: { click: () => swap(duty, day, team, pieces) } }, t("rota.swap"))
        : h("span"),
    );
  }

  async function swap(duty, day, team, pieces) {
    const by = await who();
    if (!by) return;
    const there = [...new Set(pieces.flatMap((piece) => piece.people))];
    const name = (id) => visible(duty.people.find((one) => one.id === id)?.name ?? id);
    const instead = h("select", { name: "instead_of" }, there.map((id) => h("option", { value: id, translate: "no" }, name(id))));
    const person = h("select", { name: "person" }, duty.people.map((one) => h("option", { value: one.id, translate: "no", selected: !there.includes(one.id) }, name(one.id))));
    const fields = [h("p.hint", {}, t("rota.swapHint")), h("label", {}, h("span", {}, t("rota.insteadOf")), instead), h("label", {}, h("span", {}, t("rota.person")), person)];
    const given = await dialog(say("rota.swapOf", { day: h("span.figure", {}, dayWords(pieces[0].start)) }), fields, async (complainAbout) => {
      if (instead.value === person.value) {
        complainAbout(t("rota.same"));
        return null;
      }
      return sent("rota/swaps", { by, day, person: person.value, instead_of: instead.value, team }, complainAbout);
    });
    if (given) load();
  }

  load();
  const ticking = setInterval(() => !document.querySelector("dialog") && !body.contains(document.activeElement) && load(), 60000);
  return { close: () => (turn++, clearInterval(ticking)), title: () => t("rota.title") };
}

function swaps(duty, names) {
  if (!duty.swaps.length) return null;
  const rows = duty.swaps.map((one) => {
    const named = (id) => data(names.get(id) ?? id);
    return h("li", {}, h("span.figure.faint", {}, dayWords(Date.parse(one.day) + DAY / 2)), " ", say("rota.swapLine", { person: named(one.person), instead: named(one.instead_of) }), " ", h("span.faint", {}, say("silences.by", { name: data(one.by) })));
  });
  return h("section", {}, h("h2", {}, t("rota.swaps")), h("ul.plain", {}, rows));
}

/** Who is told of what, and when the next. */
function ladders(duty) {
  const known = ["critical", "warning", "info"].filter((severity) => duty.ladders[severity]);
  if (!known.length) return null;
  return h(
    "section",
    {},
    h("h2", {}, t("ladder.title")),
    h("p.quiet", {}, t("ladder.about")),
    h(
      "div.two",
      {},
      known.map((severity) => {
        const { steps, repeat_s: repeat } = duty.ladders[severity];
        const items = steps.map((step) => h("li", {}, h("span.figure", {}, step.after_s ? t("ladder.after", { age: age(step.after_s * 1000) }) : t("ladder.atOnce")), h("span", {}, listed(step.tell.map(target)))));
        return h("div", {}, h("p", {}, badge(severity)), h("ol.timeline", {}, items), repeat ? h("p.faint", {}, t("ladder.repeat", { age: age(repeat * 1000) })) : null);
      }),
    ),
  );
}

function persons(duty) {
  if (!duty.people.length) return null;
  const rows = duty.people.map((one) => h("li", {}, h("strong", {}, data(one.name)), " ", one.tell.length ? h("span.faint", {}, data(one.tell.join(", "))) : h("span.faint", {}, t("rota.noWay"))));
  return h("section", {}, h("h2", {}, t("rota.people")), h("ul.plain", {}, rows));
}
