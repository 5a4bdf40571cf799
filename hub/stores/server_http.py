"""Questions to a server over HTTP: one connection that is kept, one request at a time, errors as two kinds."""

import base64
import http.client
import ssl
import threading
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlencode, urlsplit

from hub.ports import StoreUnavailable

PATIENCE = 30.0
"""Seconds until a server that does not answer is given up; whoever must be able to stop in time has less."""


class RowsRefused(Exception):
    """The server understood the request and will not take what is in it; the text is the server's."""


class Http:
    """``authorization`` is the header's value, or "" for none; ``patience`` in seconds."""

    def __init__(self, url: str, authorization: str = "", patience: float = PATIENCE) -> None:
        self._patience = patience
        self.url = url.rstrip("/")
        self._parts = urlsplit(self.url)
        self.headers = {"Authorization": authorization} if authorization else {}
        self._lock = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str, **words: str) -> bytes:
        return self.ask("GET", path, words)

    def ask(
        self,
        method: Literal["GET", "POST"],
        path: str,
        words: Mapping[str, str],
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The answer's body. Raises StoreUnavailable."""
        target = f"{self._parts.path}{path}?{urlencode(words)}" if words else f"{self._parts.path}{path}"
        with self._lock:
            for attempt in (1, 2):
                fresh = self._connection is None
                connection = self._connection or self._connect()
                try:
                    connection.request(method, target, body, {**self.headers, **(headers or {})})
                    answer = connection.getresponse()
                    status, said = answer.status, answer.read()
                except (OSError, http.client.HTTPException) as error:
                    self._drop()
                    if fresh or attempt == 2 or isinstance(error, TimeoutError):
                        raise StoreUnavailable(unreachable(self.url, error)) from error
                    continue  # the server closed a connection that was kept for long
                try:
                    judge(self.url, status, said)
                except RowsRefused as refused:
                    raise StoreUnavailable(f"the store's server at {self.url} refuses what it was asked: {refused}") from refused
                return said
        raise AssertionError

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            self._connection = http.client.HTTPSConnection(
                host, port, timeout=self._patience, context=ssl.create_default_context()
            )
        else:
            self._connection = http.client.HTTPConnection(host, port, timeout=self._patience)
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def unreachable(url: str, error: BaseException) -> str:
    why = str(error) or type(error).__name__
    return f"the store's server at {url} does not answer ({why}); what arrives is kept and sent when it does"


def judge(url: str, status: int, said: bytes) -> None:
    """Raises what the status means: RowsRefused where other rows might pass, StoreUnavailable where nothing would."""
    if status < 300:
        return
    words = said.decode("utf-8", "replace").strip()[:500]
    if status in (400, 413, 422):
        raise RowsRefused(words)
    hint = {401: "is the token or password right?", 403: "may this user write and read there?", 404: "does the bucket exist?"}
    raise StoreUnavailable(f"the store's server at {url} answers {status}: {words}; {hint.get(status, 'see its log')}")
