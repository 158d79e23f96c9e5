#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Focus groups of products: make, import, look at, change, archive."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from baton.cli.focus_group_verbs import VERBS
from baton.cli.script import group, main

command = group(
    "focus_group",
    "Make focus groups: for whom agents write.",
    "focus_group.py create beginners.yaml\nfocus_group.py import audiences.md --product sourdough",
    VERBS,
)

if __name__ == "__main__":
    main(command)
