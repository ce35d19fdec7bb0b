"""The check before the call: asks the echo, limits how many at once, keeps the result in words."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Annotated, Any, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field

from balie.booking import service as booking
from balie.calls import store
from balie.calls.protocol import LONGEST_SDP, Device
from balie.calls.rules import CheckResult, Verdict, verdict_of
from balie.calls.seating import LINK_LIVES_AFTER
from balie.errors import BadField, NotFound, Unavailable
from balie.ids import AppointmentId, new_id
from balie.work import Work

log = structlog.get_logger()
LIFE_S = 30
ANSWER_WITHIN_S = 9.0  # the page waits ten
SUSPECT_WITHIN_S = 2.0
REPLACE_AFTER_S = 30.0
RESTART_AFTER_S = 20.0
LONGEST_LINE = 256 * 1024
COMMAND = (sys.executable, "-m", "balie.calls.echo")  # what `balie media` runs too


class EchoUnavailable(Unavailable):
    """The echo is busy, paused or not there: the connection is not measured, and nothing else changes."""


class Offer(BaseModel):
    """What the page asks the echo."""

    model_config = ConfigDict(extra="forbid", strict=True)
    sdp: Annotated[str, Field(min_length=1, max_length=LONGEST_SDP)]


Camera = Literal["ok", "dark", "denied", "denied_by_system", "none", "busy", "no_answer", "skipped"]
Microphone = Literal["ok", "quiet", "silent", "denied", "denied_by_system", "none", "busy", "no_answer", "skipped"]
Figure = Annotated[float, Field(ge=0, le=10_000_000)]


class Parts(BaseModel):
    """The outcome of each part of the check."""

    model_config = ConfigDict(extra="forbid")
    browser: Literal["ok", "too_old", "in_app"] = "ok"
    camera: Camera = "skipped"
    microphone: Microphone = "skipped"
    speaker: Literal["yes", "no", "not_tried"] = "not_tried"


class Figures(BaseModel):
    """What was measured; null is not measured."""

    model_config = ConfigDict(extra="forbid")
    ping_ms: Figure | None = None
    rtt_ms: Figure | None = None
    jitter_ms: Figure | None = None
    loss_pct: Annotated[float, Field(ge=0, le=100)] | None = None
    up_kbps: Figure | None = None
    frames_sent: Figure | None = None
    sound_sent: Figure | None = None


class Result(BaseModel):
    """What the page found."""

    model_config = ConfigDict(extra="forbid")
    check_id: Annotated[str, Field(max_length=36)] | None = None
    parts: Parts
    path: Literal["udp", "relay_udp", "relay_tcp", "relay_tls", "no"] | None = None
    figures: Figures = Figures()
    attempt: Annotated[int, Field(ge=1, le=1000)] = 1
    device: Device | None = None


class Echo:
    """The echo process as its parent sees it: every question has a time-out, nothing waits for it."""

    def __init__(
        self,
        command: Sequence[str] = COMMAND,
        answer_within_s: float = ANSWER_WITHIN_S,
        restart_after_s: float = RESTART_AFTER_S,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._command = command
        self._answer_within_s = answer_within_s
        self._restart_after_s = restart_after_s
        self._clock = clock
        self._process: asyncio.subprocess.Process | None = None
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._number = 0
        self._silent_since: float | None = None

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return self._process.pid if self._process is not None else None

    async def run(self) -> None:
        """Keep a process running until cancelled; a dead one is replaced after a while, not at once."""
        try:
            while True:
                try:
                    await self._live()
                except OSError as error:
                    log.error("echo_not_started", error=type(error).__name__)
                log.warning("echo_ended")
                await asyncio.sleep(self._restart_after_s)
        finally:
            await self._end()

    async def _live(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=LONGEST_LINE,
            # It parses what strangers send, so it gets none of our settings.
            env={name: value for name, value in os.environ.items() if not name.startswith("BALIE_")},
        )
        self._silent_since = None
        try:
            assert self._process.stdout is not None
            while line := await self._process.stdout.readline():
                self._hear(line)
        except ValueError:
            log.error("echo_line_too_long")
        finally:
            await self._end()

    def _hear(self, line: bytes) -> None:
        self._silent_since = None
        try:
            answer = json.loads(line)
        except ValueError:
            return
        waiting = self._waiting.pop(answer.get("id"), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    async def _end(self) -> None:
        process, self._process = self._process, None
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(EchoUnavailable())
        self._waiting.clear()
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()  # also ends one that was stopped
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await process.wait()

    async def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """The answer of the process; EchoUnavailable when it does not come in time."""
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            raise EchoUnavailable
        self._replace_if_silent(process)
        self._number += 1
        number = self._number
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        within = self._answer_within_s if self._silent_since is None else SUSPECT_WITHIN_S
        try:
            async with asyncio.timeout(within):
                process.stdin.write(json.dumps({"id": number, **command}).encode() + b"\n")
                await process.stdin.drain()
                answer: dict[str, Any] = await waiting
            return answer
        except (TimeoutError, ConnectionError) as error:
            self._silent_since = self._silent_since or self._clock()
            raise EchoUnavailable from error
        finally:
            self._waiting.pop(number, None)

    def _replace_if_silent(self, process: asyncio.subprocess.Process) -> None:
        if self._silent_since is not None and self._clock() - self._silent_since > REPLACE_AFTER_S:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


class Checks:
    """The checks that run now, and whose they are."""

    def __init__(self, echo: Echo, at_once: int, clock: Callable[[], float] = monotonic) -> None:
        self.echo = echo
        self._at_once = at_once
        self._clock = clock
        self._running: dict[str, tuple[str, float]] = {}

    async def offer(
        self, session_id: str, sdp: str, ice: list[dict[str, Any]], source: str, is_demo: bool
    ) -> tuple[str, str]:
        """Id and answer of a new check; EchoUnavailable when the echo is full or silent."""
        self._forget_old()
        if len(self._running) >= self._at_once:
            raise EchoUnavailable(retry_after_s=10)
        check_id = new_id()
        self._running[check_id] = (session_id, self._clock())
        question = {"do": "offer", "check": check_id, "sdp": sdp, "ice": ice, "sources": [source]}
        try:
            answer = await self.echo.ask({**question, "is_demo": is_demo})
        except EchoUnavailable:
            self._running.pop(check_id, None)
            raise
        if "sdp" not in answer:
            self._running.pop(check_id, None)
            raise BadField({"sdp": "bad_field"}) if answer.get("error") == "bad_field" else EchoUnavailable
        return check_id, answer["sdp"]

    async def report(self, session_id: str, check_id: str) -> dict[str, Any]:
        """What the echo received so far in a check of this session."""
        self._check_own(session_id, check_id)
        report = (await self.echo.ask({"do": "report", "check": check_id})).get("report")
        if not isinstance(report, dict):
            raise NotFound
        return report

    async def end(self, session_id: str, check_id: str) -> None:
        """End a check of this session now."""
        self._check_own(session_id, check_id)
        self._running.pop(check_id, None)
        with contextlib.suppress(EchoUnavailable):
            await self.echo.ask({"do": "close", "check": check_id})

    def _check_own(self, session_id: str, check_id: str) -> None:
        self._forget_old()
        if self._running.get(check_id, ("", 0.0))[0] != session_id:
            raise NotFound

    def _forget_old(self) -> None:
        old = self._clock() - LIFE_S
        self._running = {check: row for check, row in self._running.items() if row[1] > old}


async def keep_result(work: Work, appointment_id: str, participant: str, result: Result) -> Verdict:
    """The verdict in one word; the last check of a participant is the one that counts."""
    figures = {name: value for name, value in result.figures.model_dump().items() if value is not None}
    verdict = verdict_of(result.path, figures)
    appointment = await booking.appointment(work, AppointmentId(appointment_id))
    checked = CheckResult(
        appointment_id=appointment.id,
        participant=participant,
        measured_at=work.now,
        parts=result.parts.model_dump(),
        verdict=verdict,
        path=result.path,
        figures=figures,
        device=result.device.model_dump() if result.device else {},
        attempt=result.attempt,
    )
    await store.put_check(work, checked, appointment.starts_at + LINK_LIVES_AFTER)
    return verdict
