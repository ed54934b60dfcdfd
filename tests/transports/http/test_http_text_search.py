"""Text search over REST."""

from typing import Any

import pytest

from tests.http_studio import HttpStudio
from tests.spans import START, otlp_request, otlp_span

pytestmark = pytest.mark.integration

_PATH = "/api/v1/observability/search"


async def found(studio: HttpStudio, cookie: str, **query: str) -> list[list[str]]:
    """Names of the spans of each page, reached through the Link header."""
    pages: list[list[str]] = []
    following: str | None = _PATH + "?" + "&".join(f"{key}={value}" for key, value in query.items())
    while following:
        reply = await studio.call("GET", following, cookie=cookie)
        assert reply.status == 200
        pages.append([span["name"] for span in reply.json])
        link = reply.headers.get("Link")
        following = link.removeprefix("<").removesuffix('>; rel="next"') if link else None
    return pages


def flat(pages: list[list[str]]) -> list[str]:
    """The spans of all pages: where pages end is a matter of time, too."""
    return [name for page in pages for name in page]


async def send(studio: HttpStudio, key: str, number: int, service: str = "tests", **attributes: Any) -> None:
    span = otlp_span(number, trace_id=number, start=START + number * 3_600_000_000_000, **attributes)
    await studio.send_spans(key, otlp_request(span, service=service).SerializeToString())


async def test_text_is_found_in_attributes_and_pages_join(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    key = await studio.make_key(cookie)
    for number in range(1, 8):
        await send(studio, key, number, text=f'say "hällo"\n{number}')
    await send(studio, key, 8, text="nothing of it")
    pages = await found(studio, cookie, text="%22h%C3%A4llo%22%0A", limit="3")
    assert [name for page in pages for name in page] == [f"span {number}" for number in range(7, 0, -1)]
    assert [len(page) for page in pages][:2] == [3, 3]


async def test_service_and_times_bound_the_search(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    key = await studio.make_key(cookie)
    for number in range(4):  # starts at 23:13:20 and each hour after
        await send(studio, key, number + 1, service="a" if number % 2 else "b", text="needle")
    assert flat(await found(studio, cookie, text="needle", service="a")) == ["span 4", "span 2"]
    since, until = "2023-11-15T00:00:00Z", "2023-11-15T02:00:00%2B00:00"
    assert flat(await found(studio, cookie, text="needle", since=since, until=until)) == ["span 3", "span 2"]
    assert flat(await found(studio, cookie, text="Needle")) == []


async def test_times_outside_of_what_a_span_can_have_bound_nothing_or_everything(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    await send(studio, await studio.make_key(cookie), 1, text="needle")
    first, last = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"
    assert await found(studio, cookie, text="needle", since=first, until=last) == [["span 1"]]
    assert await found(studio, cookie, text="needle", since=last) == [[]]
    assert await found(studio, cookie, text="needle", until=first) == [[]]


@pytest.mark.parametrize("query", ["", "text=a&since=yesterday", "text=a&limit=0", "text=a&before=x"])
async def test_a_malformed_query_is_told(studio: HttpStudio, query: str) -> None:
    cookie = await studio.set_up()
    reply = await studio.call("GET", f"{_PATH}?{query}", cookie=cookie)
    assert reply.status == 422
    assert reply.json["detail"][0]["loc"][0] == "query"


async def test_it_takes_a_session(studio: HttpStudio) -> None:
    assert (await studio.call("GET", f"{_PATH}?text=a")).status == 401
