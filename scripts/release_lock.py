#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Give the lease of a task back."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__, json=True)

from typing import TYPE_CHECKING

import click

from baton.cli.script import Answer, BatonError, main, script

if TYPE_CHECKING:
    from baton.cli.wiring import Wiring


def refused(error: BatonError) -> dict[str, object]:
    """The keys beside the error: the reason once more, in one word less."""
    return {"released": False, "reason": error.message}


@script(
    "release",
    "task",
    example="release_lock.py spring-001 --agent content-writer\nrelease_lock.py spring-001 --force",
    id_option="task",
    always_json=True,
    negative=refused,
)
@click.argument("task", required=False)
@click.option("--agent", metavar="NAME", help="Who gives it back (default: BATON_AGENT).")
@click.option("--notes", default="", metavar="TEXT", help="Why; the next attempt is told.")
@click.option("--force", is_flag=True, help="As a person: take it away from whoever holds it; a run is ended.")
def command(wiring: "Wiring", task: str | None, agent: str | None, notes: str, force: bool) -> Answer:
    """Give the lease of TASK back without completing the step; inside a run it counts as an attempt."""
    from baton.cli import acts  # start-up

    return acts.release(wiring, task, agent, notes=notes, force=force)


if __name__ == "__main__":
    main(command)
