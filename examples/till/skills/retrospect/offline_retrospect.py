#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline retrospect: how the job before ended, and what it left behind."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
from _crew.job import Job, run
from _crew.repository import git


def look_back(job: Job) -> None:
    """Say why the last job failed, in the words of its end."""
    failed = job.since_last_pm()[-1]
    left = git(job.folder, "status", "--porcelain").splitlines()
    job.complete(
        f"{failed['id']} ({failed['type']}) failed, tried {failed['attempts']} times. Shown by: {failed['failure']}\n"
        f"Left behind: {', '.join(left) or 'nothing'}\n"
        f"Recommended: a person looks; there is no rule for it"
    )


if __name__ == "__main__":
    run(look_back)
