"""The settings of the studio, and the only place that reads the environment.

A setting is one field: its variable, default, parser and explanation stand together, and the documents are tested
against them. A value comes from the environment, else from ``.env`` (in the working directory, else in its parent),
else from the default. An empty value counts as the default; unknown names are ignored.
"""

import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

import attrs
from dotenv import dotenv_values

from actors.span_store.masking.masking import Masking
from actors.span_store.masking.reading import read_masking
from studio.addresses import local_address
from studio.exposure import COMMAND, LEAST_CHARACTERS, weak_secrets
from studio.secrets import SETUP_CODE, development_secret
from studio.variables import (
    NO_SETUP_CODE,
    STRICT,
    Variable,
    cookie_key,
    days,
    duckdb_takes,
    endpoint_url,
    gigabytes,
    host_names,
    log_format,
    log_level,
    networks,
    optional,
    origin_of,
    origins,
    password_rules,
    path,
    ports,
    setup_code,
    site,
    switch,
    variable,
    web_url,
    whole_number,
)

PORT = whole_number(0, 65_535)
# Beside the span database are folders and files with its name and these endings.
_BESIDE = (".segments", ".journals", ".grams", ".backups", ".lock", ".wal")
DEFAULT_ORIGINS = "http://localhost:5151,http://localhost:5153"


class SettingsError(Exception):
    """The settings cannot be used. ``lines`` names every fault, one a line, and no secret."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@attrs.frozen(kw_only=True)
class Settings:
    """The settings of a studio. Paths are absolute; a port of 0 is any free one."""

    environment: str = attrs.field(
        metadata=variable("JUNJO_ENV", "development", str, "`production` demands secrets and URLs of your own.")
    )
    host: str = attrs.field(metadata=variable("JUNJO_HOST", "127.0.0.1", str, "The address that all ports listen on."))
    backend_port: int = attrs.field(metadata=variable("JUNJO_BACKEND_PORT", "1323", PORT, "HTTP: REST and OTLP."))
    otlp_port: int = attrs.field(metadata=variable("JUNJO_OTLP_PORT", "50051", PORT, "OTLP over gRPC."))
    extra_ports: tuple[int, ...] = attrs.field(
        metadata=variable(
            "JUNJO_OTLP_EXTRA_PORTS",
            "",
            ports,
            "More ports for OTLP, each over gRPC and HTTP: a comma list. `4317,4318` is where exporters go by default.",
        )
    )
    grpc_port: int = attrs.field(
        metadata=variable("GRPC_PORT", "50053", PORT, "gRPC for an ingestion service that checks API keys.")
    )
    data_dir: Path = attrs.field(metadata=variable("JUNJO_DATA_DIR", "./.dbdata", path, "The folder of all data."))
    sqlite_path: Path = attrs.field(
        metadata=variable("JUNJO_SQLITE_PATH", "$JUNJO_DATA_DIR/sqlite/junjo.db", path, "Users, sessions, API keys.")
    )
    duckdb_path: Path = attrs.field(
        metadata=variable("JUNJO_DUCKDB_PATH", "$JUNJO_DATA_DIR/duckdb/traces.duckdb", path, "Spans.")
    )
    session_secret: str = attrs.field(
        repr=False,
        metadata=variable("JUNJO_SESSION_SECRET", "", str, "Signs sessions. Required in production.", secret=True),
    )
    secure_cookie_key: bytes = attrs.field(
        repr=False,
        metadata=variable(
            "JUNJO_SECURE_COOKIE_KEY",
            "",
            cookie_key,
            "Encrypts the session cookie: 32 bytes in base64. Required in production.",
            secret=True,
        ),
    )
    allow_weak_secrets: bool = attrs.field(
        metadata=variable(
            "JUNJO_ALLOW_WEAK_SECRETS",
            "false",
            switch,
            "`true` lets production start with secrets that can be guessed. The next version will not know it.",
        )
    )
    frontend_url: str | None = attrs.field(
        metadata=variable("JUNJO_PROD_FRONTEND_URL", "", optional(web_url), "Where browsers find the front end.")
    )
    backend_url: str | None = attrs.field(
        metadata=variable("JUNJO_PROD_BACKEND_URL", "", optional(web_url), "Where browsers find this backend.")
    )
    ingestion_url: str | None = attrs.field(
        metadata=variable("JUNJO_PROD_INGESTION_URL", "", optional(endpoint_url), "Where programs send spans.")
    )
    allow_origins: tuple[str, ...] = attrs.field(
        metadata=variable(
            "JUNJO_ALLOW_ORIGINS",
            DEFAULT_ORIGINS,
            origins,
            "Web origins that may call the API: a comma list or a JSON array. "
            "In production the default is JUNJO_PROD_FRONTEND_URL.",
            aliases=("cors_origins", "CORS_ORIGINS"),
        )
    )
    allowed_hosts: tuple[str, ...] = attrs.field(
        metadata=variable(
            "JUNJO_ALLOWED_HOSTS",
            "",
            host_names,
            "Names that clients reach the studio by, besides localhost and those of the production URLs: a comma list.",
        )
    )
    setup_code: str | None = attrs.field(
        repr=False,
        metadata=variable(
            "JUNJO_SETUP_CODE",
            "",
            optional(setup_code),
            "What the first user is created with from afar or in production, or `off`. "
            "The default is in secrets/setup-code in the data folder.",
            secret=True,
        ),
    )
    password_rules: str | None = attrs.field(
        metadata=variable(
            "JUNJO_PASSWORD_RULES",
            "",
            optional(password_rules),
            "`strict` refuses new passwords that are tried first: frequent ones, the address, one character repeated. "
            "The default is `strict` in production, else `plain`.",
        )
    )
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = attrs.field(
        metadata=variable(
            "JUNJO_TRUSTED_PROXIES",
            "",
            networks,
            "Reverse proxies whose word on who the client is counts: addresses or networks, a comma list.",
        )
    )
    session_idle: timedelta = attrs.field(
        metadata=variable("JUNJO_SESSION_IDLE_DAYS", "7", days, "A session ends after so many days without use.")
    )
    session_absolute: timedelta = attrs.field(
        metadata=variable("JUNJO_SESSION_ABSOLUTE_DAYS", "30", days, "A session ends after so many days in any case.")
    )
    reveal_api_keys: bool = attrs.field(
        metadata=variable(
            "JUNJO_REVEAL_API_KEYS",
            "false",
            switch,
            "`true` also keeps API keys encrypted, and `GET /api_keys` lists them whole to their owners.",
        )
    )
    max_request_bytes: int = attrs.field(
        metadata=variable(
            "JUNJO_OTLP_MAX_REQUEST_BYTES",
            "67108864",
            whole_number(1024, 2**31 - 1),
            "The largest OTLP request, before and after inflation.",
        )
    )
    max_spans: int = attrs.field(
        metadata=variable(
            "JUNJO_OTLP_MAX_SPANS", "200000", whole_number(1, 10_000_000), "The most spans of one OTLP request."
        )
    )
    max_values: int = attrs.field(
        metadata=variable(
            "JUNJO_OTLP_MAX_VALUES",
            "2000000",
            whole_number(1, 100_000_000),
            "The most attributes, events, links and values in values of one OTLP request.",
        )
    )
    max_resources: int = attrs.field(
        metadata=variable(
            "JUNJO_OTLP_MAX_RESOURCES",
            "10000",
            whole_number(1, 1_000_000),
            "The most resources of one OTLP request, and the most scopes.",
        )
    )
    key_spans_per_second: int | None = attrs.field(
        metadata=variable(
            "JUNJO_KEY_SPANS_PER_SECOND",
            "",
            optional(whole_number(1, 1_000_000_000)),
            "The most spans a second of one API key; who sends more is told to wait.",
        )
    )
    masking: Masking | None = attrs.field(
        metadata=variable(
            "JUNJO_MASK",
            "",
            read_masking,
            "What is masked in spans before they are stored: names of patterns, a comma list, or a JSON array with "
            "expressions too. `all` names all patterns.",
        )
    )
    memory_mb: int | None = attrs.field(
        metadata=variable(
            "JUNJO_MEMORY_MB",
            "",
            optional(whole_number(64, 1_048_576)),
            "The memory that requests in work and large answers are measured against, in 2^20 bytes. "
            "The default is the limit of the container or service, else 1024.",
        )
    )
    retention_days: timedelta | None = attrs.field(
        metadata=variable("JUNJO_RETENTION_DAYS", "", optional(days), "Spans that are older are deleted.")
    )
    retention_bytes: int | None = attrs.field(
        metadata=variable(
            "JUNJO_RETENTION_GB",
            "",
            optional(gigabytes),
            "The most space for spans, in 10^9 bytes: the oldest are deleted first.",
        )
    )
    prices_file: Path | None = attrs.field(
        metadata=variable(
            "JUNJO_PRICES_FILE",
            "",
            optional(path),
            "Prices of models in place of those that come with the studio: a file in the form of genai-prices.",
        )
    )
    webhook_allow_private: bool = attrs.field(
        metadata=variable(
            "JUNJO_WEBHOOK_ALLOW_PRIVATE",
            "false",
            switch,
            "`true` lets alerts call webhooks on this machine and in private networks.",
        )
    )
    audit_days: timedelta = attrs.field(
        metadata=variable("JUNJO_AUDIT_DAYS", "365", days, "Entries of the audit trail that are older are deleted.")
    )
    internal_grpc_token: str | None = attrs.field(
        repr=False,
        metadata=variable(
            "JUNJO_INTERNAL_GRPC_TOKEN",
            "",
            optional(str),
            "When set, callers of GRPC_PORT must send it as `x-junjo-internal-token`.",
            secret=True,
        ),
    )
    ingestion_host: str | None = attrs.field(
        metadata=variable("INGESTION_HOST", "", optional(str), "An external ingestion service to pull spans from.")
    )
    ingestion_port: int = attrs.field(
        metadata=variable("INGESTION_PORT", "50052", whole_number(1, 65_535), "Its internal gRPC port.")
    )
    span_poll_interval: int = attrs.field(
        metadata=variable("SPAN_POLL_INTERVAL", "5", whole_number(1, 3600), "Seconds between pulls.")
    )
    span_batch_size: int = attrs.field(
        metadata=variable("SPAN_BATCH_SIZE", "100", whole_number(1, 10_000), "The most spans of one pull.")
    )
    self_trace: bool = attrs.field(
        metadata=variable(
            "JUNJO_SELF_TRACE",
            "false",
            switch,
            "`true` stores traces of the studio's own requests, as those of the service `junjo-ai-studio`.",
        )
    )
    log_level: str = attrs.field(
        metadata=variable("JUNJO_LOG_LEVEL", "info", log_level, "`debug`, `info`, `warn` or `error`.")
    )
    log_format: str = attrs.field(
        metadata=variable("JUNJO_LOG_FORMAT", "json", log_format, "`json` for machines, `text` for people.")
    )
    openai_api_key: str | None = attrs.field(
        repr=False,
        metadata=variable("OPENAI_API_KEY", "", optional(str), "For the playground.", secret=True),
    )
    anthropic_api_key: str | None = attrs.field(
        repr=False,
        metadata=variable("ANTHROPIC_API_KEY", "", optional(str), "For the playground.", secret=True),
    )
    gemini_api_key: str | None = attrs.field(
        repr=False,
        metadata=variable("GEMINI_API_KEY", "", optional(str), "For the playground.", secret=True),
    )

    openai_base_url: str | None = attrs.field(
        metadata=variable(
            "OPENAI_BASE_URL",
            "",
            optional(web_url),
            "A server that speaks OpenAI's wire, such as Ollama or vLLM; it needs no key.",
        )
    )
    anthropic_base_url: str | None = attrs.field(
        metadata=variable("ANTHROPIC_BASE_URL", "", optional(web_url), "A server that speaks Anthropic's wire.")
    )
    gemini_base_url: str | None = attrs.field(
        metadata=variable("GEMINI_BASE_URL", "", optional(web_url), "A server that speaks Gemini's wire.")
    )
    runs_per_user: int = attrs.field(
        metadata=variable(
            "JUNJO_PLAYGROUND_RUNS_PER_USER",
            "64",
            whole_number(1, 10_000),
            "The most runs that a user may have at once.",
        )
    )
    runs_per_socket: int = attrs.field(
        metadata=variable(
            "JUNJO_PLAYGROUND_RUNS_PER_SOCKET",
            "32",
            whole_number(1, 1000),
            "The most runs at once on one WebSocket.",
        )
    )
    resume_seconds: int = attrs.field(
        metadata=variable(
            "JUNJO_PLAYGROUND_RESUME_SECONDS",
            "30",
            whole_number(0, 3600),
            "How long a run goes on when its WebSocket is lost.",
        )
    )
    run_seconds: int = attrs.field(
        metadata=variable("JUNJO_PLAYGROUND_RUN_SECONDS", "600", whole_number(1, 3600), "The longest run.")
    )

    @property
    def production(self) -> bool:
        """Whether the studio runs in production: cookies are ``Secure``, and no session secret is generated."""
        return self.environment == "production"

    @property
    def strict_passwords(self) -> bool:
        """Whether new passwords are checked by the strict rules."""
        return self.production if self.password_rules is None else self.password_rules == STRICT

    def ports(self) -> Iterator[tuple[str, int]]:
        """All ports to listen on, each with the field that names it."""
        for field in ("backend_port", "otlp_port", "grpc_port"):
            yield field, getattr(self, field)
        for port in self.extra_ports:
            yield "extra_ports", port

    @property
    def otlp_endpoint(self) -> str:
        """Address to which programs send spans, as the front end shows it to its users."""
        return self.ingestion_url or f"grpc://localhost:{self.otlp_port}"


def load_settings(environ: Mapping[str, str] | None = None, directory: Path | None = None) -> Settings:
    """Read the settings, seen from a working directory (the process's own by default).

    In development, secrets that are not given are made and kept in the data folder; the setup code is made in any
    environment. It is ``None`` when it is switched off. Raises ``SettingsError``.
    """
    directory = directory or Path.cwd()
    faults: list[str] = []
    values: dict[str, Any] = {}
    faulty: set[str] = set()
    given = _given(os.environ if environ is None else environ, directory, faults)
    for field, declared in declared_variables().items():
        try:
            value = declared.parse(given.get(declared.name) or _default(declared, given))
        except ValueError as fault:
            faulty.add(declared.name)
            if declared.name in given:  # else it is a part of JUNJO_DATA_DIR, and told of that
                faults.append(_fault_line(declared, given, fault))
            value = declared.parse(_default(declared, {}))
        values[field] = directory / value if isinstance(value, Path) else value
    settings = Settings(**values)
    faults += [line for names, line in _contradictions(settings) if faulty.isdisjoint(names)]
    if faults:
        raise SettingsError(faults)
    return _with_secrets(_with_production_origins(settings))


def client_defaults(environ: Mapping[str, str] | None = None, directory: Path | None = None) -> tuple[str, str]:
    """Defaults of a client on this machine: the URL of these settings, and JUNJO_AI_STUDIO_API_KEY or ""."""
    environ = os.environ if environ is None else environ
    given = _given(environ, directory or Path.cwd(), [])
    fields = attrs.fields(Settings)
    address, port = (
        given.get(declared.name) or declared.default
        for declared in (field.metadata["variable"] for field in (fields.host, fields.backend_port))
    )
    return f"http://{local_address(address, port)}", environ.get("JUNJO_AI_STUDIO_API_KEY", "").strip()


def accounts_database(environ: Mapping[str, str] | None = None, directory: Path | None = None) -> Path:
    """Path of the accounts database, for readers: no folder and no secret is made. Raises ``SettingsError``."""
    directory = directory or Path.cwd()
    faults: list[str] = []
    given = _given(os.environ if environ is None else environ, directory, faults)
    declared = declared_variables()["sqlite_path"]
    try:
        found = directory / declared.parse(given.get(declared.name) or _default(declared, given))
    except ValueError as fault:
        raise SettingsError([*faults, f"{declared.name}: {fault}"]) from fault
    if faults:
        raise SettingsError(faults)
    return Path(found)


def declared_variables() -> dict[str, Variable]:
    """The variable of each field of ``Settings``, in order."""
    return {field.name: field.metadata["variable"] for field in attrs.fields(Settings)}


def _given(environ: Mapping[str, str], directory: Path, faults: list[str]) -> dict[str, str]:
    """The text given for each variable that has any, under its first name."""
    sources = (environ, _dotenv(directory, faults))
    given: dict[str, str] = {}
    for declared in declared_variables().values():
        for source, name in ((source, name) for source in sources for name in declared.names):
            if name in source:
                text = source[name] or ""
                is_path = declared.parse is path and not text.isspace()  # whose name may have blanks around it
                given[declared.name] = text if is_path else text.strip()
                break
    return given


def _dotenv(directory: Path, faults: list[str]) -> Mapping[str, str | None]:
    for file in (directory / ".env", directory.parent / ".env"):
        if file.is_file():
            try:
                return dotenv_values(file, encoding="utf-8")
            except (OSError, UnicodeDecodeError) as fault:
                faults.append(f"{file}: cannot be read: {getattr(fault, 'strerror', None) or 'it is not UTF-8 text'}")
                return {}
    return {}


def _default(declared: Variable, given: Mapping[str, str]) -> str:
    folder = attrs.fields(Settings).data_dir.metadata["variable"]
    return declared.default.replace(f"${folder.name}", given.get(folder.name) or folder.default)


def _fault_line(declared: Variable, given: Mapping[str, str], fault: ValueError) -> str:
    shown = "" if declared.secret else f", but is {given[declared.name]!r}"
    return f"{declared.name}: {fault}{shown}"


def _contradictions(settings: Settings) -> Iterator[tuple[set[str], str]]:
    """Faults between well-formed values: the variables concerned, and a line."""
    yield from _shared_ports(settings)
    yield from _unusable_paths(settings)
    if settings.production:
        yield from _missing_in_production(settings)
        if not settings.allow_weak_secrets:
            yield from weak_secrets(settings)
        if settings.frontend_url and settings.backend_url and site(settings.frontend_url) != site(settings.backend_url):
            names = {"JUNJO_PROD_FRONTEND_URL", "JUNJO_PROD_BACKEND_URL"}
            line = "must share their registrable domain, or browsers send no session cookie"
            yield names, f"JUNJO_PROD_FRONTEND_URL and JUNJO_PROD_BACKEND_URL: {line}"


def _shared_ports(settings: Settings) -> Iterator[tuple[set[str], str]]:
    seen: dict[int, str] = {}
    variables = declared_variables()
    for field, port in settings.ports():
        name = variables[field].name
        if port and port in seen:
            yield {seen[port], name}, f"{seen[port]} and {name}: are both {port}; each needs a port of its own"
        seen.setdefault(port, name)


def _unusable_paths(settings: Settings) -> Iterator[tuple[set[str], str]]:
    spans, accounts = settings.duckdb_path, settings.sqlite_path
    names = {"JUNJO_DATA_DIR", "JUNJO_DUCKDB_PATH"}
    if not duckdb_takes(spans):
        line = f"the path of the span database must be UTF-8 without ? and \\, but is {str(spans)!r}"
        yield names, f"JUNJO_DATA_DIR or JUNJO_DUCKDB_PATH: {line}"
    if spans.suffix in _BESIDE or not spans.name:
        yield names, f"JUNJO_DUCKDB_PATH: must be a file whose name does not end in {spans.suffix or '/'}"
    if spans == accounts:
        yield names | {"JUNJO_SQLITE_PATH"}, "JUNJO_SQLITE_PATH and JUNJO_DUCKDB_PATH: must be two files"


def _missing_in_production(settings: Settings) -> Iterator[tuple[set[str], str]]:
    required = {
        "session_secret": f"; any random text of {LEAST_CHARACTERS} characters or more, {COMMAND}",
        "secure_cookie_key": f"; {COMMAND}",
        "frontend_url": "",
        "backend_url": "",
        "ingestion_url": "",
    }
    for field, hint in required.items():
        if not getattr(settings, field):
            name = declared_variables()[field].name
            yield {name}, f"{name}: is required when JUNJO_ENV=production{hint}"


def _with_production_origins(settings: Settings) -> Settings:
    if settings.production and settings.frontend_url and settings.allow_origins == origins(DEFAULT_ORIGINS):
        return attrs.evolve(settings, allow_origins=(origin_of(settings.frontend_url),))
    return settings


def _with_secrets(settings: Settings) -> Settings:
    folder = settings.data_dir / "secrets"
    try:
        session_secret = settings.session_secret or development_secret(folder / "session-secret")
        code = settings.setup_code or development_secret(folder / SETUP_CODE)
        key = settings.secure_cookie_key or cookie_key(development_secret(folder / "secure-cookie-key"))
    except OSError as fault:
        raise SettingsError([f"JUNJO_DATA_DIR: cannot keep secrets in {folder}: {fault.strerror}"]) from fault
    except ValueError as fault:
        raise SettingsError([f"{folder}: holds a damaged secret; delete the folder to get new ones"]) from fault
    code_or_none = None if code == NO_SETUP_CODE else code
    return attrs.evolve(settings, session_secret=session_secret, secure_cookie_key=key, setup_code=code_or_none)
