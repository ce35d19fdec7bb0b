"""The technical log tells what happened and nothing about anybody."""

from __future__ import annotations

import asyncio
import io
import json
import logging

import pytest
import structlog

from balie.web import logs


@pytest.fixture
def lines(log_lines: io.StringIO) -> io.StringIO:
    """Everything that is logged, with the configuration that the server has."""
    return log_lines


def read(lines: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_an_event_is_one_line_of_json_with_time_level_and_release(lines: io.StringIO) -> None:
    structlog.get_logger().info("request", route="desk.queue", status=200, ms=12.5)
    (line,) = read(lines)
    assert (line["event"], line["level"], line["release"]) == ("request", "info", "r1")
    assert (line["route"], line["status"], line["ms"]) == ("desk.queue", 200, 12.5)
    assert str(line["at"]).endswith("Z")


@pytest.mark.parametrize(
    "secret",
    [
        "999990019",
        "9999.90.019",
        "９９９９９００１９",
        "fatima@voorbeeld.example",
        "06 12 34 56 78",
        "+31 6 1234 5678",
        "0031612345678",
        "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE",
        "0123456789abcdef0123456789abcdef",
    ],
)
def test_what_looks_personal_is_taken_out_and_counted(lines: io.StringIO, secret: str) -> None:
    structlog.get_logger().warning("oops", text=f"veld={secret}", deep={"a": [f"x {secret} y"]})
    assert secret not in lines.getvalue()
    assert logs.REDACTIONS.total == 2


@pytest.mark.parametrize(
    "text",
    [
        "desk.admit_next",
        "test_two_staff_never_admit_the_same_citizen",
        "999990018",
        "127.0.0.1:8080",
        "2026-12-04T13:00:00.123456+00:00",
        "balie/web/middlewares.py:48",
        "3.14.5",
    ],
)
def test_ordinary_words_stay(lines: io.StringIO, text: str) -> None:
    structlog.get_logger().info("event", text=text)
    assert read(lines)[0]["text"] == text
    assert logs.REDACTIONS.total == 0


def test_an_exception_is_told_by_its_kind_and_place_never_by_its_text(lines: io.StringIO) -> None:
    try:
        raise ValueError("bsn=999990019 fatima@voorbeeld.example Fatima")
    except ValueError:
        structlog.get_logger().exception("fault")
        logging.getLogger("aiohttp.server").exception("Error handling request")
    assert "Fatima" not in lines.getvalue() and "999990019" not in lines.getvalue()
    for line in read(lines):
        assert line["error"] == "ValueError"
        assert "test_logs.py" in str(line["where"])


def test_libraries_pass_the_same_net(lines: io.StringIO) -> None:
    logging.getLogger("asyncio").error("Task failed: %s", "ValueError('bsn=999990019')")
    (line,) = read(lines)
    assert line["logger"] == "asyncio"
    assert "999990019" not in lines.getvalue()


async def test_a_task_that_nobody_waited_for_tells_no_content(lines: io.StringIO) -> None:
    async def fails() -> None:
        raise ValueError("bsn=999990019")

    task = asyncio.create_task(fails())
    await asyncio.wait([task])
    asyncio.get_running_loop().call_exception_handler({"message": "never retrieved", "exception": task.exception()})
    assert read(lines)[0]["error"] == "ValueError"
    assert "999990019" not in lines.getvalue()


def test_a_line_break_makes_no_second_line(lines: io.StringIO) -> None:
    structlog.get_logger().info("event", text='a\n{"event":"forged"}')
    assert len(lines.getvalue().splitlines()) == 1


def test_an_unknown_object_is_told_by_its_type(lines: io.StringIO) -> None:
    class Fatima:
        def __repr__(self) -> str:
            return "Fatima de Vries"

    structlog.get_logger().info("event", who=Fatima(), number=999990019, bytes=b"x")
    line = read(lines)[0]
    assert (line["who"], line["number"], line["bytes"]) == ("Fatima", logs.OUT, "bytes")
