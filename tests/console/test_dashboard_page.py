"""The dashboard seen in a browser: charts that are read by pointer, by keyboard and as tables."""

import re

import pytest
from playwright.async_api import expect

from tests.console.listed import recorded_now
from tests.console.stage import Visitor

pytestmark = [pytest.mark.integration, pytest.mark.requires_browser]


async def test_charts_are_read_and_lead_to_their_traces(console: Visitor) -> None:
    page = console.page
    await console.open("dashboard")
    await expect(page.get_by_role("heading", name="Nothing in this time")).to_be_visible()
    for salt, library in enumerate(("strands-1.62.0", "pydantic-ai-2.68.0"), 1):
        await console.send_bytes(recorded_now(library, salt))
    await page.keyboard.press("r")
    charts = page.locator("time-chart")
    await expect(charts.first).to_be_visible()
    assert await charts.count() == 8
    await expect(charts.locator("path.time-chart-bars").first).to_be_attached()
    await console.assert_accessible()
    await page.get_by_role("combobox", name="By").select_option("service")
    await expect(page.get_by_role("link", name="strands")).to_be_visible()
    first = charts.first
    await first.get_by_role("application").focus()
    await page.keyboard.press("End")
    await expect(first.locator(".time-chart-tip")).to_be_visible()
    await first.get_by_role("button", name="Table").click()
    await expect(first.get_by_role("columnheader", name="strands")).to_be_visible()
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.emulate_media(color_scheme="dark")
    await console.assert_fits()
    await console.assert_accessible()
    await page.set_viewport_size({"width": 1280, "height": 800})
    box = await charts.nth(1).locator(".time-chart-plot").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 100, box["y"] + 60)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] - 12, box["y"] + 60)
    await page.mouse.up()
    area = page.get_by_role("region", name="The chosen time")
    await area.get_by_role("button", name="What is different here?").click()
    await expect(area.get_by_text(re.compile("beside|No span"))).to_be_visible()
    await page.get_by_role("link", name="strands").click()
    await expect(page).to_have_url(re.compile(r"/traces\?.*service%3Astrands"))
    await expect(page.locator(".trace-list-row").first).to_be_visible()
