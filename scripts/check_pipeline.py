#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""The sweep: repair what crashes left, and start what is ready."""

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
    "sweep",
    "home",
    example="check_pipeline.py\ncheck_pipeline.py --dry-run\n* * * * *  check_pipeline.py   (in crontab)",
    always_json=True,
    unattended=True,
)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
def command(wiring: "Wiring", dry_run: bool) -> Answer:
    """Look at everything, repair what a crash left, start what is ready, and tell the operator what happened.

    Costs no tokens, and may run at any time, twice at once, or not for days. Under state/stop it starts nothing.
    """
    from baton.cli.sweeping import sweep_home  # start-up

    report = sweep_home(wiring, dry_run=dry_run)
    for error in report.get("errors", ()):
        wiring.warn(error)
    return Answer(report)


if __name__ == "__main__":
    main(command)
