// One device: what it says now, its chart, the readings behind it, what of it was refused, its alerts.

import { get, readings, sentence } from "./api.js";
import { accept } from "./accept.js";
import { bucket, chart } from "./chart.js";
import { data, h, show, visible } from "./dom.js";
import { age, channelOf, exact, figure, ms, now, placeOf, quantityName, remarks, since } from "./format.js";
import { pick, t } from "./i18n.js";
import { pastIncident } from "./incident.js";
import { choices, list } from "./list.js";
import { hear, watch } from "./live.js";
import { badge } from "./marks.js";
import { refusalRow } from "./refusals.js";
import { state } from "./state.js";
import { whyLink } from "./why.js";
import { deviceName } from "./devices.js";

const RANGES = { "1h": 3600000, "6h": 21600000, "24h": 86400000, "7d": 604800000, "30d": 2592000000 };

function key(reading) {
  return `${reading.quantity} ${reading.channel}`;
}

export function device(root, [id], params, keepParams) {
  const head = h("header.story.taken");
  const values = h("div.values");
  const picture = h("section.picture");
  const rest = h("div");
  let known = null;
  let chosen = null; // the reading whose series is drawn
  let range = params.get("range") in RANGES ? params.get("range") : "24h";
  let zoomed = null; // [from, to]
  let drawn = null;
  let turn = 0;
  let waiting = 0;
  show(root, head, values, picture, rest);
  show(head, h("p.quiet", {}, t("list.loading")));

  async function load() {
    try {
      known = await get(`devices/${encodeURIComponent(id)}`);
    } catch (trouble) {
      show(head, h("p.problem", { role: "alert" }, visible(sentence(trouble))), h("a.button", { href: "#/devices" }, t("devices.title")));
      return;
    }
    const wanted = `${params.get("quantity")} ${params.get("channel") ?? ""}`;
    chosen = known.latest.find((one) => key(one) === wanted) || known.latest[0] || null;
    drawHead();
    drawValues();
    drawPicture();
    drawRest();
  }

  function drawHead() {
    const facts = [
      known.vendor || known.model ? data(`${known.vendor} ${known.model}`.trim()) : null,
      data(known.id, "bdi"),
      known.interval ? h("span", {}, t("device.every", { age: age(known.interval * 1000) })) : null,
      known.last_seen ? since(ms(known.last_seen), "device.heard") : h("span", {}, t("device.neverHeard")),
      known.online === false ? h("span", {}, t("device.offline")) : null,
    ].filter(Boolean);
    show(
      head,
      known.worst || known.silent ? h("p.head", {}, badge(known.worst || "unknown")) : null,
      h("h1", {}, deviceName(known)),
      h("p.what", {}, placeOf(known) || (known.space ? null : h("span.faint", {}, t("alert.placeUnknown")))),
      h("p.faint.facts", {}, facts.flatMap((part, at) => (at ? [" · ", part] : [part]))),
      h("p.whylink", {}, whyLink(id)),
      known.accepted ? null : accept(known, (changed) => ((known = changed), drawHead())),
    );
  }

  function drawValues() {
    show(
      values,
      h("h2", {}, t("device.latest")),
      known.latest.length
        ? h(
            "div.tiles",
            {},
            known.latest.map((one) =>
              h(
                "button.tile",
                { type: "button", "aria-pressed": one === chosen ? "true" : "false", on: { click: () => choose(one) } },
                h("span.faint", {}, quantityName(one.quantity, channelOf(one, known.latest))),
                h("strong.figure", {}, figure(one.value, one.quantity, one.unit)),
                one.time ? since(ms(one.time), "age.ago") : null,
                one.quality.length ? h("span.remark", {}, remarks(one.quality)) : null,
              ),
            ),
          )
        : h("p.quiet", {}, t("device.noLatest")),
    );
  }

  function choose(one) {
    chosen = one;
    keepParams({ quantity: one.quantity, channel: one.channel, range });
    params = new URLSearchParams({ quantity: one.quantity, channel: one.channel });
    drawn?.close();
    drawn = null;
    drawValues();
    drawPicture();
  }

  function period() {
    return zoomed ?? [now() - RANGES[range], now()];
  }

  async function drawPicture() {
    if (!chosen) return;
    const mine = ++turn;
    const [from, to] = period();
    const series = { device: id, quantity: chosen.quantity, channel: chosen.channel };
    const every = bucket(to - from, picture.clientWidth || 640);
    let page;
    try {
      page = await readings(series, from, to, every);
    } catch (trouble) {
      if (mine === turn) show(picture, h("p.problem", { role: "alert" }, visible(t("list.failed", { why: sentence(trouble) }))));
      return;
    }
    if (mine !== turn) return;
    const points = page.items.map((item) => ({ ...item, at: ms(item.time) }));
    const words = state.quantities.get(chosen.quantity);
    const given = {
      points, from, to, every, quantity: chosen.quantity, unit: chosen.unit, shape: words?.shape ?? "gauge",
      name: visible(pick(words) || chosen.quantity), interval: known.interval, low: words?.low, high: words?.high,
    };
    if (drawn) drawn.update(given);
    else drawn = chart(given, zoom);
    const options = Object.keys(RANGES).map((one) => [one, t(`range.${one}`)]);
    const bar = h(
      "div.filters",
      {},
      choices("range.label", options, zoomed ? "" : range, (one) => {
        range = one;
        zoomed = null;
        keepParams({ quantity: chosen.quantity, channel: chosen.channel, range });
        drawPicture();
      }),
      zoomed ? h("button.chip", { type: "button", on: { click: () => ((zoomed = null), drawPicture()) } }, t("range.back")) : null,
    );
    show(picture, h("h2", {}, quantityName(chosen.quantity, channelOf(chosen, known.latest))), bar, drawn.element, each(series, from, to));
  }

  function zoom(from, to) {
    if (to - from < 10000) return;
    zoomed = [from, Math.min(to, now())];
    drawPicture();
  }

  /** The readings behind the chart, asked for when somebody opens them. */
  function each(series, from, to) {
    const holder = h("div");
    const element = h("details", { on: { toggle: () => element.open && !holder.firstChild && fill() } }, h("summary", {}, t("device.readings")), holder);
    async function fill() {
      show(holder, h("p.quiet", {}, t("list.loading")));
      try {
        const page = await readings(series, from, to, 0);
        const lines = page.items.map((one) =>
          h("tr", {}, h("td.figure", {}, exact(ms(one.time))), h("td.figure", {}, figure(one.value, series.quantity)), h("td", {}, remarks(one.quality))),
        );
        const header = h("tr", {}, h("th", {}, t("device.time")), h("th", {}, t("device.value")), h("th", {}, t("device.quality")));
        const more = page.next_cursor ? h("p.faint", {}, t("device.readingsMore", { n: page.items.length })) : null;
        show(holder, lines.length ? h("div.scroll", {}, h("table", {}, h("thead", {}, header), h("tbody", {}, lines))) : h("p.quiet", {}, t("chart.none")), more);
      } catch (trouble) {
        show(holder, h("p.problem", {}, visible(t("list.failed", { why: sentence(trouble) }))));
      }
    }
    return element;
  }

  function drawRest() {
    const past = list("alerts", () => ({ device: id }), pastIncident, ["", "alerts.none"], 10);
    const refused = list("dead-letters", () => ({ device: id }), refusalRow, ["", "refusals.none"], 5);
    show(rest, h("section", {}, h("h2", {}, t("device.alerts")), past.element), h("section", {}, h("h2", {}, t("device.refusals")), refused.element));
  }

  function fresh(batch) {
    if (!known) return;
    for (const reading of batch) {
      if (reading.device !== id) continue;
      const at = known.latest.findIndex((one) => key(one) === key(reading));
      const chosenHere = chosen && key(chosen) === key(reading);
      if (at < 0) known.latest.push(reading);
      else known.latest[at] = reading;
      if (chosenHere || !chosen) chosen = reading;
    }
    known.last_seen = new Date(now()).toISOString();
    if (!values.contains(document.activeElement)) drawValues();
    if (!zoomed && Date.now() - waiting > 15000) {
      waiting = Date.now();
      if (!picture.matches(":hover, :focus-within") && !picture.querySelector("details[open]")) drawPicture();
    }
  }

  load();
  waiting = Date.now();
  const unwatch = watch(id, fresh);
  const unhear = hear((changed) => changed.device === id && load());
  return { close: () => (turn++, drawn?.close(), unwatch(), unhear()), title: () => (known ? visible(known.name || known.id) : t("devices.title")) };
}
