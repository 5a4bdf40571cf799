// What to do: the steps for a kind of alert, in the order in which a person takes them.

import { h } from "./dom.js";
import { has, t } from "./i18n.js";

const STEPS = [
  ["fire.smoke", "fire"], ["fire.heat", "fire"], ["fire.co", "co"], ["fire.gas", "gas"], ["fire.water", "pressure"],
  ["fire.fault", "fault"], ["fire", "fire"], ["safety", "help"], ["health", "health"], ["water.leak", "leak"],
  ["device.battery", "battery"], ["device.fault", "fault"], ["device.online", "silent"], ["power", "power"],
  ["current", "power"], ["voltage", "power"], ["parking", "parking"],
];

function kind(alert) {
  if (!alert.quantity || (alert.silent && alert.value === null)) return "silent";
  const found = STEPS.find(([prefix]) => alert.quantity === prefix || alert.quantity.startsWith(`${prefix}.`));
  return found ? found[1] : "other";
}

export function steps(alert) {
  const found = [1, 2, 3, 4].map((n) => `steps.${kind(alert)}.${n}`).filter(has);
  return h("ol.steps", {}, found.map((key) => h("li", {}, t(key))));
}

/** Whatever comes from a fire detector, even that it is silent. */
export function aboutFire(alert, device) {
  return alert.quantity.startsWith("fire.") || Boolean(device?.latest.some((one) => one.quantity.startsWith("fire.")));
}
