"""What was said is found however JSON spells it, and nothing is found that only the spelling has."""

import json
from collections.abc import Callable
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors.span_store.columns.rows import rows_of
from actors.span_store.columns.spans import Span, SpanEvent, span_columns
from actors.span_store.query.text.needle import Needle
from actors.span_store.query.text.ngrams import NgramNeedle, grams_of
from actors.span_store.query.text.said_text import says
from actors.span_store.query.text.searched_columns import grams_of_rows, saying
from tests.actors.span_store.stage import NEEDLES, SAID, ascii_json, message, places
from tests.spans import span

pytestmark = pytest.mark.unit

ALPHABET = 'ab"\\\n\t/éÿ漢😀\U0001f9ff \x00nu0c<{['
TEXTS = st.text(st.sampled_from(ALPHABET), min_size=1, max_size=10)


def utf8_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def for_web_pages(value: Any) -> str:
    """As .NET, Go and PHP do: capital hexadecimal digits, and escapes for what HTML knows."""
    text = utf8_json(value).replace("/", "\\/")
    return "".join(f"\\u{ord(c):04X}" if c in "<>&'+=`\x7f" or "\x7f" < c < "\uffff" else c for c in text)


ENCODERS = [ascii_json, utf8_json, for_web_pages]


def found(spans: list[Span], text: str) -> list[bool]:
    """Which of them say it; a set of sequences must not rule those out."""
    rows = pa.Table.from_batches([rows_of(span_columns(spans))])
    needle = Needle(text)
    mask: list[bool] = saying(rows, needle).to_pylist()
    sought = NgramNeedle(needle.windows)
    for number, is_found in enumerate(mask):
        if is_found:
            assert sought.may_be_in(memoryview(grams_of_rows(rows.take([number]))))
    return mask


@pytest.mark.parametrize("encode", ENCODERS)
@pytest.mark.parametrize("text", NEEDLES)
def test_what_was_said_is_found_in_every_place(encode: Callable[[Any], str], text: str) -> None:
    spans = places(SAID, encode)
    missing = [name for name, hit in zip(spans, found(list(spans.values()), text), strict=True) if not hit]
    assert missing == []


@settings(max_examples=40)  # each of 18 spans, whose sequences are looked up one by one
@given(before=TEXTS, text=TEXTS, after=TEXTS, encode=st.sampled_from(ENCODERS))
@example(before="\\", text='"', after="n", encode=ascii_json)
@example(before="a", text="\\u00e9", after="b", encode=for_web_pages)
def test_every_part_of_what_was_said_is_found(before: str, text: str, after: str, encode: Callable[[Any], str]) -> None:
    spans = places(f"{before}{text}{after}", encode)
    missing = [name for name, hit in zip(spans, found(list(spans.values()), text), strict=True) if not hit]
    assert missing == []


@given(said=TEXTS, text=TEXTS, encode=st.sampled_from(ENCODERS))
@example(said="hi\nsecond", text="nsecond", encode=ascii_json)
@example(said="Zürich", text="u00fc", encode=ascii_json)
@example(said="ü", text="0", encode=ascii_json)
@example(said='say "hi"', text="\\", encode=utf8_json)
def test_nothing_is_found_that_only_the_spelling_has(said: str, text: str, encode: Callable[[Any], str]) -> None:
    """Members, brackets and quotes are a part of JSON that was sent, so only needles without these are tried."""
    if says(said, text) or set(text) & set('[{"') or text in "role user parts type text content body":
        return
    spans = places(said, encode)
    surely = ("list", "json", "json in json", "three times", "json in a list", "json in a text of json", "event")
    assert not any(found([spans[name] for name in surely], text))
    assert not any(found([spans["event's attribute"], spans["json in an event"]], text))


@pytest.mark.parametrize("text", ["timeUnixNano", "attributes", ":", ",", "[", "}", '"', '":'])
def test_the_form_in_which_events_and_lists_are_stored_was_said_by_nobody(text: str) -> None:
    spans = [span(1, attributes={"k": ["x", 5], "m": {"y": True}}, events=[SpanEvent(1, "e", {"a": "z"})])]
    assert found(spans, text) == [False]


@pytest.mark.parametrize("text", ["5", "2.5", "true", "-7"])
def test_numbers_are_found_as_they_are_written(text: str) -> None:
    assert found([span(1, attributes={"k": [5, 2.5, -7], "m": {"y": True}})], text) == [True]


@pytest.mark.parametrize("text", ['"role":"user"', "[{", '"content":"Z'])
def test_members_of_json_that_was_sent_are_found(text: str) -> None:
    assert found([span(1, attributes={"t": utf8_json(message(SAID))})], text) == [True]


def test_half_of_a_character_harms_nothing() -> None:
    for text in ('{"a":"x \\ud83d y Z\\u00fcrich"}', '{"a":"Z\\u00fcrich \\ud83d"}', '{"a":"Z\\u00fcrich \\u00'):
        assert found([span(1, attributes={"t": text})], "Zürich") == [True]


def test_a_text_in_quotes_is_a_text_and_json() -> None:
    spans = [span(1, attributes={"t": '"C:\\temp"'})]
    assert found(spans, "C:\\temp") == found(spans, "C:\temp") == [True]
    assert found([span(1, attributes={"t": "C:\\temp"})], "C:\temp") == [False]


def test_capitals_in_escapes_may_be_mixed() -> None:
    for code in ("00fc", "00FC", "00Fc", "00fC"):
        assert found([span(1, attributes={"t": f'{{"a":"Z\\u{code}rich"}}'})], "Zürich") == [True]


@pytest.mark.parametrize("text", ["\\" * 4000, '"\\' * 2000, "\U000fdfff" * 2000, "ü" * 4000, "a" * 8000, "aü" * 3000])
def test_a_hostile_needle_has_few_spellings(text: str) -> None:
    needle = Needle(text)
    assert len(needle.pattern) < max(10_000, 2 * len(text))
    assert sum(len(window) for window in needle.windows) <= 48 * 400
    assert found([span(1, attributes={"t": ascii_json([text])}), span(1)], text) == [True, False]


def test_what_is_too_long_to_be_read_counts_as_saying_what_it_looks_like() -> None:
    nested = "Zürich\nsecond"
    while len(nested) < 60_000:
        nested = ascii_json([nested])
    for count, looks_do in ((1, False), (4, True)):
        text = ascii_json([nested] * count)
        spans = [span(1, attributes={"t": text})]
        assert (len(text) > 2**18) is looks_do
        assert found(spans, "Zürich") == [True]
        assert found(spans, "nobody said it") == [False]
        assert found(spans, "nsecond") == [looks_do]


def test_a_search_reads_so_much_and_no_more() -> None:
    text = ascii_json(["hi\nsecond", "x" * 2**17])
    rows = pa.Table.from_batches([rows_of(span_columns([span(1, attributes={"t": text})]))])
    needle = Needle("nsecond")
    answers = [saying(rows, needle).to_pylist() for _ in range(2**25 // len(text) + 3)]
    assert answers[0] == [False]
    assert answers[-1] == [True]


def test_plain_words_have_one_spelling() -> None:
    needle = Needle("rate limit exceeded")
    assert needle.pattern == "rate limit exceeded"
    assert needle.windows == ((("rate limit exceeded",),),)


def test_spellings_rule_out_what_has_none_of_them() -> None:
    grams = memoryview(grams_of(b"Munich \\u00fcber 100 \\n line"))
    for text in ("Zürich", "東京都庁", "🙂🙂", "C:\\temp", 'hi"\nsecond'):
        assert not NgramNeedle(Needle(text).windows).may_be_in(grams), text


@given(text=TEXTS)
def test_json_in_json_is_what_it_is_in_itself(text: str) -> None:
    once = orjson.dumps({"a": text}).decode()
    assert says(orjson.dumps([once]).decode(), once if "\\" not in once else text)
