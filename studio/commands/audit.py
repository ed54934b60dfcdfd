"""``studio audit``."""

import argparse

from studio.audit import TrailUnreadable, trail_lines
from studio.claim import CannotStart
from studio.commands.outcome import FAILED, STOPPED, failed, not_started
from studio.settings import SettingsError, accounts_database
from studio.standard_streams import say


def run(given: argparse.Namespace) -> int:
    """Print the audit trail, as far as standard output takes it."""
    try:
        said = all(map(say, trail_lines(accounts_database(), given)))
    except SettingsError as fault:
        return not_started(fault.lines)
    except CannotStart as fault:
        return not_started([str(fault)])
    except TrailUnreadable as fault:
        return failed(fault)
    return STOPPED if said else FAILED
