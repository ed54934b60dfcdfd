"""``studio user``: accounts on the machine itself, with a studio running on them and without one."""

import asyncio
import os
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest

from tests.actors.stage import file_bytes, rows
from tests.studio_process import StudioProcess, environment, studio_process

pytestmark = [pytest.mark.integration, pytest.mark.security]

GOOD = "correct horse battery"
NEW = "another password"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def accounts(data_dir: Path) -> Path:
    """The file of the accounts."""
    return data_dir / "sqlite" / "junjo.db"


@attrs.frozen
class Ended:
    """Exit code and output of a command."""

    code: int | None
    out: list[str]
    err: list[str]


async def started(data_dir: Path, *arguments: str, output: int = PIPE, **more: Any) -> Process:
    command = (sys.executable, "-P", "-m", "studio", "user", *arguments)
    variables = environment(data_dir) | more.pop("variables", {})
    return await asyncio.create_subprocess_exec(
        *command, env=variables, cwd=data_dir.parent, stdout=output, stderr=output, **more
    )


async def user(data_dir: Path, *arguments: str, typed: bytes = b"", **variables: str) -> Ended:
    """Run the command with this on its standard input."""
    process = await started(data_dir, *arguments, stdin=PIPE, variables=variables)
    out, err = await process.communicate(typed)
    return Ended(process.returncode, out.decode().splitlines(), err.decode().splitlines())


def rights_of_others(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o077 for path in folder.rglob("*")}


async def create(data_dir: Path, email: str, *more: str) -> None:
    created = await user(data_dir, "create", email, *more, typed=GOOD.encode())
    assert (created.code, created.err) == (0, [])


async def sign_in(studio: StudioProcess, email: str, password: str) -> int:
    url = f"http://127.0.0.1:{studio.http_port}/sign-in"
    async with aiohttp.request("POST", url, json={"email": email, "password": password}) as answer:
        return answer.status


async def test_the_first_user_is_an_admin_and_the_others_are_members_unless_told_otherwise(
    data_dir: Path, accounts: Path
) -> None:
    first = await user(data_dir, "create", " Ann <ann@EXAMPLE.com>", typed=f"{GOOD}\n".encode())
    assert first == Ended(0, ["Created the admin ann@example.com."], [])
    second = await user(data_dir, "create", "mia@example.com", typed=f"{GOOD}\r\nand more".encode())
    assert second == Ended(0, ["Created the member mia@example.com."], [])
    await create(data_dir, "bob@example.com", "--role", "admin")
    listed = await user(data_dir, "list")
    assert (listed.code, listed.err) == (0, [])
    assert listed.out == [
        "E-MAIL           ROLE    LAST SIGN-IN  SIGN-INS  LOCKED UNTIL",
        "ann@example.com  admin   -             0         -",
        "mia@example.com  member  -             0         -",
        "bob@example.com  admin   -             0         -",
    ]
    assert (
        rows(
            accounts,
            "SELECT action, resource_type, user_email, user_id, session_id, address, outcome "
            "FROM audit_trail ORDER BY id",
        )
        == [("create", "user", "system@internal", "system", None, None, "ok")] * 3
    )
    assert GOOD.encode() not in file_bytes(accounts)
    assert rights_of_others(data_dir) == {0}


async def test_a_first_user_is_no_member(data_dir: Path, accounts: Path) -> None:
    refused = await user(data_dir, "create", "mia@example.com", "--role", "member", typed=GOOD.encode())
    assert refused == Ended(1, [], ["studio: The first user has to be an admin"])
    assert rows(accounts, "SELECT * FROM users") == []


async def test_whoever_it_makes_signs_in_to_a_running_studio(data_dir: Path) -> None:
    async with studio_process(data_dir) as studio:
        await create(data_dir, "ann@example.com")
        assert await sign_in(studio, "ann@example.com", GOOD) == 200
        listed = await user(data_dir, "list")
        assert listed.out[1].split()[:2] == ["ann@example.com", "admin"]
        assert listed.out[1].split()[3:] == ["1", "-"]
        taken = await user(data_dir, "create", "ann@example.com", typed=GOOD.encode())
        assert taken == Ended(1, [], ["studio: A user with this email already exists"])


async def test_a_password_is_reset_while_a_studio_runs(data_dir: Path, accounts: Path) -> None:
    async with studio_process(data_dir) as studio:
        await create(data_dir, "ann@example.com")
        assert await sign_in(studio, "ann@example.com", GOOD) == 200
        reset = await user(data_dir, "reset-password", "ann@EXAMPLE.com", typed=NEW.encode())
        assert reset == Ended(0, ["Set the password of ann@example.com, whose sign-ins have ended."], [])
        assert rows(accounts, "SELECT * FROM sessions") == []
        assert await sign_in(studio, "ann@example.com", GOOD) == 401
        assert await sign_in(studio, "ann@example.com", NEW) == 200


async def test_a_lock_is_listed_and_cleared(data_dir: Path, accounts: Path) -> None:
    async with studio_process(data_dir) as studio:
        await create(data_dir, "ann@example.com")
        for _ in range(14):
            await sign_in(studio, "ann@example.com", "wrong password")
        rows(accounts, "UPDATE sign_in_failures SET failures = 30")  # whose wait is a quarter of an hour
    assert (await user(data_dir, "list")).out[1].split()[-1] != "-"
    unlocked = await user(data_dir, "unlock", "ann@example.com")
    assert unlocked == Ended(0, ["Forgot the failed sign-ins of ann@example.com."], [])
    assert (await user(data_dir, "list")).out[1].split()[-1] == "-"
    async with studio_process(data_dir) as studio:
        assert await sign_in(studio, "ann@example.com", GOOD) == 200


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        (b"", "No password was given on standard input"),
        (b"\n", "Password must be at least 8 characters"),
        (b"short\n", "Password must be at least 8 characters"),
        (b"x" * 1025, "String should have at most 1024 characters"),
        (b"x" * 5_000_000, "String should have at most 1024 characters"),
        (b"\xff" * 12, "The password on standard input is not UTF-8"),
    ],
)
async def test_what_is_no_password_is_refused_in_one_line(
    data_dir: Path, accounts: Path, typed: bytes, complaint: str
) -> None:
    refused = await user(data_dir, "create", "ann@example.com", typed=typed)
    assert refused == Ended(1, [], [f"studio: {complaint}"])
    assert rows(accounts, "SELECT * FROM users") == []


async def test_the_longest_password_is_taken(data_dir: Path) -> None:
    longest = "€🙂" * 512
    assert (await user(data_dir, "create", "ann@example.com", typed=f"{longest}\r\n".encode())).code == 0
    async with studio_process(data_dir) as studio:
        assert await sign_in(studio, "ann@example.com", longest) == 200


async def test_strict_rules_count_here_too(data_dir: Path) -> None:
    strict = {"JUNJO_PASSWORD_RULES": "strict"}
    frequent = await user(data_dir, "create", "ann@example.com", typed=b"Password1", **strict)
    assert frequent == Ended(1, [], ["studio: Password must not be one of those that very many people use"])
    await create(data_dir, "ann@example.com")
    own = await user(data_dir, "reset-password", "ann@example.com", typed=b"Ann@Example.com", **strict)
    assert own == Ended(1, [], ["studio: Password must not be the e-mail address or its first part"])


async def test_a_password_is_no_argument(data_dir: Path) -> None:
    refused = await user(data_dir, "create", "ann@example.com", GOOD)
    assert (refused.code, refused.out) == (2, [])
    assert not await asyncio.to_thread(data_dir.exists)


@pytest.mark.parametrize(
    ("email", "complaint"),
    [
        ("ann", "value is not a valid email address: An email address must have an @-sign."),
        ("\udcff@example.com", "value is not a valid email address: "),
    ],
)
async def test_a_new_user_needs_an_address(data_dir: Path, email: str, complaint: str) -> None:
    refused = await user(data_dir, "create", email, typed=GOOD.encode())
    assert (refused.code, refused.out) == (1, [])
    [line] = refused.err
    assert line.startswith(f"studio: {complaint}")


@pytest.mark.parametrize("action", ["reset-password", "unlock"])
async def test_an_unknown_user_is_named_in_one_line(data_dir: Path, action: str) -> None:
    await create(data_dir, "ann@example.com")
    refused = await user(data_dir, action, "Ann\n@example.com", typed=NEW.encode())
    assert refused == Ended(1, [], [r"studio: There is no user Ann\n@example.com: studio user list shows all"])


@pytest.mark.parametrize("arguments", [("list",), ("reset-password", "a@example.com"), ("unlock", "a@example.com")])
async def test_where_there_is_no_studio_none_is_made(
    data_dir: Path, accounts: Path, arguments: tuple[str, ...]
) -> None:
    refused = await user(data_dir, *arguments, typed=GOOD.encode())
    assert refused == Ended(1, [], [f"studio: There are no users: {accounts} does not exist"])
    assert not await asyncio.to_thread(accounts.exists)


@pytest.mark.error_recovery
async def test_a_database_that_another_program_holds_is_one_line(data_dir: Path, accounts: Path) -> None:
    await create(data_dir, "ann@example.com")
    with closing(sqlite3.connect(accounts, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = await user(data_dir, "unlock", "ann@example.com")
        assert refused == Ended(1, [], ["studio: The account database is not available"])


async def at_terminal(data_dir: Path, *arguments: str) -> tuple[Process, int]:
    """The command at a terminal of its own, and our end of that."""
    ours, its = os.openpty()
    process = await started(data_dir, *arguments, output=its, stdin=its, start_new_session=True)
    os.close(its)
    return process, ours


def read_until(terminal: int, wanted: bytes) -> bytes:
    shown = b""
    while wanted not in shown:
        shown += os.read(terminal, 4096)
    return shown


async def type_twice(terminal: int, first: str, second: str) -> str:
    """All that the terminal shows, to the line that ends it."""
    shown = await asyncio.to_thread(read_until, terminal, b"New password: ")
    os.write(terminal, f"{first}\n".encode())
    shown += await asyncio.to_thread(read_until, terminal, b"Once more: ")
    os.write(terminal, f"{second}\n".encode())
    shown += await asyncio.to_thread(read_until, terminal, b".com.")
    return shown.decode()


async def test_at_a_terminal_the_password_is_typed_twice_and_not_shown(data_dir: Path, accounts: Path) -> None:
    process, terminal = await at_terminal(data_dir, "create", "ann@example.com")
    shown = await type_twice(terminal, GOOD, GOOD)
    assert await process.wait() == 0
    os.close(terminal)
    assert "Created the admin ann@example.com." in shown
    assert GOOD not in shown
    assert rows(accounts, "SELECT email FROM users") == [("ann@example.com",)]


async def test_two_passwords_that_differ_are_none(data_dir: Path, accounts: Path) -> None:
    process, terminal = await at_terminal(data_dir, "create", "ann@example.com")
    await asyncio.to_thread(read_until, terminal, b"New password: ")
    os.write(terminal, f"{GOOD}\n".encode())
    await asyncio.to_thread(read_until, terminal, b"Once more: ")
    os.write(terminal, f"{NEW}\n".encode())
    await asyncio.to_thread(read_until, terminal, b"studio: The two passwords differ")
    assert await process.wait() == 1
    os.close(terminal)
    assert rows(accounts, "SELECT * FROM users") == []


@pytest.fixture
def heeding_interrupts() -> Iterator[None]:
    """Tests that are started in the background ignore SIGINT, and so would the command that they start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeding_interrupts")
@pytest.mark.parametrize("key", ["interrupt", "end"])
async def test_who_thinks_better_of_it_changes_nothing(data_dir: Path, accounts: Path, key: str) -> None:
    process, terminal = await at_terminal(data_dir, "create", "ann@example.com")
    await asyncio.to_thread(read_until, terminal, b"New password: ")
    if key == "interrupt":
        process.send_signal(signal.SIGINT)
    else:
        os.write(terminal, b"\x04")
    await asyncio.to_thread(read_until, terminal, b"studio: No password was given")
    assert await process.wait() == 1
    os.close(terminal)
    assert rows(accounts, "SELECT * FROM users") == []
