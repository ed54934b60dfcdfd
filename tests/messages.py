"""The actors' folders and every message class of the project."""

from actors.runtime.messages import Event, Message, Request, StreamRequest
from tests.source import PROJECT, classes_below

FOLDERS = sorted(path.parent.name for path in (PROJECT / "actors").glob("*/actor.py") if path.parent.name != "runtime")
MESSAGES = classes_below(Message) - {Request, StreamRequest, Event}
REQUESTS = {each for each in MESSAGES if not issubclass(each, Event)}


def folder_of(kind: type) -> str:
    """The actor's folder that the class stands in."""
    return kind.__module__.split(".")[1]
