"""Log context of a request: structlog's own context variables, set in less time."""

from contextvars import ContextVar

from structlog.contextvars import STRUCTLOG_KEY_PREFIX

REQUEST_ID: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}request_id")
METHOD: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}method")
PEER: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}peer")
