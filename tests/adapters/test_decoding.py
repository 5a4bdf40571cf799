"""The ground under the adapters: numbers, moments, topics, and what it costs to refuse."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.decoding import MAX_KEYS, TopicTemplate, epoch_ms, iso_ms, number, number_or_text, parse, parse_object, shown, text
from hub.model import Quality, Reason
from hub.ports import Malformed

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
SKEW, ASSUMED = Quality.CLOCK_SKEW, Quality.TZ_ASSUMED
NEW_YEAR = 1_767_225_600_000  # 2026-01-01T00:00:00Z = 20454 days


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (1_767_225_600, "s", (NEW_YEAR, 0)),
        (1_767_225_600.123, "s", (NEW_YEAR + 123, 0)),
        (NEW_YEAR + 5, "ms", (NEW_YEAR + 5, 0)),
        (NEW_YEAR * 1000 + 999, "us", (NEW_YEAR, 0)),
        (NEW_YEAR * 1_000_000 + 1, "ns", (NEW_YEAR, 0)),
        (0, "s", (0, 0)),  # for intake to judge, as 1970 and 2106 are
        (4_294_967_295, "s", (4_294_967_295_000, 0)),
        (None, "s", (None, 0)),
        (-1, "s", (None, SKEW)),
        (-0.001, "s", (None, SKEW)),
        (NEW_YEAR, "s", (None, SKEW)),  # milliseconds taken for seconds: year 57971
        (253_402_300_799, "s", (253_402_300_799_000, 0)),  # the last second of year 9999
        (253_402_300_800, "s", (None, SKEW)),
        (1e300, "s", (None, SKEW)),
        (2**63, "ns", (9_223_372_036_854, 0)),  # 2262-04-11
        (2**200, "ns", (None, SKEW)),
    ],
)
def test_epoch(value: Any, unit: Any, expected: tuple[int | None, int]) -> None:
    assert epoch_ms(value, unit) == expected


@pytest.mark.parametrize("value", [True, "1767225600", [], {}, float("inf"), float("nan")])
def test_epoch_of_no_number(value: Any) -> None:
    with pytest.raises(Malformed):
        epoch_ms(value)


@pytest.mark.parametrize(
    ("value", "zone", "expected"),
    [
        ("2026-01-01T00:00:00Z", SHANGHAI, (NEW_YEAR, 0)),
        ("2026-01-01T08:00:00+08:00", BERLIN, (NEW_YEAR, 0)),
        ("2026-01-01T08:00:00", SHANGHAI, (NEW_YEAR, ASSUMED)),
        ("2026-01-01 08:00:00.123456789", SHANGHAI, (NEW_YEAR + 123, ASSUMED)),
        ("2016-12-31T23:59:60Z", SHANGHAI, (1_483_228_800_000, 0)),  # IERS Bulletin C 52; 2017-01-01T00:00:00Z
        ("2017-01-01T07:59:60", SHANGHAI, (1_483_228_800_000, ASSUMED)),
        ("2026-10-25T02:30:00", BERLIN, (1_792_888_200_000, ASSUMED)),  # 00:30 UTC, the first of two
        ("2026-03-29T02:30:00", BERLIN, (1_774_747_800_000, ASSUMED)),  # never was; 01:30 UTC by the offset before
        ("9999-12-31T23:59:59Z", SHANGHAI, (253_402_300_799_000, 0)),
        ("9999-12-31T23:59:59-01:00", SHANGHAI, (None, SKEW)),
        ("0001-01-01T00:00:00+14:00", SHANGHAI, (None, SKEW)),
        ("1969-12-31T23:59:59Z", SHANGHAI, (None, SKEW)),
        ("0000-00-00T00:00:00", SHANGHAI, (None, SKEW)),
        ("2026-02-30T00:00:00Z", SHANGHAI, (None, SKEW)),
        ("2026-01-01T25:00:60Z", SHANGHAI, (None, SKEW)),
        (None, SHANGHAI, (None, 0)),
    ],
)
def test_iso(value: Any, zone: ZoneInfo, expected: tuple[int | None, int]) -> None:
    assert iso_ms(value, zone) == expected


@pytest.mark.parametrize(
    "value", ["", "now", "12:30", "1767225600.5", 1_767_225_600, True, ["2026-01-01"], "2026-01-01T00:00:00Q"]
)
def test_iso_of_no_time(value: Any) -> None:
    with pytest.raises(Malformed) as refusal:
        iso_ms(value, SHANGHAI)
    assert refusal.value.reason is Reason.WRONG_TYPE


@pytest.mark.parametrize(("value", "expected"), [(7, 7.0), (-0.0, 0.0), (5e-324, 5e-324), (2**64 - 1, 1.8446744073709552e19)])
def test_number(value: Any, expected: float) -> None:
    found = number(value, "x")
    assert type(found) is float
    assert str(found) == str(expected)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (True, Reason.WRONG_TYPE),
        ("21.5", Reason.WRONG_TYPE),
        (None, Reason.WRONG_TYPE),
        ([1], Reason.WRONG_TYPE),
        (2**64, Reason.BAD_NUMBER),
        (-(2**63) - 1, Reason.BAD_NUMBER),
        (10**400, Reason.BAD_NUMBER),
        (float("nan"), Reason.BAD_NUMBER),
        (float("-inf"), Reason.BAD_NUMBER),
    ],
)
def test_no_number(value: Any, reason: Reason) -> None:
    for read in (number, number_or_text):
        if value != "21.5" or read is number:
            with pytest.raises(Malformed) as refusal:
                read(value, "x")
            assert refusal.value.reason is reason
            assert "x is" in refusal.value.detail


def test_number_in_quotes() -> None:
    assert [number_or_text(given, "x") for given in ("21.5", " -3 ", "+1e2", ".5", "5.", 4)] == [21.5, -3, 100, 0.5, 5, 4]
    refused: tuple[str, ...] = ("", "1,5", "0x10", "nan", "inf", "1_000", "٣", "1e9999", "9" * 50, "1e400", "1e999")
    for given in refused:
        with pytest.raises(Malformed):
            number_or_text(given, "x")


def test_text() -> None:
    assert text("<img onerror>", "name") == "<img onerror>"
    refused: list[Any] = [1, None, "", "x" * 257]
    for given in refused:
        with pytest.raises(Malformed):
            text(given, "name")


def test_what_a_vendor_is_shown_is_short() -> None:
    values: list[Any] = [None, True, 5, "on", [1], {}]
    assert [shown(value) for value in values] == ["null", "true", "5", '"on"', "an array", "an object"]
    assert len(shown("x" * 1000)) == 40


def nested(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


def test_depth_is_counted_in_levels() -> None:
    parse_object(nested(8))
    parse_object(b'{"a":[' + b"{},[]," * 5000 + b"[[[[[[]]]]]]]}")  # many, but never more than eight at a time
    parse_object(b'{"a":"' + b"{[" * 5000 + b'","b":"\\"[[[[[[[[["}')  # in a text they are no levels
    parse_object(nested(20), max_depth=20)
    for deeper in (nested(9), b'{"a":[[[[[[[[]]]]]]]]}'):
        with pytest.raises(Malformed) as refusal:
            parse_object(deeper)
        assert refusal.value.reason is Reason.TOO_DEEP


def test_sizes() -> None:
    def keys(count: int) -> bytes:
        return b'{"a":{' + b",".join(b'"k%d":1' % n for n in range(count)) + b"}}"

    assert len(parse_object(keys(MAX_KEYS - 2))["a"]) == MAX_KEYS - 2
    assert parse_object(b'{"a":"' + b":" * 20_000 + b'"}')  # in a text they are no keys
    for large in (keys(MAX_KEYS), b'"' + b"x" * 300_000 + b'"'):
        with pytest.raises(Malformed) as refusal:
            parse(large)
        assert refusal.value.reason is Reason.TOO_LARGE
    assert parse(b'"' + b"x" * 300_000 + b'"', max_bytes=400_000)


def test_escapes_that_are_none() -> None:
    r"""``\\u0000`` is a backslash and five characters; a whole surrogate pair is one character."""
    assert parse_object(rb'{"a":"\\u0000","b":"\ud83d\ude00"}') == {"a": r"\u0000", "b": "😀"}
    with pytest.raises(Malformed):
        parse_object(rb'{"a":"\\\u0000"}')


@pytest.mark.parametrize(
    ("template", "filter", "topic", "names"),
    [
        ("tele/fire/{device}", "tele/fire/+", "tele/fire/厨房", {"device": "厨房"}),
        ("{site}/m-{n}x/up", "+/+/up", "a/m-12x/up", {"site": "a", "n": "12"}),
        ("a/+/{x}", "a/+/+", "a//y", {"x": "y"}),
        ("a/{x}/#", "a/+/#", "a/b", {"x": "b"}),
        ("a/{x}/#", "a/+/#", "a/b/c/d", {"x": "b"}),
        ("a.b/{x}", "a.b/+", "aXb/c", None),
        ("a/{x}", "a/+", "a/", None),
        ("a/{x}", "a/+", "a/b/c", None),
        ("a/{x}", "a/+", "a/b\n", {"x": "b\n"}),
    ],
)
def test_topic_templates(template: str, filter: str, topic: str, names: dict[str, str] | None) -> None:
    assert TopicTemplate(template).filter == filter
    assert TopicTemplate(template).match(topic) == names


@pytest.mark.parametrize(
    "template", ["", "a//b", "a/{}", "a/{x", "a/x}", "a/{x}/{x}", "a/#/b", "a/b#", "a/b+", "a/{1x}", "{x y}"]
)
def test_no_topic_template(template: str) -> None:
    with pytest.raises(ValueError, match="topic"):
        TopicTemplate(template)
