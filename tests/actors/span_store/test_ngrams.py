"""What rules text out never rules out what is there, and is ignored when it is damaged or of another file."""

import random
import struct
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.span_store.columns.promoted import is_model_call
from actors.span_store.columns.rows import numbered, rows_of
from actors.span_store.columns.spans import Span, SpanEvent, span_columns
from actors.span_store.embedded.damage import Damage
from actors.span_store.embedded.hot.memtable import Memtable, MemtableSnapshot
from actors.span_store.embedded.hot.wal import Wal
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.problems import Problems
from actors.span_store.embedded.reads.text_search import TextSearch
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.manifest import Manifest
from actors.span_store.embedded.sealed.segment_file import encoded
from actors.span_store.embedded.text.ngram_builder import NgramBuilder
from actors.span_store.embedded.text.ngram_files import NgramFiles, SealedFile, name_of
from actors.span_store.messages import FoundSpans, SearchText
from actors.span_store.query.position import Position
from actors.span_store.query.text.ngrams import SIZE, NgramNeedle, grams_of
from tests.spans import START, span

pytestmark = pytest.mark.unit

BITS = SIZE * 8
PIECE = 1024 * 1024
ALPHABET = 'ab"\\\n\t/é漢😀 \x00'  # one to four bytes each in UTF-8, some escaped in JSON
TEXTS = st.text(ALPHABET, max_size=12)
SPANS = 700  # more than a row group
FILES = 3


def bits_of(text: bytes) -> set[int]:
    """The definition: what files say must stay what it was, or be in another format."""
    words = [int.from_bytes(text[begin : begin + 4], "little") * 0x9E3779B1 for begin in range(len(text) - 3)]
    fives = [(word + after) % 2**32 >> 15 for word, after in pairwise(words)]
    return {word % 2**32 >> 16 for word in words} | {2**16 + five for five in fives}


def sought(*forms: str) -> NgramNeedle:
    return NgramNeedle([[[form] for form in forms]])


def may_have(text: bytes, *forms: str) -> bool:
    return sought(*forms).may_be_in(memoryview(grams_of(text)))


@given(st.one_of(st.binary(max_size=300), TEXTS.map(str.encode)))
def test_each_sequence_of_a_text_sets_its_bit_and_nothing_else_is_set(text: bytes) -> None:
    found = grams_of(text)
    assert len(found) == SIZE
    assert {bit for bit in range(BITS) if found[bit // 8] >> bit % 8 & 1} == bits_of(text)


@given(before=TEXTS, inside=TEXTS, after=TEXTS)
def test_what_is_in_a_text_may_be_in_it(before: str, inside: str, after: str) -> None:
    assert may_have(f"{before}{inside}{after}".encode(), inside)


def test_a_text_may_have_any_of_its_forms() -> None:
    text = b"all of this is text"
    assert may_have(text, "is text")
    assert not may_have(text, "is not text")
    assert may_have(text, "is not text", "is text")
    assert may_have(text, "xyz")  # too short to tell
    assert may_have(b"", "xyz")
    assert not may_have(b"xyz", "wxyz")
    assert not may_have(b"abcd bcde", "abcde")


def test_a_text_must_have_a_spelling_of_each_window_with_all_its_pieces() -> None:
    grams = memoryview(grams_of(b"one text, another"))
    assert NgramNeedle([[["one text"]], [["nothing"], ["another"]]]).may_be_in(grams)
    assert not NgramNeedle([[["one text"]], [["nothing"], ["anyone"]]]).may_be_in(grams)
    assert NgramNeedle([[["one ", "ther"]]]).may_be_in(grams)
    assert not NgramNeedle([[["one ", "they"]]]).may_be_in(grams)


@pytest.mark.parametrize("place", range(PIECE - 8, PIECE + 4))
def test_long_texts_are_looked_through_in_pieces_that_overlap(place: int) -> None:
    assert may_have(b" " * place + b"needle" + b" " * 1000, "needle")


def test_a_text_may_have_every_sequence() -> None:
    assert grams_of(random.Random(4).randbytes(4 * PIECE)) == b"\xff" * SIZE


class Store:
    """Sealed files in an index, and what rules text out of them."""

    def __init__(self, folder: Path) -> None:
        self.folders = Folders(folder / "traces.duckdb")
        self.connection = index.open_index(self.folders.index)
        self.folders.make()
        self.grams = NgramFiles(self.folders.grams, self.folders.segments)
        self.none = NgramFiles(folder, self.folders.segments)

    def add(self, number: int, spans: list[Span]) -> None:
        rows = numbered(rows_of(span_columns(spans)), SPANS * number)
        with index.transaction(self.connection):
            new = encoded(pa.Table.from_batches([rows]))
            index.add(self.connection, number, self.folders.segments, new, arrived_before=START)
        self.make(self.sealed(number))

    def sealed(self, number: int) -> SealedFile:
        rows = self.connection.execute("SELECT segment, bytes, checksum FROM segment WHERE segment = ?", [number])
        [file] = rows.fetchall()
        return SealedFile(*file)

    def make(self, sealed: SealedFile) -> None:
        self.grams.make(sealed, self.grams.sets(sealed))

    def path(self, number: int) -> Path:
        return self.folders.grams / name_of(number)

    def search(
        self, text: str, grams: NgramFiles, seconds: float = 60.0, before: Position | None = None, **request: int
    ) -> FoundSpans:
        journal = Wal(self.folders.journals / "0.wal")
        recent = MemtableSnapshot([Memtable(0, 2**63, journal)])
        journal.delete()
        search = TextSearch(
            SearchText(text=text, before=before, **request),  # type: ignore[arg-type] # a name and its number
            self.folders.segments,
            Damage(Problems()),
            grams,
            counted_of=lambda rows: is_model_call(rows["type"]),
            soon=seconds,
            budget=seconds,
        )
        return search.run(self.connection, recent)


def some_text(chance: random.Random) -> str:
    return "".join(chance.choices(ALPHABET, k=chance.randrange(9)))


def some_span(number: int, chance: random.Random) -> Span:
    values = (some_text(chance), chance.randrange(10**6), [some_text(chance)], {some_text(chance): some_text(chance)})
    return span(
        number,
        trace_id=number // 10 + 1,
        parent=1 if number % 10 else None,
        name=some_text(chance),
        status_message=some_text(chance),
        attributes={some_text(chance): chance.choice(values) for _ in range(3)},
        events=[SpanEvent(1, some_text(chance), {some_text(chance): some_text(chance)})] if number % 3 else (),
    )


@pytest.fixture(scope="module")
def spans() -> list[list[Span]]:
    chance = random.Random(3)
    return [[some_span(file * SPANS + n, chance) for n in range(SPANS)] for file in range(FILES)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, spans: list[list[Span]]) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("store"))
    for number, members in enumerate(spans):
        store.add(number, members)
    with store.connection:
        yield store


@given(text=st.text(ALPHABET, min_size=1, max_size=6))
def test_exactly_the_same_is_found(store: Store, text: str) -> None:
    page = store.search(text, store.grams, limit=5000)
    assert page == store.search(text, store.none, limit=5000)


@given(data=st.data())
def test_parts_of_what_is_stored_are_found(store: Store, spans: list[list[Span]], data: st.DataObject) -> None:
    """Texts that begin or end where a value does among them."""
    each = data.draw(st.sampled_from(data.draw(st.sampled_from(spans))))
    texts = [each.name, each.status_message, *each.attributes, *(event.name for event in each.events)]
    texts += [value for value in each.attributes.values() if isinstance(value, str)]
    whole = data.draw(st.sampled_from(texts))
    begin = data.draw(st.integers(0, len(whole)))
    text = whole[begin : data.draw(st.integers(begin, len(whole)))]
    if text:
        page = store.search(text, store.grams, limit=5000)
        assert (each.trace_id, each.span_id) in {(found.trace_id, found.span_id) for found in page.spans}
        assert page.before is None


@pytest.mark.parametrize("text", ["nobody wrote this", "ab", "漢"])
def test_pages_join_when_there_is_time_for_nothing(store: Store, text: str) -> None:
    pages = [store.search(text, store.grams, seconds=0.0, limit=5000)]
    while pages[-1].before is not None:
        pages.append(store.search(text, store.grams, seconds=0.0, limit=5000, before=pages[-1].before))
    assert len(pages) == FILES
    assert [each for page in pages for each in page.spans] == [*store.search(text, store.none, limit=5000).spans]


def test_row_groups_without_the_text_are_ruled_out(store: Store) -> None:
    for number in range(FILES):
        assert store.grams.groups(store.sealed(number), sought("nobody wrote this")) == []
        everything = store.grams.groups(store.sealed(number), sought("ab"))
        assert everything == list(range(len(everything or [])))
    assert store.search("nobody wrote this", store.grams).before is None


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 1
    return bytes(changed)


def with_another_format(content: bytes) -> bytes:
    return struct.pack("<I", 99) + content[4:]


@pytest.mark.parametrize("harm", [cut, flipped, with_another_format, lambda _: b"", lambda _: b"x" * 7])
def test_a_file_that_is_not_good_counts_as_missing_and_can_be_made_again(
    tmp_path: Path, harm: Callable[[bytes], bytes]
) -> None:
    store = Store(tmp_path)
    store.add(1, [span(1, attributes={"a": "needle"})])
    good = store.path(1).read_bytes()
    store.path(1).write_bytes(harm(good))
    assert store.grams.groups(store.sealed(1), sought("needle")) is None
    assert not store.path(1).exists()
    store.make(store.sealed(1))
    assert store.path(1).read_bytes() == good
    assert store.grams.groups(store.sealed(1), sought("needle")) == [0]


@pytest.mark.parametrize("checksum", [True, False], ids=["checksum", "none"])
def test_a_file_of_another_segment_counts_as_missing(tmp_path: Path, checksum: bool) -> None:
    """Numbers are given again when the index is made again after it was lost."""
    store = Store(tmp_path)
    store.add(1, [span(1, attributes={"a": "needle"})])
    store.add(2, [span(2, attributes={"a": "another one, and so another size"})])
    if not checksum:  # as an earlier version wrote it
        store.connection.execute("UPDATE segment SET checksum = NULL")
        store.make(store.sealed(1))
    assert store.grams.groups(store.sealed(1), sought("needle")) == [0]
    other = store.sealed(2)
    store.path(2).rename(store.path(1))
    assert store.grams.groups(store.sealed(1), sought("needle")) is None
    assert store.search("needle", store.grams).spans
    store.path(1).write_bytes(b"")
    store.make(store.sealed(1))
    assert store.grams.groups(SealedFile(1, other.size, other.checksum), sought("needle")) is None


def test_what_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add(1, [span(1)])
    sealed = store.sealed(1)
    [path] = store.folders.segments.iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    store.path(1).unlink()
    with pytest.raises((OSError, pa.ArrowException)):
        store.make(sealed)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        store.make(sealed)
    assert list(store.folders.grams.iterdir()) == []


def test_the_newest_is_made_first_and_only_while_nothing_waits(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in (1, 3, 2):
        store.add(number, [span(1, trace_id=number, start=START + number)])
        store.path(number).unlink()
    moments = [True, True, False]
    asked = threading.Event()

    def nothing_waits() -> bool:
        moment = moments.pop(0)
        if not moment:
            asked.set()
        return moment

    maker = NgramBuilder(store.grams, Manifest(store.connection.cursor()), nothing_waits)
    maker.start()
    assert asked.wait(20)
    maker.close()
    assert store.grams.names() == {name_of(3), name_of(2)}
    assert not moments


def test_what_the_maker_makes_at_leisure_has_all_row_groups(store: Store) -> None:
    good = store.path(0).read_bytes()
    assert len(good) > 2 * SIZE
    store.path(0).unlink()
    moments = [True, False]
    asked = threading.Event()

    def nothing_waits() -> bool:
        if not moments[0]:
            asked.set()
        return moments.pop(0)

    maker = NgramBuilder(store.grams, Manifest(store.connection.cursor()), nothing_waits)
    maker.start()
    assert asked.wait(20)
    maker.close()
    assert store.path(0).read_bytes() == good


def test_what_the_rows_had_while_they_were_sealed_is_what_the_file_has(store: Store, spans: list[list[Span]]) -> None:
    for number, members in enumerate(spans):
        rows = pa.Table.from_batches([numbered(rows_of(span_columns(members)), SPANS * number)])
        made = encoded(rows, lambda: True)
        assert made.content == encoded(rows).content
        assert made.grams is not None
        assert len(made.grams) > SIZE  # several row groups
        assert made.grams in store.path(number).read_bytes()
        assert encoded(rows, iter((True, False)).__next__).grams is None


def test_what_was_offered_spares_reading_the_file_as_long_as_it_is_not_too_much(tmp_path: Path) -> None:
    store = Store(tmp_path)
    most = 8
    for number in range(most + 1):
        store.add(number, [span(1, trace_id=number + 1, attributes={"t": "of the file"})])
        store.path(number).unlink()
    all_made = threading.Event()

    def nothing_waits() -> bool:
        if len(store.grams.names()) > most:
            all_made.set()
        return True

    maker = NgramBuilder(store.grams, Manifest(store.connection.cursor()), nothing_waits)
    for number in range(most + 1):
        maker.offer(number, grams_of(b"of the rows"))
    maker.start()
    assert all_made.wait(20)
    maker.close()
    of_file, of_rows = sought("of the file"), sought("of the rows")
    assert store.grams.groups(store.sealed(0), of_file) == [0]
    for number in range(1, most + 1):
        assert store.grams.groups(store.sealed(number), of_rows) == [0]
        assert store.grams.groups(store.sealed(number), of_file) == []
