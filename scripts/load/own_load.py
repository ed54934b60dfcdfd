"""Load from a process of its own, so that making and sending it takes no time from the measuring process."""

import multiprocessing
import threading
from collections.abc import Mapping
from contextlib import ExitStack, closing, suppress
from multiprocessing.connection import Connection
from typing import Self

import attrs

from scripts.load.senders import SENDERS, Receiver
from scripts.load.sending import Sent, on_schedule
from scripts.load.traffic import SPANS_A_REQUEST, Traffic


@attrs.frozen(kw_only=True)
class Load:
    """The requests to send, and their target."""

    http_port: int
    otlp_port: int
    key: str = attrs.field(repr=False)
    protocol: str
    clients: int
    rate: float  # spans a second, of the present
    marked: bool = False  # as that of ``Payloads``

    @classmethod
    def on(cls, receiver: Receiver, *, key: str, protocol: str, clients: int, rate: float) -> Self:
        return cls(
            http_port=receiver.http_port,
            otlp_port=receiver.otlp_port,
            key=key,
            protocol=protocol,
            clients=clients,
            rate=rate,
        )


@attrs.frozen(kw_only=True)
class Outcome:
    """The result of the load."""

    sent: Sent
    traces: Mapping[str, list[bytes]]  # as ``Traffic.traces``


class OwnLoad:
    """Sends from the beginning to the end of a ``with`` block; ``outcome`` is known at its end."""

    outcome: Outcome

    def __init__(self, load: Load) -> None:
        self._pipe, self._its = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(target=_send, args=(load, self._its), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self._its.close()  # so that it is closed when the process has ended
        self._pipe.recv()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(BrokenPipeError):  # it has failed, and says why
            self._pipe.send(None)
        outcome = self._pipe.recv()
        self._process.join()
        if isinstance(outcome, Exception):
            raise outcome
        self.outcome = outcome


def _send(load: Load, pipe: Connection) -> None:
    traffic, over = Traffic(marked=load.marked), threading.Event()
    pipe.send(None)
    threading.Thread(target=_wait_for_the_end, args=(pipe, over), daemon=True).start()
    try:
        with ExitStack() as stack:
            make = SENDERS[load.protocol]
            clients = [stack.enter_context(closing(make(load, load.key))) for _ in range(load.clients)]
            present = traffic.of_the_present(over)
            sent = on_schedule(clients, present, SPANS_A_REQUEST / load.rate, traffic.acknowledged)
        pipe.send(Outcome(sent=sent, traces=dict(traffic.traces)))
    except Exception as fault:  # noqa: BLE001 - raised again by the process that measures
        pipe.send(RuntimeError(f"the load ended: {fault}"))


def _wait_for_the_end(pipe: Connection, over: threading.Event) -> None:
    pipe.recv()
    over.set()
