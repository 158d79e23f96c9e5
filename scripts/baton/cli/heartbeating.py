"""Heartbeats put together for one home: one call of ``invoke_agent.py AGENT --heartbeat``, and what the agent is shown."""

from __future__ import annotations

from functools import partial
from typing import Any

from baton.adapters.prices import ListPrices
from baton.adapters.processes import LinuxProcesses
from baton.cli.preparing import preparation
from baton.cli.script import Answer
from baton.cli.supervising import adopt, check_outside_run, supervisor
from baton.cli.sweeping import report_of, scene_of
from baton.cli.wiring import Wiring
from baton.domain.agent_records import Cause
from baton.domain.errors import BatonError, Busy, InvalidInput, InvalidWord, NotReady, Stopped
from baton.domain.ids import check_agent, check_id
from baton.domain.skills import Skill
from baton.domain.statuses import Outcome
from baton.engine.backlogs import Backlog, backlog_facts, backlogs
from baton.engine.findings import Scene
from baton.engine.heartbeats import JUDGES, Heartbeats, Sight, Skipped
from baton.engine.matters import matters_of
from baton.engine.pulse import starving_in_vain
from baton.engine.supervisor import Supervisor
from baton.ports import Damage, Slot


def sight(wiring: Wiring, skill: Skill, cause: Cause, project: str | None) -> Sight:
    """Return what an agent is shown of this home as it is now: the sweep's report, or what its project lacks."""
    if skill.level != JUDGES and project is None:
        return Sight()
    scene = scene_of(wiring)
    stopped = wiring.config.is_stopped()
    matters = matters_of(scene, wiring.parking.now().values(), starving_in_vain(scene), is_stopped=stopped)
    is_judge = skill.level == JUDGES
    return Sight(
        report=report_of(wiring) if is_judge else None,
        matters=tuple(matters) if is_judge else (),
        backlog=_lack(scene, cause, project) if project is not None else None,
    )


def invoke_heartbeat(
    wiring: Wiring,
    agent: str | None,
    task: str | None,
    *,
    branch: str | None,
    project: str | None,
    cause: str,
    next_: bool,
    detach: bool,
    inherited: str | None,
) -> Answer:
    """Carry out ``invoke_agent.py AGENT --heartbeat``."""
    check_outside_run(wiring)
    if task is not None or branch is not None or next_:
        raise InvalidWord("--heartbeat is a run without a task", cure="name the agent alone, or a task without it")
    if agent is None:
        raise InvalidWord("--heartbeat needs an AGENT", cure="name one; agent.py list shows them")
    wiring.agents.find(check_agent(agent))
    if project is not None and cause == Cause.HAND:
        _check_project(wiring, project)
    if inherited is not None:
        slot: Slot | None = adopt(wiring, inherited)
    else:
        if wiring.config.is_stopped():
            raise Stopped(cure=f"remove {wiring.home.stop_file}")
        slot = wiring.store.slots.take(wiring.config.settings().concurrency.agents)
    if slot is None:
        raise Busy("every slot is in use", cure="wait, or raise concurrency.agents")
    if detach:
        more = () if project is None else ("--project", project)
        try:
            pid = wiring.launcher.start(slot, (agent, "--heartbeat", *more))
        except BaseException:
            slot.free()
            raise
        slot.leave()
        return Answer({"detached": True, "pid": pid}, f"Started in the background (pid {pid}).")
    served = supervisor(wiring, slot)
    try:
        answer = carried(wiring, served, agent, Cause(cause), project)
    except BaseException:
        served.seat.slot.free()
        raise
    if inherited is None:
        served.leave()
        return answer
    served.serve()  # goes on with what is ready
    return Answer({"served": True})


def carried(wiring: Wiring, served: Supervisor, agent: str, cause: Cause, project: str | None) -> Answer:
    """Begin a heartbeat in this supervisor's seat, and run it to its end."""
    served.begin()
    beats = Heartbeats(
        wiring.door,
        wiring.clock,
        wiring.agents,
        preparation(wiring),
        LinuxProcesses(),
        served.seat,
        wiring.parking,
        prices=ListPrices(),
        look=partial(sight, wiring),
        warn=wiring.warn,
    )
    try:
        begun = beats.begin(agent, cause, project)
    except BatonError as error:
        if cause is Cause.HAND:
            raise
        if not isinstance(error, NotReady | Stopped):  # somebody was quicker, or it is not due any more
            wiring.warn(f"a heartbeat of {agent} could not be begun: {error.message}")
        return Answer({"agent": agent, "begun": False})
    if isinstance(begun, Skipped):
        return Answer({"agent": agent, "skipped": begun.reason}, f"{agent} was not run: {begun.reason}.")
    after, watched = beats.carry(begun)
    outcome = after.beat.outcome if after is not None and after.beat is not None else watched.outcome
    good = outcome is Outcome.COMPLETED
    data: dict[str, Any] = {"agent": agent, "run": begun.lease.run, "outcome": outcome, "summary": watched.summary}
    text = f"{agent} {str(outcome).replace('_', ' ')}" + (f": {watched.summary}" if good and watched.summary else "")
    if not good and watched.message:
        text += f"\n{watched.message}"
        data["message"] = watched.message
    return Answer(data, text, 0 if good else 1)


def _lack(scene: Scene, cause: Cause, project: str) -> dict[str, Any] | None:
    known = {one.project: one for one in backlogs(scene.tasks, scene.campaigns, scene.settings)}
    found = known.get(project) or Backlog(project=project, have=0, want=0)
    facts = backlog_facts(found, scene.tasks, scene.campaigns)
    if facts is not None and cause is Cause.HAND:
        facts["missing"] = max(1, facts["missing"])  # whoever asks by hand wants at least one
    return facts


def _check_project(wiring: Wiring, project: str) -> None:
    check_id(project, "project")
    if wiring.store.projects.is_live(project):
        return
    known = {one.project for one in wiring.store.campaigns.live() if not isinstance(one, Damage)}
    if project not in known:
        raise InvalidInput(f"there is no project '{project}'", cure="project.py list and campaign.py list show them")
