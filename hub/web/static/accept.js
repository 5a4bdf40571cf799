// Accepting a device that nobody has announced: what it is called and where it is.

import { post, sentence } from "./api.js";
import { h, show, visible } from "./dom.js";
import { t } from "./i18n.js";
import { placeField } from "./places.js";

export function accept(device, done) {
  const problem = h("p.problem", { role: "alert" });
  const name = h("input", { name: "name", maxlength: 200, value: visible(device.name) });
  const where = placeField("place", (trouble) => show(problem, visible(sentence(trouble))));

  async function submit(event) {
    event.preventDefault();
    try {
      const space = await where.chosen();
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
    h("label", {}, h("span", {}, t("device.acceptPlace")), where.element),
    problem,
    h("div.buttons", {}, h("button.primary", { type: "submit" }, t("device.accept"))),
  );
}
