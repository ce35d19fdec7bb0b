"""Collects the routes of every `api.py` into the one /api/v1/openapi.json; a register's own path serves its part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from balie.web.access import Access
from balie.web.features import Feature, Route
from balie.web.keys import FEATURES, SETTINGS

PATH = "/api/v1/openapi.json"
_REF = "#/components/schemas/{model}"
_PROBLEMS = {
    400: "A parameter or field is missing, unknown or wrong",
    401: "No token, or one that is not valid now",
    403: "This client may not do this",
    404: "It does not exist, or not for this client",
}
V = TypeVar("V", bound=Callable[..., Any])


class Problem(BaseModel):
    """An error as problem+json (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    invalidParams: list[dict[str, str]] | None = None


@dataclass(frozen=True)
class Description:
    """What a view of an `api.py` takes and answers."""

    summary: str
    answer: type[BaseModel]
    status: int = 200
    body: type[BaseModel] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[int] = (400, 401, 403, 404)


def described(description: Description) -> Callable[[V], V]:
    """Puts its description on a view."""

    def mark(view: V) -> V:
        view.__dict__["openapi"] = description
        return view

    return mark


def document(features: Iterable[Feature], origin: str, prefix: str = "/") -> dict[str, Any]:
    """The description of every described API route whose path begins with `prefix`."""
    routes = [
        (route, description)
        for feature in features
        for route in feature.routes
        if route.access is Access.API and route.path.startswith(prefix)
        if (description := getattr(route.view, "openapi", None)) is not None
    ]
    paths: dict[str, dict[str, Any]] = {}
    for route, description in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, description)
    return {
        "openapi": "3.1.0",
        "info": {"title": "balie", "version": "1", "description": "The digital counter, for other systems."},
        "servers": [{"url": origin}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas([description for _, description in routes]),
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "The word `Token`, a space and the token of the client.",
                }
            },
        },
    }


async def whole(request: web.Request) -> web.Response:
    """GET /api/v1/openapi.json: the one document of this product."""
    return _answer(request, "/")


def part(prefix: str) -> Callable[[web.Request], Any]:
    """A view that serves the part of the document under one path."""

    async def view(request: web.Request) -> web.Response:
        return _answer(request, prefix)

    return view


def feature() -> Feature:
    """The feature openapi."""
    return Feature(name="openapi", routes=[Route("GET", PATH, whole, "openapi.whole", Access.PUBLIC)])


def _answer(request: web.Request, prefix: str) -> web.Response:
    features = request.app[FEATURES]
    return web.json_response(document(features, request.app[SETTINGS].public_origin, prefix))


def _operation(route: Route, description: Description) -> dict[str, Any]:
    answer = {"schema": {"$ref": _REF.format(model=description.answer.__name__)}}
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": description.summary,
        "parameters": [*_in_path(route.path), *_in_query(description.query)],
        "responses": {
            str(description.status): {"description": "Done", "content": {"application/json": answer}},
            **{str(status): _problem(status) for status in description.problems},
        },
    }
    if description.body is not None:
        body = {"schema": {"$ref": _REF.format(model=description.body.__name__)}}
        operation["requestBody"] = {"required": True, "content": {"application/json": body}}
    return operation


def _problem(status: int) -> dict[str, Any]:
    schema = {"schema": {"$ref": _REF.format(model=Problem.__name__)}}
    return {"description": _PROBLEMS[status], "content": {"application/problem+json": schema}}


def _in_path(path: str) -> list[dict[str, Any]]:
    names = [piece[1:-1] for piece in path.split("/") if piece.startswith("{")]
    return [{"name": n, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}} for n in names]


def _in_query(query: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "description": text, "schema": {"type": "string"}} for name, text in query.items()
    ]


def _schemas(descriptions: Sequence[Description]) -> dict[str, Any]:
    answers = {description.answer for description in descriptions} | {Problem}
    bodies = {description.body for description in descriptions if description.body is not None}
    named = sorted(answers | bodies, key=lambda model: model.__name__)
    _, schema = models_json_schema(
        [(model, "validation" if model in bodies else "serialization") for model in named], ref_template=_REF
    )
    definitions: dict[str, Any] = schema.get("$defs", {})
    return definitions
