"""The commands ``studio export``, ``import`` and ``backup``, and their arguments."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from studio.addresses import is_this_machine
from studio.logs import configure_logging
from studio.settings import client_defaults, load_settings
from studio.transfer.client import StudioClient, TransferFailed
from studio.transfer.downloads import back_up, export
from studio.transfer.from_junjo import import_from_junjo
from studio.transfer.uploads import import_files

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no other name for it

NAMES = ("export", "import", "backup")
_FORMATS = ("parquet", "jsonl", "csv")


def add_commands(commands: "Commands") -> None:
    """Add the commands to the parser."""
    _add_export(commands)
    importing = commands.add_parser("import", help="send spans in files to a running studio")
    importing.add_argument("files", type=Path, nargs="*", help="exports of a studio, or OTLP in protobuf or JSON")
    importing.add_argument(
        "--from-junjo",
        type=Path,
        metavar="DIR",
        help="instead of files: the data folder of a Junjo AI Studio of before; with no studio running",
    )
    add_studio(importing, "ingest")
    backing_up = commands.add_parser("backup", help="copy everything of a running studio to a new folder")
    backing_up.add_argument("folder", type=Path, help="the folder to make; a studio runs on it as its data folder")
    add_studio(backing_up, "backup")


def _add_export(commands: "Commands") -> None:
    exporting = commands.add_parser("export", help="write spans of a running studio to a file")
    exporting.add_argument("file", type=Path, help="the file to write; its ending says the format: parquet, jsonl, csv")
    exporting.add_argument("--service", help="only spans of this service")
    exporting.add_argument("--from", help="only spans that started at this time (ISO 8601) or later")
    exporting.add_argument("--to", help="only spans that started before this time")
    exporting.add_argument(
        "--trace", dest="trace_id", help="only the trace with this id, with its log records in .jsonl"
    )
    exporting.add_argument("--mask", help="what is masked on the way out, as in JUNJO_MASK: email,api_key, say, or all")
    exporting.add_argument("--what", choices=("spans", "logs"), help="only spans, or only their log records")
    add_studio(exporting, "read")


def transfer(given: argparse.Namespace) -> str:
    """Run a command of ``NAMES``; returns the report. Raises ``TransferFailed``."""
    if given.command == "import" and bool(given.files) == bool(given.from_junjo):
        raise TransferFailed("give either files or --from-junjo DIR")
    if given.command == "import" and given.from_junjo:
        settings = load_settings()
        configure_logging(attrs.evolve(settings, log_level="error"))  # the report is for a person
        return import_from_junjo(given.from_junjo, settings)
    client = client_of(given)
    if given.command == "import":
        return import_files(client, given.files)
    if given.command == "backup":
        return back_up(client, given.folder)
    return export(client, given.file, _query(given))


def client_of(given: argparse.Namespace) -> StudioClient:
    """Make a client of the studio that ``add_studio`` let somebody name. ``TransferFailed`` without a key."""
    endpoint, key = client_defaults()
    client = StudioClient(
        (given.endpoint or endpoint).rstrip("/"),
        given.key or key,
        is_far=bool(given.endpoint) and not is_this_machine(given.endpoint),
    )
    if not client.key:
        raise TransferFailed("no API key: give one with --key or in JUNJO_AI_STUDIO_API_KEY")
    return client


def _query(given: argparse.Namespace) -> dict[str, str]:
    form = given.file.suffix.removeprefix(".")
    if form not in _FORMATS:
        raise TransferFailed(f"{given.file}: the name must end in .parquet, .jsonl or .csv")
    chosen = {name: getattr(given, name) for name in ("service", "trace_id", "from", "to", "mask", "what")}
    return {"format": form} | {name: value for name, value in chosen.items() if value is not None}


def add_studio(parser: argparse.ArgumentParser, scope: str) -> None:
    """Add what names a running studio, and the key for it."""
    parser.add_argument("--endpoint", help="its URL; by default the one that JUNJO_BACKEND_PORT gives it here")
    parser.add_argument("--key", help=f"an API key with the scope {scope}; by default JUNJO_AI_STUDIO_API_KEY")
