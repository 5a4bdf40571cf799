"""Every error the API answers with: RFC 9457 problem details, one plain sentence in ``detail``, in the language asked for."""

from http import HTTPStatus

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from hub.ports import StoreUnavailable
from hub.said import Language, Said, quoted, said_by, sentence
from hub.web.spoken import asked
from hub.web.view import Busy, Conflict, NotFound, Refused

MEDIA_TYPE = "application/problem+json"


def problem(status: int, why: Said, language: Language, headers: dict[str, str] | None = None, **more: object) -> Response:
    """``why.code`` is in it too, for programs."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": why.speak(language)}
    if why.code:
        body["code"] = why.code
    heads = {"content-language": language, "vary": "accept-language"} | (headers or {})
    return Response(msgspec.json.encode(body | more), status, heads, MEDIA_TYPE)


def _fault(error: dict[str, object]) -> tuple[str, str, Said]:
    """What pydantic found: in what, at which field, and what is wrong; the input itself is not repeated."""
    place, kind = error.get("loc"), str(error.get("type"))
    where, *path = place if isinstance(place, tuple) else ("",)
    if kind == "json_invalid":
        return str(where), "", sentence("field_json", at=path[0] if path else 0)
    context = error.get("ctx")
    about = {name: str(value).replace(" or ", ", ") for name, value in context.items()} if isinstance(context, dict) else {}
    what = sentence(_SAID[kind], **about) if kind in _SAID else sentence("field_wrong", why=str(error.get("msg", "")))
    named = [str(one) for one in path if "[" not in str(one)]  # a union tells which of its types it tried, too
    return str(where), ".".join(named), what


_SAID = {
    "missing": "field_missing",
    "extra_forbidden": "field_unknown",
    "string_too_short": "field_empty",
    "string_too_long": "field_long",
    "string_pattern_mismatch": "field_pattern",
    "greater_than_equal": "field_least",
    "less_than_equal": "field_most",
    "literal_error": "field_one_of",
    "int_parsing": "field_number",
    "datetime_parsing": "field_moment",
    "datetime_from_date_parsing": "field_moment",
}


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    language = asked(request)
    faults = [_fault(one) for one in error.errors()]
    each = [sentence("field", field=field or where, fault=what) for where, field, what in faults]
    errors = [{"in": where, "field": field, "detail": what.speak(language)} for where, field, what in faults]
    return problem(422, sentence("not_understood", faults=each), language, errors=errors)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        why = sentence("nothing_here", path=request.url.path)
    elif error.status_code == 405:
        why = sentence("no_method", method=request.method, path=request.url.path)
    else:
        why = quoted(str(error.detail))
    return problem(error.status_code, why, asked(request), dict(error.headers or {}))


def install(app: FastAPI) -> None:
    statuses: dict[type[Exception], int] = {NotFound: 404, Conflict: 409, Refused: 422, Busy: 503, StoreUnavailable: 503}

    async def said(request: Request, error: Exception) -> Response:
        why = sentence("store_away", why=str(error)) if isinstance(error, StoreUnavailable) else said_by(error)
        return problem(statuses[type(error)], why, asked(request))

    for kind in statuses:
        app.add_exception_handler(kind, said)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
