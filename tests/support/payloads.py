"""Runs public vendor payloads (a folder beside the project, never part of it) through the adapters, as real life would:
lists of devices before their states, topics as documented, one decoder for each model.

``make payloads [DIR=…]`` prints the table. The folder is ../shared/payloads beside the repository unless given or set as
GENGFU_PAYLOADS. Which formats take part, and how: ``tests/support/payload_formats.py``.

It fails on an exception that is not typed, on a deliberate negative that is taken, on a positive that is refused, on a reading
that nobody stated where the source states them all, on less than EQUAL of the compared values being equal in any format, and on
less than COMPARED of the values that the vectors state for quantities we know being compared at all.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hub.model import DeviceInfo, Message, Reading
from hub.ports import Malformed
from hub.quantities import DOMAINS, Vocabulary
from hub.routing import matches
from tests.support.captures import ARRIVAL
from tests.support.payload_case import Case, Format, Stated, negative
from tests.support.payload_formats import FORMATS

FOLDER = Path(os.environ.get("GENGFU_PAYLOADS") or Path(__file__).parents[2].parent / "shared" / "payloads")
MISSING = f"NOT RUN: {FOLDER} is missing (public vendor payloads; set GENGFU_PAYLOADS): only messages of our own were read"
EQUAL = 0.98
COMPARED = 0.80

_VOCABULARY = Vocabulary()


@dataclass
class Outcome:
    """What became of one format's vectors."""

    format: str
    vectors: int = 0
    elsewhere: int = 0  # on topics that the adapter does not subscribe
    decoded: int = 0
    readings: int = 0
    stated: int = 0  # values of quantities we know
    compared: int = 0
    equal: int = 0
    described: int = 0  # devices whose name, vendor or model came out as stated
    negatives: int = 0  # deliberate ones, refused
    refused: Counter[str] = field(default_factory=Counter)
    domains: Counter[str] = field(default_factory=Counter)  # of the equal values
    unequal: list[str] = field(default_factory=list)
    disputed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # untyped exceptions, negatives taken, positives refused, readings unasked for

    def faults(self) -> list[str]:
        """Why this format fails."""
        low = self.compared > 0 and self.equal < EQUAL * self.compared
        return self.wrong + ([f"{self.equal} of {self.compared} values equal", *self.unequal] if low else [])


def run(folder: Path = FOLDER) -> list[Outcome]:
    """The outcome of every format that the folder has."""
    return [_run(folder, name, format) for name, format in FORMATS.items() if (folder / name / "vectors.jsonl").is_file()]


def faults(outcomes: Sequence[Outcome]) -> list[str]:
    found = [f"{one.format}: {line}" for one in outcomes for line in one.faults()]
    stated, compared = sum(one.stated for one in outcomes), sum(one.compared for one in outcomes)
    if compared < COMPARED * stated:
        found.append(f"only {compared} of {stated} values that the vectors state for quantities we know are compared")
    return found


def table(outcomes: Sequence[Outcome]) -> str:
    heads = ("vectors", "not ours", "decoded", "negatives", "readings", "stated", "compared", "equal", "disputed")
    lines = [f"{'format':26}" + "".join(f"{head:>10}" for head in heads) + "  refused"]
    for one in outcomes:
        refused = ", ".join(f"{count} {reason}" for reason, count in sorted(one.refused.items())) or "none"
        counts = [one.vectors, one.elsewhere, one.decoded, one.negatives, one.readings]
        counts += [one.stated, one.compared, one.equal, len(one.disputed)]
        lines.append(f"{one.format:26}" + "".join(f"{count:>10}" for count in counts) + f"  {refused}")
    stated, compared, equal = (sum(getattr(one, name) for one in outcomes) for name in ("stated", "compared", "equal"))
    formats = {domain: sum(one.domains[domain] > 0 for one in outcomes) for domain in DOMAINS}
    lines.append(
        f"{len(outcomes)} formats; {compared} of {stated} stated values compared ({_share(compared, stated)}), "
        f"{equal} equal ({_share(equal, compared)})"
    )
    lines.append("formats with equal values, by domain: " + ", ".join(f"{name} {count}" for name, count in formats.items()))
    return "\n".join(lines)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "none"


def _run(folder: Path, name: str, format: Format) -> Outcome:
    outcome = Outcome(name)
    lines = (folder / name / "vectors.jsonl").read_text(encoding="utf-8").splitlines()
    for case in format.cases([json.loads(line) for line in lines]):
        _send(case, outcome)
    return outcome


def _send(case: Case, outcome: Outcome) -> None:
    outcome.vectors += case.counts
    outcome.stated += len(case.stated) + len(case.disputed) + case.untold
    if not any(matches(filter, case.topic) for filter in case.adapter.topics):
        outcome.elsewhere += case.counts
        return
    where = f"{case.vector['id']} {case.topic}"
    try:
        decoded = list(case.adapter.decode(Message(case.topic, case.payload, ARRIVAL)))
    except Malformed as refusal:
        outcome.refused[refusal.reason] += 1
        if negative(case.vector):
            outcome.negatives += 1
        elif refusal.reason != case.refused:
            outcome.wrong.append(f"{where}: refused, {refusal.reason}: {refusal.detail}")
            outcome.compared += len(case.stated)
        return
    except Exception as broken:  # noqa: BLE001 - an untyped exception is what this looks for
        outcome.wrong.append(f"{where}: {broken!r}")
        return
    outcome.decoded += case.counts
    if negative(case.vector):
        outcome.wrong.append(f"{where}: the source calls it invalid, and it was taken")
    elif case.refused:
        outcome.wrong.append(f"{where}: taken, expected to be refused, {case.refused}")
    _compare(case, where, decoded, outcome)


def _compare(case: Case, where: str, decoded: Sequence[object], outcome: Outcome) -> None:
    readings = [one for one in decoded if type(one) is Reading]
    outcome.readings += len(readings)
    left = list(readings)
    for stated in case.stated:
        outcome.compared += 1
        found = next((one for one in left if _is(one, stated)), None)
        if found is None:
            outcome.unequal.append(f"{where}: no {stated} among {left}")
        elif (case.time is not None and found.network_time != case.time) or (case.seq is not None and found.seq != case.seq):
            outcome.unequal.append(f"{where}: {found}, expected time {case.time} and number {case.seq}")
        else:
            outcome.equal += 1
            outcome.domains[_VOCABULARY.domain(stated.quantity)] += 1
            left.remove(found)
    for stated, why in case.disputed:
        outcome.disputed.append(f"{where}: the source states {stated}: {why}")
        left = [one for one in left if (one.quantity, one.channel) != (stated.quantity, stated.channel or "")]
    if case.whole and left:
        outcome.wrong.append(f"{where}: nobody stated {left}")
    for device, told in case.info.items():
        info = next((one for one in decoded if type(one) is DeviceInfo and one.device == device), None)
        if info is not None and all(getattr(info, key) == value for key, value in told.items()):
            outcome.described += 1
        else:
            outcome.wrong.append(f"{where}: {device} is {info}, expected {told}")


def _is(reading: Reading, stated: Stated) -> bool:
    if reading.quantity != stated.quantity or (stated.channel is not None and reading.channel != stated.channel):
        return False
    return abs(reading.value - stated.value) <= max(stated.within, 1e-9 * max(1.0, abs(stated.value)))


def main(arguments: Sequence[str]) -> int:
    folder = Path(arguments[0]) if arguments and arguments[0] else FOLDER
    if not folder.is_dir():
        print(f"{folder} is missing: give the folder of payloads, as in make payloads DIR=…, or set GENGFU_PAYLOADS")
        return 1
    outcomes = run(folder)
    print(table(outcomes))
    for one in outcomes:
        for line in one.disputed:
            print(f"disputed: {one.format}: {line}")
        for line in one.unequal:
            print(f"not equal: {one.format}: {line}")
    wrong = faults(outcomes)
    for line in wrong:
        print(f"wrong: {line}")
    return 1 if wrong or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
