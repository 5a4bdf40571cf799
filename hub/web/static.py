"""The page's files, read once, compressed once, served from memory with an ETag."""

import gzip
import hashlib
from pathlib import Path

from msgspec import Struct
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response

ROOT = Path(__file__).with_name("static")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}


class File(Struct, frozen=True):
    body: bytes
    packed: bytes | None  # None where gzip gains nothing
    type: str
    etag: str


def load(root: Path = ROOT) -> dict[str, File]:
    """The files by name; a file of a type the web does not serve is an error."""
    files = {}
    for path in sorted(root.iterdir()):
        body = path.read_bytes()
        packed = gzip.compress(body, 9, mtime=0)
        etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        files[path.name] = File(body, packed if len(packed) < len(body) else None, TYPES[path.suffix], etag)
    return files


def serve(files: dict[str, File], name: str, headers: Headers) -> Response:
    file = files.get(name)
    if file is None:
        raise HTTPException(404)
    answer = {"etag": file.etag, "cache-control": "no-cache", "vary": "accept-encoding"}
    if file.etag in headers.get("if-none-match", ""):
        return Response(status_code=304, headers=answer)
    if file.packed is not None and "gzip" in headers.get("accept-encoding", ""):
        return Response(file.packed, headers={**answer, "content-encoding": "gzip"}, media_type=file.type)
    return Response(file.body, headers=answer, media_type=file.type)
