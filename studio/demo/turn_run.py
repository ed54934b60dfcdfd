"""One turn of a conversation as a trace: the agent plans, calls its tools at the same time, and answers."""

import json
from collections.abc import Mapping, Sequence
from random import Random

import attrs

from studio.demo.drafts import SpanDraft, TraceDraft, Value
from studio.demo.mishaps import MODEL_FAULT, TOOL_FAULT, Fault, Mishap, raised
from studio.demo.model_call import Message, ModelCall, answered, called, said
from studio.demo.scripts import Agent, Model, ToolUse, Turn

_APOLOGY = "I am sorry: a system that I need for this does not answer just now. Please try again in a few minutes."


@attrs.frozen(kw_only=True)
class TurnRun:
    """A turn, with what was said before and what goes wrong. ``pace`` 2.0 takes twice as long."""

    agent: Agent
    turn: Turn
    before: Sequence[Message]
    person: Mapping[str, str]
    version: str
    pace: float
    mishap: Mishap | None
    random: Random

    @property
    def answer(self) -> str:
        if self.mishap is Mishap.LENGTH:
            return self.turn.answer[: len(self.turn.answer) // 2]
        return _APOLOGY if self.mishap is Mishap.TOOL else self.turn.answer

    @property
    def said(self) -> Sequence[Message]:
        """What the next turn is told of this one and of those before."""
        return (*self.before, said("user", self.turn.question), said("assistant", self.answer))

    def trace(self) -> TraceDraft:
        plan = self._plan().span("plan", 10)
        tools = [self._tool(number, plan.at[1] + 4) for number in range(len(self.turn.tools))]
        answer = self._answer().span("answer", max(tool.at[1] for tool in tools) + 6)
        spans = (self._root(answer.at[1] + 9), plan, *tools, answer)
        return TraceDraft(service=self.agent.service, scope="demo", spans=spans, version=self.version)

    def _root(self, end: int) -> SpanDraft:
        failed = self.mishap is Mishap.MODEL
        attributes: dict[str, Value] = {
            "openinference.span.kind": "AGENT",
            "agent.name": self.agent.name,
            "input.value": self.turn.question,
            "input.mime_type": "text/plain",
            **self.person,
        }
        if failed:
            attributes["error.type"] = MODEL_FAULT.type
        else:
            attributes |= {"output.value": self.answer, "output.mime_type": "text/plain"}
        error = MODEL_FAULT.message if failed else ""
        return SpanDraft(key="agent", name=self.agent.name, at=(0, end), attributes=attributes, error=error)

    def _plan(self) -> ModelCall:
        prompt = (*self.before, said("user", self.turn.question))
        call = self._call(self.agent.planner, prompt, called(self.turn.tools), self.random.randrange(40, 110))
        return attrs.evolve(call, finish="tool_calls")

    def _answer(self) -> ModelCall:
        prompt = (
            *self.before,
            said("user", self.turn.question),
            called(self.turn.tools),
            *(answered(use, self._result(number)) for number, use in enumerate(self.turn.tools)),
        )
        call = self._call(self.agent.writer, prompt, said("assistant", self.answer), self.random.randrange(120, 380))
        return attrs.evolve(
            call,
            finish="length" if self.mishap is Mishap.LENGTH else "stop",
            fault=MODEL_FAULT if self.mishap is Mishap.MODEL else None,
        )

    def _call(self, model: Model, prompt: Sequence[Message], answer: Message, tokens: int) -> ModelCall:
        return ModelCall(
            model=model,
            instructions=self.agent.instructions,
            prompt=prompt,
            answer=answer,
            input_tokens=900 + 210 * len(prompt) + self.random.randrange(200),
            cached_tokens=128 * (6 + len(self.before)) if self.before else 0,
            output_tokens=tokens,
            pace=self.pace * self.random.uniform(0.8, 1.25),
            person=self.person,
        )

    def _tool(self, number: int, start: int) -> SpanDraft:
        use = self.turn.tools[number]
        fault = self._fault(number)
        took = 2000 if fault else round(self.pace * self.random.randrange(30, 320))
        return SpanDraft(
            key=f"tool {number}",
            name=f"execute_tool {use.tool}",
            at=(start, start + took),
            parent="agent",
            attributes=self._of_tool(number, use),
            events=(raised(fault, start + took - 1),) if fault else (),
            error=fault.message if fault else "",
        )

    def _of_tool(self, number: int, use: ToolUse) -> dict[str, Value]:
        fault = self._fault(number)
        outcome = {"error.type": fault.type} if fault else {"gen_ai.tool.call.result": use.result}
        return {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": use.tool,
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": f"call_{use.tool}",
            "gen_ai.tool.call.arguments": use.arguments,
            **outcome,
        }

    def _fault(self, number: int) -> Fault | None:
        """The fault of a tool: only the first one fails."""
        return TOOL_FAULT if self.mishap is Mishap.TOOL and number == 0 else None

    def _result(self, number: int) -> object:
        fault = self._fault(number)
        return {"error": fault.message} if fault else json.loads(self.turn.tools[number].result)
