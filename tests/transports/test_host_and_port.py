"""Hosts and ports as text."""

from urllib.parse import urlsplit

import pytest

from transports.addresses import host_and_port

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("host", "written"),
    [
        ("localhost", "localhost:1323"),
        ("127.0.0.1", "127.0.0.1:1323"),
        ("::1", "[::1]:1323"),
        ("[::1]", "[::1]:1323"),
        ("fe80::1%eth0", "[fe80::1%eth0]:1323"),
        ("::ffff:10.0.0.1", "[::ffff:10.0.0.1]:1323"),
    ],
)
def test_an_address_of_ipv6_has_brackets(host: str, written: str) -> None:
    assert host_and_port(host, 1323) == written
    address = urlsplit(f"http://{written}/")
    assert (address.hostname, address.port) == (host.strip("[]"), 1323)
