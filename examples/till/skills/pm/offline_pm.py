#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline PM: reads the reports since it looked last, and decides by their first lines what comes next."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
from _crew.job import Job, Record, run
from _crew.repository import TEST_COMMAND
from _offline.scripts import answer

MOST_REFINES = 2


def decide(job: Job) -> None:
    """Decide exactly one thing, and say why."""
    done = job.since_last_pm()
    failed = [one for one in done if one["status"] == "failed"]
    last = done[-1]
    if job.after:
        job.complete(f"Went on with {job.after[0]['id']}: it waits already")
    elif failed:
        block(
            job, f"job {failed[0]['id']} ({failed[0]['type']}) failed: {failed[0]['failure']}; {last['result'] or ''}"
        )
    else:
        DECISIONS.get(last["type"], unknown)(job, done)


def after_plan(job: Job, done: list[Record]) -> None:
    """Give the first piece to an implementer."""
    first = line_of(done[-1])
    if first.startswith("0 pieces"):
        complete(job, first)
        return
    piece = first.partition("begin with: ")[2]
    place = piece.partition(" in ")[2]
    keep(
        [f"{place}: {piece.partition(' in ')[0]} is where the failing test leads"],
        ["The tests are right, and stay as they are: they say what the docstrings say"],
    )
    insert(job, f"one piece: {piece}", {
        "type": "implement",
        "context": f"Mend {piece}, so that `{TEST_COMMAND}` passes. Leave the other functions and all tests alone.",
    })  # fmt: skip


def after_change(job: Job, done: list[Record]) -> None:
    """Have a change looked at by two at once, who do not look at the same."""
    if "now: OK" not in str(done[-1]["result"]):
        block(job, f"{done[-1]['id']} could not mend it: {line_of(done[-1])} What is to be done?")
        return
    keep([f"{changed}: changed by {done[-1]['id']}" for changed in changed_in(done[-1])], [])
    insert(
        job,
        "it passes, says who made it: two look at it, each in its own way",
        {"type": "review", "context": "Review by inspection: does the code do all that its docstrings promise?"},
        {"type": "review", "context": "Review by test: which tests fail when the change is taken out?"},
    )


def after_reviews(job: Job, done: list[Record]) -> None:
    """Send the work back with what was found, or have it verified."""
    against = [one for one in done if line_of(one).startswith("CHANGES NEEDED")]
    if not against:
        insert(job, "nobody finds fault", verification())
    elif job.count_of("refine") >= MOST_REFINES:
        block(job, f"reviewers still find fault after {MOST_REFINES} rounds: {line_of(against[0])} Is this wanted?")
    else:
        found = [line for one in against for line in str(one["result"]).splitlines() if line[:1].isdigit()]
        keep([], ["What a docstring promises is part of the work, also where no test asks for it"])
        insert(job, f"sent back: {line_of(against[0]).partition(': ')[2]}", {
            "type": "refine",
            "context": "Settle these findings, each with a test that holds it:\n" + "\n".join(found),
        })  # fmt: skip


def after_refine(job: Job, done: list[Record]) -> None:
    """Have the findings' end proved."""
    insert(job, f"the findings are settled, says {done[-1]['id']}: now it is proved", verification())


def after_verify(job: Job, done: list[Record]) -> None:
    """Complete what is proved."""
    if line_of(done[-1]).startswith("VERIFIED"):
        complete(job, str(done[-1]["result"]))
    else:
        block(job, f"{line_of(done[-1])} What is to be done?")


def unknown(job: Job, done: list[Record]) -> None:
    """Leave to a person what there is no rule for."""
    block(job, f"{done[-1]['id']} was a {done[-1]['type']}: {line_of(done[-1])} What comes next?")


DECISIONS = {
    "plan": after_plan,
    "implement": after_change,
    "review": after_reviews,
    "refine": after_refine,
    "verify": after_verify,
}


# -- acts ---------------------------------------------------------------------------------------------------------


def keep(artifacts: list[str], decisions: list[str]) -> None:
    """Write down what is to last."""
    words = [word for line in artifacts for word in ("--artifacts", line)]
    words += [word for line in decisions for word in ("--decisions", line)]
    if words:
        answer("assignment.py", "update", *words, "--json")


def insert(job: Job, why: str, *jobs: Record) -> None:
    """Insert the next job, or several that run at the same time."""
    made = answer("assignment.py", "insert-job", "--jobs", json.dumps(jobs), "--json")["jobs"]
    job.complete(f"Inserted {', '.join(made)} ({', '.join(dict.fromkeys(one['type'] for one in jobs))}): {why}")


def complete(job: Job, summary: str) -> None:
    """End the assignment."""
    answer("assignment.py", "complete", "--summary", summary, "--json")
    job.complete(f"Completed: {summary.splitlines()[0]}")


def block(job: Job, reason: str) -> None:
    """Leave it to a person."""
    answer("assignment.py", "block", "--reason", reason, "--json")
    job.complete(f"Blocked: {reason}")


def verification() -> Record:
    """Return the job that proves it."""
    return {"type": "verify", "context": f"Prove that `{TEST_COMMAND}` fails before the change and passes with it."}


def line_of(done: Record) -> str:
    """Return the first line of a report."""
    return (str(done["result"] or "").splitlines() or ["(no report)"])[0]


def changed_in(done: Record) -> list[str]:
    """Return the files that a report names as changed."""
    lines = [line for line in str(done["result"]).splitlines() if line.startswith("Changed: ")]
    return [line.removeprefix("Changed: ").partition(":")[0] for line in lines]


if __name__ == "__main__":
    run(decide)
