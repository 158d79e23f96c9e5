#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Keys of model APIs, kept encrypted in this home."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from baton.cli.key_verbs import VERBS
from baton.cli.script import group, main

command = group(
    "key",
    "Keep the keys of model APIs encrypted; what opens them lies outside the home.",
    "key.py set ANTHROPIC_API_KEY\nkey.py set OPENAI_API_KEY < file\nkey.py list\nkey.py rotate",
    VERBS,
)

if __name__ == "__main__":
    main(command)
