"""A browser for each worker, and for each test a studio of its own and somebody before it.

All of it runs in one event loop, which lasts as long as the browser.
"""

import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from tests.console.stage import ARGUMENTS, MILLISECONDS, SIGNED_OUT, Visitor, executable
from tests.http_studio import HttpStudio, http_config, running_http_studio

_HERE = Path(__file__).parent
expect.set_options(timeout=MILLISECONDS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = (item for item in items if isinstance(item, pytest.Function) and item.path.is_relative_to(_HERE))
    for item in here:
        if inspect.iscoroutinefunction(item.function):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = executable()
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def studio(tmp_path: Path) -> AsyncIterator[HttpStudio]:
    async with running_http_studio(tmp_path, http_config()) as running:
        yield running


@asynccontextmanager
async def visiting(browser: Browser, studio: HttpStudio) -> AsyncIterator[Visitor]:
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    try:
        page = await context.new_page()
        visitor = Visitor(studio=studio, context=context, page=page)
        visitor.watch(page)
        context.on("page", visitor.watch)
        yield visitor
    finally:
        await context.close()
    visitor.assert_faultless()


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(browser: Browser, studio: HttpStudio) -> AsyncIterator[Visitor]:
    """Somebody who comes to a studio that has no user yet."""
    async with visiting(browser, studio) as visitor:
        visitor.expected.append(SIGNED_OUT)
        yield visitor


@pytest_asyncio.fixture(loop_scope="session")
async def console(browser: Browser, studio: HttpStudio) -> AsyncIterator[Visitor]:
    """The first user of a studio, signed in."""
    async with visiting(browser, studio) as visitor:
        visitor.cookie = await studio.set_up()
        await visitor.context.add_cookies([{"name": "session", "value": visitor.cookie, "url": visitor.base}])
        yield visitor
