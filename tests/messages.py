"""The actors' folders and every message class of the project."""

from actors.runtime.messages import Event, Message, Request, StreamRequest
from tests.source import PROJECT, classes_below, within

FOLDERS = sorted(path.parent.name for path in (PROJECT / "actors").glob("*/actor.py") if path.parent.name != "runtime")
MESSAGES = classes_below(Message) - {Request, StreamRequest, Event}
REQUESTS = {each for each in MESSAGES if not issubclass(each, Event)}


def is_face(module: str) -> bool:
    """Whether an actor's messages may stand in it: its ``messages``, and the modules of ``asked`` beside it."""
    return any(module == f"actors.{folder}.messages" or within(module, f"actors.{folder}.asked") for folder in FOLDERS)


def folder_of(kind: type) -> str:
    """The actor's folder that the class stands in."""
    return kind.__module__.split(".")[1]
