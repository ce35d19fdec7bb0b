"""The demo server of tests/launch.py that kills itself around one commit.

CHAOS_USE_CASE names a function as `balie.booking.service:confirm`; CHAOS_MOMENT says when the piece of work in which
it ran dies: "before" its commit or "after" it, with nothing of the answer sent. The product knows nothing of this.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from balie.work import Transaction, Work
from tests.launch import _serve

MARK = "chaos_is_here"


def die() -> None:
    """As by a power cut: nothing is flushed, nothing is cleaned."""
    os.kill(os.getpid(), signal.SIGKILL)


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


if __name__ == "__main__":
    if "CHAOS_USE_CASE" in os.environ:
        arm(os.environ["CHAOS_USE_CASE"], os.environ["CHAOS_MOMENT"])
    Path(sys.argv[1]).unlink(missing_ok=True)
    asyncio.run(_serve(sys.argv[1]))
