#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Everything at a glance."""

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
    "show",
    "status",
    example="status.py\nstatus.py --project acme\nstatus.py --watch\nstatus.py --json | jq '.blocked[].cure'",
)
@of_projects
@click.option("--watch", is_flag=True, help="Stay and refresh, until Ctrl-C; in a pipe, a line for each change.")
def command(wiring: "Wiring", project: str | None, all_projects: bool, watch: bool) -> Answer:
    """Show campaigns, what runs, what is ready, what waits and why, what is blocked and its cure, failures, cost.

    Only looks: it takes no lock and writes nothing.
    """
    from baton.cli.looking import looking  # start-up
    from baton.cli.status_facts import look  # start-up
    from baton.cli.status_view import words  # start-up

    eyes = looking(wiring)
    wanted = project_of(eyes, project, all_projects)
    if watch:
        from baton.cli.watching import watch_until_interrupted  # start-up

        return watch_until_interrupted(
            lambda: look(eyes, wanted), as_json=click.get_current_context().params["as_json"]
        )
    status = look(eyes, wanted)
    return Answer(status, lambda: words(status))


if __name__ == "__main__":
    main(command)
