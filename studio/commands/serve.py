"""``studio run``: the studio itself, until it is told to stop."""

import argparse
import asyncio
import os
import signal
import sys
from typing import Any

import structlog

from actors.errors import StudioError
from actors.runtime.supervisor import ActorGaveUp
from actors.session.messages import UsersExist
from studio import __version__
from studio.addresses import PortInUse, local_address
from studio.app import Studio, running
from studio.banner import banner
from studio.claim import CannotStart, claimed
from studio.commands.outcome import FAILED, STOPPED, not_started, printable
from studio.descriptors import raise_limit
from studio.exposure import exposures
from studio.garbage import GarbageWatch, leave_the_start_alone
from studio.logs import configure_logging, log_lost_faults
from studio.secrets import SETUP_CODE
from studio.settings import Settings, SettingsError, load_settings
from studio.standard_streams import complain, say
from transports.http.api.console_pages import ADDRESS

log = structlog.get_logger(__name__)


def run(_: argparse.Namespace) -> int:
    """Run the studio until it is told to stop. Faults of the settings go to standard error, a line each."""
    os.umask(0o077)  # the data folder holds prompts and answers: they are their owner's alone
    try:
        settings = load_settings()
        configure_logging(settings)
        log_lost_faults()
        with claimed(settings):
            return asyncio.run(_serve(settings))
    except SettingsError as fault:
        return not_started(fault.lines)
    except (CannotStart, PortInUse) as fault:
        return not_started([str(fault)])
    except ActorGaveUp as fault:
        complain(str(fault))  # the log has the whole story
        return FAILED


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
        say(printable(banner(settings, studio, users_exist=users_exist)))
    ports: dict[str, Any] = {
        name: getattr(studio, name) for name in ("http_port", "otlp_port", "grpc_port", "extra_ports")
    }
    log.info(
        "studio started",
        version=__version__,
        environment=settings.environment,
        host=settings.host,
        **ports,
        console=f"http://{local_address(settings.host, studio.http_port)}{ADDRESS}",
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
