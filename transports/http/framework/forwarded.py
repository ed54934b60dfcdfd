"""Hops that reverse proxies report in headers: X-Forwarded-* or Forwarded (RFC 7239).

Nothing is trusted here: anybody can send such headers.
"""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from itertools import islice

import attrs
from multidict import MultiMapping

_MOST_HOPS = 32
_TCHAR = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
# One parameter of RFC 7239, section 4, and what may stand behind it: ";" before another one, "," before another hop.
_PAIR = re.compile(rf"[ \t]*({_TCHAR}+)=(?:{_QUOTED}|((?:{_TCHAR}|[:\[\]])*))[ \t]*(;|,|$)")
_HOST = re.compile(r"(?:[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_PORT = re.compile(r"[0-9]{1,5}")
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_DEFAULT_PORTS = {"http": "80", "https": "443"}


@attrs.frozen
class Hop:
    """Client of a proxy as the proxy reported it; ``None`` for what it did not say, or said in no known form."""

    address: str | None
    scheme: str | None
    host: str | None  # with the port, unless that is the scheme's own


def hops(headers: MultiMapping[str]) -> Sequence[Hop]:
    """Parse the hops, the nearest first, a bounded number.

    X-Forwarded-* win over Forwarded, because most proxies set them.
    """
    known = {name: _listed(headers, f"X-Forwarded-{name}") for name in ("For", "Proto", "Host", "Port")}
    if not any(known.values()):
        return list(islice(_forwarded(headers), _MOST_HOPS))
    return [
        _hop(*(_nearest(values, number) for values in known.values())) for number in range(max(1, len(known["For"])))
    ]


def is_host(text: str) -> bool:
    """Whether the text is a host as URLs have it, with or without a port."""
    return _HOST.fullmatch(text) is not None


def address_in(text: str) -> str | None:
    """Parse an IP address, with or without a port, and with brackets around IPv6; ``None`` for anything else."""
    match = re.fullmatch(r"\[(.*)\](?::[0-9]+)?|([^:]*):[0-9]+", text)
    try:
        address = ipaddress.ip_address((match[1] or match[2] or "") if match else text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:  # means something on the proxy's machine only
            return None
        return str(address.ipv4_mapped or address)
    return str(address)


def _hop(address: str, scheme: str, host: str, port: str) -> Hop:
    scheme = _SCHEMES.get(scheme.lower(), "")
    return Hop(
        address=address_in(address),
        scheme=scheme or None,
        host=_with_port(host, port, scheme) if is_host(host) else None,
    )


def _with_port(host: str, port: str, scheme: str) -> str:
    bare = host if host.endswith("]") or ":" not in host else ""  # without a port of its own
    return f"{host}:{port}" if bare and _PORT.fullmatch(port) and port != _DEFAULT_PORTS.get(scheme) else host


def _listed(headers: MultiMapping[str], name: str) -> list[str]:
    """The values of a comma-separated header, also over several lines, the last first and a bounded number."""
    values: list[str] = []
    for line in reversed(headers.getall(name, [])):
        values += reversed(line.rsplit(",", _MOST_HOPS))
        if len(values) >= _MOST_HOPS:
            break
    return [value.strip() for value in values[:_MOST_HOPS]]


def _nearest(values: Sequence[str], number: int) -> str:
    """The value of one hop.

    A list that is shorter was written by fewer proxies: its last value is that of the farthest hop.
    """
    return values[min(number, len(values) - 1)] if values else ""


def _forwarded(headers: MultiMapping[str]) -> Iterator[Hop]:
    """The hops of the Forwarded headers, up to the first that is malformed: it and all farther ones are left out."""
    for line in reversed(headers.getall("Forwarded", [])):
        elements = _elements(line)
        if elements is None:
            return
        for element in reversed(elements):
            yield _hop(element.get("for", ""), element.get("proto", ""), element.get("host", ""), "")


def _elements(line: str) -> list[dict[str, str]] | None:
    elements: list[dict[str, str]] = [{}]
    position = 0
    while position < len(line):
        pair = _PAIR.match(line, position)
        if pair is None:
            return None
        name, quoted, token, end = pair.groups()
        elements[-1][name.lower()] = token if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        if end == ",":
            elements.append({})
        position = pair.end()
    return elements
