#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Complete a branch of a task: the last act of the agent that worked on it."""

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
    "complete",
    "branch",
    example="complete_branch.py --output assets/images/spring-001.md --summary 'Three ideas'\n"
    "complete_branch.py spring-001 'Hero image' --agent image-director",
    id_option="words",
    always_json=True,
    stands=True,
)
@click.argument("words", nargs=-1, metavar="[TASK] [LABEL]")
@click.option("--agent", metavar="NAME", help="Who completes it (default: BATON_AGENT).")
@click.option("--output", "outputs", multiple=True, metavar="PATH", help="A file written, relative to the workspace.")
@click.option("--summary", metavar="TEXT", help="One sentence about what was made.")
def command(
    wiring: "Wiring", words: tuple[str, ...], agent: str | None, outputs: tuple[str, ...], summary: str | None
) -> Answer:
    """Complete the branch LABEL of TASK; do this last, when every file is written.

    Inside a run both are known from the environment, and the report counts when the run has ended.
    """
    from baton.cli import acts  # start-up

    return acts.complete_branch(wiring, words, agent, outputs=outputs, summary=summary)


if __name__ == "__main__":
    main(command)
