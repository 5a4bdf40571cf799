// The armed map: in which places a critical rule could not fire right now, and why.

import { get, sentence } from "./api.js";
import { data, h, show, visible } from "./dom.js";
import { age, ms, now, number, place, quantityName } from "./format.js";
import { language, pick, t } from "./i18n.js";
import { mark } from "./marks.js";
import { deviceLink } from "./why.js";

const FRESH = 60000;
const known = { at: 0, blind: null, asking: false };

async function count() {
  if (known.asking || Date.now() - known.at < FRESH) return;
  known.asking = true;
  try {
    known.blind = (await get("armed/count")).blind;
  } catch {
    known.blind = null; // a hub without it, or away: nothing is said then
  }
  known.at = Date.now();
  known.asking = false;
  document.querySelectorAll("[data-blind]").forEach((element) => element.redraw());
}

/** How many blind spots there are, beside a link to the map; it asks by itself, once a minute. */
export function blindness() {
  const element = h("span.figure", { "data-blind": true });
  element.redraw = () => show(element, known.blind ? ` · ${t("armed.blind", { n: number(known.blind) })}` : "");
  element.redraw();
  count();
  return element;
}

/** For the first screen: nothing while all is well. */
export function blindLine() {
  const element = h("p.quiet.blindline", { "data-blind": true });
  element.redraw = () =>
    show(element, known.blind ? h("a.count", { href: "#/armed" }, mark("unknown"), h("span", {}, t("armed.blind", { n: number(known.blind) })), " →") : "");
  element.redraw();
  count();
  return element;
}

export function armed(root) {
  const body = h("div");
  let alive = true;
  show(root, h("h1", {}, t("armed.title")), body);

  async function load() {
    if (!body.firstChild) show(body, h("p.quiet", {}, t("list.loading")));
    try {
      const map = await get("armed");
      if (alive && !body.contains(document.activeElement)) draw(map);
    } catch (trouble) {
      if (alive && !body.querySelector(".armed")) show(body, h("p.problem", { role: "alert" }, visible(t("list.failed", { why: sentence(trouble) }))));
    }
  }

  function draw(map) {
    const open = new Set([...body.querySelectorAll("details[open]")].map((one) => one.dataset.key));
    const armed = map.buildings.reduce((sum, one) => sum + one.armed, 0);
    if (!armed && !map.blind && !map.resting) {
      show(body, h("p.armed.empty", {}, t("armed.nothing")), h("p.quiet", {}, t("armed.nothingHint")), byRule(map.rules));
      return;
    }
    show(
      body,
      h(
        `header.story.armed.${map.blind ? "warning" : "taken"}`,
        {},
        h("p.what.big", {}, map.blind ? [mark("unknown"), " ", t("armed.blind", { n: number(map.blind) })] : [mark("ok"), " ", t("armed.none")]),
        h("p", {}, t(map.blind ? "armed.hint" : "armed.noneHint")),
        h("p.faint.figure", {}, t("armed.counted", { n: number(armed) }), map.resting ? [" · ", t("armed.resting", { n: number(map.resting) })] : null, " · ", t("age.ago", { age: age(now() - ms(map.at)) })),
      ),
      map.buildings.map((one) => building(one, open)),
      map.unheard_count ? unheard(map, open) : null,
      byRule(map.rules),
    );
  }

  load();
  const again = setInterval(load, 30000);
  return { close: () => ((alive = false), clearInterval(again)), title: () => t("armed.title") };
}

function building(one, open) {
  const troubled = one.places.filter((spot) => !spot.resting);
  const resting = one.places.filter((spot) => spot.resting);
  const head = h(
    "summary",
    {},
    h("strong", {}, one.place ? place(one.place) : t("armed.elsewhere")),
    " ",
    h("span.figure", {}, one.blind ? [mark("unknown"), " ", t("armed.blind", { n: number(one.blind) }), " · "] : null, t("armed.counted", { n: number(one.armed) })),
  );
  const key = one.id || "-";
  return h(
    "details.block",
    { open: one.blind > 0 || open.has(key), "data-key": key },
    head,
    troubled.length ? h("ul.rows", {}, troubled.map(spot)) : null,
    one.blind > troubled.length ? h("p.faint", {}, t("rules.more", { n: number(one.blind - troubled.length) })) : null,
    resting.length ? [h("p.faint", {}, t("armed.restingHere")), h("ul.rows", {}, resting.map(spot))] : null,
    one.blind || one.resting ? null : h("p.quiet", {}, t("armed.allHere")),
  );
}

function because(reasons) {
  return h("span", {}, reasons.map((one) => data(pick(one))).flatMap((part, at) => (at ? [language === "zh" ? "" : " ", part] : [part])));
}

function spot(one) {
  return h(
    "li.row.blind",
    {},
    h("span.name", {}, one.device ? deviceLink(one.device, pick(one.place)) : place(one.place), one.quantity ? [" ", h("span.faint", {}, quantityName(one.quantity, one.channel))] : null),
    because(one.why),
    h("a.faint", { href: `#/rules/${encodeURIComponent(one.rule)}` }, data(pick(one.name) || one.rule)),
  );
}

function unheard(map, open) {
  const rows = map.unheard.map((one) =>
    h("li.row.blind", {}, h("span.name", {}, deviceLink(one.device, one.name || one.device)), place(one.place), h("span.faint", {}, data(one.device))),
  );
  const more = map.unheard_count - map.unheard.length;
  return h(
    "details.block",
    { open: map.unheard_count < 20 || open.has("unheard"), "data-key": "unheard" },
    h("summary", {}, h("strong", {}, t("armed.unheard")), " ", h("span.figure", {}, t("home.devicesHere", { n: number(map.unheard_count) }))),
    h("p.faint", {}, t("armed.unheardHint")),
    h("ul.rows", {}, rows),
    more > 0 ? h("p.faint", {}, t("rules.more", { n: number(more) })) : null,
  );
}

function byRule(rules) {
  const idle = rules.filter((one) => !one.why.length && !one.blind && !one.armed);
  const rest = rules.filter((one) => !idle.includes(one));
  if (!rules.length) return null;
  const names = idle.flatMap((one, at) => [at ? ", " : " ", h("a", { href: `#/rules/${encodeURIComponent(one.rule)}` }, data(pick(one.name) || one.rule))]);
  return [h("h2", {}, t("armed.rules")), rest.length ? h("ul.rows", {}, rest.map(rule)) : null, idle.length ? h("p.faint", {}, t("armed.noPlace"), names) : null];
}

function rule(one) {
  return h(
    "li.row.blind",
    {},
    h("span.name", {}, h("a", { href: `#/rules/${encodeURIComponent(one.rule)}` }, data(pick(one.name) || one.rule))),
    one.why.length ? because(one.why) : h("span.figure", {}, one.blind ? t("armed.blind", { n: number(one.blind) }) : t("armed.allHere")),
    h("span.faint.figure", {}, t("armed.counted", { n: number(one.armed) })),
  );
}
