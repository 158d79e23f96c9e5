"""The section ``assignments`` of the settings: limits, time limits and harnesses of jobs, for all and by namespace."""

# No "from __future__ import annotations": a decoder reads these types as it starts (see records).
from typing import Annotated

from msgspec import Meta, Struct

from baton.domain.assignments import Rules
from baton.domain.errors import InvalidInput
from baton.domain.harness_names import HARNESSES, is_harness
from baton.domain.ids import is_agent_name, is_id
from baton.domain.refusals import check_count, check_duration, check_word, refuse_key

Duration = Annotated[str, Meta(examples=["10m"])]


class NamespaceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one namespace says otherwise; what it does not say holds for it, too. By type, each entry by itself."""

    timeout: Duration | None = None
    timeouts: dict[str, Duration] = {}
    harnesses: dict[str, str] = {}
    models: dict[str, str] = {}
    max_jobs: int | None = None
    max_alike: int | None = None
    max_cost: float | None = None
    guardian: bool | None = None

    def __post_init__(self) -> None:
        if self.timeout is not None:
            check_duration("timeout", self.timeout, above_zero=True)
        for key in ("timeouts", "harnesses", "models"):
            for type in getattr(self, key):
                if not is_agent_name(type):
                    refuse_key(f"{key}.{type[:80]}", "is not the name of a job type", cure="write one like 'implement'")
        for type, timeout in self.timeouts.items():
            check_duration(f"timeouts.{type}", timeout, above_zero=True)
        for type, harness in self.harnesses.items():
            if not is_harness(harness):
                check_word(f"harnesses.{type}", harness, HARNESSES, "a harness")
        for key in ("max_jobs", "max_alike"):
            if (count := getattr(self, key)) is not None:
                check_count(key, count)
        if self.max_cost is not None and not 0 < self.max_cost < 1e9:
            refuse_key(
                "max_cost", f"{self.max_cost} is not more than 0 (USD)", cure="write an amount, or null for none"
            )


class AssignmentSettings(NamespaceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds for the jobs of all assignments. ``max_cost`` is in USD, and off when it is null."""

    timeout: Duration = "10m"
    max_jobs: int = 50
    max_alike: int = 5
    guardian: bool = False
    namespaces: dict[str, NamespaceSettings] = {}

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.namespaces:
            if not is_id(name):
                cause = InvalidInput(f"{name[:80]!r} is not a valid namespace", cure="use a-z, 0-9, '.', '_' and '-'")
                raise ValueError(f"namespaces: {cause.message}") from cause

    def rules(self, namespace: str) -> Rules:
        """Return what holds for an assignment of this namespace."""
        own = self.namespaces.get(namespace, NamespaceSettings())
        return Rules(
            timeout=own.timeout or self.timeout,
            timeouts=self.timeouts | own.timeouts,
            harnesses=self.harnesses | own.harnesses,
            models=self.models | own.models,
            jobs=own.max_jobs or self.max_jobs,
            alike=own.max_alike or self.max_alike,
            cost_usd=self.max_cost if own.max_cost is None else own.max_cost,
            guardian=self.guardian if own.guardian is None else own.guardian,
        )
