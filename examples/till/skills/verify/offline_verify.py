#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline verifier: all tests, now and on the code as it was, and whether what passes is what is committed."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
from _crew.job import Job, run
from _crew.repository import TEST_COMMAND, git, run_tests, tests_at


def verify(job: Job) -> None:
    """Say of each claim whether it holds, by what was run."""
    now, before = run_tests(job.folder), tests_at(job.folder, job.base)
    loose = git(job.folder, "status", "--porcelain").split("\n")[:-1] if job.is_on_its_branch else []
    seen, seen_before = (f"exit {tested.code}: {tested.last_line}" for tested in (now, before))
    claims = [
        ("all tests pass", now.code == 0, f"`{TEST_COMMAND}`, {seen}"),
        ("they did not pass before", before.code != 0, f"the same on the code before, {seen_before}"),
        ("all of it is committed", not loose, f"`git status --porcelain`: {len(loose)} lines"),
    ]
    wrong = [claim for claim, holds, _ in claims if not holds]
    told = [
        f"{number}. {claim} - {'holds' if holds else 'fails'}: {how}"
        for number, (claim, holds, how) in enumerate(claims, 1)
    ]
    verdict = f"NOT VERIFIED: not so: {', '.join(wrong)}" if wrong else "VERIFIED: the tests fail before and pass now"
    job.complete("\n".join([verdict, *told]))


if __name__ == "__main__":
    run(verify)
