"""``studio user``."""

import argparse
import os

from studio.commands.outcome import FAILED, STOPPED, failed, not_started
from studio.settings import SettingsError
from studio.standard_streams import in_one_line, say
from studio.user_command import UserFailed, user_command


def run(given: argparse.Namespace) -> int:
    """Change or list accounts, and report it."""
    os.umask(0o077)  # as for the data folder
    try:
        report = user_command(given)
    except UserFailed as fault:
        return failed(fault)
    except SettingsError as fault:
        return not_started(fault.lines)
    said = [say(in_one_line(line)) for line in report]
    return STOPPED if all(said) else FAILED
