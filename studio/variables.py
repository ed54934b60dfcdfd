"""Parsers of environment variables. A parser raises a ``ValueError`` that says what was expected.

Each parser also reads the text of a variable's default, so an empty text stands for "not given".
"""

import base64
import binascii
import ipaddress
import json
import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import attrs
from publicsuffixlist import PublicSuffixList

T = TypeVar("T")

COOKIE_KEY_BYTES = 32
NO_SETUP_CODE = "off"
STRICT = "strict"
_SHORTEST_CODE = 16
_HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
DEFAULT_PORTS = {"http": 80, "https": 443}
SWITCHES = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
LOG_LEVELS = {"debug": "debug", "info": "info", "warn": "warning", "warning": "warning", "error": "error"}


@attrs.frozen
class Variable:
    """Name, default, parser and explanation of one setting.

    ``default`` is the text that is parsed when nothing is given; ``meaning`` is a sentence for people, the same in the
    documents. The value of a ``secret`` appears in no message.
    """

    name: str
    default: str
    parse: Callable[[str], Any]
    meaning: str
    aliases: tuple[str, ...] = ()
    secret: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of the variable; the first one wins."""
        return (self.name, *self.aliases)


def variable(name: str, default: str, parse: Callable[[str], Any], meaning: str, **more: Any) -> dict[str, Variable]:  # noqa: ANN401 - Variable checks the names
    """Metadata for the attrs field that holds the value."""
    return {"variable": Variable(name, default, parse, meaning, **more)}


def optional(parse: Callable[[str], T]) -> Callable[[str], T | None]:
    """Read an empty text as ``None``."""
    return lambda text: parse(text) if text else None


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Read a whole number within bounds, both included."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.removeprefix("-").isdigit() or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(text)

    return parse


def ports(text: str) -> tuple[int, ...]:
    """Read a comma list of ports, none of them twice; 0 is any free one, and may be repeated."""
    parse = whole_number(0, 65_535)
    try:
        read = tuple(parse(item.strip()) for item in text.split(",") if item.strip())
    except ValueError:
        raise ValueError("must be a comma list of ports, each from 0 to 65535") from None
    if len({port for port in read if port}) < len([port for port in read if port]):
        raise ValueError("must name each port once")
    return read


def switch(text: str) -> bool:
    """Read a yes or no."""
    if text.lower() not in SWITCHES:
        raise ValueError("must be true or false")
    return SWITCHES[text.lower()]


def days(text: str) -> timedelta:
    """Read a positive number of days; half a day is 0.5."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 3650:  # noqa: PLR2004 - ten years, so that no date computed from it overflows
        raise ValueError("must be a number of days above 0 and at most 3650")
    return timedelta(days=value)


def gigabytes(text: str) -> int:
    """Read a number of gigabytes, 10^9 bytes each, as bytes; half of one is 0.5."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.1 <= value <= 1_000_000:  # noqa: PLR2004 - less is too small for a WAL; more is larger than any disk
        raise ValueError("must be a number of gigabytes from 0.1 to 1000000")
    return round(value * 1_000_000_000)


def path(text: str) -> Path:
    """Read a file system path; ``~`` is the home folder."""
    try:
        if "\0" in text:
            raise ValueError("must have no null character")
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError("starts with ~, but there is no home folder") from None


def duckdb_takes(file: Path) -> bool:
    """Whether DuckDB opens this file and not another, and finds its WAL: it reads parts of some names as syntax."""
    name = os.fsencode(file)
    return b"?" not in name and b"\\" not in name and name.decode(errors="replace").encode() == name


def cookie_key(text: str) -> bytes:
    """Read 32 bytes in base64, of either alphabet, padded or not. An empty text is no bytes."""
    standard = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        key = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be base64") from None
    if text and len(key) != COOKIE_KEY_BYTES:
        raise ValueError(f"must be base64 of exactly {COOKIE_KEY_BYTES} bytes, but holds {len(key)}")
    return key


def web_url(text: str) -> str:
    """Read an http or https URL; a slash at the end is dropped."""
    _web_address(text)
    return text.rstrip("/")


def endpoint_url(text: str) -> str:
    """Read a URL with a host, of any scheme that OTLP exporters take."""
    _web_address(text, "http", "https", "grpc", "grpcs")
    return text.rstrip("/")


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL in the form in which browsers write an ``Origin`` header."""
    address = _web_address(url)
    host = f"[{address.hostname}]" if ":" in (address.hostname or "") else address.hostname
    port = "" if address.port in (None, DEFAULT_PORTS[address.scheme]) else f":{address.port}"
    return f"{address.scheme}://{host}{port}"


def origins(text: str) -> tuple[str, ...]:
    """Read web origins, as a comma list or a JSON array."""
    items = _json_texts(text) if text.startswith("[") else text.split(",")
    return tuple(origin_of(item.strip()) for item in items if item.strip())


def networks(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Read addresses and networks (``10.0.0.0/8``), as a comma list."""
    try:
        return tuple(ipaddress.ip_network(item.strip(), strict=False) for item in text.split(",") if item.strip())
    except ValueError:
        raise ValueError("must be a comma list of IP addresses or networks, such as 10.0.0.0/8") from None


def host_names(text: str) -> tuple[str, ...]:
    """Read names of hosts, without scheme and port, as a comma list."""
    names = tuple(item.strip().lower().rstrip(".") for item in text.split(",") if item.strip())
    if not all(_HOST_NAME.fullmatch(name) for name in names):
        raise ValueError("must be a comma list of host names without scheme and port, such as studio.example.com")
    return names


def setup_code(text: str) -> str:
    """Read the code for the first user; ``off`` is none. It is equivalent to a password, so it has to be long."""
    if text.lower() == NO_SETUP_CODE:
        return NO_SETUP_CODE
    if len(text) < _SHORTEST_CODE or not text.isascii() or not text.isprintable():
        raise ValueError(f"must be {_SHORTEST_CODE} printable ASCII characters or more, or off")
    return text


def password_rules(text: str) -> str:
    """Read the name of the rules for new passwords."""
    if text.lower() not in (STRICT, "plain"):
        raise ValueError("must be strict or plain")
    return text.lower()


def log_level(text: str) -> str:
    """Read a log level, in the spelling of the standard library in lower case."""
    if text.lower() not in LOG_LEVELS:
        raise ValueError("must be debug, info, warn or error")
    return LOG_LEVELS[text.lower()]


def log_format(text: str) -> str:
    """Read a log format. Any text but ``text`` is ``json``: a log collector must not break over a spelling."""
    return "text" if text.lower() == "text" else "json"


def site(url: str) -> str:
    """The registrable domain of a URL, by the public suffix list; for an address or a bare name, the host itself.

    Two URLs are one site to a browser exactly if this is equal, and only then does it send our strict cookie along.
    """
    host = urlsplit(url).hostname or ""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return PublicSuffixList().privatesuffix(host) or host


def _web_address(text: str, *schemes: str) -> SplitResult:
    schemes = schemes or tuple(DEFAULT_PORTS)
    fault = f"must be a URL that starts with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    try:
        address = urlsplit(text)
        whole = address.scheme in schemes and address.hostname and (address.port or 0) >= 0
    except ValueError:
        raise ValueError(fault) from None
    if not whole:
        raise ValueError(fault)
    return address


def _json_texts(text: str) -> list[str]:
    try:
        items = json.loads(text)
    except ValueError:
        raise ValueError("must be a comma list or a JSON array of URLs") from None
    if not all(isinstance(item, str) for item in items):
        raise ValueError("must be a comma list or a JSON array of URLs")
    return list(items)
