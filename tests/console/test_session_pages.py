"""Conversations of agents, listed and read in a browser."""

import re

import pytest
from playwright.async_api import expect

from tests.console.stage import Visitor
from tests.spans import START, otlp_request, otlp_span

pytestmark = [pytest.mark.integration, pytest.mark.requires_browser]

SECOND = 1_000_000_000


LONG = "\n".join(f"{number}. A line of an answer that is read in lines." for number in range(1, 60))


def turn(number: int, *, took: int = SECOND, answer: str = "") -> bytes:
    """A turn of a conversation with one model call."""
    span = otlp_span(
        1,
        trace_id=number,
        start=START + number * 100 * SECOND,
        **{
            "session.id": "visit/1 <b>",
            "user.id": "ada",
            "input.value": f"question {number}",
            "output.value": answer or f"answer {number}",
            "openinference.span.kind": "AGENT",
        },
    )
    span.end_time_unix_nano = span.start_time_unix_nano + took
    return otlp_request(span, service="shop").SerializeToString()


async def test_a_conversation_is_found_and_read(console: Visitor) -> None:
    page = console.page
    await console.open("sessions")
    await expect(page.get_by_role("heading", name="There are no sessions yet")).to_be_visible()
    for number in range(1, 5):
        await console.send_bytes(turn(number, took=20 * SECOND if number == 3 else SECOND))
    await page.keyboard.press("r")
    await expect(page.get_by_role("link", name="question 1")).to_be_visible()
    await console.assert_accessible()
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="visit/1 <b>")).to_be_visible()
    await expect(page.get_by_text("answer 4")).to_be_visible()
    await expect(page.locator(".page-head")).to_contain_text("4 turns")
    await page.get_by_role("button", name="Next leap").click()
    await expect(page.locator(".turn.chosen")).to_contain_text("time \N{MULTIPLICATION SIGN}20")
    await expect(page).to_have_url(re.compile(f"turn={3:032x}"))
    await console.assert_accessible()
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.emulate_media(color_scheme="dark")
    await page.reload()
    await expect(page.locator(".turn.chosen")).to_be_visible()
    await console.assert_fits()
    await console.assert_accessible()
    await page.locator(".turn.chosen a").click()
    await expect(page).to_have_url(re.compile(f"traces/{3:032x}"))
    await page.go_back()
    await page.get_by_role("link", name="All sessions").click()
    await console.assert_fits()


async def test_an_answer_is_read_to_its_end_and_in_its_lines(console: Visitor) -> None:
    page = console.page
    await console.send_bytes(turn(1, answer=LONG))
    await console.send_bytes(turn(2))
    await console.open("sessions/visit%2F1%20%3Cb%3E")
    answer = page.locator(".turn-said[data-role=assistant]").first
    await expect(answer).to_contain_text("59. A line")
    assert await answer.inner_text() == LONG
    await expect(page.get_by_text("answer 2", exact=True)).to_be_visible()
    await console.assert_accessible()
    await page.set_viewport_size({"width": 390, "height": 800})
    await console.assert_fits()


async def test_a_session_that_is_not_there_says_so(console: Visitor) -> None:
    console.expected.append("404 (Not Found)")
    await console.open("sessions/nobody")
    await expect(console.page.get_by_role("alert")).to_contain_text("not found")
