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
    from baton.cli import acts  # start-up

    return acts.revise(wiring, task, agent, to_step, notes, by_person=by_person, stop_run=stop_run)


if __name__ == "__main__":
    main(command)
