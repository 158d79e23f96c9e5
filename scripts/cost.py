#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""What runs have used: tokens and money, and how much of it was wasted."""

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

BY = ("agent", "model", "campaign", "outcome", "day")


@script(
    "tell",
    "costs",
    name="cost",
    example="cost.py\ncost.py --by agent --since 7d\ncost.py --by model --since 2026-11-01\n"
    "cost.py --by campaign --json | jq '.rows[].usage'",
)
@click.option("--by", type=click.Choice(BY), help="A row for each; days are those of UTC.")
@of_projects
@click.option("--since", metavar="WHEN", help="A day like 2026-11-01, or so long ago, like 7d or 12h.")
def command(wiring: "Wiring", by: str | None, project: str | None, all_projects: bool, since: str | None) -> Answer:
    """Tell what runs have used, as the event log knows it: tokens, money, and what of it was wasted.

    Money is what the agents' programs reported; "by list prices" marks an estimate; a run of which nobody knows is
    counted, and not taken for free. Wasted is what runs used that failed, were killed or gave up, and runs that
    completed a step which a revision made be done again.

    Only looks: it takes no lock and writes nothing.
    """
    from baton.cli.costing import costs, words  # start-up

    found = costs(wiring, by, since, project_of(wiring, project, all_projects))
    return Answer(found, lambda: words(found))


if __name__ == "__main__":
    main(command)
