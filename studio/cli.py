"""The command line: parse, run, exit code.

Exit codes: 0 it did what was asked, 1 it failed (a part of the studio for good, as with the data of a newer version; a
command that sends, fetches or asks found no studio that obeys; ``check`` found damage; ``import`` could not take
everything; ``user`` was refused; ``audit`` cannot read the trail; standard output did not take what was asked for), 2
it could not start with these settings.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

import orjson
import structlog

from actors.errors import StudioError
from actors.runtime.supervisor import ActorGaveUp
from actors.session.messages import UsersExist
from studio import __version__
from studio.addresses import is_this_machine
from studio.app import PortInUse, Studio, running
from studio.audit import TrailUnreadable, add_audit_command, trail_lines
from studio.banner import banner
from studio.claim import CannotStart, claimed
from studio.demo import DemoFailed, send_demo
from studio.descriptors import raise_limit
from studio.exposure import exposures
from studio.garbage import GarbageWatch, leave_the_start_alone
from studio.logs import configure_logging, finish_logging, log_lost_faults
from studio.secrets import SETUP_CODE
from studio.settings import Settings, SettingsError, accounts_database, client_defaults, load_settings
from studio.standard_streams import complain, in_one_line, say
from studio.terminal import commands as questions
from studio.terminal import tail
from studio.transfer.client import TransferFailed
from studio.transfer.commands import NAMES, add_commands, transfer
from studio.upkeep import Upkeep, check_data, remap_data, repair_data
from studio.user_command import UserFailed, add_user_command, user_command
from transports.http.app import ROUTES
from transports.http.framework.openapi import openapi_document

log = structlog.get_logger(__name__)

STOPPED = 0
FAILED = 1
NOT_STARTED = 2

NO_KEY = """\
no API key: give one with --key or in JUNJO_AI_STUDIO_API_KEY.
Signed in, this makes one (cookies.txt is from the sign-in):
  curl -b cookies.txt {endpoint}/api_keys -H 'content-type: application/json' -d '{{"name":"demo"}}'"""


def program() -> NoReturn:
    """Run the command of this process, and end it.

    All work is done and closed by then, so the interpreter is not torn down: that frees nothing of worth, and DuckDB's
    binding would print a list of alleged leaks at every stop of the studio.
    """
    code = main()
    finish_logging()
    with suppress(OSError):  # nobody reads any more
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    given = _parser().parse_args(arguments)
    commands: dict[str, Callable[[], int]] = {
        "audit": lambda: audit(given),
        "check": lambda: on_data(check_data),
        "demo": lambda: demo(given.endpoint, given.key),
        "openapi": openapi,
        "remap": lambda: on_data(lambda settings: remap_data(settings, everything=given.all)),
        "repair": lambda: on_data(repair_data),
        tail.NAME: lambda: tailed(given),
        "user": lambda: on_accounts(given),
        **dict.fromkeys(NAMES, lambda: transferred(given)),
        **dict.fromkeys(questions.NAMES, lambda: asked(given)),
    }
    return commands.get(given.command, run)()


def run() -> int:
    """Run the studio until it is told to stop. Faults of the settings go to standard error, a line each."""
    os.umask(0o077)  # the data folder holds prompts and answers: they are their owner's alone
    try:
        settings = load_settings()
        configure_logging(settings)
        log_lost_faults()
        with claimed(settings):
            return asyncio.run(_serve(settings))
    except SettingsError as fault:
        return _not_started(fault.lines)
    except (CannotStart, PortInUse) as fault:
        return _not_started([str(fault)])
    except ActorGaveUp as fault:
        complain(str(fault))  # the log has the whole story
        return FAILED


def demo(endpoint: str | None, key: str | None) -> int:
    """Send the demonstration traces to a running studio, and say where they are."""
    default_endpoint, default_key = client_defaults()
    is_far = endpoint is not None and not is_this_machine(endpoint)
    endpoint, key = (endpoint or default_endpoint).rstrip("/"), key or default_key
    if not key:
        return _not_started(NO_KEY.format(endpoint=endpoint).splitlines())
    try:
        sent = asyncio.run(send_demo(endpoint, key, is_far=is_far))
    except DemoFailed as fault:
        complain(str(fault))
        return FAILED
    return STOPPED if say(sent.report(endpoint)) else FAILED


def transferred(given: argparse.Namespace) -> int:
    """Move data out of a studio or into one, and report it."""
    os.umask(0o077)  # as for the data folder
    try:
        said = say(_printable(transfer(given)))
    except TransferFailed as fault:
        complain(in_one_line(str(fault)))
        return FAILED
    except SettingsError as fault:
        return _not_started(fault.lines)
    except CannotStart as fault:
        return _not_started([str(fault)])
    return STOPPED if said else FAILED


def asked(given: argparse.Namespace) -> int:
    """Ask a running studio, and print what it says."""
    try:
        said = say(questions.answer(given))
    except TransferFailed as fault:
        complain(in_one_line(str(fault)))
        return FAILED
    return STOPPED if said else FAILED


def tailed(given: argparse.Namespace) -> int:
    """Print what a running studio takes in, until it is stopped."""
    try:
        said = tail.follow(given)
    except TransferFailed as fault:
        complain(in_one_line(str(fault)))
        return FAILED
    return STOPPED if said else FAILED


def on_data(work: Callable[[Settings], Upkeep]) -> int:
    """Check or repair the data folder, and print the report. The work goes on if nobody can read it."""
    try:
        outcome = work(load_settings())
        said = [say(line) for line in outcome.lines]
    except SettingsError as fault:
        return _not_started(fault.lines)
    except CannotStart as fault:
        return _not_started([str(fault)])
    return STOPPED if outcome.good and all(said) else FAILED


def on_accounts(given: argparse.Namespace) -> int:
    """Change or list accounts, and report it."""
    os.umask(0o077)  # as for the data folder
    try:
        report = user_command(given)
    except UserFailed as fault:
        complain(in_one_line(str(fault)))
        return FAILED
    except SettingsError as fault:
        return _not_started(fault.lines)
    said = [say(in_one_line(line)) for line in report]
    return STOPPED if all(said) else FAILED


def audit(given: argparse.Namespace) -> int:
    """Print the audit trail, as far as standard output takes it."""
    try:
        said = all(map(say, trail_lines(accounts_database(), given)))
    except SettingsError as fault:
        return _not_started(fault.lines)
    except CannotStart as fault:
        return _not_started([str(fault)])
    except TrailUnreadable as fault:
        complain(in_one_line(str(fault)))
        return FAILED
    return STOPPED if said else FAILED


def openapi() -> int:
    """Print the OpenAPI document, the same that a running studio serves at /openapi.json, indented."""
    document = orjson.dumps(openapi_document(ROUTES, __version__), option=orjson.OPT_INDENT_2)
    return STOPPED if say(document.decode()) else FAILED


async def _serve(settings: Settings) -> int:
    told_to_stop = _stop_signal()
    raise_limit()
    async with running(settings) as studio:
        leave_the_start_alone()
        GarbageWatch().start()
        await _announce(settings, studio)
        gave_up = asyncio.create_task(studio.gave_up())
        stop = asyncio.create_task(told_to_stop.wait())
        await asyncio.wait({gave_up, stop}, return_when=asyncio.FIRST_COMPLETED)
        failed = gave_up.done()
        gave_up.cancel()
        stop.cancel()
        log.info("studio stopping")
    log.info("studio stopped")
    return FAILED if failed else STOPPED


def _stop_signal() -> asyncio.Event:
    """Make an event that the first SIGTERM or SIGINT sets. The second one ends the process at once.

    SIGHUP is ignored: closing a terminal does not stop the studio.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    loop = asyncio.get_running_loop()
    told_to_stop = asyncio.Event()

    def stop() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        told_to_stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    return told_to_stop


async def _announce(settings: Settings, studio: Studio) -> None:
    users_exist = await _users_exist(studio)
    if sys.stdout.isatty():
        say(_printable(banner(settings, studio, users_exist=users_exist)))
    ports: dict[str, Any] = {
        name: getattr(studio, name) for name in ("http_port", "otlp_port", "grpc_port", "extra_ports")
    }
    log.info(
        "studio started",
        version=__version__,
        environment=settings.environment,
        host=settings.host,
        **ports,
        data_dir=str(settings.data_dir),
    )
    if not users_exist and settings.setup_code is not None:
        log.info(
            "the first user needs a setup code in production and from other machines",
            file=str(settings.data_dir / "secrets" / SETUP_CODE),
            variable="JUNJO_SETUP_CODE",
        )
    for line in exposures(settings, **ports):
        log.warning(line)


async def _users_exist(studio: Studio) -> bool:
    """Whether there are users, for the banner; false where that cannot be read just now."""
    try:
        return await studio.bus.ask(UsersExist())
    except StudioError:
        return False


def _not_started(lines: Sequence[str]) -> int:
    for line in lines:
        complain(in_one_line(line))
    return NOT_STARTED


def _printable(text: str) -> str:
    """Escape the bytes of file names that are not UTF-8."""
    return text.encode(errors="backslashreplace").decode()


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
    add_audit_command(commands)
    demo = commands.add_parser("demo", help="send two example traces to a running studio")
    demo.add_argument("--endpoint", help="its URL; by default the one that JUNJO_BACKEND_PORT gives it on this machine")
    demo.add_argument("--key", help="an API key with the scope ingest; by default JUNJO_AI_STUDIO_API_KEY")
    add_commands(commands)
    questions.add_commands(commands)
    tail.add_command(commands)
    add_user_command(commands)
    return parser
