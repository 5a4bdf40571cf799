// Starts the page: header, navigation, the line to the hub, and the view of the address.

import { alert } from "./alert.js";
import { alerts } from "./alerts.js";
import { armed } from "./armed.js";
import { askName, myName } from "./ask.js";
import { device } from "./device.js";
import { devices } from "./devices.js";
import { data, h, show } from "./dom.js";
import { drills } from "./drills.js";
import { clock, number, what } from "./format.js";
import { group } from "./group.js";
import { alarmPath, home, newest } from "./home.js";
import { choose, other, pick, say, settle, t } from "./i18n.js";
import { startIncidents } from "./incidents.js";
import * as live from "./live.js";
import { lantern } from "./marks.js";
import { refusal, refusals } from "./refusals.js";
import { reports } from "./reports.js";
import { rota } from "./rota.js";
import { rule } from "./rule.js";
import { rules } from "./rules.js";
import { silences } from "./silences.js";
import * as siren from "./siren.js";
import { listen, openAlerts, state } from "./state.js";
import { why } from "./why.js";

const ROUTES = [
  [/^\/?$/, home, "now"],
  [/^\/alerts$/, alerts, "alerts"],
  [/^\/alerts\/([^/]+)$/, alert, "alerts"],
  [/^\/incidents\/([^/]+)$/, group, "alerts"],
  [/^\/silences$/, silences, "silences"],
  [/^\/rota$/, rota, "rota"],
  [/^\/rules$/, rules, "rules"],
  [/^\/rules\/([^/]+)$/, rule, "rules"],
  [/^\/armed$/, armed, "rules"],
  [/^\/why$/, why, "devices"],
  [/^\/reports$/, reports, "reports"],
  [/^\/drills$/, drills, "drills"],
  [/^\/devices$/, devices, "devices"],
  [/^\/devices\/([^/]+)$/, device, "devices"],
  [/^\/refusals$/, refusals, "refusals"],
  [/^\/refusals\/([^/]+)$/, refusal, "refusals"],
];
// The first ones stand in the line of a phone as well, the others behind its "more".
const SECTIONS = [
  ["now", "#/"],
  ["alerts", "#/alerts"],
  ["devices", "#/devices"],
  ["reports", "#/reports"],
  ["rules", "#/rules"],
  ["rota", "#/rota"],
  ["silences", "#/silences"],
  ["drills", "#/drills"],
  ["refusals", "#/refusals"],
];
const FIRST = 4;

const header = document.querySelector("header");
const navigation = document.querySelector("nav");
const line = document.querySelector("#line");
const main = document.querySelector("main");
const footer = document.querySelector("footer");
const announcer = document.querySelector("#announcer");
let view = null;
let section = "now";

function route(scroll) {
  const [path, query] = location.hash.slice(1).split("?");
  const [found, matched] = ROUTES.map((one) => [one, one[0].exec(path)]).find(([, match]) => match) || [];
  view?.close();
  main.replaceChildren();
  unfolded = false;
  if (found) {
    section = found[2];
    const parts = matched.slice(1).map(decodeURIComponent);
    view = found[1](main, parts, new URLSearchParams(query), keepParams);
  } else {
    view = { close: () => {}, title: () => t("missing.title") };
    show(main, h("h1", {}, t("missing.title")), h("a.button", { href: "#/" }, t("missing.back")));
  }
  drawNavigation();
  if (scroll) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
}

let begun = false;
/** The home view shows itself at once; the others need the site's words and clock first. */
function begin() {
  if (begun) return;
  if (state.loaded || /^#?\/?$/.test(location.hash)) {
    begun = true;
    route(false);
  } else if (state.line !== "lost") show(main, h("p.quiet", {}, t("list.loading")));
  else show(main);
}

/** Writes a view's filters into the address without a new step in the history. */
function keepParams(params) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value));
  const path = location.hash.slice(1).split("?")[0];
  history.replaceState(null, "", `#${path}${query.size ? `?${query}` : ""}`);
}

function drawHeader() {
  const ringing = siren.sound.allowed() && siren.sound.wanted();
  const soundWord = ringing ? t("sound.on") : siren.sound.wanted() || !localStorage.getItem("gengfu.sound") ? t("sound.allow") : t("sound.off");
  show(
    header,
    h("a.home", { href: "#/" }, lantern(), h("span.site", {}, state.site ? data(state.site.name) : t("app.name"))),
    h(
      "div.tools",
      {},
      h(`button.tool${ringing ? ".on" : ""}`, { type: "button", "aria-pressed": ringing ? "true" : "false", on: { click: toggleSound } }, soundWord),
      h("button.tool", { type: "button", lang: other() === "zh" ? "zh-CN" : "en", "aria-label": t("language.label"), on: { click: switchLanguage } }, t("language.switch")),
    ),
  );
}

async function toggleSound() {
  if (siren.sound.allowed() && siren.sound.wanted()) await siren.mute();
  else await siren.allow();
  drawHeader();
}

function switchLanguage() {
  choose(other());
  drawAll();
  route(false);
}

let unfolded = false;
function drawNavigation() {
  navigation.setAttribute("aria-label", t("nav.label"));
  navigation.classList.toggle("unfolded", unfolded);
  const counts = { refusals: state.overview?.dead_letters };
  const links = SECTIONS.map(([name, href], at) =>
    h(
      `a${at < FIRST || name === section ? "" : ".later"}`,
      { href, "aria-current": name === section ? "page" : null },
      t(`nav.${name}`),
      counts[name] ? h("span.figure.faint", {}, ` ${number(counts[name])}`) : null,
    ),
  );
  const more = h("button.link.more", { type: "button", "aria-expanded": unfolded ? "true" : "false", on: { click: unfold } }, t(unfolded ? "nav.less" : "nav.more"));
  show(navigation, links.slice(0, FIRST), more, links.slice(FIRST));
}

function unfold() {
  unfolded = !unfolded;
  drawNavigation();
  navigation.querySelector(unfolded ? ".later" : ".more").focus();
}

/** The band of what is wrong with the line itself, on every view. */
function drawLine() {
  const lost = state.line === "lost";
  line.hidden = !lost;
  const key = `${state.line} ${state.lostAt} ${document.documentElement.lang}`;
  if (line.dataset.key === key) return;
  line.dataset.key = key;
  if (!lost) return;
  const seen = Boolean(state.overview);
  show(
    line,
    h("strong", {}, seen ? t("line.lost") : t("line.first")),
    h("span", {}, seen ? say("line.lostHint", { time: h("span.figure", {}, clock(state.lostAt)) }) : t("line.firstHint")),
  );
}

function drawFooter() {
  const name = myName();
  show(
    footer,
    h("span", {}, newest(state.overview)),
    h("span", {}, alarmPath(state.overview)),
    h("span", {}, h("a", { href: "/docs" }, t("foot.api"))),
    name ? h("span", {}, say("foot.you", { name: data(name) }), " ", h("button.link", { type: "button", on: { click: () => askName().then(drawFooter) } }, t("foot.change"))) : null,
  );
}

let spoken = "";
/** For those who listen to the page: the worst that nobody has answered, said once. */
function announce() {
  const worst = openAlerts().find((one) => one.severity === "critical" && !one.acknowledged_by);
  const key = worst ? worst.id : "";
  if (key === spoken) return;
  spoken = key;
  show(announcer, worst ? [t("severity.critical"), ": ", data(what(worst)), ", ", data(pick(worst.place))] : "");
}

let drawnFor = "";
function draw() {
  const key = `${document.documentElement.lang} ${state.site?.name} ${siren.sound.allowed()}`;
  if (key !== drawnFor) {
    drawnFor = key;
    drawHeader();
  }
  drawLine();
  if (!navigation.contains(document.activeElement)) drawNavigation();
  if (!footer.contains(document.activeElement)) drawFooter();
  document.documentElement.classList.toggle("up", state.line === "up");
  announce();
}

function drawAll() {
  drawnFor = "";
  spoken = null;
  announce();
  document.querySelector("#skip").textContent = t("app.skip");
  drawHeader();
  drawNavigation();
  drawFooter();
  line.dataset.key = "";
  drawLine();
}

settle(navigator.language.slice(0, 2));
drawAll();
document.querySelector("#skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
listen(draw);
listen(begin);
siren.start();
startIncidents();
addEventListener("hashchange", () => {
  begun = true;
  route(true);
});
addEventListener("pointerdown", () => setTimeout(draw, 300), { once: true });
begin();
live.start();
