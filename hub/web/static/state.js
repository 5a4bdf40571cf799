// What the page knows: one object, told to whoever listens when it changes.

export const state = {
  zone: "UTC",
  clock: 0, // the hub's clock minus ours, ms
  site: null,
  overview: null,
  quantities: new Map(),
  open: new Map(), // firing alerts by id, as far as loaded
  loaded: false, // the open alerts are known
  line: "opening", // opening | up | lost
  lostAt: null,
};

const listeners = new Set();
let scheduled = false;

export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** A part of the page that fails does not keep the others from hearing of an alert. */
function tell(listener) {
  try {
    listener();
  } catch (mistake) {
    reportError(mistake);
  }
}

const TOGETHER = 30; // ms
const SHARE = 4; // in a storm the page draws a quarter of the time at most, and listens to people meanwhile

/** Tells everybody once, however many changes come together. */
export function changed() {
  sorted = null;
  if (scheduled) return;
  scheduled = true;
  setTimeout(() => {
    scheduled = false;
    const began = performance.now();
    for (const listener of [...listeners]) tell(listener);
    rest = (performance.now() - began) * (SHARE - 1);
  }, Math.max(TOGETHER, rest));
}

let rest = 0;
let sorted = null;
const RANK = { critical: 0, warning: 1, info: 2 };

function urgency(alert) {
  return RANK[alert.severity] * 2 + Boolean(alert.acknowledged_by);
}

/** Worst first, unacknowledged before acknowledged, oldest first. Not to be changed. */
export function openAlerts() {
  sorted ??= [...state.open.values()].sort((a, b) => {
    const [one, other] = [a.raised_at || a.at, b.raised_at || b.at]; // ISO 8601: compares as text
    return urgency(a) - urgency(b) || (one < other ? -1 : one > other ? 1 : 0);
  });
  return sorted;
}

export function keep(alert) {
  const known = state.open.get(alert.id);
  if (known && known.revision > alert.revision) return;
  if (alert.state === "firing") state.open.set(alert.id, alert);
  else state.open.delete(alert.id);
  changed();
}

/** How many are open in all: what the hub counts, never fewer than what is here. */
export function openTotal() {
  const counted = state.overview ? Object.values(state.overview.open).reduce((sum, n) => sum + n, 0) : 0;
  return Math.max(counted, state.open.size);
}
