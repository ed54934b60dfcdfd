"""HTTP client of a running studio, for the command line: one request after the other."""

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

import attrs
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status as RpcStatus

from actors.retry_after import seconds_to_wait
from studio.addresses import is_this_machine
from studio.settings import client_defaults
from transports.masking import without_keys

_TIMEOUT = 120.0  # seconds of silence
_MOST_TRIES = 60
_LATER = (429, 503)
_LONGEST_WAIT = 10.0  # seconds between two tries


class TransferFailed(Exception):
    """The work failed, wholly or in part. The text is for the person at the terminal; no key is in it."""


class Refused(TransferFailed):
    """The studio answered with a final error. ``status`` is that of HTTP."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


@attrs.frozen
class StudioClient:
    """Client of the REST API at ``endpoint``, a URL without a slash at the end.

    ``is_far`` allows the proxies that the environment names; those cannot reach a studio of this machine.
    """

    endpoint: str
    key: str = attrs.field(repr=False)
    is_far: bool = False

    @contextmanager
    def download(self, path: str, query: Mapping[str, str]) -> Iterator[IO[bytes]]:
        """Open an answer, to be read inside the block. ``TransferFailed`` also when it ends too early."""
        try:
            with self._open(Request(f"{self.endpoint}{path}?{urlencode(query)}")) as response:  # noqa: S310 - see _open
                yield response
        except (HTTPException, ConnectionError, TimeoutError) as fault:
            raise TransferFailed(f"{self.endpoint} broke off in the middle: what has come is not the whole") from fault

    def get(self, path: str, query: Mapping[str, str]) -> bytes:
        """Get a whole answer."""
        with self.download(path, query) as answer:
            return answer.read()

    def send(self, path: str, body: bytes, content_type: str) -> bytes:
        """Post one OTLP request to the path of its signal; returns the body of the answer.

        Waits where the studio asks for it.
        """
        request = Request(f"{self.endpoint}{path}", body, {"Content-Type": content_type})  # noqa: S310 - see _open
        try:
            with self._open(request) as response:
                return response.read()
        except (HTTPException, ConnectionError, TimeoutError) as fault:
            raise TransferFailed(f"{self.endpoint} broke off in the middle") from fault

    def _open(self, request: Request) -> HTTPResponse:
        if not self.endpoint.startswith(("http://", "https://")):
            raise TransferFailed(f"{self.endpoint} is no URL of a studio; one looks like http://localhost:1323")
        if not self.key.isascii() or not self.key.isalnum():
            raise TransferFailed("An API key has letters and digits only")
        request.add_header("x-junjo-api-key", self.key)
        opener = self._opener()
        for attempt in range(_MOST_TRIES):
            try:
                answer: HTTPResponse = opener.open(request, timeout=_TIMEOUT)
            except HTTPError as refusal:
                if refusal.code not in _LATER or attempt == _MOST_TRIES - 1:
                    raise Refused(f"{self.endpoint} says {refusal.code}: {_detail(refusal)}", refusal.code) from refusal
                time.sleep(_wait(refusal))
            except OSError as fault:
                raise TransferFailed(f"No studio answers at {self.endpoint}: {fault}") from fault
            else:
                return answer
        raise AssertionError("the last try ends above")

    def _opener(self) -> OpenerDirector:
        return build_opener(_NoRedirects) if self.is_far else build_opener(_NoRedirects, ProxyHandler({}))


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirects. The key is for the studio that was named, and a redirect would take it elsewhere."""

    def redirect_request(self, *_: object) -> None:
        """Follow none: the answer becomes an ``HTTPError``."""


def _detail(refusal: HTTPError) -> str:
    body = refusal.read()
    elsewhere = refusal.headers.get("Location")
    if elsewhere:
        return f"it points to {without_keys(elsewhere)!r}, and a key follows no redirect: is --endpoint right?"
    try:
        if refusal.headers.get_content_type() == "application/x-protobuf":
            return RpcStatus.FromString(body).message or refusal.reason
        document = json.loads(body)
        detail = document.get("detail") or document["message"]
        return "; ".join(map(_fault, detail)) if isinstance(detail, list) else str(detail)
    except (ValueError, KeyError, AttributeError, TypeError, DecodeError):
        return refusal.reason


def _fault(item: Mapping[str, Any]) -> str:
    """One item of a 422: where, and what."""
    _, *where = item["loc"]
    return f"{' '.join(map(str, where))}: {item['msg']}"


def _wait(refusal: HTTPError) -> float:
    seconds = seconds_to_wait(refusal.headers)
    return 1.0 if seconds is None else min(seconds, _LONGEST_WAIT)


def client_of(given: argparse.Namespace) -> StudioClient:
    """Make a client of the studio that ``arguments.add_studio`` let somebody name. ``TransferFailed`` without a key."""
    endpoint, key = client_defaults()
    client = StudioClient(
        (given.endpoint or endpoint).rstrip("/"),
        given.key or key,
        is_far=bool(given.endpoint) and not is_this_machine(given.endpoint),
    )
    if not client.key:
        raise TransferFailed("no API key: give one with --key or in JUNJO_AI_STUDIO_API_KEY")
    return client
