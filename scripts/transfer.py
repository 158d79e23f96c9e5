#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Pipelines, services, projects and campaigns, carried from home to home."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from baton.cli.script import group, main
from baton.cli.transfer_verbs import VERBS

command = group(
    "transfer",
    "Carry pipelines, services, projects and campaigns from home to home, in one file.",
    "transfer.py export ~/all.yaml\ntransfer.py import ~/all.yaml --dry-run",
    VERBS,
)

if __name__ == "__main__":
    main(command)
