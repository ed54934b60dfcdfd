"""Kills in the middle of what changes sealed files: deletion, joining, retention. Nothing is half done afterwards."""

from contextlib import closing, suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.upkeep.inspection import inspect
from scripts.load.own_studio import OwnStudio, SpanId
from scripts.load.payloads import Payload, Payloads
from scripts.load.senders import SENDERS, NotAcknowledged

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server, pytest.mark.error_recovery]

SERVICES = "/api/v1/observability/services"
PATIENCE = 60  # seconds
MOST_LOOKS = 2000  # each takes some milliseconds


def mortal(point: str, count: int, mark: Path) -> tuple[str, ...]:
    return ("scripts.load.mortal_studio", point, str(count), str(mark))


def segments(data_dir: Path) -> int:
    return len(list((data_dir / "duckdb" / "traces.segments").glob("*.parquet")))


def faults(data_dir: Path) -> list[str]:
    return inspect(Folders(data_dir / "duckdb" / "traces.duckdb"))


def sent(studio: OwnStudio, data_dir: Path, service: str, *, files: int) -> tuple[set[SpanId], set[SpanId]]:
    """Send until so many files are there or the studio has ended, and wait for its end: it looks after files by itself.

    What was acknowledged, and what was under way at the end, which may be there or not.
    """
    payloads, acknowledged, in_doubt = Payloads(200), list[Payload](), list[Payload]()
    with closing(SENDERS["http"](studio, studio.sign_up())) as sender, suppress(NotAcknowledged):
        while segments(data_dir) < files:
            in_doubt = [payloads.make(service)]
            sender.send(in_doubt[0].body)
            acknowledged += in_doubt
            in_doubt = []
    studio.system.wait(PATIENCE)
    return ids(*acknowledged), ids(*in_doubt)


def ids(*payloads: Payload) -> set[SpanId]:
    return {span for payload in payloads for span in payload.ids}


@pytest.mark.parametrize(
    ("point", "count"),
    [("deletion-recorded", 1), ("deletion-written", 2), ("deletion-committed", 2), ("deletion-committed", 4)],
)
def test_a_deletion_that_was_begun_is_finished_at_the_next_start(data_dir: Path, point: str, count: int) -> None:
    mark = data_dir.parent / "died"
    payloads, kept = Payloads(200), []
    with OwnStudio(data_dir, program=mortal(point, count, mark)) as studio:
        key = studio.sign_up()
        with closing(SENDERS["http"](studio, key)) as sender:
            while segments(data_dir) < 4:
                sender.send(payloads.make("doomed").body)
                kept.append(payloads.make("kept"))
                sender.send(kept[-1].body)
        with suppress(OSError, HTTPException):
            studio.rest("DELETE", f"{SERVICES}/doomed")
        assert mark.exists()
    with OwnStudio(data_dir) as studio:
        studio.sign_in()
        looks = 0
        while studio.rest("GET", SERVICES).json != ["kept"] and looks < MOST_LOOKS:
            looks += 1
        assert studio.stored("doomed") == []
        assert sorted(studio.stored("kept")) == sorted(ids(*kept))
        assert studio.terminate() == 0
    assert faults(data_dir) == []


@pytest.mark.parametrize("point", ["join-written", "join-committed"])
def test_files_that_are_being_joined_lose_nothing(data_dir: Path, point: str) -> None:
    mark = data_dir.parent / "died"
    with OwnStudio(data_dir, program=mortal(point, 1, mark)) as studio:
        acknowledged, in_doubt = sent(studio, data_dir, "kept", files=10)
    assert mark.exists()
    stored = stored_after_restart(data_dir, "kept")
    assert len(stored) == len(set(stored))
    assert acknowledged <= set(stored) <= acknowledged | in_doubt
    assert faults(data_dir) == []


@pytest.mark.parametrize("point", ["drop-written", "drop-committed"])
def test_files_that_are_being_dropped_go_whole_or_stay_whole(data_dir: Path, point: str) -> None:
    mark = data_dir.parent / "died"
    with OwnStudio(data_dir, program=mortal(point, 1, mark)) as studio:
        acknowledged, in_doubt = sent(studio, data_dir, "old", files=40)
    assert mark.exists()
    stored = stored_after_restart(data_dir, "old")
    assert len(stored) == len(set(stored))
    assert set(stored) <= acknowledged | in_doubt
    assert (acknowledged <= set(stored)) == (point == "drop-written")
    assert faults(data_dir) == []


def stored_after_restart(data_dir: Path, service: str) -> list[SpanId]:
    with OwnStudio(data_dir) as studio:
        studio.sign_in()
        assert studio.rest("GET", "/health").json["status"] == "ok"
        stored = studio.stored(service)
        assert studio.terminate() == 0
    return stored
