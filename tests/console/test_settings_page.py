"""Settings and the audit trail seen in a browser, as an admin and as a member."""

import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from actors.span_store.embedded.lifetime import Limits, Retention
from tests.console.conftest import visiting
from tests.console.stage import NO_LONGER, SIGNED_OUT, Visitor
from tests.http_studio import http_config, running_http_studio
from tests.spans import otlp_request, otlp_span

pytestmark = [pytest.mark.integration, pytest.mark.requires_browser]

MEMBER = ("grace@example.com", "a sentence to sign in with")
SECTIONS = ("account", "keys", "people", "providers", "prices", "alerts", "storage")


async def test_an_admin_sets_things_and_what_is_secret_is_shown_once(console: Visitor) -> None:
    page = console.page
    for section in SECTIONS:
        await console.open(f"settings/{section}")
        await expect(page.locator(".card").first).to_be_visible()
        await console.assert_accessible()
    await console.open("settings/keys")
    await page.get_by_label("Name").fill("my agent")
    await page.get_by_role("button", name="Make it").click()
    secret = await page.locator(".form-once code").inner_text()
    await expect(page.get_by_role("cell", name="my agent")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("cell", name="my agent")).to_be_visible()
    await expect(page.get_by_text(secret)).to_have_count(0)
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("cell", name="my agent")).to_be_visible()  # asked once more
    await page.get_by_role("button", name="Delete: sure?").click()
    await expect(page.get_by_text("There is no key yet.")).to_be_visible()
    await page.get_by_role("link", name="Alerts").click()
    await page.get_by_label("Name").fill("too slow")
    await page.get_by_label("Threshold").fill("5")
    await page.get_by_role("button", name="Make it").click()
    await expect(page.get_by_role("cell", name=re.compile("too slow"))).to_be_visible()
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.emulate_media(color_scheme="dark")
    for section in SECTIONS:
        await console.open(f"settings/{section}")
        await expect(page.locator(".card").first).to_be_visible()
        await console.assert_fits()
        await console.assert_accessible()
    await console.open("audit")
    await expect(page.get_by_role("cell", name="admin@example.com").first).to_be_visible()
    await console.assert_fits()
    await console.assert_accessible()


async def test_what_a_rule_would_delete_is_said_before_it_is_saved(browser: Browser, tmp_path: Path) -> None:
    now, day = time.time_ns(), 24 * 3600 * 10**9
    async with (
        running_http_studio(tmp_path, http_config(), store_limits=Limits(flush_at=1)) as studio,
        visiting(browser, studio) as console,
    ):
        console.cookie = await studio.set_up()
        await console.context.add_cookies([{"name": "session", "value": console.cookie, "url": console.base}])
        console.expected.append("422 (Unprocessable")  # Content, or Entity before Python 3.13
        for trace, age in ((1, 10), (2, 0)):
            span = otlp_span(1, trace_id=trace, start=now - age * day)
            await console.send_bytes(otlp_request(span).SerializeToString())
        page = console.page
        await console.open("settings/storage")
        await page.get_by_label("Days").fill("soon")
        await expect(page.get_by_text("valid number")).to_be_visible()
        await page.get_by_label("Days").fill("7")
        await expect(page.get_by_text("It would delete 1 span, 1 whole file")).to_be_visible()
        await console.assert_accessible()
        await page.set_viewport_size({"width": 390, "height": 800})
        await console.assert_fits()
        await page.get_by_role("button", name="Delete these and save").click()
        await page.get_by_role("button", name="Delete these and save: sure?").click()
        await expect(page.get_by_text("This is the rule that counts.")).to_be_visible()
        await expect(page.get_by_text("Within seconds")).to_have_count(0)
        await expect(page.get_by_role("button", name="Save")).to_have_count(0)
        await page.reload()
        await expect(page.get_by_label("Days")).to_have_value("7")
        kept = (await studio.call("GET", "/api/v1/retention", cookie=console.cookie)).json
        assert (kept["days"], kept["days_set_by"]) == (7, "settings")


async def test_a_rule_of_the_environment_is_shown_and_not_changed(browser: Browser, tmp_path: Path) -> None:
    limits = Limits(retention=Retention(age=timedelta(days=30)))
    async with (
        running_http_studio(tmp_path, http_config(), store_limits=limits) as studio,
        visiting(browser, studio) as console,
    ):
        console.cookie = await studio.set_up()
        await console.context.add_cookies([{"name": "session", "value": console.cookie, "url": console.base}])
        await console.open("settings/storage")
        await expect(console.page.get_by_label("Days")).to_be_disabled()
        await expect(console.page.get_by_label("Days")).to_have_value("30")
        await expect(console.page.get_by_text("JUNJO_RETENTION_DAYS")).to_be_visible()
        await expect(console.page.get_by_label("Gigabytes")).to_be_enabled()


async def test_a_member_sees_what_members_may(console: Visitor) -> None:
    page = console.page
    console.expected += ["400 (Bad Request)", SIGNED_OUT, NO_LONGER, "409 (Conflict)"]
    await console.open("settings/people")
    await page.get_by_label("E-mail").fill(MEMBER[0])
    await page.get_by_label("Password", exact=True).fill(MEMBER[1])
    await page.get_by_role("button", name="Add").click()
    await expect(page.get_by_role("cell", name=MEMBER[0])).to_be_visible()
    await page.get_by_role("combobox", name="Role of admin@example.com").select_option("member")
    await expect(page.get_by_text("Cannot demote the last admin")).to_be_visible()
    await page.get_by_role("button", name=re.compile("Sign out")).click()
    await page.get_by_label("E-mail address").fill(MEMBER[0])
    await page.get_by_label("Password").fill(MEMBER[1])
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="There is no such section")).to_be_visible()
    await expect(page.get_by_role("link", name="People")).to_have_count(0)
    await console.open("settings/account")
    await page.get_by_label("The one now").fill("not it")
    await page.get_by_label("The new one").fill("another sentence to sign in with")
    await page.get_by_role("button", name="Change it").click()
    await expect(page.get_by_role("alert")).to_contain_text("Wrong password")
    await console.open("audit")
    await expect(page.get_by_role("heading", name="Admins read the audit trail")).to_be_visible()
