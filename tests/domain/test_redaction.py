"""Secrets are taken out of texts, whole, and ordinary words are left alone."""

from __future__ import annotations

import random
import time

import pytest

from baton.domain.redaction import Redactor, masked, redact, redact_in, secret_values

TELEGRAM = "123456789:AAF-abcdefghijklmnopqrstuvwxyz_0123"


def test_every_occurrence_of_every_secret_is_replaced() -> None:
    text = "key=first-secret, again first-secret; other=second-secret."

    assert redact(text, ["first-secret", "second-secret"]) == "key=***, again ***; other=***."


def test_a_text_without_secrets_is_unchanged() -> None:
    assert redact("nothing to hide at 12:30", ["first-secret"]) == "nothing to hide at 12:30"


@pytest.mark.parametrize(
    ("secret", "expected"), [("", "abcde fghijk"), ("abcde", "abcde fghijk"), ("fghijk", "abcde ***")]
)
def test_a_secret_of_fewer_than_six_characters_is_left_alone(secret: str, expected: str) -> None:
    assert redact("abcde fghijk", [secret]) == expected


def test_a_secret_that_holds_another_goes_whole() -> None:
    assert redact("x secret-and-more y secret- z", ["secret-", "secret-and-more"]) == "x *** y *** z"


def test_nothing_survives_of_secrets_that_overlap() -> None:
    assert redact("<abcdefghi>", ["abcdef", "defghi"]) == "<***>"


def test_a_secret_that_overlaps_itself_goes_whole() -> None:
    assert redact("<abababab>", ["ababab"]) == "<***>"


def test_secrets_side_by_side_are_both_replaced() -> None:
    assert redact("abcdefghijkl", ["abcdef", "ghijkl"]) == "******"


def test_a_secret_is_text_and_not_a_pattern() -> None:
    assert redact("a.c+(e)* abcdefgh", ["a.c+(e)*"]) == "*** abcdefgh"


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "https://api.telegram.org/bot{}/sendMessage",
        "bad token: {}!",
        "00{}",
        "say '{}'",
    ],
)
def test_a_telegram_token_nobody_listed_is_replaced(text: str) -> None:
    assert redact(text.format(TELEGRAM), []) == text.removeprefix("00").format("***")


def test_a_telegram_token_with_an_encoded_colon_is_replaced() -> None:
    assert redact(f"/bot{TELEGRAM.replace(':', '%3A')}/getMe", []) == "/bot***/getMe"


@pytest.mark.parametrize("text", ["2026-11-21T08:30:00.250Z", "12345:" + "a" * 40, "123456:" + "a" * 29])
def test_what_only_resembles_a_telegram_token_is_left_alone(text: str) -> None:
    assert redact(text, []) == text


def test_a_long_run_of_digits_takes_no_more_than_a_look() -> None:
    # With a pattern that tries from each digit anew this takes minutes.
    digits = "1" * 1_000_000

    assert redact(digits, []) == digits


def test_every_text_in_what_a_server_said_is_searched() -> None:
    data = {"error": {"type": "x-secret-x", "list": ["secret-", 1, None, ("my secret-",)]}, "secret-": True}

    found = redact_in(data, ["secret-"])

    assert found == {"error": {"type": "x-***x", "list": ["***", 1, None, ("my ***",)]}, "***": True}
    assert redact_in(data, []) is data


# -- a text that comes in pieces ------------------------------------------------------------------------------------

SECRET = "sk-ant-abcdefghij"


def fed(secrets: list[str], pieces: list[str]) -> list[str]:
    redactor = Redactor(secrets)
    return [*(redactor.feed(piece) for piece in pieces), redactor.rest()]


def test_a_secret_cut_anywhere_is_replaced_and_no_part_of_it_is_shown() -> None:
    for cut in range(1, len(SECRET)):
        shown = fed([SECRET], [f"the key {SECRET[:cut]}", f"{SECRET[cut:]} is wrong"])
        assert shown == ["the key ", "*** is wrong", ""]


def test_a_secret_that_comes_letter_by_letter_is_replaced() -> None:
    assert "".join(fed([SECRET], list(f"<{SECRET}>{SECRET}"))) == "<***>***"


def test_a_piece_in_whose_end_no_secret_begins_is_shown_at_once() -> None:
    assert fed([SECRET], ["Hello", ", ", "world"]) == ["Hello", ", ", "world", ""]


def test_what_only_looked_like_the_beginning_of_one_is_shown_with_the_next_piece() -> None:
    assert fed([SECRET], ["task", " force", " sk-an", "d"]) == ["ta", "sk force", " ", "sk-and", ""]


def test_what_is_held_back_at_the_end_is_shown() -> None:
    assert fed([SECRET], ["risk"]) == ["ri", "sk"]


def test_the_pieces_together_are_the_whole_text_redacted_however_it_is_cut() -> None:
    seed = 20261121
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(2_000):
        secrets = ["".join(chance.choices("ab", k=chance.randint(6, 9))) for _ in range(chance.randint(1, 3))]
        words = [*secrets, "a", "b", "abab", "xyz"]
        text = "".join(chance.choices(words, k=chance.randint(1, 8)))
        cuts = sorted(chance.sample(range(len(text) + 1), min(len(text) + 1, chance.randint(0, 6))))
        pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        shown = "".join(fed(secrets, pieces))
        assert shown.replace("*", "") == redact(text, secrets).replace("*", ""), (secrets, pieces)
        assert not any(secret in shown for secret in secrets)


# -- what looks like a token, and which variables hold secrets ------------------------------------------------------

LETTERS = "abcdefghijABCDEFGHIJ0123456789abcdefghij"


@pytest.mark.parametrize(
    "token",
    [
        f"sk-ant-api03-{LETTERS}", f"sk-proj-{LETTERS}", f"ghp_{LETTERS[:36]}", f"github_pat_{LETTERS}",
        f"glpat-{LETTERS[:20]}", "AKIAIOSFODNN7EXAMPLE", f"AIza{LETTERS[:35]}", "xoxb-123456789012-abcdef",
        f"sk_live_{LETTERS[:24]}", f"npm_{LETTERS[:36]}", f"hf_{LETTERS[:34]}", f"gsk_{LETTERS}", TELEGRAM,
        f"eyJ{LETTERS[:12]}.eyJ{LETTERS[:20]}.{LETTERS[:20]}",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nwhat was cut off",
    ],
)  # fmt: skip
def test_a_token_of_a_known_kind_goes_whole(token: str) -> None:
    assert masked(f"before {token}", []) == ("before ***", 1)


@pytest.mark.parametrize(
    "text",
    ["task-001 and sk-short", "a risk-averse-and-very-long-winded-hyphenated-word", "eyJ is how JSON begins", "AKIA"],
)
def test_ordinary_words_are_no_tokens(text: str) -> None:
    assert masked(text, []) == (text, 0)


def test_a_long_text_of_beginnings_is_looked_through_quickly() -> None:
    text = "-----BEGIN PRIVATE KEY----" * 20_000 + "sk-" * 50_000 + "eyJ" * 50_000
    started = time.monotonic()
    masked(text, [])
    assert time.monotonic() - started < 2.0


def test_the_values_of_variables_that_name_a_secret_are_secrets() -> None:
    variables = {
        "OPENAI_API_KEY": "one", "GH_TOKEN": "two", "db_password": "three", "SSH_KEY_PATH": "/home", "LANG": "C",
        "EMPTY_KEY": "", "SEO_LOGIN": "four",
    }  # fmt: skip
    assert secret_values(variables, {"SEO_LOGIN"}) == {"one", "two", "three", "four"}


def test_what_only_looks_like_a_token_is_shown_in_what_a_model_says() -> None:
    example = "set OPENAI_API_KEY=sk-0123456789abcdefghijklmnop first"
    assert fed([SECRET], [example[:30], example[30:]]) == [example[:30], example[30:], ""]
    assert redact_in([example], [SECRET]) == [example]
