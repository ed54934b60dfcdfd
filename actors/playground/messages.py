"""The public face of PlaygroundActor: models, provider keys, runs and replays.

``provider`` is openai, anthropic or gemini; any other is ``Refused``, as is a provider without a key.
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
    """The ``user_id`` of a program with an API key: its runs are its own."""
    return f"api_key:{key_id}"


@attrs.frozen(kw_only=True)
class ProviderState:
    """Whether a provider can be called. Of its key only the last four characters are ever shown."""

    provider: str
    configured: bool
    last_four: str | None


@attrs.frozen(kw_only=True)
class RunResult:
    """A completion and its cost. ``cost`` is in US dollars where the price is known; times are in seconds.

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
    """The provider's answer is complete."""

    result: RunResult


@attrs.frozen(kw_only=True)
class Failed:
    """The run ended with an error."""

    error: StudioError


class CancelReason(Enum):
    """Why a run was ended early."""

    ASKED = "asked"
    LOST = "lost"  # no follower resumed it in time
    SIGNED_OUT = "signed_out"  # the session or key that started it has ended
    STOPPING = "stopping"  # the studio stops


@attrs.frozen(kw_only=True)
class Cancelled:
    """The run was ended early. ``usage`` has the tokens so far: as the provider counted them, or ``estimated``."""

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
    """A stored LLM span as a prompt. ``not_carried_over`` names, for people, the parts that the prompt lacks."""

    prompt: Prompt
    not_carried_over: tuple[str, ...]


@attrs.frozen(kw_only=True)
class ListProviders(Request[tuple[ProviderState, ...]]):
    """List the state of every provider, by name."""


@attrs.frozen(kw_only=True)
class SetProviderKey(Request[ProviderState]):
    """Keep a key, encrypted; it replaces the one of the environment, from the next call on."""

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
    """List the models of a provider, at most 15 minutes old; as they are now with ``refresh``. ``ProviderFailed``."""

    provider: str
    refresh: bool = False


@attrs.frozen(kw_only=True)
class Generate(Request[RunResult]):
    """Run a prompt to its end; leaving cancels it. ``ProviderFailed``, ``Throttled``, ``DeadlineExceeded``."""

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
    """Stream the events of a run behind ``after``, up to 64 in each item.

    A follower slows the run down to its own pace. A second follower takes the place of the first, whose stream ends.
    ``NotFound`` ("resume_expired") when the log no longer reaches back, and for the run of another user.
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
    """Stream one item when the session or API key of this principal has ended."""

    by: Principal


@attrs.frozen(kw_only=True)
class ReplaySpan(Request[Replay]):
    """Read the prompt in a stored LLM span.

    ``NotFound``; ``Refused`` when the span holds none; ``NeedsRoom`` when it takes more bytes than ``room``.
    """

    trace_id: str
    span_id: str
    room: int | None = None
