"""Random histories of a task: whatever is asked, in whatever order and at whatever time, what must hold holds.

``check_change`` and ``check_record`` say what must hold after any one command; the table walk uses them too.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec import to_builtins
from tests.assignment_checks import check_jobs, is_of_jobs
from tests.builders import at, create_task, hand, policy, supervisor, unit

from baton.domain import commands as c
from baton.domain.assignments import Act, ActKind
from baton.domain.errors import (
    AgentNotFound,
    AlreadyExists,
    IllegalTransition,
    InvalidInput,
    LeaseHeld,
    LeaseMismatch,
    NotReady,
)
from baton.domain.readiness import is_due, not_ready, waiting
from baton.domain.records import HISTORY_LIMIT, Event, Lease, Task, Unit
from baton.domain.spells import spells_of
from baton.domain.statuses import (
    FINISHED,
    BlockKind,
    FailureKind,
    LeaseKind,
    Outcome,
    ReportKind,
    TaskStatus,
    UnitStatus,
)
from baton.domain.tasks import decide
from baton.domain.times import epoch, later, seconds_between
from baton.domain.usage import NOTHING, UNKNOWN, Usage, reported, total
from baton.domain.versions import base_output, results_of

DONE = (UnitStatus.COMPLETED, UnitStatus.SKIPPED)
OPEN = (UnitStatus.PENDING, UnitStatus.IN_PROGRESS)


# -- what must hold -----------------------------------------------------------------------------------------------


def check_change(before: Task, after: Task, events: list[Event], command: Any, now: str) -> None:
    """Check one accepted command: version, events, stamps, tokens and leases, and the record that came out."""
    if not events:
        assert after is before, "a change without an event: the store would not write it"
        return
    assert after.version == before.version + 1
    assert after.updated_at == max(now, before.updated_at)
    assert [event.id for event in events] == [f"task/{after.id}:{after.version}:{n}" for n in range(len(events))]
    for event in events:
        assert (event.version, event.at, event.task, event.campaign) == (
            after.version,
            after.updated_at,
            after.id,
            after.campaign,
        )
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", event.type)
    whole = (*before.history, *events)
    assert after.history == whole[-len(after.history) :]
    assert len(events) <= len(after.history) <= HISTORY_LIMIT
    _check_leases(before, after, command)
    check_record(after)


def _check_leases(before: Task, after: Task, command: Any) -> None:
    had = {lease.token: lease for lease in before.leases}
    has = {lease.token: lease for lease in after.leases}
    new = sorted(set(has) - set(had))
    assert new == [before.token + 1] * len(new), "a token that is not the next one"
    assert after.token == before.token + len(new)
    if isinstance(command, c.GrantLease):
        assert len(new) == 1
    for token, lease in had.items():
        if token not in has:
            ended = isinstance(command, c.EndRun) and command.token == token
            assert ended or lease.kind is LeaseKind.HAND, "only EndRun takes a run's lease away"
            continue
        kept = has[token]
        assert (kept.unit, kept.agent, kept.kind, kept.run) == (lease.unit, lease.agent, lease.kind, lease.run)
        assert lease.report is None or kept.report == lease.report, "the first report stands"
        assert lease.revoked is None or kept.revoked == lease.revoked
        if lease.kind is LeaseKind.RUN:
            assert (kept.holder, kept.granted_at) == (lease.holder, lease.granted_at)


def check_record(task: Task) -> None:
    """Check one record by itself."""
    check_jobs(task) if is_of_jobs(task) else _check_line(task)
    _check_versions(task)
    tokens = [lease.token for lease in task.leases]
    assert len(set(tokens)) == len(tokens)
    assert all(0 < token <= task.token for token in tokens)
    assert (task.blocked is not None) == (task.status is TaskStatus.BLOCKED)
    revoked = [lease for lease in task.leases if lease.revoked]
    assert bool(revoked) if task.asked else all(lease.void for lease in revoked), "a wish waits for revoked runs only"
    assert all(lease.revoked and lease.kind is LeaseKind.RUN for lease in task.leases if lease.void)
    main = [lease for lease in task.leases if any(lease.unit == step.key for step in task.pipeline)]
    assert len(main) <= 1 or is_of_jobs(task)
    lease = main[0] if main else None
    assert task.lease == lease
    assert task.locked_by == (lease.agent if lease else None)
    assert task.locked_at == (lease.granted_at if lease else None)
    triggered = {label: branch for label, branch in task.branches.items() if branch.ready_at}
    assert set(task.pending_branches) == {label for label, branch in triggered.items() if branch.status not in DONE}
    assert len(task.leases) == len({lease.unit for lease in task.leases}), "two leases on one unit"
    for held in task.leases:
        assert held.void or task.unit(held.unit).status is UnitStatus.IN_PROGRESS
    if not is_of_jobs(task):
        _check_waiting(task, lease)
    assert total(unit.usage for unit in task.units()) == task.usage
    if task.is_finished:
        assert not task.leases
        assert task.completed_at
    again = msgspec.json.decode(msgspec.json.encode(task), type=Task, strict=True)
    assert again == task
    assert msgspec.json.encode(again) == msgspec.json.encode(task)


def _check_versions(task: Task) -> None:
    """Check that no version was ever made over one of an earlier round."""
    rounds: dict[tuple[str, int], int] = {}
    for one in task.units():
        results = results_of(one) if one.redoes is None else ()
        versions = [result.version for result in results]
        assert versions == sorted(set(versions)), "a unit has made one version twice"
        for result in results:
            place = (base_output(task, one), result.version)
            assert rounds.setdefault(place, result.round) == result.round, "two rounds share a version"


def _check_waiting(task: Task, main: Lease | None) -> None:
    """Check that a unit which nothing keeps waits in the index; and only such a one."""
    names = {entry.name.rsplit("~", 1)[1] for entry in waiting(task)}
    if task.blocked or task.asked or task.unmet or task.is_finished:
        assert not names
        return
    joins = task.convergence_step is not None and task.pipeline_step >= task.convergence_step
    waits = main is not None or task.is_line_done or (joins and task.pending_branches)
    free = [branch for branch in task.branches.values() if branch.ready_at and branch.status in OPEN]
    wanted = {branch.key for branch in free if task.lease_of(branch.key) is None}
    assert names == wanted | (set() if waits else {task.current.key})


def _check_line(task: Task) -> None:
    assert [step.step for step in task.pipeline] == list(range(len(task.pipeline)))
    assert len({step.key for step in task.units()}) == len(task.units()), "two units with one key"
    assert all(step.status in DONE for step in task.pipeline[: task.pipeline_step])
    if task.status is TaskStatus.COMPLETED:
        assert all(step.status in DONE for step in task.units())
        return
    ahead = {step.status for step in task.pipeline[task.pipeline_step + 1 :]}
    assert ahead <= {UnitStatus.PENDING} | (set(DONE) if task.revision else set()), "only a fix passes steps over"
    for branch in task.branches.values():
        assert branch.trigger_after_step is not None
        if branch.redoes is not None:
            assert task.revision is not None, "a branch of a revision stayed behind"
            assert task.is_line_done or branch.status in DONE or task.is_finished
            continue
        trigger = task.pipeline[branch.trigger_after_step]
        assert branch.ready_at is None or trigger.status in DONE, "a branch began before its step was done"
        turn_comes = branch.after is not None and task.unit(branch.after).status not in DONE
        assert branch.ready_at or branch.status is UnitStatus.SKIPPED or trigger.status not in DONE or turn_comes
        assert branch.status is not UnitStatus.FAILED or task.blocked or task.is_finished
    if task.is_line_done:
        assert all(step.status in DONE for step in task.pipeline)
        assert task.leases or task.pending_branches or task.asked or task.status is TaskStatus.DELETED
        return
    current = task.current
    assert current.agent is not None
    assert current.ready_at is not None
    assert current.status in OPEN or (current.status is UnitStatus.FAILED and (task.blocked or task.is_finished))
    for step in task.pipeline:
        assert step.attempts >= 0
        assert step.interruptions >= 0


def check_spells(task: Task, events: list[Event]) -> None:
    """Check that the events tell the record's own story: whose clock runs, and that the main line's leave no gap."""
    seconds = 16.0
    told = [to_builtins(event) for event in events]
    now = {spell.unit: spell for spell in spells_of(task, told, task.updated_at)}
    later_on = {spell.unit: spell for spell in spells_of(task, told, later(task.updated_at, seconds))}
    for one in task.units():
        is_held = task.lease_of(one.key) is not None
        turn = one.ready_at is not None if one.step is None else one == task.current
        is_open = one.status not in DONE and turn
        spent = [
            getattr(later_on.get(one.key), f"{name}_seconds", 0.0) - getattr(now.get(one.key), f"{name}_seconds", 0.0)
            for name in ("worked", "waited")
        ]
        works, waits = is_held and not task.is_finished, is_open and not is_held and not task.is_finished
        assert spent == [seconds * works, seconds * waits], f"the clock of {one.key}"
    last = max(step.step or 0 for step in task.pipeline if step.agent)
    if not task.is_finished and all(event.type != "step_completed" or event.data["step"] < last for event in events):
        line = [spell for spell in now.values() if spell.step is not None]
        passed = sum(spell.waited_seconds + spell.worked_seconds for spell in line)
        assert round(passed, 3) == seconds_between(task.created_at, task.updated_at)


# -- random histories ---------------------------------------------------------------------------------------------

AGENTS = ("writer", "reviewer")
REVIEWING = (c.FixTask, c.RethinkTask, c.ApproveTask, c.PublishTask)
REFUSALS = (AgentNotFound, IllegalTransition, LeaseHeld, LeaseMismatch, NotReady, InvalidInput)
POLICY = policy(max_attempts=2, max_interruptions=1, backoff_seconds=30.0, backoff_max_seconds=100.0)
BACKOFF_MAX_SECONDS = 100.0

lines = st.lists(
    st.builds(unit, st.sampled_from((*AGENTS, None)), st.sampled_from((None, "research", "drafts"))),
    min_size=1,
    max_size=4,
).filter(lambda units: any(one.agent for one in units))
agents = st.sampled_from(AGENTS)
names = st.sampled_from((*AGENTS, "painter", "nobody"))
steps = st.integers(-1, 4)
words = st.sampled_from(("", "too dry", "again"))
scores = st.one_of(st.none(), st.floats(0, 100))
seldom = st.sampled_from((False, False, False, False, True))
some_dependencies = st.one_of(st.just([]), st.sets(st.sampled_from(("dep-1", "dep-2"))).map(sorted))


labels = st.lists(st.sampled_from(("Image", "Social", "Email")), max_size=2, unique=True).map(tuple)


class Histories(RuleBasedStateMachine):
    """Several agents, people, sweeps and a clock that jumps, all at one task."""

    @initialize(line=lines, depends_on=some_dependencies, triggers=st.lists(st.integers(0, 3), max_size=2), join=steps)
    def make(self, line: list[Unit], depends_on: list[str], triggers: list[int], join: int) -> None:
        self.seconds = 0
        self.boot_seconds = 1000
        after_steps = [trigger % len(line) for trigger in triggers]
        branches = {
            label: unit("painter", trigger_after_step=after)
            for label, after in zip(("Image", "Social"), after_steps, strict=False)
        }
        can_join = branches and max(after_steps) < join < len(line)
        self.made = create_task(
            *line, depends_on=tuple(depends_on), branches=branches, convergence_step=join if can_join else None
        )
        self.begin()

    def begin(self) -> None:
        self.task, events = decide(None, self.made, self.now)
        assert [event.type for event in events] == ["task_created"]
        self.events = list(events)
        self.ended_tokens: set[int] = set()

    @property
    def now(self) -> str:
        return at(self.seconds)

    @property
    def in_a_while(self) -> str:
        return at(self.seconds + BACKOFF_MAX_SECONDS + 2)

    @invariant()
    def holds(self) -> None:
        check_record(self.task)
        assert not self.ended_tokens & {lease.token for lease in self.task.leases}, "a token came back"
        for entry in waiting(self.task) if self.task.not_before is None else ():
            # A back-off too far ahead is over now; any other one is over when the longest has passed.
            one = self.task.unit(entry.name.rsplit("~", 1)[1])
            reasons = [not_ready(self.task, one, now, BACKOFF_MAX_SECONDS) for now in (self.now, self.in_a_while)]
            assert None in reasons, "a jump of the clock stranded the task"

    def do(self, command: Any) -> None:
        before, image = self.task, msgspec.json.encode(self.task)
        try:
            after, events = decide(before, command, self.now)
        except REFUSALS as refusal:
            assert refusal.message
            events = None
        assert msgspec.json.encode(before) == image, "the record that was given has been changed"
        if before.is_finished:
            is_looked_at_again = before.status is TaskStatus.COMPLETED and isinstance(command, REVIEWING)
            assert events is None or is_looked_at_again, "a finished task accepted a command"
            if events is None:
                self.begin()
        if events is None:
            return
        check_change(before, after, events, command, self.now)
        self.events += events
        check_spells(after, self.events)
        self.ended_tokens |= {lease.token for lease in before.leases} - {lease.token for lease in after.leases}
        self.task = after

    def token(self, is_stale: bool, place: int = 0) -> int:
        if place and self.task.leases:
            return self.task.leases[place % len(self.task.leases)].token
        live = self.task.lease.token if self.task.lease else self.task.token
        return max(1, live - 1) if is_stale else live

    # the world around

    @rule(seconds=st.sampled_from((0, 1, 40, 4000)))
    def time_passes(self, seconds: int) -> None:
        self.seconds += seconds
        self.boot_seconds += seconds

    @rule(seconds=st.sampled_from((-100_000, -30, 100_000)))
    def clock_jumps(self, seconds: int) -> None:
        self.seconds += seconds

    @rule()
    def create_task(self) -> None:
        try:
            decide(self.task, self.made, self.now)
        except AlreadyExists:
            return
        raise AssertionError("an id was used again")

    def _look_again(self, *, parallel: bool, rethinks: bool) -> None:
        """A person wants more of a piece that is complete, now and then; else another task begins."""
        task = self.task
        if task.status is not TaskStatus.COMPLETED or task.revision_count > 3:
            self.begin()
        elif rethinks:
            self.do(c.RethinkTask(by="ann", to_step=task.revision_count % len(task.pipeline), notes="again"))
        else:
            found = [one.agent for one in task.units()[task.revision_count % 2 :] if one.agent]
            self.do(c.FixTask(by="ann", agents=tuple(found), notes="again", parallel=parallel))

    def _go_on(self, by_hand: bool, fails: bool, score: float | None) -> None:
        task, lease = self.task, self.task.lease
        outputs = ("drafts/spring-001.md",)
        if task.is_finished:
            self._look_again(parallel=by_hand, rethinks=score is None)
        elif task.blocked is not None:
            self.do(c.UnblockTask(by="ann"))
        elif task.unmet:
            self.do(c.MeetDependency(dependency=task.unmet[0]))
        elif lease is None:
            self.acquire_by_hand("writer", None) if by_hand else self.grant_lease(0, True, 0)
            if lease is self.task.lease and self.task.pending_branches:
                self._go_on_with_a_branch(by_hand, fails)
        elif lease.kind is LeaseKind.HAND:
            self.do(c.CompleteByHand(agent=lease.agent, outputs=outputs, quality_score=score))
        elif lease.report is None and lease.revoked is None and not fails:
            self.report_run(ReportKind.COMPLETED, False, None, None, "", score)
        else:
            self.end_run(Outcome.FAILED if fails else Outcome.COMPLETED, False, 0.5, UNKNOWN, 3)

    def _go_on_with_a_branch(self, by_hand: bool, fails: bool) -> None:
        branch = self.task.branches[self.task.pending_branches[0]]
        lease = self.task.lease_of(branch.key)
        if lease is not None:
            self.end_run(
                Outcome.FAILED if fails else Outcome.COMPLETED, False, 0.5, UNKNOWN, 3, self.task.leases.index(lease)
            )
        elif by_hand:
            self.do(c.CompleteBranch(label=self.task.pending_branches[0], agent="painter"))
        else:
            place = list(self.task.branches).index(self.task.pending_branches[0])
            self.grant_lease(len(self.task.pipeline) + place, False, 1)

    # The ordinary road, three times over, so that histories get somewhere.
    go_on = rule(by_hand=seldom, fails=seldom, score=scores)(_go_on)
    go_on_further = rule(by_hand=seldom, fails=seldom, score=scores)(_go_on)
    go_on_again = rule(by_hand=seldom, fails=seldom, score=scores)(_go_on)

    # supervisors and sweeps

    @rule(step=st.integers(0, 5), is_current=st.booleans(), slot=st.integers(0, 3))
    def grant_lease(self, step: int, is_current: bool, slot: int) -> None:
        line = self.task.units()
        target = self.task.current if is_current else line[step % len(line)]
        reason = not_ready(self.task, target, self.now, BACKOFF_MAX_SECONDS)
        token = self.task.token
        command = c.GrantLease(
            unit=target.key,
            agent=target.agent or "writer",
            run=f"r-{token + 1}",
            holder=supervisor(slot=slot),
            deadline_seconds=3600.0,
            backoff_max_seconds=BACKOFF_MAX_SECONDS,
        )
        self.do(command)
        assert (self.task.token == token + 1) == (reason is None), "granted if and only if it was ready"

    @rule(
        outcome=st.sampled_from([outcome for outcome in Outcome if outcome is not Outcome.SENT_BACK]),
        is_stale=seldom,
        jitter=st.floats(0, 1, exclude_max=True),
        usage=st.sampled_from((NOTHING, UNKNOWN, reported({"input_tokens": 10, "cost_usd": 0.5}, {}, "sonnet"))),
        max_revisions=st.integers(0, 2),
        place=st.integers(0, 2),
    )
    def end_run(
        self, outcome: Outcome, is_stale: bool, jitter: float, usage: Usage, max_revisions: int, place: int = 0
    ) -> None:
        token = self.token(is_stale, place)
        command = c.EndRun(
            token=token,
            run=f"r-{token}",
            outcome=outcome,
            kind=FailureKind.TIMEOUT if outcome is Outcome.TIMED_OUT else None,
            policy=POLICY,
            jitter=jitter,
            message="first line\nlast line",
            usage=usage,
            max_revisions=max_revisions,
        )
        lease = self.task.lease_with(token)
        self.do(command)
        if lease is not None and lease.kind is LeaseKind.RUN:
            assert self.task.lease_with(token) is None, "the run that held the lease could not be ended"

    @rule(is_stale=st.booleans())
    def expire_lease(self, is_stale: bool) -> None:
        seen = hand(float(self.boot_seconds))
        self.do(c.ExpireLease(token=self.token(is_stale), seen_from=seen, stale_after_seconds=1800.0))

    @rule(jump=st.sampled_from((0, -1000, -100_000)))
    def end_backoff(self, jump: int) -> None:
        self.seconds += jump
        self.do(c.EndBackoff(backoff_max_seconds=BACKOFF_MAX_SECONDS))
        if self.task.not_before is None:
            assert all(is_due(entry.bucket, epoch(self.in_a_while)) for entry in waiting(self.task))

    @rule(dependency=st.sampled_from(("dep-1", "dep-2", "dep-3")))
    def meet_dependency(self, dependency: str) -> None:
        self.do(c.MeetDependency(dependency=dependency))

    @rule(dependency=st.sampled_from(("dep-1", "dep-2", "dep-3")))
    def fail_dependency(self, dependency: str) -> None:
        self.do(c.FailDependency(dependency=dependency, reason=f"{dependency} was cancelled"))

    # agents

    @rule(
        kind=st.sampled_from(ReportKind),
        is_stale=seldom,
        agent=st.one_of(st.none(), agents),
        to_step=st.one_of(st.none(), steps),
        notes=words,
        score=scores,
        place=st.integers(0, 2),
    )
    def report_run(
        self,
        kind: ReportKind,
        is_stale: bool,
        agent: str | None,
        to_step: int | None,
        notes: str,
        score: float | None,
        place: int = 0,
    ) -> None:
        token = self.token(is_stale, place)
        held = self.task.lease_with(token)
        holder = held.agent if held else "writer"
        command = c.ReportRun(
            token=token,
            kind=kind,
            agent=agent or holder,
            outputs=("drafts/spring-001.md",),
            quality_score=score,
            to_step=to_step if kind is ReportKind.SENT_BACK else None,
            notes=notes,
        )
        self.do(command)

    @rule(agent=agents, token=st.sampled_from((None, None, None, "live", "stale")))
    def acquire_by_hand(self, agent: str, token: str | None) -> None:
        presented = None if token is None else self.token(token == "stale")
        seen = hand(float(self.boot_seconds))
        self.do(c.AcquireByHand(agent=agent, holder=seen, steal_after_seconds=600.0, token=presented))

    @rule(agent=agents)
    def release_by_hand(self, agent: str) -> None:
        self.do(c.ReleaseByHand(agent=agent))

    @rule(agent=agents, score=scores)
    def complete_by_hand(self, agent: str, score: float | None) -> None:
        self.do(c.CompleteByHand(agent=agent, outputs=("drafts/spring-001.md",), quality_score=score))

    @rule(agent=agents, to_step=steps, notes=words, max_revisions=st.integers(0, 2))
    def revise_by_hand(self, agent: str, to_step: int, notes: str, max_revisions: int) -> None:
        self.do(c.ReviseByHand(agent=agent, to_step=to_step, notes=notes, max_revisions=max_revisions))

    @rule(label=st.sampled_from(("Image", "Social", "Email")), agent=st.sampled_from(("painter", "writer")))
    def complete_branch(self, label: str, agent: str) -> None:
        self.do(c.CompleteBranch(label=label, agent=agent, outputs=("assets/a.png",)))

    # people

    @rule(labels=labels, also_done=st.booleans())
    def retrigger_branches(self, labels: tuple[str, ...], also_done: bool) -> None:
        self.do(c.RetriggerBranches(by="ann", labels=labels, also_done=also_done))

    @rule(labels=labels)
    def clear_branches(self, labels: tuple[str, ...]) -> None:
        self.do(c.ClearBranches(by="ann", labels=labels))

    @rule(to_step=steps, notes=words, stop_run=st.booleans())
    def revise_by_person(self, to_step: int, notes: str, stop_run: bool) -> None:
        self.do(c.ReviseByPerson(by="ann", to_step=to_step, notes=notes, stop_run=stop_run))

    @rule(names=st.lists(names, max_size=3), notes=words, parallel=st.booleans())
    def fix_task(self, names: list[str], notes: str, parallel: bool) -> None:
        self.do(c.FixTask(by="ann", agents=tuple(names), notes=notes, parallel=parallel))

    @rule(to_step=steps, notes=words)
    def rethink_task(self, to_step: int, notes: str) -> None:
        self.do(c.RethinkTask(by="ann", to_step=to_step, notes=notes))

    @rule(notes=st.one_of(st.none(), words))
    def approve_task(self, notes: str | None) -> None:
        self.do(c.ApproveTask(by="ann", notes=notes))

    @rule(page=st.sampled_from(("rye", "wheat")))
    def publish_task(self, page: str) -> None:
        self.do(c.PublishTask(by="ann", url=f"https://example.org/{page}"))

    @rule(by=st.sampled_from(("ann", "bob")))
    def revoke_lease(self, by: str) -> None:
        self.do(c.RevokeLease(by=by, reason="looks stuck"))

    @rule(by=st.sampled_from(("ann", "bob")), really=seldom)
    def cancel_task(self, by: str, really: bool) -> None:
        if really or self.task.leases:
            self.do(c.CancelTask(by=by, reason="not needed"))

    @rule(kind=st.sampled_from((BlockKind.PERSON, BlockKind.POLICY, BlockKind.INPUT)))
    def block_task(self, kind: BlockKind) -> None:
        self.do(c.BlockTask(by="ann", reason="waits for a photo", kind=kind))

    @rule()
    def unblock_task(self) -> None:
        self.do(c.UnblockTask(by="ann"))

    @rule()
    def retry_task(self) -> None:
        self.do(c.RetryTask(by="ann"))

    @rule(really=seldom)
    def delete_task(self, really: bool) -> None:
        if really or self.task.leases:
            self.do(c.DeleteTask(by="ann"))

    @rule(
        fields=st.fixed_dictionaries(
            {},
            optional={
                "priority": st.sampled_from(("urgent", "medium", 10, 7)),
                "labels": st.sampled_from(((), ("a", "b"))),
                "not_before": st.one_of(st.none(), st.integers(-100, 100).map(at)),
            },
        )
    )
    def update_task(self, fields: dict[str, Any]) -> None:
        self.do(c.UpdateTask(by="ann", fields=fields))

    @rule(text=words)
    def act_on_assignment(self, text: str) -> None:
        self.do(c.ActOnAssignment(by="ann", act=Act(kind=ActKind.COMPLETE, text=text)))

    @rule()
    def take_turn(self) -> None:
        self.do(c.TakeTurn())

    @rule(text=words)
    def comment(self, text: str) -> None:
        self.do(c.Comment(by="ann", text=text))


Histories.TestCase.settings = settings(
    max_examples=600,
    stateful_step_count=50,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestHistories = Histories.TestCase


def test_every_command_takes_part_in_the_histories() -> None:
    rules = {name for name in dir(Histories) if not name.startswith("_")}
    commands = {_snake(command.__name__) for command in c._Command.__subclasses__()}
    assert commands <= rules, f"add a rule for {sorted(commands - rules)}"


def test_no_status_but_the_terminal_ones_ends_a_history() -> None:
    assert {TaskStatus.COMPLETED, TaskStatus.CANCELLED, TaskStatus.DELETED} == FINISHED


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
