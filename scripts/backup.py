#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Backups of a whole home, made while it runs."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from baton.cli.backup_verbs import VERBS
from baton.cli.script import group, main

command = group(
    "backup",
    "Back up a home while it runs, check a backup, or make a home from one.",
    "backup.py create ~/baton-backup.tar.gz\nbackup.py restore ~/baton-backup.tar.gz ~/new-home",
    VERBS,
)

if __name__ == "__main__":
    main(command)
