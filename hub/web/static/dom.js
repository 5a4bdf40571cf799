// Builds the page's elements. Text goes in as text, never as markup: there is no innerHTML anywhere.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  put(element, children);
  return element;
}

function put(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** h("p.quiet", {id: "x", on: {click}}, "text", node): an element; the class names follow the tag. */
export function h(kind, attributes = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  return fill(element, attributes, children);
}

export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function show(element, ...children) {
  element.replaceChildren();
  put(element, children);
  return element;
}

// What would change how the text around it reads: control characters, marks that turn the direction of writing, breaks.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/gu;

export function visible(text) {
  return String(text).replace(UNSEEN, (character) => {
    const code = character.codePointAt(0);
    return `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  });
}

/** Several lines that came from outside: the breaks between them break, everything else is shown. */
export function lines(text) {
  return String(text).split(/\r?\n/).flatMap((line, at) => [at ? "\n" : null, data(line)]);
}

/** What came from outside (a device's name, a person's words): isolated, nothing in it hidden. */
export function data(text, kind = "bdi") {
  return h(kind, {}, visible(text));
}
