"""Settings: where they come from, and everything that can be wrong with them."""

import base64
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from studio.exposure import exposures
from studio.settings import Settings, SettingsError, declared_variables, load_settings

pytestmark = pytest.mark.unit

KEY = base64.b64encode(bytes(range(32))).decode()
PRODUCTION = {
    "JUNJO_ENV": "production",
    "JUNJO_SESSION_SECRET": "a long random text of 32 letters",
    "JUNJO_SECURE_COOKIE_KEY": KEY,
    "JUNJO_PROD_FRONTEND_URL": "https://studio.example.co.uk",
    "JUNJO_PROD_BACKEND_URL": "https://api.example.co.uk",
    "JUNJO_PROD_INGESTION_URL": "https://spans.example.co.uk",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory whose parent is empty too."""
    folder = tmp_path / "outer" / "work"
    folder.mkdir(parents=True)
    return folder


def faults(environ: Mapping[str, str], folder: Path) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        load_settings(environ, folder)
    return raised.value.lines


def test_nothing_given_is_a_working_development_set_up(folder: Path) -> None:
    settings = load_settings({}, folder)

    assert not settings.production
    assert (settings.host, settings.backend_port, settings.otlp_port, settings.grpc_port) == (
        "127.0.0.1",
        1323,
        50051,
        50053,
    )
    assert settings.data_dir == folder / ".dbdata"
    assert settings.sqlite_path == folder / ".dbdata/sqlite/junjo.db"
    assert settings.duckdb_path == folder / ".dbdata/duckdb/traces.duckdb"
    assert settings.allow_origins == ("http://localhost:5151", "http://localhost:5153")
    assert settings.otlp_endpoint == "grpc://localhost:50051"
    assert (settings.session_idle, settings.session_absolute) == (timedelta(days=7), timedelta(days=30))
    assert settings.max_request_bytes == 64 * 1024 * 1024
    assert settings.ingestion_host is None
    assert len(settings.secure_cookie_key) == 32
    assert settings.session_secret


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(folder: Path) -> None:
    (folder / ".env").write_text("JUNJO_BACKEND_PORT=2000\nJUNJO_OTLP_PORT=2001\nUNKNOWN_NAME=1\n")
    settings = load_settings({"JUNJO_BACKEND_PORT": "3000"}, folder)
    assert (settings.backend_port, settings.otlp_port, settings.grpc_port) == (3000, 2001, 50053)


def test_the_file_of_the_parent_counts_only_if_the_folder_has_none(folder: Path) -> None:
    (folder.parent / ".env").write_text("JUNJO_BACKEND_PORT=2000\n")
    assert load_settings({}, folder).backend_port == 2000
    (folder / ".env").write_text("JUNJO_OTLP_PORT=2001\n")
    assert load_settings({}, folder).backend_port == 1323


def test_an_empty_value_in_the_environment_hides_the_file(folder: Path) -> None:
    (folder / ".env").write_text("INGESTION_HOST=ingestion\nJUNJO_LOG_LEVEL\n")
    assert load_settings({}, folder).ingestion_host == "ingestion"
    assert load_settings({"INGESTION_HOST": ""}, folder).ingestion_host is None


def test_a_file_that_is_no_text_is_a_fault(folder: Path) -> None:
    (folder / ".env").write_bytes(b"\xff\xfe")
    assert faults({}, folder) == [f"{folder / '.env'}: cannot be read: it is not UTF-8 text"]


def test_single_files_can_live_elsewhere(folder: Path) -> None:
    settings = load_settings({"JUNJO_DATA_DIR": "data", "JUNJO_SQLITE_PATH": "/elsewhere/a.db"}, folder)
    assert settings.sqlite_path == Path("/elsewhere/a.db")
    assert settings.duckdb_path == folder / "data/duckdb/traces.duckdb"


@pytest.mark.parametrize("name", ["JUNJO_ALLOW_ORIGINS", "cors_origins", "CORS_ORIGINS"])
@pytest.mark.parametrize(
    "text", ["https://a.example,  http://b.example:8080/", '["https://a.example:443","http://b.example:8080"]']
)
def test_origins_are_read_from_a_list_or_from_json(folder: Path, name: str, text: str) -> None:
    assert load_settings({name: text}, folder).allow_origins == ("https://a.example", "http://b.example:8080")


def test_trusted_proxies_are_addresses_and_networks(folder: Path) -> None:
    settings = load_settings({"JUNJO_TRUSTED_PROXIES": "127.0.0.1, 10.1.2.3/8,2001:db8::/32,"}, folder)
    assert [str(network) for network in settings.trusted_proxies] == ["127.0.0.1/32", "10.0.0.0/8", "2001:db8::/32"]
    assert load_settings({}, folder).trusted_proxies == ()


@pytest.mark.parametrize(("given", "level"), [("warn", "warning"), ("WARNING", "warning"), ("debug", "debug")])
def test_log_levels_have_more_than_one_spelling(folder: Path, given: str, level: str) -> None:
    assert load_settings({"JUNJO_LOG_LEVEL": given}, folder).log_level == level


@pytest.mark.parametrize("key", [KEY, KEY.rstrip("="), base64.urlsafe_b64encode(b"\xff" * 32).decode()])
def test_a_cookie_key_may_use_either_base64_alphabet(folder: Path, key: str) -> None:
    assert len(load_settings({"JUNJO_SECURE_COOKIE_KEY": key}, folder).secure_cookie_key) == 32


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("JUNJO_BACKEND_PORT", "http", "must be a whole number from 0 to 65535, but is 'http'"),
        ("JUNJO_OTLP_PORT", "65536", "must be a whole number from 0 to 65535, but is '65536'"),
        ("GRPC_PORT", "-1", "must be a whole number from 0 to 65535, but is '-1'"),
        ("INGESTION_PORT", "٣", "must be a whole number from 1 to 65535, but is '٣'"),
        ("SPAN_POLL_INTERVAL", "0", "must be a whole number from 1 to 3600, but is '0'"),
        ("SPAN_BATCH_SIZE", "1e3", "must be a whole number from 1 to 10000, but is '1e3'"),
        ("JUNJO_SESSION_IDLE_DAYS", "nan", "must be a number of days above 0 and at most 3650, but is 'nan'"),
        ("JUNJO_SESSION_ABSOLUTE_DAYS", "-1", "must be a number of days above 0 and at most 3650, but is '-1'"),
        ("JUNJO_ALLOW_WEAK_SECRETS", "perhaps", "must be true or false, but is 'perhaps'"),
        ("JUNJO_PASSWORD_RULES", "lax", "must be strict or plain, but is 'lax'"),
        ("JUNJO_LOG_LEVEL", "loud", "must be debug, info, warn or error, but is 'loud'"),
        ("JUNJO_ALLOW_ORIGINS", "*", "must be a URL that starts with http:// or https://, but is '*'"),
        ("JUNJO_ALLOW_ORIGINS", "[1]", "must be a comma list or a JSON array of URLs, but is '[1]'"),
        ("JUNJO_ALLOW_ORIGINS", "[", "must be a comma list or a JSON array of URLs, but is '['"),
        (
            "JUNJO_TRUSTED_PROXIES",
            "10.0.0.0/8, proxy",
            "must be a comma list of IP addresses or networks, such as 10.0.0.0/8, but is '10.0.0.0/8, proxy'",
        ),
        ("JUNJO_PROD_BACKEND_URL", "api", "must be a URL that starts with http:// or https://, but is 'api'"),
        ("JUNJO_PROD_BACKEND_URL", "http://[", "must be a URL that starts with http:// or https://, but is 'http://['"),
        ("JUNJO_SECURE_COOKIE_KEY", "!", "must be base64"),
        ("JUNJO_SECURE_COOKIE_KEY", "c2hvcnQ=", "must be base64 of exactly 32 bytes, but holds 5"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(folder: Path, name: str, value: str, complaint: str) -> None:
    assert faults({name: value}, folder) == [f"{name}: {complaint}"]


def test_two_servers_cannot_share_a_port(folder: Path) -> None:
    assert faults({"GRPC_PORT": "50051"}, folder) == [
        "JUNJO_OTLP_PORT and GRPC_PORT: are both 50051; each needs a port of its own"
    ]


def test_extra_ports_are_a_list(folder: Path) -> None:
    assert load_settings({}, folder).extra_ports == ()
    assert load_settings({"JUNJO_OTLP_EXTRA_PORTS": " 4317, 4318,"}, folder).extra_ports == (4317, 4318)
    assert load_settings({"JUNJO_OTLP_EXTRA_PORTS": "0,0"}, folder).extra_ports == (0, 0)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("4317;4318", "JUNJO_OTLP_EXTRA_PORTS: must be a comma list of ports, each from 0 to 65535"),
        ("4317,65536", "JUNJO_OTLP_EXTRA_PORTS: must be a comma list of ports, each from 0 to 65535"),
        ("4317,4317", "JUNJO_OTLP_EXTRA_PORTS: must name each port once"),
        ("4317,1323", "JUNJO_BACKEND_PORT and JUNJO_OTLP_EXTRA_PORTS: are both 1323"),
        ("50051", "JUNJO_OTLP_PORT and JUNJO_OTLP_EXTRA_PORTS: are both 50051"),
        ("50053", "GRPC_PORT and JUNJO_OTLP_EXTRA_PORTS: are both 50053"),
    ],
)
def test_extra_ports_must_be_ports_of_their_own(folder: Path, value: str, complaint: str) -> None:
    (line,) = faults({"JUNJO_OTLP_EXTRA_PORTS": value}, folder)
    assert line.startswith(complaint)


def test_any_free_port_may_be_asked_for_more_than_once(folder: Path) -> None:
    settings = load_settings({"JUNJO_BACKEND_PORT": "0", "JUNJO_OTLP_PORT": "0", "GRPC_PORT": "0"}, folder)
    assert (settings.backend_port, settings.otlp_port, settings.grpc_port) == (0, 0, 0)


def test_everything_that_is_wrong_is_said_at_once_and_only_once(folder: Path) -> None:
    lines = faults(
        {
            "JUNJO_ENV": "production",
            "JUNJO_BACKEND_PORT": "x",
            "JUNJO_SECURE_COOKIE_KEY": "c2hvcnQ=",
            "JUNJO_PROD_FRONTEND_URL": "studio.example.com",
            "JUNJO_LOG_LEVEL": "loud",
        },
        folder,
    )
    assert [line.split(":")[0] for line in lines] == [
        "JUNJO_BACKEND_PORT",
        "JUNJO_SECURE_COOKIE_KEY",
        "JUNJO_PROD_FRONTEND_URL",
        "JUNJO_LOG_LEVEL",
        "JUNJO_SESSION_SECRET",
        "JUNJO_PROD_BACKEND_URL",
        "JUNJO_PROD_INGESTION_URL",
    ]


def test_production_runs_with_what_it_demands_and_makes_no_secret_of_sessions(folder: Path) -> None:
    settings = load_settings(PRODUCTION, folder)
    assert settings.production
    assert settings.allow_origins == ("https://studio.example.co.uk",)
    assert settings.otlp_endpoint == "https://spans.example.co.uk"
    assert [file.name for file in (folder / ".dbdata/secrets").iterdir()] == ["setup-code"]


@pytest.mark.security
@pytest.mark.parametrize(
    ("given", "in_development", "in_production"),
    [
        ({}, False, True),
        ({"JUNJO_PASSWORD_RULES": "Strict"}, True, True),
        ({"JUNJO_PASSWORD_RULES": "plain"}, False, False),
    ],
)
def test_production_is_strict_about_passwords_unless_told_otherwise(
    folder: Path, given: dict[str, str], in_development: bool, in_production: bool
) -> None:
    assert load_settings(given, folder).strict_passwords is in_development
    assert load_settings(PRODUCTION | given, folder).strict_passwords is in_production


def test_origins_that_someone_chose_stay_in_production(folder: Path) -> None:
    settings = load_settings(PRODUCTION | {"JUNJO_ALLOW_ORIGINS": "https://other.example.co.uk"}, folder)
    assert settings.allow_origins == ("https://other.example.co.uk",)


@pytest.mark.parametrize("missing", [name for name in PRODUCTION if name != "JUNJO_ENV"])
def test_production_demands_each_of_its_settings(folder: Path, missing: str) -> None:
    (line,) = faults({name: value for name, value in PRODUCTION.items() if name != missing}, folder)
    assert line.startswith(f"{missing}: is required when JUNJO_ENV=production")


ALLOWED = {"JUNJO_ALLOW_WEAK_SECRETS": "true"}
WEAK = [
    ({"JUNJO_SESSION_SECRET": "a long text of 31 letters, no m"}, "JUNJO_SESSION_SECRET"),
    ({"JUNJO_SESSION_SECRET": "x" * 64}, "JUNJO_SESSION_SECRET"),
    ({"JUNJO_SECURE_COOKIE_KEY": base64.b64encode(bytes(32)).decode()}, "JUNJO_SECURE_COOKIE_KEY"),
    ({"JUNJO_INTERNAL_GRPC_TOKEN": "short"}, "JUNJO_INTERNAL_GRPC_TOKEN"),
    ({"JUNJO_INTERNAL_GRPC_TOKEN": "t" * 32}, "JUNJO_INTERNAL_GRPC_TOKEN"),
    ({"JUNJO_HOST": "0.0.0.0"}, "JUNJO_INTERNAL_GRPC_TOKEN"),
    ({"JUNJO_HOST": "::"}, "JUNJO_INTERNAL_GRPC_TOKEN"),
    ({"JUNJO_HOST": "studio.example.com"}, "JUNJO_INTERNAL_GRPC_TOKEN"),
    ({"JUNJO_HOST": "192.168.1.2", "JUNJO_INTERNAL_GRPC_TOKEN": "short"}, "JUNJO_INTERNAL_GRPC_TOKEN"),
]


@pytest.mark.security
@pytest.mark.parametrize(("given", "named"), WEAK)
def test_production_refuses_what_can_be_guessed_and_says_how_to_make_better(
    folder: Path, given: Mapping[str, str], named: str
) -> None:
    (line,) = faults({**PRODUCTION, **given}, folder)
    assert line.startswith(f"{named}: ")
    assert line.endswith("make one with: openssl rand -base64 32")
    assert not any(value in line for value in given.values())


@pytest.mark.parametrize(("given", "named"), WEAK)
def test_for_one_more_version_they_can_be_let_pass_and_each_start_says_so(
    folder: Path, given: Mapping[str, str], named: str
) -> None:
    settings = load_settings({**PRODUCTION, **given, **ALLOWED}, folder)
    lines = list(exposures(settings, http_port=1, otlp_port=2, grpc_port=3))
    assert lines[0].startswith(f"JUNJO_ALLOW_WEAK_SECRETS lets this pass, and the next version will not: {named}: ")


@pytest.mark.parametrize(("given", "_"), WEAK)
def test_development_is_asked_for_nothing(folder: Path, given: Mapping[str, str], _: str) -> None:
    load_settings(given, folder)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST", "studio.localhost"])
def test_on_this_machine_alone_nothing_is_exposed(folder: Path, host: str) -> None:
    settings = load_settings(PRODUCTION | {"JUNJO_HOST": host}, folder)
    assert list(exposures(settings, http_port=1, otlp_port=2, grpc_port=3)) == []


@pytest.mark.parametrize("environ", [{}, PRODUCTION | {"JUNJO_INTERNAL_GRPC_TOKEN": KEY}])
def test_what_other_machines_reach_is_said_a_line_each(folder: Path, environ: Mapping[str, str]) -> None:
    settings = load_settings({**environ, "JUNJO_HOST": "0.0.0.0"}, folder)
    lines = list(exposures(settings, http_port=1, otlp_port=2, grpc_port=3))
    assert ["port 1," in lines[0], "port 2," in lines[1], "port 3," in lines[2]] == [True] * 3
    assert all("without TLS" in line for line in lines[:3])
    assert ["has no token" in line for line in lines[3:]] == ([] if environ else [True])


@pytest.mark.parametrize(
    ("text", "read"), [("true", True), ("TRUE", True), ("1", True), ("yes", True), ("no", False), ("0", False)]
)
def test_a_switch_is_read_in_many_spellings(folder: Path, text: str, read: bool) -> None:
    assert load_settings({"JUNJO_ALLOW_WEAK_SECRETS": text}, folder).allow_weak_secrets is read


@pytest.mark.parametrize(
    ("frontend", "backend", "one_site"),
    [
        ("https://example.com", "https://api.example.com:8443", True),
        ("http://localhost:5153", "http://localhost:1323", True),
        ("http://10.0.0.1:5153", "http://10.0.0.1:1323", True),
        ("https://studio.corp.internal", "https://api.corp.internal", True),
        ("http://127.0.0.1:5153", "http://localhost:1323", False),
        ("http://10.0.0.1", "http://11.0.0.1", False),
        ("https://a.co.uk", "https://b.co.uk", False),
        ("https://example.com", "https://example.org", False),
        ("https://mine.github.io", "https://yours.github.io", False),
    ],
)
def test_front_end_and_backend_must_be_one_site(folder: Path, frontend: str, backend: str, one_site: bool) -> None:
    environ = PRODUCTION | {"JUNJO_PROD_FRONTEND_URL": frontend, "JUNJO_PROD_BACKEND_URL": backend}
    if one_site:
        load_settings(environ, folder)
    else:
        (line,) = faults(environ, folder)
        assert line.startswith("JUNJO_PROD_FRONTEND_URL and JUNJO_PROD_BACKEND_URL: must share")


@pytest.mark.security
def test_no_secret_is_shown(folder: Path) -> None:
    given = {
        declared.name: f"hidden-{number:012}"
        for number, declared in enumerate(declared_variables().values())
        if declared.secret
    }
    given["JUNJO_SECURE_COOKIE_KEY"] = KEY
    settings = load_settings(given, folder)
    assert "hidden" not in repr(settings)
    assert repr(settings.secure_cookie_key) not in repr(settings)

    lines = faults(given | {"JUNJO_SECURE_COOKIE_KEY": "hidden key", "JUNJO_BACKEND_PORT": "x"}, folder)
    assert "hidden" not in "\n".join(lines)


def test_each_variable_is_declared_once() -> None:
    names = [name for declared in declared_variables().values() for name in declared.names]
    assert len(names) == len(set(names))
    assert list(declared_variables()) == [field.name for field in attrs.fields(Settings)]


def test_the_setup_code_is_made_once_or_given_or_off(folder: Path) -> None:
    made = load_settings({}, folder).setup_code

    assert made == (folder / ".dbdata/secrets/setup-code").read_text().strip()
    assert load_settings({}, folder).setup_code == made
    assert load_settings({"JUNJO_SETUP_CODE": "sixteen letters!"}, folder).setup_code == "sixteen letters!"
    assert load_settings({"JUNJO_SETUP_CODE": "OFF"}, folder).setup_code is None


@pytest.mark.parametrize(
    ("name", "value"), [("JUNJO_SETUP_CODE", "short"), ("JUNJO_ALLOWED_HOSTS", "https://a.example")]
)
def test_a_code_that_can_be_guessed_and_a_host_that_is_a_url_are_refused(folder: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load_settings({name: value}, folder)
