"""How the work on a unit ends: a report while the run goes on, its end, a completion or revision by hand."""

from __future__ import annotations

from typing import Any

from msgspec import structs, to_builtins

from baton.domain import commands as c
from baton.domain import units
from baton.domain.assignments import LOOKERS
from baton.domain.consequences import Then, consequence_of
from baton.domain.errors import EvidenceMissing, InvalidInput, LeaseMismatch
from baton.domain.evidence import not_done
from baton.domain.news import Change, News, last_line, stamp_for
from baton.domain.readers_row import with_readers_row
from baton.domain.records import Failure, Lease, Result, Task, Unit
from baton.domain.resources import Resource
from baton.domain.retry import INTERRUPTING, Again, GiveUp, after_failure, after_interruption, after_outage
from baton.domain.statuses import BlockKind, FailureKind, Outcome, ReportKind
from baton.domain.task_leases import own_hand_lease
from baton.domain.task_line import (
    block,
    check_evidence,
    check_target,
    complete_unit,
    finish_if_done,
    put,
    send_back,
    without_lease,
)
from baton.domain.task_wishes import settle
from baton.domain.usage import NOTHING, added

CRASHES = frozenset({Outcome.FAILED, Outcome.TIMED_OUT, Outcome.KILLED})
_SAID = {
    Outcome.FAILED: "failed",
    Outcome.TIMED_OUT: "timed out",
    Outcome.NOT_COMPLETED: "ended without completing its step",
    Outcome.RELEASED: "gave the task back",
    Outcome.KILLED: "was killed from outside",
    Outcome.INTERRUPTED: "was interrupted",
}


def complete_by_hand(task: Task, command: c.CompleteByHand, now: str) -> Change:
    """Complete the current step at once, under a hand lease."""
    lease = own_hand_lease(task, command.agent)
    check_evidence(task.unit(lease.unit), command.missing)
    if task.assignment is not None:
        from baton.domain.job_ends import check_decided  # start-up: most tasks are no assignments

        check_decided(task, lease)
    at = stamp_for(task, now)
    result = Result(
        at=at,
        agent=command.agent,
        outputs=command.outputs,
        summary=command.summary,
        quality_score=command.quality_score,
        readability_score=command.readability_score,
        data=command.data,
        resources=command.resources,
    )
    return Change(*_flat(_complete(task, lease, result, at)))


def revise_by_hand(task: Task, command: c.ReviseByHand, now: str) -> Change:
    """Send the task back at once, under a hand lease."""
    lease = own_hand_lease(task, command.agent)
    check_target(task, command.to_step)
    at = stamp_for(task, now)
    task = without_lease(task, lease)
    limit = command.max_revisions
    return Change(*_flat(send_back(task, command.to_step, command.notes, command.agent, at, max_revisions=limit)))


def end_run(task: Task, command: c.EndRun, now: str) -> Change:
    """End a run: what it reported happens; without a report, what its outcome calls for; then what a person asked.

    A lease that is gone was ended by somebody else: ``LeaseMismatch``, and the caller's result is refused.
    """
    lease = task.lease_with(command.token)
    if lease is None or lease.run != command.run:
        raise LeaseMismatch(f"run {command.run} does not hold lease {command.token} any more")
    at = stamp_for(task, now)
    unit = task.unit(lease.unit)
    outcome = _outcome(unit, lease, command)
    if outcome is Outcome.NOT_COMPLETED and command.missing:
        command = structs.replace(command, kind=FailureKind.EVIDENCE, message=not_done(command.missing))
    if unit.job is not None:
        from baton.domain.job_ends import judged, with_last_message  # start-up: most tasks are no assignments

        lease = with_last_message(lease, command)
        outcome, command = judged(task, lease, command, outcome)
    data: dict[str, Any] = {"unit": unit.key, "step": unit.step, "agent": lease.agent, "outcome": outcome}
    data |= {key: value for key, value in _facts(command).items() if value not in (None, {}, "")}
    news = [News("run_ended", lease.run, data)]
    if outcome in CRASHES and consequence_of(command.kind).then in (Then.COUNT, Then.STOP):
        news.append(News("agent_crashed", lease.run, data | {"title": task.title}))
    task, happened = _effect(task, lease, command, outcome, at, now)
    news += happened
    if command.usage != NOTHING:
        task = structs.replace(task, usage=added(task.usage, command.usage))
        unit = task.unit(lease.unit)
        task = put(task, structs.replace(unit, usage=added(unit.usage, command.usage)))
    if task.assignment is not None:
        from baton.domain.job_ends import counted  # start-up: the same

        task, more = counted(task, lease, command, at)
        news += more
    task, settled = settle(task, at)
    return Change(task, tuple(news + settled))


def preview(task: Task, token: int) -> Task:
    """Return the task as it will be when the run with this token has ended as it reported."""
    lease = task.lease_with(token)
    assert lease is not None and lease.report is not None
    at = lease.report.at
    return with_readers_row(finish_if_done(_reported(task, lease, at, max_revisions=None)[0], at)[0])


# -- the parts of an end ------------------------------------------------------------------------------------------


def _outcome(unit: Unit, lease: Lease, command: c.EndRun) -> Outcome:
    if lease.void:
        return Outcome.REVOKED
    outcome = Outcome(lease.report.kind.value) if lease.report is not None else command.outcome
    if lease.report is None and outcome is Outcome.SENT_BACK:
        raise InvalidInput("only a run's own report sends a task back")
    if lease.report is None and lease.revoked is not None:
        return Outcome.REVOKED
    if outcome is Outcome.COMPLETED and unit.expects:
        if command.missing is None:
            raise EvidenceMissing("nobody has looked for what the step must leave")
        return Outcome.NOT_COMPLETED if command.missing else outcome
    return outcome


def _effect(
    task: Task, lease: Lease, command: c.EndRun, outcome: Outcome, at: str, now: str
) -> tuple[Task, list[News]]:
    unit = task.unit(lease.unit)
    if lease.void:
        return without_lease(task, lease), []
    if lease.report is not None and outcome not in (Outcome.RELEASED, Outcome.NOT_COMPLETED):
        return _reported(task, lease, at, max_revisions=command.max_revisions, resources=command.resources)
    if outcome is Outcome.COMPLETED:
        result = Result(
            at=at,
            agent=lease.agent,
            run=lease.run,
            outputs=command.outputs,
            summary=command.summary,
            resources=command.resources,
        )
        return _complete(task, lease, result, at, finish=False)
    task = without_lease(task, lease)
    if outcome in (Outcome.REVOKED, Outcome.NEVER_STARTED):
        return put(task, units.change(unit, units.GiveBack(at=at, interrupted=False))), []
    if outcome is Outcome.AGENT_MISSING:
        task = put(task, units.change(unit, units.GiveBack(at=at, interrupted=False)))
        return block(task, BlockKind.AGENT, command.message, unit.key, at, run=lease.run)
    unit = _with_session(unit, command, outcome)
    if outcome in INTERRUPTING:
        task = put(task, units.change(unit, units.GiveBack(at=at, interrupted=True)))
        decision = after_interruption(task.unit(unit.key), command.policy, _SAID[outcome])
        if isinstance(decision, GiveUp):
            return block(task, decision.kind, decision.reason, unit.key, at, run=lease.run)
        return task, []
    return _failed(task, lease, unit, command, outcome, at, now)


def _failed(
    task: Task, lease: Lease, unit: Unit, command: c.EndRun, outcome: Outcome, at: str, now: str
) -> tuple[Task, list[News]]:
    released = lease.report.notes or "" if outcome is Outcome.RELEASED and lease.report is not None else ""
    kind = _kind(command, outcome)
    failure = Failure(
        run=command.run,
        at=at,
        outcome=outcome,
        kind=kind,
        message=released or command.message,
        exit_code=command.exit_code,
    )
    follows = consequence_of(kind)
    # Somebody follows a streaming run: what only a person can mend ends it at once, with the reason.
    is_hopeless = task.stream is not None and follows.then is Then.PARK and not follows.has_end
    if follows.then is Then.PARK and command.is_parked and not is_hopeless:
        return put(task, units.change(unit, units.GiveBack(at=at, interrupted=False))), []
    # The back-off counts from the real time: a stamp held back by a clock that jumped must not lengthen it.
    in_outage = follows.then in (Then.PARK, Then.OUTLAST) and not is_hopeless
    wait = after_outage(unit, command.policy, now, command.jitter) if in_outage else None
    if wait is not None:
        return put(task, units.change(unit, units.Outlast(at=at, not_before=wait.not_before, since=wait.since))), []
    decision = after_failure(unit, command.policy, _SAID[outcome], now, command.jitter)
    if kind is FailureKind.NO_DECISION and unit.job is not None:
        is_first = all(one.kind is not kind for one in unit.failures)
        decision = (
            Again(not_before=None)
            if is_first
            else GiveUp(kind=BlockKind.ATTEMPTS, reason=f"{unit.agent} decided nothing, twice")
        )
    if follows.block is not None or is_hopeless:
        decision = GiveUp(kind=follows.block or BlockKind.AGENT, reason=f"{unit.agent} {_SAID[outcome]}")
    if isinstance(decision, Again):
        again = units.Defer(at=at, failure=failure, not_before=decision.not_before, in_outage=in_outage)
        return put(task, units.change(unit, again)), []
    task = put(task, units.change(unit, units.Exhaust(at=at, failure=failure)))
    if unit.job is not None and unit.agent not in LOOKERS and decision.kind is BlockKind.ATTEMPTS:
        from baton.domain.assignment_acts import failed  # start-up: most tasks are no assignments

        return failed(task, unit, at)  # the PM is told, and decides
    reason = decision.reason + (f": {last_line(failure.message)}" if failure.message else "")
    return block(task, decision.kind, reason, unit.key, at, run=lease.run)


def _kind(command: c.EndRun, outcome: Outcome) -> FailureKind:
    return FailureKind.RELEASE if outcome is Outcome.RELEASED else command.kind or FailureKind.EXIT_CODE


def _with_session(unit: Unit, command: c.EndRun, outcome: Outcome) -> Unit:
    """Keep the session of a run that is to be tried again; without one the last one stands, if it is still of use."""
    is_of_use = outcome in INTERRUPTING or consequence_of(_kind(command, outcome)).keeps_session
    return structs.replace(unit, session=(command.session or unit.session) if is_of_use else None)


def _reported(
    task: Task, lease: Lease, at: str, *, max_revisions: int | None, resources: tuple[Resource, ...] = ()
) -> tuple[Task, list[News]]:
    report = lease.report
    assert report is not None
    if report.kind is ReportKind.SENT_BACK:
        task = without_lease(task, lease)
        assert report.to_step is not None
        notes = report.notes or ""
        return send_back(task, report.to_step, notes, report.agent, at, max_revisions=max_revisions, run=lease.run)
    if report.kind is ReportKind.RELEASED:
        return without_lease(task, lease), []
    result = Result(
        at=at,
        agent=report.agent,
        run=lease.run,
        outputs=report.outputs,
        summary=report.summary,
        quality_score=report.quality_score,
        readability_score=report.readability_score,
        data=report.data,
        resources=resources,
    )
    return _complete(task, lease, result, at, finish=False)


def _complete(task: Task, lease: Lease, result: Result, at: str, *, finish: bool = True) -> tuple[Task, list[News]]:
    unit = task.unit(lease.unit)
    task, news = complete_unit(without_lease(task, lease), unit, result, at)
    if task.assignment is not None:
        from baton.domain.assignment_acts import follow  # start-up: most tasks are no assignments

        task, more = follow(task, task.unit(unit.key), lease.acts, at, lease.run)
        return task, news + more
    if not finish:
        return task, news
    task, finished = finish_if_done(task, at)
    return task, news + finished


def _facts(command: c.EndRun) -> dict[str, Any]:
    return {
        "kind": command.kind,
        "exit_code": command.exit_code,
        "message": last_line(command.message),
        "harness": command.harness,
        "session": command.session.id if command.session is not None else None,
        "resets_at": command.resets_at,
        "usage": to_builtins(command.usage),
    }


def _flat(changed: tuple[Task, list[News]]) -> tuple[Task, tuple[News, ...]]:
    return changed[0], tuple(changed[1])
