"""Random histories of an assignment: its PM, its workers, people and sweeps, in any order; what must hold holds.

Beside what holds for every record: nothing that a run did happens unless it ended well, and nothing happens twice.
"""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.assigned import create_assignment, job
from tests.assignment_checks import OPEN
from tests.builders import at, hand, policy, supervisor
from tests.domain.test_histories import REFUSALS, check_change, check_record

from baton.domain import commands as c
from baton.domain.assignments import GUARDIAN, PM, Act, ActKind, Alignment, NewJob, Rules
from baton.domain.readiness import not_ready
from baton.domain.records import Task
from baton.domain.statuses import FailureKind, Outcome, ReportKind
from baton.domain.tasks import decide
from baton.domain.usage import NOTHING, reported

BACKOFF_MAX_SECONDS = 100.0
POLICY = policy(max_attempts=2, max_interruptions=1, backoff_seconds=0.0, backoff_max_seconds=BACKOFF_MAX_SECONDS)
NOTHING_OF_IT = frozenset(Outcome) - {Outcome.COMPLETED, Outcome.NOT_COMPLETED}
seldom = st.sampled_from((False, False, False, False, True))
jobs = st.lists(
    st.sampled_from(("implement", "implement", "review", "verify", "retrospect", PM, GUARDIAN)).map(job),
    min_size=1,
    max_size=3,
).map(tuple)
keys = st.sampled_from((None, None, "a", "b"))
places = st.integers(0, 12)


class AssignmentHistories(RuleBasedStateMachine):
    """Everybody at one assignment."""

    @initialize(
        independent=st.booleans(),
        guardian=st.booleans(),
        limits=st.sampled_from(((50, 5, None), (3, 2, None), (50, 50, 1.0))),
        first=st.sampled_from(((), (job("review"), job("review")), (job(PM),))),
    )
    def make(
        self, independent: bool, guardian: bool, limits: tuple[int, int, float | None], first: tuple[NewJob, ...]
    ) -> None:
        most, alike, cost = limits
        rules = Rules(jobs=most, alike=alike, cost_usd=cost, guardian=guardian)
        self.made = create_assignment(*first, independent=independent, rules=rules)
        self.begin()

    def begin(self) -> None:
        self.seconds = 0
        self.task: Task = decide(None, self.made, self.now)[0]

    @property
    def now(self) -> str:
        return at(self.seconds)

    @invariant()
    def holds(self) -> None:
        check_record(self.task)

    def do(self, command: Any) -> bool:
        before, image = self.task, msgspec.json.encode(self.task)
        if before.is_finished:
            self.begin()
            return False
        try:
            after, events = decide(before, command, self.now)
        except REFUSALS as refusal:
            assert refusal.message
            return False
        finally:
            assert msgspec.json.encode(before) == image
        check_change(before, after, events, command, self.now)
        self.task = after
        return True

    # -- runs ---------------------------------------------------------------------------------------------------

    @rule(place=places)
    def grant(self, place: int, of_front: bool = False) -> None:
        """Whoever grants takes the turn in the same commit, as the granter does."""
        task = self.task
        unit = (
            task.front[place % len(task.front)] if of_front or place % 5 else task.pipeline[place % len(task.pipeline)]
        )
        self.do(c.TakeTurn())
        command = c.GrantLease(
            unit=unit.key,
            agent=unit.agent or "",
            run=f"r-{self.task.token + 1}",
            holder=supervisor(),
            deadline_seconds=600.0,
            backoff_max_seconds=BACKOFF_MAX_SECONDS,
        )
        if task.is_finished:
            return
        is_ready = not_ready(self.task, self.task.unit(unit.key), self.now, BACKOFF_MAX_SECONDS) is None
        assert self.do(command) == is_ready, "granted if and only if it was ready"

    @rule(place=places, many=jobs, key=keys, after=st.one_of(st.none(), places), late=seldom)
    def insert(self, place: int, many: tuple[NewJob, ...], key: str | None, after: int | None, late: bool) -> None:
        behind = None if after is None else f"j{after}"
        self._act(Act(kind=ActKind.INSERT, jobs=many, key=key, after=behind), place, late)

    @rule(place=places, late=seldom, kind=st.sampled_from((ActKind.COMPLETE, ActKind.BLOCK)))
    def decide_otherwise(self, place: int, late: bool, kind: ActKind) -> None:
        self._act(Act(kind=kind, text="so it is"), place, late)

    @rule(place=places, late=seldom, alignment=st.sampled_from(Alignment))
    def align(self, place: int, late: bool, alignment: Alignment) -> None:
        self._act(Act(kind=ActKind.ALIGN, alignment=alignment), place, late)

    @rule(place=places, late=seldom, line=st.sampled_from(("a.md: a plan", "b.md: another", "no artifact")))
    def update(self, place: int, late: bool, line: str) -> None:
        self._act(Act(kind=ActKind.UPDATE, artifacts=(line,), decisions=("so",)), place, late)

    def _act(self, act: Act, place: int, late: bool) -> None:
        lease = self._lease(place)
        token = self.task.token if lease is None else lease.token
        token = max(1, token - 1) if late else token
        before = self.task
        held = before.lease_with(token)
        done = self.do(c.ActOnAssignment(by="agent", act=act, token=token))
        if held is None or held.report is not None or held.revoked is not None:
            assert not done, "a run that is over still acted"
        if done:
            assert self.task.pipeline == before.pipeline, "it happened before the run had ended"

    @rule(place=places)
    def report(self, place: int) -> None:
        lease = self._lease(place)
        if lease is not None:
            self.do(c.ReportRun(token=lease.token, kind=ReportKind.COMPLETED, agent=lease.agent, summary="done"))

    @rule(place=places, outcome=st.sampled_from([one for one in Outcome if one is not Outcome.SENT_BACK]), paid=seldom)
    def end(self, place: int, outcome: Outcome, paid: bool) -> None:
        lease = self._lease(place)
        if lease is None:
            return
        before = self.task
        kind = {Outcome.NOT_COMPLETED: FailureKind.NO_REPORT, Outcome.TIMED_OUT: FailureKind.TIMEOUT}.get(outcome)
        usage = reported({"cost_usd": 0.6}, {}, "sonnet") if paid else NOTHING
        command = c.EndRun(
            token=lease.token, run=lease.run or "", outcome=outcome, kind=kind, policy=POLICY, jitter=0.5, usage=usage
        )
        assert self.do(command), "a run could not be ended"
        if lease.report is None and outcome in NOTHING_OF_IT:
            made = {one.unit for act in lease.acts for one in act.jobs}
            assert not made & {unit.key for unit in self.task.pipeline}, "a run that failed left a job"
            assert before.assignment is not None
            assert self.task.assignment is not None
            assert self.task.assignment.decisions == before.assignment.decisions

    def _go_on(self, fails: bool) -> None:
        task = self.task
        if task.is_finished:
            self.begin()
            return
        if task.blocked is not None:
            self.do(c.UnblockTask(by="ann"))
            return
        lease = task.leases[0] if task.leases else None
        front = enumerate(task.front)
        free = [place for place, unit in front if unit.status in OPEN and task.lease_of(unit.key) is None]
        if free and (lease is None or task.version % 2):
            self.grant(free[0], of_front=True)
        elif fails:
            self.end(0, Outcome.FAILED, False)
        elif lease.report is None and not lease.acts and lease.agent == PM:
            many = (job("review"), job("review")) if task.token % 3 == 0 else (job("implement"),)
            self._act(Act(kind=ActKind.INSERT, jobs=many), 0, False)
        elif lease.report is None and not lease.acts and lease.agent == GUARDIAN:
            self._act(Act(kind=ActKind.ALIGN, alignment=Alignment.ALIGNED), 0, False)
        else:
            self.end(0, Outcome.COMPLETED, False)

    # The ordinary road, so that histories get somewhere.
    go_on = rule(fails=seldom)(_go_on)
    go_on_further = rule(fails=seldom)(_go_on)
    go_on_again = rule(fails=seldom)(_go_on)

    # -- people -------------------------------------------------------------------------------------------------

    @rule(act=st.sampled_from(("insert", "insert", "complete", "update")), many=jobs, key=keys, really=seldom)
    def act_by_hand(self, act: str, many: tuple[NewJob, ...], key: str | None, really: bool) -> None:
        if act == "complete" and not really:
            return
        whole = {
            "insert": Act(kind=ActKind.INSERT, jobs=many, key=key),
            "complete": Act(kind=ActKind.COMPLETE, text="enough"),
            "update": Act(kind=ActKind.UPDATE, artifacts=("c.md: notes",)),
        }[act]
        self.do(c.ActOnAssignment(by="ann", act=whole, rules=Rules(timeout="5m")))

    @rule()
    def work_by_hand(self) -> None:
        agent = self.task.current.agent or ""
        self.do(c.AcquireByHand(agent=agent, holder=hand(), steal_after_seconds=600.0))
        self.do(c.CompleteByHand(agent=agent, summary="by hand"))

    @rule(command=st.sampled_from((c.BlockTask, c.RevokeLease, c.CancelTask)), really=seldom)
    def stop(self, command: type, really: bool) -> None:
        if really:
            self.do(command(by="ann", reason="not now"))

    @rule(command=st.sampled_from((c.UnblockTask, c.RetryTask)))
    def unblock(self, command: type) -> None:
        self.do(command(by="ann"))

    @rule(seconds=st.sampled_from((1, 40, 4000)))
    def time_passes(self, seconds: int) -> None:
        self.seconds += seconds

    def _lease(self, place: int) -> Any:
        leases = [lease for lease in self.task.leases if lease.run is not None]
        return leases[place % len(leases)] if leases else None


AssignmentHistories.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestAssignmentHistories = AssignmentHistories.TestCase
