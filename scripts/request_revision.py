#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Send a task back to an earlier step."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__, json=True)

from typing import TYPE_CHECKING

import click

from baton.cli.caller import caller_of, person, task_of
from baton.cli.script import Answer, main, script

if TYPE_CHECKING:
    from baton.cli.wiring import Wiring


@script(
    "revise",
    "task",
    example="request_revision.py --to-step 1 --notes 'Name the sources of paragraph 2'\n"
    "request_revision.py spring-001 --to-step 1 --notes 'Shorter' --by-person --stop-run",
    id_option="task",
    always_json=True,
    stands=True,
)
@click.argument("task", required=False)
@click.option("--to-step", type=int, required=True, metavar="N", help="The step to do again, counted from 0.")
@click.option("--notes", required=True, metavar="TEXT", help="What to change; the agent of that step is told.")
@click.option("--agent", metavar="NAME", help="Who sends it back (default: BATON_AGENT).")
@click.option("--by-person", is_flag=True, help="As a person, without a lease.")
@click.option("--stop-run", is_flag=True, help="With --by-person: end the run that is going on.")
def command(
    wiring: "Wiring", task: str | None, to_step: int, notes: str, agent: str | None, by_person: bool, stop_run: bool
) -> Answer:
    """Send TASK back to step N: every step from there on is done again."""
    from baton.engine.agent_calls import request_revision, revise_by_person  # start-up

    task = task_of(task, wiring.environ)
    if by_person:
        after = revise_by_person(wiring.door, task, person(wiring.environ), to_step, notes, stop_run=stop_run)
        after = wiring.settled(after)
    else:
        caller = caller_of(agent, task, wiring.environ)
        _, after = request_revision(wiring.door, task, caller, wiring.config.settings(), to_step, notes)
    wiring.dispatch_quietly()
    return Answer({"revised": True, "revision_count": after.revision_count})


if __name__ == "__main__":
    main(command)
