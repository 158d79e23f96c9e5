#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline orchestrator: reports what needs judgement, in the order of what costs most, and judges nothing.

The one thing it does besides is to try tasks again which outside events had ended: the cause has gone by itself.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.append(os.path.join(os.environ.get("PATH", "").rpartition(":")[2], "..", "skills"))
from _offline.heartbeats import Heartbeat, beat, is_heartbeat
from _offline.pages import numbered, table
from _offline.scripts import answer
from _offline.sources import Trouble
from _offline.step import Step, run

MOST = 60


def retried(blocked: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """Try each task again that only interruptions have blocked; return the commands and what they answered."""
    done = []
    for one in blocked:
        if one["kind"] == "interruptions":
            command = f"task.py retry {one['task']}"
            try:
                answer("task.py", "retry", one["task"], "--json")
                done.append((f"`{command}`", "done"))
            except Trouble as trouble:
                done.append((f"`{command}`", str(trouble)))
    return done


def report_of(status: dict[str, Any], matters: Sequence[dict[str, Any]], done: Sequence[tuple[str, str]]) -> str:
    """Return the report, in the form that SKILL.md asks for."""
    first = f"{numbered(len(matters), 'matter')} to be judged." if matters else "Nothing needs a person."
    lines = [f"# Pipeline, {status['at']}", "", first, "", "## Needs a person", ""]
    rows = [(one["text"], f"`{one['cure']}`" if one["cure"] else "-") for one in matters[:MOST]]
    lines += table(["what", "command that would let it go on"], rows) if rows else ["- nothing"]
    lines += ["", "## Done by me", ""]
    lines += table(["command", "answer"], done) if done else ["- nothing"]
    lines += ["", "## Seen", ""]
    lines += [f"- {text}" for text in _seen(status)]
    return "\n".join(lines) + "\n"


def _seen(status: dict[str, Any]) -> list[str]:
    slots, sweep = status["slots"], status["sweep"]
    age = "never" if sweep["age_seconds"] is None else f"{sweep['age_seconds']:.0f} s ago"
    lines = [
        f"stopped: {'yes' if status['stopped'] else 'no'}; the last sweep {age}",
        f"slots in use: {slots['used']} of {slots['limit']}; {numbered(len(status['running']), 'run')} going on",
        f"ready: {len(status['ready'])}; waiting: {len(status['waiting'])}; blocked: {len(status['blocked'])}",
        f"damaged: {len(status['damaged'])}; parked harnesses: {len(status['parked'])}",
    ]
    lines += [
        f"campaign {one['slug']}: {one['status']}, {one['progress']['completed']} of {one['progress']['total']}"
        for one in status["campaigns"]
    ]
    return [*lines, *status["warnings"]]


def _look(matters: Sequence[dict[str, Any]] | None) -> tuple[str, str]:
    """Look, do what may be done, and return the report with a sentence about it."""
    status = answer("status.py", "--json")
    if matters is None:
        matters = [{"text": f"task {one['task']}: {one['reason']}", "cure": one["cure"]} for one in status["blocked"]]
    done = retried(status["blocked"])
    said = f"Reported {numbered(len(matters), 'matter')}" + (
        f", tried {numbered(len(done), 'task')} again" if done else ""
    )
    return report_of(answer("status.py", "--json") if done else status, matters, done), f"{said}."


def judge(heartbeat: Heartbeat) -> str:
    """Write the report of a heartbeat; return a sentence about it."""
    text, said = _look(heartbeat.sight["matters"])
    heartbeat.write(text)
    return f"{said[:-1]} in {heartbeat.output}."


def work(step: Step) -> None:
    """Do the same as the agent of a task."""
    step.hand_in_each(lambda piece: _look(None))


if __name__ == "__main__":
    beat(judge) if is_heartbeat() else run(work)
