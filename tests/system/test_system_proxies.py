"""What speaks to a studio of this machine goes there, whatever the environment says of proxies."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from scripts.load.own_studio import environment
from studio.transfer.client import StudioClient, TransferFailed
from tests.source import PROJECT
from tests.system.conftest import Running

pytestmark = pytest.mark.integration


class Proxy(HTTPServer):
    """Refuses what it is asked for, and knows what that was."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Refusal)
        self.asked: list[str] = []

    @property
    def variables(self) -> dict[str, str]:
        url = f"http://127.0.0.1:{self.server_port}"
        names = ("http_proxy", "https_proxy", "all_proxy")
        return {name: url for lower in names for name in (lower, lower.upper())} | {"no_proxy": "", "NO_PROXY": ""}


class Refusal(BaseHTTPRequestHandler):
    def answer(self) -> None:
        assert isinstance(self.server, Proxy)
        self.server.asked.append(self.path)
        self.send_error(418)

    do_GET = do_POST = do_CONNECT = answer  # noqa: N815 - the library's names

    def log_message(self, *_: object) -> None:
        """Nothing: the test asks the server."""


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        yield proxy
        proxy.shutdown()
        thread.join()


def run(arguments: list[str], running: Running, proxy: Proxy, folder: Path) -> subprocess.CompletedProcess[str]:
    variables = {
        "JUNJO_BACKEND_PORT": str(running.studio.http_port),
        "JUNJO_AI_STUDIO_API_KEY": running.key,
        **proxy.variables,
    }
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment(folder / "data") | variables,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_commands_go_straight_to_the_studio(running: Running, proxy: Proxy, tmp_path: Path) -> None:
    endpoint = f"http://127.0.0.1:{running.studio.http_port}"
    scopes = {"name": "backups", "scopes": ["backup"]}
    backup_key = running.studio.rest("POST", "/api_keys", scopes).json["key"]
    for command in (
        ["demo"],
        ["demo", "--endpoint", endpoint],
        ["export", "spans.jsonl"],
        ["import", "spans.jsonl"],
        ["import", "spans.jsonl", "--endpoint", endpoint],
        ["backup", "copy", "--key", backup_key],
    ):
        done = run(["-P", "-m", "studio", *command], running, proxy, tmp_path)
        assert (command, done.returncode, done.stderr) == (command, 0, "")
    assert proxy.asked == []


def test_the_health_check_of_the_container_does_too(running: Running, proxy: Proxy, tmp_path: Path) -> None:
    (command,) = re.findall(r"^HEALTHCHECK .*\\\n    CMD (\[.*\])$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    _, *arguments = json.loads(command)
    done = run(arguments, running, proxy, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert proxy.asked == []


def test_a_studio_elsewhere_is_reached_through_the_proxy(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in proxy.variables.items():
        monkeypatch.setenv(name, value)
    client = StudioClient("http://studio.example.com", "A" * 64, is_far=True)
    with pytest.raises(TransferFailed, match="says 418"):
        client.send("/v1/traces", b"", "application/json")
    assert proxy.asked == ["http://studio.example.com/v1/traces"]
