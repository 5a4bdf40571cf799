// One series over time: the line of the means in its band from minimum to maximum, or a strip for a state.
// The hub has thinned the points; peaks are in the band, gaps stay gaps. Drag, plus and minus zoom, the arrows move.

import { h, s, show } from "./dom.js";
import { clock, day, figure, moment, number, seconds, unitSign, value } from "./format.js";
import { say, t } from "./i18n.js";
import { path } from "./spark.js";

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];
const LEFT = 52;
const RIGHT = 10;
const TOP = 10;
const BOTTOM = 24;

/** The width of a bucket in ms: about one for two pixels. */
export function bucket(span, width) {
  const wanted = Math.max((span / 1000 / Math.max(width, 200)) * 2, 1);
  return (STEPS.find((step) => step >= wanted) || STEPS.at(-1)) * 1000;
}

/** Two neighbours further apart than this have a gap between them. */
export function gap(points, every, interval) {
  const steps = points.slice(1).map((point, at) => point.at - points[at].at).sort((a, b) => a - b);
  const usual = interval ? interval * 1000 : steps.length ? steps[Math.floor(steps.length / 2)] : every;
  return 2.5 * Math.max(every, usual);
}

function ticks(low, high, most) {
  const rough = (high - low) / most || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) found.push(Math.abs(at) < step / 1e6 ? 0 : at);
  return found;
}

/** Whether a point lies in the quantity's plausible range: what cannot be (40,000 °C) must not flatten what is. */
function plausible(point, { low, high }) {
  return point.min >= (low ?? -Infinity) && point.max <= (high ?? Infinity);
}

function timeTicks(from, to, most) {
  const step = (STEPS.find((one) => (to - from) / 1000 / one <= most) || 604800 * 4) * 1000;
  const local = localOffset(from);
  const found = [];
  for (let at = Math.ceil((from + local) / step) * step - local; at <= to; at += step) found.push([at, step]);
  return found;
}

/** What the site's clock is ahead of UTC, near enough for ticks. */
function localOffset(at) {
  const [hours, minutes] = clock(at).split(":").map(Number);
  const utc = new Date(at);
  const ahead = (hours - utc.getUTCHours()) * 3600000 + (minutes - utc.getUTCMinutes()) * 60000;
  return ahead < -43200000 ? ahead + 86400000 : ahead > 50400000 ? ahead - 86400000 : ahead;
}

function segments(points, apart) {
  const found = [];
  points.forEach((point, at) => {
    if (!at || point.at - points[at - 1].at > apart) found.push([]);
    found.at(-1).push(point);
  });
  return found;
}

/**
 * given: {points: [{at, min, max, mean, last, count}], quantity, unit, shape, name, from, to, every, interval, threshold, severity, mark,
 *   low, high: the quantity's plausible range, what lies outside is marked at the edge}
 * on: zoom(from, to)
 */
export function chart(given, zoom) {
  const readout = h("p.readout", { "aria-live": "off" });
  const holder = h("div.plot");
  const figureElement = h("figure.chart", {}, readout, holder);
  let drag = null;
  let drawnWide = -1;

  function draw() {
    drawnWide = holder.clientWidth;
    const width = Math.max(280, drawnWide || 640);
    const strip = given.shape === "state" || given.shape === "event";
    const height = strip ? 96 : Math.min(280, Math.max(180, width * 0.36));
    show(holder, strip ? drawStrip(width, height) : drawLine(width, height));
  }

  const x = (width) => (at) => LEFT + ((at - given.from) / (given.to - given.from)) * (width - LEFT - RIGHT);

  function frame(width, height, label, inner) {
    const scale = x(width);
    const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", tabindex: 0, "aria-label": label });
    const axis = timeTicks(given.from, given.to, width / 90).map(([at, step]) => [
      s("path", { class: "grid", d: `M${scale(at).toFixed(1)} ${TOP}V${height - BOTTOM}` }),
      s("text", { class: "tick", x: scale(at), y: height - 6, "text-anchor": scale(at) > width - RIGHT - 26 ? "end" : "middle" }, step >= 86400000 ? day(at) : step < 60000 ? seconds(at) : clock(at)),
    ]);
    const marked =
      given.mark && given.mark >= given.from && given.mark <= given.to
        ? s("path", { class: `moment ${given.severity}`, d: `M${scale(given.mark).toFixed(1)} ${TOP}V${height - BOTTOM}` })
        : null;
    const selection = s("rect", { class: "selection", x: 0, y: TOP, width: 0, height: height - TOP - BOTTOM });
    const cursor = s("path", { class: "cursor", d: "" });
    [axis.flat(), inner, marked, selection, cursor].flat(2).forEach((part) => part && svg.append(part));
    if (!given.points.length) {
      svg.append(s("text", { class: "nothing", x: width / 2, y: height / 2, "text-anchor": "middle" }, t("chart.none")));
    }
    listenTo(svg, width, height, selection, cursor);
    return svg;
  }

  function summary() {
    if (!given.points.length) return t("chart.none");
    const shown = (amount) => value(amount, given.quantity, given.unit);
    const points = sound().length ? sound() : given.points;
    const low = Math.min(...points.map((point) => point.min));
    const high = Math.max(...points.map((point) => point.max));
    return t("chart.summary", { what: given.name, min: shown(low), max: shown(high), last: shown(points.at(-1).last) });
  }

  function sound() {
    return given.points.filter((point) => plausible(point, given));
  }

  /** What cannot be: a small mark at the edge it left by, its value on hover. */
  function wild(at, height) {
    return given.points.filter((point) => !plausible(point, given)).map((point) => {
      const over = point.max > (given.high ?? Infinity);
      const [edge, tip] = over ? [TOP + 8, TOP] : [height - BOTTOM - 8, height - BOTTOM];
      const said = `${value(over ? point.max : point.min, given.quantity, given.unit)} · ${t("quality.out_of_range")}`;
      const path = `M${(at(point.at) - 5).toFixed(1)} ${edge}h10L${at(point.at).toFixed(1)} ${tip}z`;
      return s("path", { class: "wild", d: path }, s("title", {}, said));
    });
  }

  function drawLine(width, height) {
    const points = sound();
    const values = points.flatMap((point) => [point.min, point.max]);
    if (given.threshold !== null && given.threshold !== undefined) values.push(given.threshold);
    let low = values.length ? Math.min(...values) : 0;
    let high = values.length ? Math.max(...values) : 1;
    if (low > 0 && low < (high - low) * 0.8) low = 0;
    const pad = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
    if (low !== 0) low -= pad;
    high += pad;
    const scale = x(width);
    const y = (amount) => TOP + (1 - (amount - low) / (high - low)) * (height - TOP - BOTTOM);
    const apart = gap(points, given.every, given.interval);
    const bands = segments(points, apart)
      .filter((part) => part.some((point) => point.max > point.min))
      .map((part) => {
        const upper = part.map((point) => `${scale(point.at).toFixed(1)} ${y(point.max).toFixed(1)}`);
        const lower = part.map((point) => `${scale(point.at).toFixed(1)} ${y(point.min).toFixed(1)}`).reverse();
        return s("path", { class: "band", d: `M${[...upper, ...lower].join("L")}Z` });
      });
    const line = points.map((point) => [point.at, point.mean]);
    const alone = segments(points, apart).filter((part) => part.length === 1).map(([point]) => point);
    const marks = ticks(low, high, height / 48);
    const digits = Math.max(0, ...marks.map((amount) => (String(Number(amount.toPrecision(6))).split(".")[1] || "").length));
    const axis = marks.map((amount) => [
      s("path", { class: "grid", d: `M${LEFT} ${y(amount).toFixed(1)}H${width - RIGHT}` }),
      s("text", { class: "tick", x: LEFT - 8, y: y(amount) + 4, "text-anchor": "end" }, number(amount, digits)),
    ]);
    const limit = given.threshold ?? null;
    return frame(width, height, summary(), [
      axis.flat(),
      s("text", { class: "tick unit", x: LEFT - 8, y: height - 6, "text-anchor": "end" }, unitSign(given.unit)),
      bands,
      s("path", { class: "line", d: path(line, scale, y, apart) }),
      alone.map((point) => s("circle", { class: "dot", cx: scale(point.at), cy: y(point.mean), r: 2.2 })),
      wild(scale, height),
      limit === null
        ? null
        : [
            s("path", { class: `limit ${given.severity}`, d: `M${LEFT} ${y(limit).toFixed(1)}H${width - RIGHT}` }),
            s("text", { class: "tick", ...aside(width, scale), y: y(limit) - 5 }, t("alert.limit", { value: value(limit, given.quantity, given.unit) })),
          ],
    ].flat());
  }

  /** Where the limit's words stand: at the end on which the moment of the alert does not cross them. */
  function aside(width, scale) {
    const late = given.mark && scale(given.mark) > width / 2;
    return late ? { x: LEFT + 6, "text-anchor": "start" } : { x: width - RIGHT, "text-anchor": "end" };
  }

  function drawStrip(width, height) {
    const scale = x(width);
    const apart = gap(given.points, given.every, given.interval);
    const bars = segments(given.points, apart).flatMap((part) =>
      part.map((point, at) => {
        const next = part[at + 1];
        const until = next ? next.at : Math.min(point.at + Math.max(given.every, (given.interval || 0) * 1000), given.to);
        const on = point.max > 0;
        const attributes = { class: on ? "on" : "off", x: scale(point.at), width: Math.max(on ? 2 : 0.5, scale(until) - scale(point.at)) };
        return s("rect", { ...attributes, y: on ? TOP + 6 : height - BOTTOM - 14, height: on ? height - TOP - BOTTOM - 12 : 8 });
      }),
    );
    return frame(width, height, summary(), [
      s("text", { class: "tick", x: LEFT - 8, y: TOP + 22, "text-anchor": "end" }, value(1, given.quantity)),
      s("text", { class: "tick", x: LEFT - 8, y: height - BOTTOM - 6, "text-anchor": "end" }, value(0, given.quantity)),
      bars,
    ]);
  }

  function nearest(at) {
    let best = null;
    for (const point of given.points) if (!best || Math.abs(point.at - at) < Math.abs(best.at - at)) best = point;
    return best;
  }

  function tell(at) {
    const point = nearest(at);
    const apart = given.points.length ? gap(given.points, given.every, given.interval) : 0;
    if (!point || Math.abs(point.at - at) > apart) {
      show(readout, h("span.figure", {}, t("chart.gap", { time: moment(at) })));
      return;
    }
    const of = (amount) => figure(amount, given.quantity, given.unit);
    const time = h("span.figure", {}, moment(point.at));
    const spread = point.max > point.min && given.shape !== "state";
    show(readout, spread ? say("chart.span", { time, min: of(point.min), max: of(point.max), mean: of(point.mean) }) : say("chart.point", { time, value: of(point.max) }));
  }

  function listenTo(svg, width, height, selection, cursor) {
    const time = (event) => {
      const box = svg.getBoundingClientRect();
      const inside = ((event.clientX - box.left) / box.width) * width;
      const share = Math.min(1, Math.max(0, (inside - LEFT) / (width - LEFT - RIGHT)));
      return given.from + share * (given.to - given.from);
    };
    const scale = x(width);
    svg.addEventListener("pointerdown", (event) => {
      if (!zoom) return;
      drag = time(event);
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointermove", (event) => {
      const at = time(event);
      tell(at);
      cursor.setAttribute("d", `M${scale(at)} ${TOP}V${height - BOTTOM}`);
      if (drag === null) return;
      selection.setAttribute("x", scale(Math.min(at, drag)));
      selection.setAttribute("width", Math.abs(scale(at) - scale(drag)));
    });
    svg.addEventListener("pointerup", (event) => {
      if (drag === null) return;
      const [from, to] = [drag, time(event)].sort((a, b) => a - b);
      drag = null;
      selection.setAttribute("width", 0);
      if (scale(to) - scale(from) > 8) zoom(from, to);
    });
    svg.addEventListener("pointercancel", () => {
      drag = null;
      selection.setAttribute("width", 0);
    });
    svg.addEventListener("pointerleave", () => {
      cursor.setAttribute("d", "");
      rest();
    });
    svg.addEventListener("keydown", (event) => {
      if (!zoom) return;
      const span = given.to - given.from;
      const move = { ArrowLeft: [-0.25, -0.25], ArrowRight: [0.25, 0.25], "+": [0.25, -0.25], "=": [0.25, -0.25], "-": [-0.5, 0.5] }[event.key];
      if (!move) return;
      event.preventDefault();
      zoom(given.from + move[0] * span, given.to + move[1] * span, true);
    });
  }

  function rest() {
    show(readout, zoom && given.points.length ? h("span.faint", {}, t("chart.hint")) : "\u00a0");
  }

  rest();
  const watcher = new ResizeObserver(() => holder.clientWidth !== drawnWide && draw());
  watcher.observe(holder);
  return {
    element: figureElement,
    update(changes) {
      Object.assign(given, changes);
      const focused = holder.contains(document.activeElement);
      draw();
      rest();
      if (focused) holder.querySelector("svg").focus();
    },
    close: () => watcher.disconnect(),
  };
}
