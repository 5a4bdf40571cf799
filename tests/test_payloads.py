"""Public vendor payloads through the adapters: what comes out is printed, and equals what the vectors and documents state.

The payloads are no part of the project. Where the folder is missing these tests do not run, and say so; the judge is tested
all the same, with vectors of our own.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.model import Message
from hub.ports import Adapter
from hub.quantities import DOMAINS
from tests.support import payload_formats, payloads
from tests.support.captures import build
from tests.support.payload_case import Case, Format, Stated, Vector
from tests.support.payloads import FOLDER, MISSING, Outcome, faults, run, table


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    if not FOLDER.is_dir():
        pytest.skip(MISSING)
    return {outcome.format: outcome for outcome in run()}


def test_print_what_became_of_the_payloads(outcomes: dict[str, Outcome], capsys: pytest.CaptureFixture[str]) -> None:
    every = list(outcomes.values())
    with capsys.disabled():
        print(f"\n{table(every)}")
    assert set(outcomes) == set(payload_formats.FORMATS)
    assert faults(every) == []
    assert len(every) >= 20
    for domain in DOMAINS:
        assert sum(one.domains[domain] > 0 for one in every) >= 3, domain


@pytest.mark.parametrize("name", payload_formats.FORMATS)
def test_payloads_mean_what_their_sources_say(outcomes: dict[str, Outcome], name: str) -> None:
    """Stricter than make payloads: every value that is compared is equal, and as many are compared as ever were."""
    outcome = outcomes[name]
    assert not outcome.wrong + outcome.unequal, "\n".join((outcome.wrong + outcome.unequal)[:20])
    assert outcome.equal == outcome.compared >= payload_formats.FORMATS[name].floor
    assert outcome.readings >= outcome.equal


# --- the judge itself, with vectors of our own ----------------------------------------------------------------------------

TOPIC = "application/a/device/0004a30b00ba0001/event/up"


def body(data: str) -> bytes:
    about = {"devEui": "0004a30b00ba0001", "deviceProfileName": "Nwave NPS405", "deviceName": "B1"}
    return json.dumps({"time": "2026-01-01T00:00:00Z", "deviceInfo": about, "fPort": 1, "data": data}).encode()


OCCUPIED, BROKEN = body("ig=="), body("igA=")  # one byte with bit 7; two bytes, where port 1 has one
BAY = Stated("parking.occupied", "", 1)
Judge = Callable[..., Outcome]


class Raises:
    """An adapter that fails as none may."""

    topics = ("#",)

    def decode(self, message: Message) -> list[object]:
        raise KeyError("surprise")


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Judge:
    """The outcome of one case of a format that exists for this test."""

    def judged(
        payload: bytes = OCCUPIED, adapter: Adapter | None = None, vector: Vector | None = None, **case: object
    ) -> Outcome:
        def cases(vectors: list[Vector]) -> list[Case]:
            return [Case(vectors[0], adapter or build("chirpstack", {}), TOPIC, payload, **case)]  # type: ignore[arg-type]

        monkeypatch.setattr(payloads, "FORMATS", {"ours": Format(cases)})
        (tmp_path / "ours").mkdir(exist_ok=True)
        (tmp_path / "ours" / "vectors.jsonl").write_text(json.dumps({"id": "v", **(vector or {})}) + "\n")
        (outcome,) = run(tmp_path)
        return outcome

    return judged


def test_a_value_that_is_equal_is_counted(judge: Judge) -> None:
    outcome = judge(stated=[BAY], whole=True, info={"lora:0004a30b00ba0001": {"name": "B1"}})
    assert (outcome.decoded, outcome.stated, outcome.compared, outcome.equal, outcome.described) == (1, 1, 1, 1, 1)
    assert outcome.domains == {"parking": 1}
    assert faults([outcome]) == []


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ({"payload": BROKEN, "stated": [BAY]}, "refused, bad_frame"),
        ({"payload": BROKEN}, "refused, bad_frame"),
        ({"vector": {"valid": False}}, "calls it invalid"),
        ({"vector": {"should": "fail"}}, "calls it invalid"),
        ({"vector": {"crc_ok": False}}, "calls it invalid"),
        ({"adapter": Raises()}, "KeyError('surprise')"),
        ({"stated": [BAY._replace(value=0)]}, "0 of 1 values equal"),
        ({"stated": [BAY], "seq": 7}, "0 of 1 values equal"),
        ({"whole": True}, "nobody stated"),
        ({"refused": "bad_frame"}, "expected to be refused"),
        ({"info": {"lora:0004a30b00ba0001": {"name": "B2"}}}, "expected {'name': 'B2'}"),
        ({"stated": [BAY], "untold": 1}, "only 1 of 2 values"),
    ],
)
def test_the_judge_sees_what_is_wrong(judge: Judge, case: dict[str, object], words: str) -> None:
    found = faults([judge(**case)])
    assert found and words in "\n".join(found)


def test_what_may_be(judge: Judge) -> None:
    negative = judge(BROKEN, vector={"valid": False})
    assert (negative.negatives, negative.refused, faults([negative])) == (1, {"bad_frame": 1}, [])
    assert faults([judge(BROKEN, refused="bad_frame")]) == []
    disputed = judge(disputed=[(BAY._replace(value=0), "the source has it upside down")], stated=[], whole=True)
    assert (disputed.stated, disputed.compared, len(disputed.disputed)) == (1, 0, 1)
    rounded = judge(stated=[BAY._replace(value=1.4, within=0.5)])
    assert (rounded.equal, faults([rounded])) == (1, [])
