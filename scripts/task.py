#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Tasks: make, look at, order, block, cancel, retry."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from baton.cli.script import group, main
from baton.cli.task_verbs import BRANCHING, CHANGING
from baton.cli.task_views import LOOKING
from baton.cli.timeline_verbs import of_task

command = group(
    "task",
    "Make tasks, look at them, and say what should become of them.",
    "task.py list\ntask.py show spring-001\ntask.py retry spring-001",
    [*CHANGING, *BRANCHING, *LOOKING, of_task],
)

if __name__ == "__main__":
    main(command)
