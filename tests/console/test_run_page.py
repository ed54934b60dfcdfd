"""A run of a junjo workflow seen in a browser, step by step, of both generations of junjo."""

import re

import pytest
from playwright.async_api import expect

from tests.console.stage import Visitor

pytestmark = [pytest.mark.integration, pytest.mark.requires_browser]

REPORT = "fb0806e49c750065c6b20294cc644514/a8f1f200efb7d032"
MAILING = "4ff82fe29a832f1ec367458b29d093b4/86987d2755bf2b7e"
OTHER = "9c501cb8c2b28e2405925907291b4878/e36ca70853b20868"


async def test_a_run_is_stepped_through_and_asked_who_wrote_what(console: Visitor) -> None:
    page = console.page
    await console.send("junjo_runs_0.69.0")
    await console.open(f"workflows/{REPORT}")
    graph = page.locator("graph-view svg")
    await expect(graph).to_be_visible()
    await expect(graph.locator(".graph-node.error title").first).to_contain_text("error")
    await expect(page.get_by_text("Step 0 of 7")).to_be_visible()
    await console.assert_accessible()
    for _ in range(3):
        await page.keyboard.press("ArrowRight")
    await expect(page.get_by_text("Step 3 of 7")).to_be_visible()
    await expect(page).to_have_url(re.compile(r"step=3"))
    await expect(page.locator(".run-change")).to_contain_text("/approved")
    await expect(page.locator(".run-change del")).to_have_text("false")
    await expect(page.locator(".run-change ins")).to_have_text("true")
    await expect(graph.locator(".graph-node.selected title").first).to_contain_text("Review")
    await page.reload()
    await expect(page.get_by_text("Step 3 of 7")).to_be_visible()
    await page.get_by_role("link", name="/approved").click()
    await expect(page.get_by_role("link", name="step 3")).to_be_visible()
    await page.get_by_role("tab", name="Before").click()
    await expect(page.get_by_role("tabpanel")).to_contain_text('"approved": false')
    await page.get_by_role("tab", name="After").click()
    await expect(page.get_by_role("tabpanel")).to_contain_text('"approved": true')
    await page.keyboard.press("e")
    await expect(page.locator(".run-node")).to_contain_text("nobody has a fax")
    await page.get_by_role("button", name="List", exact=True).click()
    await expect(page.get_by_role("row", name=re.compile("SendFax"))).to_contain_text("failed")
    await console.assert_accessible()
    for width in (390, 1280):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme="dark")
        await console.assert_fits()
        await console.assert_accessible()


async def test_two_runs_stand_side_by_side_with_their_first_difference(console: Visitor) -> None:
    page = console.page
    await console.send("junjo_runs_0.69.0")
    await console.open(f"workflows/{REPORT}")
    await page.get_by_role("link", name="Compare").click()
    await page.locator(".run-others a").first.click()
    await expect(page).to_have_url(re.compile(OTHER.replace("/", "%2F")))
    await expect(page.get_by_role("link", name="at the start")).to_be_visible()
    await expect(page.get_by_role("row", name=re.compile("Review")).filter(has_text="not the same")).to_have_count(1)
    await expect(page.get_by_text("only there").first).to_be_visible()
    await console.assert_accessible()
    await page.get_by_role("link", name="This run alone").click()
    await expect(page.locator("graph-view svg")).to_be_visible()


async def test_a_subflow_opens_in_its_place_and_as_a_run_of_its_own(console: Visitor) -> None:
    page = console.page
    await console.send("junjo_runs_0.69.0")
    await console.open(f"workflows/{REPORT}")
    members = page.locator("graph-view .graph-node.member")
    await expect(members).to_have_count(4)  # three side by side, and the agent that a node asked
    await expect(page.get_by_text("in the subflow")).to_be_visible()
    await page.locator("graph-view .graph-node.subflow", has_text="Research").first.click()
    await expect(members.filter(has_text="Look")).to_be_visible()
    await expect(members).to_have_count(7)
    await page.get_by_role("link", name="Open its run").click()
    await expect(page.get_by_role("heading", name="Research")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("heading", name="Report")).to_be_visible()


async def test_a_wide_fan_out_is_a_number_until_it_is_opened(console: Visitor) -> None:
    page = console.page
    await console.send("junjo_fan_out_0.69.0")
    await console.open(f"workflows/{MAILING}")
    members = page.locator("graph-view .graph-node.member")
    await expect(members).to_have_count(6)
    await console.assert_fits()
    await page.get_by_text("\N{MULTIPLICATION SIGN}34 more").click()
    await expect(members).to_have_count(40)
    await console.assert_accessible()
    await console.assert_fits()


async def test_a_link_to_the_failure_of_a_run_chooses_what_failed(console: Visitor) -> None:
    await console.send("junjo_runs_0.69.0")
    await console.open(f"workflows/{REPORT}?view=failure")
    await expect(console.page.locator(".run-node")).to_contain_text("nobody has a fax")
    await expect(console.page.locator("graph-view .graph-node.selected")).to_have_count(1)


@pytest.mark.parametrize("recording", ["junjo_0.62.0", "junjo_0.69.0"])
async def test_either_generation_is_led_to_from_its_trace(console: Visitor, recording: str) -> None:
    page = console.page
    await console.send(recording)
    await console.open("traces?q=type%3Aworkflow&of=spans")
    await page.locator(".trace-list-row a").first.click()
    await page.get_by_role("link", name="Step through").click()
    await expect(page.locator("graph-view svg")).to_be_visible()
    await expect(page.get_by_role("heading", name=re.compile(r"Step 0 of \d+"))).to_be_visible()


async def test_a_span_that_is_no_run_says_so(console: Visitor) -> None:
    console.expected.append("404 (Not Found)")
    await console.open(f"workflows/{'0' * 31}1/{'0' * 15}1")
    await expect(console.page.get_by_role("alert")).to_contain_text("not found")
