"""The command line: parse, run, exit code.

Exit codes: 0 it did what was asked, 1 it failed (a part of the studio for good, as with the data of a newer version; a
command that sends, fetches or asks found no studio that obeys; ``check`` found damage; ``import`` could not take
everything; ``user`` was refused; ``audit`` cannot read the trail; standard output did not take what was asked for), 2
it could not start with these settings.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

from studio import __version__
from studio.arguments import add_audit, add_transfers, add_user
from studio.terminal.arguments import NAMES, add_questions, add_tail

# The module of ``studio.commands`` that runs each command. What it needs is loaded only then: all of it takes a second.
_RUN_BY = {
    "audit": "audit",
    "check": "data",
    "demo": "demo",
    "openapi": "openapi",
    "remap": "data",
    "repair": "data",
    "tail": "tail",
    "user": "user",
    **dict.fromkeys(("export", "import", "backup"), "transfers"),
    **dict.fromkeys(NAMES, "questions"),
}


def program() -> NoReturn:
    """Run the command of this process, and end it.

    All work is done and closed by then, so the interpreter is not torn down: that frees nothing of worth, and DuckDB's
    binding would print a list of alleged leaks at every stop of the studio.
    """
    code = main()
    if "studio.logs" in sys.modules:  # nothing was logged without it
        sys.modules["studio.logs"].finish_logging()
    with suppress(OSError):  # nobody reads any more
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    given = _parser().parse_args(arguments)
    code: int = import_module(f"studio.commands.{_RUN_BY.get(given.command, 'serve')}").run(given)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="studio", description="LLM observability: OpenTelemetry spans in, REST out.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("run", help="run the studio (the default)")
    commands.add_parser("check", help="look for damage in the data folder, with no studio running; exit code 1 if any")
    commands.add_parser("repair", help="move aside what is damaged there, and index again what is good")
    remap = commands.add_parser("remap", help="derive the columns of model calls anew, with no studio running")
    remap.add_argument("--all", action="store_true", help="of all spans, not only of those of an earlier version")
    commands.add_parser("openapi", help="print the OpenAPI document of the REST API")
    add_audit(commands)
    demo = commands.add_parser("demo", help="send a day of example traces to a running studio")
    demo.add_argument("--endpoint", help="its URL; by default the one that JUNJO_BACKEND_PORT gives it on this machine")
    demo.add_argument("--key", help="an API key with the scope ingest; by default JUNJO_AI_STUDIO_API_KEY")
    add_transfers(commands)
    add_questions(commands)
    add_tail(commands)
    add_user(commands)
    return parser
