#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""One call of a model's API: the prompt on stdin, the answer's events on stdout, as they come."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from typing import TYPE_CHECKING

import click

from baton.cli.script import main, script

if TYPE_CHECKING:
    from typing import NoReturn

    from baton.cli.wiring import Wiring


@script("call", "model", example="call_model.py --model claude-sonnet-4-5 < question.txt", id_option="model")
@click.option("--model", metavar="NAME", help="The model's own name (default: harness.api.model).")
@click.option("--system", metavar="FILE", help="The instructions.")
@click.option("--output", metavar="FILE", help="Where a whole answer is written.")
def command(wiring: "Wiring", model: str | None, system: str | None, output: str | None) -> "NoReturn":
    """Ask a model what is said on standard input, and print the answer's events, one JSON object a line.

    Which API is asked, and with which key, is said under harness.api in the settings. This is what the harness 'api' runs.
    """
    from baton.cli.model_calls import call_model  # start-up

    raise SystemExit(call_model(wiring, model, system, output))


if __name__ == "__main__":
    main(command)
