"""Promise 13: a bad rule, adapter or notifier that raises stops only itself, and says so; one that never returns is stopped by
the watchdog and disabled on restart.

The bad ones are plugins like any other: a file in a folder that the hub is made to look into.
"""

import re
import socket
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.watchdog import keep_stack
from tests.support.brokers import Broker, start_mosquitto
from tests.support.hubs import until
from tests.support.site import Sink, Site, probe, site, wall

ADAPTER = """
    import re
    from hub import ports
    from hub.model import Reading

    class Bad:
        '''A format whose decoder is no good.'''
        kind = "bad"

        class Settings(ports.AdapterSettings):
            pass

        def __init__(self, settings, site):
            self.topics = ("bad/+",)
            self.lane = "fire"

        def decode(self, message):
            what = message.payload
            if what == b"raise":
                raise KeyError("no such field")
            if what == b"loop":
                while True:
                    pass
            if what == b"regex":  # never lets go of the interpreter
                re.match(r"(a+)+$", "a" * 60 + "b")
            if what == b"memory":
                hoard = []
                while True:
                    hoard.append(bytearray(64 << 20))
            return [Reading("bad:1", "fire.smoke", 1.0)]

        def snapshot(self):
            return None

        def restore(self, state):
            pass
"""

RULE = """
    from hub import ports

    class Bad:
        '''A rule that does not work.'''
        kind = "bad"

        class Settings(ports.RuleSettings):
            pass

        threshold = None

        def __init__(self, settings):
            self.settings = settings

        def memory(self):
            return None

        def judge(self, reading, firing, memory):
            if reading.value == 1:
                raise ZeroDivisionError("on purpose")
            while reading.value == 2:
                pass
            return False

        def words(self, quantity):
            return {"en": "bad", "zh": "坏"}
"""

NOTIFIER = """
    from hub import ports

    class Bad:
        '''A notifier that does not work.'''
        kind = "bad"
        seen = 0

        class Settings(ports.Settings):
            pass

        def __init__(self, settings, words):
            pass

        async def send(self, notice):
            if "raise" in notice.body["device"]:
                raise ValueError("on purpose")
            while "loop" in notice.body["device"]:
                pass

        async def close(self):
            pass
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with start_mosquitto(tmp_path) as running:
        yield running


def with_plugins(made: Site, stop_after: float = 1.0, processor_time: float = 20.0) -> None:
    """Plugins of the test beside the hub's own, and a watchdog with less patience."""
    packages = {"adapters": ADAPTER, "rules": RULE, "hub/notifiers": NOTIFIER}
    for package, code in packages.items():
        folder = made.path / "plugins" / package
        folder.mkdir(parents=True)
        (folder / "bad_plugin.py").write_text(textwrap.dedent(code))
    made.hub.first = "\n".join(
        [
            "import adapters, rules, hub.notifiers, hub.watchdog",
            *(f"{p.replace('/', '.')}.__path__.append({str(made.path / 'plugins' / p)!r})" for p in packages),
            f"hub.watchdog.STOP_AFTER = {stop_after}",
            f"hub.watchdog.PROCESSOR_TIME = {processor_time}",
        ]
    )


BAD_ADAPTER = '[[adapter]]\nkind = "bad"\n'
BAD_RULE = '[[rule]]\nid = "bad-rule"\nkind = "bad"\nquantity = "power.active"\n'
BAD_NOTIFIER = '[[notifier]]\nid = "bad:one"\nkind = "bad"\n'


@pytest.mark.promise(13)
def test_one_that_raises_stops_only_itself_and_says_so(tmp_path: Path, broker: Broker) -> None:
    sink = Sink()
    with site(tmp_path, broker, BAD_ADAPTER + BAD_RULE + BAD_NOTIFIER + sink.config, start=False) as made:
        with_plugins(made)
        made.hub.start()
        device = made.client()
        device.say("bad/1", b"raise")
        device.say("bench/m1", {"ts": wall(), "level": 900, "power": 1})
        device.say("alarm/raise", {"ts": wall(), "smoke": True})
        probe(made, 5)
        [letter] = made.hub.every("/api/v1/dead-letters")
        assert (letter["reason"], letter["adapter"]) == ("adapter_failed", "bad")
        assert "KeyError" in letter["detail"]
        [rule] = [rule for rule in made.hub.every("/api/v1/rules") if rule["id"] == "bad-rule"]
        assert "ZeroDivisionError" in rule["disabled"]
        assert made.hub.get("/readyz")["disabled"] == ["rule bad-rule"]
        assert made.hub.get("/api/v1/overview")["stopped"] == ["bad-rule"], "the page must not say that all is well"
        assert {alert["device"] for alert in made.alerts(state="firing")} >= {"bench:m1", "alarm:raise", "alarm:p4"}
        until(lambda: sum(sink.keys().values()) == 8, "the other notifier is told of all: 7 alarms and the unreadable message")
        assert made.hub.metric("notices_failed_total") >= 1
    sink.close()


@pytest.mark.promise(13)
@pytest.mark.fault("event loop blocked for good: stack logged, process ended, started again")
@pytest.mark.parametrize(
    ("topic", "payload", "name"),
    [
        ("bad/1", b"loop", "adapter bad on bad/+"),
        ("bench/m1", b'{"power": 2}', "rule bad-rule"),
        ("alarm/loop", b'{"smoke": true}', "notifier bad:one"),
    ],
)
def test_one_that_never_returns_is_stopped_and_disabled(
    topic: str, payload: bytes, name: str, tmp_path: Path, broker: Broker
) -> None:
    with site(tmp_path, broker, BAD_ADAPTER + BAD_RULE + BAD_NOTIFIER, start=False) as made:
        with_plugins(made)
        made.hub.start()
        made.client().say(topic, payload)
        assert made.hub.ended() == 70
        assert "the event loop has stalled for 100 ms; where, is at the end of" in made.hub.said()
        assert f"{name} did not return and is disabled" in made.hub.said()
        made.hub.start()
        assert made.hub.get("/readyz")["disabled"] == [name]
        assert f"{name} is disabled since" in made.hub.said()
        waits = probe(made, 5)
        assert len(waits) == 5
        if name.startswith("adapter"):  # the message that did it came again, and is kept
            letters = until(lambda: made.hub.every("/api/v1/dead-letters"), "its message is kept")
            assert "did not return" in letters[0]["detail"]
        assert made.hub.stop() == 0
        (made.data / "disabled.json").unlink()
        if not name.startswith("notifier"):  # its notice is still queued, and would do it again
            made.hub.start()
            assert made.hub.get("/readyz")["disabled"] == []


@pytest.mark.promise(13)
def test_one_that_holds_on_to_the_interpreter_is_stopped_as_well(tmp_path: Path, broker: Broker) -> None:
    """A regular expression that backtracks for ever: no other thread of Python runs, so SIGPROF has to do it."""
    with site(tmp_path, broker, BAD_ADAPTER, start=False) as made:
        with_plugins(made, processor_time=1.5)
        made.hub.start()
        made.client().say("bad/1", b"regex")
        assert made.hub.ended() == -27  # SIGPROF
        made.hub.start()
        assert made.hub.get("/readyz")["disabled"] == ["adapter bad on bad/+"]
        assert "the last run was ended because it hung; it was here" in made.hub.said()
        probe(made, 3)


@pytest.mark.promise(13)
def test_one_that_takes_all_memory_costs_its_own_message(tmp_path: Path, broker: Broker) -> None:
    with site(tmp_path, broker, BAD_ADAPTER, start=False) as made:
        with_plugins(made, stop_after=10)
        made.hub.start()
        made.client().say("bad/1", b"memory")
        letters = until(lambda: made.hub.every("/api/v1/dead-letters"), "the message is refused")
        assert "MemoryError" in letters[0]["detail"]
        probe(made, 5)


@pytest.mark.promise(13)
def test_where_no_thread_can_be_started_any_more_alerts_go_on(tmp_path: Path, broker: Broker) -> None:
    """As where a decoder has taken all memory: the threads that commit are there already."""
    with site(tmp_path, broker, start=False) as made:
        made.hub.first = textwrap.dedent("""
            import threading, hub.watchdog
            start, watch = threading.Thread.start, hub.watchdog.Watchdog.start
            def refused(self):
                if self.name.startswith(("records_", "journal")):
                    raise RuntimeError("can't start new thread")
                start(self)
            def watched(self):
                threading.Thread.start = refused
                watch(self)
            hub.watchdog.Watchdog.start = watched
        """)
        made.hub.start()
        probe(made, 3)


@pytest.mark.promise(13)
def test_a_step_that_fails_ends_the_hub_with_its_reason(tmp_path: Path, broker: Broker) -> None:
    """A timer that raises would else leave its alerts uncommitted for ever, with nothing but a line in the log."""
    with site(tmp_path, broker, start=False) as made:
        made.hub.first = textwrap.dedent("""
            import hub.committer
            begin = hub.committer.Committer._start
            def failing(self):
                if self._work.alerts:
                    self._pool.shutdown()
                begin(self)
            hub.committer.Committer._start = failing
        """)
        made.hub.start()
        assert made.hub.process is not None
        made.client().publish("alarm/one", {"ts": wall(), "smoke": True})
        assert made.hub.process.wait(30) != 0
        assert "a step of the watch failed: RuntimeError: cannot schedule" in made.hub.said()


@pytest.mark.fault("event loop blocked 5 s: the stack is logged, the process goes on")
def test_a_stall_is_logged_with_its_stack_and_counted(tmp_path: Path, broker: Broker) -> None:
    with site(tmp_path, broker, BAD_RULE, start=False) as made:
        with_plugins(made, stop_after=60)
        made.hub.first += textwrap.dedent("""
            import time, hub.pipeline
            tick = hub.pipeline.Pipeline.tick
            def slow(self):
                if not getattr(self, "slept", False):
                    self.slept = True
                    time.sleep(5)
                tick(self)
            hub.pipeline.Pipeline.tick = lambda self: (slow(self) if hub.watchdog.Watchdog.running else tick(self))
            hub.watchdog.Watchdog.running = False
            start = hub.watchdog.Watchdog.start
            def started(self):
                start(self)
                hub.watchdog.Watchdog.running = True
            hub.watchdog.Watchdog.start = started
        """)
        made.hub.start()
        until(lambda: made.hub.metric("loop_stalls_total") >= 1, "the stall is counted")
        assert 4 < made.hub.metric("loop_stall_longest_seconds") < 6
        until(lambda: "the event loop goes on after" in made.hub.said(), "it says that it goes on")
        [line] = [line for line in made.hub.said().splitlines() if "has stalled for 100 ms; where, is at the end of" in line]
        assert line.endswith(str(made.data / "stacks.txt"))
        assert 'File "' not in made.hub.said(), "a terminal is no place for a stack"
        assert "in slow" in (made.data / "stacks.txt").read_text("utf-8")


def test_the_last_twenty_stacks_are_kept(tmp_path: Path) -> None:
    for number in range(23):
        keep_stack(tmp_path, f"stall {number}", f'  File "rules/slow.py", line {number}\n    --- not a head\n')
    kept = (tmp_path / "stacks.txt").read_text("utf-8")
    assert re.findall(r"^--- stall (\d+)$", kept, re.M) == [str(number) for number in range(3, 23)]
    assert re.findall(r"line (\d+)$", kept, re.M) == [str(number) for number in range(3, 23)]


@pytest.mark.promise(13)
def test_systemd_hears_that_it_is_ready_alive_and_stopping(tmp_path: Path, broker: Broker) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard, site(tmp_path, broker, start=False) as made:
        heard.bind(address)
        heard.settimeout(10)
        made.hub.environment = {"NOTIFY_SOCKET": address}
        made.hub.start()
        said = {heard.recv(100) for _ in range(3)}
        assert said == {b"READY=1", b"WATCHDOG=1"}
        made.hub.stop()
        while heard.recv(100) != b"STOPPING=1":
            pass
