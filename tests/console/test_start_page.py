"""The first account, signing in where one was, and what tabs know of each other."""

import shlex
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.console.conftest import visiting
from tests.console.stage import NO_LONGER, SIGNED_OUT, Visitor
from tests.http_studio import ADMIN, http_config, running_http_studio

pytestmark = [pytest.mark.integration, pytest.mark.requires_browser]

CODE = "code-of-this-studio"


async def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        await page.locator(f"input[name={name}]").fill(value)


async def test_who_is_signed_out_in_mid_work_goes_on_at_the_same_address(console: Visitor) -> None:
    """The sign-in is ended from elsewhere; nothing that the address says is lost. The other tab comes along."""
    page, other = console.page, await console.context.new_page()
    console.expected += [SIGNED_OUT, NO_LONGER]
    await console.open("traces?q=service%3Ashop")
    await console.open("traces?q=x", page=other)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Traces")
    await console.studio.call("POST", "/sign-out", cookie=console.cookie)
    await page.keyboard.press("r")
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await expect(page.get_by_text("You were signed out")).to_be_visible()
    await expect(page.locator("input[name=email]")).to_be_focused()
    await expect(page.get_by_role("navigation")).to_be_hidden()
    await console.assert_accessible()
    await fill(page, **ADMIN | {"password": "wrong one"})
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("Invalid credentials")
    await fill(page, **ADMIN)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Traces")
    assert page.url.endswith("/console/traces?q=service%3Ashop")
    await page.get_by_role("button", name="Sign out").click()
    for each in (page, other):
        await expect(each.get_by_role("heading", name="Sign in")).to_be_visible()
    await fill(other, **ADMIN)
    await other.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Traces")


async def test_from_an_empty_folder_to_the_first_span(browser: Browser, tmp_path: Path) -> None:
    config = http_config(setup_code=CODE, production=True)
    async with running_http_studio(tmp_path, config) as studio, visiting(browser, studio) as visitor:
        visitor.expected += [SIGNED_OUT, NO_LONGER, "403 (Forbidden)"]
        await make_the_first_account(visitor)
        await send_the_first_span(visitor)


async def make_the_first_account(visitor: Visitor) -> None:
    """From afar it needs the code, which the page asks for when it is told so."""
    page = visitor.page
    await page.set_viewport_size({"width": 390, "height": 700})
    await visitor.open()
    await expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    await visitor.assert_fits()
    await fill(page, **ADMIN)
    await page.get_by_role("button", name="Create account").click()
    await expect(page.get_by_role("alert")).to_contain_text("secrets/setup-code")
    await visitor.assert_accessible()
    await fill(page, code=CODE)
    await page.get_by_role("button", name="Create account").click()
    await page.wait_for_url("**/console/start")


async def send_the_first_span(visitor: Visitor) -> None:
    """With the key of the page and what it says to send; the page becomes the list by itself."""
    page = visitor.page
    await expect(page.get_by_text("Waiting for the first span")).to_be_visible()
    await visitor.assert_fits()
    await visitor.studio.send_spans("wrong", b"")
    await expect(page.get_by_text("OTEL_EXPORTER_OTLP_HEADERS=x-junjo-api-key=KEY")).to_be_visible()
    await page.get_by_role("button", name="Make a key").click()
    key = await page.locator(".start-key").inner_text()
    for kind in ("A library", "junjo", "OpenTelemetry", "curl"):
        await page.get_by_role("button", name=kind, exact=True).click()
        await expect(page.locator("pre.text", has_text=key)).to_be_visible()
        await visitor.assert_fits()
    await visitor.assert_accessible()
    assert page.url.endswith("?with=curl")
    command = shlex.split((await page.locator("pre.text").inner_text()).replace("\\\n", " "))
    assert command[:2] == ["curl", f"{visitor.base}/v1/traces"]
    headers = dict(text.split(": ", 1) for text in (command[3], command[5]))
    assert (await visitor.studio.call("POST", "/v1/traces", data=command[7].encode(), headers=headers)).status == 200
    await page.wait_for_url("**/console/traces")
    await expect(page.get_by_role("link", name="hello")).to_be_visible()


async def test_an_example_is_a_trace_like_those_of_programs(console: Visitor) -> None:
    page = console.page
    await console.open("start?with=library&library=logfire")
    await expect(page.get_by_label("Library")).to_have_value("logfire")
    await page.get_by_label("Library").select_option("Pydantic AI")
    await expect(page.locator("pre.text", has_text="Agent.instrument_all()")).to_be_visible()
    await page.get_by_role("button", name="Send an example trace").click()
    await page.wait_for_url("**/console/traces")
    [trace] = (await console.studio.call("GET", "/api/v1/observability/traces", cookie=console.cookie)).json["traces"]
    assert (trace["service"], trace["span_count"], trace["error_count"]) == ("example", 5, 1)
    await console.open("start")
    await expect(page.get_by_text("Spans are coming")).to_be_visible()
