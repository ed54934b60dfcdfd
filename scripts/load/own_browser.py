"""A Chromium of its own before a studio, signed in. It asks no other host for anything."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from scripts.load.own_studio import HOST, OwnStudio

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome")
Scheme = Literal["light", "dark"]


class NoBrowser(Exception):
    """There is no Chromium: ``apt-get install chromium``."""


@contextmanager
def own_browser() -> Iterator[Browser]:
    """A browser, which is closed at the end. ``NoBrowser`` where there is none."""
    path = next((found for found in map(shutil.which, _NAMES) if found), None)
    if path is None:
        raise NoBrowser("there is no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def address(studio: OwnStudio, path: str) -> str:
    """The address of a page of the console."""
    return f"http://{HOST}:{studio.http_port}/console/{path}"


@contextmanager
def visit(
    browser: Browser, studio: OwnStudio, *, width: int = 1280, height: int = 800, scheme: Scheme = "light"
) -> Iterator[Page]:
    """A page of a fresh profile, in which the studio's user is signed in."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    try:
        name, _, value = studio.cookie.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": f"http://{HOST}:{studio.http_port}"}])
        yield context.new_page()
    finally:
        context.close()
