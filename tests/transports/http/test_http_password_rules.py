"""Passwords that are set over HTTP, under strict rules and under plain ones."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.http_studio import ADMIN, HttpStudio, Reply, http_config, running_http_studio

pytestmark = [pytest.mark.integration, pytest.mark.security]

GOOD = {"email": "ann@example.com", "password": "correct horse battery"}
REFUSED = [
    ("PassWord1", "Password must not be one of those that very many people use"),
    ("aaaaaaaa", "Password must not be one character over and over"),
    ("bob@example.com", "Password must not be the e-mail address or its first part"),
]


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[HttpStudio]:
    async with running_http_studio(tmp_path, http_config(strict_passwords=True)) as running:
        yield running


def assert_refused(reply: Reply, message: str, member: str = "password") -> None:
    assert reply.status == 422
    assert reply.json == {"detail": [{"type": "value_error", "loc": ["body", member], "msg": message, "input": "***"}]}


@pytest.mark.parametrize(("password", "message"), REFUSED)
async def test_what_is_tried_first_is_no_password_for_a_first_user(
    strict: HttpStudio, password: str, message: str
) -> None:
    body = {"email": "bob@example.com", "password": password}
    assert_refused(await strict.call("POST", "/users/create-first-user", body=body), message)
    assert (await strict.call("GET", "/users/db-has-users")).json == {"users_exist": False}
    assert (await strict.call("POST", "/users/create-first-user", body=GOOD)).status == 200


@pytest.mark.parametrize(("password", "message"), REFUSED)
async def test_what_is_tried_first_is_no_password_for_a_further_user(
    strict: HttpStudio, password: str, message: str
) -> None:
    admin = (await strict.call("POST", "/users/create-first-user", body=GOOD)).cookie
    body = {"email": "Bob <bob@EXAMPLE.com>", "password": password}
    assert_refused(await strict.call("POST", "/users", body=body, cookie=admin), message)
    assert (await strict.call("POST", "/users", body=body)).status == 401


async def test_sign_in_never_asks_for_more_than_the_right_password(tmp_path: Path) -> None:
    async with running_http_studio(tmp_path, http_config()) as plain:
        assert ADMIN["password"] == "password123"
        await plain.set_up()
    async with running_http_studio(tmp_path, http_config(strict_passwords=True)) as strict:
        assert (await strict.call("POST", "/sign-in", body=ADMIN)).status == 200
