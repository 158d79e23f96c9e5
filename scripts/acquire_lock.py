#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Take the lease of a task's current step by hand."""

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
    """The keys beside the error: who holds it."""
    return {"acquired": False, "locked_by": error.details.get("locked_by")}


@script(
    "acquire",
    "task",
    example="acquire_lock.py spring-001 --agent content-writer",
    id_option="task",
    always_json=True,
    negative=refused,
)
@click.argument("task", required=False)
@click.option("--agent", metavar="NAME", help="Who takes it (default: BATON_AGENT).")
def command(wiring: "Wiring", task: str | None, agent: str | None) -> Answer:
    """Take the lease of the current step of TASK by hand, or renew one's own.

    Held by somebody else it is refused with exit code 1; a lease that nobody has renewed for `steal_after` is taken.
    """
    from baton.cli import acts  # start-up

    return acts.acquire(wiring, task, agent)


if __name__ == "__main__":
    main(command)
