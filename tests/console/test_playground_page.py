"""The playground seen in a browser, with providers that answer by a script."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from actors.errors import ProviderFailed
from actors.playground.providers.provider import Endpoint, Model, ReasoningDelta
from tests.console.conftest import visiting
from tests.console.stage import Visitor
from tests.http_studio import http_config, running_http_studio
from tests.scripted_provider import ScriptedProvider, completion

pytestmark = [pytest.mark.integration, pytest.mark.requires_browser]

MODELS: Final = ("openai/gpt-4o", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash")


class Stage:
    """Somebody at the playground, and the providers that they ask."""

    def __init__(self, visitor: Visitor, providers: dict[str, ScriptedProvider]) -> None:
        self.visitor = visitor
        self.providers = providers


@pytest_asyncio.fixture(loop_scope="session")
async def stage(browser: Browser, tmp_path: Path) -> AsyncIterator[Stage]:
    providers = {name: ScriptedProvider() for name in ("openai", "anthropic", "gemini")}
    for name, provider in providers.items():
        model = next(each for each in MODELS if each.startswith(name)).partition("/")[2]
        provider.lists = [(Model(id=model, display_name=model),)]
    endpoints = {name: Endpoint(key="sk-1") for name in providers}
    adapters = {name: provider.open for name, provider in providers.items()}
    async with (
        running_http_studio(tmp_path, http_config(), endpoints=endpoints, adapters=adapters) as studio,
        visiting(browser, studio) as visitor,
    ):
        visitor.cookie = await studio.set_up()
        await visitor.context.add_cookies([{"name": "session", "value": visitor.cookie, "url": visitor.base}])
        yield Stage(visitor, providers)


async def test_three_providers_answer_side_by_side_and_one_is_stopped(stage: Stage) -> None:
    page, console = stage.visitor.page, stage.visitor
    await console.open("playground")
    await page.get_by_role("textbox", name="Message 2").fill("How far is the moon?")
    for number, model in enumerate(MODELS, 1):
        if number > 1:
            await page.get_by_role("button", name="Lane", exact=True).click()
        await page.get_by_role("combobox", name=f"Model of lane {number}").fill(model)
    await console.assert_accessible()
    stage.providers["openai"].say(ReasoningDelta(text="hm"), "384,400 km", completion("384,400 km"))
    stage.providers["anthropic"].say("Far ")
    stage.providers["gemini"].say(ProviderFailed("gemini: quota"))
    await page.get_by_role("button", name="Run", exact=True).click()
    lanes = [page.get_by_role("region", name=f"Lane {number}") for number in (1, 2, 3)]
    await expect(lanes[0].get_by_text("384,400 km")).to_be_visible()
    await expect(lanes[0].get_by_text("10 → 5 tokens")).to_be_visible()
    await expect(lanes[0].get_by_text("Reasoning")).to_be_visible()
    await expect(lanes[1].get_by_text("Far")).to_be_visible()
    await expect(lanes[2].get_by_role("alert")).to_contain_text("gemini: quota")
    await page.get_by_role("button", name="Stop lane 2").click()
    await expect(lanes[1].get_by_text("stopped")).to_be_visible()
    await stage.providers["anthropic"].let_go.wait()
    await console.assert_accessible()
    for width in (390, 1280):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme="dark")
        await console.assert_fits()
        await console.assert_accessible()
    # The draft is there after a reload, and the trace of the answer leads back to it.
    await lanes[0].get_by_role("link", name="Trace").click()
    await expect(page.locator("water-fall .windowed-row").first).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("textbox", name="Message 2")).to_have_value("How far is the moon?")
    await expect(page.get_by_role("combobox", name="Model of lane 3")).to_have_value(MODELS[2])


async def test_a_run_is_heard_to_its_end_when_the_connection_is_lost(stage: Stage) -> None:
    page, console = stage.visitor.page, stage.visitor
    console.expected.append("WebSocket connection")
    await console.open("playground")
    await page.get_by_role("textbox", name="Message 2").fill("Tell me a story.")
    await page.get_by_role("combobox", name="Model of lane 1").fill(MODELS[0])
    stage.providers["openai"].say("Once ")
    await page.get_by_role("button", name="Run", exact=True).click()
    lane = page.get_by_role("region", name="Lane 1")
    await expect(lane.get_by_text("Once")).to_be_visible()
    await console.context.set_offline(True)
    stage.providers["openai"].say("upon a time")
    await console.context.set_offline(False)
    stage.providers["openai"].say(completion("Once upon a time"))
    await expect(lane.get_by_text("Once upon a time")).to_be_visible()


async def test_a_stored_call_is_tried_again_beside_its_answer(stage: Stage) -> None:
    page, console = stage.visitor.page, stage.visitor
    await console.send("instrumentations/pydantic-ai-2.68.0")
    await console.open("traces?of=spans&q=type%3Allm%20provider%3Aopenai")
    await page.locator(".trace-list-row a").first.click()
    await page.get_by_role("link", name="Try in the playground").click()
    stored = page.get_by_role("region", name="The stored answer")
    await expect(stored).to_be_visible()
    await expect(page.get_by_role("combobox", name="Model of lane 1")).to_have_value(re.compile("^openai/"))
    assert await stored.inner_text()
    stage.providers["openai"].say(completion("Something else entirely."))
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".difference-text ins").first).to_be_visible()


async def test_what_is_wrong_with_a_prompt_is_said_before_it_is_sent(stage: Stage) -> None:
    page = stage.visitor.page
    await stage.visitor.open("playground")
    await expect(page.get_by_role("heading", name="Playground")).to_be_visible()
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_role("alert")).to_contain_text("Choose a model")
    await page.get_by_role("combobox", name="Model of lane 1").fill(MODELS[0])
    await page.get_by_role("textbox", name="Message 2").fill("hello")
    await page.get_by_text("Parameters, tools, schema").click()
    await page.get_by_role("textbox", name=re.compile("^Tools")).fill("{")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_role("alert")).to_contain_text("tools is no JSON")
