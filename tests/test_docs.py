"""docs/first-message.md does what it says: its configuration and commands, run as written but for the broker's port."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hub.model import Series
from hub.stores.parquet import ParquetStore
from tests.support.brokers import Broker, start_mosquitto
from tests.support.hubs import running_hub, until

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "first-message.md").read_text("utf-8")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with start_mosquitto(tmp_path, extra=["log_type all"]) as running:
        yield running


def as_written(port: int) -> tuple[str, list[str]]:
    """The configuration and the commands, in their order, for a broker on that port."""
    page = PAGE.replace("1883", str(port))
    [config] = re.findall(r"```toml\n(.*?)```", page, re.S)
    commands = [line for block in re.findall(r"```sh\n(.*?)```", page, re.S) for line in block.splitlines()]
    return config, commands


def stored(data: Path, quantity: str) -> list[float]:
    store = ParquetStore.open_reader(data)
    try:
        return [float(value) for value in store.rows(Series("acme:meter-1", quantity), 0, 2**62).value]
    finally:
        store.close()


def test_the_first_message(tmp_path: Path, broker: Broker) -> None:
    config, commands = as_written(broker.port)
    check, run, online, reading, listen, wrong, vendor_check = commands
    assert run == "gengfu run --config gengfu.toml"
    (tmp_path / "gengfu.toml").write_text(f'{config}[web]\nlisten = "127.0.0.1:0"\n', "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def shell(command: str) -> "subprocess.Popen[str]":
        ours = re.sub(r"^gengfu ", f"exec {sys.executable} -m hub ", command)
        return subprocess.Popen(
            ours, shell=True, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def done(command: str) -> str:
        process = shell(command)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        return out

    assert "(yunqi)" in done(check)
    with running_hub(tmp_path / "gengfu.toml", tmp_path / "data"), ExitStack() as started:
        done(online)
        done(reading)
        until(lambda: stored(tmp_path / "data", "power.active") == [912], "the power is stored")
        assert stored(tmp_path / "data", "energy.active.import.total") == [1234.5]

        listener = shell(f"exec {listen}")
        started.callback(listener.kill)
        log = tmp_path / "mosquitto" / "log"
        until(lambda: "gengfu/yunqi/rejected/# (QoS" in log.read_text(errors="replace"), "somebody listens")
        done(wrong)
        out, _ = listener.communicate(timeout=60)
        assert "wrong_type" in out
        assert "power_w" in out

        looking = shell(vendor_check)
        started.callback(looking.kill)
        assert looking.stderr is not None
        assert "Listening to acme/#" in looking.stderr.readline()
        done(reading)
        assert looking.stdout is not None
        while "power.active 912 W" not in (line := looking.stdout.readline()):
            assert line, "the check ended before it heard the reading"
        looking.send_signal(signal.SIGINT)
        said, _ = looking.communicate(timeout=60)
        assert "Score 100 of 100" in said
        assert (tmp_path / "report.html").exists()
