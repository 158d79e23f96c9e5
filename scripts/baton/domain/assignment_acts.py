"""What is done to an assignment: by a job's run, kept until the run has ended well; by a person, at once."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from baton.domain import commands as c
from baton.domain import task_edits as edits
from baton.domain import units
from baton.domain.assignment_line import (
    assignment_of,
    bounded,
    check_together,
    finished,
    follow_with,
    follow_work,
    go_on,
    inserted,
    open_place,
    place_behind,
    with_assignment,
)
from baton.domain.assignments import (
    ARTIFACTS_KEPT,
    DECIDING,
    DECISIONS_KEPT,
    GUARDIAN,
    LOOKERS,
    PM,
    Act,
    ActKind,
    Alignment,
    Decision,
    Rules,
)
from baton.domain.errors import IllegalTransition, InvalidInput, LeaseHeld, LeaseMismatch
from baton.domain.news import Change, News, stamp_for
from baton.domain.records import Lease, Task, Unit
from baton.domain.statuses import BlockKind
from baton.domain.task_leases import run_lease
from baton.domain.task_line import block, put

_FOR_PM = "only a pm decides what comes next"
_FOR_GUARDIAN = "only a guardian judges the alignment"
_WORDS = {ActKind.INSERT: "inserted jobs", ActKind.COMPLETE: "completed the assignment", ActKind.BLOCK: "blocked it"}


def act(task: Task, command: c.ActOnAssignment, now: str) -> Change:
    """Do something to an assignment: with a token it is kept with the run's lease, without one it happens now."""
    assignment_of(task)
    check_act(command.act)
    if command.token is not None:
        return _kept(task, command.act, command.token, command.by)
    return _at_once(task, command, now)


def take_turn(task: Task, command: c.TakeTurn, now: str) -> Change:
    """Become the active assignment of the namespace. Whoever asks has made sure that no other one is."""
    assignment = assignment_of(task)
    if assignment.turn or assignment.independent:
        return Change(task)
    return Change(with_assignment(task, turn=True), (News("turn_taken", None, {"namespace": assignment.namespace}),))


def follow(task: Task, unit: Unit, acts: Sequence[Act], at: str, run: str | None) -> tuple[Task, list[News]]:
    """Let what a completed job's run did happen, and let the line go on behind it."""
    news: list[News] = []
    last = unit.key
    for one in acts:
        if one.kind is ActKind.UPDATE:
            task, more = _updated(task, one, unit.key, at)
        elif one.kind is ActKind.INSERT:
            place = place_behind(task, one.after or last)
            task, keys, told = inserted(task, place, one.jobs, unit.key, one.key)
            last, more = (last if one.after else keys[-1]), [told]
        elif one.kind is ActKind.ALIGN:
            task, more = _aligned(task, one)
        else:
            continue
        news += [structs.replace(told, run=run) for told in more] if more else []
    if unit.agent == PM:
        task, more = _behind_pm(task, unit, acts, at, run)
    elif unit.agent == GUARDIAN:
        task, more = _behind_guardian(task, unit, at, run)
    else:
        task, more = follow_work(task, unit, at)
    return task, news + more


def failed(task: Task, unit: Unit, at: str) -> tuple[Task, list[News]]:
    """Let the line go on behind a job that has failed for good."""
    data = {"unit": unit.key, "step": task.unit(unit.key).step, "agent": unit.agent}
    task, news = follow_work(task, task.unit(unit.key), at)
    return task, [News("job_failed", None, data), *news]


# -- what a run does ----------------------------------------------------------------------------------------------


def _kept(task: Task, act: Act, token: int, by: str) -> Change:
    lease = run_lease(task, token)  # one that was replaced, revoked or has ended is refused
    if lease.run is None:
        raise LeaseMismatch(f"lease {token} is held by hand: what is done under it is done at once")
    if lease.report is not None:
        raise IllegalTransition(f"this run has already reported {lease.report.kind}", cure="do it before the report")
    if act.kind in DECIDING and lease.agent != PM:
        raise IllegalTransition(f"this run is a {lease.agent} job's; {_FOR_PM}", cure="say it in your summary")
    if any(job.type in LOOKERS for job in act.jobs):
        raise InvalidInput("a pm or a guardian cannot be inserted by a run", cure="they come by themselves")
    if act.kind is ActKind.ALIGN and lease.agent != GUARDIAN:
        raise IllegalTransition(f"this run is a {lease.agent} job's; {_FOR_GUARDIAN}", cure="say it in your summary")
    if any(is_same(one, act) for one in lease.acts) or _is_in_line(task, act):
        return Change(task)
    done = [one.kind for one in lease.acts if one.kind in DECIDING]
    if act.kind in DECIDING and (ActKind.COMPLETE in done or ActKind.BLOCK in done or (done and act.kind in _LAST)):
        raise IllegalTransition(f"this run has {_WORDS[done[-1]]} already", cure="end it: complete_step.py")
    if act.kind is ActKind.INSERT:
        act, task = _with_keys(task, lease, act)
    kept = [one for one in lease.acts if act.kind is not ActKind.ALIGN or one.kind is not ActKind.ALIGN]
    acted = structs.replace(lease, acts=(*kept, act))
    leases = tuple(acted if other.token == lease.token else other for other in task.leases)
    data = {"unit": lease.unit, "act": act.kind, "by": by}
    return Change(structs.replace(task, leases=leases), (News("act_kept", lease.run, data),))


# A pm may do either of these once, and only by itself.
_LAST = frozenset({ActKind.COMPLETE})


def _with_keys(task: Task, lease: Lease, act: Act) -> tuple[Act, Task]:
    """Give the jobs the keys that they will have, so that the pm can name them already."""
    promised = {job.unit for one in lease.acts for job in one.jobs}
    if act.after is not None and act.after not in promised:
        open_place(task, act.after)
    jobs = tuple(structs.replace(job, unit=f"j{task.next_key + number}") for number, job in enumerate(act.jobs))
    return structs.replace(act, jobs=jobs), structs.replace(task, next_key=task.next_key + len(jobs))


def is_same(kept: Act, act: Act) -> bool:
    """Tell whether a run did this already: by its key, or word for word."""
    if act.key is not None and kept.kind is act.kind:
        return kept.key == act.key
    plain = structs.replace(kept, jobs=tuple(structs.replace(job, unit="") for job in kept.jobs))
    return plain == act


def _is_in_line(task: Task, act: Act) -> bool:
    return act.key is not None and any(unit.job is not None and unit.job.key == act.key for unit in task.pipeline)


# -- what a person does -------------------------------------------------------------------------------------------


def _at_once(task: Task, command: c.ActOnAssignment, now: str) -> Change:
    act, by, at = command.act, command.by, stamp_for(task, now)
    before = task
    news: list[News] = []
    if command.rules is not None:
        task = _with_rules(task, command.rules)
    if act.kind is ActKind.BLOCK:
        if task.blocked is not None:
            raise IllegalTransition(f"it is blocked already: {task.blocked.reason}")
        return edits.block(task, c.BlockTask(by=by, reason=act.text or ""), now)
    if act.kind is ActKind.COMPLETE:
        if task.leases:
            raise LeaseHeld(f"{task.leases[0].agent} is working on it", cure="block it first, or wait")
        task, news = finished(task, at, by=by, summary=act.text)
    elif act.kind is ActKind.INSERT:
        if _is_in_line(task, act):
            return Change(before)
        task, _, told = inserted(task, open_place(task, act.after), act.jobs, by, act.key)
        task, news = go_on(task, at), [told]
    elif act.kind is ActKind.ALIGN:
        task, news = _aligned(task, act)
    else:
        task, news = _updated(task, act, by, at)
    return Change(before) if task == before and not news else Change(task, tuple(news))


def _with_rules(task: Task, rules: Rules) -> Task:
    """Let rules count for the jobs that have not begun, where they were given theirs by the rules before."""
    before = assignment_of(task).rules
    if rules == before:
        return task
    for unit in task.pipeline:
        if unit.started_at is None and units.Skip in units.UNIT_TABLE[unit.status] and unit.agent is not None:
            type = unit.agent
            changed: dict[str, str | None] = {}
            if unit.timeout == before.timeouts.get(type, before.timeout):
                changed["timeout"] = rules.timeouts.get(type, rules.timeout)
            if unit.harness == before.harnesses.get(type):
                changed["harness"] = rules.harnesses.get(type)
            if unit.model == before.models.get(type):
                changed["model"] = rules.models.get(type)
            task = put(task, structs.replace(unit, **changed))
    return with_assignment(task, rules=rules)


# -- what follows -------------------------------------------------------------------------------------------------


def _behind_pm(task: Task, unit: Unit, acts: Sequence[Act], at: str, run: str | None) -> tuple[Task, list[News]]:
    decided = {one.kind: one for one in acts if one.kind in DECIDING}
    guards = assignment_of(task).rules.guardian
    if stopped := decided.get(ActKind.BLOCK):
        # When a person lets it go on, a pm looks again before anything else happens.
        task, news = follow_with(task, unit, PM, at)
        task, blocked = block(task, BlockKind.INPUT, stopped.text or "", unit.key, at, run=run)
        return task, news + blocked
    if done := decided.get(ActKind.COMPLETE):
        if not guards:
            return finished(task, at, by=unit.key, summary=done.text, run=run)
        task = with_assignment(task, completion=done.text or "")
    if guards:
        task, news = follow_with(task, unit, GUARDIAN, at)
    else:
        task, news = go_on(task, at), []
    if ActKind.INSERT in decided:
        task, blocked = bounded(task, at, run)
        news += blocked
    return task, news


def _behind_guardian(task: Task, unit: Unit, at: str, run: str | None) -> tuple[Task, list[News]]:
    assignment = assignment_of(task)
    if assignment.alignment is Alignment.MISALIGNED:
        task, news = follow_with(with_assignment(task, completion=None), unit, PM, at)
        reason = f"the guardian finds it misaligned: {assignment.alignment_notes or 'no reason given'}"
        task, blocked = block(task, BlockKind.REVIEW, reason, unit.key, at, run=run)
        return task, news + blocked
    if assignment.completion is not None:
        return finished(task, at, by=unit.key, summary=assignment.completion or None, run=run)
    return go_on(task, at), []


def _updated(task: Task, act: Act, by: str, at: str) -> tuple[Task, list[News]]:
    assignment = assignment_of(task)
    lines = {line.split(":", 1)[0].strip(): line for line in assignment.artifacts}
    lines |= {line.split(":", 1)[0].strip(): line.strip() for line in act.artifacts}
    artifacts = tuple(lines.values())[-ARTIFACTS_KEPT:]
    made = tuple(Decision(at=at, by=by, text=text.strip()) for text in act.decisions)
    if artifacts == assignment.artifacts and not made:
        return task, []
    where = task.front[-1].key if artifacts != assignment.artifacts else assignment.artifacts_at
    task = with_assignment(
        task,
        artifacts=artifacts,
        artifacts_at=where,
        decisions=(*assignment.decisions, *made)[-DECISIONS_KEPT:],
    )
    data = {"by": by, "artifacts": list(act.artifacts), "decisions": list(act.decisions)}
    return task, [News("assignment_updated", None, data)]


def _aligned(task: Task, act: Act) -> tuple[Task, list[News]]:
    task = with_assignment(task, alignment=act.alignment, alignment_notes=act.text)
    return task, [News("assignment_aligned", None, {"alignment": act.alignment, "notes": act.text})]


def check_act(act: Act) -> None:
    """Refuse what nobody could do, whoever asks for it."""
    if act.kind is ActKind.INSERT:
        check_together(act.jobs)
    if act.kind is ActKind.ALIGN and act.alignment is None:
        raise InvalidInput(f"an alignment is one of {', '.join(Alignment)}")
    if act.kind is ActKind.BLOCK and not (act.text or "").strip():
        raise InvalidInput("a block needs a reason")
    for line in act.artifacts:
        path, _, description = line.partition(":")
        if not path.strip() or not description.strip() or "\n" in line:
            raise InvalidInput(f"artifact {line[:80]!r} is not one line like 'path: description'")
