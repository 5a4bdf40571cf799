"""What the hub says to people stands in both languages: every sentence there is, and every place that refuses something."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from hub.said import Said, packed, quoted, said_by, sentence, unpacked, wanted
from hub.sentences import SENTENCES

ROOT = Path(__file__).parents[2]
CHINESE = re.compile(r"[\u4e00-\u9fff]")
FILES = {path: ast.parse(path.read_text("utf-8")) for path in sorted((ROOT / "hub").rglob("*.py"))}
REFUSALS = {
    "hub.web.view": {"NotFound", "Conflict", "Refused", "Busy"},
    "hub.commands": {"Wrong", "Missing", "Over"},
    "hub.ports": {"NotSent"},
    "hub.drill_run": {"Broken"},
    "hub.drill_device": {"DeviceFailed"},
    "hub.drill": {"TooMany"},
    "hub.fire_duty": {"DutyFailed"},
}
"""What people get to read when it is raised, by where it is defined."""


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("code", SENTENCES)
def test_a_sentence_says_the_same_in_both_languages(code: str) -> None:
    en, zh = SENTENCES[code]
    assert fields(en) == fields(zh)
    assert not CHINESE.search(en)
    only_others_words = not re.sub(r"\{\w+\}", "", en)
    assert en and (CHINESE.search(zh) or only_others_words or re.fullmatch(r"\{\w+\}：\{\w+\}", zh))


def refused() -> Iterator[tuple[Path, ast.Call]]:
    """Every place where such a refusal is made."""
    for path, tree in FILES.items():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        names = set(REFUSALS.get(module, ()))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module in REFUSALS:
                names |= {one.name for one in node.names} & REFUSALS[node.module]
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                yield path, node


def test_every_refusal_is_a_sentence_of_the_table() -> None:
    found = list(refused())
    assert len(found) > 80, "there is something to look at"
    bare = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path, call in found
        if any(isinstance(one, ast.JoinedStr) or (isinstance(one, ast.Constant) and " " in str(one.value)) for one in call.args)
        or not call.args
    ]
    assert bare == [], "refuse with sentence(code, …), whose two languages stand in hub/sentences.py"


def test_every_sentence_that_is_used_is_there_with_its_words_and_no_other_is() -> None:
    constants: set[str] = set()
    wrong: list[str] = []
    for path, tree in FILES.items():
        if path.name == "sentences.py":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                constants.add(node.value)
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sentence"):
                continue
            code = node.args[0]
            if isinstance(code, ast.Constant) and isinstance(code.value, str):
                given = {one.arg for one in node.keywords}
                if code.value not in SENTENCES or given != fields(SENTENCES[code.value][0]):
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} {code.value}")
    assert wrong == []
    assert set(SENTENCES) <= constants, "nobody says these"


def test_sentences_stand_in_sentences() -> None:
    why = sentence("all_failed", each=[sentence("answered", name="mail", status=550), quoted("busy")])
    assert (why.en, why.zh, str(why)) == ("mail answered 550; busy", "mail 应答 550；busy", "mail answered 550; busy")
    assert said_by(ValueError(why)) == why
    assert said_by(ValueError("no", 1)) == Said("", "('no', 1)", "('no', 1)")
    assert unpacked(packed(why)) == why
    assert unpacked("answered 500") == Said("", "answered 500", "answered 500"), "as records of before hold it"


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9", "en"),
        ("da, en-gb;q=0.8, zh;q=0.7", "en"),  # after the example of RFC 9110, 12.5.4
        ("en;q=0.2, zh", "zh"),
        ("zh;q=0", "en"),
        ("ZH-Hant", "zh"),
        ("*", "en"),
        ("", "en"),
        ("zh;q=x,,;", "en"),
    ],
)
def test_the_language_that_is_asked_for(accept: str, language: str) -> None:
    assert wanted(accept) == language
