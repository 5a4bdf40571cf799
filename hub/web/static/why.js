// Why, and why not: what each rule made of a device, now or at a moment in the past.

import { sentence } from "./api.js";
import { data, h, show, visible } from "./dom.js";
import { exact, figure, ms, now, place, quantityName, remarks, time } from "./format.js";
import { pick, t } from "./i18n.js";
import { badge, mark } from "./marks.js";
import { patiently } from "./slow.js";
import { fromZone, toZone } from "./zone.js";

export function deviceLink(device, name) {
  return h("a", { href: `#/devices/${encodeURIComponent(device)}` }, data(name || device));
}

/** Where the reasons of a device stand, at a moment (ms) or now. */
export function whyLink(device, at) {
  const query = new URLSearchParams({ device, ...(at ? { at: new Date(at).toISOString() } : {}) });
  return h("a.button", { href: `#/why?${query}` }, t("why.link"));
}

export function why(root, _, params, keepParams) {
  const body = h("div");
  let device = params.get("device") || "";
  let at = params.get("at") ? Date.parse(params.get("at")) : null;
  let turn = 0;

  const field = h("input", { type: "datetime-local", step: 1, name: "at", max: toZone(now()) });
  const form = h(
    "form.filters.asking",
    {
      on: {
        submit: (event) => {
          event.preventDefault();
          go(field.value ? fromZone(field.value) : null);
        },
      },
    },
    h("label", {}, h("span", {}, t("why.moment")), field),
    h("button.primary", { type: "submit" }, t("why.ask")),
    h("button", { type: "button", on: { click: () => go(null) } }, t("why.now")),
  );

  function go(moment) {
    at = moment;
    keepParams({ device, at: at ? new Date(at).toISOString() : "" });
    load();
  }

  async function load() {
    const mine = ++turn;
    field.value = at ? toZone(at) : "";
    if (!device) return show(body, h("p.empty", {}, t("why.noDevice")), h("a.button", { href: "#/devices" }, t("devices.title")));
    const query = new URLSearchParams({ device, ...(at ? { at: new Date(at).toISOString() } : {}) });
    try {
      const told = await patiently(body, `why?${query}`);
      if (told && mine === turn) draw(told);
    } catch (trouble) {
      if (mine === turn) show(body, h("p.problem", { role: "alert" }, visible(sentence(trouble))));
    }
  }

  function draw(told) {
    const seen = told.rules.filter((one) => one.sees);
    const others = told.rules.filter((one) => !one.sees);
    show(
      body,
      h("p.faint", {}, told.live ? t("why.live") : t("why.past", { time: exact(ms(told.at)) })),
      seen.length ? h("div.judged", {}, seen.map(judged)) : h("p.empty", {}, t("why.noRule")),
      others.length ? h("details.block", {}, h("summary", {}, t("why.others", { n: others.length })), h("div.judged", {}, others.map(judged))) : null,
      h("h2", {}, t("why.readings")),
      told.readings.length ? readings(told.readings) : h("p.quiet", {}, t("device.noLatest")),
    );
    show(where, place(told.place, device), " ", h("span.faint", {}, deviceLink(device, device)));
  }

  const where = h("p.what", {}, data(device));
  show(root, h("h1", {}, t("why.title")), where, h("p.quiet", {}, t("why.about")), form, body);
  load();
  return { close: () => turn++, title: () => t("why.title") };
}

function verdict(one) {
  if (!one.sees) return ["unknown", t("why.unseen")];
  if (one.state === "firing") return [one.severity, t("why.firing")];
  if (one.state === "pending") return ["info", t("why.pending")];
  if (one.verdict === null) return ["unknown", t("why.cannotTell")];
  return one.verdict ? ["unknown", t("why.heldBack")] : ["ok", t("why.clear")];
}

function judged(one) {
  const [shape, words] = verdict(one);
  const limit = one.threshold === null ? null : [" · ", t("alert.limit", { value: figure(one.threshold, one.quantity).textContent })];
  return h(
    "article.verdict",
    {},
    h("p.head", {}, shape === one.severity ? badge(shape) : mark(shape), h("strong", {}, words), one.state === "firing" && one.alert ? h("a", { href: `#/alerts/${encodeURIComponent(one.alert)}` }, t("why.alert")) : null),
    h("p", {}, h("a.name", { href: `#/rules/${encodeURIComponent(one.rule)}` }, data(pick(one.name) || one.rule))),
    one.sees && one.quantity ? h("p.faint", {}, quantityName(one.quantity, one.channel), one.value === null ? null : [" ", figure(one.value, one.quantity)], one.at ? [" · ", time(ms(one.at))] : null, limit) : null,
    h("ul.reasons", {}, one.why.map((reason) => h("li", {}, data(pick(reason))))),
  );
}

function readings(list) {
  const rows = list.map((one) =>
    h("tr", {}, h("td.figure", {}, one.time ? exact(ms(one.time)) : ""), h("td", {}, quantityName(one.quantity, one.channel)), h("td.figure", {}, figure(one.value, one.quantity)), h("td", {}, remarks(one.quality))),
  );
  const head = h("tr", {}, ["device.time", "report.what", "device.value", "device.quality"].map((key) => h("th", {}, t(key))));
  return h("div.scroll.tidy", {}, h("table", {}, h("thead", {}, head), h("tbody", {}, rows)));
}
