"""A day of the demonstration services: sessions of several turns, a deploy that went wrong, and runs of a workflow.

A seed says what happens and how long before now. Ids are new in every day, so that one may send several.
"""

import secrets
from collections.abc import Iterator, Sequence
from random import Random
from string import Template

import attrs

from studio.demo.agent_run import agent_run
from studio.demo.drafts import TraceDraft
from studio.demo.mishaps import Mishap
from studio.demo.model_call import Message
from studio.demo.scripts import FACTS, RESEARCH, SHOP, SUPPORT, Agent, ToolUse, Turn
from studio.demo.turn_run import TurnRun
from studio.demo.workflow_run import workflow_run

SEED = 4711
BEFORE_DEPLOY, AFTER_DEPLOY = "1.9.0", "2.0.0"

_MINUTE = 60_000  # in milliseconds
_HOUR = 60 * _MINUTE
_OLDEST = 24 * _HOUR - 10 * _MINUTE
_NEWEST = 12 * _MINUTE  # for the first turn: the others come after it
_DEPLOY = 7 * _HOUR  # so long ago
_WORKFLOWS = 18
_USERS = 25


@attrs.frozen(kw_only=True)
class _Release:
    """A version of a service: how long it takes, and how often what goes wrong in it."""

    version: str
    pace: float
    mishaps: Sequence[tuple[Mishap, float]]


_GOOD = _Release(
    version=BEFORE_DEPLOY, pace=1.0, mishaps=((Mishap.TOOL, 0.04), (Mishap.MODEL, 0.03), (Mishap.LENGTH, 0.03))
)
_BAD = _Release(
    version=AFTER_DEPLOY, pace=2.4, mishaps=((Mishap.TOOL, 0.18), (Mishap.MODEL, 0.22), (Mishap.LENGTH, 0.05))
)


def day(seed: int = SEED) -> list[TraceDraft]:
    """All traces of a day, the oldest first."""
    random = Random(seed)  # noqa: S311 - it makes examples, no secrets
    traces = [trace for agent in (SHOP, RESEARCH, SUPPORT) for trace in _sessions(agent, random)]
    traces += [_workflow(random) for _ in range(_WORKFLOWS)]
    traces.sort(key=lambda trace: trace.ago, reverse=True)
    return [*traces, workflow_run(), agent_run()]


def _workflow(random: Random) -> TraceDraft:
    return attrs.evolve(workflow_run().stretched(random.uniform(0.8, 1.9)), ago=random.randrange(_NEWEST, _OLDEST))


def _sessions(agent: Agent, random: Random) -> Iterator[TraceDraft]:
    for number in range(agent.sessions):
        part = (number + random.random()) / agent.sessions
        yield from _session(agent, random, ago=round(_NEWEST + part * (_OLDEST - _NEWEST)))


def _session(agent: Agent, random: Random, ago: int) -> Iterator[TraceDraft]:
    """The turns of a conversation, the first one so long ago."""
    person = {"session.id": f"demo-{secrets.token_hex(4)}", "user.id": f"customer-{300 + random.randrange(_USERS)}"}
    before: Sequence[Message] = ()
    release = _BAD if agent is SHOP and ago < _DEPLOY else _GOOD
    for turn in _filled(random.choice(agent.talks), random):
        run = TurnRun(
            agent=agent,
            turn=turn,
            before=before,
            person=person,
            version=release.version,
            pace=release.pace,
            mishap=_mishap(release, random),
            random=random,
        )
        yield attrs.evolve(run.trace(), ago=ago)
        before = run.said
        ago -= random.randrange(_MINUTE // 2, 2 * _MINUTE)


def _mishap(release: _Release, random: Random) -> Mishap | None:
    drawn = random.random()
    for mishap, part in release.mishaps:
        drawn -= part
        if drawn < 0:
            return mishap
    return None


def _filled(talk: Sequence[Turn], random: Random) -> list[Turn]:
    """The talk, with facts in it that are the same in all of its turns."""
    facts = {name: random.choice(values) for name, values in FACTS.items()}
    facts |= {"order": str(random.randrange(4000, 9999)), "price": str(random.randrange(25, 240))}

    def fill(text: str) -> str:
        return Template(text).substitute(facts)

    return [
        Turn(
            fill(turn.question),
            [ToolUse(use.tool, fill(use.arguments), fill(use.result)) for use in turn.tools],
            fill(turn.answer),
        )
        for turn in talk
    ]
