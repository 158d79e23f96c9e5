"""Evidence: what may be expected of a step, what a unit keeps of it, and what follows when it is missing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import structs
from tests.builders import acquire, after, at, complete, end_run, following, grant, policy, report, revoke, task, unit

from baton.domain import commands as c
from baton.domain.errors import EvidenceMissing
from baton.domain.evidence import Expectation, WrittenExpectation, kept, not_done, words_for
from baton.domain.pipelines import Template, branches_of, units_of
from baton.domain.records import Failure, Task
from baton.domain.statuses import BlockKind, FailureKind, Outcome, UnitStatus
from baton.domain.tasks import decide

LATER = at(60)
DRAFT = Expectation(file="drafts/{task}.md", min_words=300)
MISSING = ("drafts/spring-001.md is not there", "data/ has 1 files, and 2 are wanted")


def read(**fields: Any) -> WrittenExpectation:
    return msgspec.convert(fields, WrittenExpectation)


# -- as it is written ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "exactly one of file, folder and command"),
        ({"min_words": 3}, "exactly one of file, folder and command"),
        ({"file": "a", "command": "true"}, "exactly one of file, folder and command"),
        ({"file": "/etc/passwd"}, "must be a relative path"),
        ({"file": ""}, "must be a relative path"),
        ({"file": "drafts/../../x"}, "must be a relative path"),
        ({"file": "a\nb"}, "must be a relative path"),
        ({"file": "drafts/{campaign}.md"}, "placeholder {task} and no other"),
        ({"file": "drafts/{task.md"}, "placeholder {task} and no other"),
        ({"folder": "/tmp", "count": 1}, "must be a relative path"),
        ({"folder": "drafts"}, "count must say how many"),
        ({"folder": "drafts", "count": 0}, "count must be between 1 and"),
        ({"folder": "drafts", "count": -3}, "count must be between 1 and"),
        ({"folder": "drafts", "count": "many"}, "count"),
        ({"folder": "drafts", "count": True}, "count"),
        ({"file": "a", "count": 2}, "count is only for a folder"),
        ({"file": "a", "min_words": 0}, "min_words must be between 1 and"),
        ({"file": "a", "min_words": -1}, "min_words must be between 1 and"),
        ({"file": "a", "min_words": 1.5}, "min_words"),
        ({"file": "a", "matches": "(unclosed"}, "is not a regular expression"),
        ({"file": "a", "matches": ""}, "matches must be"),
        ({"file": "a", "schema": "/etc/x.json"}, "must be a relative path"),
        ({"file": "a", "schema": 7}, "schema"),
        ({"file": "a", "timeout": "5m"}, "timeout is only for a command"),
        ({"command": " "}, "command must be"),
        ({"command": "a\0b"}, "command must be"),
        ({"command": "true", "timeout": "5"}, "is not a duration"),
        ({"command": "true", "timeout": "0s"}, "is not between"),
        ({"command": "true", "timeout": "30h"}, "is not between"),
        ({"command": "true", "matches": "x"}, "matches is not for a command"),
        ({"file": "a", "minimum_words": 3}, "unknown field `minimum_words`"),
    ],
)
def test_an_expectation_that_could_never_be_looked_at_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        read(**fields)
    assert said in str(refused.value)


def test_a_schema_that_is_nested_too_deep_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"not": deep}
    with pytest.raises(msgspec.ValidationError, match="nested deeper than 60 levels"):
        read(file="a", schema=deep)


def template(**step: Any) -> Template:
    main = {"agent": "writer", "output_dir": "drafts"} | step
    branch = {"agent": "painter", "label": "Hero", "trigger_after_step": 0, "expects": [{"file": "hero.md"}]}
    written = {"slug": "line", "name": "Line", "main_steps": [main], "parallel_branches": [branch]}
    return msgspec.convert(written, Template)


def test_a_refusal_names_the_place() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"at `\$\.main_steps\[0\]\.expects\[1\]`"):
        template(expects=[{"file": "a"}, {"file": "a", "matches": "["}])


def test_a_step_without_an_agent_can_leave_nothing() -> None:
    with pytest.raises(msgspec.ValidationError, match="expects in a step without an agent"):
        msgspec.convert(
            {"slug": "l", "name": "L", "main_steps": [{"agent": "a"}, {"agent": None, "expects": [{"file": "a"}]}]},
            Template,
        )


def test_steps_and_branches_hand_their_expectations_on_to_their_units() -> None:
    line = template(expects=[{"file": "drafts/{task}.md", "min_words": 300}])
    assert units_of(line.main_steps)[0].expects == (DRAFT,)
    assert branches_of(line, {})["Hero"].expects == (Expectation(file="hero.md"),)


@pytest.mark.parametrize(("pieces", "count"), [(None, 1), (5, 5)])
def test_as_many_files_as_there_are_pieces(pieces: int | None, count: int) -> None:
    assert kept((read(folder="drafts", count="pieces"),), pieces) == (Expectation(folder="drafts", count=count),)


def test_a_unit_is_read_again_whatever_its_pattern_says() -> None:
    old = structs.replace(unit(), expects=(Expectation(file="a", matches="(unclosed"),))
    assert msgspec.json.decode(msgspec.json.encode(old), type=type(old)) == old


@pytest.mark.parametrize(
    ("expectation", "said"),
    [
        (DRAFT, "`drafts/t-1.md`, newer than the run, with at least 300 words"),
        (Expectation(file="a.md"), "`a.md`, newer than the run"),
        (
            Expectation(file="a.json", matches="^x", schema={}),
            "`a.json`, newer than the run, with something that matches /^x/, JSON that follows its schema",
        ),
        (
            Expectation(folder="out/{task}", count=2, min_words=3),
            "`out/t-1/`: 2 files, newer than the run, each with at least 3 words",
        ),
        (Expectation(command="make test"), "`make test` succeeds within 5m"),
        (Expectation(command="make test", timeout="90s"), "`make test` succeeds within 90s"),
    ],
)
def test_an_agent_is_told_what_is_expected(expectation: Expectation, said: str) -> None:
    assert words_for(expectation, "t-1") == said


# -- what follows -------------------------------------------------------------------------------------------------


def running() -> Task:
    return after(task(unit("writer", "drafts", expects=(DRAFT,)), unit("reviewer")), grant)


def test_a_report_with_nothing_missing_completes_the_step() -> None:
    ended = after(running(), report, lambda found: end_run(found, missing=()))
    assert (ended.pipeline[0].status, ended.status, ended.pipeline_step) == (UnitStatus.COMPLETED, "drafted", 1)


def test_a_report_without_its_evidence_is_no_completion_and_the_next_attempt_is_told() -> None:
    before = after(running(), report)
    ended, events = decide(before, end_run(before, Outcome.COMPLETED, exit_code=0, missing=MISSING), LATER)
    message = not_done(MISSING)
    assert ended.leases == ()
    assert ended.current.failures == (
        Failure(
            run="r-1", at=LATER, outcome=Outcome.NOT_COMPLETED, kind=FailureKind.EVIDENCE, message=message, exit_code=0
        ),
    )
    assert (ended.current.status, ended.current.attempts, ended.current.not_before) == ("in_progress", 1, at(90))
    data = {
        "unit": "s1",
        "step": 0,
        "agent": "writer",
        "outcome": "not_completed",
        "kind": "evidence",
        "exit_code": 0,
        "message": MISSING[-1],
    }
    assert events == following(before, ("run_ended", "r-1", data), now=LATER)[1]


def test_an_agent_that_reported_nothing_is_held_to_its_evidence_too() -> None:
    ended = after(running(), lambda found: end_run(found, Outcome.COMPLETED, missing=MISSING))
    assert [(one.outcome, one.kind) for one in ended.current.failures] == [("not_completed", "evidence")]


def test_past_the_last_attempt_the_task_is_blocked_and_says_what_is_missing() -> None:
    last = after(running(), report, lambda found: end_run(found, missing=MISSING, policy=policy(max_attempts=1)))
    assert last.blocked is not None
    assert last.blocked.kind is BlockKind.ATTEMPTS
    assert last.blocked.reason == (f"writer ended without completing its step; that was attempt 1 of 1: {MISSING[-1]}")


@pytest.mark.parametrize("outcome", [Outcome.COMPLETED, Outcome.FAILED, Outcome.INTERRUPTED])
def test_a_report_cannot_complete_a_step_before_somebody_has_looked(outcome: Outcome) -> None:
    reported = after(running(), report)
    with pytest.raises(EvidenceMissing, match="nobody has looked"):
        decide(reported, end_run(reported, outcome), LATER)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.INTERRUPTED, Outcome.TIMED_OUT, Outcome.KILLED])
def test_a_run_that_did_not_say_it_is_done_ends_without_a_look(outcome: Outcome) -> None:
    found = running()
    ended = after(found, end_run(found, outcome))
    assert ended.leases == ()


def test_a_run_that_was_revoked_before_its_report_ends_as_revoked() -> None:
    ended, events = decide(
        revoked := after(running(), revoke()), end_run(revoked, Outcome.COMPLETED, missing=None), LATER
    )
    assert (events[0].data["outcome"], ended.current.attempts) == ("revoked", 0)


def by_hand() -> Task:
    return after(task(unit("writer", "drafts", expects=(DRAFT,))), acquire("writer"))


def test_a_completion_by_hand_without_its_evidence_is_refused() -> None:
    with pytest.raises(EvidenceMissing) as refused:
        decide(by_hand(), complete("writer", missing=MISSING), LATER)
    assert refused.value.message == f"what it must leave is missing; {MISSING[0]}; {MISSING[1]}"
    assert refused.value.details == {"missing": list(MISSING)}


def test_a_completion_by_hand_that_nobody_looked_at_is_refused() -> None:
    with pytest.raises(EvidenceMissing, match="nobody has looked"):
        decide(by_hand(), complete("writer"), LATER)


def test_a_completion_by_hand_with_its_evidence_stands() -> None:
    assert after(by_hand(), complete("writer", missing=())).status == "completed"


@pytest.mark.parametrize("missing", [None, MISSING])
def test_a_branch_is_not_completed_by_hand_without_its_evidence(missing: tuple[str, ...] | None) -> None:
    branch = unit("painter", label="Hero", trigger_after_step=0, expects=(DRAFT,))
    found = after(task(unit("writer"), unit("reviewer"), branches={"Hero": branch}), grant, report, end_run)
    with pytest.raises(EvidenceMissing):
        decide(found, c.CompleteBranch(label="Hero", agent="painter", missing=missing), LATER)
    done = after(found, c.CompleteBranch(label="Hero", agent="painter", missing=()))
    assert done.branches["Hero"].status is UnitStatus.COMPLETED
