"""The traces of an agent, as OpenInference's instrumentation of OpenAI's SDK writes them.

A trace is one run of an agent: a root of kind AGENT with the question and the final answer, and below it the calls of
models, kind LLM, by which seven tasks are done. A task has a system prompt, which belongs to the service and does not
change, and a request. Two tasks take a second call; it sends again what was said before, and adds the answer
and the result of a tool. An LLM span has its messages twice, as that instrumentation writes them: in the JSON of the
call, and as attributes for each message. New texts are prose (``scripts.load.prose``) for each trace, ids are random.
"""

import json
import random
import struct
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span, Status

from scripts.load.holes import Holes, Mould
from scripts.load.prose import Prose

SPANS_A_TRACE = 10
# Name, model and number of calls of each task.
_TASKS = (
    ("router", "gpt-4o-mini-2024-07-18", 1),
    ("planner", "gpt-4.1-2025-04-14", 1),
    ("researcher", "gpt-4o-2024-08-06", 2),
    ("analyst", "gpt-4o-2024-08-06", 2),
    ("critic", "gpt-4.1-2025-04-14", 1),
    ("writer", "gpt-4.1-2025-04-14", 1),
    ("reviewer", "gpt-4o-mini-2024-07-18", 1),
)
_SESSION, _RESPONSE = 32, 24  # hexadecimal digits of ids
_JITTER = 20  # bits of nanoseconds: about a millisecond
# Attributes of marked spans, and how many values each of them has: a value is in one span of so many.
MARKS = {"load.ten": 10, "load.thousand": 1_000, "load.hundred_thousand": 100_000}
_MARK = 6  # characters
_FAILED = 0.02  # share of marked spans
_QUESTION, _ANSWER, _TOOL, _FINAL = (110, 310), (110, 310), (80, 210), (200, 500)  # characters, from and to
Attributes = dict[str, str | int]
Message = Mapping[str, str]


def mark(number: int) -> str:
    """One of the values that a mark may have."""
    return f"v{number:05d}"


def system_prompts(service: str, prose: Prose) -> list[str]:
    """The system prompts, one for each task; they differ from service to service."""
    return [f"You are the {task} of {service}. {prose.piece(110).decode()}" for task, _, _ in _TASKS]


class TraceMould:
    """Template of traces of one shape: the same lengths and durations; ids, times and texts differ.

    ``chance`` may be seeded: ids do not come from it, so that those of two runs are never the same.
    """

    def __init__(
        self, prompts: Sequence[str], spans: int, chance: random.Random, prose: Prose, *, marked: bool = False
    ) -> None:
        """Make the template of the first ``spans`` spans of a trace, root first.

        ``marked`` spans have the attributes of ``MARKS``, and some of them failed.
        """
        self._marked = marked
        self._chance, self._prose, self._spans = chance, prose, spans
        self._holes = holes = Holes()
        self._trace_id = holes.octets(16)
        self._span_ids = [holes.octets(8) for _ in range(spans)]
        self._times = [(holes.fixed64(), holes.fixed64()) for _ in range(spans)]
        self._session = holes.text(_SESSION)
        self._responses = [holes.text(_RESPONSE) for _ in range(spans)]
        first_text = len(holes.lengths)
        attributes = [self._root(), *self._calls(prompts)][:spans]
        first_mark = len(holes.lengths)
        attributes = [each | self._marks() for each in attributes]
        made = [self._span(number, each) for number, each in enumerate(attributes)]
        self._mould = Mould(ScopeSpans(spans=made).SerializeToString())
        self._offsets, self._duration = self._schedule()
        self._ids = cuts([16, *[8] * spans])
        self._words = cuts([8] * 2 * spans)
        self._digits = cuts([_SESSION, *[_RESPONSE] * spans])
        self._texts = cuts(holes.lengths[first_text:first_mark])

    def make(self, at: int) -> tuple[bytes, bytes]:
        """Make the spans of a new trace that ended at ``at``, in Unix nanoseconds, and their ids.

        The spans are the field of ``ScopeSpans``. The ids are 16 bytes of the trace and 8 of each span.
        """
        ids = random.randbytes(self._ids[-1].stop)
        times = struct.pack(f"<{len(self._words)}Q", *self._times_before(at))
        digits = random.randbytes(self._digits[-1].stop // 2).hex().encode()
        prose = self._prose.piece(self._texts[-1].stop)
        parts = ((ids, self._ids), (times, self._words), (digits, self._digits), (prose, self._texts))
        fillings = [whole[cut] for whole, places in parts for cut in places]
        return self._mould.filled([*fillings, *self._values()]), ids

    def _marks(self) -> Attributes:
        return {name: self._holes.text(_MARK) for name in MARKS} if self._marked else {}

    def _values(self) -> list[bytes]:
        """What fills the marks, span by span."""
        if not self._marked:
            return []
        return [mark(int(random.random() * values)).encode() for _ in range(self._spans) for values in MARKS.values()]

    def _times_before(self, at: int) -> list[int]:
        """Start and end of each span; the root's are those of the trace."""
        start, bits = at - self._duration, self._chance.getrandbits
        return [start, at, *[start + offset + bits(_JITTER) for offset in self._offsets]]

    def _schedule(self) -> tuple[list[int], int]:
        """Start and end of the spans below the root, from the start of the trace; and its duration."""
        offsets, now = [], 2 << _JITTER
        for _ in range(self._spans - 1):
            end = now + self._chance.randint(400_000_000, 4_000_000_000)
            offsets += [now, end]
            now = end + (2 << _JITTER)
        return offsets, now

    def _span(self, number: int, attributes: Attributes) -> Span:
        start, end = self._times[number]
        span = Span(
            trace_id=self._trace_id,
            span_id=self._span_ids[number],
            parent_span_id=self._span_ids[0] if number else b"",
            name="ChatCompletion" if number else "invoke_agent",
            kind=Span.SPAN_KIND_INTERNAL,
            start_time_unix_nano=start,
            end_time_unix_nano=end,
            status=Status(code=self._status()),
        )
        for key, value in attributes.items():
            attribute = span.attributes.add(key=key).value
            if isinstance(value, str):
                attribute.string_value = value
            else:
                attribute.int_value = value
        return span

    def _status(self) -> "Status.StatusCode.ValueType":
        failed = self._marked and self._chance.random() < _FAILED
        return Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_OK

    def _root(self) -> Attributes:
        return {
            "openinference.span.kind": "AGENT",
            "agent.name": "planner",
            "session.id": self._session,
            "input.value": self._text(_QUESTION),
            "input.mime_type": "text/plain",
            "output.value": self._text(_FINAL),
            "output.mime_type": "text/plain",
        }

    def _calls(self, prompts: Sequence[str]) -> list[Attributes]:
        """The calls of all tasks, in their order."""
        calls: list[Attributes] = []
        for prompt, (_, model, count) in zip(prompts, _TASKS, strict=True):
            said = [message("system", prompt), message("user", self._text(_QUESTION))]
            for _ in range(count):
                if len(calls) + 1 == self._spans:
                    return calls
                answer = message("assistant", self._text(_ANSWER))
                calls.append(self._call(model, said, answer, self._responses[len(calls) + 1]))
                said = [*said, answer, message("tool", self._text(_TOOL))]
        return calls

    def _call(self, model: str, said: Sequence[Message], answer: Message, response: str) -> Attributes:
        settings = {"model": model, "temperature": 0.2, "max_tokens": 1024}
        usage = {"prompt_tokens": tokens(said), "completion_tokens": tokens([answer])}
        choice = {"index": 0, "finish_reason": "stop", "message": answer}
        return {
            "openinference.span.kind": "LLM",
            "llm.provider": "openai",
            "llm.model_name": model,
            "llm.invocation_parameters": json.dumps(settings),
            "session.id": self._session,
            "input.value": json.dumps({"messages": said, **settings}),
            "input.mime_type": "application/json",
            "output.value": json.dumps({"id": f"chatcmpl-{response}", "choices": [choice], "usage": usage}),
            "output.mime_type": "application/json",
            **flattened("llm.input_messages", said),
            **flattened("llm.output_messages", [answer]),
            "llm.token_count.prompt": usage["prompt_tokens"],
            "llm.token_count.completion": usage["completion_tokens"],
            "llm.token_count.total": sum(usage.values()),
        }

    def _text(self, bounds: tuple[int, int]) -> str:
        return self._holes.text(self._chance.randint(*bounds))


def cuts(lengths: Sequence[int]) -> list[slice]:
    """The positions of consecutive pieces of these lengths."""
    return [slice(*ends) for ends in pairwise(accumulate(lengths, initial=0))]


def message(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def flattened(prefix: str, messages: Sequence[Message]) -> dict[str, str]:
    """Messages as OpenInference's attributes."""
    return {
        f"{prefix}.{number}.message.{key}": value for number, said in enumerate(messages) for key, value in said.items()
    }


def tokens(messages: Sequence[Message]) -> int:
    """An estimate of tokens: about four characters each."""
    return sum(len(said["content"]) for said in messages) // 4
