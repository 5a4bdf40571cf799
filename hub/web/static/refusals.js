// The vendor's page: what was refused and why, with its bytes as they came.

import { get, sentence } from "./api.js";
import { data, h, lines, show, visible } from "./dom.js";
import { exact, ms, number, time } from "./format.js";
import { has, t } from "./i18n.js";
import { list } from "./list.js";

const SHOWN = 4096; // bytes drawn as hex; enough to see a frame, little enough for a phone

function reason(word) {
  return has(`reason.${word}`) ? h("span", {}, t(`reason.${word}`)) : data(word);
}

export function refusalRow(letter) {
  return h(
    "li.row",
    {},
    h(
      "a",
      { href: `#/refusals/${letter.id}` },
      h("span.lead", {}, h("span.tag", {}, reason(letter.reason))),
      h("span.name", {}, data(letter.topic)),
      h("span.detail", { lang: "en" }, data(letter.detail)),
      h("span.tail", {}, time(ms(letter.at))),
    ),
  );
}

export function refusals(root) {
  const rows = list("dead-letters", () => ({}), refusalRow, ["refusals.none", "refusals.noneHint"]);
  show(root, h("h1", {}, t("refusals.title")), h("p.quiet", {}, t("refusals.about")), rows.element);
  return { close: () => {}, title: () => t("refusals.title") };
}

function bytes(letter) {
  return Uint8Array.from(atob(letter.payload_base64), (character) => character.charCodeAt(0));
}

/** "00000000  7b 22 …  {"smoke": tru" */
function hex(given) {
  const rows = [];
  for (let at = 0; at < given.length; at += 16) {
    const row = [...given.slice(at, at + 16)];
    const codes = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");
    rows.push(`${at.toString(16).padStart(6, "0")}  ${codes.padEnd(47)}  ${text}`);
  }
  return rows.join("\n");
}

export function refusal(root, [id]) {
  show(root, h("p.quiet", {}, t("list.loading")));
  draw();

  async function draw() {
    let letter;
    try {
      letter = await get(`dead-letters/${encodeURIComponent(id)}`);
    } catch (trouble) {
      show(root, h("p.problem", { role: "alert" }, visible(sentence(trouble))), h("a.button", { href: "#/refusals" }, t("refusals.title")));
      return;
    }
    const raw = bytes(letter);
    const text = new TextDecoder().decode(raw.slice(0, SHOWN));
    const facts = [
      ["refusals.when", h("span.figure", {}, exact(ms(letter.at)))],
      ["refusals.reason", [reason(letter.reason), " ", h("span.faint", {}, data(letter.reason, "code"))]],
      ["refusals.detail", h("span", { lang: "en" }, data(letter.detail))],
      ["refusals.adapter", letter.adapter ? data(letter.adapter, "code") : null],
      ["refusals.device", letter.device ? h("a", { href: `#/devices/${encodeURIComponent(letter.device)}` }, data(letter.device)) : null],
      ["refusals.size", [h("span.figure", {}, t("refusals.bytes", { n: number(letter.size) })), letter.size > raw.length ? [" · ", h("span", {}, t("refusals.cut", { n: number(raw.length) }))] : null]],
      ["SHA-256", data(letter.sha256, "code")],
    ];
    show(
      root,
      h("p.head", {}, h("a", { href: "#/refusals" }, t("refusals.title"))),
      h("h1.topic", {}, data(letter.topic)),
      h("dl.facts", {}, facts.filter(([, fact]) => fact).map(([label, fact]) => [h("dt", {}, label.includes(".") ? t(label) : h("bdi", {}, label)), h("dd", {}, fact)])),
      h("h2", {}, t("refusals.text")),
      h("pre", { tabindex: 0 }, lines(text)),
      h("h2", {}, t("refusals.hex")),
      h("pre.hex", { tabindex: 0 }, lines(hex(raw.slice(0, SHOWN)))),
    );
  }

  return { close: () => {}, title: () => t("refusals.title") };
}
