#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Memory: what agents keep for their next runs, what was learned, what happened each day."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from baton.cli.memory_verbs import VERBS
from baton.cli.script import group, main

command = group(
    "memory",
    "Look at what agents remember, add a line to it, or let it be forgotten.",
    "memory.py list\nmemory.py show content-writer\nmemory.py note --agent content-writer 'Short titles'",
    VERBS,
)

if __name__ == "__main__":
    main(command)
