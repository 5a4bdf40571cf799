// Moments as they stand in a field for date and time, on the community's own clock.

import { state } from "./state.js";

function parts(at) {
  const format = new Intl.DateTimeFormat("en-CA", {
    timeZone: state.zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
  return Object.fromEntries(format.formatToParts(at).map((part) => [part.type, part.value]));
}

/** ms -> "2026-10-05T11:04:05" */
export function toZone(at) {
  const { year, month, day, hour, minute, second } = parts(at);
  return `${year}-${month}-${day}T${hour}:${minute}:${second}`;
}

/** The reverse; of an hour that comes twice the first, of one that does not exist the one after. */
export function fromZone(text) {
  const wanted = Date.parse(`${text.length === 16 ? `${text}:00` : text}Z`);
  const ahead = (at) => Date.parse(`${toZone(at)}Z`) - at;
  const guesses = [wanted - ahead(wanted - 86400000), wanted - ahead(wanted + 86400000)].sort((a, b) => a - b);
  return guesses.find((at) => at + ahead(at) === wanted) ?? guesses[1];
}
