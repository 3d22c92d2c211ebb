"""The API described on a page for people, made from its OpenAPI document; it has no script."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import FastAPI
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse

from idp.web.security import page_policy

_HERE = Path(__file__).parent
_STYLE = _HERE / "static" / "reference.css"
_PATHS = {"page": "/docs", "style": "/docs/reference.css"}


class Field(NamedTuple):
    """One parameter of a call, or one field of a body."""

    name: str
    kind: str
    required: bool
    description: str


@dataclass(frozen=True)
class Operation:
    """One call, as its reader needs it."""

    name: str
    method: str
    path: str
    description: str
    parameters: list[Field]
    body: str
    answers: list[tuple[str, str]]
    """Status, and what comes with it."""


def add_reference(api: FastAPI) -> None:
    """Serve the page below the API; it tells nothing that the source does not."""
    api.add_route(_PATHS["page"], _page, include_in_schema=False)
    api.add_route(_PATHS["style"], _style, include_in_schema=False)


async def _page(request: Request) -> HTMLResponse:
    headers = {"Content-Security-Policy": page_policy(request.url.path)}
    return HTMLResponse(_drawn(request.app), headers=headers)


async def _style(_: Request) -> FileResponse:
    return FileResponse(_STYLE, media_type="text/css")


@cache
def _drawn(api: FastAPI) -> str:
    document = api.openapi()
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("reference.html").render(
        info=document["info"],
        operations=_by_tag(document),
        schemas=_schemas(document),
    )


def _by_tag(document: dict[str, Any]) -> dict[str, list[Operation]]:
    tags: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            drawn = _operation(method.upper(), f"/api{path}", operation)
            tags.setdefault(operation["tags"][0], []).append(drawn)
    return tags


def _operation(method: str, path: str, operation: dict[str, Any]) -> Operation:
    content = operation.get("requestBody", {}).get("content", {})
    return Operation(
        name=operation["operationId"],
        method=method,
        path=path,
        description=operation.get("description", ""),
        parameters=[_parameter(each) for each in operation.get("parameters", ())],
        body=_kind_in(content),
        answers=[
            (status if status != "default" else "otherwise", _kind_in(answer.get("content", {})))
            for status, answer in operation["responses"].items()
        ],
    )


def _parameter(parameter: dict[str, Any]) -> Field:
    return Field(
        parameter["name"],
        _kind(parameter["schema"]),
        parameter.get("required", False),
        parameter.get("description", ""),
    )


def _kind_in(content: dict[str, Any]) -> str:
    return " | ".join(_kind(each["schema"]) for each in content.values() if each.get("schema"))


def _kind(schema: dict[str, Any]) -> str:
    """Say in a word or two what a value is."""
    if reference := schema.get("$ref"):
        return str(reference).rpartition("/")[2]
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " | ".join(dict.fromkeys(map(_kind, choices)))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"{_kind(schema.get('items', {}))}[]"
    return str(schema.get("format") or schema.get("const") or schema.get("type") or "any")


def _schemas(document: dict[str, Any]) -> dict[str, list[Field]]:
    schemas = document["components"]["schemas"]
    return {name: list(_fields(schemas[name])) for name in sorted(schemas)}


def _fields(schema: dict[str, Any]) -> Iterator[Field]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        yield Field(name, _kind(field), name in required, field.get("description", ""))
    if not schema.get("properties"):
        yield Field("", _kind(schema), required=True, description=schema.get("description", ""))
