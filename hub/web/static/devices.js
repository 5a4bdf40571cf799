// All devices: paged, searched, those with open alerts first.

import { data, h, show } from "./dom.js";
import { channelOf, figure, ms, placeOf, quantityName, since, what } from "./format.js";
import { get } from "./api.js";
import { pick, say, t } from "./i18n.js";
import { measured } from "./incident.js";
import { choices, list, search } from "./list.js";
import { hear } from "./live.js";
import { badge } from "./marks.js";
import { openAlerts } from "./state.js";

const AT_ONCE = 20; // rows that are drawn anew at once
const MAIN = [
  "fire.smoke", "fire.heat", "fire.co", "fire.gas", "fire.water", "fire.", "safety.", "parking.occupied", "power.active", "health.heart_rate", "energy.", "water.", "charger.", "health.", "air.temperature",
];

/** The reading that stands for a device in a list. */
function main(latest) {
  for (const wanted of MAIN) {
    const found = latest.find((one) => one.quantity.startsWith(wanted));
    if (found) return found;
  }
  return latest[0];
}

export function deviceName(device) {
  return data(device.name || device.id);
}

function shown(reading, device) {
  return [h("span.faint", {}, quantityName(reading.quantity, channelOf(reading, device.latest))), " ", figure(reading.value, reading.quantity, reading.unit)];
}

/** What is wrong with it comes before what it measures. */
function row(device) {
  const reading = main(device.latest);
  const trouble = openAlerts().find((one) => one.device === device.id);
  const worst = trouble?.severity || device.worst || (device.silent ? "unknown" : null);
  const where = placeOf(device);
  return h(
    "li.row.thing",
    {},
    h(
      "a",
      { href: `#/devices/${encodeURIComponent(device.id)}` },
      h("span.lead", {}, worst ? badge(worst) : null, device.accepted ? null : h("span.tag", {}, t("devices.unknown"))),
      h("span.name", {}, deviceName(device), where ? [" ", h("span.faint", {}, where)] : null),
      h("span.detail", {}, trouble ? [h("strong", {}, data(what(trouble))), " ", measured(trouble)] : reading ? shown(reading, device) : null),
      h("span.tail", {}, device.last_seen ? since(ms(device.last_seen), "age.ago") : h("span", {}, t("device.neverHeard"))),
    ),
  );
}

/** An open list follows the alerts: anew while its top is seen, where trouble stands first; otherwise row by row. */
function follow(rows) {
  const changed = new Set();
  let waiting = 0;

  async function draw() {
    waiting = 0;
    const ids = [...changed];
    changed.clear();
    if (scrollY < 200 && !rows.element.contains(document.activeElement)) return rows.reload();
    for (const id of ids.filter((one) => rows.has((item) => item.id === one)).slice(0, AT_ONCE)) {
      const device = await get(`devices/${encodeURIComponent(id)}`).catch(() => null); // the line to the hub says that it is lost
      if (device) rows.replace((item) => item.id === id, device);
    }
  }

  const close = hear((alert) => {
    changed.add(alert.device);
    waiting ||= setTimeout(draw, 500);
  });
  return () => (clearTimeout(waiting), close());
}

export function devices(root, _, params, keepParams) {
  const chosen = { search: params.get("search") || "", space: params.get("space") || "", domain: params.get("domain") || "", accepted: params.get("accepted") || "" };
  const rows = list("devices", () => chosen, row, ["devices.none", "devices.noneHint", "home.emptyHint"]);
  const filters = h("div.filters");
  const where = h("span");

  function change(changes) {
    Object.assign(chosen, changes);
    keepParams(chosen);
    draw();
    rows.reload();
  }

  function draw() {
    const options = [["", t("devices.all")], ...["energy", "parking", "fire", "health"].map((one) => [one, t(`devices.${one}`)]), ["new", t("devices.unknown")]];
    const current = chosen.accepted === "false" ? "new" : chosen.domain;
    show(
      filters,
      choices("list.filter", options, current, (value) =>
        change(value === "new" ? { domain: "", accepted: "false" } : { domain: value, accepted: "" }),
      ),
      chosen.space ? h("button.chip", { type: "button", "aria-pressed": "true", on: { click: () => change({ space: "" }) } }, where, " ×") : null,
    );
  }

  async function nameSpace() {
    const spaces = await get("spaces").catch(() => null);
    const found = spaces?.items.find((one) => one.id === chosen.space);
    show(where, say("devices.within", { place: data(found ? pick({ en: found.name_en, zh: found.name }) : chosen.space) }));
  }

  if (chosen.space) nameSpace();
  draw();
  const field = search("devices.search", chosen.search, (value) => change({ search: value }));
  show(root, h("h1", {}, t("devices.title")), field, filters, rows.element);
  const stop = follow(rows);
  return { close: stop, title: () => t("devices.title") };
}
