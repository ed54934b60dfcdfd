"""The lists of traces and of spans, seen in a browser, with what real libraries sent."""

import re
from typing import Final

import pytest
from playwright.async_api import expect

from tests.console.listed import recorded_now, rows
from tests.console.stage import Visitor
from tests.spans import otlp_request, otlp_span

pytestmark = [pytest.mark.integration, pytest.mark.requires_browser]

LIBRARIES: Final = tuple(
    f"instrumentations/{name}" for name in ("strands-1.62.0", "pydantic-ai-2.68.0", "oi-langchain-0.1.80")
)
# What somebody sends who means no good: each of it is text.
HOSTILE: Final = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\u202etxet desrever\u202c",
    "nul \0 and emoji \N{PILE OF POO}",
    "javascript:alert(1)",
    "x" * 10_000,
)


async def test_a_filter_is_completed_refused_and_obeyed_and_stands_in_the_address(console: Visitor) -> None:
    page = console.page
    console.expected.append("422 (Unprocessable")
    await console.open("traces")
    await expect(page.get_by_role("heading", name="No spans yet")).to_be_visible()
    await expect(page.get_by_role("link", name="Send spans").last).to_have_attribute("href", "/console/start")
    await console.send(*LIBRARIES)
    await page.reload()
    await expect(rows(page).first).to_be_visible()
    await page.keyboard.press("/")
    bar = page.get_by_role("combobox", name="Filter of traces")
    await expect(bar).to_be_focused()
    await page.keyboard.type("serv")
    await page.keyboard.press("Tab")
    await page.keyboard.type("str")
    await expect(page.get_by_role("option", name="strands 9 spans")).to_be_visible()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(bar).to_have_value("service:strands ")
    await page.keyboard.type("duration:>2")
    await page.keyboard.press("Enter")
    await expect(page.locator(".filter-bar-marks .wrong")).to_have_text("2")
    await expect(page.locator(".filter-bar-fault")).to_contain_text("Column 27")
    await console.assert_accessible()
    await bar.press_sequentially("00us")
    await bar.press("Enter")
    await expect(rows(page).first).to_contain_text("strands")
    await expect(rows(page).filter(has_text="pydantic-ai")).to_have_count(0)
    assert "q=service%3Astrands+duration%3A%3E200us" in page.url
    await page.reload()
    await expect(bar).to_have_value("service:strands duration:>200us")
    await page.get_by_role("button", name="Clear the filter").click()
    await expect(rows(page).filter(has_text="pydantic-ai").first).to_be_visible()
    await page.go_back()
    await expect(bar).to_have_value("service:strands duration:>200us")


async def test_keys_lead_through_the_list_and_into_a_trace_and_back(console: Visitor) -> None:
    page = console.page
    await console.send(*LIBRARIES)
    await console.open("traces?q=type%3Allm&sort=-duration")
    await expect(rows(page).first).to_be_visible()
    grid = page.get_by_role("grid", name="Traces")
    for key in ("j", "j", "k", "j"):
        await page.keyboard.press(key)
    chosen = page.get_by_role("row", selected=True)
    await expect(chosen).to_have_attribute("aria-rowindex", "3")
    assert await grid.get_attribute("aria-activedescendant") == await chosen.get_attribute("id")
    trace = page.url.split("sel=")[1]
    await page.reload()
    await expect(chosen).to_have_attribute("aria-rowindex", "3")
    await expect(page.get_by_role("columnheader", name="Duration")).to_have_attribute("aria-sort", "descending")
    await page.get_by_role("button", name="Started").click()
    await expect(page).to_have_url(f"{console.base}/console/traces?q=type%3Allm&sel={trace}")
    await expect(rows(page).first).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{console.base}/console/traces/{trace}?list=q%3Dtype%253Allm")
    await page.go_back()
    await page.get_by_role("button", name="Spans", exact=True).click()
    await expect(page.get_by_role("columnheader", name="Model")).to_be_visible()
    await page.get_by_role("button", name="Columns").click()
    await page.get_by_label("First token").check()
    await expect(page.get_by_role("columnheader", name="First token")).to_be_visible()
    assert "of=spans" in page.url
    assert "ttft" in page.url
    await page.keyboard.press("Escape")
    await page.get_by_role("combobox", name="Service").select_option("strands")
    await expect(rows(page).filter(has_text="pydantic-ai")).to_have_count(0)
    await console.assert_accessible()


async def test_a_view_is_saved_found_again_and_dropped(console: Visitor) -> None:
    page = console.page
    await console.send(LIBRARIES[0])
    await console.open("traces?q=status%3Aerror&cols=name%2Cerrors")
    await page.get_by_role("button", name="Views").click()
    await page.get_by_label("Name of the view").fill("What failed")
    await page.get_by_label("For everybody").check()
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("button", name="What failed", exact=True)).to_be_focused()
    await console.open("traces")
    await page.get_by_role("button", name="Views").click()
    await console.assert_accessible()
    await page.get_by_role("link", name="What failed").click()
    await expect(page.get_by_role("combobox", name="Filter of traces")).to_have_value("status:error")
    await expect(page.get_by_role("columnheader")).to_have_text(["Name", "Errors"])
    await page.get_by_role("button", name="What failed", exact=True).click()
    await page.get_by_role("button", name="Delete What failed").click()
    await expect(page.get_by_text("No view is saved yet.")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Views")).to_be_visible()


async def test_a_heat_map_is_brushed_and_says_what_is_different(console: Visitor) -> None:
    page = console.page
    await console.send(*LIBRARIES)
    await console.open("traces")
    plot = page.get_by_role("application", name="Spans by time and duration")
    await expect(plot).to_be_visible()
    await expect(page.get_by_text("Listening")).to_be_visible()
    await expect(page.locator(".heat-map-x > span").first).to_be_visible()
    await plot.focus()
    for key in ("ArrowLeft", "Shift+PageUp", "Shift+Home", "Shift+ArrowDown"):
        await page.keyboard.press(key)
    await expect(page.locator(".heat-map-said")).to_contain_text("spans")
    await console.assert_accessible()
    await page.get_by_role("button", name="What is different here?").click()
    await expect(page.locator(".difference").first).to_be_visible()
    await console.assert_accessible()
    await page.reload()
    value = page.locator(".difference-value").first
    term = (await value.get_attribute("title") or "").removeprefix("Only ")
    await value.click()
    await expect(page.get_by_role("combobox", name="Filter of traces")).to_have_value(term)
    await console.open("traces")
    await expect(page.locator(".heat-map-x > span").first).to_be_visible()
    box = await plot.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 1, box["y"] + 1)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] - 1, box["y"] + box["height"] / 2)
    await page.mouse.up()
    await page.get_by_role("button", name="Show only these").click()
    await expect(page.get_by_role("combobox", name="Filter of traces")).to_have_value(
        re.compile(r"duration:\[\S+ TO \S+\]")
    )
    await page.get_by_role("button", name="Table").click()
    await expect(page.get_by_role("columnheader", name="Failed")).to_be_visible()


async def test_what_is_new_is_counted_and_moves_nothing_until_it_is_wanted(console: Visitor) -> None:
    page = console.page
    await console.send(*LIBRARIES)
    await console.open("traces")
    await expect(page.get_by_text("Listening")).to_be_visible()
    before = await rows(page).first.inner_text()
    await console.send_bytes(recorded_now("oi-dspy-0.1.48", 1))
    pill = page.locator(".traces-pill")
    await expect(pill).to_contain_text("new")
    assert await rows(page).first.inner_text() == before
    await page.keyboard.press("n")
    await expect(pill).to_have_count(0)
    await expect(rows(page).first).to_contain_text("oi-dspy")
    await page.context.set_offline(True)
    console.expected.append("ERR_INTERNET_DISCONNECTED")
    await page.keyboard.press("r")
    await expect(page.get_by_text("The studio does not answer. Trying again")).to_be_visible()
    await page.context.set_offline(False)
    await expect(rows(page).first).to_contain_text("oi-dspy")


async def test_pages_are_added_as_one_scrolls_and_hostile_names_stay_text(console: Visitor) -> None:
    page = console.page
    spans = [otlp_span(n, trace_id=n, start=1_700_000_000_000_000_000 + n) for n in range(1, 251)]
    for span, name in zip(spans[-len(HOSTILE) :], HOSTILE, strict=True):
        span.name = name
        span.attributes.add(key="gen_ai.prompt", value={"string_value": name})
    await console.send_bytes(otlp_request(*spans, service=HOSTILE[1]).SerializeToString())
    await console.open("traces?map=off")
    await expect(rows(page).first).to_contain_text("xxxx")
    await expect(page.get_by_text("<script>alert(1)</script>")).to_be_visible()
    await expect(page.get_by_text("50+ traces")).to_be_visible()
    assert await page.evaluate("document.querySelectorAll('*').length") < 1500
    await console.assert_fits()
    await page.get_by_role("grid", name="Traces").focus()
    await page.keyboard.press("End")
    await expect(page.get_by_text("150+ traces")).to_be_visible()
    await page.keyboard.press("End")
    await expect(page.get_by_text("250 traces")).to_be_visible()
    await page.keyboard.press("End")
    await expect(rows(page).last).to_have_attribute("aria-rowindex", "251")
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        await console.assert_accessible()
    await page.set_viewport_size({"width": 390, "height": 800})
    await console.open("traces")
    await expect(rows(page).first).to_contain_text("xxxx")
    await console.assert_fits()
    await console.assert_accessible()


async def test_a_million_rows_are_a_few_elements_and_each_can_be_reached(console: Visitor) -> None:
    page = console.page
    await console.open("traces")
    await expect(page.get_by_role("heading", name="No spans yet")).to_be_visible()
    root = (await page.locator("script[type=module]").first.get_attribute("src") or "").removesuffix("main.js")
    made = """async (root) => {
      const { WindowedRows } = await import(`${root}parts/windowed-rows.js`);
      const { part } = await import(`${root}kernel/view.js`);
      document.querySelector(".page").replaceChildren(part(WindowedRows, { count: 1_000_000, label: "Numbers" }));
    }"""
    await page.evaluate(made, root)
    numbers = page.get_by_role("listbox", name="Numbers")
    await numbers.focus()
    await page.keyboard.press("End")
    last = page.get_by_role("option", name="999999")
    await expect(last).to_be_in_viewport()
    await expect(last).to_have_attribute("aria-posinset", "1000000")
    await page.keyboard.press("PageUp")
    await page.keyboard.press("ArrowUp")
    await expect(page.get_by_role("option", selected=True)).to_be_in_viewport()
    await numbers.evaluate("(rows) => rows.scrollTop = rows.scrollHeight / 2")
    await expect(page.get_by_role("option", name=re.compile("^5000")).first).to_be_attached()
    assert await numbers.evaluate("(rows) => rows.querySelectorAll('*').length") < 100
    await page.keyboard.press("Home")
    await expect(page.get_by_role("option", name="0", exact=True)).to_be_in_viewport()
