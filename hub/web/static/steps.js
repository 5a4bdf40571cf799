// What to do, in the order in which a person takes it: the hub hands the steps over, as it sends them in messages.

import { data, h } from "./dom.js";
import { pick } from "./i18n.js";

/** `given`: each step in both languages. */
export function steps(given) {
  return h("ol.steps", {}, given.map((step) => h("li", {}, data(pick(step)))));
}

/** Whatever comes from a fire detector, even that it is silent. */
export function aboutFire(alert, device) {
  return alert.quantity.startsWith("fire.") || Boolean(device?.latest.some((one) => one.quantity.startsWith("fire.")));
}
