#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Projects: make, look at, change, archive."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from baton.cli.project_verbs import VERBS
from baton.cli.script import group, main

command = group(
    "project",
    "Make projects, and see what there is of each.",
    "project.py create bakery.yaml\nproject.py show bakery",
    VERBS,
)

if __name__ == "__main__":
    main(command)
