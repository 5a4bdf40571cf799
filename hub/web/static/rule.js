// One rule: edited in a form or as TOML, tried on the past, saved with a reason; its versions.

import { get, post, sentence } from "./api.js";
import { askName, myName } from "./ask.js";
import { data, h, show, visible } from "./dom.js";
import { ms, number, since } from "./format.js";
import { has, say, t } from "./i18n.js";
import { choices } from "./list.js";
import { badge } from "./marks.js";
import { replayed } from "./replayed.js";
import { ruleForm } from "./ruleform.js";
import { kindName, ruleName } from "./rules.js";
import { patiently } from "./slow.js";
import { versions } from "./versions.js";

const REST = 350; // ms after the last key
const NEW = { kind: "above" };

export function rule(root, [id]) {
  const fresh = id === "+";
  const head = h("header.story.taken");
  const editor = h("section.editor");
  const verdict = h("div", { "aria-live": "polite" });
  const trial = h("section");
  const saving = h("section.saving");
  const past = h("section");
  let known = null;
  let form = null;
  let mode = "form";
  let text = "";
  let table = {};
  let faults = [];
  let stories = 0;
  let dirty = false;
  let waiting = 0;
  let turn = 0;
  let days = "30";
  let tried = !fresh; // a new rule is not scolded for what nobody has written yet
  show(root, head, editor, trial, saving, past);

  const area = h("textarea.toml", { rows: 14, spellcheck: "false", autocapitalize: "off", "aria-label": "TOML", on: { input: () => edited({ toml: area.value }) } });

  async function load() {
    show(head, h("p.quiet", {}, t("list.loading")));
    try {
      const [kinds, one] = await Promise.all([get("rulebook/kinds"), fresh ? { id: "", rule: null, toml: "", table: NEW, versions: [], base: "" } : get(`rulebook/rules/${encodeURIComponent(id)}`)]);
      known = one;
      [text, table, dirty] = [one.toml, one.table, false];
      form = ruleForm(kinds.items, fresh, (given) => edited({ table: given }));
      draw();
      check(fresh ? { table } : { toml: text });
    } catch (trouble) {
      show(head, h("p.problem", { role: "alert" }, visible(sentence(trouble))), h("a.button", { href: "#/rules" }, t("rules.title")));
    }
  }

  function draw() {
    drawHead();
    drawEditor();
    drawTrial();
    drawSaving();
    show(past, known.versions.length ? versions(known, pickUp) : null);
  }

  function drawHead() {
    const row = known.rule;
    const last = known.versions[0];
    const from = row?.origin === "page" && last ? say("rule.fromPage", { n: last.number, name: data(last.by), time: since(ms(last.at), "age.ago") }) : row ? t(`rule.from.${row.origin}`) : fresh ? t("rule.fresh") : t("rule.gone");
    show(
      head,
      row ? h("p.head", {}, badge(row.severity), h("span", {}, kindName(row.kind)), row.enabled ? null : h("span.tag", {}, t("rules.off"))) : null,
      h("h1", {}, fresh ? t("rules.new") : data(row ? ruleName(row) : id)),
      h("p.faint.facts", {}, fresh ? null : [data(id), " · "], from),
      row?.stopped ? h("p.problem", {}, say("alert.ruleStands", { why: data(row.stopped) })) : null,
      row?.unusable ? h("p.problem", {}, say("rule.unusable", { why: data(row.unusable) })) : null,
      row ? h("p.figure", {}, row.open ? [h("a", { href: `#/alerts?state=open&search=${encodeURIComponent(id)}` }, t("home.openHere", { n: number(row.open) })), " · "] : null, row.fired ? t("rules.fired", { n: number(row.fired) }) : t("rules.quiet")) : null,
    );
  }

  function drawEditor() {
    const modes = [["form", t("rule.form")], ["toml", t("rule.toml")]];
    show(editor, h("h2", {}, t("rule.edit")), choices("rule.edit", modes, mode, (one) => ((mode = one), drawEditor())), h("div.sheet", {}, mode === "form" ? form.element : area), verdict);
    if (mode === "form") form.draw(table);
    if (document.activeElement !== area) area.value = text;
    drawVerdict();
  }

  function edited(given) {
    dirty = true;
    if (given.table) table = given.table;
    else text = given.toml;
    clearTimeout(waiting);
    waiting = setTimeout(() => check(given), REST);
    show(trial.querySelector(".outcome"));
  }

  async function check(given, play = false) {
    const mine = ++turn;
    try {
      const told = play
        ? await patiently(verdict, "rulebook/check", { id: fresh ? "" : id, toml: text, stories: true })
        : await post("rulebook/check", { id: fresh ? "" : id, ...given });
      if (mine !== turn || !told) return drawVerdict();
      faults = told.faults;
      stories = told.stories;
      if (!given.toml || play) text = told.toml;
      if (given.toml && Object.keys(told.table).length) table = told.table;
      if (document.activeElement !== area) area.value = text;
      if (mode === "form") form.draw(table);
      drawVerdict(told.tests);
      drawSaving();
    } catch (trouble) {
      if (mine === turn) show(verdict, h("p.problem", { role: "alert" }, visible(sentence(trouble))));
    }
  }

  function drawVerdict(played = []) {
    if (!form) return;
    const rest = mode === "form" ? form.complain(faults, tried) : faults;
    show(
      verdict,
      rest.length ? h("ul.faults", {}, rest.map((one) => h("li.problem", {}, one.line && mode === "toml" ? h("span.figure", {}, t("rule.line", { n: one.line }), ": ") : one.field ? [has(`field.${one.field}`) ? t(`field.${one.field}`) : one.field, ": "] : null, data(one.message)))) : null,
      faults.length ? null : h("p.fine", {}, t("rule.fine"), stories ? [" · ", h("button.link", { type: "button", on: { click: () => check({ toml: text }, true) } }, t("rule.play", { n: stories }))] : null),
      played.length ? h("ul.faults", {}, played.map((one) => h(`li${one.ok ? ".fine" : ".problem"}`, {}, data(one.name), ": ", one.ok ? t("rule.storyHolds") : data(one.message)))) : null,
    );
  }

  function wrong() {
    tried = true;
    drawVerdict();
    return faults.length > 0;
  }

  function drawTrial() {
    const outcome = h("div.outcome");
    const run = h("button", { type: "button", on: { click: () => tryOut(outcome) } }, t("replay.run"));
    const spans = ["7", "30", "90"].map((one) => [one, t("replay.days", { n: one })]);
    const bar = h("div.filters", {});
    const drawBar = () => show(bar, choices("range.label", spans, days, (one) => ((days = one), drawBar())), run);
    drawBar();
    show(trial, h("h2", {}, t("replay.title")), h("p.quiet", {}, t("replay.about")), bar, outcome);
  }

  async function tryOut(outcome) {
    if (wrong()) return show(outcome, h("p.problem", { role: "alert" }, t("rule.first")));
    try {
      const told = await patiently(outcome, "rulebook/replay", { id: fresh ? "" : id, toml: text, days: Number(days) });
      if (told) show(outcome, replayed(told));
    } catch (trouble) {
      show(outcome, h("p.problem", { role: "alert" }, visible(sentence(trouble))));
    }
  }

  const reason = h("input", { name: "why", maxlength: 500, autocomplete: "off" });

  function drawSaving() {
    if (saving.contains(document.activeElement) && saving.firstChild) return;
    const problem = h("p.problem", { role: "alert" });
    const mine = known.rule?.origin === "page";
    show(
      saving,
      h("h2", {}, t("rule.save")),
      h("p.quiet", {}, t("rule.saveAbout")),
      h("label", {}, h("span", {}, t("rule.why")), reason),
      problem,
      h(
        "div.buttons",
        {},
        h("button.primary", { type: "button", on: { click: (event) => save(problem, event.target) } }, t("rule.saveNow")),
        mine ? h("button", { type: "button", on: { click: (event) => takeBack(problem, event.target) } }, t(known.base ? "rule.takeBack" : "rule.remove")) : null,
      ),
    );
  }

  async function decide(problem, button, path, body) {
    if (!reason.value.trim()) {
      show(problem, t("rule.whyNeeded"));
      return reason.focus();
    }
    const by = myName() || (await askName());
    if (!by) return;
    button.disabled = true;
    try {
      const seen = known.versions[0]?.number ?? 0;
      await post(path, { by, why: reason.value.trim(), seen, ...body });
      reason.value = "";
      button.blur();
      const target = `#/rules/${encodeURIComponent(fresh ? table.id : id)}`;
      if (location.hash !== target) location.hash = target;
      else await load();
    } catch (trouble) {
      show(problem, visible(t("ask.failed", { why: sentence(trouble) })));
    }
    button.disabled = false;
  }

  function save(problem, button) {
    if (wrong()) return show(problem, t("rule.first"));
    return decide(problem, button, `rulebook/rules/${encodeURIComponent(fresh ? table.id : id)}`, { toml: text });
  }

  function takeBack(problem, button) {
    return decide(problem, button, `rulebook/rules/${encodeURIComponent(id)}/take-back`, {});
  }

  function pickUp(version) {
    text = version.toml || known.base;
    reason.value = t("rule.backTo", { n: version.number });
    dirty = true;
    check({ toml: text });
    form.redraw();
    editor.scrollIntoView();
  }

  load();
  const leaving = (event) => dirty && event.preventDefault();
  addEventListener("beforeunload", leaving);
  return {
    close: () => (turn++, clearTimeout(waiting), removeEventListener("beforeunload", leaving)),
    title: () => (known?.rule ? visible(ruleName(known.rule)) : t("rules.title")),
  };
}
