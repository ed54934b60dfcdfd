"""Let schemathesis call every route of the REST API by its OpenAPI document, and judge the answers.

The studio is a process of its own over an empty folder; the calls carry a session and an API key. The seed and the
number of calls are fixed, so that a finding can be reproduced.

Run from the repository: ``python -m scripts.fuzz_routes FOLDER [OPTIONS OF schemathesis run]``; the folder holds
``openapi.json``, and takes the studio's data and log. Exits with 1 when an answer breaks the document.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.load.own_studio import HOST, OwnStudio

# Runs of the playground end at a port where nobody listens, whatever keys are put in.
NO_PROVIDERS = {f"{provider}_BASE_URL": f"http://{HOST}:9/v1" for provider in ("OPENAI", "ANTHROPIC", "GEMINI")}
BUDGET = ("--max-examples=50", "--seed=20261122", "--generation-database=none", "--workers=2", "--continue-on-failure")
# These end the session that the calls carry, the first two when user or session are the caller's. So they come last,
# and the first two without the phase that takes ids from other answers.
DELETE_USER, SIGN_OUT = "delete_user_users__user_id__delete", "sign_out_sign_out_post"
END_SESSION = "end_session_api_v1_account_sessions__session_id__delete"
PASSES = (
    tuple(f"--exclude-operation-id={operation}" for operation in (DELETE_USER, END_SESSION, SIGN_OUT)),
    (
        *(f"--include-operation-id={operation}" for operation in (DELETE_USER, END_SESSION)),
        "--phases=examples,coverage,fuzzing",
    ),
    (f"--include-operation-id={SIGN_OUT}",),
)
TRACEBACK = '"exception"'


def main(folder: Path, options: Sequence[str]) -> int:
    with OwnStudio(folder / "data", **NO_PROVIDERS) as studio:
        key = studio.sign_up()
        failed = [call_routes(folder, studio, key, (*chosen, *options)) for chosen in PASSES]
        alive = studio.rest("GET", "/health").status == 200
    tracebacks = [line for line in studio.log.read_text().splitlines() if TRACEBACK in line]
    print(f"errors with a traceback in the log: {len(tracebacks)}", *tracebacks, sep="\n")
    return int(any(failed) or bool(tracebacks) or not alive)


def call_routes(folder: Path, studio: OwnStudio, key: str, options: Sequence[str]) -> int:
    """Run schemathesis; returns its exit code."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        f"--config-file={Path(__file__).with_name('schemathesis.toml')}",
        "run",
        "openapi.json",
        f"--url=http://{HOST}:{studio.http_port}",
        f"--header=Cookie: {studio.cookie}",
        f"--header=x-junjo-api-key: {key}",
    ]
    return subprocess.run([*command, *BUDGET, *options], cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
