// A rule as a form, made from what its kind says of its fields. What stands there goes out as a table of TOML values.

import { h, show, visible } from "./dom.js";
import { has, t } from "./i18n.js";
import { kindName } from "./rules.js";
import { state } from "./state.js";

/** A value as it stands behind the = of a TOML file. */
export function fragment(value) {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return `[${value.map(fragment).join(", ")}]`;
  if (typeof value === "object") {
    const inside = Object.entries(value).map(([key, inner]) => `${/^[\w-]+$/.test(key) ? key : JSON.stringify(key)} = ${fragment(inner)}`);
    return inside.length ? `{ ${inside.join(", ")} }` : "{}";
  }
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

function numeric(text) {
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : null;
}

/** What a field's text means: undefined leaves the field out. */
function meaning(widget, text) {
  if (!text.trim()) return undefined;
  if (widget === "number") return numeric(text) ?? text;
  if (widget === "value") return numeric(text) ?? { $toml: text };
  return text;
}

function shown(widget, value) {
  if (value === undefined) return "";
  if (value && typeof value === "object" && "$toml" in value) return value.$toml;
  return typeof value === "string" && widget !== "value" ? value : fragment(value);
}

/** {element, draw(table), complain(faults)}; changed(table) is told of every change. `fresh`: the rule has no name yet. */
export function ruleForm(kinds, fresh, changed) {
  const element = h("div.ruleform");
  const complaints = new Map();
  let table = {};
  let drawn = "";
  const touched = new Set();

  function set(name, value) {
    touched.add(name);
    const next = { ...table };
    if (value === undefined) delete next[name];
    else next[name] = value;
    table = next;
    changed(table);
  }

  function label(name) {
    return has(`field.${name}`) ? t(`field.${name}`) : name;
  }

  function wrap(name, control, about = "") {
    const problem = h("p.problem", { id: `wrong-${name}`, role: "alert" });
    complaints.set(name, [control, problem]);
    const hint = has(`field.${name}.hint`) ? t(`field.${name}.hint`) : !has(`field.${name}`) ? about : "";
    control.setAttribute("aria-describedby", `hint-${name} wrong-${name}`);
    return h("div.field", {}, h("label", {}, h("span", {}, label(name)), control), hint ? h("small", { id: `hint-${name}` }, hint) : null, problem);
  }

  function input(field) {
    const { name, widget } = field;
    if (widget === "switch") {
      const box = h("input", { type: "checkbox", name, on: { change: () => set(name, String(box.checked) === field.default ? undefined : box.checked) } });
      box.checked = String(table[name] ?? field.default) === "true";
      const row = h("label.field.switch", {}, box, h("span", {}, label(name)));
      return row;
    }
    if (widget === "choice") {
      const options = field.choices.map((choice) => h("option", { value: choice, selected: (table[name] ?? field.default) === choice }, has(`choice.${choice}`) ? t(`choice.${choice}`) : choice));
      const select = h("select", { name, on: { change: () => set(name, select.value === field.default ? undefined : select.value) } }, field.required && !(name in table) ? h("option", { value: "" }, "") : null, options);
      return wrap(name, select, field.about);
    }
    const long = widget === "value" && shown(widget, table[name]).length > 40;
    const attributes = {
      name,
      autocomplete: "off",
      spellcheck: "false",
      placeholder: field.default === "*" ? t("field.any.value") : field.default,
      list: name === "quantity" ? "known-quantities" : null,
      inputmode: widget === "number" ? "decimal" : null,
      required: field.required,
      on: { input: () => set(name, meaning(widget, control.value)) },
    };
    const control = long ? h("textarea", { ...attributes, rows: 4 }) : h("input", attributes);
    control.value = shown(widget, table[name]);
    return wrap(name, control, field.about);
  }

  function names() {
    return ["zh", "en"].map((language) => {
      const control = h("input", { name: `name-${language}`, maxlength: 120, on: { input: () => rename(language, control.value) } });
      control.value = table.name?.[language] ?? "";
      return h("label.field", {}, h("span", {}, t(`field.name.${language}`)), control);
    });
  }

  function rename(language, text) {
    const next = { ...table.name, [language]: text };
    for (const key of Object.keys(next)) if (!next[key].trim()) delete next[key];
    set("name", Object.keys(next).length ? next : undefined);
  }

  function choose(kind) {
    const shape = kinds.find((one) => one.kind === kind);
    const known = new Set(["id", "name", "enabled", "test", ...shape.fields.map((field) => field.name)]);
    table = Object.fromEntries(Object.entries({ ...table, kind }).filter(([name]) => name === "kind" || known.has(name)));
    drawn = "";
    draw(table);
    changed(table);
  }

  function draw(given) {
    table = given;
    const mark = JSON.stringify(table) + document.documentElement.lang;
    if (mark === drawn || element.contains(document.activeElement)) return;
    drawn = mark;
    complaints.clear();
    const shape = kinds.find((one) => one.kind === table.kind);
    const select = h("select", { name: "kind", on: { change: () => choose(select.value) } }, kinds.map((one) => h("option", { value: one.kind, selected: one.kind === table.kind }, kindName(one.kind))));
    const id = h("input", { name: "id", maxlength: 80, autocomplete: "off", spellcheck: "false", required: true, on: { input: () => set("id", id.value.trim() || undefined) } });
    id.value = table.id ?? "";
    const about = has(`kind.${table.kind}.about`) ? t(`kind.${table.kind}.about`) : "";
    const enabled = input({ name: "enabled", widget: "switch", default: "true" });
    const own = shape ? shape.fields.filter((field) => !field.common) : [];
    const common = shape ? shape.fields.filter((field) => field.common) : [];
    const first = common.filter((field) => ["severity", "quantity", "hold_for", "clear_for"].includes(field.name));
    const scope = common.filter((field) => !first.includes(field));
    const folded = scope.some((field) => field.name in table);
    show(
      element,
      h("datalist", { id: "known-quantities" }, [...state.quantities.keys()].map((name) => h("option", { value: name }))),
      h("div.fields", {}, wrap("kind", select), fresh ? wrap("id", id) : null, names()),
      about ? h("p.hint", {}, about) : null,
      h("div.fields", {}, [...first.slice(0, 2), ...own, ...first.slice(2)].map(input)),
      h("details", { open: folded }, h("summary", {}, t("rule.scope")), h("div.fields", {}, scope.map(input))),
      enabled,
    );
  }

  /** Says at each field what is wrong with it, or only at those that were touched; gives back what no field shows. */
  function complain(faults, everywhere) {
    for (const [name, [control, problem]] of complaints) {
      const mine = everywhere || touched.has(name) ? faults.filter((fault) => fault.field === name || fault.field === `${name}_`) : [];
      show(problem, mine.map((fault) => visible(fault.message)).join("; "));
      control.setAttribute("aria-invalid", mine.length ? "true" : "false");
    }
    return faults.filter((fault) => !complaints.has(fault.field) && !complaints.has(fault.field.replace(/_$/, "")));
  }

  return { element, draw, complain, redraw: () => ((drawn = ""), draw(table)) };
}
