"""One command for each reason: what a person would type to change that something does not run."""

from __future__ import annotations

from baton.domain.campaigns import Campaign, CampaignStatus
from baton.domain.priorities import rank_of
from baton.domain.readers_row import pending_branches
from baton.domain.readiness import Why
from baton.domain.records import Blocked, Task, Unit
from baton.domain.statuses import BlockKind

SWEEP = "check_pipeline.py"
LOOK = "doctor.py"
QUEUE = "assignment.py queue"
# Fresh attempts mend these, once their cause is mended; what a person or a review stopped goes on where it was.
RETRIED = frozenset({BlockKind.ATTEMPTS, BlockKind.INTERRUPTIONS, BlockKind.AGENT, BlockKind.POLICY, BlockKind.BUDGET})
MOST_URGENT = "urgent"


def cure_of_block(task: Task, blocked: Blocked) -> str:
    """Return the command that lets a blocked task go on; one that waits for what never comes can only be ended."""
    if blocked.kind is BlockKind.DEPENDENCY:
        return f"task.py cancel {task.id}"
    if task.assignment is not None:
        return f"assignment.py unblock {task.id}"
    return f"task.py {'retry' if blocked.kind in RETRIED else 'unblock'} {task.id}"


def cure_in_record(task: Task, unit: Unit, why: Why) -> str | None:
    """Return the command against what stands in the record itself; ``None`` where no command would help."""
    if task.blocked is not None and why is Why.BLOCKED:
        return cure_of_block(task, task.blocked)
    if why in (Why.ENDING, Why.LOST):
        return SWEEP  # a run that is being ended ends by itself; one that has lost its supervisor is ended there
    if why is Why.BACKOFF:
        return f"task.py retry {task.id}"
    if why is Why.DEPENDENCY:
        return f"why.py {task.unmet[0]}"  # for one whose own reason is not told here
    if why is Why.BRANCHES:
        return without_branches(task, *pending_branches(task))
    if why is Why.NOT_ITS_TURN:
        return f"invoke_agent.py {task.current.agent} {task.id}"
    if unit.step is None and why in (Why.HELD, Why.NOT_BEFORE):
        return without_branches(task, task.label_of(unit.key) or "")
    if why is Why.HELD:
        return f"release_lock.py {task.id} --force"
    if why is Why.NOT_BEFORE:
        return f"acquire_lock.py {task.id} --agent {unit.agent}"
    return None


def without_branches(task: Task, *labels: str) -> str:
    """Return the command that does without these branches."""
    from shlex import join  # start-up: few tasks have branches

    return join(("task.py", "clear", task.id, *labels))


def cure_of_campaign(slug: str, campaign: Campaign | None) -> str:
    """Return the command that lets the tasks of a campaign start which is not active."""
    if campaign is None:
        return LOOK
    if campaign.status is CampaignStatus.PAUSED:
        return f"campaign.py resume {slug}"
    if campaign.status is CampaignStatus.PLANNING:
        return f"activate_campaign.py {slug}"
    return SWEEP  # a completed one with a live task is reopened there


def cure_of_park(harness: str) -> str:
    """Return the command that lets a parked harness be used again."""
    return f"agent.py unpark {harness}"


def cure_of_stop(stop_file: str) -> str:
    """Return the command that lets work go on."""
    from shlex import quote  # start-up: nothing is stopped, mostly

    return f"rm {quote(stop_file)}"


def cure_of_place(task: str, priority: str | int) -> str | None:
    """Return the command that moves a task forward in the line; ``None`` for the most urgent ones."""
    return None if rank_of(priority) <= rank_of(MOST_URGENT) else f"task.py prioritize {task} {MOST_URGENT}"
