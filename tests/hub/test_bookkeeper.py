"""Reports over HTTP, by mail and on the command line: of one site on disk, with a real mail server and the hub's own process."""

import io
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta, timezone
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import openpyxl  # type: ignore[import-untyped]
import pytest
from aiosmtpd.controller import Controller

from hub.bookkeeper import Bookkeeper
from hub.cli import main
from hub.config import Config, load
from hub.directory import Places
from hub.model import Batch, Now, Reading
from hub.notifiers.words import Words
from hub.ports import Retention
from hub.quantities import Vocabulary
from hub.queries import Here
from hub.records import Records
from hub.reports.closed import Archive
from hub.stores.parquet import ParquetStore
from tests.hub.reports.helpers import IMPORT, QUARTER, ms
from tests.support.fakeview import FakeView
from tests.support.serving import serving

NOW = ms("2026-11-03T09:00")
SITE = """
[site]
community = "yunqi"
name = "云栖社区"
[data]
directory = "data"
[[space]]
id = "yunqi"
name = "云栖社区"
kind = "community"
[[space]]
id = "3"
name = "3幢"
kind = "building"
parent = "yunqi"
[[device]]
id = "m:main"
space = "yunqi"
role = "main"
[[device]]
id = "m:3"
space = "3"
party = "王芳"
[[tariff]]
id = "flat"
price = 0.5
[[person]]
id = "li"
name = "Li"
language = "en"
email = "li@example.org"
[[report_mail]]
to = ["li"]
by = "building"
formats = ["xlsx", "csv"]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """October: 0.5 kWh a quarter hour in all, 0.25 of it in building 3, whose last day is missing."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "gengfu.toml").write_text(SITE, "utf-8")
    (folder / "data").mkdir()
    Records(folder / "data" / "records.db").close()
    store = ParquetStore(folder / "data", Vocabulary(), Retention())
    batch = Batch()
    start = ms("2026-10-01")
    for device, step, count in (("m:main", 0.5, 96 * 31), ("m:3", 0.25, 96 * 30)):
        for number in range(count + 1):
            batch.readings.append(Reading(device, IMPORT, 100 + number * step, start + number * QUARTER))
            batch.received_at.append(start + number * QUARTER)
    store.append("rest", batch)
    store.close()
    return folder


@pytest.fixture
def config(site: Path) -> Config:
    return load(site / "gengfu.toml")


def keeper(config: Config) -> Bookkeeper:
    places = Places(config.spaces, config.devices)
    queries = Here(ParquetStore.open_reader(config.directory))
    return Bookkeeper(config, lambda: places, queries, Words(config.name, config.zone), lambda: Now(NOW, 0.0))


class Answer(NamedTuple):
    status: int
    headers: Any
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


Get = Callable[..., Awaitable[Answer]]


@pytest.fixture
async def get(config: Config) -> AsyncIterator[Get]:
    async with serving(FakeView(), keeper(config)) as web, aiohttp.ClientSession() as session:

        async def ask(path: str, **words: str) -> Answer:
            async with session.get(f"{web.url}/api/v1/reports/{path}", params=words) as answer:
                return Answer(answer.status, answer.headers, await answer.read())

        yield ask


def gengfu(site: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["report", *words, "--config", str(site / "gengfu.toml")])
    said = capsys.readouterr()
    return code, said.out, said.err


# main: 31 * 96 * 0.5 = 1488 kWh, 744.00; building 3: 30 * 96 * 0.25 = 720 kWh, 360.00; the rest 768 kWh, 384.00


async def test_the_report_over_http(get: Get) -> None:
    report = (await get("energy", month="2026-10", by="building", every="total", full="true")).json()
    assert [(row["group"], row["part"], row["value"], row["cost"]) for row in report["rows"]] == [
        ("3", "group", 720.0, 360.0),
        ("", "rest", 768.0, 384.0),
    ]
    assert report["totals"][0]["cost"] == 744.0
    assert report["demand"]["peak"] == 2.0
    assert [gap["device"] for gap in report["gaps"]] == ["m:3"]
    wrong = await get("energy", month="2026-10", by="floor", full="true")
    assert (wrong.status, "floor" in wrong.json()["detail"]) == (422, True)


async def test_files_over_http(get: Get) -> None:
    book = await get("energy.xlsx", month="2026-10", language="en")
    assert "energy-2026-10-building.en.xlsx" in book.headers["content-disposition"]
    sheet = openpyxl.load_workbook(io.BytesIO(book.content), data_only=True).worksheets[0]
    assert any(row[4] == 1488 for row in sheet.iter_rows(values_only=True))
    assert (await get("energy.csv", month="2026-10")).content.startswith(b"\xef\xbb\xbfgroup,")


async def test_the_command_line_and_what_it_closes(
    site: Path, get: Get, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("time.time_ns", lambda: NOW * 1_000_000)
    october = ("energy", "--month", "2026-10")
    code, said, _ = gengfu(
        site, capsys, "energy", "--month", "2026-10", "--by", "building", "--every", "total", "--format", "json"
    )
    assert (code, [row["value"] for row in json.loads(said)["rows"]]) == (0, [720.0, 768.0])
    book = tmp_path / "r.xlsx"
    code, _, told = gengfu(site, capsys, *october, "--format", "xlsx", "--out", str(book))
    assert (code, book.read_bytes()[:2]) == (0, b"PK"), told
    code, said, _ = gengfu(site, capsys, "close", "--month", "2026-10")
    assert code == 0
    assert said.startswith("2026-10-building-r1: closed, hash ")
    _, said, _ = gengfu(site, capsys, "close", "--month", "2026-10")
    assert "no figure has changed" in said
    _, said, _ = gengfu(site, capsys, "list")
    assert "2026-10-building-r1" in said
    assert "as stored" in said
    there = datetime.fromtimestamp(Archive(site / "data").every()[0].closed_at / 1000, timezone(timedelta(hours=8)))
    assert "closed (Asia/Shanghai)" in said and f"{there:%Y-%m-%d %H:%M}" in said
    pdf = tmp_path / "r.pdf"
    gengfu(site, capsys, "show", "2026-10", "--format", "pdf", "--language", "en", "--out", str(pdf))
    [entry] = (await get("closed")).json()["items"]
    assert entry["hash"] == Archive(site / "data").every()[0].hash
    over_http = await get(f"closed/{entry['id']}/report.en.pdf")
    assert over_http.content == pdf.read_bytes()
    assert over_http.headers["content-type"] == "application/pdf"
    assert (await get("closed/2026-09/report.json")).status == 404
    code, _, told = gengfu(site, capsys, "close", "--month", "2026-11")
    assert (code, "not over yet" in told) == (1, True)


def test_a_bill_on_the_command_line(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("reconcile", "--bill", "1500", "--month", "2026-10")
    code, said, _ = gengfu(site, capsys, *words, "--format", "json")
    lines = {line["line"]: line["value"] for line in json.loads(said)["lines"]}
    # billed 1500, main 1488: 12 lost before it. 720 in building 3, whose meter is silent for 1 day of 31: likely 720 / 30 = 24
    assert code == 0
    assert lines == pytest.approx({"sub_meters": 720, "sub_gaps": 24, "unmetered": 744, "main_gaps": 0, "losses": 12})
    _, said, _ = gengfu(site, capsys, *words)
    assert "unmetered" in said
    assert " kWh " in said.splitlines()[0] and "the main meter counted 1,488.000 kWh, of" in said
    code, _, told = gengfu(site, capsys, *words, "--meter", "m:nobody")
    assert (code, "no accepted meter" in told) == (1, True)


class Mailbox:
    """A mail server that keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())
        self.port = self._controller.port

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 kept"

    def __enter__(self) -> "Mailbox":
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_month_is_mailed_once(site: Path) -> None:
    with Mailbox() as box:
        text = SITE + f'[[notifier]]\nid = "email"\nkind = "email"\nhost = "127.0.0.1"\nport = {box.port}\nsecurity = "none"\n'
        path = site / "mail.toml"
        path.write_text(text + 'sender = "更夫 <gengfu@example.org>"\n', "utf-8")
        config = load(path)
        at = [ms("2026-11-03T07:59")]
        places = Places(config.spaces, config.devices)
        queries = Here(ParquetStore.open_reader(config.directory))
        made = Bookkeeper(config, lambda: places, queries, Words(config.name, config.zone), lambda: Now(at[0], 0.0))
        await made.send_due()
        assert box.messages == []  # the third, not yet eight o'clock
        at[0] = NOW
        await made.send_due()
        await made.send_due()
        [mail] = box.messages
        assert mail["To"] == "li@example.org"
        assert "energy report 2026-10" in mail["Subject"]
        names = [part.get_filename() for part in mail.iter_attachments()]
        assert names == ["energy-2026-10-building.en.xlsx", "energy-2026-10-building.csv"]
        assert "720.0" in list(mail.iter_attachments())[1].get_content()
        assert made.mailed == 1


def test_the_hub_itself_loads_no_library_that_draws_or_that_nothing_is_configured_for() -> None:
    """They would cost every hub tens of megabytes; the other process has them when it prints, a notifier when it posts."""
    heavy = ("matplotlib", "fpdf", "xlsxwriter", "fontTools", "aiohttp", "apprise", "requests", "influxdb_client")
    ask = f"import hub.app, sys; sys.exit(','.join(name for name in {heavy} if name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=60).stderr.strip() == ""
