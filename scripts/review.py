#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Look at what a task has made, version by version; approve it, have it fixed or rethought, or ask for more."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from baton.cli.review_verbs import review as command
from baton.cli.script import main

if __name__ == "__main__":
    main(command)
