"""What every store must do. The Parquet store stands three times: unsealed, sealed after every batch, compacted too; the servers
answer for themselves: after every batch all of it is sent and settled there."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.columns import Columns
from hub.model import Batch, Lane, Now, Quality, Reading, Series
from hub.ports import Retention, Store
from tests.hub.conftest import Servers
from tests.support import timeseries_servers
from tests.support.readings import DAY, HOUR, MINUTE, T0, batch, dead_letter, power, refused
from tests.support.stores import SERVERS, open_store
from tests.support.timeseries_servers import Server

METER = Series("meter", "power.active")
EVER = (0, 2**62)
KINDS = ["memory", "parquet", "sealed", "compacted", *SERVERS]


class Harness:
    def __init__(self, kind: str, folder: Path, retention: Retention, server: Server | None = None) -> None:
        self.kind = kind
        self.server = server
        self.now = T0
        self.folder = folder
        self.retention = retention
        self.store: Store = self.open()

    def open(self) -> Store:
        return open_store(self.kind, self.folder, self.server, self.retention, lambda: self.now)

    def append(self, given: Batch, lane: Lane = "rest") -> None:
        self.store.append(lane, given)
        if self.kind in ("sealed", *timeseries_servers.KINDS):
            self.store.maintain(Now(self.now, 0), seal_all=True)
        if self.kind == "compacted":
            self.store.maintain(Now(self.now, 0), seal_all=True)
            self.store.maintain(Now(self.now + 400 * DAY, 0))

    def readings(self, *readings: Reading, lane: Lane = "rest") -> None:
        self.append(batch(*readings), lane)

    def values(self, series: Series = METER) -> list[float]:
        values: list[float] = self.store.rows(series, *EVER).value.tolist()
        return values


Make = Callable[..., Harness]


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, tmp_path: Path, servers: Servers) -> Iterator[Make]:
    made: list[Harness] = []

    def harness(retention: Retention | None = None) -> Harness:
        made.append(Harness(request.param, tmp_path / "data", retention or Retention(), servers(request.param)))
        return made[-1]

    yield harness
    for harness_ in made:
        harness_.store.close()


def test_a_reading_comes_back_as_it_was(make: Make) -> None:
    hub = make()
    reading = Reading("zigbee:0x1", "air.temperature", -0.1, T0 + 7, "probe", 3, int(Quality.LATE | Quality.QOS0))
    hub.append(batch(reading, arrived=T0 + 99))
    rows = hub.store.rows(Series("zigbee:0x1", "air.temperature", "probe"), *EVER)
    assert rows.series == Series("zigbee:0x1", "air.temperature", "probe")
    columns = (rows.time, rows.seq, rows.received_at, rows.value, rows.quality)
    assert [column.tolist() for column in columns] == [[T0 + 7], [3], [T0 + 99], [-0.1], [int(Quality.LATE | Quality.QOS0)]]
    assert [column.dtype.name for column in columns] == ["int64", "int64", "int64", "float64", "int64"]
    assert hub.store.latest() == [(reading, T0 + 99)]


def test_the_first_that_arrived_wins(make: Make) -> None:
    hub = make()
    hub.readings(power(1, T0), power(2, T0))
    hub.readings(power(3, T0))
    assert hub.values() == [1]
    hub.readings(power(4, T0), power(5, T0 + 1), power(6, T0 + 1))
    hub.readings(power(7, T0 + 1), lane="rest")
    assert hub.values() == [1, 5]


def test_what_tells_readings_apart(make: Make) -> None:
    hub = make()
    hub.readings(power(1, T0), power(2, T0, seq=1), power(3, T0 + 1), power(4, T0, channel="b"), power(5, T0, device="other"))
    hub.readings(Reading("meter", "voltage", 230, T0))
    assert hub.values() == [1, 2, 3]
    assert hub.values(Series("meter", "power.active", "b")) == [4]
    assert hub.values(Series("other", "power.active")) == [5]
    assert hub.values(Series("meter", "voltage")) == [230]
    assert hub.values(Series("nobody", "voltage")) == []


def test_out_of_order_and_over_days(make: Make) -> None:
    hub = make()
    hub.readings(power(3, T0 + 2 * DAY), power(1, T0 - DAY))
    hub.readings(power(2, T0), power(4, T0 + 40 * DAY), power(0, T0 - 400 * DAY))
    assert hub.values() == [0, 1, 2, 3, 4]


def test_start_is_in_and_end_is_out(make: Make) -> None:
    hub = make()
    hub.readings(*[power(number, T0 + number) for number in range(5)])
    assert hub.store.rows(METER, T0 + 1, T0 + 3).value.tolist() == [1, 2]
    assert hub.store.rows(METER, T0 + 3, T0 + 3).value.tolist() == []


def test_both_lanes_read_as_one(make: Make) -> None:
    hub = make()
    hub.append(batch(power(1, T0), power(2, T0 + MINUTE), arrived=T0 + 10), "rest")
    hub.append(batch(power(9, T0 + MINUTE), power(3, T0 + 2 * MINUTE), arrived=T0 + 20), "fire")
    assert hub.values() == [1, 2, 3]
    assert hub.store.series() == [METER]
    assert [reading.value for reading, _ in hub.store.latest()] == [3]
    before = hub.store.before(METER, T0 + 2 * MINUTE)
    assert before and before.value == 2


def test_series_by_glob(make: Make) -> None:
    hub = make()
    hub.readings(
        power(1, T0, "tasmota:A"), power(1, T0, "shelly:b", "1"), Reading("tasmota:A", "fire.smoke", 0, T0),
        power(1, T0, "shelly:b", "0"), Reading("Tasmota:z", "fire.heat", 0, T0),
    )  # fmt: skip
    every = hub.store.series()
    assert every == sorted(every) and len(every) == 5
    assert hub.store.series("tasmota:*") == [Series("tasmota:A", "fire.smoke"), Series("tasmota:A", "power.active")]
    assert hub.store.series(quantity="fire.*") == [Series("Tasmota:z", "fire.heat"), Series("tasmota:A", "fire.smoke")]
    assert hub.store.series("shelly:?", "power.*") == [Series("shelly:b", "power.active", channel) for channel in ("0", "1")]
    assert hub.store.series("nobody") == []


def test_before(make: Make) -> None:
    hub = make()
    hub.readings(power(1, T0), power(2, T0 + DAY), power(3, T0 + DAY, seq=1))
    hub.readings(power(4, T0 + 40 * DAY), power(9, T0 + DAY, seq=1))

    def value(time: int) -> float | None:
        found = hub.store.before(METER, time)
        return found.value if found else None

    assert [value(T0 + 41 * DAY), value(T0 + 40 * DAY), value(T0 + DAY), value(T0)] == [4, 3, 1, None]
    assert hub.store.before(Series("nobody", "power.active"), T0) is None


def test_latest_is_by_time_not_by_arrival(make: Make) -> None:
    hub = make()
    hub.readings(power(2, T0 + 5), power(8, T0, "other"))
    hub.readings(power(1, T0), power(3, T0 + 5), power(9, T0, "other", seq=1))
    assert [(reading.device, reading.value) for reading, _ in hub.store.latest()] == [("meter", 2), ("other", 9)]


def test_buckets_keep_peaks_and_gaps(make: Make) -> None:
    hub = make()
    hub.readings(power(5, T0 + 10), power(1, T0 + 20), power(3, T0 + 30))  # first bucket
    hub.readings(power(7, T0 + 2 * MINUTE + 5), power(9, T0 + 3 * MINUTE))  # third; one past the end
    buckets = hub.store.buckets(METER, T0 + 10, T0 + 10 + 3 * MINUTE - 10, MINUTE)
    assert buckets.series == METER
    # counted from the start asked for, T0 + 10: the second bucket has nothing, and so is not there
    assert buckets.start.tolist() == [T0 + 10, T0 + 10 + MINUTE]
    assert buckets.count.tolist() == [3, 1]
    assert [buckets.minimum.tolist(), buckets.maximum.tolist()] == [[1, 7], [5, 7]]
    assert [buckets.first.tolist(), buckets.last.tolist(), buckets.mean.tolist()] == [[5, 7], [3, 7], [3, 7]]
    later = hub.store.buckets(METER, T0, T0 + HOUR, MINUTE)
    assert ((later.start - T0) // MINUTE).tolist() == [0, 2, 3]
    assert hub.store.buckets(METER, T0 + HOUR, T0 + DAY, MINUTE).count.tolist() == []
    hub.store.append("rest", batch(power(4, T0 + 3 * MINUTE + 1), power(6, T0 + HOUR)))  # not where it will stay yet
    grown = hub.store.buckets(METER, T0, T0 + DAY, MINUTE)
    assert ((grown.start - T0) // MINUTE).tolist() == [0, 2, 3, 60]
    assert [grown.count.tolist(), grown.last.tolist(), grown.maximum.tolist()] == [[3, 1, 2, 1], [3, 7, 4, 6], [5, 7, 9, 6]]


def test_dead_letters_are_paged_newest_first(make: Make) -> None:
    hub = make()
    for number in range(7):
        lane: Lane = "fire" if number % 2 else "rest"
        hub.append(refused([dead_letter(T0 + number, device=f"d{number % 3}", payload=b"%d" % number)]), lane)
    first = hub.store.dead_letters(3)
    assert [letter.payload for letter in first] == [b"6", b"5", b"4"]
    assert [letter.lane for letter in first] == ["rest", "fire", "rest"]
    second = hub.store.dead_letters(10, before=first[-1].id)
    assert [letter.payload for letter in second] == [b"3", b"2", b"1", b"0"]
    assert [letter.payload for letter in hub.store.dead_letters(device="d1")] == [b"4", b"1"]
    assert hub.store.dead_letter(second[0].id) == second[0]
    assert hub.store.dead_letter(first[0].id + 2) is None


def test_dead_letters_are_bounded_the_newest_kept(make: Make) -> None:
    hub = make()
    hub.append(refused(dead_letter(T0 + number, payload=b"%d" % number) for number in range(150)))
    hub.append(refused(dead_letter(T0 + 150, device="", topic=f"t/{number % 2}") for number in range(230)))
    hub.append(refused([dead_letter(T0 + 400, payload=b"last")]))
    mine = hub.store.dead_letters(1000, device="meter")
    assert len(mine) == 100
    assert [letter.payload for letter in (mine[0], mine[1], mine[-1])] == [b"last", b"149", b"51"]
    assert len(hub.store.dead_letters(1000)) == 300  # 100 of the device, 100 of each topic without one
    assert hub.store.counts()["dead_letters_dropped"] == 51 + 30  # type: ignore[attr-defined]


def test_dead_letters_are_bounded_in_all(make: Make) -> None:
    hub = make()
    for part in range(11):
        hub.append(refused(dead_letter(T0 + part, device=f"d{part}-{number}") for number in range(1000)))
    assert len(hub.store.dead_letters(20_000)) == 10_000
    assert hub.store.dead_letters(1, device="d0-5") == []


def test_digests(make: Make) -> None:
    hub = make()
    for marks in ([1, -(2**63)], [2**63 - 1]):
        given = Batch()
        given.digests = marks
        hub.append(given)
        hub.now += MINUTE
    assert sorted(hub.store.digests(T0)) == [-(2**63), 1, 2**63 - 1]
    assert hub.store.digests(T0 + MINUTE) == [2**63 - 1]
    hub.now += 2 * HOUR
    hub.store.maintain(Now(hub.now, 0))
    assert hub.store.digests(0) == []


def test_late_readings_join_what_is_sealed(make: Make) -> None:
    hub = make()
    hub.readings(power(1, T0), power(3, T0 + 2 * MINUTE))
    hub.store.maintain(Now(T0 + 5 * DAY, 0), seal_all=True)
    hub.now = T0 + 5 * DAY
    hub.readings(power(2, T0 + MINUTE), power(9, T0))
    assert hub.values() == [1, 2, 3]
    hub.store.maintain(Now(T0 + 9 * DAY, 0), seal_all=True)
    hub.store.maintain(Now(T0 + 70 * DAY, 0), seal_all=True)
    assert hub.values() == [1, 2, 3]


def test_retention_by_domain(make: Make) -> None:
    hub = make(Retention(energy=10 * DAY, fire=1000 * DAY))
    hub.store.append("rest", batch(power(1, T0), Reading("smoke", "fire.smoke", 1, T0)))
    hub.store.maintain(Now(T0 + 5 * DAY, 0), seal_all=True)
    assert hub.values() == [1]
    hub.now = T0 + 100 * DAY
    hub.store.append("rest", batch(power(2, T0 + 99 * DAY), power(3, T0 + 99 * DAY, "other")))
    hub.store.maintain(Now(hub.now, 0), seal_all=True)
    assert hub.values() == [2]
    assert hub.values(Series("smoke", "fire.smoke")) == [1]
    before = hub.store.before(METER, T0 + 50 * DAY)
    assert before is None
    hub.store.maintain(Now(T0 + 300 * DAY, 0))
    assert hub.values() == []
    assert [reading.device for reading, _ in hub.store.latest()] == ["smoke"]


def test_a_reading_without_a_time_is_refused_whole(make: Make) -> None:
    hub = make()
    with pytest.raises(ValueError, match="time"):
        hub.store.append("rest", batch(power(1, T0), Reading("new", "power.active", 2.0)))
    hub.readings(Reading("new", "power.active", 3.0, T0))
    assert hub.values(Series("new", "power.active")) == [3]


def test_an_empty_batch_is_nothing(make: Make) -> None:
    hub = make()
    hub.append(Batch())
    assert hub.store.latest() == []
    assert hub.store.dead_letters() == []


READINGS = [
    Reading(device, "power.active", float(number), T0 + offset, seq=seq)
    for number, (device, offset, seq) in enumerate(
        (device, offset, seq) for device in ("a", "b") for offset in (0, 1, HOUR, DAY, 33 * DAY) for seq in (0, 1)
    )
]


@pytest.mark.promise(10)
@pytest.mark.parametrize("kind", ["memory", "parquet", *SERVERS])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_any_split_gives_the_same_rows(kind: str, servers: Servers, data: st.DataObject) -> None:
    """Readings shuffled and some repeated, cut into batches, sealed or compacted in between, in either lane."""
    order = data.draw(st.permutations(READINGS)) + data.draw(st.lists(st.sampled_from(READINGS), max_size=10))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(order)), max_size=5)) | {0, len(order)})
    with TemporaryDirectory() as folder:
        hub = Harness(kind, Path(folder), Retention(), servers(kind))
        for low, high in pairwise(cuts):
            hub.store.append(data.draw(st.sampled_from(["fire", "rest"])), batch(*order[low:high]))
            what = data.draw(st.sampled_from(["nothing", "seal", "compact"]))
            if what != "nothing":
                hub.store.maintain(Now(T0, 0), seal_all=True)
            if what == "compact":
                hub.store.maintain(Now(T0 + 400 * DAY, 0))
        for device in ("a", "b"):
            rows = hub.store.rows(Series(device, "power.active"), *EVER)
            expected = [reading for reading in READINGS if reading.device == device]
            assert list(zip(rows.time.tolist(), rows.seq.tolist(), rows.value.tolist(), strict=True)) == [
                (reading.time, reading.seq, reading.value) for reading in expected
            ]
        assert [reading.value for reading, _ in hub.store.latest()] == [9, 19]
        hub.store.close()


def test_columns_survive_the_blob() -> None:
    """Six columns of 8 bytes: 48 bytes a reading, documented in hub.columns."""
    one = Columns.decode(bytes(range(48)))
    assert one.rows == 1 and one.encode() == bytes(range(48))
