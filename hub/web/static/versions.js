// The versions of a rule, the newest first, each with what it changed and a way back to it.

import { data, h } from "./dom.js";
import { ms, time } from "./format.js";
import { say, t } from "./i18n.js";

/** Lines of both texts in order, each with " ", "-" or "+". */
export function diff(before, after) {
  const [a, b] = [before, after].map((text) => (text ? text.trimEnd().split("\n") : []));
  const long = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) long[i][j] = a[i] === b[j] ? long[i + 1][j + 1] + 1 : Math.max(long[i + 1][j], long[i][j + 1]);
  }
  const found = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) found.push([" ", a[i++], j++]);
    else if (j >= b.length || (i < a.length && long[i + 1][j] >= long[i][j + 1])) found.push(["-", a[i++]]);
    else found.push(["+", b[j++]]);
  }
  return found;
}

function changes(before, after) {
  const kinds = { "-": "del", "+": "ins", " ": "span" };
  return h("pre.diff", {}, diff(before, after).map(([sign, line]) => h(kinds[sign], {}, `${sign} ${line}\n`)));
}

/** known: {versions, base}; pickUp(version) brings its text back into the editor. */
export function versions(known, pickUp) {
  const list = known.versions.map((one, at) => {
    const before = known.versions[at + 1];
    const words = say(one.toml ? "rule.savedBy" : "rule.takenBackBy", { n: one.number, name: data(one.by) });
    return h(
      "li",
      {},
      time(ms(one.at)),
      h(
        "div",
        {},
        h("strong", {}, words),
        at ? null : [" ", h("span.tag", {}, t("rule.newest"))],
        h("p.quote", {}, data(one.why)),
        h("details", {}, h("summary", {}, t("rule.changes")), changes(before ? before.toml || known.base : known.base, one.toml || known.base)),
        at ? h("button", { type: "button", on: { click: () => pickUp(one) } }, t("rule.back")) : null,
      ),
    );
  });
  const base = known.base ? h("li", {}, h("span.faint", {}, t("rule.theFile")), h("div", {}, h("details", {}, h("summary", {}, t("rule.asWritten")), h("pre", {}, known.base)))) : null;
  return [h("h2", {}, t("rule.versions")), h("ol.timeline.versions", {}, list, base)];
}
