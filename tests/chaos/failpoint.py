"""Lets a server of the tests kill itself around one commit; the product knows nothing of this.

CHAOS_USE_CASE names a function as `balie.booking.service:confirm`; CHAOS_MOMENT says when the piece of work in which
it ran dies: "before" its commit or "after" it, with nothing of the answer sent.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from balie.work import Transaction, Work

MARK = "chaos_is_here"


def die() -> None:
    """As by a power cut: nothing is flushed, nothing is cleaned."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm_from(environment: Mapping[str, str]) -> None:
    """Arm this process when the environment names a use case."""
    if "CHAOS_USE_CASE" in environment:
        arm(environment["CHAOS_USE_CASE"], environment["CHAOS_MOMENT"])


def arm(use_case: str, moment: str) -> None:
    """Let the transaction of this use case be the last thing that this process does, or not even that."""
    module_name, name = use_case.split(":")
    module = importlib.import_module(module_name)
    setattr(module, name, _marking(getattr(module, name)))
    Transaction.end = _deadly(Transaction.end, moment)  # type: ignore[method-assign]


def _marking(act: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(act)
    async def marked(work: Work, *arguments: Any, **named: Any) -> Any:
        answer = await act(work, *arguments, **named)
        setattr(work.db, MARK, True)
        return answer

    return marked


def _deadly(end: Callable[[Transaction, bool], Awaitable[None]], moment: str) -> Callable[..., Awaitable[None]]:
    @functools.wraps(end)
    async def deadly(transaction: Transaction, commit: bool) -> None:
        is_here = commit and hasattr(transaction, MARK)
        if is_here and moment == "before":
            die()
        await end(transaction, commit)
        if is_here:
            die()

    return deadly
