"""The public face of PlaygroundActor: models, keys of providers, runs and replays.

``provider`` is openai, anthropic or gemini; any other is ``Refused``, as is one that has no key.
"""

from enum import Enum
from typing import TypeAlias

import attrs

from actors.errors import StudioError
from actors.playground.prompt import Completion, Prompt, ToolCall, Usage
from actors.playground.providers.provider import Model, ReasoningDelta, TextDelta
from actors.principal import Principal
from actors.runtime.messages import Request, StreamRequest


def key_user_id(key_id: str) -> str:
    """The ``user_id`` of a principal that is a program with an API key: its runs are its own."""
    return f"api_key:{key_id}"


@attrs.frozen(kw_only=True)
class ProviderState:
    """Whether a provider can be called. Of its key no more than the last four characters is ever told."""

    provider: str
    configured: bool
    last_four: str | None


@attrs.frozen(kw_only=True)
class RunResult:
    """A completion and what it took. ``cost`` is in US dollars where the price is known; times are in seconds.

    ``time_to_first_token`` is known of streamed runs only.
    """

    trace_id: str
    completion: Completion
    cost: float | None
    time_to_first_token: float | None
    tokens_per_second: float | None


@attrs.frozen(kw_only=True)
class Started:
    """The run has the id of its trace, and the provider is called next."""

    provider: str
    model: str
    trace_id: str


@attrs.frozen(kw_only=True)
class Finished:
    """The provider has said everything."""

    result: RunResult


@attrs.frozen(kw_only=True)
class Failed:
    """The run ended with an error."""

    error: StudioError


class CancelReason(Enum):
    """Why a run was ended early."""

    ASKED = "asked"
    LOST = "lost"  # nobody came back for it in time
    SIGNED_OUT = "signed_out"  # the session or key that started it has ended
    STOPPING = "stopping"  # the studio stops


@attrs.frozen(kw_only=True)
class Cancelled:
    """The run was ended early. ``usage`` is what was paid for so far: as the provider said, or ``estimated``."""

    reason: CancelReason
    usage: Usage
    estimated: bool
    cost: float | None


RunNews: TypeAlias = Started | TextDelta | ReasoningDelta | ToolCall | Usage | Finished | Failed | Cancelled


@attrs.frozen(kw_only=True)
class RunEvent:
    """One entry of a run's log. ``seq`` starts at 1 and has no gaps; the last is Finished, Failed or Cancelled."""

    seq: int
    news: RunNews


@attrs.frozen(kw_only=True)
class Replay:
    """A stored LLM span as a prompt. ``not_carried_over`` names, in words, what the prompt does not say."""

    prompt: Prompt
    not_carried_over: tuple[str, ...]


@attrs.frozen(kw_only=True)
class ListProviders(Request[tuple[ProviderState, ...]]):
    """The state of every provider, by name."""


@attrs.frozen(kw_only=True)
class SetProviderKey(Request[ProviderState]):
    """Keep a key, encrypted; it wins over the one of the environment, from the next call on."""

    provider: str
    key: str = attrs.field(repr=False)
    by: Principal


@attrs.frozen(kw_only=True)
class ForgetProviderKey(Request[ProviderState]):
    """Drop the key that was kept. ``NotFound`` when there is none."""

    provider: str
    by: Principal


@attrs.frozen(kw_only=True)
class ListModels(Request[tuple[Model, ...]]):
    """The models of a provider, at most 15 minutes old; of now with ``refresh``. ``ProviderFailed``."""

    provider: str
    refresh: bool = False


@attrs.frozen(kw_only=True)
class Generate(Request[RunResult]):
    """Run a prompt to its end. Whoever leaves cancels it. ``ProviderFailed``, ``Throttled``, ``DeadlineExceeded``."""

    prompt: Prompt
    by: Principal


@attrs.frozen(kw_only=True)
class StartRun(Request[None]):
    """Begin a run that goes on by itself; follow it with ``FollowRun``.

    ``run_id`` is chosen by the caller and unique per user: ``Conflict`` while it is in use. ``Throttled`` beyond the
    runs that a user may have at once. ``Unauthenticated`` when the session or key of ``by`` has just ended.
    """

    run_id: str
    prompt: Prompt
    by: Principal


@attrs.frozen(kw_only=True)
class FollowRun(StreamRequest[tuple[RunEvent, ...]]):
    """The events of a run behind ``after``, each item up to 64 that are there.

    Who follows slows the run down to their own pace.
    A second follower takes the place of the first, whose stream ends. ``NotFound`` ("resume_expired") when the log no
    longer reaches back, and for the run of another user.
    """

    run_id: str
    after: int
    by: Principal


@attrs.frozen(kw_only=True)
class CancelRun(Request[None]):
    """End a run now. ``NotFound`` when the user has no such run; no effect on one that has ended."""

    run_id: str
    by: Principal


@attrs.frozen(kw_only=True)
class AwaitSignedOut(StreamRequest[None]):
    """One item when the session or API key of this principal has ended."""

    by: Principal


@attrs.frozen(kw_only=True)
class ReplaySpan(Request[Replay]):
    """The prompt in a stored LLM span.

    ``NotFound``; ``Refused`` when the span holds none; ``NeedsRoom`` when it takes more bytes than ``room``.
    """

    trace_id: str
    span_id: str
    room: int | None = None
