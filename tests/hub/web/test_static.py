"""The page's files, as files: two languages, no strangers, light."""

import json
import re
import shutil
import subprocess
from typing import Any, get_args, get_type_hints

import pytest
from starlette.datastructures import Headers

from hub.model import Alert, AlertState, Quality, Reason, quality_names
from hub.notices import Receiver, Roster
from hub.rulebook.forms import forms
from hub.telling.voice import WHYS
from hub.web.static import ROOT, load, serve
from hub.web.view import Change

MODULES = sorted(ROOT.glob("*.js"))
CHINESE = re.compile(r"[\u3400-\u9fff]")


def words() -> dict[str, list[str]]:
    """Each words*.js is one object literal of JSON strings with trailing commas; none repeats another's."""
    found: dict[str, list[str]] = {}
    for path in sorted(ROOT.glob("words*.js")):
        table = words_of(path.read_text())
        assert not found.keys() & table.keys(), path.name
        found |= table
    return found


def words_of(text: str) -> dict[str, list[str]]:
    body = "\n".join(line for line in text.splitlines() if not line.startswith("//"))
    body = body.removeprefix("\nexport const words = ").strip().removeprefix("export const words = ").rstrip(";")
    parsed: dict[str, list[str]] = json.loads(re.sub(r",(\s*[}\]])", r"\1", body))
    return parsed


def test_every_word_is_there_in_both_languages() -> None:
    for key, both in words().items():
        assert len(both) == 2 and all(both), key
        holes = [sorted(set(re.findall(r"\{\w+\}", text))) for text in both]
        assert holes[0] == holes[1], key
        if key != "language.switch":
            assert not CHINESE.search(both[0]), key


def test_every_word_that_is_said_exists() -> None:
    known = words()
    said = set()
    for module in MODULES:
        said |= set(re.findall(r'\b(?:t|say)\("([\w.]+)"', module.read_text()))
    assert len(said) > 100
    assert sorted(said - set(known)) == []


def test_every_reason_and_remark_has_its_word() -> None:
    known = words()
    assert [reason for reason in Reason if f"reason.{reason}" not in known] == []
    everything = int(sum(Quality))
    assert [name for name in quality_names(everything) if f"quality.{name}" not in known] == []


def test_whatever_the_hub_writes_of_an_alert_has_its_word() -> None:
    """Every why a plan can give, over all pairs of a state before and after, and every step of the timeline."""
    known = words()
    steps = get_args(get_type_hints(Change)["what"])
    assert len(steps) == 11
    assert [step for step in steps if f"change.{step}" not in known] == []
    lives = [
        Alert(id="a", rule="r", severity="critical", state=state, device="d:1", acknowledged_by=by, raised_at=raised)
        for state in get_args(AlertState)
        for by in ("", "li")
        for raised in (None, 1)
    ]
    roster = Roster((), (Receiver("desk"),))
    whys = {notice.why for before in (None, *lives) for after in lives for notice in roster.plan(before, after, 2)}
    assert {"change", "first", "acknowledged", "resolved"} <= whys
    whys |= set(WHYS)
    assert [why for why in whys if f"why.{why}" not in known] == []


def test_every_kind_of_rule_and_each_of_its_settings_has_its_words() -> None:
    """Else the Chinese page speaks English about it, from its docstring."""
    known = words()
    wanted = {f"field.{field.name}" for form in forms() for field in form.fields}
    wanted |= {f"choice.{choice}" for form in forms() for field in form.fields for choice in field.choices}
    wanted |= {f"kind.{form.kind}{part}" for form in forms() for part in ("", ".about")}
    assert len(wanted) > 60
    assert sorted(wanted - set(known)) == []


def test_no_words_outside_the_table() -> None:
    for module in MODULES:
        if not module.name.startswith("words"):
            assert not CHINESE.search(module.read_text()), module.name


def test_no_markup_from_text_and_no_eval() -> None:
    for module in MODULES:
        code = re.sub(r"//.*", "", module.read_text())
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser"):
            assert way not in code, (module.name, way)


def test_nothing_is_asked_of_another_host() -> None:
    for path in ROOT.iterdir():
        if path.suffix != ".png":
            text = path.read_text().replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"https?://|\burl\(", text), path.name


def test_every_module_is_announced_to_the_browser() -> None:
    page = (ROOT / "index.html").read_text()
    assert sorted(re.findall(r'modulepreload" href="/static/([\w.-]+)"', page)) == [module.name for module in MODULES]
    assert "<script>" not in page and " style=" not in page and " on" not in re.sub(r"<!.*?>", "", page).split("<body>")[1][:50]


def test_the_page_is_light() -> None:
    files = load()
    needed = [file for name, file in files.items() if not name.endswith(".png")]
    size = sum(len(file.packed or file.body) for file in needed)
    print(f"the page: {size / 1024:.1f} KB compressed in {len(needed)} files")
    assert size < 200 * 1024


def test_files_answer_with_etag_and_gzip() -> None:
    files = load()
    plain = serve(files, "app.css", Headers({}))
    packed = serve(files, "app.css", Headers({"accept-encoding": "gzip"}))
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < len(plain.body)
    again = serve(files, "app.css", Headers({"if-none-match": plain.headers["etag"]}))
    assert again.status_code == 304


@pytest.mark.skipif(
    shutil.which("node") is None,
    reason="NOT RUN: node is missing: the modules' syntax, of which a browser sees only what it loads",
)
@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_syntax(module: Any) -> None:
    subprocess.run(["node", "--check", "--input-type=module"], input=module.read_bytes(), check=True)
