"""A studio in a process of its own, on free ports: started, used over the wire, killed, started again."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

import attrs
import orjson
import psutil
from pyarrow import parquet

from actors.span_store.columns.types import Untold

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
EMAIL, PASSWORD = "load@example.com", "a password for load"
_STOPPING_SECONDS = 60.0
SpanId = tuple[str, str]  # trace id, span id, in hex


@attrs.frozen(kw_only=True)
class Reply:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the route answers
        return orjson.loads(self.body)


class StudioDidNotStart(Exception):
    """The process ended, or closed its output, before it announced its start."""


class OwnStudio:
    """A running studio over the data folder. Its log goes to ``studio.log`` beside the folder, or to ``log``.

    The ports are its own choice unless ``variables`` say otherwise. Use it in a ``with`` block, which kills it.
    """

    def __init__(
        self, data_dir: Path, *, program: Sequence[str] = ("studio",), log: str = "", **variables: str
    ) -> None:
        """``program`` is a module that runs a studio, and its arguments; ``log`` the path of another log."""
        self.log = Path(log) if log else data_dir.parent / "studio.log"
        self.cookie = ""  # name and value, of the session that calls use
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", *program],
            env=environment(data_dir) | variables,
            cwd=data_dir.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        started: list[dict[str, Any]] = []
        announced = threading.Event()
        self._reader = threading.Thread(target=self._keep_log, args=(started, announced), daemon=True)
        self._reader.start()
        announced.wait()
        if not started:
            self.__exit__()
            raise StudioDidNotStart(self.log.read_text()[-2000:])
        self.http_port = int(started[0]["http_port"])
        self.otlp_port = int(started[0]["otlp_port"])
        self.grpc_port = int(started[0]["grpc_port"])
        self.system = psutil.Process(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        self._process.kill()
        self._ended()

    def terminate(self) -> int:
        """Ask the process to stop; returns its exit code."""
        self._process.terminate()
        return self._ended()

    def rest(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Reply:
        """Make a call with the session of ``sign_up`` or ``sign_in``; ``body`` is sent as JSON."""
        sent = {"Content-Type": "application/json"} | ({"Cookie": self.cookie} if self.cookie else {})
        return self.call(method, path, None if body is None else json.dumps(body).encode(), sent | dict(headers or {}))

    def call(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """Make a call with these headers and no others, and the body as it is."""
        connection = HTTPConnection(HOST, self.http_port)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            named = {
                name.lower(): value for name, value in reversed(response.getheaders())
            }  # of a repeated one the first
            return Reply(status=response.status, headers=named, body=response.read())
        finally:
            connection.close()

    def sign_up(self) -> str:
        """Create the first user and stay signed in; returns a new API key for everything."""
        self._sign("/users/create-first-user")
        return str(self._good("POST", "/api_keys", {"name": "load"}).json["key"])

    def sign_in_or_up(self, key: str) -> str:
        """Sign in where there is a key already, or else ``sign_up``; returns the key."""
        if not key:
            return self.sign_up()
        self.sign_in()
        return key

    def sign_in(self) -> None:
        """Sign in as the user of an earlier ``sign_up`` on the same data."""
        self._sign("/sign-in")

    def stored(self, service: str) -> list[SpanId]:
        """Every span of a service, in the order of arrival; a span that is stored twice is in it twice."""
        reply = self._good("GET", f"/api/v1/observability/export?{urlencode({'service': service})}")
        rows: Untold = parquet.read_table(BytesIO(reply.body), columns=["trace_id", "span_id"])
        return list(zip(rows["trace_id"].to_pylist(), rows["span_id"].to_pylist(), strict=True))

    def pages(self, service: str, limit: int) -> Iterator[list[dict[str, Any]]]:
        """All spans of a service in pages of ``limit``, newest start first."""
        path = f"/api/v1/observability/services/{quote(service, safe='')}/spans"
        query = {"limit": str(limit)}
        while True:
            reply = self._good("GET", f"{path}?{urlencode(query)}")
            yield reply.json
            if "x-next-cursor" not in reply.headers:
                return
            query["after"] = reply.headers["x-next-cursor"]

    def cpu_seconds(self) -> float:
        """CPU seconds of the process so far, in all its threads."""
        times = self.system.cpu_times()
        return float(times.user + times.system)

    def memory(self) -> int:
        """Memory of the process now, in bytes."""
        return int(self.system.memory_info().rss)

    def peak_memory(self) -> int:
        """Peak memory of the process, in bytes; its memory now where the system reports no peak."""
        status = Path(f"/proc/{self._process.pid}/status")
        if not status.exists():
            return self.memory()
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024

    def forget_peak(self) -> None:
        """Reset ``peak_memory``, where the system can."""
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")

    def _sign(self, path: str) -> None:
        reply = self._good("POST", path, {"email": EMAIL, "password": PASSWORD})
        self.cookie = reply.headers["set-cookie"].partition(";")[0]

    def _good(self, method: str, path: str, body: object = None) -> Reply:
        reply = self.rest(method, path, body)
        if reply.status not in (200, 201):
            raise AssertionError(f"{method} {path}: {reply.status} {reply.body[:500]!r}")
        return reply

    def _keep_log(self, started: list[dict[str, Any]], announced: threading.Event) -> None:
        """Copy the output to the log, so that the pipe never fills; find the announcement in it."""
        output = self._process.stdout
        if output is None:
            raise TypeError("the output is a pipe")
        with self.log.open("ab") as log:
            for line in output:
                log.write(line)
                log.flush()
                if not announced.is_set() and b'"studio started"' in line:
                    started.append(json.loads(line))
                    announced.set()
        announced.set()

    def _ended(self) -> int:
        code = self._process.wait(_STOPPING_SECONDS)
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code


def environment(data_dir: Path) -> dict[str, str]:
    """Variables that processes need, free ports and the data folder; nothing of the caller's own settings."""
    kept: Sequence[str] = ("PATH", "HOME", "LANG", "TMPDIR")
    ports = {"JUNJO_BACKEND_PORT": "0", "JUNJO_OTLP_PORT": "0", "GRPC_PORT": "0"}
    own = {name: os.environ[name] for name in kept if name in os.environ}
    return own | ports | {"PYTHONPATH": str(ROOT), "JUNJO_DATA_DIR": str(data_dir)}
