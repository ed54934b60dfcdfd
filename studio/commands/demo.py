"""``studio demo``: example traces, sent to a running studio."""

import argparse
import asyncio

from studio.addresses import is_this_machine
from studio.commands.outcome import FAILED, STOPPED, failed, not_started
from studio.demo import DemoFailed, send_demo
from studio.settings import client_defaults
from studio.standard_streams import say

_NO_KEY = """\
no API key: give one with --key or in JUNJO_AI_STUDIO_API_KEY.
Signed in, this makes one (cookies.txt is from the sign-in):
  curl -b cookies.txt {endpoint}/api_keys -H 'content-type: application/json' -d '{{"name":"demo"}}'"""


def run(given: argparse.Namespace) -> int:
    """Send the demonstration traces to a running studio, and say where they are."""
    default_endpoint, default_key = client_defaults()
    is_far = given.endpoint is not None and not is_this_machine(given.endpoint)
    endpoint, key = (given.endpoint or default_endpoint).rstrip("/"), given.key or default_key
    if not key:
        return not_started(_NO_KEY.format(endpoint=endpoint).splitlines())
    try:
        sent = asyncio.run(send_demo(endpoint, key, is_far=is_far))
    except DemoFailed as fault:
        return failed(fault)
    return STOPPED if say(sent.report(endpoint)) else FAILED
