"""What every message of the project is: typed, frozen, documented, with one owner."""

import re
from typing import Any

import attrs
import pytest

from actors.runtime.actor import Actor, DeliveryMode
from actors.runtime.messages import Message
from tests.messages import MESSAGES, REQUESTS, folder_of, is_face
from tests.source import classes_below

pytestmark = pytest.mark.unit


def test_messages_stand_in_the_public_faces() -> None:
    assert [each for each in MESSAGES if not is_face(each.__module__)] == []


def test_every_request_has_exactly_one_owner_in_its_own_folder() -> None:
    owners = [
        (route.message, folder_of(actor))
        for actor in classes_below(Actor)
        for route in actor.routes
        if route.mode is not DeliveryMode.EVENT
    ]
    assert sorted((owned.__name__, folder) for owned, folder in owners) == sorted(
        (request.__name__, folder_of(request)) for request in REQUESTS
    )


@pytest.mark.parametrize("message", sorted(MESSAGES, key=str))
def test_a_message_is_frozen_made_by_keyword_and_says_what_it_promises(message: type[Message]) -> None:
    traits = attrs.inspect(message)
    assert traits.is_frozen
    assert traits.kw_only is attrs.ClassProps.KeywordOnly.YES
    assert traits.is_slotted
    assert (vars(message)["__doc__"] or "").strip()


def test_no_two_messages_have_one_name() -> None:
    """Counters are told apart by it."""
    names = [each.__name__ for each in MESSAGES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("message", sorted(MESSAGES, key=str))
def test_a_message_carries_types_that_say_what_they_are(message: Any) -> None:
    """Replies and fields are no ``dict`` and no ``Any``, and nothing of a wire."""
    [reply] = message.__orig_bases__ if message in REQUESTS else [None]
    for text in (str(reply), *(str(field.type) for field in attrs.fields(message))):
        assert not re.search(r"\bdict\b|\bAny\b|_pb2", text), text
