"""ingestion.InternalAuthService, asked as an external ingestion service asks."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from grpclib.client import Channel
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from grpclib.health.v1.health_grpc import HealthStub
from grpclib.health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpclib.reflection.v1.reflection_grpc import ServerReflectionStub
from grpclib.reflection.v1.reflection_pb2 import ServerReflectionRequest
from structlog.testing import capture_logs

from actors.key_registry.actor import KeyRegistryActor
from actors.principal import Scope
from tests.transports.grpc.conftest import Server, Serving
from tests.transports.grpc.http2_client import framed, http2_client
from transports.grpc.generated.auth_grpc import InternalAuthServiceStub
from transports.grpc.generated.auth_pb2 import ValidateApiKeyRequest

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]

PATH = "/ingestion.InternalAuthService/ValidateApiKey"
TOKEN = "a token between services"


@pytest.fixture
async def channel(auth: Server) -> AsyncIterator[Channel]:
    async with Channel("127.0.0.1", auth.port) as opened:
        yield opened


async def is_valid(channel: Channel, key: str, **metadata: str) -> bool:
    named = {name.replace("_", "-"): value for name, value in metadata.items()}
    answer = await InternalAuthServiceStub(channel).ValidateApiKey(ValidateApiKeyRequest(api_key=key), metadata=named)
    return answer.is_valid


async def raw(server: Server, data: bytes) -> dict[str, str]:
    async with http2_client(server.port) as client:
        call = await client.open(PATH)
        await client.send(call, data, end=True)
        return await client.answer(call)


async def test_a_live_key_that_may_ingest_is_valid(auth: Server, channel: Channel) -> None:
    assert await is_valid(channel, auth.backend.key)
    assert await is_valid(channel, (await auth.backend.issue(Scope.INGEST)).secret)


@pytest.mark.security
@pytest.mark.parametrize("key", ["", "startup-readiness-check", "x" * 64, "schlüssel", "\0", "k" * 3_000_000])
async def test_any_other_text_is_not(channel: Channel, key: str) -> None:
    with capture_logs() as lines:
        assert not await is_valid(channel, key)
    assert not lines


@pytest.mark.security
async def test_a_key_that_may_only_read_is_not(auth: Server, channel: Channel) -> None:
    assert not await is_valid(channel, (await auth.backend.issue(Scope.READ)).secret)


@pytest.mark.security
async def test_a_revoked_key_is_not(auth: Server, channel: Channel) -> None:
    issued = await auth.backend.issue(Scope.INGEST)
    assert await is_valid(channel, issued.secret)
    await auth.backend.revoke(issued)
    assert not await is_valid(channel, issued.secret)


@pytest.mark.security
async def test_an_expired_key_is_not(auth: Server, channel: Channel) -> None:
    issued = await auth.backend.issue(Scope.INGEST)
    await auth.backend.expire(issued)
    assert not await is_valid(channel, issued.secret)


@pytest.mark.error_recovery
async def test_a_registry_that_is_away_is_unavailable_and_never_false(auth: Server, channel: Channel) -> None:
    auth.backend.bus.disconnect(KeyRegistryActor)
    with pytest.raises(GRPCError) as refused:
        await is_valid(channel, auth.backend.key)
    assert refused.value.status is Status.UNAVAILABLE


@pytest.mark.security
@pytest.mark.parametrize("sent", [None, "", "wrong", TOKEN])
async def test_with_a_token_configured_callers_must_send_it(serving_auth: Serving, sent: str | None) -> None:
    async with serving_auth(internal_token=TOKEN) as server, Channel("127.0.0.1", server.port) as channel:
        metadata = {} if sent is None else {"x_junjo_internal_token": sent}
        if sent == TOKEN:
            assert await is_valid(channel, server.backend.key, **metadata)
        elif sent == "":  # grpclib's client sends no empty values
            assert "grpc-status" in await raw(server, framed(b""))
        else:
            with pytest.raises(GRPCError) as refused:
                await is_valid(channel, server.backend.key, **metadata)
            assert refused.value.status is Status.UNAUTHENTICATED
            assert TOKEN not in str(refused.value.message)
        assert (await HealthStub(channel).Check(HealthCheckRequest())).status == HealthCheckResponse.SERVING


async def test_a_malformed_message_is_invalid(auth: Server) -> None:
    for data in (b"", framed(b"\xff"), framed(b"\x0a\x05ab"), framed(b"\x0a\x02\xc3\x28")):
        assert (await raw(auth, data))["grpc-status"] == str(Status.INVALID_ARGUMENT.value)


async def test_an_unknown_method_is_unimplemented(auth: Server) -> None:
    async with http2_client(auth.port) as client:
        call = await client.open("/ingestion.InternalAuthService/InvalidateApiKey")
        await client.send(call, framed(b""), end=True)
        assert (await client.answer(call))["grpc-status"] == str(Status.UNIMPLEMENTED.value)


async def test_reflection_names_the_services(channel: Channel) -> None:
    async with ServerReflectionStub(channel).ServerReflectionInfo.open() as stream:
        await stream.send_message(ServerReflectionRequest(list_services=""))
        listed = await stream.recv_message()
        await stream.send_message(
            ServerReflectionRequest(file_containing_symbol="ingestion.InternalAuthService"), end=True
        )
        described = await stream.recv_message()
    assert listed is not None
    assert {service.name for service in listed.list_services_response.service} == {
        "ingestion.InternalAuthService",
        "grpc.health.v1.Health",
    }
    assert described is not None
    assert b"ValidateApiKey" in described.file_descriptor_response.file_descriptor_proto[0]


async def test_health_knows_its_services(channel: Channel) -> None:
    health = HealthStub(channel)
    for service in ("", "ingestion.InternalAuthService"):
        answer = await health.Check(HealthCheckRequest(service=service))
        assert answer.status == HealthCheckResponse.SERVING
    with pytest.raises(GRPCError) as refused:
        await health.Check(HealthCheckRequest(service="no.such.Service"))
    assert refused.value.status is Status.NOT_FOUND


@pytest.mark.concurrency
async def test_many_questions_at_once(auth: Server, channel: Channel) -> None:
    answers = await asyncio.gather(*(is_valid(channel, auth.backend.key if n % 2 else "no") for n in range(400)))
    assert answers == [False, True] * 200
