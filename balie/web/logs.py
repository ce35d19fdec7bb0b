"""Structured logs: JSON lines on stdout by event and route name, with a net of last resort for personal data."""

from __future__ import annotations

import logging
import re
import sys
import traceback
import unicodedata
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, TextIO

import structlog

from balie.ids import passes_eleven_test

OUT = "[…]"
_OURS = ("at", "level", "release", "request_id", "trace_id", "span_id", "logger")  # made here, never from outside
_NINE_DIGITS = re.compile(r"(?<!\w)\d(?:[\s.\-/]?\d){8}(?!\w)")
_NETS = (
    re.compile(r"[^\s@\"'<>=:,;()]+@[^\s@\"'<>,;()]+\.\w{2,}"),  # mail address
    re.compile(r"(?<![\w.])(?:\+|00)[1-9](?:[\s.\-()]{0,2}\d){8,13}(?!\w)"),  # phone number, international
    re.compile(r"(?<![\w.])0[1-9](?:[\s.\-()]{0,2}\d){8}(?!\w)"),  # phone number, national
)
_LONG = re.compile(r"[A-Za-z0-9_\-]{32,}")


class Redactions:
    """How often the net caught something: metric `balie_log_redactions_total`, 0 in a healthy product."""

    def __init__(self) -> None:
        self.total = 0


REDACTIONS = Redactions()


def configure(release: str = "", stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Let our own log and that of every library go out as one JSON line per event."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _named_release(release),
    ]
    structlog.configure(
        processors=[*shared, exception_without_content, redact, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stdout),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                exception_without_content,
                redact,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
            use_get_message=True,
        )
    )
    # The framework's own access log writes addresses with their query; ours goes by route name.
    logging.getLogger("aiohttp.access").disabled = True
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def exception_without_content(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception becomes its kind and where it came from; its text may hold what somebody typed."""
    exc_info = event.pop("exc_info", None)
    event.pop("stack_info", None)
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if exc_info is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["where"] = [
            f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-5:]
        ]
    return event


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take out what looks like a citizen service number, an address, a phone number or a token."""
    return {name: value if name in _OURS else without_personal_data(value) for name, value in event.items()}


def without_personal_data(value: Any) -> Any:
    """The value with what the net caught taken out; an object is told by its type only."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return _redacted(str(value)) if passes_eleven_test(str(value)) else int(value)
    if isinstance(value, str):
        return _redacted(str(value))
    if isinstance(value, Mapping):
        return {str(key): without_personal_data(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [without_personal_data(each) for each in value]
    return type(value).__name__


def _redacted(text: str) -> str:
    text = _NINE_DIGITS.sub(lambda m: _caught() if _is_bsn(m.group()) else m.group(), text)
    for net in _NETS:
        text = net.sub(lambda _m: _caught(), text)
    return _LONG.sub(lambda m: _caught() if _is_token(m.group()) else m.group(), text)


def _caught() -> str:
    REDACTIONS.total += 1
    return OUT


def _is_bsn(text: str) -> bool:
    return passes_eleven_test("".join(str(unicodedata.digit(c)) for c in text if c.isdigit()))


def _is_token(text: str) -> bool:
    # Random text holds digits or both cases; a long name in words holds neither.
    has_letter = any(c.isalpha() for c in text)
    return any(c.isdigit() for c in text) or (has_letter and text != text.lower() and text != text.upper())


def _named_release(release: str) -> structlog.typing.Processor:
    def add(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if release:
            event["release"] = release
        return event

    return add
