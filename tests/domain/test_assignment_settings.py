"""The section ``assignments`` of the settings: what holds for a namespace, and what is refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from baton.domain.assignment_settings import AssignmentSettings
from baton.domain.assignments import Rules


def written(**keys: Any) -> AssignmentSettings:
    return msgspec.convert(keys, AssignmentSettings)


def test_the_defaults_are_those_of_an_assignment() -> None:
    assert written().rules("anything") == Rules()


def test_a_namespace_says_otherwise_key_by_key() -> None:
    settings = written(
        timeout="20m",
        timeouts={"implement": "40m", "review": "5m"},
        harnesses={"review": "codex"},
        models={"plan": "opus"},
        max_jobs=30,
        max_cost=5.0,
        guardian=True,
        namespaces={
            "shop": {
                "timeouts": {"review": "9m"},
                "harnesses": {"implement": "gemini"},
                "max_alike": 2,
                "max_cost": 1.0,
                "guardian": False,
            }
        },
    )

    assert settings.rules("blog") == Rules(
        timeout="20m",
        timeouts={"implement": "40m", "review": "5m"},
        harnesses={"review": "codex"},
        models={"plan": "opus"},
        jobs=30,
        cost_usd=5.0,
        guardian=True,
    )
    assert settings.rules("shop") == Rules(
        timeout="20m",
        timeouts={"implement": "40m", "review": "9m"},
        harnesses={"review": "codex", "implement": "gemini"},
        models={"plan": "opus"},
        jobs=30,
        alike=2,
        cost_usd=1.0,
    )


def test_a_namespace_s_own_time_limit_leaves_those_by_type() -> None:
    settings = written(timeouts={"implement": "40m"}, namespaces={"shop": {"timeout": "5m"}})
    assert settings.rules("shop") == Rules(timeout="5m", timeouts={"implement": "40m"})


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"timeout": "0s"}, "timeout: must be longer than 0"),
        ({"timeout": "10"}, "timeout: "),
        ({"timeouts": {"implement": "soon"}}, "timeouts.implement: "),
        ({"timeouts": {"Im plement": "5m"}}, "timeouts.Im plement: is not the name of a job type"),
        ({"harnesses": {"review": "abacus"}}, "harnesses.review: 'abacus' is not a harness"),
        ({"max_jobs": 0}, "max_jobs: 0 is not between 1 and 1000"),
        ({"max_alike": 0}, "max_alike: 0 is not between 1 and 1000"),
        ({"max_cost": 0}, "max_cost: 0.0 is not more than 0 (USD)"),
        ({"namespaces": {"My Shop": {}}}, "namespaces: 'My Shop' is not a valid namespace"),
        ({"namespaces": {"shop": {"max_jobs": 0}}}, "max_jobs: 0 is not between 1 and 1000"),
        ({"namespaces": {"shop": {"namespaces": {}}}}, "unknown field `namespaces`"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        written(**keys)
    assert said in str(refused.value)
