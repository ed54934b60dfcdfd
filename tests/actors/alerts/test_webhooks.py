"""Messages to webhooks: signed, sent until they are taken, in their order, and never to where they may not go."""

import asyncio
import hashlib
import hmac
import json
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from actors.alerts import deliveries as deliveries_module
from actors.alerts import outbox as outbox_module
from actors.alerts import webhook as webhook_module
from actors.alerts.actor import AlertsActor
from actors.alerts.body import signature
from actors.alerts.checks import Check
from actors.alerts.messages import (
    AlertState,
    ChangeAlert,
    CountAlerts,
    DeleteAlert,
    ListAlerts,
    Target,
)
from actors.alerts.store import AlertStore
from actors.alerts.webhook import Outcome, Webhooks
from actors.audit import AUDIT, Action, AuditEntry, Resource, audited
from actors.clock import utc_now
from actors.errors import InvalidRequest
from actors.principal import SYSTEM
from actors.runtime.bus import Bus
from actors.scores.actor import ScoresActor
from actors.sealing import Seal
from actors.span_store.actor import SpanStoreActor
from actors.span_store.messages import IngestSpans
from actors.sqlite import Database, copy_committed
from tests.actors.alerts.stage import ADA, ADMIN, KEY, Receiver, receiving, wanted
from tests.actors.stage import file_bytes, rows, staged
from tests.embedded_store import embedded_store
from tests.source import PROJECT
from tests.spans import span

pytestmark = [pytest.mark.integration, pytest.mark.security]

SECRET = "whsec_test"


class NamesAt(AbstractResolver):
    """A name server that leads every name to some addresses, one set after the other."""

    def __init__(self, *answers: Iterable[str]) -> None:
        self.answers = list(answers)

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - a test asks for any
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=each, port=port, family=_family(each), proto=0, flags=0)
            for each in (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
        ]

    async def close(self) -> None:
        """Nothing is open."""


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def called(url: str, *, allow_private: bool = True, resolver: AbstractResolver | None = None) -> Outcome:
    async with Webhooks.opened(allow_private=allow_private, clock=utc_now, resolver=resolver) as webhooks:
        return await webhooks.call(url, b'{"a":1}', SECRET)


def test_a_signature_is_that_of_time_and_body() -> None:
    """As a receiver computes it, by the words of the documentation."""
    expected = hmac.new(b"whsec_test", b'1700000000.{"a":1}', hashlib.sha256).hexdigest()
    assert signature(b'{"a":1}', SECRET, 1_700_000_000) == f"t=1700000000,v1={expected}"


def test_a_receiver_checks_it_as_the_documentation_says() -> None:
    [program] = re.findall(r"```python\n(.*?)```", (PROJECT / "docs/alerts.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)
    header = signature(b"{}", SECRET, int(time.time()))
    assert names["is_genuine"](b"{}", header, SECRET)
    assert not names["is_genuine"](b"{ }", header, SECRET)
    assert not names["is_genuine"](b"{}", header, "another")
    assert not names["is_genuine"](b"{}", signature(b"{}", SECRET, 1_700_000_000), SECRET), "it is years old"


async def test_a_call_is_a_signed_post_and_says_little_of_us(receiver: Receiver) -> None:
    assert await called(receiver.url) == Outcome()
    received = receiver.received.get_nowait()
    at, _, digest = received.signature.partition(",")
    assert digest == f"v1={hmac.new(SECRET.encode(), f'{at[2:]}.'.encode() + received.body, 'sha256').hexdigest()}"
    assert received.headers == (
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "x-junjo-signature",
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 400, 404, 410, 429, 500, 503])
async def test_no_redirect_is_followed_and_no_fault_is_taken_for_success(receiver: Receiver, status: int) -> None:
    receiver.statuses = [status]
    receiver.headers = {"Location": receiver.url, "Retry-After": "120"}
    assert await called(receiver.url) == Outcome(fault=f"status {status}", retry_after=120.0)
    assert receiver.received.qsize() == 1


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "10.0.0.1", "169.254.169.254"]
)
async def test_a_name_that_leads_to_a_private_address_is_not_called(receiver: Receiver, address: str) -> None:
    url = f"http://hooks.example.com:{receiver.port}/"
    outcome = await called(url, allow_private=False, resolver=NamesAt([address]))
    assert outcome == Outcome(fault="private address")
    assert receiver.received.empty()


async def test_an_address_in_the_url_is_not_called_either(receiver: Receiver) -> None:
    """The client looks no address up, so no resolver could refuse it."""
    for host in ("127.0.0.1", "[::ffff:127.0.0.1]", "localhost"):
        outcome = await called(f"http://{host}:{receiver.port}/", allow_private=False)
        assert outcome.fault == "private address", host
    for host in ("2130706433", "0x7f000001", "0177.0.0.1", "127.1"):
        assert (await called(f"http://{host}:{receiver.port}/", allow_private=False)).fault, host
    assert receiver.received.empty()


async def test_what_was_checked_is_what_is_connected(receiver: Receiver) -> None:
    """A name that leads elsewhere at each look: there is one look for each call, and its very answer is judged."""
    names = NamesAt(["127.0.0.1", "0.0.0.0"], ["127.0.0.1"])
    async with Webhooks.opened(allow_private=False, clock=utc_now, resolver=names) as webhooks:
        for _ in range(2):
            outcome = await webhooks.call(f"http://hooks.example.com:{receiver.port}/", b"{}", SECRET)
            assert outcome == Outcome(fault="private address")
    assert receiver.received.empty()


@asynccontextmanager
async def raw_server(answer: bytes, *, then: bytes = b"") -> AsyncIterator[str]:
    """A server that sends these bytes, then others again and again until nobody reads them."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(answer)
        try:
            while then:
                writer.write(then)
                await writer.drain()
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@pytest.mark.parametrize(
    ("answer", "then", "fault"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"x" * 65536, None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n", None),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip", b"", None),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536, "ClientResponseError"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000, "ClientResponseError"),
        (b"SSH-2.0-OpenSSH\r\n", b"", "ClientResponseError"),
        (b"", b"", "ServerDisconnectedError"),
        (b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\n", b"", "ServerDisconnectedError"),
    ],
    ids=["endless body", "endless chunks", "false gzip", "long header", "many headers", "no HTTP", "nothing", "half"],
)
async def test_hostile_answers_are_not_read_to_their_end(answer: bytes, then: bytes, fault: str | None) -> None:
    async with raw_server(answer, then=then) as url:
        assert (await called(url)).fault == fault


async def test_nobody_listens() -> None:
    assert (await called("http://127.0.0.1:9/")).fault == "ClientConnectorError"
    assert (await called("http://no-such-name.invalid/")).fault in ("ClientConnectorDNSError", "ClientConnectorError")


async def test_a_bug_of_the_client_is_a_fault_like_any_other() -> None:
    """Else a server that finds one could end the studio, which gives up when a part of it crashes again and again."""
    assert (await called("http://hooks.example.com/", resolver=NamesAt())).fault == "IndexError"


async def test_names_that_are_looked_up_for_ever_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits may leave; the threads stay until the name server answers, and no more are made."""
    looking, answer = threading.Semaphore(0), threading.Event()

    def hang(*_: object) -> list[Any]:
        looking.release()
        answer.wait()
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    resolver = webhook_module.ThreadResolver()
    waiting = [asyncio.create_task(resolver.resolve("slow.example.com")) for _ in range(9)]
    for _ in range(4):
        await asyncio.to_thread(looking.acquire)
    for task in waiting[:4]:
        task.cancel()
    await asyncio.wait(waiting[:4])
    assert not looking.acquire(blocking=False)
    answer.set()
    ends = await asyncio.gather(*waiting[4:], return_exceptions=True)
    assert [type(end) for end in ends] == [socket.gaierror] * 5


async def test_secrets_do_not_leave_the_seal(tmp_path: Path) -> None:
    path = tmp_path / "junjo.db"
    store = await AlertStore.open(path, utc_now, Seal(KEY))
    created = await store.create(wanted(webhook="https://hooks.example.com/"))
    await store.close()
    assert created.secret.startswith("whsec_")
    assert created.secret.encode() not in file_bytes(path)
    assert created.secret not in repr(created)


@asynccontextmanager
async def alerting(folder: Path, **others: Any) -> AsyncIterator[Bus]:
    """All that an alert takes, checked and sent without a pause."""
    accounts = folder / "junjo.db"
    given: dict[str, Any] = {"allow_private": True, "interval": 0.05, "first_wait": 0.001, "cookie_key": KEY} | others
    async with staged(
        (SpanStoreActor, lambda bus: embedded_store(bus, folder / "traces.duckdb", accounts=accounts)),
        (ScoresActor, lambda bus: ScoresActor.running(bus, accounts)),
        (AlertsActor, lambda bus: AlertsActor.running(bus, accounts, **given)),
    ) as stage:
        yield stage.bus


async def ingest(bus: Bus, number: int = 1) -> None:
    call = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
    start = int(utc_now().timestamp() * 1e9) - 10**9
    await bus.ask(IngestSpans(spans=[span(number, trace_id=number, start=start, attributes=call)], size=100))


async def test_a_change_is_told_with_the_alert_as_it_is(tmp_path: Path, receiver: Receiver) -> None:
    receiver.statuses = [500, 302, 500]
    async with alerting(tmp_path) as bus:
        created = await bus.ask(wanted(webhook=receiver.url))
        told = [await receiver.received.get() for _ in range(4)]
        assert len({each.body for each in told}) == 1, "what is not taken is sent again"
        await ingest(bus)
        fired = await receiver.received.get()
        counts = await bus.ask(CountAlerts())
    said = json.loads(fired.body)
    assert (said["previous"], said["alert"]["state"], said["alert"]["value"]) == ("ok", "firing", 1.0)
    assert (said["time"], said["alert"]["id"]) == (said["alert"]["since"], created.alert.id)
    assert "s3cr3t" not in fired.body.decode(), (
        "the address is no secret to whoever it belongs to, but a log may have it"
    )
    at, _, digest = fired.signature.partition(",v1=")
    assert digest == hmac.new(created.secret.encode(), f"{at[2:]}.".encode() + fired.body, "sha256").hexdigest()
    assert (counts.states[AlertState.FIRING], counts.not_sent) == (1, 3)


async def test_what_a_stop_cuts_short_is_sent_after_the_next_start(tmp_path: Path, receiver: Receiver) -> None:
    receiver.statuses = [500]
    async with alerting(tmp_path, first_wait=3600.0) as bus:
        await bus.ask(wanted(webhook=receiver.url))
        first = await receiver.received.get()
    async with alerting(tmp_path, first_wait=3600.0):
        assert (await receiver.received.get()).body == first.body
    assert receiver.received.empty()


async def test_what_a_kill_cuts_short_is_sent_after_the_next_start(tmp_path: Path, receiver: Receiver) -> None:
    """The file as it is while the call is under way, which is all that a killed process leaves."""
    before, after = tmp_path / "before", tmp_path / "after"
    after.mkdir()
    receiver.answers.clear()
    async with alerting(before) as bus:
        await bus.ask(wanted(webhook=receiver.url))
        first = await receiver.received.get()
        await asyncio.to_thread(copy_committed, before / "junjo.db", after / "junjo.db")
        receiver.answers.set()
    async with alerting(after) as bus:
        [alert] = await bus.ask(ListAlerts())
        assert alert.state is AlertState.OK
        assert (await receiver.received.get()).body == first.body


@asynccontextmanager
async def delivering(folder: Path, **others: Any) -> AsyncIterator[tuple[AlertStore, deliveries_module.Deliveries]]:
    store = await AlertStore.open(folder / "junjo.db", utc_now, Seal(KEY))
    try:
        async with Webhooks.opened(allow_private=True, clock=utc_now) as webhooks:
            deliveries = deliveries_module.Deliveries(store.outbox, webhooks, first_wait=0.001, **others)
            running = asyncio.create_task(deliveries.run())
            yield store, deliveries
            running.cancel()
            await asyncio.wait({running})
    finally:
        await store.close()


async def change(store: AlertStore, *states: AlertState) -> None:
    """Let the only alert have these states, one after the other."""
    for number, state in enumerate(states):
        [watched] = await store.watched()
        await store.record([Check(watched=watched, state=state, value=1.0, at=number)])


FLAPPING = (AlertState.OK, AlertState.FIRING) * 15


async def test_changes_are_told_in_their_order(tmp_path: Path, receiver: Receiver) -> None:
    receiver.statuses = [503, 204, 500, 500]
    async with delivering(tmp_path) as (store, deliveries):
        await store.create(wanted(webhook=receiver.url))
        await change(store, *FLAPPING[:5])
        deliveries.wake()
        told = [(await receiver.received.get()).state for _ in range(8)]
    assert told == ["ok", "ok", "firing", "firing", "firing", "ok", "firing", "ok"]


async def test_what_waits_is_bounded_and_the_oldest_goes(tmp_path: Path, receiver: Receiver) -> None:
    async with delivering(tmp_path) as (store, deliveries):
        await store.create(wanted(webhook=receiver.url))
        await change(store, *FLAPPING)
        assert await store.outbox.count() == 20
        deliveries.wake()
        first = json.loads((await receiver.received.get()).body)
    assert first["time"] == "1970-01-01T00:00:00.000000010Z"


async def test_nothing_is_tried_for_ever(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries_module, "_MOST_ATTEMPTS", 3)
    receiver.statuses = [500, 500, 500]
    async with delivering(tmp_path) as (store, deliveries):
        await store.create(wanted(webhook=receiver.url))
        await change(store, AlertState.OK, AlertState.FIRING)
        deliveries.wake()
        assert [(await receiver.received.get()).state for _ in range(4)] == ["ok", "ok", "ok", "firing"]


async def test_what_waits_goes_where_the_webhook_leads_by_then(tmp_path: Path, receiver: Receiver) -> None:
    receiver.statuses = [500]
    async with alerting(tmp_path, first_wait=3600.0) as bus:
        created = await bus.ask(wanted(webhook=receiver.url))
        before = await receiver.received.get()
        other = receiver.url.replace("/hook", "/other")
        await bus.ask(ChangeAlert(id=created.alert.id, webhook=Target(url=other), by=ADA))
        after = await receiver.received.get()
    assert (before.path, after.path, after.body) == ("/hook", "/other", before.body)


async def test_without_a_webhook_or_an_alert_nothing_is_sent(tmp_path: Path, receiver: Receiver) -> None:
    async with delivering(tmp_path) as (store, deliveries):
        for number in range(2):
            created = await store.create(wanted(webhook=receiver.url))
            await change(store, AlertState.OK)
            if number:
                await store.change(ChangeAlert(id=created.alert.id, webhook=Target(url=None), by=ADA))
                await change(store, AlertState.FIRING)
                deliveries.wake()
            else:
                await store.delete(DeleteAlert(id=created.alert.id, by=ADA))
        while await store.outbox.count():  # noqa: ASYNC110 - the file is not an event
            await asyncio.sleep(0)
    assert receiver.received.empty()


async def test_a_user_who_is_gone_is_told_nothing(tmp_path: Path, receiver: Receiver) -> None:
    async with delivering(tmp_path) as (store, _):
        created = await store.create(wanted(webhook=receiver.url))
        database = await Database.open(tmp_path / "junjo.db", AUDIT)
        async with audited(database, utc_now()) as gone:
            entry = AuditEntry(action=Action.DELETE, resource=Resource.USER, resource_id=ADA.user_id, by=SYSTEM)
            await gone.record(entry)
        await database.close()
        await store.forget_webhooks_of_the_gone()
        await change(store, AlertState.OK)
        assert await store.outbox.count() == 0
        taken = await store.change(ChangeAlert(id=created.alert.id, webhook=Target(url=receiver.url), by=ADMIN))
        await store.forget_webhooks_of_the_gone()
        kept = await store.get(created.alert.id)
    assert (taken.owner.id, kept.webhook) == ("admin", receiver.url), "an admin takes it over"


async def test_under_another_cookie_key_nothing_is_signed_and_nothing_waits(tmp_path: Path, receiver: Receiver) -> None:
    path = tmp_path / "junjo.db"
    store = await AlertStore.open(path, utc_now, Seal(KEY))
    await store.create(wanted(webhook=receiver.url))
    await change(store, AlertState.OK)
    await store.close()
    async with alerting(tmp_path, cookie_key=b"x" * 32) as bus:
        while (await bus.ask(CountAlerts())).waiting:  # noqa: ASYNC110 - the file is not an event
            await asyncio.sleep(0)
    assert receiver.received.empty()


async def test_what_changes_is_in_the_audit_trail_without_the_path_of_the_webhook(tmp_path: Path) -> None:
    async with alerting(tmp_path) as bus:
        created = await bus.ask(wanted(webhook="https://hooks.example.com/T0/s3cr3t"))
        await bus.ask(ChangeAlert(id=created.alert.id, threshold=2.0, by=ADMIN))
        await bus.ask(ChangeAlert(id=created.alert.id, threshold=2.0, by=ADMIN))
        await bus.ask(DeleteAlert(id=created.alert.id, by=ADA))
    trail = rows(
        tmp_path / "junjo.db", "SELECT action, user_id, details FROM audit_trail WHERE resource_type = 'alert'"
    )
    assert [(action, user) for action, user, _ in trail] == [("create", "ada"), ("update", "admin"), ("delete", "ada")]
    assert json.loads(trail[1][2]) == {"name": "calls", "threshold": "2.0"}
    assert all("s3cr3t" not in details and created.secret not in details for *_, details in trail)


BEYOND: tuple[dict[str, Any], ...] = (
    {"name": " "},
    {"name": "x" * 201},
    {"q": "("},
    {"q": "x" * 5000},
    {"threshold": float("nan")},
    {"threshold": -1.0},
    {"threshold": 1e16},
    {"webhook": "http://127.0.0.1/"},
)


async def test_what_is_beyond_the_bounds_is_refused(tmp_path: Path) -> None:
    async with alerting(tmp_path, allow_private=False) as bus:
        for others in BEYOND:
            with pytest.raises(InvalidRequest):
                await bus.ask(wanted(**others))
        assert await bus.ask(ListAlerts()) == ()


def test_messages_keep_their_secrets_to_themselves() -> None:
    letter = outbox_module.Letter(position=1, alert_id="a", body=b"b", attempts=0, url="https://x/y", secret=SECRET)
    assert SECRET not in repr(letter)
    assert "https" not in repr(letter)
