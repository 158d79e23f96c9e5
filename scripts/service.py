#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Services: the registry in config/services.yaml."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from baton.cli.refused import not_built
from baton.cli.registry_verbs import list_services
from baton.cli.script import group, main

command = group(
    "service",
    "Look at the service registry.",
    "service.py list",
    [list_services, *(not_built(verb, "service") for verb in ("toggle", "reorder", "health"))],
)

if __name__ == "__main__":
    main(command)
