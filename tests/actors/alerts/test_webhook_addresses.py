"""Which addresses may be called, by their text and by where they lead."""

import ipaddress
import socket

import pytest

from actors.alerts.webhook import PrivateAddress, public_socket
from actors.alerts.webhook_url import demand_callable, is_public, masked
from actors.errors import InvalidRequest

pytestmark = [pytest.mark.unit, pytest.mark.security]

PRIVATE = (
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",  # carrier NAT
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",  # metadata of clouds
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.9",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # IPv4-compatible
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",  # mapped
    "::ffff:0:8.8.8.8",
    "64:ff9b::7f00:1",  # NAT64
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",  # Teredo
    "2001:db8::1",
    "2002:7f00:1::",  # 6to4
    "2002:808:808::1",
    "3fff::1",
    "4000::1",  # of nobody
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
)
PUBLIC = ("8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001:80e::200e")


@pytest.mark.parametrize("address", PRIVATE)
def test_no_socket_is_made_for_a_private_address(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    place = (f"{address}%lo", 80, 0, 1) if ":" in address else (address, 80)
    with pytest.raises(PrivateAddress):
        public_socket((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_has_one(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with public_socket((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 80))) as made:
        assert made.family is family


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com",
        "http://hooks.example.com:8080/a/b?c=d&e=%20#f",
        "https://xn--bcher-kva.example/",
        "http://hooks",
        "http://8.8.8.8/",
        "https://[2606:4700::1111]:8443/x",
        "https://a.b.example.com./@x",
        "https://hooks.example.com/a\\b",
    ],
)
def test_urls_of_the_web_are_taken(url: str) -> None:
    demand_callable(url, allow_private=False)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "//hooks.example.com/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "gopher://hooks.example.com/",
        "HTTPS:hooks.example.com",
        "https://",
        "https:///path",
        "https://user@hooks.example.com/",
        "https://user:password@hooks.example.com/",
        "https://@hooks.example.com/",
        "https://hooks.example.com\\@127.0.0.1/",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com:-1/",
        "https://hooks.example.com:8080:90/",
        "https://hooks.example.com/ x",
        "https://hooks.example.com/\r\nx-evil: 1",
        "https://hooks.example.com/x\n",
        "https://hooks.example.com/é",
        "https://bücher.example/",
        "https://\uff11\uff12\uff17.0.0.1/",  # digits of another width
        "https://a..b/",
        "https://[::1/",
        "https://[::g]/",
        "https://[v1.x]/",
        f"https://hooks.example.com/{'x' * 2048}",
    ],
)
@pytest.mark.parametrize("allow_private", [False, True])
def test_what_is_none_is_refused(url: str, allow_private: bool) -> None:
    with pytest.raises(InvalidRequest) as refused:
        demand_callable(url, allow_private=allow_private)
    assert [(problem.type, problem.location) for problem in refused.value.problems] == [
        ("webhook_url", ("body", "webhook"))
    ]


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]"],
)
def test_private_addresses_are_refused_where_the_url_names_them(host: str) -> None:
    with pytest.raises(InvalidRequest):
        demand_callable(f"http://{host}:8080/", allow_private=False)
    demand_callable(f"http://{host}:8080/", allow_private=True)


def test_of_a_webhook_others_see_the_server() -> None:
    assert masked("https://hooks.example.com:8443/services/T0/B0/s3cr3t?x=y") == "https://hooks.example.com:8443/…"
