// Asks the hub what may take a minute, with a clock that runs and a way to stop waiting.

import { Trouble, spoken } from "./api.js";
import { h, show } from "./dom.js";
import { t } from "./i18n.js";

const AT_MOST = 150000;

async function ask(path, options) {
  let response;
  try {
    response = await fetch(`/api/v1/${path}`, spoken(options));
  } catch (mistake) {
    if (options.signal.aborted && !options.signal.late) throw null;
    throw new Trouble(t("ask.unreachable"));
  }
  const body = await response.json().catch(() => null);
  if (!body) throw new Trouble(t("ask.unreachable"), response.status);
  if (!response.ok) throw new Trouble(body.detail || body.title, response.status);
  return body;
}

/** Shows in `place` that something goes on; gives the answer, or null when somebody stopped waiting. Throws Trouble. */
export async function patiently(place, path, body) {
  const stop = new AbortController();
  const began = performance.now();
  const clock = h("span.figure");
  const tick = () => show(clock, t("age.s", { n: Math.round((performance.now() - began) / 1000) }));
  const ticking = setInterval(tick, 1000);
  const late = setTimeout(() => ((stop.signal.late = true), stop.abort()), AT_MOST);
  tick();
  show(
    place,
    h("p.working", { role: "status" }, h("span.pulse"), h("span", {}, t("slow.working")), clock, h("button.link", { type: "button", on: { click: () => stop.abort() } }, t("ask.cancel"))),
  );
  try {
    const options = body ? { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) } : {};
    return await ask(path, { ...options, signal: stop.signal });
  } catch (trouble) {
    if (trouble === null) return null;
    throw trouble;
  } finally {
    clearInterval(ticking);
    clearTimeout(late);
    show(place);
  }
}
