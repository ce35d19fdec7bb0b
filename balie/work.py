"""One piece of work: a transaction begun at its first statement, actor, clock, purpose, what to tell after commit."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import CursorResult
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql import Executable

from balie.actors import Actor, Purpose
from balie.bus import Bus
from balie.events import Listeners
from balie.settings import Settings

T = TypeVar("T")
Clock = Callable[[], datetime]
AfterCommit = Callable[[], Awaitable[None] | None]


def system_clock() -> datetime:
    """The time of this machine, in UTC."""
    return datetime.now(UTC)


class Transaction:
    """The database as stores see it; nothing reaches it before the first statement."""

    def __init__(self, engine: AsyncEngine, writing: asyncio.Lock | None, writes: bool) -> None:
        self._engine = engine
        self._writing = writing if writes else None
        self._writes = writes
        self._connection: AsyncConnection | None = None
        self.dialect = engine.dialect.name

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run one statement of SQLAlchemy Core."""
        connection = self._connection or await self._begin()
        return await connection.execute(statement, parameters)

    async def scalar(self, statement: Executable, parameters: Any = None) -> Any:
        """The first column of the first row, or None."""
        return (await self.execute(statement, parameters)).scalar()

    async def _begin(self) -> AsyncConnection:
        if self._writing is not None:
            # SQLite has one writer; waiting here is fair, waiting inside SQLite is not.
            await self._writing.acquire()
        opening = asyncio.ensure_future(self._open())
        try:
            self._connection = await asyncio.shield(opening)
        except asyncio.CancelledError:
            # Half-open connections are nobody's: wait for this one and close it.
            with suppress(Exception):
                await (await opening).close()
            self._let_go()
            raise
        except BaseException:
            self._let_go()
            raise
        return self._connection

    async def _open(self) -> AsyncConnection:
        connection = await self._engine.connect()
        try:
            await connection.execution_options(balie_writes=self._writes)
            await connection.begin()
        except BaseException:
            await connection.close()
            raise
        return connection

    async def end(self, commit: bool) -> None:
        """Commit or roll back; without a statement there is nothing to do."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            await (connection.commit() if commit else connection.rollback())
        finally:
            await connection.close()
            self._let_go()

    def _let_go(self) -> None:
        if self._writing is not None and self._writing.locked():
            self._writing.release()


async def unbroken(ending: Coroutine[Any, Any, None]) -> None:
    """Wait for this until it is done, also when we are cancelled meanwhile: a connection never stays open."""
    task = asyncio.ensure_future(ending)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


class Work:
    """What a use case gets first: `db` for stores, who, when, what for, and what to tell afterwards."""

    def __init__(self, works: Works, db: Transaction, actor: Actor, purpose: Purpose) -> None:
        self._works = works
        self._after: list[AfterCommit] = []
        self._told: list[tuple[str, dict[str, Any], str | None]] = []
        self.db = db
        self.actor = actor
        self.purpose = purpose
        self.now = works.clock()
        self.settings = works.settings

    def get(self, kind: type[T]) -> T:
        """The shared object of this type (Keyring, Vault, Bus, …) that `app.py` put on the works."""
        return self._works.get(kind)

    async def announce(self, event: object) -> None:
        """Let every listener act on the event now, within this transaction."""
        for listener in self._works.listeners.of(event):
            await listener(self, event)

    def tell(self, topic: str, message: dict[str, Any], to: str | None = None) -> None:
        """Append a live message to a topic after commit, for one participant or for all."""
        self._told.append((topic, message, to))

    def after_commit(self, act: AfterCommit) -> None:
        """Call `act` once the transaction is safe."""
        self._after.append(act)

    async def settle(self) -> None:
        """Tell and do what waited for the commit."""
        bus = self._works.get(Bus)
        for topic, message, to in self._told:
            bus.append(topic, message, to=to)
        for act in self._after:
            answer = act()
            if inspect.isawaitable(answer):
                await answer


class Works:
    """Makes pieces of work; one per application."""

    def __init__(
        self, engine: AsyncEngine, settings: Settings, listeners: Listeners, clock: Clock = system_clock
    ) -> None:
        self.engine = engine
        self.settings = settings
        self.listeners = listeners
        self.clock = clock
        self._shared: dict[type, Any] = {}
        self._writing = asyncio.Lock() if engine.dialect.name == "sqlite" else None

    def put(self, kind: type[T], value: T) -> None:
        """Make an object reachable by its type for every piece of work."""
        self._shared[kind] = value

    def get(self, kind: type[T]) -> T:
        """The object that was put under this type; KeyError when none was."""
        value: T = self._shared[kind]
        return value

    @asynccontextmanager
    async def begin(self, actor: Actor, purpose: Purpose, writes: bool = True) -> AsyncIterator[Work]:
        """Commit when the block ends well, roll back when it raises; then tell what waited.

        `writes` is also right for work that reads personal data, for that writes log lines.
        """
        transaction = Transaction(self.engine, self._writing, writes)
        work = Work(self, transaction, actor, purpose)
        try:
            yield work
        except BaseException:
            await unbroken(transaction.end(commit=False))
            raise
        await unbroken(transaction.end(commit=True))
        await work.settle()

    async def retrying(self, actor: Actor, purpose: Purpose, use_case: Callable[[Work], Awaitable[T]]) -> T:
        """Run a use case in a new Work, three more times when the database says somebody was in the way."""
        for attempt in range(4):
            try:
                async with self.begin(actor, purpose) as work:
                    return await use_case(work)
            except DBAPIError as error:
                if attempt == 3 or not is_lost_race(error):
                    raise
        raise AssertionError("unreachable")


def is_lost_race(error: DBAPIError) -> bool:
    """Whether the database gave up this try for another one: deadlock, serialisation failure, busy."""
    state = getattr(error.orig, "sqlstate", None)
    return state in ("40P01", "40001") or "database is locked" in str(error.orig)
