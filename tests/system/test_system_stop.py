"""Signals: an end in order, whatever clients leave undone, and a terminal that is closed."""

import base64
import os
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from scripts.load.own_studio import OwnStudio
from tests.spans import otlp_request, otlp_span

pytestmark = [pytest.mark.integration, pytest.mark.error_recovery]

EXPORT = "/api/v1/observability/export?format=jsonl"
# What is promised is 10 seconds. A machine that is busy with other tests gets the double; it was 22 without load.
MOST_SECONDS = 20


def connected(clients: ExitStack, port: int, sent: str = "") -> socket.socket:
    client = clients.enter_context(socket.socket())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    client.sendall(sent.encode())
    return client


def fill(studio: OwnStudio, key: str) -> None:
    headers = {"x-junjo-api-key": key, "content-type": "application/x-protobuf"}
    for trace in range(1, 20):
        spans = (otlp_span(number, trace_id=trace, text="x" * 1000) for number in range(1, 500))
        body = otlp_request(*spans).SerializeToString()
        assert studio.call("POST", "/v1/traces", body, headers).status == 200


def test_a_stop_waits_for_no_client_that_does_nothing(data_dir: Path) -> None:
    """Downloads that are not read, halves of bodies, WebSockets that do not say goodbye, and who just stays."""
    with OwnStudio(data_dir) as studio, ExitStack() as clients:
        fill(studio, studio.sign_up())
        who = f"Host: localhost\r\nCookie: {studio.cookie}\r\n"
        for path in (EXPORT, EXPORT, "/api/v1/backup"):
            download = connected(clients, studio.http_port, f"GET {path} HTTP/1.1\r\n{who}\r\n")
            assert download.recv(12) == b"HTTP/1.1 200"
        nonce = base64.b64encode(os.urandom(16)).decode()
        upgrade = (
            f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n"
        )
        own = "Origin: http://localhost\r\n"
        play = connected(clients, studio.http_port, f"GET /llm/stream HTTP/1.1\r\n{who}{own}{upgrade}\r\n")
        assert play.recv(12) == b"HTTP/1.1 101"
        connected(clients, studio.http_port, f"POST /sign-in HTTP/1.1\r\n{who}Content-Length: 100\r\n\r\n{{")
        kept = connected(clients, studio.http_port, f"GET /ping HTTP/1.1\r\n{who}\r\n")
        assert kept.recv(12) == b"HTTP/1.1 200"
        for port in (studio.http_port, studio.otlp_port, studio.grpc_port):
            connected(clients, port)
        connected(clients, studio.otlp_port, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        studio.system.send_signal(signal.SIGTERM)
        assert studio.system.wait(MOST_SECONDS) in (0, None)


def test_a_closed_terminal_stops_nothing(data_dir: Path) -> None:
    with OwnStudio(data_dir) as studio:
        studio.system.send_signal(signal.SIGHUP)
        assert studio.rest("GET", "/health").status == 200
        assert studio.terminate() == 0
