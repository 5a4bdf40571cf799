"""Promise 7: bad input hurts only its sender, and is kept with its reason.

Every kind of broken bytes, mixed into good traffic over a real broker. That every adapter refuses each of them with the right
reason is shown in tests/adapters/test_bad_bytes.py.
"""

import gzip
import json
import time
from pathlib import Path

import pytest

from tests.promises.conftest import Figure
from tests.support.brokers import Broker
from tests.support.hubs import until
from tests.support.site import site, wall

NOW = int(time.time() * 1000)
GOOD = json.dumps({"ts": NOW, "level": 21, "power": 5}).encode()

BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "null": (b"null", "wrong_shape"),
    "bare number": (b"42", "wrong_shape"),
    "array": (b"[1,2]", "wrong_shape"),
    "truncated": (GOOD[:-4], "bad_json"),
    "trailing bytes": (GOOD + b"}", "bad_json"),
    "invalid UTF-8": (GOOD.replace(b'"level"', b'"\xff\xfe"'), "bad_encoding"),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, "bad_encoding"),
    "UTF-16": (GOOD.decode().encode("utf-16"), "bad_encoding"),
    "lone surrogate": (rb'{"ts":1,"level":"\ud800"}', "bad_encoding"),
    "NUL in a text": (rb'{"ts":1,"level":"a\u0000b"}', "bad_encoding"),
    "NaN": (b'{"level":NaN}', "bad_json"),
    "-Infinity": (b'{"level":-Infinity}', "bad_json"),
    "1e999": (b'{"level":1e999}', "bad_number"),
    "100,000 levels": (b'{"level":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep"),
    "2^64 as its number": (b'{"seq":18446744073709551616,"level":1}', "wrong_type"),
    "5,000 digits": (b'{"level":' + b"9" * 5_000 + b"}", "bad_number"),
    "true for a number": (b'{"level":true}', "wrong_type"),
    "text for a number": (b'{"level":"21.5"}', "wrong_type"),
    "no field of ours": (b'{"other":1}', "missing_field"),
    "gzip": (gzip.compress(b"0" * 10_000_000), "bad_encoding"),
    "4 MB": (b'{"level":[' + b"1," * 2_000_000 + b"1]}", "too_large"),
}
TOPICS = ["bench//x", "bench/" + "y" * 2_000, "bench/" + "z/" * 40 + "z"]


@pytest.mark.promise(7)
@pytest.mark.fault("bad bytes of every kind, mixed into good traffic")
def test_bad_bytes_among_good_traffic(tmp_path: Path, broker: Broker, figure: Figure) -> None:
    with site(tmp_path, broker) as made:
        listener = made.listener("gengfu/yunqi/rejected/#", "gengfu/yunqi/alerts/+")
        device = made.client()
        times = []
        for name, (payload, _) in BAD.items():
            times.append(wall())
            device.say("bench/good", {"ts": times[-1], "level": 1, "power": 1})
            device.say(f"bench/bad-{name.replace(' ', '-').replace('/', '')}", payload)
        at = wall()
        device.say("alarm/unreadable", b'{"smoke":')
        device.say("alarm/good", {"ts": at, "smoke": True})
        made.await_stored("bench:good", times)
        until(lambda: made.hub.metric("refused_total") >= len(BAD) + 1, "all of them are refused", 20)
        letters = made.hub.every("/api/v1/dead-letters")
        reasons = {letter["topic"].removeprefix("bench/bad-"): letter["reason"] for letter in letters}
        wrong = {
            name: (reasons.get(name.replace(" ", "-").replace("/", "")), expected)
            for name, (_, expected) in BAD.items()
            if reasons.get(name.replace(" ", "-").replace("/", "")) != expected
        }
        assert wrong == {}
        [big] = [letter for letter in letters if letter["reason"] == "too_large"]
        assert big["size"] == len(BAD["4 MB"][0])
        alerts = until(lambda: len(found := made.alerts(state="firing")) == 2 and found, "the alarm and the unreadable one")
        assert {(alert["device"], alert["quantity"]) for alert in alerts} == {
            ("alarm:good", "fire.smoke"), ("alarm:unreadable", "fire.unreadable"),
        }  # fmt: skip
        listener.wait(lambda topic, _: topic.startswith("gengfu/yunqi/rejected/"), what="the vendor is told")
        until(lambda: made.hub.metric("lane_waiting") == 0, "all of it is confirmed: none blocks the session")
        assert made.hub.metric("refused_total") == len(BAD) + 1
        figure("refused, kept with their reason and confirmed", f"{len(letters)} of {len(BAD) + 1}")
        figure("good readings among them stored", f"{len(times)} of {len(times)}")
