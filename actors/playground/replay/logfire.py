"""Logfire: the body of the request to OpenAI or Anthropic in ``request_data``."""

from collections.abc import Mapping, Sequence
from typing import Any

from actors.playground.replay.draft import Draft
from actors.playground.replay.request_body import add_body, add_parameters, add_tools, body_in

Attributes = Mapping[str, Any]

_REQUEST = "request_data"


def read_messages(attributes: Attributes, _: Sequence[Attributes], draft: Draft) -> None:
    add_body(draft, body_in(attributes.get(_REQUEST)))


def read_parameters(attributes: Attributes, draft: Draft) -> None:
    add_parameters(draft, body_in(attributes.get(_REQUEST)))


def read_tools(attributes: Attributes, draft: Draft) -> None:
    add_tools(draft, body_in(attributes.get(_REQUEST)))
