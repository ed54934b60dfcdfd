"""What comes in, followed in a browser."""

import re

import attrs
import pytest
from playwright.async_api import WebSocketRoute, expect

from tests.console.listed import recorded_now, rows
from tests.console.stage import Visitor

pytestmark = [pytest.mark.integration, pytest.mark.requires_browser]


@attrs.define(slots=False)  # Playwright keeps something beside each method that hears events
class Line:
    """The way of a page's WebSockets, which can be cut."""

    is_cut: bool = False
    _sockets: list[WebSocketRoute] = attrs.field(factory=list)

    async def connect(self, socket: WebSocketRoute) -> None:
        if self.is_cut:
            await socket.close()
            return
        socket.connect_to_server()
        self._sockets.append(socket)

    async def cut(self) -> None:
        self.is_cut = True
        for socket in self._sockets:
            await socket.close()


async def test_what_comes_in_is_shown_held_while_one_looks_and_found_again_after_the_connection(
    console: Visitor,
) -> None:
    page = console.page
    line = Line()
    await page.route_web_socket("**/api/v1/live", line.connect)
    await console.open("live?of=spans")
    await expect(page.get_by_role("heading", name="No spans yet")).to_be_visible()
    await expect(page.get_by_text("Live, without a gap")).to_be_visible()
    await console.assert_accessible()
    await console.send_bytes(recorded_now("strands-1.62.0", 1))
    await expect(rows(page).first).to_contain_text("strands")
    await expect(page.get_by_text("9 came")).to_be_visible()
    before = await rows(page).first.inner_text()
    await page.keyboard.press("j")
    await expect(page).to_have_url(re.compile("of=spans&sel="))
    await console.send_bytes(recorded_now("oi-dspy-0.1.48", 2))
    await expect(page.get_by_role("button", name=re.compile(r"Go on \(\d+ wait\)"))).to_be_visible()
    assert await rows(page).first.inner_text() == before
    await console.assert_accessible()
    await page.keyboard.press("Escape")
    await expect(rows(page).first).to_contain_text("oi-dspy")
    told = await page.get_by_text(re.compile(r"^\d+ came$")).inner_text()
    await line.cut()
    await expect(page.get_by_text("Not connected. It goes on where it was")).to_be_visible()
    await console.send_bytes(recorded_now("strands-1.62.0", 3))
    line.is_cut = False
    await expect(page.get_by_text("Live, without a gap")).to_be_visible(timeout=15_000)
    await expect(rows(page).first).to_contain_text("strands")
    assert int(told.split()[0]) + 9 == int((await page.get_by_text(re.compile(r"^\d+ came$")).inner_text()).split()[0])


async def test_a_filter_of_what_comes_in_is_refused_at_its_place_and_then_obeyed(console: Visitor) -> None:
    page = console.page
    await page.set_viewport_size({"width": 390, "height": 800})
    await console.open("live?q=service%3A%28")
    await expect(page.locator(".filter-bar-fault")).to_contain_text("Column 9")
    bar = page.get_by_role("combobox", name="Filter of what comes in")
    await bar.fill("service:oi-dspy")
    await bar.press("Enter")
    await expect(page.get_by_role("heading", name="Nothing like that has come yet")).to_be_visible()
    await console.send_bytes(recorded_now("strands-1.62.0", 1))
    await console.send_bytes(recorded_now("oi-dspy-0.1.48", 2))
    await expect(rows(page).first).to_contain_text("Where is my order")
    await expect(rows(page).filter(has_text="Strands")).to_have_count(0)
    await console.assert_fits()
    await console.assert_accessible()
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("Paused")).to_be_visible()
