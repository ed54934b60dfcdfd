"""Arize Phoenix in a process of its own, to ask it what the studio is asked. It is installed by whoever wants that."""

import os
import socket
import subprocess
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self

import orjson

from scripts.load.own_studio import HOST
from scripts.load.payloads import Payload

_STARTING_SECONDS, _STORING_SECONDS, _TIMEOUT = 120.0, 600.0, 30.0
_COUNT = {"query": "{projects{edges{node{recordCount}}}}"}
_LATER = (429, 503)


class OwnPhoenix:
    """A running Phoenix over SQLite in a folder, which a ``with`` block kills. ``program`` is its executable."""

    def __init__(self, program: Path, folder: Path) -> None:
        folder.mkdir()
        self._port = _free_port()
        self._process = subprocess.Popen(
            [program, "serve"],
            env=_environment(folder, self._port),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return f"http://{HOST}:{self._port}/"

    def get(self, path: str) -> bytes:
        """Read an answer to its end. Anything but success is an ``AssertionError``."""
        status, answer = self._call("GET", path)
        if status != 200:
            raise AssertionError(f"{path}: {status} {answer[:300]!r}")
        return answer

    def send(self, payload: Payload) -> None:
        """Send a request, which is acknowledged before it is stored; one that is refused is sent again."""
        while (status := self._call("POST", "/v1/traces", payload.body, "application/x-protobuf")[0]) in _LATER:
            time.sleep(0.2)
        if status != 200:
            raise AssertionError(f"Phoenix answers {status}")

    def wait_for(self, spans: int) -> int:
        """Wait until so many are stored, or until no more are for ten seconds; returns how many there are."""
        known, since, end = -1, 0.0, time.monotonic() + _STORING_SECONDS
        while time.monotonic() < end:
            _, answer = self._call("POST", "/graphql", orjson.dumps(_COUNT), "application/json")
            found = sum(_counts(answer))
            if found != known:
                known, since = found, time.monotonic()
            if found >= spans or time.monotonic() - since > 10:
                break
            time.sleep(0.5)
        return known

    def _call(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> tuple[int, bytes]:
        with closing(HTTPConnection(HOST, self._port, timeout=_TIMEOUT)) as connection:
            connection.request(method, path, body, {"Content-Type": kind} if kind else {})
            response = connection.getresponse()
            return response.status, response.read()

    def _wait(self) -> None:
        end = time.monotonic() + _STARTING_SECONDS
        while True:
            try:
                self.get("/v1/projects")
            except (OSError, HTTPException, AssertionError) as fault:
                if time.monotonic() > end or self._process.poll() is not None:
                    self.__exit__()
                    raise AssertionError("Phoenix does not start") from fault
                time.sleep(0.5)
            else:
                return


def _counts(answer: bytes) -> list[int]:
    document: Any = orjson.loads(answer)
    return [edge["node"]["recordCount"] for edge in document["data"]["projects"]["edges"]]


def _environment(folder: Path, port: int) -> dict[str, str]:
    own = {"HOST": HOST, "PORT": str(port), "GRPC_PORT": str(_free_port()), "WORKING_DIR": str(folder)}
    named = {f"PHOENIX_{name}": value for name, value in (own | {"TELEMETRY_ENABLED": "false"}).items()}
    return {"PATH": os.environ["PATH"], "HOME": str(folder)} | named


def _free_port() -> int:
    with closing(socket.socket()) as bound:
        bound.bind((HOST, 0))
        port: int = bound.getsockname()[1]
        return port
