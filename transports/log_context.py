"""What lines carry that are logged while a request is answered: structlog's own variables, set in less time."""

from contextvars import ContextVar

from structlog.contextvars import STRUCTLOG_KEY_PREFIX

REQUEST_ID: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}request_id")
METHOD: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}method")
PEER: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}peer")
