"""Configuration of the gRPC servers."""

import attrs

from actors.runtime.budget import Budget
from transports.connection_limits import DEFAULT, ConnectionLimits
from transports.connections import Connections
from transports.inflate import DEFAULT_LIMIT
from transports.key_rate import KeyRate
from transports.misdirected_exporters import MisdirectedExporters
from transports.otlp.decoder import Decoder


@attrs.frozen(kw_only=True)
class GrpcConfig:
    """Limits and secrets of both servers. Sizes are in bytes, times in seconds."""

    otlp_budget: Budget  # shared with OTLP/HTTP
    internal_token: str | None = attrs.field(default=None, repr=False)  # callers of the key check must send it
    max_request_bytes: int = DEFAULT_LIMIT  # of one OTLP request, compressed and inflated
    message_seconds: float = 60.0  # for the message of an export to arrive whole
    grace: float = 5.0  # at stop, for calls in work
    limits: ConnectionLimits = DEFAULT
    connections: Connections = attrs.field(factory=Connections)  # of the whole studio, shared with HTTP
    misdirected: MisdirectedExporters = attrs.field(factory=MisdirectedExporters)  # shared with HTTP
    key_rate: KeyRate | None = None  # of spans; shared with HTTP
    decoder: Decoder = attrs.field(factory=Decoder)  # inflates and decodes large requests
