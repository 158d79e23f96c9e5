"""The one command of ``review.py``: a task, and what is to be done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from msgspec import Struct

from baton.cli.caller import check_said, person
from baton.cli.script import Answer, script
from baton.cli.wiring import Wiring
from baton.domain.commands import FixTask
from baton.domain.errors import InvalidInput, InvalidWord
from baton.domain.ids import check_agent, check_id


class Words(Struct, frozen=True, kw_only=True):
    """What was said besides the task and the action."""

    agents: tuple[str, ...]
    notes: str | None
    parallel: bool
    to_step: int | None
    stop_run: bool
    count: int | None
    step: int | None
    branch: str | None


@script(
    "review",
    "task",
    example="review.py spring-001\n"
    "review.py spring-001 --step 1\n"
    "review.py spring-001 approve\n"
    "review.py spring-001 fix content-writer humanizer --notes 'Name the sources of paragraph 2'\n"
    "review.py spring-001 rethink --to-step 1 --notes 'Another angle: for beginners'\n"
    "review.py spring-001 extend --count 2",
    id_option="task",
)
@click.argument("task")
@click.argument("action", required=False, type=click.Choice(["approve", "fix", "rethink", "extend"]))
@click.argument("agents", nargs=-1, metavar="[AGENT]...")
@click.option("--notes", metavar="TEXT", help="What to change; those who do it again are told. With approve: why.")
@click.option("--parallel", is_flag=True, help="With fix: all at once, not one after the other.")
@click.option("--to-step", type=int, metavar="N", help="With rethink: the first step to do again, counted from 0.")
@click.option("--stop-run", is_flag=True, help="With rethink, of a task that runs: end that run.")
@click.option("--count", type=int, metavar="N", help="With extend: how many tasks more (default: 1).")
@click.option("--step", type=int, metavar="N", help="Show what this step has made (default: the last one that did).")
@click.option("--branch", metavar="LABEL", help="Show what this branch has made.")
def review(wiring: Wiring, task: str, action: str | None, **words: Any) -> Answer:
    """Show what TASK has made: the piece, its versions, and what the last one changed.

    \b
    approve  it is good; a task that was sent back too often goes on as it is
    fix      these agents do their part of a completed task again
    rethink  everything from a step on is done again
    extend   the task's campaign gets further tasks

    What is done again becomes a new version, name.v2.md, beside the old one.
    """
    said = Words(**words)
    _check(action, said)
    return _ACTIONS[action](wiring, check_id(task), said)


def _show(wiring: Wiring, task: str, said: Words) -> Answer:
    from baton.cli.review_view import shown  # start-up: what is done with a task shows nothing of it

    return shown(wiring, wiring.task(task), said.step, said.branch)


def _approve(wiring: Wiring, task: str, said: Words) -> Answer:
    from baton.engine.revising import approve  # start-up

    wiring.check_settings()
    record = approve(wiring.door, task, person(wiring.environ), said.notes)
    wiring.dispatch_quietly()
    return Answer(record, f"Approved task '{task}'; it is {record.status}.")


def _fix(wiring: Wiring, task: str, said: Words) -> Answer:
    from baton.engine.revising import fix  # start-up

    wiring.check_settings()
    agents = tuple(check_agent(agent) for agent in said.agents)
    command = FixTask(by=person(wiring.environ), agents=agents, notes=said.notes or "", parallel=said.parallel)
    record = fix(wiring.door, wiring.agents, task, command)
    started = wiring.dispatch_quietly()
    how = "at once" if said.parallel else "in turn"
    return Answer(record, f"Task '{task}' is fixed by {', '.join(agents)}, {how}; started {started}.")


def _rethink(wiring: Wiring, task: str, said: Words) -> Answer:
    from baton.engine.revising import rethink  # start-up

    wiring.check_settings()
    assert said.to_step is not None and said.notes is not None
    by = person(wiring.environ)
    asked = rethink(wiring.door, task, by, said.to_step, said.notes, stop_run=said.stop_run)
    record = wiring.settled(asked)
    started = wiring.dispatch_quietly()
    if record.asked is not None:
        return Answer(record, f"Task '{task}' goes back to step {said.to_step} when its run has ended.")
    return Answer(record, f"Task '{task}' is done again from step {record.pipeline_step} on; started {started}.")


def _extend(wiring: Wiring, task: str, said: Words) -> Answer:
    from baton.cli.campaign_verbs import extended  # start-up

    found = wiring.task(task)
    if found.campaign is None:
        raise InvalidInput("it belongs to no campaign", cure="make another task, with task.py create")
    return extended(wiring, found.campaign, 1 if said.count is None else said.count)


_ACTIONS: dict[str | None, Callable[[Wiring, str, Words], Answer]] = {
    None: _show,
    "approve": _approve,
    "fix": _fix,
    "rethink": _rethink,
    "extend": _extend,
}
# What belongs to each action; whatever else is said is refused, and not ignored.
_TAKES: dict[str | None, frozenset[str]] = {
    None: frozenset({"step", "branch"}),
    "approve": frozenset({"notes"}),
    "fix": frozenset({"agents", "notes", "parallel"}),
    "rethink": frozenset({"notes", "to_step", "stop_run"}),
    "extend": frozenset({"count"}),
}
_NEEDS: dict[str | None, tuple[str, ...]] = {"fix": ("agents", "notes"), "rethink": ("to_step", "notes")}


def _check(action: str | None, said: Words) -> None:
    cure = "see review.py --help"
    for name in said.__struct_fields__:
        value = getattr(said, name)
        given = value is not None and value is not False and value != ()
        if given and name not in _TAKES[action]:
            raise InvalidWord(f"{_option(name)} does not go with {action or 'looking'}", cure=cure)
        if not given and name in _NEEDS.get(action, ()):
            raise InvalidWord(f"{action} needs {_option(name)}", cure=cure)
    if said.notes is not None:
        check_said("--notes", said.notes)
    if said.step is not None and said.branch is not None:
        raise InvalidWord("--step and --branch do not go together", cure=cure)


def _option(name: str) -> str:
    return "AGENT" if name == "agents" else f"--{name.replace('_', '-')}"
