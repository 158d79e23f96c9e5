#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline implementer: one rule, the test before, the test after."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
from _crew.job import Job, run
from _crew.repository import TEST_COMMAND, git, run_tests
from _crew.rules import share_out_the_rest
from _offline.sources import Trouble

_PIECE = re.compile(r"(\w+)\(\) in ([\w.]+\.py)")


def implement(job: Job) -> None:
    """Do the piece that the PM named."""
    match = _PIECE.search(job.context)
    if match is None:
        raise Trouble("the context names no function: write it like 'shares() in till.py'")
    function, name = match.groups()
    before = run_tests(job.folder)
    done = share_out_the_rest(job.folder / name, function)
    if done is None:
        job.complete(f"Nothing was changed: {function}() in {name} has no division that loses its rest\nProof: none")
        return
    after = run_tests(job.folder)
    if job.is_on_its_branch:
        git(job.folder, "commit", "-qam", f"{function}: {done}")
    job.complete(
        f"{function}() shares out the rest of the division.\n"
        f"Changed: {name}: {done}\n"
        f"Proof: {TEST_COMMAND} - before: {before.last_line}; now: {after.last_line}\n"
        f"Left, doubtful, seen on the way: none"
    )


if __name__ == "__main__":
    run(implement)
