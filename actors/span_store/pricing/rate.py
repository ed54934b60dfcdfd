"""What tokens cost at one time, by how many there are."""

from collections.abc import Sequence

import attrs

from actors.span_store.pricing.own_price import OwnPrice, PerMillion

MILLION, THOUSAND = 1_000_000.0, 1_000.0


@attrs.frozen(eq=False)
class Step:
    """US dollars for a million tokens of calls with more than ``above`` input tokens, and for the call itself.

    ``reasoning`` is the price of tokens that are thought and not said. Where there is no price for a kind that is a
    part of another, it has that of the other.
    """

    above: int
    input: float
    cache_read: float
    cache_write: float
    output: float
    reasoning: float
    request: float
    has_input: bool
    has_output: bool
    shown: PerMillion

    @property
    def highest(self) -> float:
        """The highest of the prices."""
        return max(self.input, self.cache_read, self.cache_write, self.output, self.reasoning, self.request)

    def lacks(self, input_tokens: int | None, output_tokens: int | None) -> str | None:
        """The kind of these tokens that has no price, if there is one."""
        if input_tokens and not self.has_input:
            return "input"
        return "output" if output_tokens and not self.has_output else None

    def cost(self, counts: Sequence[int]) -> float:
        """US dollars for counts of disjoint kinds, as ``disjoint`` has them."""
        of_input, read, write, output, reasoning = counts
        of_tokens = (
            of_input * self.input
            + read * self.cache_read
            + write * self.cache_write
            + output * self.output
            + reasoning * self.reasoning
        )
        return of_tokens / MILLION + self.request


def disjoint(
    of_input: int | None, output: int | None, read: int | None, write: int | None, reasoning: int | None
) -> tuple[int, int, int, int, int]:
    """Inclusive totals and their parts as disjoint counts: input, cache read, cache write, output, reasoning."""
    read, write, reasoning = read or 0, write or 0, reasoning or 0
    rest = max((of_input or 0) - read - write, 0)
    return rest, read, write, max((output or 0) - reasoning, 0), reasoning


@attrs.frozen
class Rate:
    """Prices of one model: the steps with ascending ``above``, and where they come from."""

    steps: tuple[Step, ...]
    provider: str | None
    model: str
    valid_from: int | None  # Unix nanoseconds
    own: bool

    def step(self, input_tokens: int | None) -> Step:
        """The step of a call; it counts for all of its tokens."""
        if len(self.steps) == 1:
            return self.steps[0]
        return next(step for step in reversed(self.steps) if (input_tokens or 0) > step.above)


@attrs.frozen
class Kinds:
    """Prices of all kinds of tokens, ``None`` for no price of its own."""

    input: float | None
    output: float | None
    cache_read: float | None = None
    cache_write: float | None = None
    reasoning: float | None = None
    request: float | None = None  # for a thousand


def step_of(above: int, kinds: Kinds) -> Step:
    """A step with a price for each kind."""
    input_, output = kinds.input or 0.0, kinds.output or 0.0
    return Step(
        above=above,
        input=input_,
        cache_read=_or(kinds.cache_read, input_),
        cache_write=_or(kinds.cache_write, input_),
        output=output,
        reasoning=_or(kinds.reasoning, output),
        request=(kinds.request or 0.0) / THOUSAND,
        has_input=kinds.input is not None,
        has_output=kinds.output is not None,
        shown=PerMillion(
            input=kinds.input, output=kinds.output, cache_read=kinds.cache_read, cache_write=kinds.cache_write
        ),
    )


def rate_of(price: OwnPrice) -> Rate:
    """The rate of a price that an admin has set."""
    given = price.per_million
    kinds = Kinds(given.input, given.output, given.cache_read, given.cache_write)
    return Rate((step_of(-1, kinds),), price.provider, price.model, price.valid_from, own=True)


@attrs.frozen
class Rates:
    """The rates of one model in the course of a day: each from a Unix nanosecond on, the first from the beginning."""

    parts: Sequence[tuple[int, Rate | None]]
    only: Step | None = attrs.field(init=False)  # the prices of all its calls, if they are the same for all

    @only.default
    def _same_for_all(self) -> Step | None:
        [(_, rate), *others] = self.parts
        if others or rate is None or len(rate.steps) > 1 or not (rate.steps[0].has_input and rate.steps[0].has_output):
            return None
        return rate.steps[0]

    def step(self, start: int, input_tokens: int | None, output_tokens: int | None) -> Step | None:
        """The prices of a call that starts then; ``None`` where tokens of a kind have none."""
        rate = next(rate for since, rate in reversed(self.parts) if start >= since)
        step = None if rate is None else rate.step(input_tokens)
        return None if step is None or step.lacks(input_tokens, output_tokens) else step


def _or(price: float | None, otherwise: float) -> float:
    return otherwise if price is None else price
