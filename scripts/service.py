#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Services: the registry in config/services.yaml."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from baton.cli.script import group, main
from baton.cli.service_verbs import SERVICE_VERBS

command = group(
    "service",
    "Look at the service registry, and say which services are used, in which order.",
    "service.py list\nservice.py toggle dataforseo --off\nservice.py health",
    SERVICE_VERBS,
)

if __name__ == "__main__":
    main(command)
