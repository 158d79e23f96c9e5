"""What runs have used: nothing known gets lost, what is unknown never becomes zero, sums do not depend on their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.domain.usage import (
    COUNTS,
    LIMIT,
    MODELS_LIMIT,
    NOTHING,
    OTHERS,
    TOKENS,
    UNKNOWN,
    WHOLE,
    WHOLE_LIMIT,
    Amounts,
    Usage,
    added,
    priced,
    reported,
    since,
    to_price,
    total,
)

whole = st.integers(0, 10**9) | st.just(WHOLE_LIMIT)
part = st.floats(0, 1e5) | st.just(2 * LIMIT)
counts = st.fixed_dictionaries({}, optional={name: whole if name in WHOLE else part for name in COUNTS})
names = st.sampled_from([f"model-{number:02d}" for number in range(MODELS_LIMIT + 8)] + [OTHERS, "x" * 200])


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """One run's, or nothing; some with an estimate."""
    if draw(st.integers(0, 9)) == 0:
        return NOTHING
    models = draw(st.dictionaries(names, counts, max_size=MODELS_LIMIT + 4))
    found = reported(draw(counts), models, draw(st.none() | names))
    wanted = to_price(found)
    return priced(found, {name: draw(part) for name in wanted if draw(st.booleans())})


def amounts_of(usage: Usage) -> Iterator[Amounts]:
    yield usage
    yield from usage.models.values()


@given(usages(), usages(), usages())
def test_a_sum_does_not_depend_on_its_order(one: Usage, two: Usage, three: Usage) -> None:
    assert added(added(one, two), three) == added(one, added(two, three))
    assert added(one, two) == added(two, one)


@given(usages())
def test_nothing_adds_nothing(one: Usage) -> None:
    assert added(one, NOTHING) == added(NOTHING, one) == one


@given(usages(), usages())
def test_nothing_known_gets_lost(one: Usage, two: Usage) -> None:
    both = added(one, two)
    for name in Amounts.__struct_fields__:
        known = [value for value in (getattr(one, name), getattr(two, name)) if value is not None]
        limit = WHOLE_LIMIT if name in WHOLE else LIMIT
        assert getattr(both, name) == (pytest.approx(min(sum(known), limit), abs=1e-6) if known else None), name


@given(st.lists(usages(), max_size=5))
def test_what_is_unknown_never_becomes_zero_and_is_counted(many: list[Usage]) -> None:
    whole = total(many)
    assert whole.unpriced_runs == sum(one.unpriced_runs for one in many)
    for name in Amounts.__struct_fields__:
        assert (getattr(whole, name) is None) == all(getattr(one, name) is None for one in (NOTHING, *many))
    for found in many:
        assert all(amounts.cost_usd != 0 or not amounts.has_tokens for amounts in amounts_of(found))


@given(st.lists(usages(), max_size=5))
def test_it_is_bounded_and_stored_and_read_as_it_was(many: list[Usage]) -> None:
    whole = total(many)
    data = msgspec.json.encode(whole)
    assert msgspec.json.decode(data, type=Usage) == whole
    assert len(data) < 10_000
    assert len(whole.models) <= MODELS_LIMIT + 1


def test_models_beyond_the_limit_are_one_and_none_of_their_tokens_is_lost() -> None:
    models = {f"m{number:02d}": {"input_tokens": number, "cost_usd": 0.5} for number in range(MODELS_LIMIT + 2)}
    found = reported({}, models, None)
    assert found.models[OTHERS] == Amounts(runs=2, input_tokens=16 + 17, cost_usd=1.0)
    assert sum(amounts.input_tokens or 0 for amounts in found.models.values()) == sum(range(MODELS_LIMIT + 2))


# -- one run ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "used"),
    [
        ({}, {"unpriced_runs": 1}),
        ({"cost_usd": 0.25}, {"cost_usd": 0.25}),
        ({"cost_usd": 0, "input_tokens": 0}, {"cost_usd": 0.0, "input_tokens": 0}),
        ({"cost_usd": 0, "output_tokens": 7}, {"unpriced_runs": 1, "output_tokens": 7}),
        ({"cost_usd": 1e-9, "output_tokens": 7}, {"cost_usd": 0.000001, "output_tokens": 7}),
        ({"cost_usd": 1e300, "input_tokens": 1e18}, {"cost_usd": LIMIT, "input_tokens": WHOLE_LIMIT}),
        ({"turns": 3, "duration_seconds": 1.5}, {"unpriced_runs": 1, "turns": 3, "duration_seconds": 1.5}),
    ],
)
def test_money_is_what_was_told_and_a_price_of_zero_for_tokens_is_none(
    told: dict[str, Any], used: dict[str, Any]
) -> None:
    assert reported(told, {}, None) == Usage(runs=1, **used)


def test_the_only_model_used_all() -> None:
    assert reported({"input_tokens": 5}, {}, "sonnet").models == {
        "sonnet": Amounts(runs=1, unpriced_runs=1, input_tokens=5)
    }


def test_what_all_its_models_cost_is_what_a_run_cost() -> None:
    models = {"a": {"cost_usd": 0.1}, "b": {"cost_usd": 0.2}}
    assert (reported({}, models, None).cost_usd, reported({}, models, None).unpriced_runs) == (0.3, 0)
    assert reported({}, models | {"c": {"input_tokens": 1}}, None).cost_usd is None


# -- estimates ----------------------------------------------------------------------------------------------------

TOLD = {"input_tokens": 10, "output_tokens": 2}


def test_a_price_is_wanted_only_where_money_is_unknown_and_input_and_output_are_known() -> None:
    assert list(to_price(reported(TOLD, {}, "sonnet"))) == ["sonnet"]
    assert to_price(reported(TOLD | {"cost_usd": 0.1}, {}, "sonnet")) == {}
    assert to_price(reported({"input_tokens": 10}, {}, "sonnet")) == {}
    assert to_price(reported(dict.fromkeys(TOKENS, 0), {}, "sonnet")) == {}
    assert to_price(reported(TOLD, {}, None)) == {}


def test_an_estimate_is_kept_apart_from_what_was_reported() -> None:
    found = priced(reported(TOLD, {}, "sonnet"), {"sonnet": 0.5})
    assert (found.cost_usd, found.list_price_usd, found.unpriced_runs) == (None, 0.5, 0)
    both = added(found, reported(TOLD | {"cost_usd": 0.25}, {}, "sonnet"))
    assert (both.cost_usd, both.list_price_usd, both.unpriced_runs) == (0.25, 0.5, 0)


def test_a_run_of_which_one_model_has_no_price_is_of_unknown_cost_at_least_so_much() -> None:
    found = priced(reported({}, {"known": TOLD, "new": TOLD}, None), {"known": 0.5})
    assert (found.list_price_usd, found.unpriced_runs) == (0.5, 1)
    assert (found.models["known"].unpriced_runs, found.models["new"].unpriced_runs) == (0, 1)


def test_without_prices_nothing_changes() -> None:
    assert priced(UNKNOWN, {}) is UNKNOWN


# -- sessions -----------------------------------------------------------------------------------------------------

OF_SESSION = ("input_tokens", "cost_usd")


def test_of_a_session_a_run_used_what_it_added() -> None:
    before = reported({"input_tokens": 100, "cost_usd": 0.0085, "turns": 2}, {}, "sonnet")
    now = reported({"input_tokens": 150, "cost_usd": 0.0127, "turns": 1}, {}, "sonnet")
    assert since(now, before, OF_SESSION) == reported(
        {"input_tokens": 50, "cost_usd": 0.0042, "turns": 1}, {}, "sonnet"
    )


def test_a_model_that_added_nothing_is_not_named() -> None:
    before = reported({"input_tokens": 100}, {}, "sonnet")
    now = reported({}, {"sonnet": {"input_tokens": 100}, "haiku": {"input_tokens": 7}}, None)
    assert list(since(now, before, OF_SESSION).models) == ["haiku"]


def test_what_was_not_told_before_is_counted_with_the_run_that_tells_it() -> None:
    now = reported({"input_tokens": 150}, {}, "sonnet")
    assert since(now, UNKNOWN, OF_SESSION) == now


def test_a_count_below_the_last_one_has_begun_anew() -> None:
    before, now = (reported({"input_tokens": count}, {}, "sonnet") for count in (150, 20))
    assert since(now, before, OF_SESSION) == now
