"""Statements, written and run in a browser."""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.console.stage import Visitor

pytestmark = [pytest.mark.integration, pytest.mark.requires_browser]


async def test_a_statement_is_completed_refused_at_its_token_run_and_taken_along(
    console: Visitor, tmp_path: Path
) -> None:
    page = console.page
    console.expected.append("422 (Unprocessable")
    await console.send("instrumentations/strands-1.62.0")
    await console.open("sql")
    await expect(page.get_by_text("Statements to begin with")).to_be_visible()
    await console.assert_accessible()
    await page.keyboard.press("/")
    await page.keyboard.type("SELECT tra")
    await page.keyboard.press("Escape")
    await page.keyboard.type("ce_id, nope FROM spa")
    await expect(page.get_by_role("option", name=re.compile("^spans"))).to_be_visible()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".sql-editor-marks .wrong")).to_have_text("nope")
    await expect(page.locator(".sql-editor-fault")).to_contain_text("not found")
    await console.assert_accessible()
    await page.get_by_role("textbox", name="Statement").fill("SELECT trace_id, span_id, name, cost_usd FROM spans")
    await page.get_by_role("button", name="Run").click()
    await expect(page.get_by_text(re.compile("^9 rows in"))).to_be_visible()
    await console.assert_accessible()
    link = page.get_by_role("gridcell").get_by_role("link")
    trace = await link.first.inner_text()
    await expect(link.first).to_have_attribute("href", f"/console/traces/{trace}")
    await expect(link.nth(1)).to_have_attribute("href", re.compile(f"/console/traces/{trace}.span=[0-9a-f]{{16}}"))
    for name in ("CSV", "Parquet"):
        async with page.expect_download() as download:
            await page.get_by_role("button", name=name).click()
        file = await (await download.value).path()
        assert file.read_bytes()[:4] in (b'"tra', b"PAR1")
    await page.reload()
    await expect(page.get_by_text(re.compile("^9 rows in"))).to_be_visible()
    await page.set_viewport_size({"width": 390, "height": 800})
    await console.assert_fits()


async def test_a_filter_goes_over_into_sql_and_many_rows_are_few_elements(console: Visitor) -> None:
    page = console.page
    await console.send("instrumentations/strands-1.62.0", "instrumentations/oi-dspy-0.1.48")
    await console.open("traces?of=spans&q=type%3Allm+-status%3Aerror+service%3Astr*")
    await expect(page.get_by_text(re.compile(r"^\d+ spans$"))).to_be_visible()
    listed = (await page.get_by_text(re.compile(r"^\d+ spans$")).inner_text()).split()[0]
    await page.get_by_role("link", name="As SQL").click()
    await expect(page.get_by_text(re.compile(f"^{listed} rows? in"))).to_be_visible()
    await expect(page.get_by_role("textbox", name="Statement")).to_have_value(re.compile("service LIKE 'str%'"))
    many = "SELECT+a.name+FROM+spans+a%2C+spans+b%2C+spans+c"
    await console.open(f"sql?limit=10000&sql={many}")
    await expect(page.get_by_text(re.compile(r"^[\d,]+ rows in"))).to_be_visible()
    await page.get_by_role("grid", name="Rows").focus()
    await page.keyboard.press("End")
    assert await page.evaluate("document.querySelectorAll('*').length") < 1500
