"""Secrets are taken out of texts, whole, and ordinary words are left alone."""

from __future__ import annotations

import pytest

from baton.domain.redaction import redact

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
