// The community's places by the words people use, for fields in which one is chosen.

import { get } from "./api.js";
import { h, show, visible } from "./dom.js";
import { pick } from "./i18n.js";

const SUGGESTED = 40;
let asking = null;

function spaces() {
  asking ??= get("spaces").then((page) => page.items);
  asking.catch(() => (asking = null));
  return asking;
}

/** "Building 3, entrance 2, flat 502, kitchen" for every space, the community itself left out. */
function labels(all) {
  const byId = new Map(all.map((one) => [one.id, one]));
  const label = new Map();
  for (const space of all) {
    const names = [];
    const seen = new Set();
    for (let one = space; one && one.parent && !seen.has(one.id); one = byId.get(one.parent)) {
      seen.add(one.id);
      names.unshift(pick({ en: one.name_en, zh: one.name }));
    }
    label.set(names.map(visible).join(" ") || visible(space.name), space.id);
  }
  return label;
}

/** What a space is called; its id where it is not known. */
export async function placeName(id) {
  const found = [...labels(await spaces())].find(([, one]) => one === id);
  return found ? found[0] : id;
}

/** {element: [input, datalist], chosen(): id, "" for none, undefined for a place there is not} */
export function placeField(name, fail) {
  const known = h("datalist", { id: `places-${name}` });
  const input = h("input", { name, list: known.id, autocomplete: "off", on: { input: suggest, focus: suggest } });

  async function suggest() {
    try {
      const wanted = input.value.toLowerCase().split(/\s+/);
      const found = [...labels(await spaces()).keys()].filter((label) => wanted.every((part) => label.toLowerCase().includes(part)));
      show(known, found.slice(0, SUGGESTED).map((value) => h("option", { value })));
    } catch (trouble) {
      fail(trouble);
    }
  }

  async function chosen() {
    const said = input.value.trim();
    return said ? labels(await spaces()).get(said) : "";
  }

  return { element: [input, known], chosen };
}
