// The open incidents as the hub groups them, asked for anew when alerts change; and what stands on the first screen.

import { get } from "./api.js";
import { now } from "./format.js";
import { pick } from "./i18n.js";
import { hear } from "./live.js";
import { changed, keep, listen, openAlerts, openTotal, state } from "./state.js";

const EVERY = 1000; // ms between two questions, however many alerts change
const MOST = 200;
const SLACK = 3000; // ms: an alert raised so shortly before the answer may not be in it
const RANK = { critical: 0, warning: 1, info: 2 };

let known = null; // incidents, as the hub said last
let asked = 0;
let fresh = new Map(); // alerts heard since that question
let busy = false;
let again = false;
let waiting = 0;
const missing = new Set(); // leads that have been asked for

export function startIncidents() {
  let seen = null;
  listen(() => {
    if (state.overview === seen) return;
    seen = state.overview; // with every status, so that nothing missed stays missed
    ask();
  });
  hear((alert) => {
    fresh.set(alert.id, alert);
    ask();
  });
}

/** Asks as soon as `EVERY` allows it. */
export function ask() {
  if (busy) again = true;
  else if (!waiting) waiting = setTimeout(question, Math.max(0, asked + EVERY - now()));
}

async function question() {
  waiting = 0;
  busy = true;
  asked = now();
  const heard = fresh;
  fresh = new Map();
  try {
    if (!openTotal()) known = [];
    else {
      const page = await get("incidents", { state: "firing", limit: MOST });
      known = page.items.filter((one) => one.firing);
    }
    changed();
  } catch {
    fresh = new Map([...heard, ...fresh]); // the line to the hub says that it is lost; the next alert or status asks again
  }
  busy = false;
  if (again) ask();
  again = false;
}

/** Somebody has just acknowledged it here: no need to wait for the hub's own word. */
export function taken(id) {
  const found = known?.find((one) => one.id === id);
  if (found) found.unacknowledged = 0;
  ask();
  changed();
}

/** As the hub groups them: fire is one cause whatever the rule; a person in need is alone. */
function joins(incident, alert) {
  if (/^(safety|health)\./.test(alert.quantity)) return false;
  const cause = alert.severity === "critical" && alert.quantity.startsWith("fire.") ? "fire" : alert.rule;
  return cause === incident.kind && Boolean(pick(incident.place)) && pick(alert.place).startsWith(pick(incident.place));
}

function ofGroup(incident) {
  return { id: incident.id, incident, severity: incident.severity, answered: !incident.unacknowledged, at: incident.opened_at };
}

/** `incident`: the one it is the only member of, where that is known already. */
function single(alert, incident) {
  return { id: alert.id, alert, incident, severity: alert.severity, answered: Boolean(alert.acknowledged_by), at: alert.raised_at || alert.at };
}

/** [{incident} or {alert}], worst first, unacknowledged before acknowledged, oldest first. */
export function standing() {
  if (!known) return state.loaded ? openAlerts().map((alert) => single(alert)) : [];
  const found = [];
  const leads = new Set(known.map((one) => one.lead));
  const late = [...fresh.values()].filter(
    (one) => one.state === "firing" && !leads.has(one.id) && Date.parse(one.raised_at || one.at) > asked - SLACK,
  );
  for (const incident of known) {
    const joined = late.some((alert) => joins(incident, alert));
    const alert = state.open.get(incident.lead);
    if (incident.members > 1 || joined) found.push(ofGroup(incident));
    else if (alert) found.push(single(alert, incident));
    else fetchLead(incident.lead);
  }
  found.push(...late.filter((alert) => state.open.has(alert.id) && !known.some((one) => joins(one, alert))).map((alert) => single(alert)));
  return found.sort((a, b) => RANK[a.severity] - RANK[b.severity] || a.answered - b.answered || a.at.localeCompare(b.at));
}

/** Among very many open alerts this one has not been loaded. */
function fetchLead(id) {
  if (missing.has(id) || missing.size > MOST) return;
  missing.add(id);
  get(`alerts/${encodeURIComponent(id)}`).then((story) => keep(story.alert), () => missing.delete(id));
}
