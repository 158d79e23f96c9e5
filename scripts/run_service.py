#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Ask the services of a capability until one answers."""

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
    "ask",
    "capability",
    name="run_service",
    example="run_service.py readability -- drafts/rye-001.md\n"
    "run_service.py source_search --json -- rye sourdough | jq -r .output",
    id_option="capability",
)
@click.argument("capability")
@click.argument("arguments", nargs=-1, metavar="[-- ARGS]...")
@click.option("--use-case", metavar="U", help="Only services that serve this use case.")
@click.option("--campaign", metavar="C", help="In the order that this campaign asks for.")
@click.option("--task", metavar="T", help="In the order that this task asks for (default: BATON_TASK).")
def command(
    wiring: "Wiring",
    capability: str,
    arguments: tuple[str, ...],
    use_case: str | None,
    campaign: str | None,
    task: str | None,
) -> Answer:
    """Call the services for CAPABILITY in turn with ARGS, until one succeeds, and print what it has printed.

    What the others said stands on stderr, and each attempt in the event log. 1: none has answered. 75: all of them have
    met their rate limit. With --json the answer is a document: service, output, attempts.
    """
    from baton.cli.asking import run_service  # start-up

    return run_service(wiring, capability, arguments, use_case=use_case, campaign=campaign, task=task)


if __name__ == "__main__":
    main(command)
