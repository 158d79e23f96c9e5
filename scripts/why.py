#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Why something does not run, and what would change it."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from typing import TYPE_CHECKING

import click

from baton.cli.scope import of_projects, project_of
from baton.cli.script import Answer, main, script

if TYPE_CHECKING:
    from baton.cli.wiring import Wiring


@script(
    "explain",
    "task",
    example="why.py spring-001\nwhy.py\nwhy.py --json | jq -r '.[].cure'",
    id_option="task",
)
@click.argument("task", required=False)
@of_projects
def command(wiring: "Wiring", task: str | None, project: str | None, all_projects: bool) -> Answer:
    """Say what TASK waits for, in one sentence, and one command that would change it; without TASK, of all that waits.

    Only looks: it takes no lock and writes nothing.
    """
    from baton.cli.looking import looking  # start-up
    from baton.cli.why_view import why_all, why_task  # start-up

    eyes = looking(wiring)
    return why_all(eyes, project_of(eyes, project, all_projects)) if task is None else why_task(eyes, task)


if __name__ == "__main__":
    main(command)
