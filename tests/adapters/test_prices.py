"""Estimates by list prices: the extra as it is pinned, without a network, and without the extra."""

from __future__ import annotations

import os
import socket
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest
from msgspec import to_builtins

from baton.adapters import price_reader, prices
from baton.adapters.prices import ListPrices
from baton.domain.usage import Amounts

AT = "2026-11-21T08:30:00.000Z"
USED = Amounts(
    runs=1,
    input_tokens=1500,
    output_tokens=100,
    cache_read_tokens=1000,
    cache_creation_tokens=500,
    duration_seconds=2.0,
)


# By the million: 3 in, 15 out, 0.30 from the cache, 3.75 to it.
PRICE = (1500 * 3 + 100 * 15 + 1000 * 0.3 + 500 * 3.75) / 1e6


def estimate(model: str, used: Amounts = USED) -> float | None:
    """The price by the reader, in this process."""
    return price_reader.price(model, to_builtins(used), datetime.fromisoformat(AT))


def test_each_model_is_priced_and_those_not_known_are_left_out() -> None:
    models = {"claude-sonnet-4-5": USED, "nobody-knows": USED, "": USED}
    assert ListPrices().estimate(models, AT) == {"claude-sonnet-4-5": pytest.approx(PRICE)}


def test_each_kind_of_token_has_its_price_and_no_network_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*words: Any, **more: Any) -> NoReturn:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "socket", refuse)
    assert estimate("claude-sonnet-4-5") == pytest.approx(PRICE)


@pytest.mark.parametrize("acts", ["", "print('no JSON')", "raise SystemExit(1)", "import time; time.sleep(1000)"])
def test_a_reader_that_does_not_answer_leaves_the_price_unknown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, acts: str
) -> None:
    asked = tmp_path / "asked"
    reader = tmp_path / "reader.py"
    reader.write_text(f"open({str(asked)!r}, 'w').close()\n{acts}\n")
    monkeypatch.setattr(prices, "READER", str(reader))
    assert ListPrices(reader_seconds=1.0).estimate({"claude-sonnet-4-5": USED}, AT) == {}
    assert asked.exists()


@pytest.mark.parametrize(
    "model", ["claude-sonnet-4-5-20250929", "claude-sonnet-4-5[1m]", "anthropic/claude-sonnet-4-5"]
)
def test_a_model_is_known_by_its_date_its_variant_and_behind_its_provider(model: str) -> None:
    assert estimate(model) == estimate("claude-sonnet-4-5")


def test_many_requests_cost_no_more_than_each_by_itself() -> None:
    hundred = Amounts(runs=1, input_tokens=1_500_000, output_tokens=100_000)
    one = Amounts(runs=1, input_tokens=15_000, output_tokens=1_000)
    assert estimate("claude-sonnet-4-5", hundred) == pytest.approx(
        100 * (estimate("claude-sonnet-4-5", one) or 0), rel=1e-4
    )


@pytest.mark.parametrize("model", ["sonnet", "fake-model", "", "/", "a/b", "auto", "\0", "x" * 10_000])
def test_a_model_that_is_not_known_has_no_price(model: str) -> None:
    assert estimate(model) is None


def test_without_the_extra_there_are_no_prices_and_no_program_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(prices, "find_spec", asked.append)
    monkeypatch.setattr(sys, "executable", os.devnull)
    assert (ListPrices().estimate({"claude-sonnet-4-5": USED}, AT), asked) == ({}, ["genai_prices"])
