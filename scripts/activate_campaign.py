#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Activate a campaign: make its tasks once, start what is ready."""

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
    "activate",
    "campaign",
    example="activate_campaign.py spring-launch\nactivate_campaign.py spring-launch --no-dispatch",
    id_option="campaign",
    always_json=True,
)
@click.argument("campaign")
@click.option("--no-dispatch", is_flag=True, help="Only make the tasks; the next sweep starts them.")
def command(wiring: "Wiring", campaign: str, no_dispatch: bool) -> Answer:
    """Activate CAMPAIGN: make its tasks, once, and start agents for what is ready. Again: nothing is made twice."""
    from baton.cli import acts  # start-up

    return acts.activate(wiring, campaign, dispatch=not no_dispatch)


if __name__ == "__main__":
    main(command)
