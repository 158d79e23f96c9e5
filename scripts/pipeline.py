#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Pipeline templates: look at, make, validate."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from baton.cli.pipeline_verbs import VERBS
from baton.cli.refused import not_built
from baton.cli.script import group, main

command = group(
    "pipeline",
    "Look at pipeline templates, and make your own.",
    "pipeline.py list\npipeline.py create my-line.yaml\npipeline.py validate my-line.yaml",
    [*VERBS, *(not_built(verb, "pipeline") for verb in ("rename", "fork", "remove", "set-model"))],
)

if __name__ == "__main__":
    main(command)
