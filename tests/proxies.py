"""The proxies of docs/operations.md, real ones, configured as the page has it but for port and certificate."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.source import PROJECT
from tests.studio_process import StudioProcess

STUDIO, SPANS = "studio.example.com", "spans.example.com"
# What the page says of the settings, and that the first user may come through the proxy.
BEHIND_IT = {"JUNJO_TRUSTED_PROXIES": "127.0.0.1", "JUNJO_ALLOWED_HOSTS": STUDIO, "JUNJO_SETUP_CODE": "off"}


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


def make_certificate(folder: Path) -> Certificate:
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
