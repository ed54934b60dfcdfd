"""Calls of a provider for a run, each of which becomes a trace, however it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from actors.errors import DeadlineExceeded, InternalError, ProviderFailed, StudioError
from actors.playground.connections import Connections
from actors.playground.messages import Finished, RunResult, Started
from actors.playground.prompt import Completion
from actors.playground.provider_table import entry_of
from actors.playground.providers.provider import Chunk
from actors.playground.run_log import RunLog
from actors.playground.run_record import RunRecord
from actors.playground.run_trace import span_of, weight_of
from actors.playground.trace_writer import TraceWriter
from actors.playground.well_formed import Repair, well_formed_completion


class ProviderCalls:
    """Plain and streamed calls of at most ``seconds``."""

    def __init__(self, connections: Connections, traces: TraceWriter, seconds: float) -> None:
        self._connections = connections
        self._traces = traces
        self._seconds = seconds

    async def generate(self, record: RunRecord) -> RunResult:
        """Get the whole answer. Raises what ``Provider`` does, and ``DeadlineExceeded``."""
        entry = entry_of(record.prompt.provider)
        self._connections.check(entry)
        await self._traces.room()
        async with self._settled(record), self._connections.to(entry) as provider:
            completion = well_formed_completion(await provider.generate(record.prompt))
            return record.result(completion)

    async def stream(self, record: RunRecord, log: RunLog) -> None:
        """Stream the answer into the log, up to ``Finished``. Raises as ``generate`` does."""
        entry = entry_of(record.prompt.provider)
        log.append(Started(provider=entry.name, model=record.prompt.model, trace_id=record.trace_id))
        await self._traces.room()
        async with self._settled(record), self._connections.to(entry) as provider:
            async with aclosing(provider.stream(record.prompt)) as chunks:
                repair = Repair()
                async for given in chunks:
                    for chunk in repair.of(given):
                        await self._pass_on(chunk, record, log)
            if record.completion is None:
                raise ProviderFailed(f"{entry.name}: the stream ended early")
            result = record.result(record.completion)
        if result.completion.usage is not None:
            log.append(result.completion.usage)
        log.end(Finished(result=result))

    @staticmethod
    async def _pass_on(chunk: Chunk, record: RunRecord, log: RunLog) -> None:
        is_first = record.note(chunk)
        if isinstance(chunk, Completion):
            return
        log.append(chunk)
        # A provider may have sent much at once: the first text goes out before the next is read.
        await (log.caught_up() if is_first else log.room())

    @asynccontextmanager
    async def _settled(self, record: RunRecord) -> AsyncIterator[None]:
        """Record the outcome of the block, and store the record as a trace."""
        try:
            async with asyncio.timeout(self._seconds):
                yield
        except ProviderFailed as error:
            failure = ProviderFailed(f"Generation failed: {error.detail}")
            failure.retry_after = error.retry_after
            record.fail(failure)
            raise failure from error
        except StudioError as error:
            record.fail(error)
            raise
        except TimeoutError:
            late = DeadlineExceeded(f"The run took more than {self._seconds:g} s")
            record.fail(late)
            raise late from None
        except asyncio.CancelledError:
            record.cancel()
            raise
        except Exception:
            record.fail(InternalError("Internal Server Error"))
            raise
        finally:
            self._traces.add(span_of(record), weight_of(record))
