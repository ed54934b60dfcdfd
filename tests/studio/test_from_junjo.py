"""The predecessor's users, keys and spans, taken over from files made as it made them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt
import pytest

from actors.span_store.embedded.lifetime import Limits
from studio.transfer import from_junjo
from studio.transfer.client import TransferFailed
from studio.transfer.from_junjo import import_from_junjo
from tests.actors.stage import rows
from tests.embedded_store import embedded_store
from tests.studio.stage import DAY, KEY, SPANS, make_accounts, make_spans, recorded_spans, settings
from tests.studio_process import start_studio, studio_process

pytestmark = pytest.mark.integration

PASSWORD = "a password of before"
SWAPPED = {"CLIENT": "INTERNAL", "INTERNAL": "CLIENT"}


def shown_now(recorded: dict[str, Any]) -> dict[str, Any]:
    """With the kind that was sent, which it swapped; a span type that the front end refuses is an attribute now."""
    now = recorded | {"kind": SWAPPED.get(recorded["kind"], recorded["kind"])}
    if recorded["junjo_span_type"] == "agent":
        now["attributes_json"] = recorded["attributes_json"] | {"junjo.span_type": "agent"}
        now["junjo_span_type"] = ""
    if (runtime_id := recorded["attributes_json"].get("junjo.executable_runtime_id")) is not None:
        # Of the newer SDK it showed no Junjo columns, and this studio does.
        now["junjo_id"] = runtime_id
        now["junjo_parent_id"] = recorded["attributes_json"].get("junjo.parent_executable_runtime_id", "")
    return now


def bcrypt_hash(password: str = PASSWORD) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    make_accounts(
        tmp_path / "old" / "sqlite",
        [("u1", "old@example.com", bcrypt_hash(), 1, DAY, DAY)],
        [("k1", KEY, "old key", DAY), ("k2", "short", "hand-made", DAY)],
    )
    make_spans(tmp_path / "old" / "duckdb", recorded_spans())
    return tmp_path / "old"


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


async def imported(old: Path, data: Path) -> tuple[int | None, str, str]:
    """Exit code and both outputs."""
    process = await start_studio(data, ["import", "--from-junjo", str(old)])
    out, err = await process.communicate()
    assert KEY not in out.decode() + err.decode()
    return process.returncode, out.decode(), err.decode()


async def test_spans_are_masked_as_they_are_taken_over(tmp_path: Path) -> None:
    spans = [each | {"attributes_json": {"asked": "a@b.co"}, "events_json": []} for each in recorded_spans()[:3]]
    make_spans(tmp_path / "old", spans)
    data = tmp_path / "data"
    process = await start_studio(
        data, ["import", "--from-junjo", str(tmp_path / "old")], variables={"JUNJO_MASK": "email"}
    )
    out, _ = await process.communicate()
    assert b"3 spans" in out
    logged = b"".join(content(data).values())
    assert b"[email]" in logged
    assert b"a@b.co" not in logged


async def test_users_keys_and_spans_go_on(old: Path, tmp_path: Path) -> None:
    spans = recorded_spans()
    assert {each["kind"] for each in spans} >= {"CLIENT", "SERVER"}
    assert any(each["junjo_wf_graph_structure"] for each in spans)
    data, before = tmp_path / "data", content(old)
    first = f"1 users, 1 API keys, {len(spans)} spans"
    again = f"0 users, 0 API keys, 0 spans; {len(spans) + 2} were here before"
    left = "Left: the API key 'hand-made': it is not 64 letters and digits, as safe keys are"
    for expected in (first, again):
        assert await imported(old, data) == (
            0,
            f"{left}\nTaken over: {expected}; 1 were left, because they are malformed\n",
            "",
        )
    assert content(old) == before
    async with studio_process(data) as running:
        endpoint = f"http://127.0.0.1:{running.http_port}"
        async with aiohttp.ClientSession(endpoint, headers={"x-junjo-api-key": KEY}) as session:
            for each in spans:
                path = f"/api/v1/observability/traces/{each['trace_id']}/spans/{each['span_id']}"
                async with session.get(path) as answer:
                    shown, expected_now = await answer.json(), shown_now(each)
                if "junjo.workflow.execution_graph_snapshot" in each["attributes_json"]:
                    assert shown["junjo_wf_graph_structure"]["nodes"]
                    shown["junjo_wf_graph_structure"] = {}
                assert shown == expected_now
            for _ in range(2):  # with the old hash, then with the one that replaced it
                async with session.post("/sign-in", json={"email": "old@example.com", "password": PASSWORD}) as answer:
                    assert answer.status == 200
            wrong = {"email": "old@example.com", "password": PASSWORD + "x"}
            async with session.post("/sign-in", json=wrong) as answer:
                assert answer.status == 401
        code, out, err = await imported(old, data)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith(f"studio: The data in {data} is in use by another studio: stop that one")
    database = data / "sqlite/junjo.db"
    assert rows(database, "SELECT password_hash LIKE '$argon2id$%', created_at FROM users") == [(1, 1748772000)]
    assert KEY.encode() not in b"".join(content(data).values())


async def test_what_was_deleted_here_stays_deleted(old: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    await imported(old, data)
    async with (
        studio_process(data) as running,
        aiohttp.ClientSession(
            f"http://127.0.0.1:{running.http_port}", cookie_jar=aiohttp.CookieJar(unsafe=True)
        ) as session,
    ):
        await session.post("/sign-in", json={"email": "old@example.com", "password": PASSWORD})
        await session.post("/users", json={"email": "new@example.com", "password": PASSWORD})
        assert (await session.delete("/api_keys/k1")).status == 204
        assert (await session.delete("/users/u1")).status == 200
    _, out, _ = await imported(old, data)
    assert out.splitlines()[-1].startswith("Taken over: 0 users, 0 API keys, 0 spans; ")
    assert rows(data / "sqlite/junjo.db", "SELECT email FROM users") == [("new@example.com",)]
    assert rows(data / "sqlite/junjo.db", "SELECT name FROM api_keys") == []


def test_an_account_that_is_here_already_stays_as_it_is(tmp_path: Path) -> None:
    here = make_accounts(tmp_path / "a", [("u1", "ann@example.com", bcrypt_hash("first one"), 1, DAY, DAY)], [])
    there = make_accounts(tmp_path / "b", [("u2", "ann@example.com", bcrypt_hash("another"), 1, DAY, DAY)], [])
    data = settings(tmp_path / "data")
    import_from_junjo(here, data)
    before = rows(data.sqlite_path, "SELECT * FROM users")
    assert import_from_junjo(there, data) == "Taken over: 0 users, 0 API keys, 0 spans; 1 were here before"
    assert rows(data.sqlite_path, "SELECT * FROM users") == before


def test_bad_rows_of_accounts_cost_themselves_only(tmp_path: Path) -> None:
    good = ("u0", "good@example.com", bcrypt_hash(), 1, DAY, DAY)
    users: list[tuple[Any, ...]] = [
        good,
        ("", "no id", bcrypt_hash(), 1, DAY, DAY),
        ("u2", "in clear", PASSWORD, 1, DAY, DAY),
        ("u3", "costly", bcrypt_hash().replace("$04$", "$31$"), 1, DAY, DAY),
        ("u4", "no day", bcrypt_hash(), 1, "yesterday", DAY),
        ("u5", b"\xff\xfe", bcrypt_hash(), 1, DAY, DAY),
        ("u6", "day as a number", bcrypt_hash(), 1, b"5", DAY),
        ("u7", "a day before all", bcrypt_hash(), 1, "0001-01-01T00:00:00+14:00", DAY),
    ]
    keys: list[tuple[Any, ...]] = [
        ("k0", KEY, "good", DAY),
        ("k1", KEY[:-1] + "-", "a dash", DAY),
        ("k2", KEY[:-1] + "é", "an accent", DAY),
        ("k3", "x" * 63, "short", DAY),
        ("k4", KEY[::-1], "  ", DAY),
        ("k5", KEY.swapcase(), "no day", ""),
    ]
    old = make_accounts(tmp_path / "old", users, keys)
    *notes, last = import_from_junjo(old, settings(tmp_path / "data")).splitlines()
    assert last == "Taken over: 1 users, 1 API keys, 0 spans; 12 were left, because they are malformed"
    assert [note.split(":")[1] for note in notes] == [
        " the user 'in clear'",
        " the user 'costly'",
        " the API key 'a dash'",
        " the API key 'an accent'",
        " the API key 'short'",
    ]
    assert not any(PASSWORD in note or KEY[:20] in note for note in notes)


def test_bad_rows_of_spans_cost_themselves_only(tmp_path: Path) -> None:
    good, *others = recorded_spans()[:2]
    changes: list[dict[str, Any]] = [
        {"trace_id": "not hex"},
        {"trace_id": "0" * 32},
        {"span_id": "AB" * 8},
        {"parent_span_id": "5"},
        {"start_time": "1960-01-01T00:00:00+00:00"},
        {"end_time": "3000-01-01T00:00:00+00:00"},
        {"start_time": "infinity"},
        {"trace_flags": -1},
        {"trace_flags": "1_0"},
        {"trace_flags": "\u0661"},
        {"trace_flags": "9" * 5000},
        {"attributes_json": []},
        {"attributes_json": "7"},
        {"events_json": {"an": "object"}},
        {"events_json": [{"no": "name"}]},
        {"events_json": [{"name": "no time"}]},
        {"events_json": [{"name": "a", "timeUnixNano": "soon"}]},
        {"events_json": [{"name": "a", "timeUnixNano": 5, "attributes": [1]}]},
        {"events_json": [{"name": "a", "timeUnixNano": True}]},
        {"events_json": [{"name": "a", "timeUnixNano": 10**30}]},
        {"events_json": [{"name": "a", "timeUnixNano": 5, "droppedAttributesCount": 2**32}]},
        {"attributes_json": '{"n": ' + "9" * 5000 + "}"},
        {"attributes_json": '{"n": 1e400}'},
    ]
    bad = [others[0] | {"span_id": f"{number:016x}"} | change for number, change in enumerate(changes, 1)]
    sparse = dict.fromkeys(good) | {
        name: others[0][name] for name in ("trace_id", "span_id", "start_time", "end_time", "service_name")
    }
    make_spans(tmp_path / "old", [good, *bad, sparse], SPANS.replace("trace_flags INTEGER", "trace_flags VARCHAR"))
    report = import_from_junjo(tmp_path / "old", settings(tmp_path / "data"))
    assert report == f"Taken over: 0 users, 0 API keys, 2 spans; {len(bad)} were left, because they are malformed"


def test_a_span_that_no_store_holds_takes_none_of_its_batch_along(tmp_path: Path) -> None:
    spans = recorded_spans()[:3]
    too_deep: list[Any] = []
    for _ in range(300):
        too_deep = [too_deep]
    spans[1]["attributes_json"] = {"deep": too_deep}
    make_spans(tmp_path / "old", spans)
    report = import_from_junjo(tmp_path / "old", settings(tmp_path / "data"))
    assert report == "Taken over: 0 users, 0 API keys, 2 spans; 1 were left, because they are malformed"


def test_tables_may_lack_columns(tmp_path: Path) -> None:
    table = "CREATE TABLE spans (trace_id VARCHAR, span_id VARCHAR, start_time VARCHAR, end_time TIMESTAMP)"
    make_spans(
        tmp_path / "old",
        [
            {"trace_id": "0a" * 16, "span_id": "0b" * 8, "start_time": "2025-06-01 10:00:00Z", "end_time": DAY},
            {"trace_id": "0a" * 16, "span_id": "0c" * 8, "start_time": "soon", "end_time": DAY},
            {"trace_id": None, "span_id": None, "start_time": None, "end_time": None},
        ],
        table,
    )
    report = import_from_junjo(tmp_path / "old", settings(tmp_path / "data"))
    assert report == "Taken over: 0 users, 0 API keys, 1 spans; 2 were left, because they are malformed"


def test_more_spans_than_memory_takes_wait_for_their_sealing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = """
        CREATE TABLE spans AS SELECT
        lower(lpad(to_hex(1 + i // 10), 32, '0')) AS trace_id, lower(lpad(to_hex(1 + i), 16, '0')) AS span_id,
        to_timestamp(1.7e9 + i) AS start_time, to_timestamp(1.7e9 + i) AS end_time, repeat('x', 1000) AS name
        FROM range(12000) AS numbers(i)
    """
    make_spans(tmp_path / "old", [], table)
    monkeypatch.setattr(
        from_junjo,
        "span_store",
        lambda bus, chosen, prices, _: embedded_store(
            bus,
            chosen.duckdb_path,
            accounts=chosen.sqlite_path,
            limits=Limits(flush_at=1024 * 1024, most_recent=2 * 1024 * 1024),
            prices=prices,
        ),
    )
    report = import_from_junjo(tmp_path / "old", settings(tmp_path / "data"))
    assert report == "Taken over: 0 users, 0 API keys, 12000 spans"


def test_a_file_with_a_log_of_its_own_is_read_whole(tmp_path: Path) -> None:
    """The predecessor was killed: its last changes are in the write-ahead logs."""
    old = make_accounts(tmp_path / "old", [], [])
    make_spans(old, recorded_spans()[:1])
    killed = f"""
import duckdb, os, sqlite3
accounts = sqlite3.connect({str(old / "junjo.db")!r})
accounts.execute("PRAGMA journal_mode = WAL")
accounts.execute("INSERT INTO api_keys VALUES ('k1', '{KEY}', 'last', '{DAY}')")
accounts.commit()
spans = duckdb.connect({str(old / "traces.duckdb")!r})
spans.execute("INSERT INTO spans (trace_id, span_id, service_name, start_time, end_time) "
              "VALUES ('{"0a" * 16}', '{"0b" * 8}', 'last', now(), now())")
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", killed], check=True)
    assert {"junjo.db-wal", "traces.duckdb.wal"} <= {path.name for path in old.iterdir()}
    before = content(old)
    assert import_from_junjo(old, settings(tmp_path / "data")) == "Taken over: 0 users, 1 API keys, 2 spans"
    assert content(old) == before


def test_a_folder_without_its_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TransferFailed, match="neither"):
        import_from_junjo(tmp_path, settings(tmp_path / "data"))


def test_the_own_folder_is_refused(old: Path) -> None:
    with pytest.raises(TransferFailed, match="its own data"):
        import_from_junjo(old, settings(old))


@pytest.mark.parametrize("name", ["junjo.db", "traces.duckdb"])
def test_files_of_something_else_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"nothing of it" * 1000)
    with pytest.raises(TransferFailed, match="cannot be read") as refused:
        import_from_junjo(tmp_path, settings(tmp_path / "data"))
    assert "\n" not in str(refused.value)


def test_the_tables_of_something_else_are_refused(old: Path, tmp_path: Path) -> None:
    import_from_junjo(old, settings(tmp_path / "data"))
    for part, text in (("sqlite", "no such column"), ("duckdb", "has no spans of the Junjo AI Studio of before")):
        with pytest.raises(TransferFailed, match=text):
            import_from_junjo(tmp_path / "data" / part, settings(tmp_path / "other"))


def test_half_of_a_file_is_refused_and_takes_nothing_over(tmp_path: Path) -> None:
    users = [(f"u{n}", f"{n}@example.com", bcrypt_hash(), 1, DAY, DAY) for n in range(3)]
    keys = [(f"k{n}", f"{n:064d}", "name " * 100, DAY) for n in range(300)]
    old = make_accounts(tmp_path / "old", users, keys)
    file = old / "junjo.db"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(TransferFailed, match="cannot be read"):
        import_from_junjo(old, settings(tmp_path / "data"))
    make_accounts(tmp_path / "good accounts", users, keys)
    (tmp_path / "good accounts" / "traces.duckdb").write_bytes(b"nothing of it" * 1000)
    with pytest.raises(TransferFailed, match="cannot be read"):
        import_from_junjo(tmp_path / "good accounts", settings(tmp_path / "data"))
    assert not (tmp_path / "data" / "sqlite" / "junjo.db").exists()


def test_a_predecessor_that_runs_is_refused(old: Path, tmp_path: Path) -> None:
    holding = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(old / "duckdb/traces.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(TransferFailed, match=r"cannot be read: .*lock"):
            import_from_junjo(old, settings(tmp_path / "data"))
        process.stdin.close()


async def test_files_and_a_folder_at_once_are_refused(tmp_path: Path) -> None:
    process = await start_studio(tmp_path / "data", ["import", "spans.jsonl", "--from-junjo", "old"])
    _, err = await process.communicate()
    assert (process.returncode, err.decode()) == (1, "studio: give either files or --from-junjo DIR\n")
