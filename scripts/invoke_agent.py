#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Run one agent for one unit of a task, and supervise it."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from typing import TYPE_CHECKING

import click

from baton.cli.script import Answer, main, script

if TYPE_CHECKING:
    from baton.cli.wiring import Wiring


@script(
    "run",
    "agent",
    example="invoke_agent.py content-writer spring-001\ninvoke_agent.py content-writer spring-001 --detach\n"
    "invoke_agent.py orchestrator --heartbeat\ninvoke_agent.py --next",
    id_option="agent",
    for_option="task",
)
@click.argument("agent", required=False)
@click.argument("task", required=False)
@click.option("--branch", metavar="LABEL", help="Run a branch of the task instead of its current step.")
@click.option("--heartbeat", is_flag=True, help="Run the agent without a task; never twice at once.")
@click.option("--project", metavar="PROJECT", help="With --heartbeat: the project it is about.")
@click.option("--cause", type=click.Choice(["hand", "schedule", "backlog"]), default="hand", hidden=True)
@click.option("--next", "next_", is_flag=True, help="Run what is ready, one unit after another, until nothing is.")
@click.option("--detach", is_flag=True, help="Return at once; the run, and what is ready after it, goes on.")
@click.option("--slot", hidden=True)
def command(
    wiring: "Wiring",
    agent: str | None,
    task: str | None,
    branch: str | None,
    heartbeat: bool,
    project: str | None,
    cause: str,
    next_: bool,
    detach: bool,
    slot: str | None,
) -> Answer:
    """Run AGENT for the current step of TASK, supervise it to its end, and record the run.

    Exit code 0: the step was completed or sent back; a heartbeat ended well, or had nothing to do. 1: it was not.
    75: held, not ready, stopped, or no free slot.
    """
    given = {"branch": branch, "project": project, "next_": next_, "detach": detach, "inherited": slot}
    if heartbeat:
        from baton.cli.heartbeating import invoke_heartbeat  # start-up

        return invoke_heartbeat(wiring, agent, task, cause=cause, **given)
    from baton.cli.supervising import invoke  # start-up

    return invoke(wiring, agent, task, **given)


if __name__ == "__main__":
    main(command)
