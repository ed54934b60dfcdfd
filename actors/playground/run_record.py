"""The record of a run: collected while it goes on, for its result and its trace."""

import secrets
import time

import attrs

from actors.errors import StudioError
from actors.playground.messages import Cancelled, CancelReason, RunResult
from actors.playground.model_facts import cost
from actors.playground.prompt import Completion, Prompt, ToolCall, Usage
from actors.playground.providers.provider import Chunk, ReasoningDelta, TextDelta
from actors.principal import Principal

_CHARACTERS_PER_TOKEN = 4  # of English text, by the providers' rule of thumb


@attrs.define(kw_only=True, eq=False)
class RunRecord:
    """One call of a provider. ``run_id`` is the user's id for it, when it was started over a socket."""

    prompt: Prompt
    by: Principal
    run_id: str | None = None
    trace_id: str = attrs.field(factory=lambda: secrets.token_hex(16))
    span_id: str = attrs.field(factory=lambda: secrets.token_hex(8))
    started_at: int = attrs.field(factory=time.time_ns)  # Unix nanoseconds
    seconds: float = 0.0
    time_to_first_token: float | None = None
    completion: Completion | None = None
    error: StudioError | None = None
    cancelled: CancelReason | None = None
    cost: float | None = None
    _begun: float = attrs.field(factory=time.perf_counter)
    _text: list[str] = attrs.field(factory=list)
    _reasoning: list[str] = attrs.field(factory=list)
    _tool_calls: list[ToolCall] = attrs.field(factory=list)
    _counted: Usage | None = None

    def note(self, chunk: Chunk) -> bool:
        """Record a chunk; true for the first one with output."""
        is_first = self.time_to_first_token is None and not isinstance(chunk, Usage | Completion)
        if is_first:
            self.time_to_first_token = time.perf_counter() - self._begun
        match chunk:
            case TextDelta():
                self._text.append(chunk.text)
            case ReasoningDelta():
                self._reasoning.append(chunk.text)
            case ToolCall():
                self._tool_calls.append(chunk)
            case Usage():
                self._counted = chunk
            case Completion():
                self.completion = chunk
        return is_first

    def result(self, completion: Completion) -> RunResult:
        """End the run with success."""
        self.completion = completion
        self._stop_the_clock()
        usage = completion.usage
        self.cost = None if usage is None else cost(self.prompt.provider, completion.model, usage)
        return RunResult(
            trace_id=self.trace_id,
            completion=completion,
            cost=self.cost,
            time_to_first_token=self.time_to_first_token,
            tokens_per_second=self._rate(usage),
        )

    def fail(self, error: StudioError) -> None:
        """End the run with an error."""
        self.error = error
        self._settle()

    def cancel(self) -> Cancelled:
        """End the run early, for the reason in ``cancelled``."""
        self.cancelled = self.cancelled or CancelReason.ASKED
        usage = self._settle()
        return Cancelled(reason=self.cancelled, usage=usage, estimated=self.usage is None, cost=self.cost)

    def forget_texts(self) -> None:
        """Drop large texts, when the run's trace is made and only its log is kept."""
        self.prompt = attrs.evolve(self.prompt, messages=(), tools=(), json_schema=None)
        for texts in (self._text, self._reasoning, self._tool_calls):
            texts.clear()
        self.completion = None

    @property
    def text(self) -> str:
        return "".join(self._text) if self.completion is None else self.completion.content

    @property
    def reasoning(self) -> str:
        return "".join(self._reasoning) if self.completion is None else self.completion.reasoning or ""

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(self._tool_calls) if self.completion is None else self.completion.tool_calls

    @property
    def usage(self) -> Usage | None:
        """Tokens as the provider counted them."""
        return self._counted if self.completion is None else self.completion.usage

    def _settle(self) -> Usage:
        """Stop the clock and price the usage; the tokens are an estimate where the provider counted none."""
        self._stop_the_clock()
        usage = self.usage or self._estimate()
        if self.usage or self.time_to_first_token is not None:
            self.cost = cost(self.prompt.provider, self.prompt.model, usage)
        return usage

    def _estimate(self) -> Usage:
        """Estimate tokens by the length of the texts; a provider without output is assumed to charge nothing."""
        if self.time_to_first_token is None:
            return Usage(prompt_tokens=0, completion_tokens=0)
        asked = sum(len(message.content) for message in self.prompt.messages)
        reasoning = len(self.reasoning) // _CHARACTERS_PER_TOKEN
        answered = len(self.text) + sum(len(call.arguments) for call in self.tool_calls)
        return Usage(
            prompt_tokens=asked // _CHARACTERS_PER_TOKEN,
            completion_tokens=answered // _CHARACTERS_PER_TOKEN + reasoning,
            reasoning_tokens=reasoning,
        )

    def _stop_the_clock(self) -> None:
        self.seconds = time.perf_counter() - self._begun

    def _rate(self, usage: Usage | None) -> float | None:
        """Completion tokens a second since the first one; over the whole time when that moment is not known."""
        if usage is None:
            return None
        seconds = self.seconds - (self.time_to_first_token or 0.0)
        return usage.completion_tokens / seconds if seconds > 0 else None
