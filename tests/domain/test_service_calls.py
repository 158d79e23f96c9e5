"""What a call of a service amounts to."""

from __future__ import annotations

from typing import Any

import pytest

from baton.domain.service_calls import Attempt, AttemptStatus, ServiceEnd, attempt_of, not_called
from baton.domain.services import Service

SUCCESS, FAILED = AttemptStatus.SUCCESS, AttemptStatus.FAILED
TIMEOUT, RATE_LIMITED = AttemptStatus.TIMEOUT, AttemptStatus.RATE_LIMITED


@pytest.mark.parametrize(
    ("end", "status", "message"),
    [
        (ServiceEnd(exit_code=0, said="a warning"), SUCCESS, ""),
        (ServiceEnd(exit_code=75), RATE_LIMITED, "come back later"),
        (ServiceEnd(exit_code=75, said="trying\n429 Too Many\n"), RATE_LIMITED, "come back later: 429 Too Many"),
        (ServiceEnd(exit_code=2, said="usage: x"), FAILED, "exit code 2: usage: x"),
        (ServiceEnd(problem="it was ended by SIGSEGV"), FAILED, "it was ended by SIGSEGV"),
        (ServiceEnd(is_late=True, said="  waiting\n\n"), TIMEOUT, "it had not answered within 60 s: waiting"),
    ],
)
def test_an_end_has_one_status_and_one_line_of_words(end: ServiceEnd, status: AttemptStatus, message: str) -> None:
    found = attempt_of(Service(name="x"), end)
    assert (found.status, found.message) == (status, message)


def test_a_message_is_one_line_of_bounded_length() -> None:
    message = attempt_of(Service(name="x"), ServiceEnd(exit_code=1, said="a\t" * 400)).message
    assert (len(message), message[-3:], "\t" in message) == (300, "...", False)


@pytest.mark.parametrize(
    ("cost", "end", "money"),
    [
        (None, ServiceEnd(exit_code=0), (None, None)),
        ("$1 a query", ServiceEnd(exit_code=0), (None, None)),
        (0.5, ServiceEnd(exit_code=0), (None, 0.5)),
        (0.5, ServiceEnd(exit_code=1), (None, None)),
        (0, ServiceEnd(exit_code=1), (None, 0.0)),
        (0.5, ServiceEnd(exit_code=0, reported={"cost_usd": 0.25}), (0.25, None)),
        (None, ServiceEnd(exit_code=1, reported={"cost_usd": 1}), (1.0, None)),
        (None, ServiceEnd(is_late=True, reported={"cost_usd": 0.1234567}), (0.123457, None)),
    ],
)
def test_money_is_what_was_reported_else_the_registrys_price_of_an_answer(
    cost: Any, end: ServiceEnd, money: tuple[float | None, float | None]
) -> None:
    found = attempt_of(Service(name="x", cost=cost), end)
    assert (found.cost_usd, found.list_price_usd) == money


@pytest.mark.parametrize("reported", [None, 3, [], {}, {"cost_usd": "1"}, {"cost_usd": True}, {"cost_usd": -1},
                                      {"cost_usd": float("nan")}, {"cost_usd": 1e300}])  # fmt: skip
def test_a_report_that_says_no_amount_leaves_the_cost_unknown(reported: Any) -> None:
    assert attempt_of(Service(name="x"), ServiceEnd(exit_code=0, reported=reported)).cost_usd is None


def test_a_service_that_was_never_started_cost_nothing() -> None:
    assert not_called(Service(name="x", cost=3), "no key") == Attempt(
        service="x", status=FAILED, duration_seconds=0.0, cost_usd=0.0, message="no key"
    )
