"""Settings and the audit trail seen in a browser, as an admin and as a member."""

import re

import pytest
from playwright.async_api import expect

from tests.console.stage import NO_LONGER, SIGNED_OUT, Visitor

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
