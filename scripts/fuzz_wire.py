"""Send a studio nearly valid requests, and check the answers.

They go over HTTP in protobuf and JSON, and over gRPC. No answer may be a fault of ours (5xx, INTERNAL, UNKNOWN), no
connection may be cut, and nothing but log lines may come out of the process. Requests with another outcome are kept in
the folder, one file each. The seed is fixed unless it is given.

Run from the repository: ``python -m scripts.fuzz_wire FOLDER [--seconds 600] [--seed N]``. Exits with 1 for a finding.
"""

import argparse
import asyncio
import http.client
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import attrs
from google.protobuf.json_format import MessageToDict
from grpclib.client import Channel
from grpclib.const import Cardinality, Status
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError, StreamTerminatedError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from scripts.load.mutations import mutated, mutated_json
from scripts.load.own_studio import HOST, OwnStudio
from scripts.load.payloads import Payloads

_METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_OUR_FAULTS = frozenset((Status.INTERNAL, Status.UNKNOWN, Status.DATA_LOSS))
_SPANS = (1, 12, 60)  # of the good requests: below and above what is decoded in which way
_ROUND = 50  # requests of each kind, one after the other
_PROTOBUF, _JSON = "application/x-protobuf", "application/json"


@attrs.frozen
class Fuzz:
    """Sends requests, and records the answers and the findings."""

    folder: Path
    chance: Random
    bodies: tuple[bytes, ...] = attrs.field(init=False)
    documents: tuple[bytes, ...] = attrs.field(init=False)
    seen: Counter[str] = attrs.field(factory=Counter, init=False)
    findings: list[str] = attrs.field(factory=list, init=False)

    @bodies.default
    def _bodies(self) -> tuple[bytes, ...]:
        return tuple(Payloads(spans).make("fuzz").body for spans in _SPANS)

    @documents.default
    def _documents(self) -> tuple[bytes, ...]:
        return tuple(as_json(body) for body in self.bodies)

    def protobuf(self) -> bytes:
        return mutated(self.chance.choice(self.bodies), self.bodies, self.chance)

    def json(self) -> bytes:
        document = self.chance.choice(self.documents)
        if self.chance.random() < 0.3:
            return mutated(document, self.documents, self.chance)
        return mutated_json(document, self.chance)

    def note(self, answer: str, body: bytes, *, good: bool) -> None:
        self.seen[answer] += 1
        if not good:
            file = self.folder / f"finding-{len(self.findings)}"
            file.write_bytes(body)
            self.findings.append(f"{answer}: {file}")


def as_json(body: bytes) -> bytes:
    """OTLP/JSON of a request: the protobuf mapping, but for ids, which are hex, and the numbers of enums."""
    document = MessageToDict(ExportTraceServiceRequest.FromString(body), use_integers_for_enums=True)
    for span in spans_of(document):
        for name in ("traceId", "spanId", "parentSpanId"):
            if name in span:
                span[name] = "a" * (32 if name == "traceId" else 16)
    return json.dumps(document).encode()


def spans_of(document: dict[str, list[dict[str, list[dict[str, list[dict[str, str]]]]]]]) -> Iterator[dict[str, str]]:
    for resource_spans in document["resourceSpans"]:
        for scope_spans in resource_spans["scopeSpans"]:
            yield from scope_spans["spans"]


def over_http(fuzz: Fuzz, studio: OwnStudio, key: str) -> None:
    """Run a round on one connection, which the studio may close only after it has announced that."""
    connection = http.client.HTTPConnection(HOST, studio.http_port, timeout=60)
    for number in range(2 * _ROUND):
        media, body = (_PROTOBUF, fuzz.protobuf()) if number % 2 else (_JSON, fuzz.json())
        try:
            connection.request("POST", "/v1/traces", body, {"Content-Type": media, "x-junjo-api-key": key})
            response = connection.getresponse()
            response.read()
            fuzz.note(f"{media} {response.status}", body, good=response.status < 500)
        except (OSError, http.client.HTTPException) as fault:
            fuzz.note(f"{media} cut: {type(fault).__name__}", body, good=False)
            connection.close()
    connection.close()


async def over_grpc(fuzz: Fuzz, studio: OwnStudio, key: str) -> None:
    channel = Channel(HOST, studio.otlp_port, codec=AsItIs())
    for _ in range(_ROUND):
        body = fuzz.protobuf()
        try:
            async with channel.request(
                _METHOD, Cardinality.UNARY_UNARY, bytes, bytes, metadata={"x-junjo-api-key": key}, timeout=60
            ) as stream:
                await stream.send_message(body, end=True)
                await stream.recv_message()
            fuzz.note("gRPC OK", body, good=True)
        except GRPCError as error:
            fuzz.note(f"gRPC {error.status.name}", body, good=error.status not in _OUR_FAULTS)
        except (OSError, StreamTerminatedError) as fault:
            fuzz.note(f"gRPC cut: {type(fault).__name__}", body, good=False)
    channel.close()


class AsItIs(CodecBase):
    """Codec of grpclib for messages that are bytes already."""

    __content_subtype__ = "proto"

    def encode(self, message: bytes, message_type: object) -> bytes:  # noqa: ARG002 - grpclib's interface
        return message

    def decode(self, data: bytes, message_type: object) -> bytes:  # noqa: ARG002 - grpclib's interface
        return data


def not_logged(log: Path) -> list[str]:
    """Lines of the output that the studio's log did not write: a library's, such as that of a panic."""
    return [line for line in log.read_text(errors="replace").splitlines() if not line.startswith("{")]


def main(folder: Path, seconds: float, seed: int) -> int:
    fuzz = Fuzz(folder, Random(seed))
    with OwnStudio(folder / "data") as studio:
        key = studio.sign_up()
        end = time.monotonic() + seconds
        while time.monotonic() < end and not fuzz.findings:
            over_http(fuzz, studio, key)
            asyncio.run(over_grpc(fuzz, studio, key))
        alive = studio.rest("GET", "/health").status == 200
    foreign = not_logged(studio.log)
    print(f"{fuzz.seen.total()} requests of seed {seed}", *sorted(fuzz.seen.items()), sep="\n")
    print(*fuzz.findings, *foreign[:20], sep="\n")
    return int(bool(fuzz.findings or foreign) or not alive)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=20261130)
    given = parser.parse_args()
    sys.exit(main(given.folder.resolve(), given.seconds, given.seed))
