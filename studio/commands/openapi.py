"""``studio openapi``."""

import argparse

import orjson

from studio import __version__
from studio.commands.outcome import FAILED, STOPPED
from studio.standard_streams import say
from transports.http.app import ROUTES
from transports.http.framework.openapi import openapi_document


def run(_: argparse.Namespace) -> int:
    """Print the OpenAPI document, the same that a running studio serves at /openapi.json, indented."""
    document = orjson.dumps(openapi_document(ROUTES, __version__), option=orjson.OPT_INDENT_2)
    return STOPPED if say(document.decode()) else FAILED
