"""``gengfu replay``: a rule tried on the stored past, beside the one it would replace."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hub.model import Batch, Device, Reading, Space
from hub.ports import Retention
from hub.quantities import Vocabulary
from hub.records import Records
from hub.stores.parquet import ParquetStore
from tests.support.asking import Ask, ask, sentence

__all__ = ["ask"]

CONFIG = """
[site]
time_zone = "Asia/Shanghai"
[[rule]]
id = "hot"
kind = "above"
quantity = "air.temperature"
threshold = 30
"""
CALMER = '[[rule]]\nid = "hot"\nkind = "above"\nquantity = "air.temperature"\nthreshold = 30\nhold_for = "10min"\n'
MORNING = 1_790_038_800_000  # 2026-09-22 09:00 in Shanghai: date -d @1790038800


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Over 30 °C from 10:00 to 10:30 and for one minute at 12:00."""
    (tmp_path / "gengfu.toml").write_text(CONFIG)
    (tmp_path / "calmer.toml").write_text(CALMER)
    store = ParquetStore(tmp_path / "data", Vocabulary(), Retention())
    batch = Batch()
    for minute in range(360):
        at = MORNING + minute * 60_000
        hot = 60 <= minute < 90 or minute == 180
        batch.readings.append(Reading("zigbee:1", "air.temperature", 31.0 if hot else 20.0, at))
        batch.received_at.append(at)
    store.append("rest", batch)
    store.close()
    records = Records(tmp_path / "data" / "records.db")
    records.upsert_spaces([Space("kitchen", "厨房")])
    records.upsert_devices([Device("zigbee:1", space="kitchen", accepted=True)])
    records.close()
    return tmp_path


KEYS = ("fired", "dropped", "seconds")
DAY = ("--from", "2026-09-22", "--to", "2026-09-23")


def test_a_rule_of_the_configuration(site: Path, ask: Ask) -> None:
    code, said, complained = ask("replay", "hot", *DAY)
    assert code == 0, complained
    lines = said.splitlines()
    assert "2026-09-22 00:00 to 2026-09-23 00:00 (Asia/Shanghai): 360 readings of 1 series" in lines[1]
    # 10:00 to 10:30 and 12:00 to 12:01
    assert "hot" in lines[4] and lines[4].split()[1:6] == ["2", "31", "min", "30", "min"]
    strip = next(line for line in lines if "█" in line).split("  ")[1]
    assert len(strip) == 96 and strip.index("█") == 40 and strip.count("·") == 93, "a quarter of an hour each"
    assert any("zigbee:1" in line and "厨房" in line and "2 in 31 min" in line for line in lines)


def test_a_file_beside_the_rule_it_replaces(site: Path, ask: Ask) -> None:
    code, said, _ = ask("replay", "calmer.toml", *DAY, "--format", "json")
    assert code == 0
    told: dict[str, Any] = json.loads(said)
    assert told["against"]["rule"] == "hot"
    assert [told[side][key] for side in ("rule", "against") for key in KEYS] == [
        1,
        1,
        1200,
        2,
        0,
        1860,
    ]
    code, said, _ = ask("replay", "calmer.toml", *DAY)
    assert code == 0 and "hot, as it is" in said


def test_quiet_is_said(site: Path, ask: Ask) -> None:
    code, said, _ = ask("replay", "battery-low", *DAY)
    assert code == 0 and "It would have been quiet." in said


def test_in_chinese(site: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the option, or by the terminal's locale; the same figures stand in the same columns."""
    code, said, complained = ask("replay", "calmer.toml", *DAY, "--language", "zh")
    assert (code, complained) == (0, "")
    lines = said.splitlines()
    assert re.fullmatch(r"2026-09-22 00:00 至 2026-09-23 00:00（Asia/Shanghai）：[\d.]+ 秒读完 1 个序列的 360 条读数", lines[1])
    assert lines[3].split() == ["会报警", "合计", "最长", "设备数", "未持续满", "仍在报警"]
    # fires at 10:10, after it has held for 10 min, and goes on to 10:30; the minute at 12:00 does not hold
    assert lines[4].split() == ["hot", "1", "20", "分钟", "20", "分钟", "1", "1", "–"]
    assert lines[5].split()[0] == "hot（现行）"
    [device] = [line for line in lines if "zigbee:1" in line]
    assert "厨房" in device and "1 次，共 20 分钟" in device and "2 次，共 31 分钟" in device
    english = [word for line in lines for word in re.findall("[A-Za-z]{3,}", line)]
    assert set(english) <= {"hot", "Asia", "Shanghai", "zigbee"}, "nothing else is left in English"
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "期间不会有任何警报。" in ask("replay", "battery-low", *DAY)[1]
    assert "没有规则“hott”；您是要“hot”吗？" in ask("replay", "hott", *DAY)[2]
    assert "“2026-13”不是日期或时刻" in ask("replay", "hot", "--from", "2026-13")[2]
    assert "It would have been quiet." in ask("replay", "battery-low", *DAY, "--language", "en")[1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("replay", "hott", "--since", "1d"), 'there is no rule "hott"; did you mean "hot"?'),
        (("replay", "hot"), "say which time"),
        (("replay", "hot", "--since", "1d", "--from", "2026-09-22"), "say either --since"),
        (("replay", "hot", "--since", "soon"), "soon"),
        (("replay", "missing.toml", "--since", "1d"), "there is no file missing.toml"),
        (("replay", "gengfu.toml", "--since", "1d"), 'unknown table "site"'),
    ],
)
def test_what_cannot_be_done_is_one_sentence(site: Path, ask: Ask, words: tuple[str, ...], says: str) -> None:
    answer = ask(*words)
    assert not answer[1]
    assert says in sentence(answer)


def test_nothing_stored_yet(tmp_path: Path, ask: Ask) -> None:
    code, _, complained = ask("replay", "battery-low", "--since", "1d")
    assert code == 1 and "there is nothing in" in complained
