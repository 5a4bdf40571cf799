"""deploy/mosquitto.conf in a real mosquitto, with only the port and the place of its state replaced."""

import os
import pwd
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.brokers import Broker, free_port, start_mosquitto
from tests.support.sessions import listening, publish, until

CONF = Path(__file__).parents[2] / "deploy" / "mosquitto.conf"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    port = free_port()
    text, listeners = re.subn(r"(?m)^listener 1883 127\.0\.0\.1$", f"listener {port} 127.0.0.1", CONF.read_text("utf-8"))
    text, places = re.subn(r"(?m)^persistence_location .*$", f"persistence_location {tmp_path}/", text)
    assert (listeners, places) == (1, 1)
    own = tmp_path / "mosquitto.conf"
    own.write_text(f"{text}\nuser {pwd.getpwuid(os.getuid()).pw_name}\n", "utf-8")
    with start_mosquitto(tmp_path, config=own, port=port) as running:
        yield running


async def test_what_waits_for_a_hub_that_is_away_is_kept_also_over_a_kill(broker: Broker, tmp_path: Path) -> None:
    """3,000 messages: the default queue of 1,000 and the default save after 30 minutes would lose 2,000 or all."""
    async with listening(broker.url, "tele/#") as listener:
        await listener.close()
    payload = "x" * 100
    await publish(broker.url, *[("tele/a", f"{number}{payload}") for number in range(3000)])
    saved = tmp_path / "mosquitto.db"
    await until(lambda: saved.exists() and f"2999{payload}".encode() in saved.read_bytes())
    broker.kill()
    broker.restart()
    async with listening(broker.url, "tele/#") as again:
        await until(lambda: again.session.window == 1000)
        assert again.session.in_flight == 1000
        again.confirming = True
        again.session.confirm(again.messages)
        await until(lambda: len(again.messages) == 3000)
        assert again.payloads == [f"{number}{payload}" for number in range(3000)]
