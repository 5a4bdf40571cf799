"""Receivers on loopback that stand in for the services outside: HTTP and HTTPS, and the names that lead to them."""

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct


class Request(Struct):
    """As it came over the wire."""

    method: str
    host: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


Answer = tuple[int, dict[str, str], bytes]


class Sink:
    """Keeps every request; ``answer`` decides what is said."""

    def __init__(self, answer: Callable[[Request], Answer] | None = None, certificate: Path | None = None) -> None:
        self.requests: list[Request] = []
        self.answer = answer or (lambda _: (200, {}, b"{}"))
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                parts = urlsplit(self.path)
                request = Request(
                    self.command,
                    self.headers.get("Host", ""),
                    parts.path,
                    parse_qs(parts.query),
                    {name.title(): value for name, value in self.headers.items()},
                    self.rfile.read(length),
                )
                sink.requests.append(request)
                status, headers, body = sink.answer(request)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = _any

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # whoever hangs up
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def sink(answer: Callable[[Request], Answer] | None = None, certificate: Path | None = None) -> Iterator[Sink]:
    opened = Sink(answer, certificate)
    try:
        yield opened
    finally:
        opened.close()


def certificate(folder: Path, names: list[str]) -> tuple[Path, Path]:
    """A certificate for these names with its key in one file, and the authority that signed it (itself)."""
    key, cert, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    named = ",".join(f"DNS:{name}" for name in names)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=sink", "-addext", f"subjectAltName={named}", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    both.write_bytes(key.read_bytes() + cert.read_bytes())
    return both, cert


def leading_to(ports: dict[int, int]) -> Callable[..., Any]:
    """In place of ``socket.getaddrinfo``: every name is this machine, each port the one it is given here."""
    ask = socket.getaddrinfo

    def found(host: Any, port: Any, *rest: Any, **how: Any) -> Any:
        return ask("127.0.0.1", ports.get(int(port), port), *rest, **how)

    return found
