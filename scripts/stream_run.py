#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Streaming runs: a pipeline of prompts over a model's API, every word visible as it comes."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from baton.cli.script import group, main
from baton.cli.stream_verbs import VERBS

command = group(
    "stream_run",
    "Run a pipeline of prompts over a model's API, and follow every word.",
    "stream_run.py create summary --input 'A long text' --start\nstream_run.py follow summary-1a2b3c",
    VERBS,
)

if __name__ == "__main__":
    main(command)
