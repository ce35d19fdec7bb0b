"""A browser for a small application, closed when the test ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tests.web.pages_app import Browser, Serve


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts an application and gives a browser that keeps cookies."""
    async with AsyncExitStack() as stack:

        async def start(app: web.Application) -> Browser:
            return await stack.enter_async_context(TestClient(TestServer(app)))

        yield start
