"""What the scripts do that agents call: words checked, one call of the engine, the answer in the contract's keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from baton.cli.caller import caller_of, check_said, person, task_of
from baton.cli.script import Answer
from baton.cli.wiring import Wiring
from baton.domain.environment import CHECK_MARK
from baton.domain.errors import IllegalTransition, InvalidWord
from baton.domain.ids import check_slug
from baton.domain.readers_row import pending_branches
from baton.domain.records import Task, Unit
from baton.engine import agent_calls as calls

if TYPE_CHECKING:
    from baton.domain.campaigns import Campaign
    from baton.domain.resources import Resource


def acquire(wiring: Wiring, task: str | None, agent: str | None) -> Answer:
    """Take or renew the lease of the current step by hand."""
    task = task_of(task, wiring.environ)
    caller = caller_of(agent, task, wiring.environ)
    record = calls.acquire(wiring.door, wiring.clock, wiring.config.settings(), task, caller)
    return Answer({"acquired": True, "token": caller.token or (record.lease.token if record.lease else None)})


def release(wiring: Wiring, task: str | None, agent: str | None, *, notes: str, force: bool) -> Answer:
    """Give the lease back, or take it from whoever holds it."""
    task = task_of(task, wiring.environ)
    if force:
        calls.revoke(wiring.door, task, person(wiring.environ))
    else:
        calls.release(wiring.door, task, caller_of(agent, task, wiring.environ), notes=notes)
    wiring.dispatch_quietly()
    return Answer({"released": True})


def complete(
    wiring: Wiring,
    task: str | None,
    agent: str | None,
    *,
    outputs: tuple[str, ...],
    summary: str | None,
    quality_score: float | None,
    readability_score: float | None,
    result: str | None,
) -> Answer:
    """Complete the current step; the answer says what comes next."""
    task = task_of(task, wiring.environ)
    caller = caller_of(agent, task, wiring.environ)
    done = calls.Done(
        outputs=wiring.checked_outputs(task, outputs),
        summary=summary,
        quality_score=calls.check_score("quality-score", quality_score),
        readability_score=calls.check_score("readability-score", readability_score),
        data=calls.check_data(result),
    )
    record, after = calls.complete(wiring.door, task, caller, done, _look(wiring, caller.agent), _left(wiring))
    wiring.dispatch_quietly()
    pending = calls.to_be_checked(record, caller.token)
    if pending:
        return Answer({"completed": False, "recorded": True, "pending": pending})
    return Answer(_what_comes_next(after))


def complete_branch(
    wiring: Wiring, words: tuple[str, ...], agent: str | None, *, outputs: tuple[str, ...], summary: str | None
) -> Answer:
    """Complete a branch; ``words`` are ``[TASK] LABEL``, each of which a run's environment may say instead."""
    if len(words) > 2:
        raise InvalidWord("too many words", cure="name a task and the label of one branch: complete_branch.py --help")
    label = words[-1] if words else wiring.environ.get("BATON_BRANCH")
    if not label:
        raise InvalidWord("no branch is named", cure="name its label, or set BATON_BRANCH")
    task = task_of(words[0] if words[1:] else None, wiring.environ)
    caller = caller_of(agent, task, wiring.environ)
    done = calls.Done(outputs=wiring.checked_outputs(task, outputs), summary=summary)
    record, after = calls.complete_branch(
        wiring.door, task, label, caller, done, _look(wiring, caller.agent), _left(wiring)
    )
    wiring.dispatch_quietly()
    pending = calls.to_be_checked(record, caller.token)
    if pending:
        return Answer({"remaining": len(pending_branches(record)), "recorded": True, "pending": pending})
    return Answer({"remaining": len(pending_branches(after))})


def revise(
    wiring: Wiring, task: str | None, agent: str | None, to_step: int, notes: str, *, by_person: bool, stop_run: bool
) -> Answer:
    """Send the task back, as an agent or as a person."""
    task = task_of(task, wiring.environ)
    check_said("--notes", notes)
    if by_person:
        by = person(wiring.environ)
        asked = calls.revise_by_person(wiring.door, task, by, to_step, notes, stop_run=stop_run)
        after = wiring.settled(asked)
    else:
        caller = caller_of(agent, task, wiring.environ)
        after = calls.request_revision(wiring.door, task, caller, wiring.config.settings(), to_step, notes)[1]
    wiring.dispatch_quietly()
    return Answer({"revised": True, "revision_count": after.revision_count})


def activate(wiring: Wiring, campaign: str, *, dispatch: bool) -> Answer:
    """Make a campaign's tasks, once, and start what is ready."""
    from baton.engine.activation import activate as activate_campaign  # start-up: agents do not need it

    wiring.check_settings()
    _check_agents(wiring, wiring.campaign(check_slug(campaign)))
    activated = activate_campaign(wiring.door, campaign)
    started = wiring.dispatch_quietly() if dispatch else 0
    found = activated.campaign
    return Answer({"campaign": found.id, "status": found.status, "created": activated.created, "dispatched": started})


def _check_agents(wiring: Wiring, campaign: Campaign) -> None:
    """Refuse a campaign that some agent of its line or its branches could not work for, before a task of it is made.

    Later on such an agent blocks its task: what is active already is not refused, and not held up. What agents will do
    without is said.
    """
    from baton.cli.placing import preflight  # start-up: agents do not need it
    from baton.domain.campaigns import CampaignStatus  # start-up: the same

    if campaign.status is not CampaignStatus.PLANNING:
        return
    found = preflight(wiring, campaign)
    if found.faults:
        raise found.faults[0]
    for warning in found.warnings():
        wiring.warn(warning)


def _look(wiring: Wiring, agent: str) -> calls.Look:
    def look(task: Task, unit: Unit) -> tuple[str, ...]:
        if wiring.environ.get(CHECK_MARK):  # it would look for itself, and again, without an end
            raise IllegalTransition("a check of what a step must leave cannot complete the step")
        from baton.cli.preparing import missing_by_hand  # start-up: few steps expect something

        return missing_by_hand(wiring, task, unit, agent)

    return look


def _left(wiring: Wiring) -> calls.Left:
    def left(task: Task, unit: Unit, outputs: tuple[str, ...]) -> tuple[Resource, ...]:
        from baton.engine.registering import Registrar  # start-up: in a run its supervisor does this

        return Registrar(wiring.workspaces, wiring.store).of_unit(task, unit, outputs)

    return left


def _what_comes_next(after: Task) -> dict[str, Any]:
    following = None if after.is_finished or after.is_line_done else after.current
    return {
        "completed": True,
        "next_step": following.step if following else None,
        "next_agent": following.agent if following else None,
        "new_status": after.status,
    }
