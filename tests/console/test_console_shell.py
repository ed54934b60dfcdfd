"""What stands around every page, seen in a browser."""

import asyncio

import pytest
from playwright.async_api import Route, expect

from tests.console.stage import Visitor

pytestmark = [pytest.mark.integration, pytest.mark.requires_browser]


async def test_links_and_keys_lead_to_pages_and_the_palette_knows_them_all(console: Visitor) -> None:
    page = console.page
    await console.send("junjo_runs_0.69.0")
    await console.open()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Traces")
    await console.assert_accessible()
    await console.assert_fits()
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await console.assert_accessible()
    await page.keyboard.press("Escape")
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.get_by_role("button", name="Menu").click()
    await console.assert_fits()
    await console.open("no/such/page")
    await expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()


async def test_what_the_list_needs_is_asked_for_once_and_little_of_it(console: Visitor) -> None:
    page, asked, seen = console.page, list[str](), asyncio.Event()

    async def wait(route: Route) -> None:
        """What comes after the list waits until what came before it has been counted."""
        await seen.wait()
        await route.continue_()

    await page.route("**/pages/traces_around.js", wait)
    page.on("response", lambda answer: asked.append(answer.url))
    await console.open("traces")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Traces")
    modules = [url for url in asked if url.endswith(".js")]
    assert len(modules) == len(set(modules)) <= 20
    assert len([url for url in asked if "/api/v1/" in url]) <= 3
    seen.set()
    await expect(page.get_by_role("combobox", name="Filter of traces")).to_be_visible()


@pytest.mark.parametrize("path", ["", "traces", "traces?q=error", "traces/TRACE", "traces/TRACE?find=a"])
async def test_what_a_page_asks_first_is_asked_once(console: Visitor, path: str) -> None:
    """The studio names it in the page, so that it is on its way while modules come: in the very words of the module."""
    page, asked = console.page, list[str]()
    await console.send("junjo_runs_0.69.0")
    page.on("request", lambda request: asked.append(request.url))
    await console.open(path.replace("TRACE", "fb0806e49c750065c6b20294cc644514"))
    await expect(page.locator(".windowed-row").first).to_be_visible()
    answers = [url for url in asked if "/api/v1/" in url]
    assert len(answers) == len(set(answers)) >= 2


async def test_after_an_update_a_page_is_a_reload_away(console: Visitor) -> None:
    """Its file has another address by then. One that is not there after that is a page that there is not."""
    page, missing = console.page, "**/pages/start.js"
    console.expected.append("404 (Not Found)")
    await console.open("traces")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Traces")

    async def gone(route: Route) -> None:
        await route.fulfill(status=404, body="")

    await page.route(missing, gone, times=1)
    await page.get_by_role("navigation", name="Pages").get_by_role("link", name="Send spans").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Send spans")
    await console.open("traces")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Traces")
    await page.route(missing, gone)
    await page.get_by_role("navigation", name="Pages").get_by_role("link", name="Send spans").click()
    await expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()


async def test_a_fault_in_the_browser_would_fail_a_test(console: Visitor) -> None:
    """Of each kind; and the policy keeps all of them from doing harm."""
    await console.open()
    asked = "fetch('http://other.example/').catch(() => 'blocked')"
    assert await console.page.evaluate(asked) == "blocked"
    markup = "(() => { try { document.body.innerHTML = '<b>' } catch { return 'refused' } })()"
    assert await console.page.evaluate(markup) == "refused"
    await console.page.evaluate("setTimeout(() => { throw Error('thrown') })")
    await console.page.evaluate("console.error('complained')")
    for text in ("Content Security Policy", "other.example", "TrustedHTML", "thrown", "complained"):
        with pytest.raises(AssertionError, match=text):
            console.assert_faultless()
    console.expected.append("")
