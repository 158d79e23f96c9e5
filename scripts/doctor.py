#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Check this machine and this home, and say the cure of what is found."""

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
    "examine",
    "home",
    example="doctor.py\ndoctor.py --as-cron\ndoctor.py --home ~/baton-home --json",
    needs_home=False,
)
@click.option("--as-cron", is_flag=True, help="Check what a job of cron would meet, in the environment it would get.")
def command(wiring: "Wiring", as_cron: bool) -> Answer:
    """Check this machine and this home: Python, files, locks, disk, settings, agents, keys, cron, records, clock.

    Exit code 1 only for what stops work; the rest are warnings. Writes nothing but a scratch file, which it removes.
    """
    from baton.cli.doctor import examine, examine_as_cron  # start-up
    from baton.cli.doctor_view import words  # start-up
    from baton.cli.looking import looking  # start-up

    report = examine_as_cron(looking(wiring)) if as_cron else examine(looking(wiring))
    return Answer(report.as_json(), lambda: words(report), 0 if report.is_ok else 1)


if __name__ == "__main__":
    main(command)
