// Stacked bars over time, and the shape of a day. What is not known is hatched, never a zero.

import { h, s, show } from "./dom.js";
import { number } from "./format.js";
import { t } from "./i18n.js";

const LEFT = 52;
const RIGHT = 8;
const TOP = 12;
const BOTTOM = 26;

export function ticks(low, high, most) {
  const rough = (high - low) / most || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) found.push(Math.abs(at) < step / 1e6 ? 0 : at);
  return found;
}

function hatch(x, y, wide, high) {
  let d = "";
  for (let o = -high; o < wide; o += 7) {
    const [from, to] = [Math.max(o, 0), Math.min(o + high, wide)];
    if (to > from) d += `M${(x + from).toFixed(1)} ${(y + high - (from - o)).toFixed(1)}L${(x + to).toFixed(1)} ${(y + high - (to - o)).toFixed(1)}`;
  }
  return [s("rect", { class: "lackframe", x, y, width: wide, height: high }), s("path", { class: "lack", d })];
}

function axes(width, height, y, low, high, unit) {
  return [
    ticks(low, high, height / 46).map((amount) => [
      s("path", { class: "grid", d: `M${LEFT} ${y(amount).toFixed(1)}H${width - RIGHT}` }),
      s("text", { class: "tick", x: LEFT - 7, y: y(amount) + 4, "text-anchor": "end" }, number(amount)),
    ]),
    s("text", { class: "tick", x: LEFT - 7, y: height - 7, "text-anchor": "end" }, unit),
  ];
}

/** A drawing that follows the width of its place. `draw(width)` gives an svg. */
function drawn(kind, draw, ...beside) {
  const holder = h("div");
  const watcher = new ResizeObserver(() => holder.clientWidth && show(holder, draw(Math.max(280, holder.clientWidth))));
  watcher.observe(holder);
  return { element: h(`figure.chart.${kind}`, {}, holder, beside), close: () => watcher.disconnect() };
}

export function key(entries) {
  return h("p.key", {}, entries.map(([mark, words]) => h("span", {}, s("svg", { viewBox: "0 0 18 12", class: "bars" }, mark), words)));
}

export function swatch(number_) {
  return s("rect", { class: `part-${number_}`, width: 18, height: 12 });
}

export function lacking() {
  return s("g", { class: "bars" }, hatch(1, 1, 16, 10));
}

/**
 * columns: [{name, label, parts: [{part: 1..4, value, words}], below: {part, value, words} or null, known: share or 0, words}]
 * A column of which not all is known is hatched behind what is.
 */
export function bars(columns, unit, label) {
  const readout = h("p.readout", { "aria-live": "polite" });
  let chosen = -1;
  const tell = (at) => {
    chosen = at;
    show(readout, at < 0 ? h("span.faint", {}, t(matchMedia("(pointer: coarse)").matches ? "bars.hintTouch" : "bars.hint")) : h("span.figure", {}, columns[at].words));
  };
  const draw = (width) => {
    const height = Math.min(300, Math.max(190, width * 0.34));
    const sums = columns.map((one) => one.parts.reduce((sum, part) => sum + Math.max(0, part.value ?? 0), 0));
    const high = Math.max(...sums, 0) * 1.06 || 1;
    const low = -Math.max(0, ...columns.map((one) => one.below?.value ?? 0));
    const y = (amount) => TOP + ((high - amount) / (high - low)) * (height - TOP - BOTTOM);
    const wide = (width - LEFT - RIGHT) / columns.length;
    const every = Math.ceil(columns.length / (width / 44));
    const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", tabindex: 0, "aria-label": label });
    const groups = columns.map((one, at) => {
      const x = LEFT + at * wide + wide * 0.14;
      const thick = Math.max(1.5, wide * 0.72);
      let top = 0;
      const stack = one.parts.filter((part) => part.value > 0).map((part) => {
        const box = s("rect", { class: `part-${part.part}`, x, width: thick, y: y(top + part.value), height: Math.max(0.5, y(top) - y(top + part.value)) });
        top += part.value;
        return box;
      });
      const under = one.below?.value ? s("rect", { class: `part-${one.below.part}`, x, width: thick, y: y(0), height: y(-one.below.value) - y(0) }) : null;
      const lack = one.known < 1 ? hatch(x, TOP, thick, y(0) - TOP) : [];
      const hit = s("rect", { class: "hit", x: LEFT + at * wide, width: wide, y: TOP, height: height - TOP - BOTTOM });
      const name = at % every ? null : s("text", { class: "tick", x: x + thick / 2, y: height - 7, "text-anchor": "middle" }, one.label);
      const group = s("g", { on: { pointerenter: () => tell(at), pointerdown: () => tell(at) } }, ...lack, ...stack);
      [under, hit, name].forEach((part) => part && group.append(part));
      return group;
    });
    svg.addEventListener("pointerleave", () => tell(-1));
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      tell(Math.min(columns.length - 1, Math.max(0, chosen + step)));
    });
    svg.append(...axes(width, height, y, low, high, unit).flat(2), ...groups);
    return svg;
  };
  tell(-1);
  return drawn("bars", draw, readout);
}

/** profile: {workday, weekend}: 96 values in kW, null where nothing is known. */
export function profile(shapes, unit, label) {
  const draw = (width) => {
    const height = Math.min(260, Math.max(180, width * 0.3));
    const known = Object.values(shapes).flat().filter((value) => value !== null);
    const high = Math.max(...known, 0) * 1.06 || 1;
    const low = Math.min(...known, 0);
    const x = (slot) => LEFT + (slot / 96) * (width - LEFT - RIGHT);
    const y = (amount) => TOP + ((high - amount) / (high - low)) * (height - TOP - BOTTOM);
    const step = width < 500 ? 6 : 3;
    const hours = Array.from({ length: 24 / step + 1 }, (_, at) => at * step);
    const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
    const line = (values, kind) => {
      let d = "";
      values.forEach((value, slot) => {
        if (value !== null) d += `${slot && values[slot - 1] !== null ? "L" : "M"}${x(slot).toFixed(1)} ${y(value).toFixed(1)}H${x(slot + 1).toFixed(1)}`;
      });
      return s("path", { class: kind, d });
    };
    svg.append(
      ...axes(width, height, y, low, high, unit).flat(2),
      ...hours.map((hour) => s("text", { class: "tick", x: x(hour * 4), y: height - 7, "text-anchor": hour === 24 ? "end" : hour ? "middle" : "start" }, `${hour}:00`)),
      line(shapes.weekend, "weekend"),
      line(shapes.workday, "workday"),
    );
    return svg;
  };
  const strokes = [["workday", "report.workday"], ["weekend", "report.weekend"]];
  const legend = h("p.key", {}, strokes.map(([kind, words]) => h("span", {}, s("svg", { viewBox: "0 0 18 12", class: "profile-key" }, s("path", { class: kind, d: "M0 6H18" })), t(words))));
  legend.querySelectorAll("svg").forEach((one) => one.classList.add("profile"));
  return drawn("profile", draw, legend);
}
