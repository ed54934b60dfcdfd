"""The commands that ask a running studio."""

import argparse

from studio.commands.outcome import FAILED, STOPPED, failed
from studio.standard_streams import say
from studio.terminal.commands import answer
from studio.transfer.client import TransferFailed


def run(given: argparse.Namespace) -> int:
    """Ask a running studio, and print what it says."""
    try:
        said = say(answer(given))
    except TransferFailed as fault:
        return failed(fault)
    return STOPPED if said else FAILED
