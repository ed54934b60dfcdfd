"""``ingestion.InternalAuthService``: key validation for an external ingestion service."""

import hmac

from grpclib.server import Stream

from actors.errors import Unauthenticated
from actors.key_registry.messages import VerifyKey
from actors.principal import Scope
from actors.runtime.bus import Bus
from transports.grpc.generated.auth_grpc import InternalAuthServiceBase
from transports.grpc.generated.auth_pb2 import ValidateApiKeyRequest, ValidateApiKeyResponse
from transports.grpc.metadata import headers_of

TOKEN_HEADER = "x-junjo-internal-token"  # noqa: S105 - where the token stands, not the token


class KeyCheck(InternalAuthServiceBase):
    """Answers true only for a live key with scope ``ingest``; while the registry is down UNAVAILABLE, never false."""

    def __init__(self, bus: Bus, token: str | None) -> None:
        self._bus = bus
        self._token = token

    async def ValidateApiKey(  # noqa: N802 - the name in auth.proto
        self, stream: Stream[ValidateApiKeyRequest, ValidateApiKeyResponse]
    ) -> None:
        self._require_token(stream)
        request = await stream.recv_message()
        key = await self._bus.ask(VerifyKey(secret=request.api_key if request else ""))
        await stream.send_message(ValidateApiKeyResponse(is_valid=key is not None and Scope.INGEST in key.scopes))

    def _require_token(self, stream: Stream[ValidateApiKeyRequest, ValidateApiKeyResponse]) -> None:
        if self._token is None:
            return
        sent = headers_of(stream).get(TOKEN_HEADER, "")
        if not hmac.compare_digest(sent.encode(), self._token.encode()):
            raise Unauthenticated(f"Missing or wrong {TOKEN_HEADER}")
