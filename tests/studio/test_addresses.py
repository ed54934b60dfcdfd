"""Addresses of the studio for programs on this machine."""

from pathlib import Path

import pytest

from studio.addresses import PortInUse, is_this_machine, local_address
from studio.settings import client_defaults

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "localhost:1323"),
        ("0.0.0.0", "localhost:1323"),
        ("::", "localhost:1323"),
        ("localhost", "localhost:1323"),
        ("::1", "[::1]:1323"),  # where not every system finds `localhost`
        ("127.0.0.2", "127.0.0.2:1323"),
        ("192.168.1.5", "192.168.1.5:1323"),
        ("fd00::5", "[fd00::5]:1323"),
    ],
)
def test_one_name_for_what_listens_on_this_machine(host: str, address: str, tmp_path: Path) -> None:
    assert local_address(host, 1323) == address
    assert client_defaults({"JUNJO_HOST": host}, tmp_path)[0] == f"http://{address}"


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:1323",
        "http://LOCALHOST",
        "http://studio.localhost:1",
        "http://127.0.0.1:1323/v1/traces",
        "http://127.9.9.9",
        "http://[::1]:1323",
    ],
)
def test_loopback_is_this_machine(url: str) -> None:
    assert is_this_machine(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://studio.example.com",
        "http://localhost.example.com",
        "http://10.0.0.1:1323",
        "http://[fd00::1]",
        "x",
        "http://[",
    ],
)
def test_others_are_not(url: str) -> None:
    assert not is_this_machine(url)


def test_a_taken_port_is_written_with_its_host() -> None:
    assert str(PortInUse("GRPC_PORT", "::1", 50053)) == (
        "Port 50053 on ::1 is in use or not allowed: set GRPC_PORT to another port"
    )
