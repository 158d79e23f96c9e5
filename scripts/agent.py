#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Agents: the skill folders of this home and of the toolkit."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from baton.cli.agent_verbs import heartbeat, list_agents, show_agent, stop, unpark
from baton.cli.script import group, main

command = group(
    "agent",
    "Look at the agents this home knows: how they stand, what they have done; let a parked harness be used again.",
    "agent.py list\nagent.py show content-writer\nagent.py heartbeat content-writer\nagent.py unpark claude",
    [list_agents, show_agent, heartbeat, stop, unpark],
)

if __name__ == "__main__":
    main(command)
