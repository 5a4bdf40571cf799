"""The "Time" lines of the promises, and what makes a reading the same reading. Moments are written out by hand."""

import pytest

from hub.intake import Intake, TooOld, digest
from hub.model import Message, Quality, Reading
from hub.ports import Retention
from hub.quantities import Vocabulary

NOW = 1_791_169_445_000  # 2026-10-05T03:04:05Z
MINUTE = 60_000
DAY = 86_400_000


def intake() -> Intake:
    return Intake(Vocabulary(), Retention(energy=3650 * DAY, health=90 * DAY))


def message(**more: object) -> Message:
    return Message(**({"topic": "t", "payload": b"{}", "received_at": NOW} | more))  # type: ignore[arg-type]


def power(time: int | None, **more: object) -> Reading:
    return Reading("d:1", "power.active", 5.0, time, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("case", "given", "network", "time", "flags"),
    [
        ("as the device said", NOW - 5_000, None, NOW - 5_000, Quality(0)),
        ("missing", None, None, NOW, Quality.MISSING_TIME),
        ("missing, the network's is there", None, NOW - 700, NOW - 700, Quality(0)),
        ("zero", 0, None, NOW, Quality.CLOCK_SKEW),
        ("1970", 86_400_000, None, NOW, Quality.CLOCK_SKEW),
        ("2106", 4_294_967_295_000, None, NOW, Quality.CLOCK_SKEW),
        ("year 9999", 253_402_300_799_000, None, NOW, Quality.CLOCK_SKEW),
        ("seconds taken for milliseconds", NOW // 1000, None, NOW, Quality.CLOCK_SKEW),
        ("nanoseconds taken for milliseconds", NOW * 1_000_000, None, NOW, Quality.CLOCK_SKEW),
        ("negative", -1, None, NOW, Quality.CLOCK_SKEW),
        ("10 minutes ahead", NOW + 10 * MINUTE, None, NOW, Quality.CLOCK_SKEW),
        ("10 minutes ahead, the network knows better", NOW + 10 * MINUTE, NOW - 900, NOW - 900, Quality.CLOCK_SKEW),
        ("a minute ahead is no fault", NOW + MINUTE, None, NOW + MINUTE, Quality(0)),
        ("an hour ago, within what is kept", NOW - 60 * MINUTE, None, NOW - 60 * MINUTE, Quality.LATE),
        ("missing, the network's is an hour old", None, NOW - 60 * MINUTE, NOW - 60 * MINUTE, Quality.LATE),
        ("before 2015", 1_420_070_399_999, None, NOW, Quality.CLOCK_SKEW),
    ],
)
def test_time(case: str, given: int | None, network: int | None, time: int, flags: Quality) -> None:
    reading = intake().accept(power(given, network_time=network), message())
    assert reading is not None, case
    assert (reading.time, Quality(reading.quality)) == (time, flags), case


def test_older_than_what_is_kept_is_refused_with_its_time() -> None:
    with pytest.raises(TooOld) as refused:
        intake().accept(Reading("d:1", "health.heart_rate", 70, NOW - 91 * DAY), message())
    assert refused.value.reading.time == NOW - 91 * DAY
    assert refused.value.reading.quality & Quality.LATE


@pytest.mark.parametrize(("value", "odd"), [(0, True), (999, True), (20, False), (300, False)])
def test_implausible_is_stored_and_flagged(value: float, odd: bool) -> None:
    reading = intake().accept(Reading("d:1", "health.heart_rate", value, NOW), message())
    assert reading is not None
    assert bool(reading.quality & Quality.OUT_OF_RANGE) is odd


def test_the_first_one_wins_and_another_sequence_number_is_another_reading() -> None:
    door = intake()
    assert door.accept(power(NOW, seq=1), message()) is not None
    assert door.accept(power(NOW, seq=1), message()) is None
    assert door.accept(power(NOW, seq=2), message()) is not None
    assert door.accept(power(NOW - 1), message()) is not None, "out of order is not a repetition"
    assert door.accept(power(NOW - 1), message()) is None
    assert door.duplicates == 2


def test_two_arrivals_in_one_millisecond_without_a_device_time_are_two_readings() -> None:
    door = intake()
    first, second = (door.accept(power(None), message()) for _ in range(2))
    assert first is not None and second is not None
    assert (first.time, second.time) == (NOW, NOW + 1)


def test_a_counter_that_falls_and_a_gap_in_the_sequence_are_flagged() -> None:
    door = intake()
    flags = []
    for second, (value, seq) in enumerate([(10.0, 1), (11.0, 2), (3.0, 3), (4.0, 6)]):
        reading = door.accept(Reading("d:1", "energy.active.import.total", value, NOW + second, seq=seq), message())
        assert reading is not None
        flags.append(Quality(reading.quality))
    assert flags == [Quality(0), Quality(0), Quality.COUNTER_RESET, Quality.SEQUENCE_GAP]


def test_how_it_arrived_is_flagged() -> None:
    door = intake()
    fire = door.accept(Reading("d:1", "fire.smoke", 1, NOW), message(qos=0))
    kept = door.accept(Reading("d:2", "fire.smoke", 1, NOW), message(retained=True))
    assert fire is not None and kept is not None
    assert Quality(fire.quality) == Quality.QOS0
    assert Quality(kept.quality) == Quality.STALE_RETAINED


def test_a_message_without_a_time_is_known_again() -> None:
    door = intake()
    one, other = digest(message(payload=b"1")), digest(message(payload=b"2"))
    assert one != other != digest(message(topic="t2", payload=b"2"))
    assert not door.seen_before(one)
    assert door.seen_before(one)
    assert not door.seen_before(other)
    later = intake()
    later.restore([one])
    assert later.seen_before(one)
