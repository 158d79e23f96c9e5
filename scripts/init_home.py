#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Make a home: its folders, settings with comments, a crontab for that place."""

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


@script("make", "home", example="init_home.py ~/baton-home", id_option="directory", needs_home=False)
@click.argument("directory", required=False)
def command(wiring: "Wiring", directory: str | None) -> Answer:
    """Make a home in DIRECTORY, and print the crontab's lines for it; what exists there is left as it is."""
    from baton.cli.homes import first_words, make_home  # start-up

    root, made, block = make_home(directory or wiring.home.root)
    return Answer({"home": root, "made": made, "crontab": block}, lambda: first_words(root, made, block))


if __name__ == "__main__":
    main(command)
