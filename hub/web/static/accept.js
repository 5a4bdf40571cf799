// Accepting a device that nobody has announced: what it is called and where it is.

import { get, post, sentence } from "./api.js";
import { h, show, visible } from "./dom.js";
import { pick, t } from "./i18n.js";

const SUGGESTED = 40;

/** "Building 3, entrance 2, flat 502, kitchen" for every space, the community itself left out. */
function labels(spaces) {
  const byId = new Map(spaces.map((one) => [one.id, one]));
  const label = new Map();
  for (const space of spaces) {
    const names = [];
    const seen = new Set();
    for (let one = space; one && one.parent && !seen.has(one.id); one = byId.get(one.parent)) {
      seen.add(one.id);
      names.unshift(pick({ en: one.name_en, zh: one.name }));
    }
    label.set(names.map(visible).join(" ") || visible(space.name), space.id);
  }
  return label;
}

export function accept(device, done) {
  const known = h("datalist", { id: "places" });
  const problem = h("p.problem", { role: "alert" });
  const name = h("input", { name: "name", maxlength: 200, value: visible(device.name) });
  const where = h("input", { name: "place", list: "places", autocomplete: "off", on: { input: suggest, focus: suggest } });
  let byLabel = null;
  let asking = null;

  async function places() {
    asking ??= get("spaces").then((page) => labels(page.items));
    byLabel = await asking;
    return byLabel;
  }

  async function suggest() {
    try {
      await places();
    } catch (trouble) {
      asking = null;
      show(problem, visible(sentence(trouble)));
      return;
    }
    const wanted = where.value.toLowerCase().split(/\s+/);
    const found = [...byLabel.keys()].filter((label) => wanted.every((part) => label.toLowerCase().includes(part)));
    show(known, found.slice(0, SUGGESTED).map((value) => h("option", { value })));
  }

  async function submit(event) {
    event.preventDefault();
    try {
      const space = where.value.trim() ? (await places()).get(where.value.trim()) : "";
      if (space === undefined) {
        show(problem, t("device.acceptUnknown"));
        return;
      }
      const called = name.value === visible(device.name) ? "" : name.value.trim();
      done(await post(`devices/${encodeURIComponent(device.id)}/accept`, { space, name: called }));
    } catch (trouble) {
      show(problem, visible(t("ask.failed", { why: sentence(trouble) })));
    }
  }

  return h(
    "form.accept",
    { on: { submit } },
    h("p", {}, h("strong", {}, t("device.new"))),
    h("p.faint", {}, t("device.newHint")),
    h("label", {}, h("span", {}, t("device.acceptName")), name),
    h("label", {}, h("span", {}, t("device.acceptPlace")), where, known),
    problem,
    h("div.buttons", {}, h("button.primary", { type: "submit" }, t("device.accept"))),
  );
}
