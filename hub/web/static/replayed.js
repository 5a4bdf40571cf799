// What a rule would have done: how often, for how long, where, and over the days, beside the rule it replaces.

import { data, h, s } from "./dom.js";
import { age, clock, day, figure, ms, number, place, time } from "./format.js";
import { t } from "./i18n.js";

const WIDE = 960;
const HIGH = 44;
const SHOWN = 20;

function lasting(seconds) {
  return seconds ? age(seconds * 1000) : "–";
}

function strip(told, side, most, label) {
  const from = ms(told.from);
  const to = ms(told.to);
  const wide = WIDE / side.strip.length;
  const bars = side.strip.map((seconds, at) => {
    if (!seconds && !side.fired_in[at]) return null;
    const high = Math.max(5, (seconds / (most || 1)) * HIGH);
    const when = from + ((to - from) * at) / side.strip.length;
    return s("rect", { class: "on", x: at * wide, y: HIGH - high, width: Math.max(1.5, wide - 1.5), height: high }, s("title", {}, `${day(when)} ${clock(when)} · ${t("replay.times", { n: side.fired_in[at] })} · ${lasting(seconds)}`));
  });
  return s("svg", { viewBox: `0 0 ${WIDE} ${HIGH + 1}`, class: "strip", role: "img", "aria-label": label, preserveAspectRatio: "none" }, s("path", { class: "grid", d: `M0 ${HIGH + 0.5}H${WIDE}` }), bars.filter(Boolean));
}

/** The answer of a replay. */
export function replayed(told) {
  const sides = [["replay.new", told.rule], ...(told.against ? [["replay.old", told.against]] : [])];
  const most = Math.max(...sides.flatMap(([, side]) => side.strip));
  const span = [ms(told.from), (ms(told.from) + ms(told.to)) / 2, ms(told.to)];
  const longest = (side) => Math.max(0, ...side.episodes.map((one) => one.seconds));
  const cards = sides.map(([key, side]) =>
    h(
      "article.side",
      {},
      h("p.faint", {}, t(key)),
      h("p", {}, h("strong.big.figure", {}, number(side.fired)), " ", h("span", {}, t("replay.timesWord", { n: side.fired }))),
      h("p.faint.figure", {}, [
        t("replay.inAll", { age: lasting(side.seconds) }), t("replay.longest", { age: lasting(longest(side)) }), t("replay.devices", { n: number(side.device_count) }),
        side.dropped ? t("replay.dropped", { n: number(side.dropped) }) : "", side.firing ? t("replay.firing", { n: number(side.firing) }) : "",
      ].filter(Boolean).join(" · ")),
      side.failed ? h("p.problem", {}, data(side.failed)) : null,
      strip(told, side, most, `${t(key)}: ${t("replay.times", { n: side.fired })}`),
    ),
  );
  return h(
    "div.replayed",
    {},
    cards,
    h("p.axis.faint.figure", {}, span.map((at) => h("span", {}, `${day(at)} ${clock(at)}`))),
    told.rule.fired || told.against?.fired ? devices(told) : h("p.quiet", {}, t("replay.quiet")),
    h("p.faint.figure", {}, t("replay.read", { readings: number(told.readings), series: number(told.series), s: number(told.took, 1) })),
  );
}

function devices(told) {
  const where = (one) => `${one.device} ${one.space}`;
  const before = new Map((told.against?.devices ?? []).map((one) => [where(one), one]));
  const after = new Map(told.rule.devices.map((one) => [where(one), one]));
  const every = [...new Map([...before, ...after]).values()];
  const all = every.slice(0, SHOWN);
  const beyond = Math.max(every.length, told.rule.device_count, told.against?.device_count ?? 0) - all.length;
  const cell = (one) => (one ? `${number(one.fired)} · ${lasting(one.seconds)}` : "–");
  const head = h("tr", {}, h("th", {}, t("alert.device")), h("th", {}, t("replay.new")), told.against ? h("th", {}, t("replay.old")) : null);
  const rows = all.map((one) =>
    h(
      "tr",
      {},
      h("td", {}, one.device ? h("a", { href: `#/devices/${encodeURIComponent(one.device)}` }, place(one.place, one.device)) : place(one.place, one.space)),
      h("td.figure", {}, cell(after.get(where(one)))),
      told.against ? h("td.figure", {}, cell(before.get(where(one)))) : null,
    ),
  );
  const newest = told.rule.episodes.slice(-SHOWN).reverse();
  return [
    h("div.scroll.tidy", {}, h("table", {}, h("thead", {}, head), h("tbody", {}, rows))),
    beyond > 0 ? h("p.faint.figure", {}, t("rules.more", { n: number(beyond) })) : null,
    newest.length
      ? h(
          "details",
          {},
          h("summary", {}, t("replay.episodes")),
          h("ol.timeline", {}, newest.map((one) => h("li", {}, time(ms(one.raised_at)), h("div", {}, place(one.place, one.device), " ", one.value === null ? null : figure(one.value, "", one.unit), " · ", h("span.figure", {}, lasting(one.seconds)))))),
        )
      : null,
  ];
}
