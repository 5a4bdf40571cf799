"""Every error the API answers with: RFC 9457 problem details, one plain sentence in ``detail``."""

from http import HTTPStatus

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from hub.ports import StoreUnavailable
from hub.web.view import Busy, Conflict, NotFound, Refused

MEDIA_TYPE = "application/problem+json"


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **more: object) -> Response:
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return Response(msgspec.json.encode(body), status, headers, MEDIA_TYPE)


def _sentence(error: dict[str, object]) -> dict[str, str]:
    """What pydantic found, as where and what; the input itself is not repeated."""
    place, kind = error.get("loc"), str(error.get("type"))
    where, *path = place if isinstance(place, tuple) else ("",)
    if kind == "json_invalid":
        return {"in": str(where), "field": "", "detail": f"it is no JSON, from character {path[0] if path else 0} on"}
    return {"in": str(where), "field": ".".join(map(str, path)), "detail": _SAID.get(kind) or str(error.get("msg", ""))}


_SAID = {
    "missing": "it is missing",
    "extra_forbidden": "nothing is called so; /docs lists what there is",
    "string_too_short": "it is empty",
}


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [_sentence(one) for one in error.errors()]
    detail = "; ".join(f"{one['field'] or one['in']}: {one['detail']}" for one in errors)
    return problem(422, f"The request cannot be understood: {detail}.", errors=errors)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        detail = f"There is nothing at {request.url.path}; /docs lists what there is."
    elif error.status_code == 405:
        detail = f"{request.method} is not possible at {request.url.path}."
    else:
        detail = str(error.detail)
    return problem(error.status_code, detail, dict(error.headers or {}))


def install(app: FastAPI) -> None:
    statuses: dict[type[Exception], int] = {NotFound: 404, Conflict: 409, Refused: 422, Busy: 503, StoreUnavailable: 503}

    async def said(request: Request, error: Exception) -> Response:
        return problem(statuses[type(error)], str(error))

    for kind in statuses:
        app.add_exception_handler(kind, said)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
