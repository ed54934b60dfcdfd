"""The state of an open store, from memory."""

from collections.abc import Iterator

from actors.span_store.embedded.hot.memtables import Memtables
from actors.span_store.embedded.maintenance.deletion_job import DeletionJob
from actors.span_store.embedded.maintenance.retention import CurrentRetention
from actors.span_store.embedded.maintenance.tidying import Tidying
from actors.span_store.embedded.maintenance.trusted_clock import TrustedClock
from actors.span_store.embedded.problems import Problems
from actors.span_store.embedded.sealed.segments import Segments
from actors.span_store.embedded.text.ngram_builder import NgramBuilder
from actors.span_store.messages import Job, StoreState


class State:
    """Asks the parts how they are."""

    def __init__(
        self,
        memtables: Memtables,
        segments: Segments,
        ngrams: NgramBuilder,
        deletions: DeletionJob,
        tidying: Tidying,
        *,
        clock: TrustedClock,
        retention: CurrentRetention,
        problems: Problems,
    ) -> None:
        self._memtables = memtables
        self._manifest = segments.manifest
        self._ngrams = ngrams
        self._deletions = deletions
        self._tidying = tidying
        self._clock = clock
        self._retention = retention
        self._problems = problems

    def now(self) -> StoreState:
        return StoreState(
            problems=self._problems.sentences(),
            is_open=True,
            recent_spans=self._memtables.spans,
            recent_bytes=self._memtables.bytes,
            segments=len(self._manifest.segments),
            segment_bytes=self._manifest.bytes,
            sealed_spans=self._manifest.spans,
            retention_waits=self._clock.waiting if self._retention.now.age is not None else None,
            background=tuple(self._jobs()),
        )

    def _jobs(self) -> Iterator[Job]:
        """Work in the background, or waiting for its turn there."""
        full = len(self._memtables.full)
        if full:
            yield Job(name="seal", done=0, of=full)
        if self._ngrams.progress is not None:
            done, of = self._ngrams.progress
            yield Job(name="text index", done=done, of=of)
        if self._deletions.under_way:
            yield Job(name="deletion", done=0, of=self._deletions.under_way)
        if self._tidying.rewriting is not None:
            yield self._tidying.rewriting
