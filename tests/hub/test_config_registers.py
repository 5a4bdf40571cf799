"""What a [[device]] says of its register reaches the reports; what is wrong is told with its line."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from hub.config import ConfigErrors, load
from hub.model import Batch, Device, Reading, Series
from hub.ports import Retention
from hub.quantities import Vocabulary
from hub.register import Limits
from hub.reports.installed import Installed
from hub.reports.measured import measure
from hub.reports.meters import Meter
from hub.stores.memory import MemoryStore

IMPORT = "energy.active.import.total"
DEVICE = """[[device]]
id = "a:1"
factor = 40
max_rate = 5
meters = [{ end = 103.5 }, { since = "2026-10-01T01:30", serial = "B", start = 9.0, factor = 60 }]
readings = [{ at = "2026-10-01T04:00", value = 12.0 }]
"""


def utc(hour: int, minute: int = 0) -> int:
    return round(datetime(2026, 9, 30, hour, minute, tzinfo=UTC).timestamp() * 1000)


def test_a_replaced_meter_and_a_reading_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "gengfu.toml"
    path.write_text(DEVICE)
    [duty] = load(path).energy.duties.values()
    assert duty.register.limits == Limits(max_rate=5.0)
    assert duty.register.installed[1] == Installed(utc(17, 30), "B", 9.0, None, 1.5)  # 60 / 40; 01:30 in Shanghai
    assert duty.register.manual == ((utc(20), 12.0),)
    store, batch = MemoryStore(Vocabulary(), Retention()), Batch()
    for hour, value in ((16, 100.0), (17, 102.0), (18, 10.0)):  # 00:00, 01:00 and 02:00 in Shanghai
        batch.readings.append(Reading("a:1", IMPORT, value, utc(hour)))
        batch.received_at.append(utc(hour))
    store.append("rest", batch)
    meter = Meter(Device("a:1", accepted=True, factor=40.0), IMPORT, (Series("a:1", IMPORT),), duty, ())
    found = measure(store, [meter], np.array([utc(16), utc(20)]))
    # (103.5 - 100) x 40 = 140 on the old meter; (12 - 9) x 60 = 180 on the new one
    assert found.value.tolist() == found.low.tolist() == found.high.tolist() == [[320.0]]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("max_rate = 0\n", 3, "greater than 0"),
        ("max_rat = 1\n", 3, 'did you mean "max_rate"?'),
        ('meters = [{ since = "yesterday" }]\n', 3, '"yesterday" is not a day or a moment'),
        ('meters = [{ since = "2026-10-02" }, { since = "2026-10-01" }]\n', 3, "before the one above it"),
        ('readings = [{ at = "2026-10-02" }]\n', 3, '"value" is missing'),
    ],
)
def test_wrong_registers(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = tmp_path / "gengfu.toml"
    path.write_text('[[device]]\nid = "a:1"\n' + text)
    with pytest.raises(ConfigErrors) as told:
        load(path)
    assert any(said in str(problem.message) and problem.line == line for problem in told.value.problems), told.value.problems
