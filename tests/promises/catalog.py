"""The promises and faults in their words, and which tests are marked with them."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).resolve().parents[1]

PROMISES = {
    1: "What the hub confirmed to the broker (PUBACK) is on disk.",
    2: "A fire message arrives, or a device that reads receipts knows that it did not.",
    3: "A raised alert survives kill -9, is notified at least once and shown once.",
    4: "A restart neither forgets an alert, nor raises it again, nor restarts its timers.",
    5: "A stalled store, notifier, browser or name server delays nobody else.",
    6: "Overload never costs fire anything: QoS 1 stays with the broker, only QoS 0 of the rest lane is shed, and counted.",
    7: "Bad input hurts only its sender, and is kept with its reason.",
    8: "Silence is noticed: per device, from its own expected interval.",
    9: "The hub's own death is noticed from outside.",
    10: "Late, duplicated or reordered input leads to the same stored readings and figures.",
    11: "A wrong clock, the device's or ours, never hides an alert.",
    12: "A full disk costs telemetry before it costs alerts, and nothing is deleted unasked.",
    13: "A bad rule, adapter or notifier that raises stops only itself, and says so; one that never returns is stopped.",
    14: "An alert nobody acknowledges climbs to the next person; HTTP 200 is not seen.",
    15: "An alert is closed by evidence or by a person with a reason, never by silence, staleness or missing data.",
}

FAULTS = {
    "hub killed at its Nth write, and at its Nth fsync": "what was confirmed is on disk",
    "kill -9 in a loop, under load": "nothing lost, nothing twice, no alert forgotten",
    "killed at any write of sealing and compaction": "every reading is there once",
    "fsync fails with EIO": "nothing more is confirmed, the process ends, the next one replays; never a second fsync",
    "slow fsync, 500 ms": "only QoS 0 of the rest lane is shed, and counted",
    "ENOSPC for a while": "waited for, nothing lost",
    "disk full, on tmpfs": "readings wait with the broker, alerts go on from a reserve",
    "torn last record": "costs only itself",
    "flipped bit in the middle": "costs only its batch, and is said",
    "torn last record and a flipped bit, found at the next start of a whole hub": "the hub starts; only these are missing",
    "store frozen": "alerts go on; questions wait, at most 50, more are refused",
    "store refuses": "readings stay in the journal, in order, and are written when it takes them again",
    "store rejects one row": "that row becomes a dead letter, the others are written",
    "store killed": "what it had acknowledged and lost is sent again",
    "sealing refused for want of room or right": "readings stay in the journal, are answered from it and sealed later",
    "sealing": "alerts do not wait for it",
    "a month-long export": "alerts do not wait for it",
    "broker kill -9, its state kept": "nothing it has confirmed is lost",
    "broker kill -9 after its PUBACK, its state lost": "the device that waits for its receipt sends again; one alert",
    "broker's state wiped": "subscribed anew; that messages may be lost is counted",
    "broker frozen": "noticed within twice the keepalive; the page and the records go on",
    "broker flapping": "jittered backoff, no leak",
    "our client id is taken": "said, and no war over it",
    "delay and loss on the way to the broker": "slow, and nothing lost",
    "black hole between hub and broker": "noticed within twice the keepalive; what was confirmed comes later",
    "webhook hangs": "it delays no alert and no other receiver",
    "webhook hangs, drips, sends an endless body, or garbage": "costs only itself, in time and memory",
    "webhook answers 500 and 429": "tried again, later each time, as it asks",
    "webhook answers 404": "marked as failed, not tried again",
    "mail: SMTP 451, and a drop after DATA": "tried again; told at least once",
    "name server dead": "delays only who needs a name",
    "wall clock of the hub +1 h, -1 h while it runs": "waits are measured by the monotonic clock; nothing is hidden",
    "clock of the device": "1970, 2106 or an hour off: stored with a flag, its alert raised",
    "ten-fold flood": "alarms in time, QoS 1 all confirmed",
    "2,000 devices reconnect at once": "every alarm among them raised, alarms behind them within 1 s",
    "bad bytes of every kind, mixed into good traffic": "each refused with its reason, kept, confirmed; the good are stored",
    "lost packets, then silence": "a lost packet is not silence; silence is missed by the device's own interval",
    "slow browser": "dropped; one that comes back gets every alert since its cursor",
    "processors starved": "alarms within the budget beside four busy processes",
    "event loop blocked 5 s": "its stack is logged, the process goes on",
    "event loop blocked for good": "its stack is logged, the process ends; who did it is disabled at the next start",
    "out of file descriptors": "the watch goes on without the page, which comes back",
    "two hubs on one directory": "the second refuses in a sentence",
    "SIGTERM": "an orderly end; the next start knows what it knew",
    "SIGTERM, and again in the middle of it": "ends at once, loses nothing",
    "stdout and stderr closed": "it keeps watch",
    "older schema": "brought up to date, everything kept",
    "newer schema": "refused in a sentence",
}
"""What is injected, and what must come of it. A marker may say more after a colon.

Whoever marks a test says in guards.toml what it was seen red without."""


class Shown(NamedTuple):
    """A test's promises, by number, and the faults it injects."""

    promises: tuple[int, ...]
    faults: tuple[str, ...]


@cache
def marked() -> dict[str, Shown]:
    """Every marked test by its node id, wherever it is."""
    found: dict[str, Shown] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text("utf-8")
        if "mark.promise" not in text and "mark.fault" not in text:
            continue
        for one in ast.walk(ast.parse(text)):
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                marks: defaultdict[str, list[object]] = defaultdict(list)
                for decorator in one.decorator_list:
                    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).startswith("pytest.mark."):
                        marks[ast.unparse(decorator.func)] += [
                            arg.value for arg in decorator.args if isinstance(arg, ast.Constant)
                        ]
                promises = tuple(int(str(number)) for number in marks["pytest.mark.promise"])
                faults = tuple(fault(str(words)) for words in marks["pytest.mark.fault"])
                if promises or faults:
                    found[f"{path.relative_to(TESTS.parent)}::{one.name}"] = Shown(promises, faults)
    return found


def fault(words: str) -> str:
    """The fault a marker means: the longest of which it is the beginning, up to a colon or bracket."""
    known = [name for name in FAULTS if words == name or words.startswith((f"{name}:", f"{name} ("))]
    return max(known, key=len, default=words)
