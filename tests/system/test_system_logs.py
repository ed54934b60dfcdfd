"""Log records that were acknowledged are there after a kill, once, also those that are sent again."""

import itertools
import json
import threading
from collections.abc import Iterator, Sequence
from http.client import HTTPException
from pathlib import Path

import pytest

from scripts.load.own_studio import OwnStudio
from tests.spans import logs_request, otlp_log

pytestmark = [pytest.mark.integration, pytest.mark.error_recovery]

BATCH = 20
_SECONDS = 60.0


class Sender(threading.Thread):
    """Sends log records of one span, a request after the other, until nobody answers."""

    def __init__(self, studio: OwnStudio, key: str, numbers: Iterator[int]) -> None:
        super().__init__(daemon=True)
        self._studio = studio
        self._headers = {"Content-Type": "application/x-protobuf", "x-junjo-api-key": key}
        self._numbers = numbers
        self._grown = threading.Condition()
        self.acknowledged: list[int] = []
        self.in_doubt: list[int] = []

    def run(self) -> None:
        while True:
            self.in_doubt = list(itertools.islice(self._numbers, BATCH))
            try:
                reply = self.send(self._studio, self.in_doubt)
            except (OSError, HTTPException):
                return
            if reply != b"":
                return
            with self._grown:
                self.acknowledged += self.in_doubt
                self._grown.notify_all()

    def send(self, studio: OwnStudio, numbers: Sequence[int]) -> bytes:
        body = logs_request(*(otlp_log(number, body="said " * 50) for number in numbers)).SerializeToString()
        return studio.call("POST", "/v1/logs", body, self._headers).body

    def wait_for(self, records: int) -> None:
        with self._grown:
            assert self._grown.wait_for(lambda: len(self.acknowledged) >= records, _SECONDS)


def stored(studio: OwnStudio) -> list[int]:
    """The numbers of all log records, in the order of arrival."""
    reply = studio.rest("GET", "/api/v1/observability/export?format=jsonl&what=logs")
    frames = (json.loads(line)["resourceLogs"][0]["scopeLogs"][0]["logRecords"] for line in reply.body.splitlines())
    return [int(record["eventName"].removeprefix("log ")) for records in frames for record in records]


def test_what_was_acknowledged_is_there_after_kills_and_once(data_dir: Path) -> None:
    numbers = itertools.count()
    acknowledged: list[int] = []
    key = ""
    for _ in range(3):
        with OwnStudio(data_dir) as studio:
            key = studio.sign_in_or_up(key)
            sender = Sender(studio, key, numbers)
            sender.start()
            sender.wait_for(10 * BATCH)
            studio.kill()
            sender.join(_SECONDS)
        acknowledged += sender.acknowledged
        with OwnStudio(data_dir) as studio:
            studio.sign_in()
            assert sender.send(studio, sender.in_doubt) == b""  # as an exporter does that had no answer
            acknowledged += sender.in_doubt
            found = stored(studio)
            assert len(found) == len(set(found))
            assert set(found) == set(acknowledged)
