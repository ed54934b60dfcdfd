"""Audited settings: no secret, and no part of one, is stored."""

import base64
from pathlib import Path

import pytest

from actors.audit_trail.actor import Setting
from studio.audited_settings import audited_settings
from studio.settings import declared_variables, load_settings

pytestmark = [pytest.mark.unit, pytest.mark.security]

KEYS = [base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2)]
SECRETS = {
    "JUNJO_SESSION_SECRET": "session secret for tests only",
    "JUNJO_SECURE_COOKIE_KEY": KEYS[0],
    "JUNJO_SETUP_CODE": "a setup code for tests",
    "JUNJO_INTERNAL_GRPC_TOKEN": "a token for tests",
    "OPENAI_API_KEY": "sk-0123456789abcdef0123",
}


def audited(folder: Path, **environ: str) -> dict[str, Setting]:
    return {each.name: each for each in audited_settings(load_settings(SECRETS | environ, folder))}


def test_all_settings_are_there_as_people_write_them(tmp_path: Path) -> None:
    found = audited(
        tmp_path,
        JUNJO_SESSION_IDLE_DAYS="0.5",
        JUNJO_ALLOW_ORIGINS='["http://a.example", "http://b.example"]',
        JUNJO_TRUSTED_PROXIES="10.0.0.0/8",
        JUNJO_OTLP_EXTRA_PORTS="4317, 4318",
        JUNJO_ALLOW_WEAK_SECRETS="yes",
    )
    assert list(found) == [declared.name for declared in declared_variables().values()]
    expected = {
        "JUNJO_SESSION_IDLE_DAYS": "0.5",
        "JUNJO_AUDIT_DAYS": "365",
        "JUNJO_ALLOW_ORIGINS": "http://a.example,http://b.example",
        "JUNJO_TRUSTED_PROXIES": "10.0.0.0/8",
        "JUNJO_OTLP_EXTRA_PORTS": "4317,4318",
        "JUNJO_ALLOW_WEAK_SECRETS": "true",
        "JUNJO_RETENTION_DAYS": "",
        "JUNJO_DATA_DIR": str(tmp_path / ".dbdata"),
    }
    assert {name: found[name].value for name in expected} == expected


def test_defaults_are_no_change(tmp_path: Path) -> None:
    found = audited(tmp_path)
    assert [each.name for each in found.values() if not each.secret and each.change_from(None) is not None] == []


def test_no_secret_is_in_it(tmp_path: Path) -> None:
    text = str([(each.name, each.value, each.default) for each in audited(tmp_path).values()])
    assert not [secret for secret in SECRETS.values() if secret in text]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:word@llm.example/v1", "https://***@llm.example/v1"),
        ("https://llm.example/v1?api-key=abc", "https://llm.example/v1?***"),
        ("https://llm.example/sk-0123456789abcdef0123", "https://llm.example/***"),
    ],
)
def test_what_urls_give_away_is_masked(tmp_path: Path, url: str, shown: str) -> None:
    assert audited(tmp_path, OPENAI_BASE_URL=url)["OPENAI_BASE_URL"].value == shown


def test_a_secret_that_changed_is_seen_and_another_is_not(tmp_path: Path) -> None:
    before, after = audited(tmp_path), audited(tmp_path, JUNJO_SETUP_CODE="another setup code")
    changed = {name for name in SECRETS if after[name].change_from(before[name].value) is not None}
    assert changed == {"JUNJO_SETUP_CODE"}


def test_another_cookie_key_is_a_change_of_its_own_alone(tmp_path: Path) -> None:
    before, after = audited(tmp_path), audited(tmp_path, JUNJO_SECURE_COOKIE_KEY=KEYS[1])
    changed = {name for name in SECRETS if after[name].change_from(before[name].value) is not None}
    assert changed == {"JUNJO_SECURE_COOKIE_KEY"}
    assert after["JUNJO_SETUP_CODE"].value != before["JUNJO_SETUP_CODE"].value, "digests tell nothing across keys"
