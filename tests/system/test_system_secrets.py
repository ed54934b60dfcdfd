"""Secrets sent everywhere they could stand: none is in the log or in an answer."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import quote

import aiohttp
import grpc.aio
import pytest

from tests.studio_process import StudioProcess, studio_process

pytestmark = [pytest.mark.integration, pytest.mark.security, pytest.mark.requires_grpc_server]

PASSWORD = "hunter22-hunter22"
FOREIGN_KEY = "Yy18" * 16
PROVIDER_KEY = "sk-proj-abcdefgh0123456789"
ASK_FOR_SECRETS = ("/sign-in", "/users", "/users/create-first-user", "/llm/providers/openai/key")
ROUTES = (
    *ASK_FOR_SECRETS,
    "/api_keys",
    "/llm/generate",
    "/v1/traces",
    "/nowhere",
)


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[StudioProcess]:
    async with studio_process(tmp_path / "data") as studio:
        yield studio


class Sent:
    """Sends requests and keeps all that comes back."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client
        self.answers: list[str] = []
        self.cookie = ""

    async def __call__(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> object:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", "Cookie": self.cookie, **(headers or {})}
        async with self._client.request(method, path, data=data, headers=sent, allow_redirects=False) as answer:
            text = await answer.text(errors="replace")
            if path != "/api_keys":
                self.answers.append(f"{dict(answer.headers) | {'Set-Cookie': ''}} {text}")
            if "Set-Cookie" in answer.headers:
                self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
            return json.loads(text) if text.startswith("{") else None


def bodies(secret: str) -> list[object]:
    """Where people put a password or a key by mistake."""
    names = ("password", "passwd", "Password", "pass_word", "new_password", "pwd", "passwrod", "p", "key", "api_key")
    return [
        *({"email": "bad", name: secret} for name in names),
        *({"email": "a@example.com", name: {"x": [secret]}} for name in names),
        {"email": {"passwd": [{"deep": {"Pwd": secret}}]}},
        [secret],
        [{"pwd": secret}],
        ["a@example.com", secret],
        {"model": 5, "messages": [{"role": "user", "password": secret, "api_key": {"value": secret}}]},
        f'{{"email": "a@example.com", "password": "{secret}"'.encode(),
        f'{{"password": "{secret}", }}'.encode(),
        f"{secret}".encode(),
    ]


async def test_no_secret_is_in_the_log_or_in_an_answer(studio: StudioProcess) -> None:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{studio.http_port}") as client:
        send = Sent(client)
        account = {"email": "a@example.com", "password": PASSWORD}
        await send("POST", "/users/create-first-user", account)
        made = await send("POST", "/api_keys", {"name": "tests"})
        assert isinstance(made, dict)
        secrets = (PASSWORD, FOREIGN_KEY, PROVIDER_KEY, str(made["key"]))
        for secret in secrets:
            # Where nobody asks for a password, a word in an odd place is no secret.
            for path in ASK_FOR_SECRETS if secret == PASSWORD else ROUTES:
                for body in bodies(secret):
                    await send("POST", path, body)
                    await send("PUT", path, body)
                form = {"Content-Type": "application/x-www-form-urlencoded"}
                await send("POST", path, f"email=a%40example.com&passwd={quote(secret)}".encode(), form)
                await send("GET", f"{path}?key={secret}&password={secret}&limit={secret}")
            for method in ("GET", "POST", "DELETE", "PATCH"):
                if secret != PASSWORD:  # nobody can tell a password in a path from a word
                    await send(method, f"/{secret}")
                    await send(method, f"/api_keys/{secret}/x")
                    await send(method, f"/api_keys/{secret}")
                    await send(method, f"/api/v1/observability/traces/{secret}/spans?limit={secret}")
            for header in ("Authorization", "x-junjo-api-key", "Cookie", "Origin", "Content-Encoding"):
                for value in (secret, f"Bearer {secret}", f"Basic {secret}", f"session={secret}"):
                    await send("POST", "/v1/traces", b"{}", {header: value})
                    await send("GET", "/api/v1/observability/services", None, {header: value})
        await over_grpc(studio.otlp_port, secrets)
        cookie = send.cookie
    studio.process.terminate()
    out, err = await studio.process.communicate()
    for secret in (*secrets, cookie.partition("=")[2]):
        assert secret.encode() not in out + err
        assert [answer for answer in send.answers if secret in answer] == []
    assert len(out.splitlines()) > 500


async def over_grpc(port: int, secrets: tuple[str, ...]) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        for secret in secrets:
            for path in ("/opentelemetry.proto.collector.trace.v1.TraceService/Export", f"/{secret}/{secret}"):
                method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
                for metadata in ((("x-junjo-api-key", secret),), (("authorization", f"Bearer {secret}"),)):
                    with pytest.raises(grpc.aio.AioRpcError) as refusal:
                        await method(secret.encode(), metadata=metadata)
                    assert secret not in (refusal.value.details() or "")
