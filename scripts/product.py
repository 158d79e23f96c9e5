#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Products of projects: make, look at, change, archive."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from baton.cli.product_verbs import VERBS
from baton.cli.script import group, main

command = group(
    "product",
    "Make products: what they are, and how they are spoken of.",
    "product.py create sourdough.yaml\nproduct.py show sourdough",
    VERBS,
)

if __name__ == "__main__":
    main(command)
