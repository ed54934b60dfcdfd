"""``studio tail``."""

import argparse

from studio.commands.outcome import FAILED, STOPPED, failed
from studio.terminal.tail import follow
from studio.transfer.client import TransferFailed


def run(given: argparse.Namespace) -> int:
    """Print what a running studio takes in, until it is stopped."""
    try:
        said = follow(given)
    except TransferFailed as fault:
        return failed(fault)
    return STOPPED if said else FAILED
