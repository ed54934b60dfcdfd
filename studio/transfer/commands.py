"""The commands ``studio export``, ``import`` and ``backup``."""

import argparse
from importlib import import_module

import attrs

from studio.logs import configure_logging
from studio.settings import load_settings
from studio.transfer.client import TransferFailed, client_of
from studio.transfer.downloads import back_up, export
from studio.transfer.uploads import import_files

_FORMATS = ("parquet", "jsonl", "csv")


def transfer(given: argparse.Namespace) -> str:
    """Run the command; returns the report. Raises ``TransferFailed``."""
    if given.command == "import" and bool(given.files) == bool(given.from_junjo):
        raise TransferFailed("give either files or --from-junjo DIR")
    if given.command == "import" and given.from_junjo:
        settings = load_settings()
        configure_logging(attrs.evolve(settings, log_level="error"))  # the report is for a person
        # It writes to the data folder itself, and needs nearly all of the studio, which the others need not load.
        report: str = import_module("studio.transfer.from_junjo").import_from_junjo(given.from_junjo, settings)
        return report
    client = client_of(given)
    if given.command == "import":
        return import_files(client, given.files)
    if given.command == "backup":
        return back_up(client, given.folder)
    return export(client, given.file, _query(given))


def _query(given: argparse.Namespace) -> dict[str, str]:
    form = given.file.suffix.removeprefix(".")
    if form not in _FORMATS:
        raise TransferFailed(f"{given.file}: the name must end in .parquet, .jsonl or .csv")
    chosen = {name: getattr(given, name) for name in ("service", "trace_id", "from", "to", "mask", "what")}
    return {"format": form} | {name: value for name, value in chosen.items() if value is not None}
