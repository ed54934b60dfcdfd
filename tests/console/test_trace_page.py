"""A trace seen in a browser: its spans over time, and what each of them said."""

import re
from typing import Final

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from playwright.async_api import Locator, Page, expect

from tests.console.stage import Visitor
from tests.spans import any_value, otlp_request, otlp_span

pytestmark = [pytest.mark.integration, pytest.mark.requires_browser]

TRACE: Final = "ab" * 16
START: Final = 1_764_500_000_000_000_000
MOST_NODES: Final = 1_500
HOSTILE: Final = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\u202etxet desrever\u202c",
    "nul \0 and emoji \N{PILE OF POO}",
    "javascript:alert(1)",
    "x" * 10_000,
)


def rows(page: Page) -> Locator:
    return page.locator("water-fall .windowed-row")


def big_trace(count: int, begin: int, end: int) -> bytes:
    """A part of a tree in which each span has six children, with failures here and there."""
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for number in range(begin, end):
        above = (number - 1) // 6
        spans.append(
            Span(
                trace_id=bytes.fromhex(TRACE),
                span_id=(number + 1).to_bytes(8, "big"),
                parent_span_id=(above + 1).to_bytes(8, "big") if number else b"",
                name=f"step {number % 97}" if number else "all of it",
                start_time_unix_nano=START + number * 1000,
                end_time_unix_nano=START + count * 1000 + 1000,
                status=Status(code=Status.STATUS_CODE_ERROR if number == count - 1 else Status.STATUS_CODE_UNSET),
            )
        )
    return request.SerializeToString()


async def nodes(page: Page) -> int:
    count: int = await page.evaluate("document.querySelectorAll('*').length")
    return count


async def test_a_trace_is_read_with_the_keyboard_and_stands_in_the_address(console: Visitor) -> None:
    page = console.page
    await console.send("instrumentations/strands-1.62.0")
    await console.open("traces")
    await page.locator(".trace-list-row a").first.click()
    await expect(rows(page).first).to_be_visible()
    await expect(page.get_by_role("listbox", name="Spans")).to_be_visible()
    await console.assert_accessible()
    await page.keyboard.press("j")
    await page.keyboard.press("m")  # the next model call
    panel = page.get_by_role("complementary", name="Span")
    await expect(panel.get_by_role("tab", name="Conversation")).to_have_attribute("aria-selected", "true")
    await expect(panel.locator(".message").first).to_be_visible()
    await expect(page).to_have_url(re.compile(r"span=[0-9a-f]{16}"))
    await console.assert_accessible()
    await panel.get_by_role("tab", name="Attributes").click()
    await expect(panel.get_by_role("searchbox", name="Search attributes")).to_be_visible()
    await panel.get_by_role("searchbox", name="Search attributes").fill("gen_ai.request.model")
    await expect(panel.locator(".attributes dt")).to_have_count(1)
    await page.reload()
    await expect(panel.get_by_role("tab", name="Attributes")).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Escape")
    await expect(panel).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(re.compile(r"/console/traces(\?|$)"))
    for width, scheme in ((390, "dark"), (390, "light"), (1280, "dark")):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        await page.go_back()
        await expect(rows(page).first).to_be_visible()
        await console.assert_fits()
        await console.assert_accessible()
        await page.go_forward()


async def test_a_trace_of_20_000_spans_is_few_nodes_and_leads_to_its_failure(console: Visitor) -> None:
    page, count = console.page, 20_000
    for begin in range(0, count, 5_000):
        await console.send_bytes(big_trace(count, begin, begin + 5_000))
    await console.open(f"traces/{TRACE}")
    await expect(rows(page).first).to_be_visible()
    assert await nodes(page) <= MOST_NODES
    await page.keyboard.press("e")
    await expect(page).to_have_url(re.compile(f"span={count:016x}"))
    await expect(page.locator('water-fall [aria-selected="true"]')).to_be_visible()
    await page.keyboard.press("/")
    await page.keyboard.type("step 42")
    await expect(page.get_by_text("206 found")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(page.locator('water-fall [aria-selected="true"]')).to_contain_text("step 42")
    await page.get_by_role("button", name="Critical path").press("Enter")
    await page.keyboard.press("0")
    assert await nodes(page) <= MOST_NODES


async def test_a_trace_of_200_000_spans_opens(console: Visitor) -> None:
    page, count = console.page, 200_000
    for begin in range(0, count, 20_000):
        await console.send_bytes(big_trace(count, begin, begin + 20_000))
    await console.open(f"traces/{TRACE}")
    await expect(rows(page).first).to_be_visible()
    await expect(page.get_by_text("200,000 spans")).to_be_visible()
    await page.get_by_role("listbox", name="Spans").press("End")
    await expect(page.locator('water-fall [aria-selected="true"]')).to_be_visible()
    assert await nodes(page) <= MOST_NODES


async def test_whatever_a_span_says_is_text(console: Visitor) -> None:
    page = console.page
    whole = "y" * 2_000_000
    spans = [otlp_span(number, trace_id=7) for number in range(1, len(HOSTILE) + 1)]
    for span, text in zip(spans, HOSTILE, strict=True):
        span.name = text
        span.attributes.add(key=text[:200], value=any_value(text))
    spans.append(otlp_span(20, trace_id=7, large=whole, said=HOSTILE[0]))
    await console.send_bytes(otlp_request(*spans).SerializeToString())
    await console.open(f"traces/{7:032x}?span={1:016x}&tab=attributes")
    await expect(page.get_by_role("complementary", name="Span").get_by_text(HOSTILE[0]).first).to_be_visible()
    for _ in HOSTILE:
        await page.keyboard.press("j")
        await console.assert_fits()
    await console.open(f"traces/{7:032x}?span={20:016x}&tab=attributes")
    await expect(page.get_by_text("16 KB of 1.9 MB")).to_be_visible()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download").click()
    assert (await download.value).suggested_filename == "large.txt"
    assert await page.locator("script:not([src])").count() == 0
    assert await page.locator("img[src=x]").count() == 0
    await console.assert_accessible()


async def test_a_trace_that_is_not_there_says_so(console: Visitor) -> None:
    console.expected.append("404 (Not Found)")
    await console.open(f"traces/{'0' * 31}1")
    await expect(console.page.get_by_role("alert")).to_contain_text("Trace not found")
    await console.page.get_by_role("link", name="Back to the list").click()
    await expect(console.page.get_by_role("heading", name="Traces")).to_be_visible()
