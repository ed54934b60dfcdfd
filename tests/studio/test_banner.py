"""The banner at a terminal when the studio has started."""

import re
from pathlib import Path

import pytest

from actors.session.messages import CreateFirstUser, UsersExist
from studio.app import running
from studio.banner import banner
from studio.settings import load_settings

pytestmark = pytest.mark.integration

FREE = {"JUNJO_BACKEND_PORT": "0", "JUNJO_OTLP_PORT": "0", "GRPC_PORT": "0"}


async def test_it_knows_whether_there_are_users(tmp_path: Path) -> None:
    settings = load_settings(FREE, tmp_path)
    async with running(settings) as studio:
        new = banner(settings, studio, users_exist=await studio.bus.ask(UsersExist()))
        await studio.bus.ask(CreateFirstUser(email="ada@example.com", password="a password"))
        known = banner(settings, studio, users_exist=await studio.bus.ask(UsersExist()))
    assert "/users/create-first-user" in new
    assert "/sign-in" not in new
    assert "/sign-in" in known
    assert "create-first-user" not in known
    for text in (new, known):
        assert "/api_keys" in text
        assert re.search(r"Console +http://localhost:\d+/console/\n", text)
        assert set(re.findall(r"http://([^:]*):", text)) == {"localhost"}


async def test_an_address_of_ipv6_has_brackets_and_extra_ports_are_named(tmp_path: Path) -> None:
    settings = load_settings(FREE | {"JUNJO_HOST": "::1", "JUNJO_OTLP_EXTRA_PORTS": "0,0"}, tmp_path)
    async with running(settings) as studio:
        text = banner(settings, studio, users_exist=False)
    assert not re.findall(r"(?<!\[)::1", text)
    for port in (studio.http_port, studio.otlp_port, studio.grpc_port, *studio.extra_ports):
        assert f"[::1]:{port}" in text


@pytest.mark.parametrize(("given", "is_shown"), [({}, False), ({"JUNJO_HOST": "0.0.0.0"}, True)])
async def test_it_shows_the_setup_code_where_it_is_asked_for(
    tmp_path: Path, given: dict[str, str], *, is_shown: bool
) -> None:
    settings = load_settings(FREE | given, tmp_path)
    assert settings.setup_code is not None
    async with running(settings) as studio:
        new, known = (banner(settings, studio, users_exist=there_are) for there_are in (False, True))
    assert (f"x-junjo-setup-code: {settings.setup_code}" in new) is is_shown
    assert settings.setup_code not in known
