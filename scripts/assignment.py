#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Assignments: a north star, jobs that are added while it runs, a PM that decides after each what comes next."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from baton.cli.assignment_verbs import CHANGING
from baton.cli.assignment_views import LOOKING
from baton.cli.script import group, main

command = group(
    "assignment",
    "Give an assignment, look at it, and decide what comes next in it.\n\n"
    "An assignment has a north star and a line of jobs. Behind every job a pm decides: insert-job, complete or block. "
    "ASSIGNMENT is an id or a unique beginning of it; inside a run leave it out. "
    "What a run does counts when it has ended well.\n\n"
    "TYPES: plan implement refine review uat verify research document retrospect chat, or any agent's name. "
    "A retrospect comes by itself behind a job that failed, a pm behind every other.",
    "assignment.py create 'Make login fast' --repo .\n"
    "assignment.py show\n"
    "assignment.py update --artifacts 'docs/plan.md: the plan' --decisions 'Cache first: cheapest'\n"
    "assignment.py insert-job --type implement --context 'Cache sessions; see docs/plan.md'\n"
    """assignment.py insert-job --jobs '[{"type": "review", "harness": "codex"}, {"type": "uat"}]'\n"""
    "assignment.py complete --summary 'Login loads in 0.6 s'\n"
    "assignment.py block --reason 'Which of the two APIs?'",
    [*LOOKING, *CHANGING],
)

if __name__ == "__main__":
    main(command)
