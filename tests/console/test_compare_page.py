"""Two traces seen side by side in a browser."""

import re

import pytest
from playwright.async_api import expect

from tests.console.stage import Visitor
from tests.spans import START, any_value, otlp_request, otlp_span

pytestmark = [pytest.mark.integration, pytest.mark.requires_browser]

SECOND = 1_000_000_000


def answered(trace: int, text: str, *, took: int, extra: bool = False) -> bytes:
    """A trace of an agent that answers, with a tool call or without."""
    spans = [otlp_span(1, trace_id=trace, start=START + trace), otlp_span(2, trace_id=trace)]
    spans[1].attributes.add(key="output.value", value=any_value(text))
    if extra:
        spans.append(otlp_span(3, trace_id=trace))
    for span, name in zip(spans, ("agent <i>", "answer", "look up"), strict=False):
        span.name = name
        span.parent_span_id = b"" if name.startswith("agent") else spans[0].span_id
        span.end_time_unix_nano = span.start_time_unix_nano + took
    return otlp_request(*spans, service="shop").SerializeToString()


async def test_what_is_different_about_two_traces_is_seen(console: Visitor) -> None:
    page = console.page
    await console.send_bytes(answered(1, "The order is on its way.", took=SECOND))
    await console.send_bytes(answered(2, "The order was lost.", took=3 * SECOND, extra=True))
    await console.open(f"traces/{1:032x}")
    await page.get_by_role("link", name="Compare").click()
    await page.get_by_role("link", name=re.compile("agent <i>")).click()
    await expect(page).to_have_url(re.compile(f"b={2:032x}"))
    rows = page.locator(".compare-row.windowed-row")
    await expect(rows).to_have_count(3)
    await expect(rows.filter(has_text="look up")).to_contain_text("only there")
    await expect(rows.filter(has_text="answer")).to_contain_text("+2 s")
    await console.assert_accessible()
    await rows.filter(has_text="answer").click()
    answers = page.get_by_role("complementary", name="What they answered")
    await expect(answers.locator("del").first).to_be_visible()
    await expect(answers.locator("ins").filter(has_text="lost")).to_be_visible()
    await page.reload()
    await expect(answers.locator("ins").first).to_be_visible()
    await page.get_by_role("button", name="Only differences").click()
    await expect(page).to_have_url(re.compile("only=differences"))
    for width in (390, 1280):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme="dark")
        await console.assert_fits()
        await console.assert_accessible()
