"""The sweep's pulse, put together for one home: heartbeats that are due are begun, projects that starve are counted."""

from __future__ import annotations

from baton.cli.wiring import Wiring
from baton.engine.backlogs import backlogs
from baton.engine.findings import Scene
from baton.engine.matters import matters_of
from baton.engine.pulse import Pulse, due_heartbeats, feed, not_parked, start, starving_in_vain
from baton.engine.sweep import Report


def pulse(wiring: Wiring, scene: Scene, report: Report, *, dry_run: bool) -> None:
    """Begin the heartbeats that are due, unless this home is stopped; say what starves in any case."""
    lows = [one for one in backlogs(scene.tasks, scene.campaigns, scene.settings) if one.is_low]
    lows = [one for one in lows if not _is_archived(wiring, one.project)]
    report.counts["starving"] = len(lows)
    found = Pulse(notes=[], errors=[])
    stopped = wiring.config.is_stopped()
    if not stopped:
        matters = matters_of(scene, wiring.parking.now().values(), starving_in_vain(scene), is_stopped=False)
        due = due_heartbeats(scene, lows, matters, found, dry_run=dry_run)
        due = not_parked(due, wiring.parking.look(scene.settings).reason, found)
        if not dry_run:
            feed(scene, lows)
        if not dry_run and not wiring.is_inside_run:
            start(due, wiring.store.slots, wiring.launcher, scene.settings.concurrency.agents, found)
    report.notes += found.notes
    report.errors += found.errors


def _is_archived(wiring: Wiring, project: str) -> bool:
    """Tell whether a person has put the project away: nobody makes work for it."""
    found = wiring.store.projects.read(project) if wiring.store.projects.is_live(project) else None
    return found is not None and found.is_archived
