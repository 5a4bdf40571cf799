// Drawn marks: a severity has its own shape beside its colour and its word; the lantern is ours.

import { h, s } from "./dom.js";
import { t } from "./i18n.js";

const SHAPES = {
  critical: [
    ["path", { d: "M7 1h10l6 6v10l-6 6H7l-6-6V7z", class: "body" }],
    ["path", { d: "M12 6v7.5M12 17.2v.6", class: "sign" }],
  ],
  warning: [
    ["path", { d: "M12 2 23 21.5H1z", class: "body" }],
    ["path", { d: "M12 9v6M12 18v.4", class: "sign" }],
  ],
  info: [
    ["circle", { cx: 12, cy: 12, r: 10.5, class: "body" }],
    ["path", { d: "M12 11v6.5M12 7v.4", class: "sign" }],
  ],
  unknown: [
    ["circle", { cx: 12, cy: 12, r: 10, class: "hollow" }],
    ["path", { d: "M8 12h.1M12 12h.1M16 12h.1", class: "dots" }],
  ],
  ok: [["path", { d: "M4 13l5.5 5.5L20 7", class: "tick" }]],
};

export function mark(severity) {
  const parts = SHAPES[severity].map(([tag, attributes]) => s(tag, attributes));
  return s("svg", { viewBox: "0 0 24 24", class: `mark ${severity}`, "aria-hidden": "true" }, parts);
}

/** Shape and word together. */
export function badge(severity) {
  return h(`span.badge.${severity}`, {}, mark(severity), h("span", {}, t(`severity.${severity}`)));
}

export function lantern() {
  return s(
    "svg",
    { viewBox: "0 0 64 64", class: "lantern", "aria-hidden": "true" },
    s("path", { class: "stroke", d: "M32 3v7M22 11h20M24 53h16M32 54v7" }),
    s("path", { class: "paper", d: "M22 13C6 22 6 42 22 51h20c16-9 16-29 0-38z" }),
    s("path", { class: "rib", d: "M27 13c-7 10-7 28 0 38M37 13c7 10 7 28 0 38" }),
    s("path", { class: "flame", d: "M32 24c5 6 6 9 6 12a6 6 0 0 1-12 0c0-3 1-6 6-12z" }),
  );
}

/** A building seen from the street. */
export function house() {
  const windows = [];
  for (let row = 0; row < 4; row += 1) {
    for (let column = 0; column < 3; column += 1) {
      windows.push(s("rect", { x: 8 + column * 8, y: 9 + row * 8, width: 4, height: 4 }));
    }
  }
  return s("svg", { viewBox: "0 0 36 44", class: "house", "aria-hidden": "true" }, s("path", { d: "M3 43V6L18 1l15 5v37z" }), windows);
}
