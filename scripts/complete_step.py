#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Complete the current step of a task: an agent's last act."""

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
    "task",
    example="complete_step.py --output drafts/spring-001.md --summary 'Draft of 900 words'\n"
    "complete_step.py spring-001 --agent content-reviewer --quality-score 82",
    id_option="task",
    always_json=True,
    stands=True,
)
@click.argument("task", required=False)
@click.option("--agent", metavar="NAME", help="Who completes it (default: BATON_AGENT).")
@click.option("--quality-score", type=float, metavar="X", help="0 to 100.")
@click.option("--readability-score", type=float, metavar="X", help="0 to 100.")
@click.option("--output", "outputs", multiple=True, metavar="PATH", help="A file written, relative to the workspace.")
@click.option("--summary", metavar="TEXT", help="One sentence for whoever comes next.")
@click.option("--result", metavar="JSON", help="An object of free data, at most 64 KB.")
def command(
    wiring: "Wiring",
    task: str | None,
    agent: str | None,
    quality_score: float | None,
    readability_score: float | None,
    outputs: tuple[str, ...],
    summary: str | None,
    result: str | None,
) -> Answer:
    """Complete the current step of TASK; do this last, when every file is written.

    With a hand lease the task moves on at once. Inside a run the report is kept, and counts when the run has ended.
    """
    from baton.cli import acts  # start-up

    return acts.complete(
        wiring,
        task,
        agent,
        outputs=outputs,
        summary=summary,
        quality_score=quality_score,
        readability_score=readability_score,
        result=result,
    )


if __name__ == "__main__":
    main(command)
