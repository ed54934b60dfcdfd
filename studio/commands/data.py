"""``studio check``, ``repair`` and ``remap``: work on the data folder, with no studio running."""

import argparse

from studio.claim import CannotStart
from studio.commands.outcome import FAILED, STOPPED, not_started
from studio.settings import Settings, SettingsError, load_settings
from studio.standard_streams import say
from studio.upkeep import Upkeep, check_data, remap_data, repair_data


def run(given: argparse.Namespace) -> int:
    """Do the work, and print the report. It goes on if nobody can read it."""
    try:
        outcome = _work(given, load_settings())
        said = [say(line) for line in outcome.lines]
    except SettingsError as fault:
        return not_started(fault.lines)
    except CannotStart as fault:
        return not_started([str(fault)])
    return STOPPED if outcome.good and all(said) else FAILED


def _work(given: argparse.Namespace, settings: Settings) -> Upkeep:
    match given.command:
        case "check":
            return check_data(settings)
        case "repair":
            return repair_data(settings)
        case _:
            return remap_data(settings, everything=given.all)
