"""``studio export``, ``import`` and ``backup``."""

import argparse
import os

from studio.claim import CannotStart
from studio.commands.outcome import FAILED, STOPPED, failed, not_started, printable
from studio.settings import SettingsError
from studio.standard_streams import say
from studio.transfer.client import TransferFailed
from studio.transfer.commands import transfer


def run(given: argparse.Namespace) -> int:
    """Move data out of a studio or into one, and report it."""
    os.umask(0o077)  # as for the data folder
    try:
        said = say(printable(transfer(given)))
    except TransferFailed as fault:
        return failed(fault)
    except SettingsError as fault:
        return not_started(fault.lines)
    except CannotStart as fault:
        return not_started([str(fault)])
    return STOPPED if said else FAILED
