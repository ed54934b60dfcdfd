"""The error table: an error of the actors over HTTP and gRPC, and whether a client may retry.

Retryable for an OTLP client are the HTTP statuses 429, 502, 503, 504 and the gRPC codes named in the OTLP
specification; RESOURCE_EXHAUSTED is so only with RetryInfo (OTLP 1.11, "Failures").
"""

import attrs
from grpclib.const import Status

from actors import errors


@attrs.frozen
class Wire:
    """HTTP status and gRPC code of one kind of error. ``otlp`` is the HTTP status on OTLP paths, where it differs."""

    http: int
    grpc: Status
    retryable: bool = False
    otlp: int | None = None


ERRORS: dict[type[errors.StudioError], Wire] = {
    errors.InvalidRequest: Wire(422, Status.INVALID_ARGUMENT, otlp=400),
    errors.Refused: Wire(400, Status.FAILED_PRECONDITION),
    errors.UnsupportedMedia: Wire(415, Status.UNIMPLEMENTED),
    errors.Unauthenticated: Wire(401, Status.UNAUTHENTICATED),
    errors.Forbidden: Wire(403, Status.PERMISSION_DENIED),
    errors.Misdirected: Wire(421, Status.FAILED_PRECONDITION),
    errors.NotFound: Wire(404, Status.NOT_FOUND),
    errors.Conflict: Wire(409, Status.ALREADY_EXISTS),
    errors.TooLarge: Wire(413, Status.RESOURCE_EXHAUSTED),
    errors.TooSlow: Wire(408, Status.DEADLINE_EXCEEDED),
    errors.NeedsRoom: Wire(413, Status.RESOURCE_EXHAUSTED),
    errors.HeadersTooLarge: Wire(431, Status.RESOURCE_EXHAUSTED),
    errors.UrlTooLong: Wire(414, Status.INVALID_ARGUMENT),
    errors.Throttled: Wire(429, Status.RESOURCE_EXHAUSTED, retryable=True),
    errors.Overloaded: Wire(503, Status.RESOURCE_EXHAUSTED, retryable=True, otlp=429),
    errors.Unavailable: Wire(503, Status.UNAVAILABLE, retryable=True),
    errors.DeadlineExceeded: Wire(504, Status.DEADLINE_EXCEEDED, retryable=True),
    errors.ProviderFailed: Wire(502, Status.UNAVAILABLE),
    errors.InternalError: Wire(500, Status.INTERNAL),
}


def wire_form(error: errors.StudioError) -> Wire:
    """The row of this error."""
    return ERRORS[type(error)]
