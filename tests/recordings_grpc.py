"""Recorded gRPC calls, replayed with the recorded bytes."""

from collections.abc import Mapping
from typing import Any

import grpc
import grpc.aio

from transports.grpc.generated.auth_pb2 import ValidateApiKeyRequest

_RECORDED_KEY = "nWEbPWoK4jTZnaY3QTtGth3VyzJK9dkLzLK5fDxQDBjRQi537O59bx0dYKDR0fNK"


async def grpc_differences(channel: grpc.aio.Channel, row: Mapping[str, Any], key: str) -> list[str]:
    """The differences to the recording, in words. ``key`` is a live one here, in place of the recorded one."""
    expected = row["status"] if row["ours"] == "same" else row["ours"]["status"]
    status, answer = await _called(channel, row["path"], _request_of(row["request_body"], key))
    found = [] if status == expected else [f"{status}, not {expected}"]
    recorded = row["body"].get("response_bytes_hex")
    if row["ours"] == "same" and recorded is not None and answer.hex() != recorded:
        found.append(f"answer {answer.hex()!r}, not {recorded!r}")
    return found


async def _called(channel: grpc.aio.Channel, path: str, request: bytes) -> tuple[str, bytes]:
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    try:
        return str(grpc.StatusCode.OK), await call(request)
    except grpc.aio.AioRpcError as error:
        return str(error.code()), b""


def _request_of(recorded: Mapping[str, str], key: str) -> bytes:
    if "raw_hex" in recorded:
        return bytes.fromhex(recorded["raw_hex"])
    text = recorded["api_key"].replace(_RECORDED_KEY, key).replace(_RECORDED_KEY.swapcase(), key.swapcase())
    return ValidateApiKeyRequest(api_key=text).SerializeToString()
