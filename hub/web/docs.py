"""/docs: the OpenAPI description as a plain page of our own, because the usual one is fetched from another host."""

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


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words: ``string``, ``AlertOut[]``, ``number or null``."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[-1]
        return f'<a href="#{escape(name)}">{escape(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(escape(str(one)) for one in schema["enum"])
    if schema.get("type") == "array":
        return _type(schema.get("items", {})) + "[]"
    return escape(str(schema.get("type", "any")))


def _row(name: str, type: str, about: str, required: bool) -> str:
    mark = "" if required else " <small>optional</small>"
    return f'<tr><th scope="row"><code>{escape(name)}</code>{mark}</th><td>{type}</td><td>{escape(about)}</td></tr>'


def _table(rows: list[str]) -> str:
    return f'<div class="scroll"><table>{"".join(rows)}</table></div>' if rows else ""


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = [
        _row(one["name"], _type(one["schema"]), one.get("description", ""), one.get("required", False))
        for one in operation.get("parameters", [])
    ]
    parts = [f"<h3><code>{method.upper()} {escape(path)}</code></h3>"]
    parts += [f"<p>{escape(text)}</p>" for text in operation.get("description", "").split("\n\n") if text]
    parts.append(_table(rows))
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body:
        parts.append(f"<p>Send {_type(body)}</p>")
    answer = operation.get("responses", {}).get("200", {}).get("content", {})
    for media_type, content in answer.items():
        schema = content.get("schema")
        parts.append(f"<p>Gives {_type(schema) if schema else ''} <small>{escape(media_type)}</small></p>")
    return "<section>" + "".join(parts) + "</section>"


def _schema(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = [
        _row(field, _type(one), one.get("description", ""), field in required)
        for field, one in schema.get("properties", {}).items()
    ]
    about = escape(schema.get("description", ""))
    return f'<section id="{escape(name)}"><h3><code>{escape(name)}</code></h3><p>{about}</p>{_table(rows)}</section>'


def page(description: dict[str, Any]) -> str:
    info = description["info"]
    parts = [_HEAD.format(title=escape(info["title"]), about=escape(info.get("description", "")))]
    for path, methods in description["paths"].items():
        parts += [_operation(method, path, operation) for method, operation in methods.items()]
    parts.append("<h2>What things look like</h2>")
    parts += [_schema(name, schema) for name, schema in description.get("components", {}).get("schemas", {}).items()]
    return "".join(parts) + "</main></html>"
