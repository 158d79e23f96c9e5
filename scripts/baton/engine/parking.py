"""Harnesses that are parked: which units that keeps back, who parks them, and what lets them go.

A harness is resolved once a group of the ready index, not once a unit, so that what the operator sets may change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import structs

from baton.domain import parking as p
from baton.domain.consequences import Then, consequence_of
from baton.domain.parking import Parked
from baton.domain.readiness import Reason
from baton.domain.statuses import Outcome
from baton.engine.cures import cure_of_park

if TYPE_CHECKING:
    from baton.domain.records import Unit
    from baton.domain.settings import Settings
    from baton.domain.skills import Skill
    from baton.engine.judging import Watched
    from baton.ports import Clock, Config, Store

# A run with such an outcome has been answered by its provider.
PROOFS = frozenset({Outcome.COMPLETED, Outcome.SENT_BACK, Outcome.RELEASED, Outcome.NOT_COMPLETED})
REASON_LIMIT = 300


class Look:
    """What was parked at one instant; each harness is resolved once, and none when nothing is parked."""

    def __init__(
        self, parked: dict[str, Parked], settings: Callable[[], Settings], skill: Callable[[str], Skill | None]
    ) -> None:
        self._parked = parked
        self._settings = settings
        self._skill = skill
        self._resolved: dict[tuple[str | None, str], str] = {}

    def reason(self, unit: Unit) -> Reason | None:
        """Return why a unit may not start, if that is so because its harness is parked."""
        return self._reason(unit.harness, unit.agent or "") if self._parked else None

    def of_group(self, group: str) -> Reason | None:
        """Return why no unit of a group of the ready index may start, if that is so."""
        if not self._parked:
            return None
        _, harness, agent = group.split("~")
        return self._reason(None if harness == "-" else harness, agent)

    def _reason(self, harness: str | None, agent: str) -> Reason | None:
        key = (harness, agent)
        if key not in self._resolved:
            skill = self._skill(agent) if harness is None else None
            self._resolved[key] = self._settings().harness.named(harness, skill.harness if skill else None)
        parked = self._parked.get(self._resolved[key])
        if parked is None:
            return None
        return structs.replace(p.reason_of(parked), cure=cure_of_park(parked.harness))


class Parking:
    """The parked harnesses of one home; ``skill`` gives an agent's skill, or ``None`` when it cannot be read."""

    def __init__(self, store: Store, config: Config, skill: Callable[[str], Skill | None], clock: Clock) -> None:
        self._store = store
        self._config = config
        self._skill = skill
        self._clock = clock

    def now(self) -> dict[str, Parked]:
        """The harnesses that nothing may use now."""
        now = self._clock.now()
        return {parked.harness: parked for parked in self._store.parking.all() if p.is_on(parked, now)}

    def look(self, settings: Settings | None = None) -> Look:
        """Look at what is parked now, once for many units; ``settings``: those that the caller has read."""
        return Look(self.now(), (lambda: settings) if settings is not None else self._config.settings, self._skill)

    def reason(self, unit: Unit) -> Reason | None:
        """Return why a unit may not start, if that is so because its harness is parked."""
        return self.look().reason(unit)

    def free_groups(self, groups: list[str]) -> list[str]:
        """Return those groups of the ready index whose harness is not parked."""
        look = self.look()
        return [group for group in groups if look.of_group(group) is None]

    # -- parking and freeing ------------------------------------------------------------------------------------

    def heed(self, harness: str, watched: Watched, task: str | None, run: str | None) -> bool:
        """Draw the conclusion from a run's end; tell whether its harness is parked by it.

        A run that was answered shows that a harness works which had been parked.
        """
        kind = watched.kind
        if kind is not None and consequence_of(kind).then is Then.PARK:
            line = (watched.message.strip().splitlines() or [""])[-1][:REASON_LIMIT]

            def park(before: Parked | None, now: str) -> Parked:
                return p.park(before, harness, kind, now, resets_at=watched.resets_at, reason=line, task=task, run=run)

            self._store.parking.update(harness, park)
            self.tell(harness)
            return True
        if watched.outcome in PROOFS and any(one.harness == harness for one in self._store.parking.all()):
            self._free(
                harness,
                f"run {run}{f' of task {task}' if task is not None else ''} worked",
                lambda one, now: not p.is_on(one, now),
            )
        return False

    def tell(self, harness: str) -> bool:
        """Leave the news of a park in the log, once; what a crash kept from being told the sweep tells."""

        def told(before: Parked | None, now: str) -> Parked | None:
            if before is None or before.is_told:
                return before
            data = {"harness": harness, "kind": before.kind.value, "what": before.what, "until": before.until}
            self._store.log.note("harness_parked", data | {"reason": before.reason}, task=before.task, run=before.run)
            return p.told(before)

        return self._store.parking.update(harness, told) is not None

    def free(self, harness: str, by: str) -> bool:
        """Let a harness be used again, as a person; tell whether it was parked."""
        return self._free(harness, f"freed by {by}", lambda one, now: True)

    def try_again(self, harness: str) -> bool:
        """Let the next run show whether a harness that waits for a person works; tell whether it does wait for one."""
        waiting: list[Parked] = []

        def change(before: Parked | None, now: str) -> Parked | None:
            waiting[:] = [before] if before is not None and before.until is None else []
            return p.tried_again(before, now) if before is not None else None

        self._store.parking.update(harness, change)
        return bool(waiting)

    def forget(self, harness: str) -> bool:
        """Forget a park that has been over for a day, though no run has shown that the harness works."""
        return self._free(harness, "nothing has needed it since it was parked", p.is_forgotten)

    def _free(self, harness: str, why: str, when: Callable[[Parked, str], bool]) -> bool:
        freed: list[Parked] = []

        def free(before: Parked | None, now: str) -> Parked | None:
            freed.clear()
            if before is None or not when(before, now):
                return before
            freed.append(before)
            self._store.log.note("harness_resumed", {"harness": harness, "since": before.since, "why": why})
            return None

        self._store.parking.update(harness, free)
        return bool(freed)
