"""Log lines: their form, what libraries write, and what never appears. Each case is a process: logging is global."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.studio_process import ROOT

pytestmark = pytest.mark.unit

PROGRAM = """
import logging, sys, warnings
from pathlib import Path
import structlog
from studio.logs import configure_logging
from studio.settings import load_settings

log = structlog.get_logger("studio.test")
configure_logging(load_settings(None, Path(sys.argv[1])))
structlog.contextvars.bind_contextvars(request_id="r-1")
"""


def logged(tmp_path: Path, program: str, **variables: str) -> list[str]:
    """The lines that a few statements log."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM + program, str(tmp_path)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr == ""
    return ended.stdout.splitlines()


def test_a_json_line_starts_with_time_level_event_and_request(tmp_path: Path) -> None:
    (line,) = logged(tmp_path, "log.info('stored', spans=3)")
    record = json.loads(line)
    assert list(record)[:4] == ["timestamp", "level", "event", "request_id"]
    assert record["timestamp"].endswith("Z")
    assert (record["level"], record["event"], record["request_id"], record["spans"]) == ("info", "stored", "r-1", 3)


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("level", ["info", "warn"])
def test_lines_that_are_logged_together_look_like_others(tmp_path: Path, form: str, level: str) -> None:
    program = """
from studio.logs import log_together
lines = [
    {"timestamp": "2026-01-02T03:04:05.000006Z", "request_id": "r-2", "path": "/\\u00e9\\ud800" + "s" * 40},
    {"timestamp": "2026-01-02T03:04:06.000006Z", "request_id": "r-3", "path": "/", "client": "127.0.0.1"},
]
log_together("studio.test", "request", lines)
for line in lines:
    log.info("request", **line)
"""
    variables = {"JUNJO_LOG_FORMAT": form, "JUNJO_LOG_LEVEL": level, "OPENAI_API_KEY": "s" * 40}
    together = logged(tmp_path, program, **variables)
    assert len(together) == (4 if level == "info" else 0)
    assert together[: len(together) // 2] == together[len(together) // 2 :]
    assert "s" * 40 not in "".join(together)


def test_libraries_take_the_same_road(tmp_path: Path) -> None:
    (line, warned) = logged(tmp_path, "logging.getLogger('grpclib').error('odd %s', 1); warnings.warn('old')")
    record = json.loads(line)
    assert (record["level"], record["event"], record["logger"]) == ("error", "odd 1", "grpclib")
    assert "UserWarning: old" in json.loads(warned)["event"]


def test_an_exception_is_one_line_with_its_traceback(tmp_path: Path) -> None:
    lines = logged(tmp_path, "try: 1 / 0\nexcept ZeroDivisionError: log.exception('a fault')")
    (record,) = [json.loads(line) for line in lines]
    assert record["exception"].endswith("ZeroDivisionError: division by zero")


@pytest.mark.parametrize(
    ("level", "events"), [("debug", ["d", "i", "w"]), ("info", ["i", "w"]), ("warn", ["w"]), ("error", [])]
)
def test_the_level_is_a_threshold(tmp_path: Path, level: str, events: list[str]) -> None:
    lines = logged(tmp_path, "log.debug('d'); log.info('i'); log.warning('w')", JUNJO_LOG_LEVEL=level)
    assert [json.loads(line)["event"] for line in lines] == events


def test_text_is_for_people(tmp_path: Path) -> None:
    (line,) = logged(tmp_path, "log.info('stored', spans=3)", JUNJO_LOG_FORMAT="text")
    assert "stored" in line
    assert "spans=3" in line
    assert "\x1b" not in line, "colours are for terminals"


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_line_is_written_whatever_a_client_sent(tmp_path: Path, form: str) -> None:
    program = r"log.info('odd', half='\ud800', big=2**80, thing=object(), path=Path('/'), name='a{b}%s')"
    (line,) = logged(tmp_path, program, JUNJO_LOG_FORMAT=form)
    assert r"\ud800" in line


def test_json_is_ascii_whatever_the_encoding(tmp_path: Path) -> None:
    (line,) = logged(tmp_path, "log.info('größer', size=2**80)", PYTHONIOENCODING="latin-1")
    assert line.isascii()
    record = json.loads(line)
    assert (record["event"], record["size"], record["logger"]) == ("größer", 2**80, "studio.test")


def test_lines_of_many_threads_stay_whole(tmp_path: Path) -> None:
    program = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as threads:
    for number in range(400):
        threads.submit(log.info if number % 2 else logging.getLogger("library").warning, f"line {number}")
"""
    events = [json.loads(line)["event"] for line in logged(tmp_path, program)]
    assert sorted(events) == sorted(f"line {number}" for number in range(400))


def test_a_fault_that_repeats_is_one_line_a_second(tmp_path: Path) -> None:
    program = """
for number in range(300):
    log.warning("odd", request_id=str(number))
    logging.getLogger("library").error("odd %s", "again")
"""
    lines = [json.loads(line) for line in logged(tmp_path, program)]
    assert 2 <= len(lines) < 100, "a slow machine takes some seconds"
    assert [line["event"] for line in lines[:2]] == ["odd", "odd again"]


FORGED = (
    "a\\n2026-01-02T03:04:05Z [error    ] forged",
    "a\\r\\x1b[2K\\x1b[1;31mred",
    "a\\x9b31m\\x85next\\u2028line\\u2029\\u202egnorw",
    "\\0\\x07\\b\\x7f",
)


@pytest.mark.security
@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("sent", FORGED)
def test_a_client_can_neither_begin_a_line_nor_move_the_cursor(tmp_path: Path, sent: str, form: str) -> None:
    program = f"""
sent = "{sent}"
log.info(sent)
log.info("value", path=sent, **{{sent: 1}})
log.info("nested", value=[sent, {{sent: sent}}])
logging.getLogger("library").error("a library %s", sent)
from studio.logs import log_together
log_together("studio.test", "request", [{{"timestamp": "2026-01-02T03:04:05.000006Z", "path": sent}}])
"""
    lines = logged(tmp_path, program, JUNJO_LOG_FORMAT=form)
    assert len(lines) == 5
    assert all(line.isprintable() and line.isascii() for line in lines)


FORGED_LINE = r"2026-01-02T03:04:05Z [error    ] forged \x1b[2K\u2028"


@pytest.mark.security
def test_the_lines_of_a_traceback_cannot_be_taken_for_others(tmp_path: Path) -> None:
    program = r"""
try:
    raise ValueError("odd\n2026-01-02T03:04:05Z [error    ] forged \x1b[2K\u2028")
except ValueError:
    log.exception("a fault")
    logging.getLogger("library").exception("another")
"""
    lines = logged(tmp_path, program, JUNJO_LOG_FORMAT="text")
    assert [line for line in lines if line.endswith("] forged \\x1b[2K\\u2028")] == [f"    {FORGED_LINE}"] * 2
    assert len([line for line in lines if not line.startswith("    ")]) == 2


@pytest.mark.error_recovery
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_costs_the_line_and_not_the_work(tmp_path: Path) -> None:
    program = "log.info('stored'); logging.getLogger('library').error('odd'); Path(sys.argv[1], 'went-on').touch()"
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM + program, str(tmp_path)],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (tmp_path / "went-on").exists()
    assert "Logging error" not in ended.stderr


@pytest.mark.security
@pytest.mark.parametrize("form", ["json", "text"])
def test_no_secret_is_written(tmp_path: Path, form: str) -> None:
    program = """
log.warning("signed in", password="hunter22", cookie="c00kie-value")
logging.getLogger("openai").error("Incorrect API key provided: %s", "sk-hidden-1234")
try:
    raise ValueError("the token internal-hidden-token is odd")
except ValueError:
    log.exception("a fault")
"""
    written = "\n".join(
        logged(
            tmp_path,
            program,
            JUNJO_LOG_FORMAT=form,
            OPENAI_API_KEY="sk-hidden-1234",
            JUNJO_INTERNAL_GRPC_TOKEN="internal-hidden-token",
        )
    )
    assert "a fault" in written
    assert not [secret for secret in ("hunter22", "c00kie", "hidden") if secret in written]
