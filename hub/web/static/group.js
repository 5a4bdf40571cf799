// One incident of several alerts: as a card on the first screen, and on a page of its own with its members.

import { get, post, sentence } from "./api.js";
import { complain, complaint, who } from "./ask.js";
import { data, h, show, visible } from "./dom.js";
import { ms, number, person, place, since, time } from "./format.js";
import { keepFresh } from "./fresh.js";
import { pick, say, t } from "./i18n.js";
import { pastIncident } from "./incident.js";
import { taken } from "./incidents.js";
import { hear } from "./live.js";
import { badge } from "./marks.js";
import { aboutFire, steps } from "./steps.js";
import { ladderList, ledger, toldLines } from "./told.js";

export function groupAddress(incident) {
  return `#/incidents/${encodeURIComponent(incident.id)}`;
}

/** "Fire", or the words of the alert it began with. */
function cause(incident) {
  return incident.kind === "fire" ? h("span.summary", {}, t("cause.fire")) : h("span.summary", {}, data(pick(incident.summary)));
}

/** "50 alerts, 48 open, 3 nobody has answered" */
function counts(incident) {
  const parts = [h("span.figure", {}, t("group.members", { n: number(incident.members) }))];
  if (incident.firing < incident.members) parts.push(h("span.figure", {}, t("group.firing", { n: number(incident.firing) })));
  if (incident.unacknowledged) parts.push(h("strong.figure", {}, t("group.waiting", { n: number(incident.unacknowledged) })));
  else if (incident.firing) parts.push(h("span", {}, t("group.inHand")));
  return parts.flatMap((part, at) => (at ? [" · ", part] : [part]));
}

/** One click for all its alerts. */
async function acknowledgeAll(incident, button) {
  const by = await who();
  if (!by) return;
  button.disabled = true;
  const words = button.textContent;
  show(button, t("list.loading")); // five thousand answers take the hub a moment
  try {
    await post(`incidents/${encodeURIComponent(incident.id)}/acknowledge`, { by, comment: "" });
    taken(incident.id);
  } catch (trouble) {
    button.disabled = false;
    show(button, words);
    complain(button, trouble);
  }
}

function takeButton(incident, done = () => {}) {
  if (!incident.unacknowledged) return null;
  const named = { what: `${pick(incident.summary)}, ${pick(incident.place)}` };
  const take = h(
    "button.primary",
    {
      type: "button",
      "data-focus": `take-${incident.id}`,
      "aria-label": t("alert.acknowledgeOf", named),
      on: { click: () => acknowledgeAll(incident, take).then(done) },
    },
    incident.unacknowledged > 1 ? t("group.take", { n: number(incident.unacknowledged) }) : t("alert.acknowledge"),
  );
  return [take, complaint(`take-${incident.id}`)];
}

/** Where the fire was seen first: somebody has to know the flat. */
function beginning(incident, members = []) {
  const first = members.find((one) => one.id === incident.lead) ?? members[0];
  const where = first && pick(first.place);
  return where && where !== pick(incident.place) ? h("p.teller", {}, h("span.faint", {}, t("group.first")), " ", data(where)) : null;
}

function answeredBy(story) {
  const names = [...new Set((story?.members ?? []).map((one) => one.acknowledged_by).filter(Boolean))];
  return names.length ? h("span.answered", {}, say("alert.by", { name: person(names[0]) })) : null;
}

export function groupCard(incident, story) {
  return h(
    `article.incident.group.${incident.severity}${incident.unacknowledged ? "" : ".taken"}`,
    { "data-alert": incident.id },
    h("p.head", {}, badge(incident.severity), since(ms(incident.opened_at), "age.ago"), incident.unacknowledged ? null : answeredBy(story)),
    h("h3", {}, h("a", { href: groupAddress(incident), "data-focus": `open-${incident.id}` }, place(incident.place))),
    h("p.what", {}, cause(incident), " · ", counts(incident)),
    beginning(incident, story?.members),
    incident.unacknowledged ? toldLines(story) : null,
    h("div.buttons", {}, takeButton(incident)),
  );
}

// --- its own page

export function group(root, [id]) {
  const body = h("div");
  let turn = 0;
  let known = null;
  let waiting = 0;
  show(root, body);
  show(body, h("p.quiet", {}, t("list.loading")));

  async function load() {
    const mine = ++turn;
    try {
      const given = await get(`incidents/${encodeURIComponent(id)}`);
      if (mine !== turn) return;
      known = given;
      draw();
    } catch (trouble) {
      if (mine === turn) show(body, h("p.problem", { role: "alert" }, visible(sentence(trouble))), h("a.button", { href: "#/" }, t("missing.back")));
    }
  }

  /** Who has been told meanwhile; the members come with their own changes. */
  async function again() {
    const mine = turn;
    const found = await get(`incidents/${encodeURIComponent(id)}`, { members: "0" }).catch(() => null);
    if (mine !== turn || !found) return;
    const before = JSON.stringify([known.told, known.next]);
    known = { ...known, told: found.told, ladder: found.ladder, next: found.next };
    if (JSON.stringify([known.told, known.next]) !== before) draw();
  }

  function draw() {
    const { incident, members, more, told, ladder } = known;
    const lead = members.find((one) => one.id === incident.lead) ?? members[0];
    const open = incident.state !== "resolved";
    const focus = document.activeElement?.dataset?.focus;
    show(
      body,
      h(
        `header.story.${incident.severity}${open && incident.unacknowledged ? "" : ".taken"}`,
        {},
        h("p.head", {}, badge(incident.severity), h("span", {}, t(open ? "alert.state.firing" : "alert.state.resolved")), since(ms(incident.opened_at), "age.ago")),
        h("h1", {}, place(incident.place)),
        h("p.what", {}, cause(incident), " · ", counts(incident)),
        beginning(incident, members),
        open ? toldLines(known) : h("p.answered", {}, say("group.over", { time: time(ms(incident.resolved_at)) })),
        h("div.buttons", {}, open ? takeButton(incident, load) : null),
      ),
      open && lead ? h("section", {}, h("h2", {}, t("alert.steps")), steps(known.steps), aboutFire(lead) ? h("p.supplement", {}, t("alert.supplement")) : null) : null,
      h(
        "div.two",
        {},
        h("section", {}, h("h2", {}, t("alert.told")), ledger(told)),
        ladder.length ? h("section", {}, h("h2", {}, t("ladder.title")), ladderList(ladder)) : null,
      ),
      h("section", {}, h("h2", {}, t("group.list")), h("ul.rows", {}, inOrder(members).map(pastIncident)), more ? h("p", {}, h("span.figure", {}, t("group.more", { n: number(more) })), " ", h("a", { href: search(incident) }, t("group.search"))) : null),
    );
    if (focus) body.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
  }

  load();
  const close = hear((alert) => {
    if (!known || waiting) return;
    const mine = known.members.some((one) => one.id === alert.id);
    waiting = setTimeout(() => ((waiting = 0), load()), mine ? 300 : 2000);
  });
  const fresh = keepFresh(() => Boolean(known?.incident.unacknowledged), () => known.next, again);
  const heading = () => (known ? visible(pick(known.incident.place)) : t("alerts.title"));
  return { close: () => (turn++, clearTimeout(waiting), fresh(), close()), title: heading };
}

/** What waits for somebody first, what is over last. */
function inOrder(members) {
  const rank = (one) => (one.state === "resolved" ? 2 : one.acknowledged_by ? 1 : 0);
  return [...members].sort((a, b) => rank(a) - rank(b));
}

function search(incident) {
  return `#/alerts?search=${encodeURIComponent(pick(incident.place))}`;
}
