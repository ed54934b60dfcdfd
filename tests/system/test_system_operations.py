"""The configurations of docs/operations.md with the real proxies, as they stand there but for port and certificate."""

import asyncio
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import attrs
import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.source import PROJECT
from tests.spans import otlp_request, otlp_span
from tests.studio_process import StudioProcess, studio_process

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]

STUDIO, SPANS = "studio.example.com", "spans.example.com"
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
ACCOUNT = {"email": "a@example.com", "password": "a password for tests"}


def block(language: str) -> str:
    text = (PROJECT / "docs" / "operations.md").read_text()
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return str(found)


def replaced(text: str, changes: Mapping[str, str]) -> str:
    """Each of them must be there, or the page has changed and this test with it."""
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    return text


@attrs.frozen
class Certificate:
    """For both names, signed by itself."""

    file: Path
    key: Path


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, STUDIO)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(STUDIO), x509.DNSName(SPANS)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    result = Certificate(folder / "fullchain.pem", folder / "key.pem")
    result.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    result.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return result


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def nginx_configuration(studio: StudioProcess, port: int, certificate: Certificate, folder: Path) -> Path:
    servers = replaced(
        block("nginx"),
        {
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "127.0.0.1:1323": f"127.0.0.1:{studio.http_port}",
            "127.0.0.1:50051": f"127.0.0.1:{studio.otlp_port}",
            f"/etc/ssl/{STUDIO}/fullchain.pem": str(certificate.file),
            f"/etc/ssl/{SPANS}/fullchain.pem": str(certificate.file),
            f"/etc/ssl/{STUDIO}/key.pem": str(certificate.key),
            f"/etc/ssl/{SPANS}/key.pem": str(certificate.key),
        },
    )
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = folder / "nginx.conf"
    file.write_text(
        f"daemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{servers}}}\n"
    )
    return file


def caddy_configuration(studio: StudioProcess, port: int, certificate: Certificate, folder: Path) -> Path:
    own = f"tls {certificate.file} {certificate.key}\n\tbind 127.0.0.1\n"
    sites = replaced(
        block("caddy"),
        {
            f"{STUDIO} {{\n": f"https://{STUDIO}:{port} {{\n\t{own}",
            f"{SPANS} {{\n": f"https://{SPANS}:{port} {{\n\t{own}",
            "127.0.0.1:1323": f"127.0.0.1:{studio.http_port}",
            "127.0.0.1:50051": f"127.0.0.1:{studio.otlp_port}",
        },
    )
    file = folder / "Caddyfile"
    file.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + sites)
    return file


def program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@contextmanager
def proxy(name: str, studio: StudioProcess, certificate: Certificate, folder: Path) -> Iterator[int]:
    """A running proxy, and its port."""
    port = free_port()
    if name == "nginx":
        configuration = nginx_configuration(studio, port, certificate, folder)
        checking = [program(name), "-t", "-e", "stderr", "-c", str(configuration)]
        running = [program(name), "-e", "stderr", "-c", str(configuration)]
    else:
        configuration = caddy_configuration(studio, port, certificate, folder)
        checking = [program(name), "validate", "--adapter", "caddyfile", "--config", str(configuration)]
        running = [program(name), "run", "--adapter", "caddyfile", "--config", str(configuration)]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    checked = subprocess.run(checking, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen(running, env=environment, stderr=subprocess.DEVNULL)
    try:
        until_listening(process, port)
        yield port
    finally:
        process.terminate()
        process.wait()


def until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    while True:
        assert process.poll() is None
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return


class Here(aiohttp.abc.AbstractResolver):
    """Every name is this machine."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        return [
            aiohttp.abc.ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST
            )
        ]

    async def close(self) -> None:
        """There is nothing to close."""


@pytest.mark.parametrize("name", ["nginx", "caddy"])
async def test_everything_goes_through_the_proxy(name: str, certificate: Certificate, tmp_path: Path) -> None:
    program(name)
    trust = ssl.create_default_context(cafile=str(certificate.file))
    async with studio_process(tmp_path / "data", JUNJO_ALLOWED_HOSTS=f"{STUDIO},{SPANS}") as studio:
        with proxy(name, studio, certificate, tmp_path) as port:
            connector = aiohttp.TCPConnector(ssl=trust, resolver=Here())
            async with aiohttp.ClientSession(f"https://{STUDIO}:{port}", connector=connector) as client:
                code = (tmp_path / "data" / "secrets" / "setup-code").read_text().strip()
                setting_up = {"x-junjo-setup-code": code}  # asked for by who comes through a proxy
                async with client.post("/users/create-first-user", json=ACCOUNT, headers=setting_up) as answer:
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
