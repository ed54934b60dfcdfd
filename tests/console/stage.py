"""What tests of the console share: somebody with a browser before a studio, and what that browser must not do."""

import os
import shutil
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request, WebSocket

from tests.http_studio import HttpStudio

RECORDINGS: Final = Path(__file__).parents[1] / "recordings"
# The page asks who is signed in before anybody is.
SIGNED_OUT: Final = "401 (Unauthorized)"
# What a page asks just when its sign-in ends may be refused, its live connection too.
NO_LONGER: Final = "HTTP Authentication failed"
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",  # nothing leaves this machine
)
MILLISECONDS: Final = 30_000  # how long to wait for what should be there; a busy machine is slow


def executable() -> str:
    """Chromium's path. Skips the test where there is none, or fails it where there has to be one."""
    found = next((path for path in map(shutil.which, _NAMES) if path), None)
    if found is not None:
        return found
    reason = "there is no Chromium here: apt-get install chromium"
    if os.environ.get("JUNJO_TEST_BROWSER") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


@attrs.define(eq=False, slots=False)  # Playwright keeps something beside each method that hears events
class Visitor:
    """Somebody with a browser of their own. What goes wrong in any of its tabs fails the test at its end.

    ``expected`` has texts of what may stand in the browser's console, such as ``409 (Conflict)``.
    """

    studio: HttpStudio
    context: BrowserContext
    page: Page
    cookie: str = ""  # of who is signed in
    expected: list[str] = attrs.field(factory=list)
    _faults: list[str] = attrs.field(factory=list)
    _key: str = ""

    @property
    def base(self) -> str:
        return f"http://localhost:{self.studio.port}"

    async def open(self, path: str = "", *, page: Page | None = None) -> None:
        """Go to a page of the console, as by a link that was sent: ``traces?q=status%3Aerror``."""
        await (page or self.page).goto(f"{self.base}/console/{path}")

    async def send(self, *names: str) -> None:
        """Send spans that were recorded, by the names of their files without ``.bin``."""
        for name in names:
            await self.send_bytes((RECORDINGS / f"{name}.bin").read_bytes())

    async def send_bytes(self, body: bytes) -> None:
        """Send an OTLP request of spans. The key is made at the first."""
        self._key = self._key or await self.studio.make_key(self.cookie)
        assert (await self.studio.send_spans(self._key, body)).status == 200

    async def assert_accessible(self, page: Page | None = None) -> None:
        """Nothing that axe finds of WCAG 2.2 A and AA, contrasts included, in what is shown now."""
        rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
        results = await Axe().run(page or self.page, options=rules)
        assert not results.violations_count, results.generate_report()

    async def assert_fits(self, page: Page | None = None) -> None:
        """Nothing makes the page wider than its window."""
        shown = page or self.page
        wide, width = await shown.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= width, f"{shown.url} is {wide} pixels wide in a window of {width}"

    def assert_faultless(self) -> None:
        """No error in the console, no error of a script, no request to another host."""
        left = [fault for fault in self._faults if not any(text in fault for text in self.expected)]
        assert not left, "\n".join(left)

    def watch(self, page: Page) -> None:
        """Hear of what goes wrong in a tab."""
        page.set_default_timeout(MILLISECONDS)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self._faults.append(f"error of a script: {error}"))
        page.on("request", self._look_at)
        page.on("websocket", self._look_at)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._faults.append(f"{message.type} in the console: {message.text} ({_place(message.location)})")

    def _look_at(self, asked: Request | WebSocket) -> None:
        url = urlsplit(asked.url)
        if url.netloc != f"localhost:{self.studio.port}" and url.scheme not in ("data", "blob"):
            self._faults.append(f"request to another host: {asked.url}")


def _place(location: Any) -> str:
    return f"{location.get('url', '')}:{location.get('lineNumber', '')}"
