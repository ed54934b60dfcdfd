"""What goes wrong in the demonstration, and the exception events that tell of it."""

from enum import Enum, auto

import attrs

from studio.demo.drafts import EventDraft


class Mishap(Enum):
    """What may go wrong in a turn."""

    TOOL = auto()  # a tool fails, and the agent apologizes
    MODEL = auto()  # a model fails, and the turn with it
    LENGTH = auto()  # the answer is cut


@attrs.frozen(kw_only=True)
class Fault:
    """An exception as a program of the demonstration raises it."""

    type: str
    message: str
    file: str
    line: int
    function: str

    @property
    def stack(self) -> str:
        return (
            "Traceback (most recent call last):\n"
            f'  File "agent.py", line 88, in run_turn\n    reply = await {self.function}(turn)\n'
            f'  File "{self.file}", line {self.line}, in {self.function}\n    raise {self.type}(message)\n'
            f"{self.type}: {self.message}\n"
        )


TOOL_FAULT = Fault(
    type="TimeoutError",
    message="inventory.internal did not answer within 2000 ms",
    file="tools.py",
    line=57,
    function="call_tool",
)
MODEL_FAULT = Fault(
    type="RateLimitError",
    message="429: the limit of tokens a minute is reached; try again in 20 s",
    file="models.py",
    line=131,
    function="chat",
)


def raised(fault: Fault, at: int) -> EventDraft:
    """The event of the exception."""
    return EventDraft(
        at=at,
        name="exception",
        attributes={
            "exception.type": fault.type,
            "exception.message": fault.message,
            "exception.stacktrace": fault.stack,
            "exception.escaped": "False",
        },
    )
