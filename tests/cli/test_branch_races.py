"""Branches that meet: two that end at once, the last one against the convergence step, one killed after its report."""

from __future__ import annotations

import os
import signal
from collections import Counter
from typing import Any

from tests.cli.homes import Home, wait_for

TASKS = 4
SETTINGS = f"harness: {{default: script}}\nconcurrency: {{agents: {2 * TASKS}}}\n"
BOTH = """\
#!/bin/sh
touch "$BATON_WORKSPACE/$BATON_TASK.$BATON_BRANCH"
until [ -e "$BATON_WORKSPACE/$BATON_TASK.left" ] && [ -e "$BATON_WORKSPACE/$BATON_TASK.right" ]; do sleep 0.01; done
complete_branch.py > "$BATON_WORKSPACE/$BATON_TASK.$BATON_BRANCH"
"""
STAYS = """\
#!/bin/sh
complete_branch.py > "$BATON_WORKSPACE/answer"
exec sleep 600
"""


def make(home: Home, painter: str, labels: tuple[str, ...], tasks: int = 1) -> None:
    """Tasks whose second step waits for branches of the first."""
    home.agent("painter", painter)
    branches = [{"trigger_after_step": 0, "agent": "painter", "label": label} for label in labels]
    steps = [{"agent": "alpha", "output_dir": "research"}, {"agent": "beta", "output_dir": "drafts"}]
    template = {"slug": "joined", "name": "Joined", "main_steps": steps, "parallel_branches": branches}
    home.ok("pipeline", "create", home.file("joined.json", template | {"convergence_step": 1}))
    for number in range(1, tasks + 1):
        file = home.file(f"t-{number}.json", {"id": f"t-{number}", "title": "x", "pipeline": "joined"})
        home.ok("task", "create", file)


def of_task(home: Home, task: str) -> list[dict[str, Any]]:
    return [event for event in home.events() if event.get("task") == task]


def test_of_two_branches_that_end_at_once_one_lets_the_convergence_step_begin(live: Home) -> None:
    live.settings(SETTINGS)
    make(live, BOTH, ("left", "right"), TASKS)
    for number in range(1, TASKS + 1):
        task = f"t-{number}"
        live.await_event("task_completed", task)
        told = of_task(live, task)
        counts = Counter(event["type"] for event in told)
        assert (counts["branch_completed"], counts["step_completed"], counts["task_completed"]) == (2, 2, 1)
        grants = [event["data"]["agent"] for event in told if event["type"] == "lease_granted"]
        assert Counter(grants) == {"alpha": 1, "painter": 2, "beta": 1}
        assert grants[-1] == "beta"


def test_a_branch_that_is_killed_after_its_report_is_completed_by_the_sweep_and_not_run_again(live: Home) -> None:
    live.settings(SETTINGS)
    make(live, STAYS, ("left",))
    live.await_event("run_reported")
    wait_for(
        lambda: any(
            event["data"].get("agent") == "painter" for event in live.events() if event["type"] == "run_reported"
        )
    )
    (slot,) = [slot for slot in live.slots() if slot.facts.get("agent") == "painter"]
    os.kill(slot.facts["pid"], signal.SIGKILL)
    os.killpg(slot.facts["agent_pid"], signal.SIGKILL)
    wait_for(lambda: not any(one.supervised for one in live.slots() if one.number == slot.number))
    assert live.ok("check_pipeline").json["stale_released"] == 1
    live.await_event("task_completed")
    grants = Counter(event["data"]["agent"] for event in of_task(live, "t-1") if event["type"] == "lease_granted")
    assert grants == {"alpha": 1, "painter": 1, "beta": 1}
