"""Places in words a stranger can follow."""

import pytest

from hub.directory import Places
from hub.model import Device, DeviceInfo, Space

FULL = [
    Space("yunqi", "云栖社区", "community", "", "", "Yunqi"),
    Space("3", "3幢", "building", "yunqi", "", "Building 3"),
    Space("3-2", "3幢2单元", "entrance", "3", "", "Building 3, entrance 2"),
    Space("3-2-5f", "3幢2单元5层", "floor", "3-2", "", "Building 3, entrance 2, floor 5"),
    Space("3-2-502", "3幢2单元502", "flat", "3-2-5f", "", "Building 3, entrance 2, flat 502"),
    Space("kitchen", "3幢2单元502 厨房", "room", "3-2-502", "", "Building 3, entrance 2, flat 502, kitchen"),
]
SHORT = [
    Space("3", "3幢", "building", "", "", "Building 3"),
    Space("3-2", "2单元", "entrance", "3", "", "entrance 2"),
    Space("3-2-5f", "5层", "floor", "3-2", "", "floor 5"),
    Space("3-2-502", "502", "flat", "3-2-5f", "", "flat 502"),
    Space("kitchen", "厨房", "room", "3-2-502", "", "kitchen"),
]


@pytest.mark.parametrize(("spaces", "zh"), [(FULL, "3幢2单元502 厨房"), (SHORT, "3幢2单元502厨房")])
def test_full_and_short_names_give_the_same_place(spaces: list[Space], zh: str) -> None:
    places = Places(spaces, [Device(id="d", space="kitchen")])
    assert places.place("d") == {"zh": zh, "en": "Building 3, entrance 2, flat 502, kitchen"}
    assert places.space_place("kitchen") == places.place("d")


def test_a_space_has_a_place_of_its_own() -> None:
    places = Places(SHORT)
    assert places.space_place("3-2-5f") == {"zh": "3幢2单元5层", "en": "Building 3, entrance 2, floor 5"}
    assert places.space_place("nowhere") == {"zh": "nowhere", "en": "nowhere"}


def test_a_number_that_begins_with_another_is_not_the_same_place() -> None:
    places = Places([Space("1", "1", "building"), Space("102", "102", "flat", "1")], [Device(id="d", space="102")])
    assert places.place("d")["zh"] == "1 102"


def test_a_device_nobody_placed_is_called_by_its_name_or_id() -> None:
    places = Places([], [Device(id="a", name="Hall"), Device(id="b")])
    assert places.place("a")["en"] == "Hall"
    assert places.place("b")["en"] == "b"
    assert places.place("c")["zh"] == "c"


def test_a_circle_of_parents_ends() -> None:
    places = Places([Space("a", "A", parent="b"), Space("b", "B", parent="a")], [Device(id="d", space="a")])
    assert len(places.path("d")) == 2


def test_what_a_person_said_of_a_device_stays() -> None:
    places = Places([], [Device(id="d", name="厨房烟感", space="kitchen", accepted=True)])
    told = places.told(DeviceInfo("d", name="0x1234", vendor="Acme", online=False), 5)
    assert told is not None
    assert (told.name, told.space, told.accepted, told.vendor, told.online) == ("厨房烟感", "kitchen", True, "Acme", False)
    assert places.told(DeviceInfo("d", vendor="Acme"), 6) is None


def test_an_unknown_device_is_remembered_once() -> None:
    places = Places()
    assert places.seen("new", 1) == Device(id="new", first_seen=1, last_seen=1)
    assert places.seen("new", 2) is None
    assert places.last_seen["new"] == 2
