"""What a report says is missing: few lines in people's words and order; and rows by what people read."""

from typing import Any

from hub.reports.energy import report_table
from hub.reports.missing import LINES, lines
from tests.hub.reports.helpers import IMPORT, Yard

DAY = 86_400_000


def gap(device: str, first: int, last: int, place: str = "3幢", known: float = 0.0) -> dict[str, Any]:
    """From the first to before the last day of October."""
    return {
        "device": device, "name": "", "quantity": IMPORT, "place": place, "place_en": place.replace("幢", " House"),
        "start": f"2026-10-{first:02}T00:00:00+08:00", "end": f"2026-10-{last:02}T00:00:00+08:00",
        "known": known, "missing_ms": round((1 - known) * (last - first) * DAY),
    }  # fmt: skip


def test_meters_that_lack_the_same_time_are_one_line_in_the_order_of_time() -> None:
    found = [gap(f"m{n}", 14, 30, "3幢" if n < 30 else "10幢") for n in range(44)]
    found += [gap("b10", 3, 5, known=0.25), gap("b9", 3, 5, known=0.75)]
    printed, others = lines(found, "zh")
    assert not others
    assert [tuple(line) for line in printed] == [
        ("b9、b10", "用电量", "2026-10-03 00:00", "2026-10-05 00:00", 0.5),  # (1/4 + 3/4) / 2
        ("44 块表：3幢 30、10幢 14", "用电量", "2026-10-14 00:00", "2026-10-30 00:00", 0.0),
    ]
    assert [line.who for line in lines(found, "en")[0]] == ["b9, b10", "44 meters: 3 House 30, 10 House 14"]


def test_gaps_of_many_shapes_are_one_line_for_each_place() -> None:
    """20 meters, each dead for one day of its own, the 1st to the 20th: 19/20 of the time is known."""
    [line] = lines([gap(f"m{n}", n, n + 1) for n in range(1, 21)], "en")[0]
    assert (line.who, line.start, line.end) == ("3 House: 20 meters", "2026-10-01 00:00", "2026-10-21 00:00")
    assert round(line.known, 9) == 0.95


def test_what_is_not_printed_is_the_shortest() -> None:
    printed, others = lines([gap(f"m{n}", 1, 1 + n, f"{n}幢") for n in range(1, 21)], "en")
    assert len(printed) == LINES
    assert {one["device"] for one in others} == {"m1", "m2", "m3", "m4"}


def test_the_table_is_in_the_order_and_words_that_people_read() -> None:
    yard = Yard()
    yard.meter("gate", "yunqi")
    for id, room in (("a", "601"), ("b", "502"), ("c", "101")):
        yard.meter(id, room)
    for id in yard.devices:
        yard.count(id, "2026-10-01", [1.0] * 24)
    found = yard.report("2026-10-01", "2026-10-02", by="room")
    next(row for row in found["rows"] if row["group"] == "601")["name"] = "90室"
    names = [line.split("  ")[0] for line in report_table(found).splitlines()[1:]]
    assert names == ["90室", "101室", "502室", "common, or no place", "Total"]
