"""Exposure: what anybody could guess or reach with these settings."""

import ipaddress
from collections.abc import Iterator
from typing import Protocol

LEAST_CHARACTERS = 32
COMMAND = "make one with: openssl rand -base64 32"


class ExposedSettings(Protocol):
    """What is looked at of the settings, which ask this module whether they may be."""

    @property
    def production(self) -> bool: ...

    @property
    def host(self) -> str: ...

    @property
    def session_secret(self) -> str: ...

    @property
    def secure_cookie_key(self) -> bytes: ...

    @property
    def internal_grpc_token(self) -> str | None: ...

    @property
    def allow_weak_secrets(self) -> bool: ...


def weak_secrets(settings: ExposedSettings) -> Iterator[tuple[set[str], str]]:
    """Secrets that production refuses: the variables concerned, and a line for the operator."""
    token = settings.internal_grpc_token
    if settings.session_secret and _is_weak(settings.session_secret):
        yield {"JUNJO_SESSION_SECRET"}, f"JUNJO_SESSION_SECRET: {_WEAK}"
    if settings.secure_cookie_key and len(set(settings.secure_cookie_key)) == 1:
        yield {"JUNJO_SECURE_COOKIE_KEY"}, f"JUNJO_SECURE_COOKIE_KEY: is one byte over and over; {COMMAND}"
    if token and _is_weak(token):
        yield {"JUNJO_INTERNAL_GRPC_TOKEN"}, f"JUNJO_INTERNAL_GRPC_TOKEN: {_WEAK}"
    if not token and not is_loopback(settings.host):
        line = "is required when JUNJO_ENV=production and JUNJO_HOST is not this machine alone, for GRPC_PORT"
        yield {"JUNJO_INTERNAL_GRPC_TOKEN", "JUNJO_HOST"}, f"JUNJO_INTERNAL_GRPC_TOKEN: {line}; {COMMAND}"


def exposures(
    settings: ExposedSettings, *, http_port: int, otlp_port: int, grpc_port: int, extra_ports: tuple[int, ...] = ()
) -> Iterator[str]:
    """Lines about what other machines reach without TLS or a token."""
    if settings.production and settings.allow_weak_secrets:
        for _, line in weak_secrets(settings):
            yield f"JUNJO_ALLOW_WEAK_SECRETS lets this pass, and the next version will not: {line}"
    if is_loopback(settings.host):
        return
    yield _without_tls("HTTP listens", settings.host, http_port, "passwords, cookies and API keys")
    yield _without_tls("OTLP over gRPC listens", settings.host, otlp_port, "API keys and spans")
    for port in extra_ports:
        yield _without_tls("OTLP listens", settings.host, port, "API keys and spans")
    yield _without_tls("The key check listens", settings.host, grpc_port, "API keys")
    if not settings.internal_grpc_token:
        yield (
            f"The key check on port {grpc_port} has no token: whoever reaches it can try API keys. "
            "Set JUNJO_INTERNAL_GRPC_TOKEN"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect. A name that is none of this machine's own may be any address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost" or host.lower().endswith(".localhost")


_WEAK = f"has fewer than {LEAST_CHARACTERS} characters, or one over and over; {COMMAND}"


def _is_weak(secret: str) -> bool:
    return len(secret) < LEAST_CHARACTERS or len(set(secret)) == 1


def _without_tls(what: str, host: str, port: int, secrets: str) -> str:
    return (
        f"{what} on {host}, port {port}, without TLS: {secrets} can be read on the way. "
        "Let only a proxy with TLS, or a network of your own, reach it"
    )
