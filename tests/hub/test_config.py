"""Wrong configurations: each is told with its key, its line and what would be right; and all of them at once."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.config import Config, ConfigErrors, Problem, load
from hub.config.load import LISTS, TABLES
from hub.config.notes import notes
from hub.quantities import UnknownWord

GOOD = (Path(__file__).resolve().parents[2] / "deploy" / "gengfu.toml").read_text("utf-8")


def config(tmp_path: Path, text: str | bytes) -> Config:
    path = tmp_path / "gengfu.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load(path)


def problems(tmp_path: Path, text: str | bytes) -> list[Problem]:
    with pytest.raises(ConfigErrors) as caught:
        config(tmp_path, text)
    return caught.value.problems


RULE = '[[rule]]\nid = "level-high"\nkind = "above"\n'
ADAPTER = '[[adapter]]\nkind = "json"\ntopic = "tele/{device}"\ndevice = "bench:{device}"\n'
DESK = '[[notifier]]\nid = "webhook:desk"\nkind = "webhook"\nurl = "http://127.0.0.1:9000/"\n'

# text, line, key, what the message must hold
WRONG: list[tuple[str, int | None, str, tuple[str, ...]]] = [
    # words that are not known
    ('[sight]\nname = "x"\n', 1, "sight", ('unknown table "sight"', 'did you mean "site"?')),
    ('community = "yunqi"\n', 1, "community", ("write it below [site]",)),
    ('[site]\ncomunity = "yunqi"\n', 2, "site", ('unknown key "comunity"', 'did you mean "community"?')),
    (RULE + 'quantity = "power.active"\ntreshold = 5\n', 5, "rule level-high", ('unknown key "treshold"', '"threshold"?')),
    ('[data]\nkeep = { energie = "1y" }\n', 2, "data, keep", ('unknown key "energie"', 'did you mean "energy"?')),
    ('[[rule]]\nid = "a"\nkind = "abov"\nquantity = "power.active"\n', 3, "rule a", ('unknown kind "abov"', '"above"?')),
    ('[[adapter]]\nkind = "tasmotta"\n', 2, "adapter 1 (tasmotta)", ('unknown kind "tasmotta"', '"tasmota"?')),
    ('[store]\nkind = "parket"\n', 2, "store", ('unknown kind "parket"', '"parquet"?')),
    (RULE + 'quantity = "power.activ"\nthreshold = 5\n', 4, "rule level-high", ('"power.activ"', '"power.active"?')),
    (RULE + 'quantity = "fyre.*"\nthreshold = 5\n', 4, "rule level-high", ('no quantity is like "fyre.*"',)),
    (
        ADAPTER + 'readings = [\n  { quantity = "voltage", path = "u" },\n  { quantity = "powr.active", path = "p" },\n]\n',
        7,
        "adapter 1 (json)",
        ('unknown quantity "powr.active"', 'did you mean "power.active"?'),
    ),
    (
        ADAPTER + 'readings = [\n  { quantity = "power.active", path = "p", unit = "kw" },\n]\n',
        6,
        "adapter 1 (json)",
        ('unknown unit "kw"', 'did you mean "kW"?'),
    ),
    (
        ADAPTER + 'readings = [{ quantity = "power.active", path = "p", unit = "m3" }]\n',
        5,
        "adapter 1 (json)",
        ('"m3" is no unit of power.active', '"W"'),
    ),
    (
        ADAPTER + 'readings = [{ quantity = "power.active", pth = "p" }]\n',
        5,
        "adapter 1 (json), readings 1",
        ('unknown key "pth"', 'did you mean "path"?'),
    ),
    (RULE + 'quantity = "power.active"\nthreshold = 5\nseverity = "criticl"\n', 6, "rule level-high, severity", ('"critical"?',)),
    ('[[quantity]]\nname = "bench.level"\nunit = "litre"\n', 3, "quantity bench.level, unit", ('unknown unit "litre"',)),
    ('[[quantity]]\nname = "bench.level"\nshape = "guage"\n', 3, "quantity bench.level, shape", ('did you mean "gauge"?',)),
    ('[[space]]\nid = "a"\nname = "A"\nkind = "flatt"\n', 4, "space a, kind", ('did you mean "flat"?',)),
    ("[colour]\nred = 1\n", 1, "colour", ('unknown table "colour"', "there are site, data, mqtt")),
    # what is missing
    (RULE + 'quantity = "power.active"\n', 1, "rule level-high", ('"threshold" is missing',)),
    ('[[rule]]\nid = "a"\nquantity = "power.active"\n', 1, "rule a", ('"kind" is missing', "above")),
    ('[mqtt]\nversion = "5"\n', 1, "mqtt", ('"url" is missing', "mqtt://")),
    ('[[notifier]]\nkind = "webhook"\nurl = "http://x/"\n', 1, "notifier 1 (webhook)", ('"id" is missing',)),
    # values of the wrong kind
    (RULE + 'quantity = "power.active"\nthreshold = "500"\n', 5, "rule level-high, threshold", ("a number without quotes",)),
    ("[site]\nname = 5\n", 2, "site, name", ('write a text in "quotes", not 5',)),
    ('[[person]]\nid = "li"\nname = "李"\ntell = "page"\n', 4, "person li, tell", ("a list in [ brackets ]", '"page"')),
    ('[site]\ncommunity = "Yunqi Garden"\n', 2, "site, community", ("a-z, 0-9 and -",)),
    ('[site]\ntime_zone = "Asia/Shangai"\n', 2, "site, time_zone", ('did you mean "Asia/Shanghai"?',)),
    ('[data.keep]\nfire = "5 years"\n', 2, "data, keep fire", ('"5 years" is not a duration', '"10min"')),
    ('[data.keep]\nfire = "1h"\n', 2, "data, keep fire", ('at least "1d"',)),
    (
        RULE + 'quantity = "power.active"\nthreshold = 5\nhold_for = 30\n',
        6,
        "rule level-high, hold_for",
        ("a duration has a unit", '"30s"'),
    ),
    ('[[device]]\nid = "meter 7"\n', 2, "device meter 7, id", ("scheme:stable-id",)),
    ('[[device]]\nid = "x:1"\nfactor = 0\n', 3, "device x:1, factor", ("greater than 0",)),
    ('[[quantity]]\nname = "Level"\n', 2, "quantity Level, name", ("domain.thing",)),
    ('[[quantity]]\nname = "a.b"\nlow = 5\nhigh = 1\n', 3, "quantity a.b", ("low (5) is above high (1)",)),
    # addresses
    ('[web]\nlisten = "127.0.0.1:80800"\n', 2, "web, listen", ("between 0 and 65535",)),
    ('[web]\nlisten = "0.0.0.0:8080"\n', 2, "web, listen", ("no login yet", '"127.0.0.1:8080"')),
    ('[web]\nlisten = "8080"\n', 2, "web, listen", ('"127.0.0.1:8080"',)),
    ('[mqtt]\nurl = "http://127.0.0.1:1883"\n', 2, "mqtt, url", ('write it like "mqtt://127.0.0.1:1883"',)),
    ('[mqtt]\nurl = "mqtt://127.0.0.1:99999"\n', 2, "mqtt, url", ("port between 1 and 65535",)),
    ('[mqtt]\nurl = "mqtt://me:secret@127.0.0.1"\n', 2, "mqtt, url", ("username and password_file",)),
    ('[mqtt]\nurl = "mqtt://h"\nusername = "u"\npassword_file = "no"\n', 4, "mqtt", ('the file "no" cannot be read',)),
    ('[mqtt]\nurl = "mqtt://h"\nca_file = "ca.pem"\n', 3, "mqtt", ("write mqtts:// in url",)),
    ('[mqtt]\nurl = "mqtt://h"\npassword = "p"\n', 1, "mqtt", ("a password but no username",)),
    (DESK.replace("http://", "ftp://"), 4, "notifier webhook:desk, url", ("http://",)),
    # the calendar, schedules, and what a device itself says
    ('[calendar]\nholidays = ["1 October"]\n', 2, "calendar, holidays 1", ('"1 October" is no day', '"2026-10-01"')),
    ('[calendar]\nholidays = ["2026-10-07..2026-10-01"]\n', 2, "calendar, holidays 1", ("does not run from a day",)),
    ('[calendar]\nworking = ["2026-10-05"]\n', 2, "calendar, working 1", ("2026-10-05 is a Monday",)),
    (
        '[calendar]\nholidays = ["2026-10-01..2026-10-07"]\nworking = ["2026-10-03"]\n',
        3,
        "calendar, working",
        ("2026-10-03 is among the holidays too",),
    ),
    (
        RULE + 'quantity = "power.active"\nthreshold = 5\nduring = { hours = "22-6" }\n',
        6,
        "rule level-high, during hours",
        ('"22-6" are no hours',),
    ),
    (
        RULE + 'quantity = "power.active"\nthreshold = { profil = "rated_power" }\n',
        5,
        "rule level-high, threshold",
        ('unknown key "profil"', 'did you mean "profile"?'),
    ),
    ('[[device]]\nid = "x:1"\ninterval = 60\n', 3, "device x:1, interval", ('write it like "30s"',)),
    (
        '[[device]]\nid = "x:1"\nprofile = { rated_power = "3 kW" }\n',
        3,
        "device x:1, profile rated_power",
        ("a number without quotes",),
    ),
    # what one table says of another
    ('[[space]]\nid = "a"\nname = "A"\nparent = "b"\n', 4, "space a", ('its parent "b" is no [[space]]',)),
    (
        '[[space]]\nid = "a"\nname = "A"\nparent = "b"\n[[space]]\nid = "b"\nname = "B"\nparent = "a"\n',
        4,
        "space a",
        ("lies inside itself",),
    ),
    (
        '[[space]]\nid = "3-2-502"\nname = "A"\n[[device]]\nid = "x:1"\nspace = "3-2-503"\n',
        6,
        "device x:1",
        ('its space "3-2-503" is no [[space]]', 'did you mean "3-2-502"?'),
    ),
    (DESK + '[[person]]\nid = "li"\nname = "李"\ntell = ["page", "webhook:desc"]\n', 8, "person li, tell", ('"webhook:desk"?',)),
    ('[[device]]\nid = "x:1"\n[[device]]\nid = "x:1"\n', 4, "device x:1", ("given twice, first on line 1",)),
    (
        '[[quantity]]\nname = "a.b"\n\n[[quantity]]\nname = "a.b"\n',
        5,
        "quantity a.b",
        ('"a.b" is given twice',),
    ),
    ('[[quantity]]\nname = "voltage.l1"\n', 2, "quantity voltage.l1", ("in the vocabulary already",)),
    # tables and lists mixed up
    ('[[site]]\nname = "x"\n', 1, "site", ("[site] in single brackets",)),
    ('[rule]\nid = "x"\n', 1, "rule", ("[[rule]] in two brackets",)),
    # not TOML
    ('[site]\nname = "云栖\n', 2, "", ("last quote is missing",)),
    ("[site]\nname = yunqi\n", 2, "", ("texts stand in quotes",)),
    ("[site]\nname\n", 2, "", ('after the key comes "="',)),
    ('[site]\nname = "a"\nname = "b"\n', 3, "", ("given twice",)),
    ('[site]\nname = "a"\n[web]\n[site]\n', 4, "", ("[site] is given twice",)),
    ("[site\nname = 1\n", 1, "", ("closed by its bracket",)),
    ('[web]\nlisten = "a"  "b"\n', 2, "", ("one key a line",)),
    ("[data]\nkeep = [1,\n2\n[web]\n", 4, "", ("list is not closed",)),
]


@pytest.mark.parametrize(("text", "line", "key", "said"), WRONG, ids=[f"{number}" for number in range(len(WRONG))])
def test_wrong(tmp_path: Path, text: str, line: int | None, key: str, said: tuple[str, ...]) -> None:
    found = problems(tmp_path, text)
    assert (found[0].line, found[0].key) == (line, key), [str(problem) for problem in found]
    for phrase in said:
        assert phrase in found[0].message, str(found[0])
    assert str(found[0]).startswith(f"gengfu.toml line {line}")


def test_a_mistake_is_told_once(tmp_path: Path) -> None:
    once = [text for text, _, _, said in WRONG if "lies inside itself" not in said[0]]
    for text in once:
        assert len(problems(tmp_path, text)) == 1, text


def test_all_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Every mistake of the table that is TOML and needs no other line than its own, in one file."""
    parts = [
        '[site]\ntime_zone = "Asia/Shangai"\n',
        '[web]\nlisten = "0.0.0.0:8080"\n',
        '[data.keep]\nfire = "5 years"\n',
        '[[space]]\nid = "a"\nname = "A"\nparent = "b"\n',
        '[[device]]\nid = "meter 7"\n',
        ADAPTER + 'readings = [{ quantity = "powr.active", path = "p" }, { quantity = "voltage", path = "u", unit = "kW" }]\n',
        RULE + 'quantity = "power.active"\ntreshold = "x"\nhold_for = 5\n',
        '[[person]]\nid = "li"\nname = "李"\ntell = ["nobody"]\n',
        "[colour]\n",
    ]
    found = problems(tmp_path, "\n".join(parts))
    assert [problem.line for problem in found] == sorted(problem.line or 0 for problem in found)
    keys = {problem.key.split(",")[0] for problem in found}
    assert keys == {
        "site",
        "web",
        "data",
        "space a",
        "device meter 7",
        "adapter 1 (json)",
        "rule level-high",
        "person li",
        "colour",
    }
    assert sum(problem.key.startswith("adapter") for problem in found) == 2
    assert sum(problem.key.startswith("rule") for problem in found) == 2  # treshold, hold_for
    assert len(found) == 11


def test_how_a_problem_reads(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, RULE + 'quantity = "power.active"\nthreshold = 1\ntreshhold = 5\n')
    assert str(problem) == 'gengfu.toml line 6, rule level-high: unknown key "treshhold"; did you mean "threshold"?'


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match="there is no file"):
        load(tmp_path / "absent.toml")
    with pytest.raises(ConfigErrors, match="is a folder"):
        load(tmp_path)
    [problem] = problems(tmp_path, '[site]\nname = "云栖"\n'.encode("gbk"))
    assert (problem.line, problem.message) == (2, "this line is not UTF-8 text: save the file with the encoding UTF-8")
    [problem] = problems(tmp_path, "a = " + "[" * 5000)
    assert "nested too deeply" in problem.message
    [problem] = problems(tmp_path, "a = " + "9" * 5000)
    assert "number" in problem.message


def test_an_empty_file_is_a_hub_with_its_own_broker(tmp_path: Path) -> None:
    for text in ("", "\ufeff# saved by an editor that writes a byte order mark\r\n"):
        empty = config(tmp_path, text)
        assert empty.mqtt is None
        assert (empty.community, str(empty.zone), empty.web.host, empty.web.port) == ("demo", "Asia/Shanghai", "127.0.0.1", 8080)
        assert empty.directory == tmp_path / "data"
        assert empty.retention.health == 90 * 86_400_000
        assert {plugin.kind for plugin, _ in empty.adapters} >= {"tasmota", "shelly", "zigbee2mqtt"}
        assert "json" not in {plugin.kind for plugin, _ in empty.adapters}, "it needs to be told what to read"
        assert len(empty.rules) > 5
    assert load(None).community == "demo"


def test_what_the_annotated_file_says(tmp_path: Path) -> None:
    full = config(tmp_path, GOOD)
    assert (full.community, full.name) == ("yunqi", "云栖社区")
    assert full.mqtt is not None
    assert (full.mqtt.host, full.mqtt.port, full.mqtt.tls, full.mqtt.client_id) == ("127.0.0.1", 1883, False, "gengfu-yunqi")
    assert full.retention.energy == round(10 * 365.25 * 86_400_000)
    assert full.vocabulary["bench.level"].zh == "台架液位"
    assert [space.parent for space in full.spaces] == ["", "3-2-502"]
    smoke, boiler = full.devices
    assert (smoke.id, smoke.accepted, smoke.interval, smoke.profile) == ("zigbee:0x00158d0001a2b3c4", True, 3600.0, {})
    assert (boiler.interval, boiler.profile) == (None, {"rated_power": 3500.0})
    assert len(full.calendar.holidays) == 7
    assert sorted(day.isoformat() for day in full.calendar.working) == ["2026-09-20", "2026-10-10"]
    assert full.people[0].tell == ("page", "webhook:desk")
    assert [(entry.id, entry.kind) for entry in full.notifiers] == [("webhook:desk", "webhook")]
    assert [plugin.kind for plugin, _ in full.adapters] == ["json", "zigbee2mqtt", "gb26875"]
    rule = next(rule for rule in full.rules if rule.settings.id == "level-high")
    assert (rule.kind, rule.settings.severity, rule.settings.clear_for) == ("above", "critical", 30_000)


def test_a_mapping_of_ones_own_silences_no_smoke_detector(tmp_path: Path) -> None:
    mapping = (
        '[[adapter]]\nkind = "json"\ntopic = "x/{d}"\ndevice = "x:{d}"\nreadings = [{ quantity = "power.active", path = "p" }]\n'
    )
    everyone = {plugin.kind for plugin, _ in load(None).adapters}
    assert {plugin.kind for plugin, _ in config(tmp_path, mapping).adapters} == {"json"} | everyone
    named = config(tmp_path, mapping + '[[adapter]]\nkind = "tasmota"\n').adapters
    assert [plugin.kind for plugin, _ in named] == ["json", "tasmota"]


def test_a_rule_of_the_file_takes_the_place_of_the_default_with_its_id(tmp_path: Path) -> None:
    before = load(None).rules
    id = before[0].settings.id
    text = f'[[rule]]\nid = "{id}"\nkind = "above"\nquantity = "power.active"\nthreshold = 12345\n'
    after = config(tmp_path, text).rules
    assert [rule.settings.id for rule in after] == [rule.settings.id for rule in before]
    assert after[0].settings.quantity == "power.active"


def test_a_default_rule_is_changed_by_its_id_alone(tmp_path: Path) -> None:
    before = {rule.settings.id: rule.settings for rule in load(None).rules}
    after = config(tmp_path, '[[rule]]\nid = "fire-co-level"\nhold_for = "1min"\n[[rule]]\nid = "fire-co"\nenabled = false\n')
    changed = {rule.settings.id: rule.settings for rule in after.rules}
    assert changed["fire-co-level"] == before["fire-co-level"].model_copy(update={"hold_for": 60_000})
    assert not changed["fire-co"].enabled
    assert changed.keys() == before.keys()


def test_devices_that_lack_what_a_rule_asks_of_their_profile_are_named(tmp_path: Path) -> None:
    rule = RULE + 'quantity = "power.active"\nthreshold = { profile = "rated_power" }\n'
    with_it = '[[device]]\nid = "x:1"\nprofile = { rated_power = 3500 }\n'
    assert list(notes(config(tmp_path, with_it + rule))) == []
    [said] = notes(config(tmp_path, with_it + '[[device]]\nid = "x:2"\n' + rule))
    assert '"rated_power"' in said and "1 of the 2 devices" in said and said.endswith("x:2")
    for nobody in (rule, '[[device]]\nid = "x:2"\n' + rule + 'device = "y:*"\n'):
        [said] = notes(config(tmp_path, nobody))
        assert "no [[device]] of this file is one it is about" in said and "profile = { rated_power = … }" in said


def test_secrets_are_read_from_their_file_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    full = config(tmp_path, '[mqtt]\nurl = "mqtts://broker.example"\nusername = "u"\npassword_file = "secret"\n')
    assert full.mqtt is not None
    assert (full.mqtt.password, full.mqtt.port, full.mqtt.tls) == ("s3cret", 8883, True)
    assert "s3cret" not in repr(full)


# --- nothing but ConfigErrors, whatever stands in the file ------------------------------------------------------------

WORDS = [*LISTS, *TABLES, "id", "name", "kind", "community", "time_zone", "directory", "keep", "energy", "url", "listen", "unit"]
WORDS += ["shape", "low", "high", "parent", "tell", "topic", "readings", "path", "threshold", "severity", "hold_for", "factor"]
keys = st.sampled_from(WORDS) | st.text(max_size=5)
scalars = (
    st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=12)
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.sampled_from(["json", "above", "webhook", "parquet", "127.0.0.1:8080", "mqtt://[::1", "//[", "10y", "a:b", "page", "*"])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
tables = st.dictionaries(keys, values | st.lists(st.dictionaries(keys, values, max_size=5), max_size=3), max_size=6)


def toml(value: Any) -> str:
    """Any value as inline TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value).replace("e+", "e")
    if isinstance(value, str):
        escaped = "".join(f"\\U{ord(char):08x}" if ord(char) < 32 or char in '"\\\x7f' else char for char in value)
        return f'"{escaped}"'
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(item)}" for key, item in value.items()) + "}"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def check(path: Path, text: str) -> None:
    path.write_text(text, "utf-8", errors="replace")
    try:
        load(path)
    except ConfigErrors as errors:
        assert errors.problems
        for problem in errors.problems:
            assert problem.message
            assert "\n" not in str(problem)


@settings(max_examples=200, deadline=None)
@given(table=tables)
def test_random_tables(tmp_path_factory: pytest.TempPathFactory, table: dict[str, Any]) -> None:
    text = "\n".join(f"{toml(key)} = {toml(value)}" for key, value in table.items())
    check(tmp_path_factory.getbasetemp() / "gengfu.toml", text)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_the_annotated_file_with_a_piece_lost_or_doubled(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(start, min(len(GOOD), start + 60)))
    middle = data.draw(st.sampled_from(["", GOOD[start:end] * 2, '"', "[", "=", "\n", "0"]))
    check(tmp_path_factory.getbasetemp() / "gengfu.toml", GOOD[:start] + middle + GOOD[end:])


def test_nearest_words_come_from_the_vocabulary() -> None:
    assert UnknownWord("quantity", "fire.smok", ["fire.smoke"]).nearest == "fire.smoke"
