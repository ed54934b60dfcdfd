"""A ``StudioError`` as a gRPC status, with the ``google.rpc`` details that OTLP asks for."""

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from grpclib.exceptions import GRPCError

from actors.errors import InternalError, InvalidRequest, StudioError
from transports.errors import wire_form

_MOST_VIOLATIONS = 20  # trailers have to fit into the 8 KiB that clients accept


def status_of(error: StudioError, request_id: str) -> GRPCError:
    """Make the status of the error table's row, with RetryInfo for retryable errors and BadRequest for invalid ones.

    RetryInfo is what makes RESOURCE_EXHAUSTED retryable (OTLP 1.11, "OTLP/gRPC Throttling").
    """
    row = wire_form(error)
    details: list[Message] = []
    if row.retryable and error.retry_after is not None:
        delay = Duration()
        delay.FromMilliseconds(round(error.retry_after * 1000))
        details.append(RetryInfo(retry_delay=delay))
    if isinstance(error, InvalidRequest):
        details.append(_bad_request(error))
    text = f"{error.detail} (request {request_id})" if isinstance(error, InternalError) else error.detail
    return GRPCError(row.grpc, text, details or None)


def _bad_request(error: InvalidRequest) -> BadRequest:
    violation = BadRequest.FieldViolation
    if not error.problems:
        return BadRequest(field_violations=[violation(description=error.detail)])
    return BadRequest(
        field_violations=[
            violation(field=".".join(map(str, problem.location[1:])), description=problem.message)
            for problem in error.problems[:_MOST_VIOLATIONS]
        ]
    )
