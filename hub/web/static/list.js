// A paged list with search and filters: loading, empty, failed and very long are states of it, not accidents.

import { get, sentence } from "./api.js";
import { h, show, visible } from "./dom.js";
import { number } from "./format.js";
import { t } from "./i18n.js";

const PAGE = 50;

/** Rows of `path` with `params()`, drawn by `row`; `empty` is [title, hint, hint without any filter]. Returns {element, reload, replace, has}. */
export function list(path, params, row, empty, limit = PAGE) {
  const rows = h("ul.rows");
  const foot = h("div.foot", { "aria-live": "polite" });
  const element = h("div.list", {}, rows, foot);
  let cursor = null;
  let shown = 0;
  let turn = 0;
  let drawn = []; // [item, its element]

  async function load(fresh) {
    const mine = ++turn;
    if (!fresh || !shown) show(foot, h("p.quiet", {}, t("list.loading")));
    try {
      const page = await get(path, { ...params(), limit, cursor: fresh ? "" : cursor });
      if (mine !== turn) return;
      if (fresh) {
        show(rows);
        shown = 0;
        drawn = [];
      }
      const more = page.items.map((item) => [item, row(item)]);
      drawn.push(...more);
      rows.append(...more.map(([, made]) => made));
      shown += page.items.length;
      cursor = page.next_cursor;
      finish(page.total);
    } catch (trouble) {
      if (mine !== turn) return;
      const again = h("button", { type: "button", on: { click: () => load(fresh) } }, t("list.again"));
      show(foot, h("p.problem", { role: "alert" }, visible(t("list.failed", { why: sentence(trouble) }))), again);
    }
  }

  function finish(total) {
    if (!shown && cursor) {
      show(foot, h("p.quiet", {}, t("list.notYet")), h("button", { type: "button", on: { click: () => load(false) } }, t("list.further")));
      return;
    }
    if (!shown) {
      const filtered = Object.values(params()).some(Boolean);
      if (!filtered && empty[2]) {
        show(foot, h("p.quiet", {}, t(empty[2])));
        return;
      }
      show(foot, empty[0] ? h("p.empty", {}, t(empty[0])) : null, empty[1] ? h("p.quiet", {}, t(empty[1])) : null);
      return;
    }
    const count = total === null ? number(shown) : t("list.of", { shown: number(shown), total: number(total) });
    show(
      foot,
      h("span.faint.figure", {}, count),
      cursor ? h("button", { type: "button", on: { click: () => load(false) } }, t("list.more")) : null,
    );
  }

  /** Draws one row anew; `wanted` finds its item. */
  function replace(wanted, item) {
    const found = drawn.find(([one]) => wanted(one));
    if (!found) return;
    const focused = found[1].contains(document.activeElement);
    const made = row(item);
    found[1].replaceWith(made);
    [found[0], found[1]] = [item, made];
    if (focused) made.querySelector("a, button")?.focus();
  }

  load(true);
  return { element, reload: () => load(true), replace, has: (wanted) => drawn.some(([one]) => wanted(one)) };
}

/** A search field that waits until the typing rests. */
export function search(label, value, changed) {
  let waiting = 0;
  const input = h("input", {
    type: "search",
    value,
    placeholder: t(label),
    "aria-label": t("list.search"),
    autocomplete: "off",
    maxlength: 200,
    on: {
      input: () => {
        clearTimeout(waiting);
        waiting = setTimeout(() => changed(input.value.trim()), 250);
      },
    },
  });
  return input;
}

/** One of a few: links that keep the rest of the address. */
export function choices(label, options, chosen, choose) {
  return h(
    "div.chips",
    { role: "group", "aria-label": t(label) },
    options.map(([value, content]) =>
      h("button.chip", { type: "button", "aria-pressed": value === chosen ? "true" : "false", on: { click: () => choose(value) } }, content),
    ),
  );
}
