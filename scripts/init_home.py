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
    """Make a home in DIRECTORY; what exists there is left as it is."""
    from baton.cli.homes import make_home  # start-up

    root, made = make_home(directory or wiring.home.root)
    text = "\n".join(
        [
            f"Made {len(made)} files and folders in {root}." if made else f"{root} is a home already; nothing changed.",
            "",
            f"Next: export BATON_HOME={root}",
            f"      crontab -e    and add the lines of {root}/crontab.example",
            f"      doctor.py --home {root}",
        ]
    )
    return Answer({"home": root, "made": made}, text)


if __name__ == "__main__":
    main(command)
