// Keeps what is shown of a waiting alert true: reminders go out without any change of the alert itself.

import { ms, now } from "./format.js";

const EVERY = 5000;

/** Calls `load` every few seconds and right after the promised time of `next()`, while `waits()` and somebody looks. */
export function keepFresh(waits, next, load) {
  let asked = Date.now();
  const clock = setInterval(() => {
    if (document.hidden || !waits()) return;
    const due = next() && ms(next().at) < now() && Date.now() - asked > 1000;
    if (!due && Date.now() - asked < EVERY) return;
    asked = Date.now();
    load();
  }, 500);
  return () => clearInterval(clock);
}
