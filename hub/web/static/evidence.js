// The evidence of an alert as a chart: the readings before it, frozen as they were then, or the series until now.

import { readings } from "./api.js";
import { bucket, chart } from "./chart.js";
import { h, show, visible } from "./dom.js";
import { channelOf, ms, now, quantityName } from "./format.js";
import { pick, t } from "./i18n.js";
import { choices } from "./list.js";
import { state } from "./state.js";

const BEFORE = 30 * 60000;
const AFTER = 10 * 60000;
const LEAST = 60000; // ms a chart spans

/** Which of the frozen series speaks of the alert: its own; of a silent device the first. */
function series(one, frozen) {
  const own = frozen?.find((some) => some.quantity === one.quantity && some.channel === one.channel);
  return own ?? (one.quantity ? null : frozen?.find((some) => some.points.length)) ?? null;
}

function frozenPoints(points) {
  return points.map(([at, value]) => ({ at, min: value, max: value, mean: value, first: value, last: value, count: 1 }));
}

export function evidence(root) {
  let drawn = null;
  let chosen = "";
  let given = null; // {one, device, frozen}
  let turn = 0;

  function draw(one, device, frozen) {
    given = { one, device, frozen: series(one, frozen) };
    again();
  }

  async function again() {
    const mine = ++turn;
    const { one, device, frozen } = given;
    const subject = frozen ?? one;
    if (!subject.quantity) return;
    const kept = frozen?.points.length ? frozenPoints(frozen.points) : null;
    const how = kept && chosen !== "live" ? "frozen" : "live";
    const words = state.quantities.get(subject.quantity);
    const settings = {
      quantity: subject.quantity, unit: one.quantity ? one.unit : (words?.unit ?? ""), shape: words?.shape ?? "gauge", name: visible(pick(words) || subject.quantity),
      interval: device?.interval, threshold: one.quantity ? one.threshold : null, severity: one.severity, mark: ms(one.at), low: words?.low, high: words?.high,
      ...(how === "frozen" ? { points: kept, every: 0, ...around(kept, ms(one.at)) } : await live(one, subject)),
    };
    if (mine !== turn || !settings.points) return;
    if (drawn) drawn.update(settings);
    else drawn = chart(settings, null);
    const link = `#/devices/${encodeURIComponent(one.device)}?quantity=${encodeURIComponent(subject.quantity)}&channel=${encodeURIComponent(subject.channel)}`;
    const options = [["frozen", t("evidence.frozen")], ["live", t("evidence.live")]];
    show(
      root,
      h("h2", {}, t("alert.evidence")),
      h("p.faint", {}, h("a", { href: link }, quantityName(subject.quantity, channelOf(subject, device?.latest)))),
      kept ? choices("evidence.which", options, how, (value) => ((chosen = value), again())) : null,
      drawn.element,
    );
  }

  /** From the first frozen reading to a little after the alert. */
  function around(points, at) {
    const first = points[0].at;
    const span = Math.max(at - first, LEAST);
    return { from: at - span * 1.02, to: at + span * 0.06 };
  }

  async function live(one, subject) {
    const from = ms(one.at) - BEFORE;
    const to = Math.min(now(), (ms(one.resolved_at) ?? Math.max(ms(one.last_at), ms(one.at))) + AFTER);
    const every = bucket(to - from, root.clientWidth || 640);
    const page = await readings({ device: one.device, quantity: subject.quantity, channel: subject.channel }, from, to, every).catch(() => null);
    return page ? { from, to, every, points: page.items.map((item) => ({ ...item, at: ms(item.time) })) } : {};
  }

  return { draw, close: () => (turn++, drawn?.close()) };
}
