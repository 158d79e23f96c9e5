#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Find the service for a capability."""

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
    """The keys beside the error: an empty chain."""
    return {"chain": []}


@script(
    "resolve",
    "capability",
    example="resolve_service.py seo_keywords\nresolve_service.py seo_keywords --use-case volumes --chain",
    id_option="capability",
    always_json=True,
    negative=refused,
)
@click.argument("capability")
@click.option("--use-case", metavar="U", help="Only services that serve this use case.")
@click.option("--campaign", metavar="C", help="With the order that this campaign asks for.")
@click.option("--task", metavar="T", help="With the order that this task asks for (default: BATON_TASK).")
@click.option("--chain", is_flag=True, help="All active services in their order, as a fallback chain.")
def command(
    wiring: "Wiring", capability: str, use_case: str | None, campaign: str | None, task: str | None, chain: bool
) -> Answer:
    """Print the best active service for CAPABILITY: the one with the lowest priority number."""
    from baton.cli.resolving import resolve_service  # start-up

    return resolve_service(wiring, capability, use_case, campaign, task, chain=chain)


if __name__ == "__main__":
    main(command)
