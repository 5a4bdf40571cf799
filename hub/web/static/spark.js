// The small curves of the day: today in ink, the usual day dashed; a hole stays a hole.

import { s } from "./dom.js";

const W = 320;
const H = 56;

/** An SVG path through points, lifted where two are further apart than `gap`. */
export function path(points, x, y, gap) {
  let line = "";
  let before = null;
  for (const [at, value] of points) {
    line += `${before === null || at - before > gap ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    before = at;
  }
  return line;
}

/** The distance beyond which two neighbours count as parted: two and a half times the usual one. */
export function usualGap(points) {
  const steps = points.slice(1).map((point, at) => point[0] - points[at][0]).sort((a, b) => a - b);
  return steps.length ? steps[Math.floor(steps.length / 2)] * 2.5 : Infinity;
}

export function dayCurve(points, usual, from, label) {
  const all = [...points, ...usual];
  const top = Math.max(...all.map((point) => point[1]), 1e-9);
  const bottom = Math.min(0, ...all.map((point) => point[1]));
  const x = (at) => ((at - from) / 86400000) * W;
  const y = (value) => H - 3 - ((value - bottom) / (top - bottom)) * (H - 8);
  const last = points.at(-1);
  return s(
    "svg",
    { viewBox: `0 0 ${W} ${H}`, class: "spark", role: "img", "aria-label": label, preserveAspectRatio: "none" },
    s("path", { class: "base", d: `M0 ${y(0)}H${W}` }),
    usual.length ? s("path", { class: "usual", d: path(usual, x, y, usualGap(usual)) }) : null,
    points.length ? s("path", { class: "today", d: path(points, x, y, usualGap(points)) }) : null,
    last ? s("path", { class: "tip", d: `M${x(last[0])} ${y(last[1])}h.01` }) : null,
  );
}

/** A share of a whole, one tick each up to sixty, otherwise a bar. */
export function share(part, whole, label) {
  const ticks = [];
  const step = W / whole;
  if (whole <= 60) {
    const width = Math.min(step * 0.6, 8);
    for (let at = 0; at < whole; at += 1) {
      const there = at < part;
      ticks.push(s("rect", { class: there ? "there" : "away", x: at * step, y: there ? 14 : 22, width, height: there ? 28 : 12 }));
    }
  } else {
    const width = (part / whole) * W;
    ticks.push(s("rect", { class: "there", x: 0, y: 18, width, height: 20 }));
    ticks.push(s("rect", { class: "away", x: width + 1, y: 18, width: Math.max(0, W - width - 1), height: 20 }));
  }
  return s("svg", { viewBox: `0 0 ${W} ${H}`, class: "spark", role: "img", "aria-label": label, preserveAspectRatio: "none" }, ticks);
}
