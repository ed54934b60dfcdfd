"""Every adapter reads its provider's answers, plain and streamed, from local servers of the providers' wire."""

import asyncio
import json

import pytest

from actors.playground.prompt import ChatMessage, Completion, Prompt, ToolCall, Usage
from actors.playground.providers.provider import Chunk, Provider, ReasoningDelta, TextDelta
from tests.providers.pairs import PAIRS, Pair
from tests.providers.server import Script, ScriptedCall, Trouble

pytestmark = pytest.mark.integration

EVERYTHING = Script(
    text=("one ", "two"),
    reasoning=("let me ", "think"),
    calls=(ScriptedCall(id="c1", name="look_up", arguments=('{"q":', '"x"}')),),
    cached=1,
    reasoned=2,
)
CALL = ToolCall(id="c1", name="look_up", arguments='{"q":"x"}')


@pytest.fixture(params=PAIRS, ids=[pair.name for pair in PAIRS])
def pair(request: pytest.FixtureRequest) -> Pair:
    found: Pair = request.param
    return found


async def chunks_of(provider: Provider, prompt: Prompt) -> list[Chunk]:
    return [chunk async for chunk in provider.stream(prompt)]


async def test_a_plain_answer_is_told_whole(pair: Pair) -> None:
    async with pair.open(EVERYTHING) as (_, provider):
        completion = await provider.generate(pair.prompt())
    assert completion.content == "one two"
    assert completion.reasoning == "let me think"
    assert completion.tool_calls == (CALL,)
    assert completion.finish_reason == "tool_calls"
    assert completion.model == pair.model
    assert completion.id
    assert completion.created > 1_600_000_000
    assert completion.usage == Usage(
        prompt_tokens=3, completion_tokens=4, cache_read_tokens=1, cache_write_tokens=0, reasoning_tokens=2
    )


async def test_a_streamed_answer_comes_in_pieces_and_then_whole(pair: Pair) -> None:
    async with pair.open(EVERYTHING) as (_, provider):
        *news, last = await chunks_of(provider, pair.prompt())
        plain = await provider.generate(pair.prompt())
    assert news == [
        ReasoningDelta(text="let me "),
        ReasoningDelta(text="think"),
        TextDelta(text="one "),
        TextDelta(text="two"),
        CALL,
    ]
    assert isinstance(last, Completion)
    assert (last.content, last.reasoning, last.tool_calls) == (plain.content, plain.reasoning, plain.tool_calls)
    assert (last.finish_reason, last.usage, last.model) == (plain.finish_reason, plain.usage, plain.model)


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        ({"openai": "stop", "anthropic": "end_turn", "gemini": "STOP"}, "stop"),
        ({"openai": "stop", "anthropic": "stop_sequence", "gemini": "STOP"}, "stop"),
        ({"openai": "length", "anthropic": "max_tokens", "gemini": "MAX_TOKENS"}, "length"),
        ({"openai": "content_filter", "anthropic": "refusal", "gemini": "SAFETY"}, "content_filter"),
    ],
)
async def test_finish_reasons_are_in_one_language(pair: Pair, words: dict[str, str], ours: str) -> None:
    async with pair.open(Script(finish=words[pair.name])) as (_, provider):
        assert (await provider.generate(pair.prompt())).finish_reason == ours
        last = (await chunks_of(provider, pair.prompt()))[-1]
    assert isinstance(last, Completion)
    assert last.finish_reason == ours


async def test_an_empty_answer_is_an_empty_string(pair: Pair) -> None:
    async with pair.open(Script(text=())) as (_, provider):
        assert (await provider.generate(pair.prompt())).content == ""
        (last,) = await chunks_of(provider, pair.prompt())
    assert isinstance(last, Completion)
    assert last.content == ""


async def test_a_prompt_may_be_long(pair: Pair) -> None:
    said = (ChatMessage(role="user", content="é" * 2_000_000),)
    async with pair.open() as (server, provider):
        await provider.generate(pair.prompt(messages=said))
        await chunks_of(provider, pair.prompt(messages=said))
    assert all("é" * 2_000_000 in json.dumps(seen.body, ensure_ascii=False) for seen in server.seen)


async def test_ten_thousand_deltas_arrive_in_order(pair: Pair) -> None:
    texts = tuple(f"{number} " for number in range(10_000))
    async with pair.open(Script(text=texts)) as (_, provider):
        *news, last = await chunks_of(provider, pair.prompt())
    assert [chunk.text for chunk in news if isinstance(chunk, TextDelta)] == list(texts)
    assert isinstance(last, Completion)
    assert last.content == "".join(texts)


async def test_a_delta_may_be_long(pair: Pair) -> None:
    text = "é" * 1024 * 1024
    async with pair.open(Script(text=(text,))) as (_, provider):
        first, last = await chunks_of(provider, pair.prompt())
    assert first == TextDelta(text=text)
    assert isinstance(last, Completion)
    assert last.content == text


async def test_a_reader_that_pauses_pauses_the_provider(pair: Pair) -> None:
    texts = ("x" * 1024,) * 20_000  # far more than sockets hold
    async with pair.open(Script(text=texts)) as (server, provider):
        chunks = provider.stream(pair.prompt())
        await anext(chunks)
        async with asyncio.timeout(120):
            await server.stalled.wait()
        assert not server.begun.is_set()
        await chunks.aclose()


async def test_calls_share_a_connection(pair: Pair) -> None:
    async with pair.open() as (server, provider):
        for _ in range(2):
            await provider.generate(pair.prompt())
            await chunks_of(provider, pair.prompt())
            await provider.models()
    assert len(server.seen) == 6
    assert len(server.connections) == 1


async def test_runs_go_on_side_by_side(pair: Pair) -> None:
    async with pair.open() as (server, provider):
        answers = await asyncio.gather(*(chunks_of(provider, pair.prompt()) for _ in range(16)))
    assert len({str(answer[:-1]) for answer in answers}) == 1
    assert all(len(answer) == 4 for answer in answers)
    assert len(server.seen) == 16


@pytest.mark.concurrency
async def test_a_stream_may_be_read_on_by_another_task(pair: Pair) -> None:
    async with pair.open() as (_, provider):
        chunks = provider.stream(pair.prompt())
        first = await asyncio.ensure_future(anext(chunks))
        rest = [chunk async for chunk in chunks]
    assert first == TextDelta(text="hello ")
    assert len(rest) == 3


@pytest.mark.concurrency
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
async def test_who_cancels_closes_the_connection(pair: Pair, streamed: bool) -> None:
    async with pair.open(Script(trouble=Trouble.HANG)) as (server, provider):
        call = chunks_of(provider, pair.prompt()) if streamed else provider.generate(pair.prompt())
        run = asyncio.ensure_future(call)
        async with asyncio.timeout(120):
            await server.begun.wait()
        run.cancel()
        async with asyncio.timeout(120):
            await server.disconnected.wait()
        with pytest.raises(asyncio.CancelledError):
            await run


@pytest.mark.concurrency
async def test_who_stops_reading_closes_the_connection(pair: Pair) -> None:
    async with pair.open(Script(trouble=Trouble.HANG)) as (server, provider):
        chunks = provider.stream(pair.prompt())
        assert await anext(chunks) == TextDelta(text="hello ")
        await chunks.aclose()
        async with asyncio.timeout(120):
            await server.disconnected.wait()
        server.play(Script())
        assert (await provider.generate(pair.prompt())).content == "hello from the provider"


async def test_a_stream_that_nobody_reads_calls_nobody(pair: Pair) -> None:
    async with pair.open() as (server, provider):
        await provider.stream(pair.prompt()).aclose()
    assert server.seen == []
