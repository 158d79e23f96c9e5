#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline reviewer: by inspection, what docstrings promise and nothing does; by test, what the change is needed for."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
from _crew.job import Job, run
from _crew.repository import TEST_COMMAND, changed_files, functions, run_tests, tests_at
from _crew.rules import broken_promises


def review(job: Job) -> None:
    """Review the change in the way that the context names, at the same time as another looks at it in its own."""
    job.wait_for_group()
    job.complete(by_test(job) if "by test" in job.context else by_inspection(job))


def by_inspection(job: Job) -> str:
    """Read every docstring of what was changed, and try what it promises."""
    files = changed_files(job.folder, job.base)
    findings = [finding for path in files for finding in broken_promises(path)]
    count = sum(len(functions(path)) for path in files)
    looked = f"Looked at: the docstrings of {count} functions in {', '.join(path.name for path in files) or 'no file'}"
    if not findings:
        return f"APPROVED: every error that a docstring promises is raised\n{looked}"
    told = [f"{number}. fault - {finding.words}" for number, finding in enumerate(findings, 1)]
    verdict = f"CHANGES NEEDED: {findings[0].function}() does not raise the {findings[0].error} that it promises"
    return "\n".join([verdict, *told, looked])


def by_test(job: Job) -> str:
    """Take the change out in a copy, and see which tests notice."""
    now, without = run_tests(job.folder), tests_at(job.folder, job.base)
    looked = f"Looked at: {TEST_COMMAND}, with the change ({now.last_line}) and without it ({without.last_line})"
    if now.code:
        return f"CHANGES NEEDED: tests fail\n1. blocker - {', '.join(now.failed)}: {now.last_line}\n{looked}"
    if not without.code:
        return f"CHANGES NEEDED: no test notices the change\n1. fault - all pass without it, too\n{looked}"
    return f"APPROVED: {', '.join(without.failed)} fails without the change\n{looked}"


if __name__ == "__main__":
    run(review)
