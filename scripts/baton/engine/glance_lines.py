"""From records to the lines of a status."""

from __future__ import annotations

from collections.abc import Mapping

from baton.domain.campaigns import Campaign, CampaignStatus
from baton.domain.parking import Parked
from baton.domain.readiness import Reason
from baton.domain.records import Blocked, Lease, Task, Unit
from baton.domain.statuses import FINISHED
from baton.engine.cures import cure_of_block, cure_of_park
from baton.engine.glance_values import BlockedTask, CampaignLine, ParkedHarness, Progress, Running, Spoiled, Waiting
from baton.ports import Damage, SlotState


def blocked_line(task: Task, blocked: Blocked) -> BlockedTask:
    """The line of a blocked task."""
    return BlockedTask(
        task=task.id,
        campaign=task.campaign,
        kind=blocked.kind.value,
        reason=blocked.reason,
        since=blocked.at,
        cure=cure_of_block(task, blocked),
    )


def running_line(task: Task, unit: Unit, lease: Lease, slot: SlotState | None) -> Running:
    """The line of a run; the slot's facts are the run's own only once its supervisor has spawned the agent."""
    facts = slot.facts if slot is not None and slot.facts.get("run") == lease.run else {}
    return Running(
        task=task.id,
        campaign=task.campaign,
        agent=lease.agent,
        step=unit.step,
        branch=task.label_of(unit.key),
        unit=unit.key,
        run=lease.run,
        attempt=unit.attempts,
        since=lease.granted_at,
        slot=slot.number if slot is not None else None,
        last_line=str(facts.get("last_line") or ""),
    )


def heartbeat_line(lease: Lease, slot: SlotState | None) -> Running:
    """The line of a run without a task."""
    facts = slot.facts if slot is not None and slot.facts.get("run") == lease.run else {}
    return Running(
        task=None,
        campaign=None,
        agent=lease.agent,
        step=None,
        branch=None,
        unit=lease.unit,
        run=lease.run,
        attempt=1,
        since=lease.granted_at,
        slot=slot.number if slot is not None else None,
        last_line=str(facts.get("last_line") or ""),
    )


def waiting_line(task: Task, unit: Unit, reason: Reason | None = None) -> Waiting:
    """The line of a unit that does not run; without a reason it stands in the line of what could start."""
    return Waiting(
        task=task.id,
        campaign=task.campaign,
        agent=unit.agent,
        step=unit.step,
        branch=task.label_of(unit.key),
        priority=task.priority,
        ready_at=unit.ready_at or task.created_at,
        why=reason.why.value if reason is not None else None,
        text=reason.text if reason is not None else "",
        until=reason.until if reason is not None else None,
        cure=reason.cure if reason is not None else None,
    )


def spoiled_line(damage: Damage) -> Spoiled:
    """The line of a record that cannot be read."""
    return Spoiled(kind=damage.kind, id=damage.id, state=damage.state, reason=damage.reason)


def parked_line(parked: Parked) -> ParkedHarness:
    """The line of a harness that is parked."""
    return ParkedHarness(
        harness=parked.harness,
        kind=parked.kind.value,
        since=parked.since,
        until=parked.until,
        text=f"{parked.what}: {parked.reason}" if parked.reason else parked.what,
        cure=cure_of_park(parked.harness),
    )


def campaign_line(campaign: Campaign, counts: Mapping[str, int]) -> CampaignLine:
    """The line of a campaign; ``counts``: its tasks by status."""
    finished = sum(count for status, count in counts.items() if status in FINISHED)
    total = len(campaign.tasks)
    return CampaignLine(
        slug=campaign.id,
        project=campaign.project,
        name=campaign.name,
        status=campaign.status.value,
        progress=Progress(
            completed=counts.get("completed", 0), total=total, percent=100 * finished // total if total else 0
        ),
        tasks=dict(sorted(counts.items())),
    )


def final_counts(campaign: Campaign) -> Mapping[str, int] | None:
    """The tasks of a complete campaign by status, as its last event told them; ``None`` while it is open."""
    last = campaign.history[-1] if campaign.history else None
    if campaign.status is not CampaignStatus.COMPLETED or last is None or last.type != "campaign_completed":
        return None
    counts = last.data.get("counts")
    return counts if isinstance(counts, dict) else None
