#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Campaigns: make, look at, pause, resume, complete, extend."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from baton.cli.campaign_verbs import VERBS
from baton.cli.preflight_verb import preflight_campaign
from baton.cli.script import group, main
from baton.cli.timeline_verbs import of_campaign

command = group(
    "campaign",
    "Make campaigns, and see how far they are.",
    "campaign.py create spring.yaml\nactivate_campaign.py spring-launch\ncampaign.py show spring-launch",
    [*VERBS, preflight_campaign, of_campaign],
)

if __name__ == "__main__":
    main(command)
