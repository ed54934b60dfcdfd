"""Every error of the actors as a gRPC status."""

import pytest
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from grpclib.const import Status

from actors import errors
from transports.errors import ERRORS
from transports.grpc.status import status_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("kind", ERRORS)
def test_retry_info_stands_where_waiting_helps_and_nowhere_else(kind: type[errors.StudioError]) -> None:
    status = status_of(kind("why"), "id")
    assert status.status is ERRORS[kind].grpc
    kinds = {type(detail) for detail in status.details or ()}
    assert (RetryInfo in kinds) == issubclass(kind, errors.RetryableError)
    assert (BadRequest in kinds) == (kind is errors.InvalidRequest)


def test_retry_info_is_what_the_error_says() -> None:
    status = status_of(errors.Overloaded("full", retry_after=2.25), "id")
    assert status.status is Status.RESOURCE_EXHAUSTED
    (info,) = status.details
    assert info.retry_delay.ToMilliseconds() == 2250


def test_the_problems_of_a_request_are_named() -> None:
    problem = errors.Problem(type="missing", location=("body", "spans", 3), message="Field required")
    (details,) = status_of(errors.InvalidRequest("bad", (problem,) * 100), "id").details
    assert len(details.field_violations) == 20
    assert (details.field_violations[0].field, details.field_violations[0].description) == ("spans.3", "Field required")


def test_a_fault_of_ours_names_the_request() -> None:
    assert "id-7" in str(status_of(errors.InternalError("Internal Server Error"), "id-7").message)
