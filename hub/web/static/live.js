// The live line to the hub: says at once when it is lost, heals itself, and asks for what was missed.

import { get } from "./api.js";
import { settle } from "./i18n.js";
import { changed, keep, openTotal, state } from "./state.js";

const QUIET = 16000; // the hub sends a status every 5 s; three missed mean the line is dead, whatever the browser thinks
const AGAIN = 3000; // ms: a line that ends is opened again at once and nothing said, unless that was done so shortly before
const FIRST = 200; // open alerts asked for; the worst come first

const readers = new Set(); // called with each batch of readings
const hearers = new Set(); // called with each changed alert
let source = null;
let device = "";
let lastId = "";
let lastHeard = 0;
let reopened = 0;
let retry = 0;
let asking = null;
let meanwhile = []; // alerts heard while asking: newer than the answer

export function start() {
  open();
  setInterval(() => {
    if (state.line !== "lost" && Date.now() - lastHeard > QUIET) lost();
  }, 1000);
  addEventListener("offline", lost);
  addEventListener("online", reopen);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && state.line === "lost") reopen();
  });
}

/** Readings of this device from now on ('' for none). */
export function watch(id, reader) {
  if (reader) readers.add(reader);
  if (id !== device) {
    device = id;
    reopen();
  }
  return () => {
    readers.delete(reader);
    if (device === id) device = "";
  };
}

export function hear(hearer) {
  hearers.add(hearer);
  return () => hearers.delete(hearer);
}

function open() {
  clearTimeout(retry);
  lastHeard = Date.now();
  const query = new URLSearchParams({ kinds: device ? "alert,reading,status" : "alert,status" });
  if (device) query.set("device", device);
  if (lastId) query.set("after", lastId);
  const mine = (source = new EventSource(`/api/v1/stream?${query}`));
  mine.addEventListener("status", (event) => heard(event, status));
  mine.addEventListener("alert", (event) => heard(event, alert));
  mine.addEventListener("reading", (event) => heard(event, (batch) => readers.forEach((reader) => reader(batch))));
  mine.onerror = () => {
    if (mine !== source) return;
    if (state.line !== "up" || Date.now() - reopened < AGAIN) lost();
    else {
      reopened = Date.now(); // the hub ends a line that cannot keep up, such as with a thousand answers at once
      reopen();
    }
  };
}

function reopen() {
  if (source) source.close();
  open();
}

function heard(event, take) {
  lastHeard = Date.now();
  if (event.lastEventId) lastId = event.lastEventId;
  take(JSON.parse(event.data));
}

function lost() {
  if (source) source.close();
  source = null;
  if (state.line !== "lost") {
    state.line = "lost";
    state.lostAt = lastHeard + state.clock;
    changed();
  }
  clearTimeout(retry);
  retry = setTimeout(open, 1500 + Math.random() * 1500);
}

function alert(changedAlert) {
  keep(changedAlert);
  if (asking) meanwhile.push(changedAlert);
  hearers.forEach((hearer) => hearer(changedAlert));
}

function status(overview) {
  const fresh = state.line !== "up" || overview.resync;
  state.clock = Date.parse(overview.now) - Date.now();
  state.overview = overview;
  state.zone = overview.site.zone;
  if (!state.site) settle(overview.site.language);
  state.site = overview.site;
  state.line = "up";
  changed();
  if (fresh || (openTotal() > state.open.size && state.open.size < FIRST / 2)) load();
}

/** Asks for the open alerts anew. */
export function load() {
  asking ??= Promise.all([
    get("alerts", { state: "open", limit: FIRST }),
    state.quantities.size ? null : get("quantities"),
  ])
    .then(([alerts, quantities]) => {
      state.open = new Map(alerts.items.map((one) => [one.id, one]));
      meanwhile.forEach(keep);
      if (quantities) state.quantities = new Map(quantities.items.map((one) => [one.name, one]));
      state.loaded = true;
      changed();
    })
    .catch(lost)
    .finally(() => {
      asking = null;
      meanwhile = [];
    });
  return asking;
}
