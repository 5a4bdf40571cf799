"""What a reading costs at rest: bytes, and the CPU of sealing and of making one file of a day.

    python -m tests.benchmarks.sealing [--devices 2000] [--hours 24]

A day of mixed data as a community sends it: meters (a register that grows by the load, power with a decimal), room climate
(tenths that wander), detectors (a state that hardly ever changes, a battery), bays, wristbands (whole beats a minute), each every
five minutes, in the order of arrival, 5,000 readings a batch, seeded. Clocks as the formats have them: meters and wristbands
tell whole seconds of a steady timer, climate has no clock (the time of arrival counts), detectors and bays have their radio
network's milliseconds and a timer that wavers by seconds.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

from hub.journal_reader import JournalReader
from hub.model import Batch, Now, Reading
from hub.ports import Retention
from hub.quantities import Vocabulary
from hub.stores.parquet import ParquetStore

START = 1_790_000_000_000 // 86_400_000 * 86_400_000
EVERY = 300_000
WAVERS = {"meter": 0, "climate": 400, "detector": 4_000, "bay": 4_000, "band": 0}  # ms
BATCH = 5_000


class Device:
    """One of a kind, with its values as they wander."""

    def __init__(self, number: int, random: Random) -> None:
        self.kind = ("meter", "climate", "detector", "bay", "band")[number % 5]
        self.id = f"bench:{self.kind}-{number:05d}"
        self.random = random
        self.offset = random.randrange(EVERY)
        self.energy, self.power = random.uniform(100, 20_000), random.uniform(50, 900)
        self.warm, self.damp, self.battery = random.uniform(16, 26), random.uniform(35, 60), float(random.randint(60, 100))
        self.taken, self.pulse = float(random.random() < 0.6), float(random.randint(58, 80))

    def says(self, at: int) -> Iterator[Reading]:
        draw = self.random
        if self.kind == "meter":
            self.power = max(5.0, self.power + draw.gauss(0, 40))
            self.energy += self.power * EVERY / 3.6e9
            yield Reading(self.id, "energy.active.import.total", round(self.energy, 2), at)
            yield Reading(self.id, "power.active", round(self.power, 1), at)
            yield Reading(self.id, "voltage.l1", round(230 + draw.gauss(0, 1.5), 1), at)
        elif self.kind == "climate":
            self.warm += draw.gauss(0, 0.08)
            self.damp += draw.gauss(0, 0.3)
            yield Reading(self.id, "air.temperature", round(self.warm, 1), at)
            yield Reading(self.id, "air.humidity", round(self.damp), at)
            yield Reading(self.id, "device.battery", self.battery, at)
        elif self.kind == "detector":
            yield Reading(self.id, "fire.smoke", 0.0, at)
            yield Reading(self.id, "device.battery", self.battery, at)
        elif self.kind == "bay":
            self.taken = float(draw.random() < 0.6) if draw.random() < 0.05 else self.taken
            yield Reading(self.id, "parking.occupied", self.taken, at)
        else:
            self.pulse = float(min(150, max(45, round(self.pulse + draw.gauss(0, 3)))))
            yield Reading(self.id, "health.heart_rate", self.pulse, at)


def batches(devices: int, hours: int) -> Iterator[Batch]:
    random = Random(20261122)
    all_of_them = sorted((Device(number, random) for number in range(devices)), key=lambda device: device.offset)
    batch = Batch()
    for turn in range(hours * 3_600_000 // EVERY):
        for device in all_of_them:
            at = START + turn * EVERY + device.offset + (random.randrange(waver) if (waver := WAVERS[device.kind]) else 0)
            arrives = at + (0 if device.kind == "climate" else random.randrange(20, 120))
            if not waver:
                at = at // 1000 * 1000
            for reading in device.says(at):
                batch.readings.append(reading)
                batch.received_at.append(arrives)
            if len(batch) >= BATCH:
                yield batch
                batch = Batch()
    if len(batch):
        yield batch


def measure(devices: int = 2_000, hours: int = 24) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="gengfu-bench-") as temporary:
        folder = Path(temporary)
        now = START
        store = ParquetStore(folder, Vocabulary(), Retention(), clock=lambda: now)
        readings, upkeep, since = 0, 0.0, 0
        for batch in batches(devices, hours):
            now = batch.received_at[-1]
            store.append("rest", batch)
            readings += len(batch)
            since += len(batch)
            if since >= 250_000:  # as the hub's upkeep would
                since = 0
                began = time.process_time()
                store.maintain(Now(now, now / 1000))
                upkeep += time.process_time() - began
        now = START + 3 * 86_400_000  # the day is over, and settled
        began = time.process_time()
        store.maintain(Now(now, now / 1000), seal_all=True)
        store.maintain(Now(now, now / 1000))
        upkeep += time.process_time() - began
        store.close()
        with closing(JournalReader(folder / "journal-rest.db", "rest")) as journal:
            sealed = sum(file.size for file in journal.files())
    return {"readings": readings, "bytes_per_reading": sealed / readings, "cpu_s_per_million": upkeep / readings * 1e6}


def table(found: dict[str, Any]) -> str:
    return (
        f"a day of {found['readings']:,} mixed readings: {found['bytes_per_reading']:.2f} bytes a reading at rest; "
        f"sealing and the day's file {found['cpu_s_per_million']:.2f} CPU-s per million"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sealing", description="What a reading costs at rest.")
    parser.add_argument("--devices", type=int, default=2_000, help="with two series each on the average")
    parser.add_argument("--hours", type=int, default=24, help="of data")
    options = parser.parse_args(arguments)
    print(table(measure(options.devices, options.hours)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
