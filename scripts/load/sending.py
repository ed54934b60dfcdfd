"""Sending of prepared requests through several clients: as fast as they are acknowledged, or at fixed times.

After a refusal with a wait, the request is sent again, as OpenTelemetry's exporters do.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import attrs

from scripts.load.payloads import Payload
from scripts.load.senders import NotAcknowledged, Sender

_TIMEOUT = 300.0  # seconds of refusals of one request, after which they are a failure


@attrs.frozen
class Sent:
    """Outcomes of the requests. Times in seconds."""

    delays: list[float] = attrs.field(factory=list)  # until each was acknowledged
    refusals: list[float] = attrs.field(factory=list)  # how long each of them said to wait


@attrs.frozen
class _Due:
    payload: Payload
    at: float | None  # on the clock of time.perf_counter; None is at once


Heard = Callable[[Payload], object]  # told of each request that is acknowledged, by the client's thread


def as_fast_as_acknowledged(senders: Sequence[Sender], payloads: Iterable[Payload], heard: Heard = id) -> Sent:
    """Each client takes the next request as soon as its last one is acknowledged."""
    return _Clients(senders, (_Due(payload, None) for payload in payloads), heard).run()


def on_schedule(senders: Sequence[Sender], payloads: Iterable[Payload], interval: float, heard: Heard = id) -> Sent:
    """Send a request every ``interval`` seconds, however long those before it take.

    Delays count from when a request was due: one that waits for a free client waits for the receiver.
    """
    begin = time.perf_counter()
    due = (_Due(payload, begin + number * interval) for number, payload in enumerate(payloads))
    return _Clients(senders, due, heard).run()


class _Clients:
    def __init__(self, senders: Sequence[Sender], waiting: Iterator[_Due], heard: Heard) -> None:
        self._waiting, self._taking = waiting, threading.Lock()
        self._heard = heard
        self._sent = Sent()
        self._failures: list[Exception] = []
        self._threads = [threading.Thread(target=self._client, args=(sender,)) for sender in senders]

    def run(self) -> Sent:
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]
        return self._sent

    def _client(self, sender: Sender) -> None:
        try:
            while not self._failures and (due := self._next()) is not None:
                begin = _reached(due.at)
                self._send(sender, due.payload)
                self._sent.delays.append(time.perf_counter() - begin)
                self._heard(due.payload)
        except Exception as fault:  # noqa: BLE001 - raised again by the main thread
            self._failures.append(fault)

    def _next(self) -> _Due | None:
        with self._taking:
            return next(self._waiting, None)

    def _send(self, sender: Sender, payload: Payload) -> None:
        waited = 0.0
        while True:
            try:
                return sender.send(payload.body)
            except NotAcknowledged as refusal:
                if refusal.retry_after is None or waited > _TIMEOUT:
                    raise
                self._sent.refusals.append(refusal.retry_after)
                waited += refusal.retry_after
                time.sleep(refusal.retry_after)


def _reached(moment: float | None) -> float:
    """Wait for the moment and return it; the present, if there is none."""
    now = time.perf_counter()
    if moment is None:
        return now
    if moment > now:
        time.sleep(moment - now)
    return moment
