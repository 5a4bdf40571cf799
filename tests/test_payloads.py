"""Public vendor payloads through the adapters: what comes out is printed, and equals what the vectors and documents state.

The payloads are no part of the project. Where the folder is missing this test does not run, and says so.
"""

import json
from pathlib import Path

import pytest

from tests.support.payloads import FOLDER, Outcome, run, table

# At least so many values compared, and all of them equal: a driver that states less, or vectors that vanish, is noticed.
FLOORS = {"zigbee2mqtt": 60, "tasmota": 115, "shelly-gen2": 70, "chirpstack-v4": 275, "theengs-ble": 700}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    if not FOLDER.is_dir():
        pytest.skip(f"NOT RUN: {FOLDER} is missing (the public vendor payloads; set GENGFU_PAYLOADS)")
    return {outcome.format: outcome for outcome in run()}


def test_print_what_became_of_the_payloads(outcomes: dict[str, Outcome], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{table(list(outcomes.values()))}")
    assert set(outcomes) == set(FLOORS)


@pytest.mark.parametrize("format", FLOORS)
def test_payloads_mean_what_their_sources_say(outcomes: dict[str, Outcome], format: str) -> None:
    outcome = outcomes[format]
    assert not outcome.wrong, "\n".join(outcome.wrong[:20])
    assert outcome.equal == outcome.compared >= FLOORS[format]
    assert outcome.readings >= outcome.equal


def test_the_judge_sees_what_is_wrong(tmp_path: Path) -> None:
    """One good vector and three bad ones of our own: a negative that is taken, a wrong value (which is also one that nobody
    stated), a refusal of what was stated."""
    topic = "application/a/device/0011223344556677/event/up"

    def vector(data: str, occupied: bool, **more: object) -> str:
        body = {"time": "2026-01-01T00:00:00Z", "deviceInfo": {"devEui": "0011223344556677", "deviceName": "B1"}, "fPort": 1}
        expected = {"telemetry": {"ts": 0, "values": {"occupied": occupied}}}
        payload = json.dumps({**body, "rxInfo": [{"rssi": -70, "snr": 9}], "data": data})
        return json.dumps(
            {"id": "v", "topic": topic, "payload": payload, "device": "Parking_Lot_Sensor", "expected": expected, **more}
        )

    (tmp_path / "chirpstack-v4").mkdir()
    lines = [
        vector("AQ==", True),
        vector("AQ==", True, valid=False),
        vector("AQ==", False),
        vector("AQE=", True),
    ]
    (tmp_path / "chirpstack-v4" / "vectors.jsonl").write_text("\n".join(lines))
    (outcome,) = run(tmp_path)
    assert (outcome.vectors, outcome.readings, outcome.refused) == (4, 9, {"bad_frame": 1})
    taken, value, extra, refused = outcome.wrong
    assert "calls it invalid" in taken
    assert "no Stated" in value
    assert "nobody stated" in extra
    assert "refused" in refused
