"""What an agent is told of the past: what the step before its own left, and why attempts at its own have failed."""

from __future__ import annotations

from typing import Any

from baton.domain.consequences import consequence_of
from baton.domain.records import Task, Unit


def previous_result(task: Task, unit: Unit) -> dict[str, Any] | None:
    """Return what the nearest completed step before this unit left; for a branch, the step that began it."""
    before = unit.step if unit.step is not None else (unit.trigger_after_step or 0) + 1
    for earlier in reversed(task.pipeline[:before]):
        if earlier.result is not None and earlier.agent is not None:
            result = earlier.result
            return {
                "step": earlier.step,
                "agent": earlier.agent,
                "summary": result.summary,
                "outputs": list(result.outputs),
            }
    return None


def past_failures(unit: Unit) -> list[dict[str, Any]]:
    """Return the failed attempts at a unit, each with what is to be done otherwise, where its kind says so."""
    return [
        {
            "at": failure.at,
            "outcome": failure.outcome.value,
            "exit_code": failure.exit_code,
            "message": failure.message,
            "advice": consequence_of(failure.kind).advice,
        }
        for failure in unit.failures
    ]
