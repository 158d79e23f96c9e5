#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Pipeline templates: look at, make, validate, change."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from baton.cli.pipeline_changes import CHANGES
from baton.cli.pipeline_verbs import VERBS
from baton.cli.script import group, main

command = group(
    "pipeline",
    "Look at pipeline templates, make your own, change them.",
    "pipeline.py list\npipeline.py create my-line.yaml\npipeline.py fork content-draft our-draft",
    [*VERBS, *CHANGES],
)

if __name__ == "__main__":
    main(command)
