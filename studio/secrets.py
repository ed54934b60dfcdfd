"""Generated secrets: made at the first start, kept in the data folder, the same ever after.

Those of sessions are for development: in production they would be lost with the folder, and every session with them.
The setup code is needed only as long as the folder holds no user.
"""

import base64
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from secrets import token_bytes

from actors.folders import make_folder, sync_folder
from studio.variables import COOKIE_KEY_BYTES, cookie_key

SETUP_CODE = "setup-code"  # the file of the first user's code
OWNER_ONLY = 0o600
OWNER_ONLY_FOLDER = 0o700


def development_secret(file: Path) -> str:
    """The secret in the file, as base64 of 32 bytes; it is made if there is none. Mode 0600.

    Two starts at once get the same one: the holder of the lock writes. Raises ``OSError`` if the file cannot be kept,
    ``ValueError`` if it holds something else.
    """
    make_folder(file.parent, mode=OWNER_ONLY_FOLDER)
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, OWNER_ONLY), "r+", encoding="ascii") as opened:
        with suppress(OSError):  # some file systems have no locks; there, two first starts at once may differ
            fcntl.flock(opened, fcntl.LOCK_EX)
        kept = opened.read().strip()
        if kept:
            cookie_key(kept)
            return kept
        made = base64.b64encode(token_bytes(COOKIE_KEY_BYTES)).decode()
        opened.write(made + "\n")
        opened.flush()
        os.fsync(opened.fileno())
        sync_folder(file.parent)
        return made
