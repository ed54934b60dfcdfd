"""The configurations of docs/operations.md with the real proxies, as they stand there but for port and certificate."""

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path

import aiohttp
import grpc.aio
import pytest

from tests.proxies import BEHIND_IT, SPANS, STUDIO, Certificate, Here, block, make_certificate, program, proxy, replaced
from tests.spans import otlp_request, otlp_span
from tests.studio_process import studio_process

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
ACCOUNT = {"email": "a@example.com", "password": "a password for tests"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.mark.parametrize("name", ["nginx", "caddy"])
async def test_everything_goes_through_the_proxy(name: str, certificate: Certificate, tmp_path: Path) -> None:
    program(name)
    trust = ssl.create_default_context(cafile=str(certificate.file))
    async with studio_process(tmp_path / "data", **BEHIND_IT) as studio:
        with proxy(name, studio, certificate, tmp_path) as port:
            connector = aiohttp.TCPConnector(ssl=trust, resolver=Here())
            async with aiohttp.ClientSession(f"https://{STUDIO}:{port}", connector=connector) as client:
                async with client.post("/users/create-first-user", json=ACCOUNT) as answer:
                    assert answer.status == 200
                async with client.post("/api_keys", json={"name": "tests"}) as answer:
                    key = (await answer.json())["key"]
                await send(port, key, certificate)
                async with client.get("/api/v1/observability/services") as answer:
                    assert await answer.json() == ["tests"]
                async with client.get("/api/v1/observability/export?format=jsonl") as answer:
                    assert len((await answer.read()).splitlines()) == 100
                own = {"Origin": f"https://{STUDIO}:{port}"}
                async with client.ws_connect("/llm/stream", headers=own) as socket_:
                    await socket_.send_str("no JSON")
                    assert (await socket_.receive_json())["type"] == "failed"


async def send(port: int, key: str, certificate: Certificate) -> None:
    """Spans over gRPC with TLS, one request of them larger than what proxies take by default."""
    credentials = grpc.ssl_channel_credentials(await asyncio.to_thread(certificate.file.read_bytes))
    options = [("grpc.ssl_target_name_override", SPANS), ("grpc.default_authority", f"{SPANS}:{port}")]
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel:
        export: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(EXPORT)
        spans = (otlp_span(number, text="x" * 50_000) for number in range(1, 101))
        body = otlp_request(*spans).SerializeToString()
        assert await export(body, metadata=(("x-junjo-api-key", key),)) == b""


def test_the_unit_is_understood_by_systemd(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed")
    unit = tmp_path / "junjo-ai-studio.service"
    text = replaced(block("ini"), {"/opt/junjo-ai-studio/.venv/bin/python": "/bin/true"})
    unit.write_text(text)
    checked = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, check=False, timeout=60)
    said = [line for line in checked.stderr.splitlines() if "junjo-ai-studio.service" in line]
    assert (checked.returncode, said) == (0, [])
