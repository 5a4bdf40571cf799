"""Duty, ladders, inhibition in gengfu.toml: what is wrong is told with its line, what may not be meant with a note."""

import tomllib
from datetime import date
from pathlib import Path

import pytest

from hub.config import Config, ConfigErrors, load, telling
from hub.config.telling import notes
from hub.ports import Settings

LI = '[[person]]\nid = "li"\nname = "李"\ntell = ["webhook:desk"]\n'
DESK = '[[notifier]]\nid = "webhook:desk"\nkind = "webhook"\nurl = "http://127.0.0.1:9000/"\n'
STEPS = '[[escalation]]\nsteps = [{ tell = ["li"] }]\n'

WRONG: list[tuple[str, int, str, tuple[str, ...]]] = [
    (LI + '[[duty]]\nperson = "lee"\n', 6, "duty 1", ('"lee" is no [[person]]',)),
    (LI + '[[duty]]\nperson = "li"\nduring = { days = "mon-fry" }\n', 7, "duty 1", ('"mon-fry" names no days',)),
    (LI + '[[duty]]\nperson = "li"\nduring = { hours = "8-20" }\n', 7, "duty 1", ('"8-20" are no hours', "08:00-18:00")),
    (LI + '[[swap]]\nday = "1.10."\nperson = "li"\ninstead_of = "li"\n', 6, "swap 1", ('"1.10." is no day', "2026-10-01")),
    (LI + '[[swap]]\nday = "2026-10-01"\nperson = "li"\ninstead_of = "wang"\n', 8, "swap 1", ('"wang" is no [[person]]',)),
    ('[[escalation]]\nsteps = [{ tell = ["keper"] }]\n', 2, "escalation critical", ('"keper"', 'did you mean "keeper"?')),
    ('[[escalation]]\nsteps = [{ tell = ["duty"] }]\n', 2, "escalation critical", ("there is no [[duty]]",)),
    (LI + '[[duty]]\nperson = "li"\n[[escalation]]\nsteps = [{ tell = ["team:nigth"] }]\n', 8, "escalation critical",
     ("a team without [[duty]]",)),
    (LI + '[[escalation]]\nsteps = [{ after = "1min", tell = ["li"] }]\n', 6, "escalation critical", ("told at once",)),
    (LI + '[[escalation]]\nsteps = [{ tell = ["li"] }, { after = "5min", tell = ["li"] }, { after = "2min", tell = ["li"] }]\n',
     6, "escalation critical", ("step 3 comes before the one above it",)),
    (LI + STEPS + STEPS, 7, "escalation critical", ("already, on line 9",)),
    (LI + STEPS + 'repeat = 30\n', 7, "escalation", ("a duration has a unit",)),
    (LI + STEPS + 'repeat = "1s"\n', 7, "escalation", ('"1s" is too short: write at least "10s"',)),
    (LI + '[[escalation]]\nseverity = "urgent"\nsteps = [{ tell = ["li"] }]\n', 6, "escalation", ("not one of info",)),
    ('[[inhibit]]\ncause = { rul = "x" }\nexplains = { rule = "y" }\n', 2, "inhibit 1, cause", ('unknown key "rul"', '"rule"?')),
    ('[[inhibit]]\ncause = { rule = "batery-low" }\nexplains = { quantity = "" }\n', 2, "inhibit 1",
     ('no rule "batery-low"', 'did you mean "battery-low"?')),
    ('[[inhibit]]\ncause = {}\nexplains = { quantity = "" }\n', 2, "inhibit 1", ("is every alert",)),
    ('[[inhibit]]\ncause = { rule = "sos" }\nexplains = { severity = "critical" }\n', 3, "inhibit 1", ("always told",)),
    ('[telling]\nupdate = "1min"\n', 2, "telling", ('unknown key "update"', '"updates"?')),
]  # fmt: skip


def config(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "gengfu.toml"
    path.write_text(text, "utf-8")
    return load(path)


@pytest.mark.parametrize(("text", "line", "key", "said"), WRONG)
def test_wrong(text: str, line: int, key: str, said: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        config(tmp_path, DESK + text)
    problem = caught.value.problems[0]
    assert problem.line == line + DESK.count("\n"), str(problem)
    assert problem.key.startswith(key), str(problem)
    for phrase in said:
        assert phrase in problem.message, str(problem)


def noted(tmp_path: Path, text: str) -> list[str]:
    found = config(tmp_path, DESK + text)
    return list(notes(found.telling, found.people, {entry.id for entry in found.notifiers}, date(2026, 10, 12)))  # a Monday


def test_a_hole_in_the_rota_is_noted(tmp_path: Path) -> None:
    day = LI + '[[duty]]\nperson = "li"\nduring = { days = "mon-fri", hours = "08:00-20:00" }\n'
    [hole] = [note for note in noted(tmp_path, day + STEPS.replace('"li"', '"li", "duty"')) if "nobody" in note]
    assert "Mon 2026-10-12 00:00 to Mon 08:00, Mon 2026-10-12 20:00 to Tue 08:00" in hole
    assert "and 8 more" in hole, "eleven in a fortnight: the first morning, four nights and a weekend, twice, the last one open"
    night = (
        '[[duty]]\nperson = "li"\nduring = { hours = "20:00-08:00" }\n[[duty]]\nperson = "li"\nduring = { days = "sat,sun" }\n'
    )
    assert not any("nobody" in note for note in noted(tmp_path, day + night))


def test_people_whom_nothing_reaches_and_keepers_that_are_none_are_noted(tmp_path: Path) -> None:
    steps = '[[escalation]]\nsteps = [{ tell = ["keeper"] }, { tell = ["li"] }]\n'
    found = noted(tmp_path, '[[person]]\nid = "li"\nname = "李"\ntell = ["page"]\n' + steps)
    assert any('"keeper" is told, and no [[person]] has spaces' in note for note in found)
    assert any("person li" in note and "no [[notifier]] reaches them" in note for note in found)


def test_nothing_configured_tells_everybody_and_again(tmp_path: Path) -> None:
    plan = config(tmp_path, "").telling
    assert [(step.after, step.tell) for step in plan.ladders["critical"].steps] == [(0.0, ("everybody",))]
    assert plan.ladders["critical"].repeat == 300
    plan = config(tmp_path, DESK + LI + '[[duty]]\nperson = "li"\n').telling
    assert [step.tell for step in plan.ladders["critical"].steps] == [("keeper",), ("duty",), ("everybody",)]


def test_the_annotated_file_shows_every_key() -> None:
    path = Path(__file__).parents[2] / "deploy" / "gengfu.toml"
    data = tomllib.loads(path.read_text("utf-8"))
    models: dict[str, type[Settings]] = {
        "telling": telling.TellingSection, "duty": telling.DutySection, "swap": telling.SwapSection,
        "escalation": telling.EscalationSection, "inhibit": telling.InhibitSection,
    }  # fmt: skip
    for table, model in models.items():
        value = data[table]
        shown = {key for item in (value if isinstance(value, list) else [value]) for key in item}
        assert shown == set(model.model_fields), table
        assert all(field.description for field in model.model_fields.values()), table
