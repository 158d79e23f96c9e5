#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline planner: from the test that fails to the function that it calls."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
from _crew.job import Job, run
from _crew.repository import TEST_COMMAND, called_in, functions, run_tests
from _offline.sources import Trouble


def plan(job: Job) -> None:
    """Say what is to be done, or that nothing is."""
    tested = run_tests(job.folder)
    if not tested.failed:
        job.complete(f"0 pieces; nothing fails: {tested.last_line}\nLooked at: `{TEST_COMMAND}`")
        return
    test = tested.failed[0]
    tests = next((path for path in sorted(job.folder.glob("test*.py")) if called_in(path, test)), None)
    names = called_in(tests, test) if tests else []
    places = [
        (path, node) for path in sorted(job.folder.glob("*.py")) for node in functions(path) if node.name in names
    ]
    if not places:
        raise Trouble(f"{test} fails, and calls no function of this folder")
    path, node = places[0]
    job.complete(
        f"1 piece; begin with: {node.name}() in {path.name}\n"
        f"1. {node.name}() does what {test} asks | {path.name}:{node.lineno} | check: {TEST_COMMAND}\n"
        f"Out of scope: the other {len(functions(path)) - 1} functions of {path.name}; no test of theirs fails\n"
        f"Risks, assumptions: the test is right; it says what the docstring says\n"
        f"Questions for a person: none"
    )


if __name__ == "__main__":
    run(plan)
