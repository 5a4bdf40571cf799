// What makes a critical alert impossible to overlook: sound, title and favicon.

import { visible } from "./dom.js";
import { pick, t } from "./i18n.js";
import { listen, openAlerts, state } from "./state.js";

const KEY = "gengfu.sound";
const EVERY = 3000;

let context = null;
let ringing = 0;

export const sound = {
  wanted: () => localStorage.getItem(KEY) === "on",
  /** Browsers let a page ring only after it was touched once. */
  allowed: () => Boolean(context) && context.state === "running",
};

export async function allow() {
  context ??= new AudioContext();
  await context.resume();
  localStorage.setItem(KEY, "on");
  knock();
}

export async function mute() {
  localStorage.setItem(KEY, "off");
  if (context) await context.suspend();
}

/** After a reload the first touch of the page is the click it needs. */
export function start() {
  addEventListener(
    "pointerdown",
    () => {
      if (sound.wanted() && !context) context = new AudioContext();
    },
    { once: true },
  );
  listen(update);
}

function tone(frequency, start, length, loudness) {
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  oscillator.type = "triangle";
  oscillator.frequency.value = frequency;
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(loudness, start + 0.01);
  gain.gain.setValueAtTime(loudness, start + length - 0.05);
  gain.gain.linearRampToValueAtTime(0, start + length);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(start);
  oscillator.stop(start + length);
}

/** The watchman's clapper: two short knocks, to show how it sounds. */
function knock() {
  tone(660, context.currentTime + 0.02, 0.12, 0.25);
  tone(660, context.currentTime + 0.22, 0.12, 0.25);
}

function ring() {
  if (!sound.allowed() || !sound.wanted()) return;
  const start = context.currentTime + 0.02;
  [880, 1175, 880, 1175].forEach((frequency, at) => tone(frequency, start + at * 0.22, 0.2, 0.5));
}

function critical() {
  return openAlerts().filter((alert) => alert.severity === "critical" && !alert.acknowledged_by);
}

function update() {
  const urgent = critical();
  const name = state.site ? visible(state.site.name) : t("app.name");
  const title = urgent.length ? `▲ ${t("alert.ringing", { n: urgent.length, place: visible(pick(urgent[0].place)) })}` : name;
  if (document.title !== title) document.title = title;
  const icon = document.querySelector("link[rel=icon]");
  const wanted = urgent.length ? "/static/icon-critical.svg" : "/static/icon.svg";
  if (icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
  document.documentElement.classList.toggle("urgent", urgent.length > 0);
  if (urgent.length && !ringing) {
    ring();
    ringing = setInterval(ring, EVERY);
  } else if (!urgent.length && ringing) {
    clearInterval(ringing);
    ringing = 0;
  }
}
