"""Client address, scheme and host, behind trusted proxies and behind others."""

import ipaddress
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from structlog.testing import capture_logs

from tests.actors.stage import rows
from tests.http_studio import ADMIN, http_config, running_http_studio
from transports.addresses import Network
from transports.http.framework.clients import address_of, scheme_and_host
from transports.http.framework.forwarded import address_in, hops

pytestmark = [pytest.mark.unit, pytest.mark.security]

FOR = "X-Forwarded-For"
Headers = Sequence[tuple[str, str]]


def networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


LOOPBACK = networks("127.0.0.1", "::1")
INSIDE = networks("127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48")


class _Transport:
    """An open connection, as far as aiohttp asks it."""

    def __init__(self, peer: str) -> None:
        self._peer = peer

    def get_extra_info(self, name: str, default: object = None) -> object:
        return (self._peer, 4711) if name == "peername" else default


def client(headers: Headers, trusted: Sequence[Network], peer: str = "127.0.0.1") -> tuple[str | None, str, str]:
    """Address, scheme and host of the client that a request has come from."""
    made = CIMultiDict([("Host", "own:1323"), *headers])
    request = make_mocked_request("GET", "/", made, transport=_Transport(peer))
    return (address_of(request, trusted), *scheme_and_host(request, trusted))


def address(headers: Headers, trusted: Sequence[Network], peer: str = "127.0.0.1") -> str | None:
    return client(headers, trusted, peer)[0]


EVERYTHING: Headers = [
    (FOR, "192.0.2.1"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Port", "8443"),
    ("Forwarded", "for=192.0.2.1;proto=https;host=evil.example"),
]


@pytest.mark.parametrize("peer", ["127.0.0.1", "192.0.2.7", "2001:db8::7"])
@pytest.mark.parametrize("trusted", [(), networks("198.51.100.0/24")])
def test_nobody_is_believed_who_is_not_trusted(peer: str, trusted: Sequence[Network]) -> None:
    assert client(EVERYTHING, trusted, peer) == (peer, "http", "own:1323")


def test_a_socket_for_both_families_names_ipv4_in_its_own_form() -> None:
    assert address([], (), "::ffff:192.0.2.7") == "192.0.2.7"
    assert address([(FOR, "192.0.2.9")], LOOPBACK, "::ffff:127.0.0.1") == "192.0.2.9"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], "127.0.0.1"),
        (["192.0.2.1"], "192.0.2.1"),
        (["192.0.2.66, 192.0.2.1"], "192.0.2.1"),  # what the client made up stands farther left
        (["192.0.2.66", "192.0.2.1"], "192.0.2.1"),
        (["192.0.2.66, 192.0.2.1, 10.1.1.1, 10.2.2.2"], "192.0.2.1"),
        (["192.0.2.66, 192.0.2.1", "10.1.1.1", "10.2.2.2"], "192.0.2.1"),
        (["10.3.3.3, 10.2.2.2"], "10.3.3.3"),  # all are trusted: the farthest
        (["192.0.2.1:8080"], "192.0.2.1"),
        (["2001:db8::1"], "2001:db8::1"),
        (["[2001:db8::1]"], "2001:db8::1"),
        (["[2001:db8::1]:443, 2001:db8:1::5"], "2001:db8::1"),
        (["2001:DB8:0:0::1"], "2001:db8::1"),
        (["::ffff:192.0.2.1"], "192.0.2.1"),
        (["unknown"], "127.0.0.1"),
        (["192.0.2.1, unknown, 10.2.2.2"], "10.2.2.2"),  # whoever hides is behind the last that is known
        (["192.0.2.1, "], "127.0.0.1"),
        (["192.0.2.1, '; DROP TABLE", "10.2.2.2"], "10.2.2.2"),
        (["192.0.2.1\t,  10.2.2.2 "], "192.0.2.1"),
        ([", ".join(["10.1.1.1"] * 1000)], "10.1.1.1"),
        ([", ".join(["192.0.2.1", *["10.1.1.1"] * 1000])], "10.1.1.1"),  # a bounded number of hops
        (["10.1.1.1"] * 100, "10.1.1.1"),
    ],
)
def test_the_client_is_the_last_hop_that_is_not_trusted(lines: list[str], expected: str) -> None:
    assert address([(FOR, line) for line in lines], INSIDE) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "unknown", "_hidden", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4/32", "0x7f.1"),
        *("1.2.3.4:", "1.2.3.4:x", "[::1", "::1]", "[1::2]x", "fe80::1%eth0", "\uff11.2.3.4"),
        *("1" * 5000, "[" * 5000, ":" * 5000),
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert address_in(text) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("X-Forwarded-Proto", "https")], ("127.0.0.1", "https", "own:1323")),
        ([(FOR, "192.0.2.1"), ("X-Forwarded-Proto", "HTTPS")], ("192.0.2.1", "https", "own:1323")),
        ([(FOR, "192.0.2.1"), ("X-Forwarded-Proto", "wss")], ("192.0.2.1", "https", "own:1323")),
        ([("X-Forwarded-Proto", "gopher")], ("127.0.0.1", "http", "own:1323")),
        ([("X-Forwarded-Host", "a.example")], ("127.0.0.1", "http", "a.example")),
        ([("X-Forwarded-Host", "a.example:81")], ("127.0.0.1", "http", "a.example:81")),
        ([("X-Forwarded-Host", "[2001:db8::1]:81")], ("127.0.0.1", "http", "[2001:db8::1]:81")),
        ([("X-Forwarded-Host", "a.example/x@b")], ("127.0.0.1", "http", "own:1323")),
        ([("X-Forwarded-Host", "a b")], ("127.0.0.1", "http", "own:1323")),
        (
            [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "a.example"), ("X-Forwarded-Port", "8443")],
            ("127.0.0.1", "https", "a.example:8443"),
        ),
        (
            [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "[2001:db8::1]"), ("X-Forwarded-Port", "443")],
            ("127.0.0.1", "https", "[2001:db8::1]"),
        ),
        # Two proxies that each append, and what the client has made up before them.
        (
            [(FOR, "6.6.6.6, 192.0.2.1, 10.0.0.1"), ("X-Forwarded-Proto", "gopher, https, http")],
            ("192.0.2.1", "https", "own:1323"),
        ),
        # Two proxies of which only the first one says it.
        ([(FOR, "192.0.2.1, 10.0.0.1"), ("X-Forwarded-Proto", "https")], ("192.0.2.1", "https", "own:1323")),
        # Most proxies know nothing of Forwarded and pass on what a client has made up.
        ([(FOR, "192.0.2.1"), ("Forwarded", "for=6.6.6.6;proto=https")], ("192.0.2.1", "http", "own:1323")),
        (
            [("Forwarded", 'for="[2001:db8::1]:4711";proto=https;host="a.example:8443";by=10.0.0.1')],
            ("2001:db8::1", "https", "a.example:8443"),
        ),
        (
            [("Forwarded", "For=6.6.6.6, for=192.0.2.1;Proto=https"), ("Forwarded", "for=10.0.0.1;proto=http")],
            ("192.0.2.1", "https", "own:1323"),
        ),
        ([("Forwarded", "for=_hidden;proto=https")], ("127.0.0.1", "https", "own:1323")),
        ([("Forwarded", r'for="192.0.2.\1"')], ("192.0.2.1", "http", "own:1323")),
        ([("Forwarded", 'for="192.0.2.1, for=6.6.6.6')], ("127.0.0.1", "http", "own:1323")),
        ([("Forwarded", ";;;")], ("127.0.0.1", "http", "own:1323")),
    ],
)
def test_a_trusted_proxy_says_scheme_and_host(headers: Headers, expected: tuple[str, str, str]) -> None:
    assert client(headers, INSIDE) == expected


@given(
    st.lists(
        st.tuples(
            st.sampled_from([FOR, "Forwarded", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port"]),
            st.text(st.sampled_from('for=proto;host,by"\\[]:.%/ 1af_@\té'), max_size=60),
        ),
        max_size=8,
    )
)
def test_no_header_breaks_it_or_puts_odd_text_into_it(headers: Headers) -> None:
    found, scheme, host = client(headers, INSIDE)
    assert str(ipaddress.ip_address(found or "")) == found
    assert scheme in ("http", "https")
    assert not set(host) & set('/@"\\ \t%é')
    assert len(hops(CIMultiDictProxy(CIMultiDict(headers)))) <= 32


@pytest.mark.integration
async def test_throttle_audit_and_log_know_the_client_behind_a_trusted_proxy(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with running_http_studio(tmp_path, http_config(trusted_proxies=LOOPBACK)) as studio:
            await studio.set_up()
            headers = {FOR: "6.6.6.6, 192.0.2.1"}
            wrong = ADMIN | {"password": "wrong password"}
            assert (await studio.call("POST", "/sign-in", body=wrong, headers=headers)).status == 401
    trail = "SELECT address FROM audit_trail WHERE action = 'auth_sign_in_failed' ORDER BY id"
    assert rows(tmp_path / "junjo.db", trail) == [("192.0.2.1",)]
    (line,) = [entry for entry in logs if entry.get("path") == "/sign-in"]
    assert line["client"] == "192.0.2.1"
