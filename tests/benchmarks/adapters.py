"""What decoding costs: µs per message of each adapter, over the messages of its captures.

    python -m tests.benchmarks.adapters

A message is decoded by a warm adapter of its settings, again and again; the best of some rounds counts, since what else the
machine does can only add to it. Captures that are refused are measured too, in a column of their own: what a broken message
costs is what a flood of them costs. Binary decoders may need more than the mark.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from hub.model import Message
from hub.ports import Adapter, Malformed
from tests.support.captures import FOLDER, captures

MARK = 60.0
BINARY = ("bthome", "chirpstack", "dsmr", "gb26875", "sml", "tts")
"""Formats of frames and bits, some of them inside JSON."""
ROUNDS = 7
AT_LEAST = 0.004
"""Seconds a round goes on; a capture file may hold only a dozen messages."""


def cost(adapter: Adapter, messages: Sequence[Message]) -> float:
    """µs per message: the fastest round."""
    return min(_rounds(lambda: [_decoded(adapter, message) for message in messages])) / len(messages) * 1e6


def _decoded(adapter: Adapter, message: Message) -> bool:
    try:
        adapter.decode(message)
    except Malformed:
        return False
    return True


def _rounds(work: Callable[[], Any]) -> list[float]:
    work()
    found = []
    for _ in range(ROUNDS):
        times, began = 0, time.perf_counter()
        while (spent := time.perf_counter() - began) < AT_LEAST:
            work()
            times += 1
        found.append(spent / times)
    return found


def measure() -> list[dict[str, Any]]:
    """One entry a kind, the dearest first."""
    found = []
    for kind in sorted(file.stem for file in FOLDER.glob("*.jsonl")):
        taken: list[float] = []
        refused: list[float] = []
        for _, group in groupby(captures(kind), lambda capture: id(capture.adapter)):
            of_one = list(group)
            adapter = of_one[0].adapter
            good: list[Message] = []
            bad: list[Message] = []
            for capture in of_one:  # in their order: names and aliases are told first
                (good if _decoded(adapter, capture.message) else bad).append(capture.message)
            for messages, costs in ((good, taken), (bad, refused)):
                costs.extend(cost(adapter, [message]) for message in messages)
        found.append(
            {
                "adapter": kind,
                "messages": len(taken),
                "mean_us": statistics.mean(taken),
                "dearest_us": max(taken),
                "refused_us": statistics.mean(refused) if refused else None,
                "binary": kind in BINARY,
            }
        )
    return sorted(found, key=lambda entry: entry["mean_us"], reverse=True)


def table(found: Sequence[dict[str, Any]]) -> str:
    lines = [f"{'adapter':24}{'captures':>9}{'mean':>9}{'dearest':>9}{'refused':>9}   µs per message"]
    for entry in found:
        refused = "" if entry["refused_us"] is None else f"{entry['refused_us']:.1f}"
        remark = f"   above {MARK:.0f}" if entry["mean_us"] > MARK else ""
        if remark and entry["binary"]:
            remark += ", a binary decoder"
        lines.append(
            f"{entry['adapter']:24}{entry['messages']:>9}{entry['mean_us']:>9.1f}{entry['dearest_us']:>9.1f}{refused:>9}{remark}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(measure()))
