"""The arguments of the commands. Nothing is loaded here that only a command needs."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from actors.audit_entry import Outcome
from actors.principal import Role
from transports.http.framework.rules import Fault
from transports.http.wire.moments import Moment, moment_in

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no other name for it


def add_audit(commands: "Commands") -> None:
    """Add ``studio audit``."""
    reading = commands.add_parser("audit", help="print the audit trail, a line of JSON for each entry")
    reading.add_argument("--actor", help="only what this user or key did, by id or e-mail address")
    reading.add_argument("--action", help="only this action, such as delete or auth_sign_in_failed")
    reading.add_argument("--outcome", choices=[outcome.value for outcome in Outcome], help="only what came to this")
    reading.add_argument("--from", type=_moment, help="only entries of this time (RFC 3339, or now-7d) or later")
    reading.add_argument("--to", type=_moment, help="only entries before this time")


def add_transfers(commands: "Commands") -> None:
    """Add ``studio export``, ``import`` and ``backup``."""
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


def add_user(commands: "Commands") -> None:
    """Add ``studio user``."""
    user = commands.add_parser("user", help="create, list and unlock users, and reset passwords, in the data folder")
    actions = user.add_subparsers(dest="action", required=True)
    creating = actions.add_parser(
        "create", help="create a user; the password is asked for, or read from standard input"
    )
    creating.add_argument("email")
    creating.add_argument(
        "--role", choices=[role.value for role in Role], help="by default admin for the first user, member for others"
    )
    actions.add_parser("list", help="list all users with their roles, sign-ins and locks")
    resetting = actions.add_parser("reset-password", help="set a user's password and end their sign-ins")
    resetting.add_argument("email")
    unlocking = actions.add_parser("unlock", help="forget a user's failed sign-ins, so that they may try at once")
    unlocking.add_argument("email")


def add_studio(parser: argparse.ArgumentParser, scope: str) -> None:
    """Add what names a running studio, and the key for it."""
    parser.add_argument("--endpoint", help="its URL; by default the one that JUNJO_BACKEND_PORT gives it here")
    parser.add_argument("--key", help=f"an API key with the scope {scope}; by default JUNJO_AI_STUDIO_API_KEY")


def _moment(text: str) -> Moment:
    try:
        return moment_in(text)
    except Fault as fault:
        raise argparse.ArgumentTypeError(fault.message) from None
