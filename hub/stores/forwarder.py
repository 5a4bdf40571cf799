"""Carries committed batches to the server, beside the watch: in a thread with a loop of its own.

It reads a chunk from the journals, writes it, and notes how far it is; what waits, waits on disk. After any failure it begins
again at what is settled, so that a server that was killed gets once more what it may have forgotten. Every chunk carries a
mark; half a minute later, when the server still has the marks, what was sent before them is settled. A mark that is gone tells
that the server was killed, or came back from a backup, without a request that failed.
"""

import asyncio
import gzip
import logging
import threading
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from random import Random
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from hub.columns import Columns
from hub.files import DiskFull
from hub.journal import JournalFailed
from hub.model import Batch, DeadLetter, Lane, Reason
from hub.ports import StoreUnavailable
from hub.stores.chunk import Chunk, Dialect, Sent
from hub.stores.line_protocol import Named
from hub.stores.sent_journal import SentJournal
from hub.stores.server_http import RowsRefused, judge, unreachable

CHUNK = 10_000
"""Readings of a lane in one request: about 1 MB of lines."""
FOLD_EVERY = SETTLE_EVERY = 5.0
SETTLES_AFTER = 30.0
"""Seconds; VictoriaMetrics 1.79 lost its last 5 to 10 when it was killed."""
LONGEST_WAIT = 30.0
"""Seconds between attempts while the server is away, at most."""
TIMEOUT = 30_000

log = logging.getLogger("gengfu.store")


class Mark(Struct, frozen=True):
    """That this batch and all before it were sent; ``latest`` is the newest sent of every series by then, kept with one mark
    in a few seconds: only there can be settled."""

    at: int
    since: float
    upto: int
    latest: Columns | None


class Forwarder:
    """``waiting``: readings not sent. ``sent``, ``refused``, ``failures`` and ``replays`` count since the start."""

    def __init__(
        self,
        journals: dict[Lane, SentJournal],
        server: Dialect,
        every: float,
        clock: Callable[[], int],
        random: Random | None = None,
    ) -> None:
        self.waiting = self.sent = self.refused = self.failures = self.replays = 0
        self.reachable = False
        self.failure: BaseException | None = None
        self._journals = journals
        self._server = server
        self._every = every
        self._clock = clock
        self._random = random or Random()
        self._state = Sent(journals)
        self._marks: dict[Lane, list[Mark]] = {lane: [] for lane in journals}
        self._marked: dict[Lane, float] = dict.fromkeys(journals, 0.0)
        self._last_mark = 0
        self._checked = False
        self._in_vain = 0
        self._folded = 0.0
        self._client: Any = None
        self._api_exception: Any = None
        self._unreachable: tuple[type[Exception], ...] = ()
        self._loop = asyncio.new_event_loop()
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._work, name="forwarder", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """At once, whatever hangs: what is not sent is in the journal."""
        self._loop.call_soon_threadsafe(lambda: self._task and self._task.cancel())
        self._thread.join(35)

    def flush(self) -> None:
        """Returns when everything is sent and settled; for tests, and for a hub that is to be moved. Raises StoreUnavailable."""
        asyncio.run_coroutine_threadsafe(self._flush(), self._loop).result(120)

    # --- the loop -----------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._run())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # noqa: BLE001  the hub hears of it at its next upkeep
            self.failure = error
        finally:
            if self._client is not None:
                self._loop.run_until_complete(self._client.close())
            self._loop.close()

    async def _run(self) -> None:
        wait = 0.0
        while True:
            await asyncio.sleep(wait)
            try:
                async with self._turn:
                    self._fold()
                    wait = await self._round()
                self._in_vain = 0
            except (StoreUnavailable, DiskFull) as problem:
                wait = self._failed(problem)
            except JournalFailed:
                raise
            except Exception as problem:  # what is not sent waits in the journal; the watch goes on
                log.exception("forwarding to the store failed")
                wait = self._failed(problem)

    async def _round(self) -> float:
        """One chunk; returns the seconds to wait for the next."""
        began = time.monotonic()
        if not self._checked:
            self._connect()
        more = await self._send_next()
        if not more:
            self._server.http.get("/ping")
        self._settle()
        if not self.reachable:
            log.info("the store's server takes readings; %d wait", self.waiting)
            self.reachable = True
        if not self._checked:
            return 0.0
        # While there is much to send, at most half of a processor: alerts come first.
        return time.monotonic() - began if more else self._every

    async def _flush(self) -> None:
        async with self._turn:
            if not self._checked:
                self._connect()
            self._marked = dict.fromkeys(self._journals, 0.0)
            while await self._send_next(keep_latest=True):
                pass
            self._server.show()
            self._settle(after=0.0)
            self.reachable = True

    def _failed(self, problem: BaseException) -> float:
        self.failures += 1
        self._in_vain += 1
        self._checked = False
        if self.reachable or self.failures == 1:
            log.warning("%s", problem)
        self.reachable = False
        self._count()
        return min(LONGEST_WAIT, 2.0 ** min(self._in_vain, 10)) * self._random.uniform(0.5, 1.0)

    def _count(self) -> None:
        self.waiting = sum(journal.reader.waiting(self._state.upto[lane]) for lane, journal in self._journals.items())

    def _fold(self) -> None:
        if time.monotonic() - self._folded < FOLD_EVERY:
            return
        self._folded = time.monotonic()
        for lane, journal in self._journals.items():
            journal.fold([journal.reader.settled(), self._state.upto[lane]])

    # --- sending ------------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        """After a start or a failure: is it there, and has it what it had?"""
        self._server.prepare()
        lost = False
        for journal in self._journals.values():
            settled, mark = journal.reader.settled(), journal.reader.mark()
            if mark and settled not in self._server.marks(journal.identity, mark):
                lost = True
                journal.unsettle()
        if lost:
            self.replays += 1
            log.warning("the store's server no longer has what it had; all that is still here, a day, is sent again")
        for marks in self._marks.values():
            marks.clear()
        self._state.back(all_anew=lost)
        self._checked = True

    async def _send_next(self, *, keep_latest: bool = False) -> bool:
        chunk = self._state.next(self._server, CHUNK)
        if chunk is not None:
            await self._send(chunk)
            self._state.done(chunk)
            self._note(chunk, keep_latest)
        else:
            self._note_idle()
        self._count()
        return chunk is not None

    async def _send(self, chunk: Chunk) -> None:
        columns, names = chunk.columns, self._state.names
        first, end = self._server.span(time.time_ns() // 1_000_000)
        fits = np.isfinite(columns.value) & (columns.time >= first) & (columns.time < end)
        good = columns.take(fits)
        lines = self._server.lines.of(good, chunk.places[fits].tolist(), names)
        self._last_mark = max(time.time_ns() // 1_000_000, self._last_mark + 1)
        marks = [
            self._server.lines.mark(self._journals[lane].identity, self._last_mark, upto)
            for lane, upto in chunk.upto.items()
            if upto > self._state.upto[lane]
        ]
        refused: list[tuple[int, str]] = []
        await self._put(lines, 0, len(lines), refused, marks)
        letters = [self._letter(names[good.series[row]], lines[row], words) for row, words in refused]
        unfit = zip(*(column[~fits].tolist() for column in (columns.series, columns.time, columns.value)), strict=True)
        words = "no time or number that this server can hold"
        letters += [self._letter(names[number], f"{value!r} at {at} ms", words) for number, at, value in unfit]
        self._bury(letters)
        self.sent += len(lines) - len(refused)

    async def _put(
        self, lines: list[str], low: int, high: int, refused: list[tuple[int, str]], marks: Sequence[str] = ()
    ) -> None:
        """Writes these lines, and the marks with the last of them; a line that the server will not have is found by halves and
        put aside with the server's words."""
        if low == high:
            if marks:
                await self._write("\n".join(marks))
            return
        try:
            await self._write("\n".join([*lines[low:high], *marks]))
        except RowsRefused as words:
            if high - low == 1:
                refused.append((low, str(words)))
                await self._put(lines, high, high, refused, marks)
                return
            middle = (low + high) // 2
            await self._put(lines, low, middle, refused)
            await self._put(lines, middle, high, refused, marks)

    async def _write(self, text: str) -> None:
        path, words = self._server.write_to()
        url = self._server.http.url
        headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Encoding": "gzip"}
        try:
            await self._api().call_api(
                path, "POST", query_params=words, header_params=headers, body=gzip.compress(text.encode(), 1)
            )
        except self._api_exception as error:
            judge(url, error.status or 500, error.body.encode() if isinstance(error.body, str) else error.body or b"")
        except self._unreachable as error:
            raise StoreUnavailable(unreachable(url, error)) from error

    def _api(self) -> Any:
        if self._client is None:
            # Half a second, and only for this kind of store.
            from aiohttp import ClientError
            from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
            from influxdb_client.rest import ApiException

            self._api_exception = ApiException
            self._unreachable = (OSError, TimeoutError, ClientError)
            self._client = InfluxDBClientAsync(self._server.http.url, timeout=TIMEOUT)
            for name, value in self._server.http.headers.items():
                self._client.api_client.set_default_header(name, value)
        return self._client.api_client

    def _letter(self, named: Named, line: str, words: str) -> DeadLetter:
        body = line.encode()
        device = named.series.device
        lane: Lane = "fire" if named.domain == "fire" else "rest"
        return DeadLetter(
            self._clock(), f"store/{named.domain}", body, len(body), sha256(body).hexdigest(), Reason.STORE_REFUSED, words, "",
            device, lane,
        )  # fmt: skip

    def _bury(self, letters: list[DeadLetter]) -> None:
        self.refused += len(letters)
        for lane, journal in self._journals.items():
            batch = Batch()
            batch.dead_letters = [letter for letter in letters if letter.lane == lane]
            journal.append(batch)

    # --- marks --------------------------------------------------------------------------------------------------------

    def _note(self, chunk: Chunk, keep_latest: bool) -> None:
        now = time.monotonic()
        for lane in chunk.newest:
            keep = keep_latest or now - self._marked[lane] >= SETTLE_EVERY
            if keep:
                self._marked[lane] = now
            self._marks[lane].append(Mark(self._last_mark, now, chunk.upto[lane], self._state.latest[lane] if keep else None))

    def _note_idle(self) -> None:
        """Nothing came after the newest mark, so there can be settled too."""
        for lane, marks in self._marks.items():
            if marks and marks[-1].latest is None:
                marks[-1] = replace(marks[-1], latest=self._state.latest[lane])

    def _settle(self, after: float | None = None) -> None:
        now, after = time.monotonic(), SETTLES_AFTER if after is None else after
        for lane, journal in self._journals.items():
            marks = self._marks[lane]
            old = [at for at, mark in enumerate(marks) if mark.latest is not None and now - mark.since >= after]
            if not old:
                continue
            newest, settled = marks[old[-1]], marks[: old[-1] + 1]
            before, marked = journal.reader.settled(), journal.reader.mark()
            there = self._server.marks(journal.identity, marked or settled[0].at)
            if (marked and before not in there) or not all(mark.upto in there for mark in settled):
                self.replays += 1
                self._checked = False  # the next round begins at what is settled
                log.warning("the store's server lost what it had taken; it is sent again")
                return
            if newest.latest is not None:
                journal.settle(newest.upto, newest.at, newest.latest)
            del marks[: len(settled)]
