"""The sealed session cookie."""

import re

import pytest

from actors.session.cookies import CookieSeal

pytestmark = [pytest.mark.unit, pytest.mark.security]

KEY = bytes(range(32))


@pytest.fixture
def seal() -> CookieSeal:
    return CookieSeal(KEY, "secret")


def test_a_cookie_opens_to_the_digest_it_was_made_with(seal: CookieSeal) -> None:
    cookie, digest = seal.new_cookie()
    assert seal.open(cookie) == digest
    assert CookieSeal(KEY, "secret").open(cookie) == digest  # as after a restart


def test_a_cookie_is_plain_url_safe_text_and_new_each_time(seal: CookieSeal) -> None:
    made = [seal.new_cookie() for _ in range(100)]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{80}", cookie) for cookie, _ in made)
    assert len({cookie for cookie, _ in made}) == len({digest for _, digest in made}) == 100


def test_a_change_of_any_character_makes_it_worthless(seal: CookieSeal) -> None:
    cookie, _ = seal.new_cookie()
    for place in range(len(cookie)):
        other = "B" if cookie[place] == "A" else "A"
        assert seal.open(cookie[:place] + other + cookie[place + 1 :]) is None


def test_a_cookie_of_another_key_does_not_open(seal: CookieSeal) -> None:
    cookie, _ = CookieSeal(bytes(32), "secret").new_cookie()
    assert seal.open(cookie) is None


def test_another_secret_gives_another_digest(seal: CookieSeal) -> None:
    cookie, digest = seal.new_cookie()
    assert CookieSeal(KEY, "changed").open(cookie) not in (None, digest)


@pytest.mark.parametrize(
    "garbage",
    ["", "null", "A" * 79, "A" * 80, "A" * 81, "=" * 80, "é" * 80, "\ud800" * 80, " " * 80, "+/" * 40, "A" * 1_000_000],
)
def test_garbage_does_not_open(seal: CookieSeal, garbage: str) -> None:
    assert seal.open(garbage) is None


def test_what_is_remembered_of_cookies_is_bounded_and_no_cookie(
    seal: CookieSeal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.session.cookies._MOST_KNOWN", 3)
    made = [seal.new_cookie() for _ in range(5)]
    for _ in range(2):
        for cookie, digest in made:
            assert [seal.open(cookie), seal.open(cookie)] == [digest, digest]
            assert seal.open("A" * len(cookie)) is None
    assert set(seal._known.values()) == {digest for _, digest in made[2:]}
    assert not {cookie.encode() for cookie, _ in made} & seal._known.keys()


def test_a_key_of_another_length_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="256"):
        CookieSeal(bytes(31), "secret")
