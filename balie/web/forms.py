"""From fields to a pydantic model or a code of a sentence per field; what was typed is never lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, ValidationError

from balie.errors import Invalid
from balie.web.keys import FORM

M = TypeVar("M", bound=BaseModel)

# What aiohttp raises over bytes that are no text, an unknown alphabet, parts without border or end.
_UNREADABLE = (ValueError, LookupError, EOFError, AssertionError, HttpProcessingError)
# pydantic's error types become the codes of our sentences (templates/parts/field.html).
_CODES = {
    "missing": "missing",
    "string_too_short": "missing",
    "string_too_long": "too_long",
    "enum": "choose",
    "literal_error": "choose",
    "extra_forbidden": "unknown",
}


@dataclass
class Form(Generic[M]):
    """What was sent: the texts as typed, the model when everything is right, else a code per field."""

    values: dict[str, str]
    model: M | None = None
    errors: dict[str, str] = field(default_factory=dict)


async def fields(request: web.Request) -> dict[str, str]:
    """The text fields of the request's form; of a repeated field the values joined by a comma."""
    if FORM not in request:
        try:
            posted = await request.post()
        except _UNREADABLE as error:
            raise Invalid from error
        request[FORM] = {name: ",".join(v for v in posted.getall(name) if isinstance(v, str)) for name in posted}
        if any("\0" in text for text in request[FORM].values()):
            raise Invalid  # no keyboard makes it, and PostgreSQL stores no such text
    return request[FORM]


async def read_form(request: web.Request, model: type[M]) -> Form[M]:
    """Check the form against `model`; empty fields count as absent."""
    values = {name: text.strip() for name, text in (await fields(request)).items() if name != "csrf"}
    return check_form(values, model)


def check_form(values: dict[str, str], model: type[M]) -> Form[M]:
    """The same for values that are at hand."""
    form: Form[M] = Form(values)
    try:
        form.model = model.model_validate({name: text for name, text in values.items() if text != ""})
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            name = str(fault["loc"][0]) if fault["loc"] else ""
            form.errors.setdefault(name, _code(fault["type"], fault["msg"]))
    return form


def _code(kind: str, message: str) -> str:
    # A validator of ours raises ValueError("code"), which arrives as "Value error, code".
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    return _CODES.get(kind, "wrong")
