// Asks the hub. Every failure is a Trouble with one sentence for people.

import { language, t } from "./i18n.js";

export class Trouble extends Error {
  constructor(detail, status = 0) {
    super(detail);
    this.status = status;
  }
}

/** What to tell a person: a Trouble's own sentence; a mistake of ours is told to the console, and here in plain words. */
export function sentence(trouble) {
  if (trouble instanceof Trouble) return trouble.message;
  reportError(trouble);
  return t("ask.broken");
}

/** The hub answers in the page's language, which need not be the browser's. */
export function spoken(options) {
  return { ...options, headers: { ...options.headers, "Accept-Language": language } };
}

export async function ask(path, options) {
  let response;
  try {
    response = await fetch(`/api/v1/${path}`, { signal: AbortSignal.timeout(20000), ...spoken(options) });
  } catch {
    throw new Trouble(t("ask.unreachable"));
  }
  let body = null;
  try {
    body = await response.json();
  } catch {
    throw new Trouble(t("ask.unreachable"), response.status);
  }
  if (!response.ok) throw new Trouble(body.detail || body.title, response.status);
  return body;
}

function query(params) {
  const filled = Object.entries(params).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return filled.length ? `?${new URLSearchParams(filled)}` : "";
}

export function get(path, params = {}) {
  return ask(path + query(params), {});
}

export function post(path, body) {
  return ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

export function readings(series, from, to, every) {
  return get("readings", {
    ...series,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    every: every ? `${Math.round(every / 1000)}s` : "",
    limit: every ? "" : 200,
  });
}
