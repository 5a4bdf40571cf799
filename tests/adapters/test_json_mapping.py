"""The declarative adapter: what is wrong in a mapping is said in words, with the nearest right one."""

import re
from typing import Any

import pytest

from hub.model import Message, Reading, Reason
from hub.ports import Malformed
from tests.support.captures import build

GOOD: dict[str, Any] = {
    "topic": "t/{device}",
    "device": "x:{device}",
    "readings": [{"quantity": "air.temperature", "path": "t"}],
}


def mapping(**changes: Any) -> Any:
    return build("json", {**GOOD, **changes})


def reading(**changes: Any) -> list[dict[str, Any]]:
    return [{**GOOD["readings"][0], **changes}]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"readings": reading(quantity="air.temprature")}, 'did you mean "air.temperature"'),
        ({"readings": reading(unit="kWatt")}, "unknown unit"),
        ({"readings": reading(unit="kW")}, "cannot be turned into"),
        ({"readings": reading(path="a[")}, "not a JMESPath"),
        ({"readings": reading(path="nosuch(a)")}, "not a JMESPath"),
        ({"readings": reading(path="")}, "not a JMESPath"),
        ({"readings": reading(values={"on": 1}, unit="K")}, "leave out unit"),
        ({"readings": reading(channel="{chanel}")}, 'unknown placeholder "chanel"'),
        ({"readings": []}, "readings"),
        ({"device": "x:{devise}"}, 'did you mean "device"'),
        ({"device": "bench"}, "device"),
        ({"topic": "t/{device}/{device}"}, "twice"),
        ({"topic": "t//{device}"}, "not an MQTT topic filter"),
        ({"topic": "t/{name}", "device": "x:{name}", "id": "id"}, "does not have"),
        ({"time": {"path": "ts", "unit": "minutes"}}, "unit"),
        ({"tpoic": "t"}, "tpoic"),
    ],
)
def test_a_wrong_mapping_is_an_error_in_words(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        mapping(**changes)


def test_values_in_their_unit() -> None:
    adapter = mapping(readings=reading(unit="K", path="a.b", scale=0.1))
    (found,) = adapter.decode(Message("t/1", b'{"a":{"b":2981.5}}', 0))
    assert isinstance(found, Reading)
    assert found.value == pytest.approx(25)  # 298.15 K
    for payload in (b'{"a":{"c":1}}', b'{"a":1}', b'{"a":null}', b"{}"):
        with pytest.raises(Malformed) as refusal:
            adapter.decode(Message("t/1", payload, 0))
        assert (refusal.value.reason, refusal.value.device) == (Reason.MISSING_FIELD, "x:1")


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b'{"ts":1,"Power_W":912}', 'none of the fields is there: power_w; it has "Power_W", is that power_w?'),
        (b'{"ts":"2026-03-05T12:00:00Z","power_w":912}', 'expected a number; for ISO 8601 set unit = "iso" beside it'),
    ],
)
def test_a_refusal_says_what_would_be_right(payload: bytes, said: str) -> None:
    adapter = mapping(readings=reading(path="power_w"), time={"path": "ts", "unit": "s"})
    with pytest.raises(Malformed, match=re.escape(said)):
        adapter.decode(Message("t/1", payload, 0))


def test_what_no_double_holds_in_its_unit_is_refused() -> None:
    with pytest.raises(Malformed) as refusal:
        mapping(readings=reading(scale=1e10)).decode(Message("t/1", b'{"t":1e300}', 0))
    assert refusal.value.reason is Reason.BAD_NUMBER


def test_a_path_that_fails_in_use_is_the_messages_fault() -> None:
    adapter = mapping(readings=reading(path="sum(list)"))
    assert adapter.decode(Message("t/1", b'{"list":[1,2.5]}', 0))[0].value == 3.5
    for payload in (b'{"list":["a"]}', b'{"list":[1e308,1e308]}', b'{"list":3}'):
        with pytest.raises(Malformed):
            adapter.decode(Message("t/1", payload, 0))


def test_topics_are_remembered_within_bounds() -> None:
    adapter = mapping()
    for n in range(100_100):
        assert adapter.decode(Message(f"t/{n}", b'{"t":1}', 0))[0].device == f"x:{n}"
    assert len(adapter._plans) == 100_000
