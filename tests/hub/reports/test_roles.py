"""A balance adds up, or what was used is unknown. A day: 240 kWh from the grid through the main meter; a roof gives 48 kWh."""

from typing import Any

import pytest

from hub.model import Device
from hub.reports.files import rendered
from hub.reports.fonts import NoFont
from hub.reports.full import full_report
from hub.reports.paper import Paper
from hub.reports.setup import Energy, Role
from simulators.building import registry
from tests.hub.reports.helpers import EXPORT, Yard, ms

DAY = ("2026-10-01", "2026-10-02")


def balance(role: Role) -> dict[str, Any]:
    yard = Yard()
    yard.meter("main", "3", "main")
    yard.meter("roof", "yunqi", role)
    yard.count("main", DAY[0], [10.0] * 24)
    yard.count("roof", DAY[0], [2.0] * 24, quantity=EXPORT)
    about = yard.store, yard.devices, yard.places, "云栖", yard.zone, ms(DAY[0]), ms(DAY[1]), "community", "total"
    found: dict[str, Any] = full_report(*about, Energy(duties=yard.duties))["balance"]
    return found


def test_a_roof_that_feeds_in_all_it_makes() -> None:
    found = balance("pv_feed_in")
    flows = {name: found["flows"][name]["value"] for name in ("grid", "fed_in", "solar", "used")}
    # 240 + 48 - 48: nothing of the roof is used here
    assert flows == {"grid": 240.0, "fed_in": 48.0, "solar": 48.0, "used": 240.0}
    assert (found["impossible"], found["self_consumption"], found["autarky"]) == (False, 0.0, 0.0)


def test_a_roof_whose_yield_is_used_here() -> None:
    found = balance("pv")
    assert (found["flows"]["used"]["value"], found["flows"]["fed_in"]["value"]) == (288.0, 0.0)  # 240 + 48


@pytest.mark.parametrize("role", ["sub", "common"])
def test_fed_in_from_nowhere_leaves_the_use_unknown(role: Role) -> None:
    found = balance(role)
    # 240 - 48 = 192 would be less than what the main meter counted
    assert found["flows"]["used"]["value"] is None and found["series"]["used"] == [None]
    assert (found["impossible"], found["autarky"], found["zero_carbon"]) == (True, None, None)


def test_the_demos_roofs_have_their_role() -> None:
    _, devices = registry(7)
    roofs: list[Device] = [device for device in devices if "pv_feed_in" in device.tags]
    assert len(roofs) == 3 and all(roof.name.endswith("屋顶光伏") for roof in roofs)


@pytest.mark.parametrize(("feeds", "said"), [(True, True), (False, False)])
def test_the_legend_names_what_is_fed_in(feeds: bool, said: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also without a solar meter: below the line stands what was fed in."""
    legends: list[list[str]] = []
    monkeypatch.setattr(Paper, "legend", lambda self, marks, unit: legends.append([words for _, words in marks]))
    yard = Yard()
    yard.meter("main", "3", "main")
    yard.count("main", DAY[0], [10.0] * 48)
    if feeds:
        yard.count("main", DAY[0], [2.0] * 48, quantity=EXPORT)
    about = yard.store, yard.devices, yard.places, "云栖", yard.zone, ms(DAY[0]), ms("2026-10-03"), "community", "total"
    try:
        rendered(full_report(*about, Energy(duties=yard.duties)), "pdf", "en")
    except NoFont:
        pytest.skip("NOT RUN: no font with Chinese letters (apt-get install fonts-noto-cjk): no PDF was made")
    assert ("fed in" in legends[0]) is said
