"""/docs: the OpenAPI description as a plain page of our own, because the usual one is fetched from another host."""

import re
from html import escape
from typing import Any

_HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="/static/icon.svg">
<link rel="stylesheet" href="/static/app.css">
<main class="docs">
<h1>{title}</h1>
<p>{about}</p>
<p>The same for machines: <a href="/openapi.json">/openapi.json</a></p>
"""


_NAMES = {"StoryOut": "Alert and its story", "RowOut": "Stored reading", "BucketOut": "Span of readings"}
_ASKED = {  # what stands behind a path in its example
    "/api/v1/alerts": "?state=open",
    "/api/v1/devices": "?domain=fire",
    "/api/v1/dead-letters": "?limit=10",
    "/api/v1/readings": "?device=zigbee:0x00158d0001a2b3c4&quantity=air.temperature&from=2026-10-01T00:00&to=2026-10-02T00:00"
    "&every=15min",
    "/api/v1/reports/energy": "?month=2026-10",
    "/api/v1/reports/energy.{format}": "?month=2026-10&by=building&language=en",
    "/api/v1/stream": "?kinds=alert",
}
_IDS = {
    "reports": "2026-10-building-r1",
    "devices": "zigbee:0x00158d0001a2b3c4",
    "dead-letters": "1",
    "alerts": "ID-OF-AN-ALERT",
    "incidents": "ID-OF-AN-INCIDENT",
}


def _prose(text: str) -> str:
    """A docstring's text: what stands in backticks is code."""
    return re.sub(r"`+([^`]+)`+", r"<code>\1</code>", escape(text))


def _name(schema: str) -> str:
    """What people call a shape: DeadLetterOut is a "Dead letter"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", schema.removesuffix("Out"))
    return _NAMES.get(schema) or words.capitalize()


def _example(path: str, base: str) -> str:
    """The command that asks it."""
    kind = path.removeprefix("/api/v1/").split("/")[0]
    url = (
        base
        + path.replace("{id}", _IDS.get(kind, "ID")).replace("{format}", "pdf").replace("{name}", "report.en.pdf")
        + _ASKED.get(path, "")
    )
    option = "-N " if path.endswith("/stream") else ""  # print events as they come
    return f"<pre><code>curl {option}{escape(repr(url), quote=False)}</code></pre>"


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words: ``string``, ``list of Alert``, ``number or null``."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[-1]
        if listed := re.fullmatch(r"ListOut_(\w+?)_", name):
            inner = listed[1]
            within = "objects" if inner.startswith("dict") else _type({"$ref": inner})
            return f'<a href="#List">list</a> of {within}'
        return f'<a href="#{escape(name)}">{escape(_name(name))}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(escape(str(one)) for one in schema["enum"])
    if schema.get("type") == "array":
        return "list of " + _type(schema.get("items", {}))
    return escape(str(schema.get("type", "any")))


def _row(name: str, type: str, about: str, required: bool) -> str:
    mark = "" if required else " <small>optional</small>"
    return f'<tr><th scope="row"><code>{escape(name)}</code>{mark}</th><td>{type}</td><td>{_prose(about)}</td></tr>'


def _table(rows: list[str]) -> str:
    return f'<div class="scroll"><table>{"".join(rows)}</table></div>' if rows else ""


def _operation(method: str, path: str, operation: dict[str, Any], base: str) -> str:
    rows = [
        _row(one["name"], _type(one["schema"]), one.get("description", ""), one.get("required", False))
        for one in operation.get("parameters", [])
    ]
    parts = [f"<h3><code>{method.upper()} {escape(path)}</code></h3>"]
    parts += [f"<p>{_prose(text)}</p>" for text in operation.get("description", "").split("\n\n") if text]
    parts.append(_table(rows))
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body:
        parts.append(f"<p>Send {_type(body)}</p>")
    answers: dict[str, dict[str, Any]] = operation.get("responses", {})
    answer = next((found for code, found in answers.items() if code.startswith("2")), {}).get("content", {})
    for media_type, content in answer.items():
        schema = content.get("schema")
        parts.append(f"<p>Gives {_type(schema) if schema else ''} <small>{escape(media_type)}</small></p>")
    if method == "get":
        parts.append(_example(path, base))
    return "<section>" + "".join(parts) + "</section>"


def _schema(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = [
        _row(field, _type(one), one.get("description", ""), field in required)
        for field, one in schema.get("properties", {}).items()
    ]
    about = _prose(schema.get("description", ""))
    return f'<section id="{escape(name)}"><h3>{escape(_name(name))}</h3><p>{about}</p>{_table(rows)}</section>'


def _shapes(schemas: dict[str, Any]) -> list[str]:
    """Every shape once; the lists are one shape, whatever is in them."""
    lists = [name for name in schemas if name.startswith("ListOut_")]
    given = {name: schema for name, schema in schemas.items() if name not in lists}
    if lists:
        items = {"type": "array", "items": {"type": "any"}, "description": "this part of the list"}
        fields = schemas[lists[0]]["properties"] | {"items": items}
        given["List"] = schemas[lists[0]] | {"properties": fields, "description": "Part of a list."}
    return [_schema(name, given[name]) for name in sorted(given, key=_name)]


def page(description: dict[str, Any], base: str) -> str:
    """``base``: how the reader has reached the hub, for the examples, such as "http://127.0.0.1:8080"."""
    info = description["info"]
    parts = [_HEAD.format(title=escape(info["title"]), about=escape(info.get("description", "")))]
    for path, methods in description["paths"].items():
        parts += [_operation(method, path, operation, base) for method, operation in methods.items()]
    parts.append("<h2>What things look like</h2>")
    parts += _shapes(description.get("components", {}).get("schemas", {}))
    return "".join(parts) + "</main></html>"
