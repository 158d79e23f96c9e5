#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Streaming runs as server-sent events, for browsers and programs on this machine."""

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


@script("serve", "runs", example="serve_runs.py\nserve_runs.py --port 0 --json")
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="Where to listen (default: this machine alone).")
@click.option(
    "--port", default=8765, type=click.IntRange(0, 65535), help="The port (default: 8765; 0: any that is free)."
)
@click.option("--allow-host", multiple=True, metavar="NAME", help="One more name that it may be called by.")
@click.option("--heartbeat", default="15s", metavar="TIME", help="How often a silent stream says so (default: 15s).")
def command(wiring: "Wiring", host: str, port: int, allow_host: tuple[str, ...], heartbeat: str) -> Answer:
    """Show streaming runs, live: a page at /, and GET /runs, /runs/ID, /runs/ID/events (server-sent events).

    Everything but the page needs a token: "Authorization: Bearer TOKEN". It stands in state/serve.token, or in
    BATON_SERVE_TOKEN. Stays until Ctrl-C or SIGTERM. It only reads; needs the extra 'serve'.
    """
    from baton.cli.serving import serve  # start-up

    serve(wiring, host, port, allow_host, heartbeat, as_json=click.get_current_context().params["as_json"])
    return Answer(None)


if __name__ == "__main__":
    main(command)
