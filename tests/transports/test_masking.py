"""Names of secrets, and texts that look like keys."""

import pytest

from transports.masking import is_secret_name, names_a_secret, without_keys

pytestmark = [pytest.mark.unit, pytest.mark.security]

KEY = "Zz09" * 16


SECRETS = (
    "password Password PASSWORD pass_word new_password old-password passwd pwd pw pass passwrod pasword passsword "
    "passwort passphrase passcode key Key api_key apiKey x-junjo-api-key access_token accessToken token Authorization "
    "secret clientSecret session_secret cookie set-cookie credentials jwt otp pin"
)
OTHERS = (
    "email name model max_tokens max_output_tokens prompt_tokens tokens messages content path passed passive compass "
    "service keyword status host http_port spans data_dir trace_id request_id event level logger key_id scopes"
)


@pytest.mark.parametrize("name", SECRETS.split())
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", OTHERS.split())
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)


def test_a_form_may_hold_a_secret() -> None:
    assert names_a_secret("email=a%40example.com&passwd=hunter22")
    assert not names_a_secret("email=a%40example.com&name=x")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"/api_keys/{KEY}", "/api_keys/***"),
        (f"/{KEY}{KEY}/x", "/***/x"),
        (f"key={KEY}.", "key=***."),
        ("Incorrect API key provided: sk-proj-abcdefgh_12345678", "Incorrect API key provided: ***"),
        ("AIzaSyA1234567890abcdefghijklmnop", "***"),
        ("/api/v1/observability/traces/0af7651916cd43dd8448eb211c80319c/spans", None),
        ("a task-list of desk-sharing-and-more-of-it", None),
        ("", None),
    ],
)
def test_keys_are_masked_wherever_they_stand(text: str, shown: str | None) -> None:
    assert without_keys(text) == (text if shown is None else shown)
