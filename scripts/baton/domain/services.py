"""The service registry: which outside services serve a capability, and in which order they are tried."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from baton.domain.errors import InvalidInput, ServiceNotFound
from baton.domain.ids import is_id

SCOPES = ("research", "content", "distribution", "quality", "infrastructure")
DEFAULT_PRIORITY = 10
DEFAULT_TIMEOUT_SECONDS = 60.0
MOST_USD = 1e6
FILE = "config/services.yaml"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Service(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One service. A lower ``priority`` comes first; one without ``use_cases`` serves every use case.

    ``usage`` says what its script takes, ``timeout`` how long one call may last. A ``cost`` that is a number is the price
    of one answer in US dollars; a text is for people.
    """

    name: str
    display_name: str = ""
    active: bool = True
    priority: int = DEFAULT_PRIORITY
    api_key_env: str | None = None
    use_cases: tuple[str, ...] = ()
    script: str | None = None
    usage: str = ""
    timeout: str | None = None
    mcp_server: str | None = None
    cost: str | int | float | None = None
    docs_url: str | None = None
    config: dict[str, Any] = {}

    @property
    def timeout_seconds(self) -> float:
        """How long one call may last."""
        if self.timeout is None:
            return DEFAULT_TIMEOUT_SECONDS
        from baton.domain.times import parse_duration  # start-up: a question for a service needs no time

        return parse_duration(self.timeout)

    def __post_init__(self) -> None:
        if not is_id(self.name):
            raise ValueError(f"name {self.name!r} is not valid: use a-z, 0-9, '.', '_' and '-'")
        if self.api_key_env is not None and _VARIABLE.fullmatch(self.api_key_env) is None:
            # Not shown: what stands here by mistake is the key itself.
            raise ValueError("api_key_env must be the name of a variable, not its value")
        if not all(use_case.strip() for use_case in self.use_cases):
            raise ValueError("use_cases must not hold an empty one")
        if self.api_key_env is not None and self.api_key_env.startswith("BATON_"):
            raise ValueError(f"api_key_env must not be {self.api_key_env}: Baton itself sets it")
        if self.timeout is not None:
            from baton.domain.refusals import check_duration  # start-up: few services have one

            check_duration("timeout", self.timeout, above_zero=True)
        if isinstance(self.cost, int | float) and not 0 <= self.cost < MOST_USD:
            raise ValueError(f"cost must be between 0 and {MOST_USD:g} dollars")


class Category(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A capability and the services that offer it."""

    display_name: str = ""
    scope: str | None = None
    required: bool = False
    sort_order: int = 0
    services: tuple[Service, ...] = ()

    def __post_init__(self) -> None:
        if self.scope is not None and self.scope not in SCOPES:
            raise ValueError(f"scope {self.scope!r} is not one of {', '.join(SCOPES)}")


class Registry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of ``config/services.yaml``: categories by key. A service's name is unique in all of it."""

    categories: dict[str, Category] = {}

    def __post_init__(self) -> None:
        found: dict[str, str] = {}
        for key, category in self.categories.items():
            if not is_id(key):
                raise ValueError(f"{key!r} is not a valid category key: use a-z, 0-9, '.', '_' and '-'")
            for service in category.services:
                if service.name in found:
                    raise ValueError(f"service {service.name} is listed in {found[service.name]} and again in {key}")
                found[service.name] = key

    def service(self, name: str) -> tuple[str, Service]:
        """Return the capability and the service of this name; ``ServiceNotFound`` names the nearest."""
        for key, category in self.categories.items():
            for service in category.services:
                if service.name == name:
                    return key, service
        raise _no_service(self, name)


class ResolvedService(Struct, frozen=True, kw_only=True):
    """A service as an answer. ``key_set``: whether its key has a value; null when it needs none."""

    name: str
    display_name: str
    capability: str
    priority: int
    active: bool
    use_cases: tuple[str, ...]
    api_key_env: str | None
    key_set: bool | None
    script: str | None
    mcp_server: str | None
    cost: str | int | float | None
    docs_url: str | None
    config: dict[str, Any]


def resolve(
    registry: Registry,
    capability: str,
    use_case: str | None = None,
    order: Sequence[str] | None = None,
    *,
    has_key: Callable[[str], bool],
) -> list[ResolvedService]:
    """Return the active services for a capability, the best first: the fallback chain.

    They come by priority, at the same priority those that list ``use_case`` before those that serve any, then by name.
    ``order`` (of a campaign or batch) puts the services it names first; the rest stay behind them. ``has_key`` tells
    whether the variable of that name has a value.

    Raise ``ServiceNotFound`` when nothing is left, ``InvalidInput`` for an order that names what cannot be used.
    """
    category = _category(registry, capability)
    places = _places(registry, capability, category, order or ())
    found = [
        service
        for service in category.services
        if service.active and (use_case is None or not service.use_cases or use_case in service.use_cases)
    ]
    if not found:
        raise _none_active(category, capability, use_case)

    def rank(service: Service) -> tuple[int, int, bool, str]:
        place = places.get(service.name, len(places))
        return place, service.priority, use_case is not None and use_case not in service.use_cases, service.name

    return [_resolved(service, capability, has_key) for service in sorted(found, key=rank)]


def in_order(registry: Registry) -> list[tuple[str, Category]]:
    """Return the categories as people are shown them."""
    return sorted(registry.categories.items(), key=lambda item: (item[1].sort_order, item[0]))


def check_order(registry: Registry, capability: str, order: Sequence[str]) -> None:
    """Refuse an order that names what cannot be used: ``ServiceNotFound`` for a capability, else ``InvalidInput``."""
    _places(registry, capability, _category(registry, capability), order)


def _category(registry: Registry, capability: str) -> Category:
    category = registry.categories.get(capability)
    if category is None:
        raise _unknown(registry, capability)
    return category


def _places(registry: Registry, capability: str, category: Category, order: Sequence[str]) -> dict[str, int]:
    services = {service.name: service for service in category.services}
    for name in order:
        if name not in services:
            home = _category_of(registry, name)
            reason = "there is no such service" if home is None else f"it belongs to {home!r}"
            raise InvalidInput(
                f"the order for {capability!r} names {name!r}, but {reason}",
                cure=f"choose from {', '.join(sorted(services)) or 'nothing: the category is empty'}",
            )
        if not services[name].active:
            raise InvalidInput(
                f"the order for {capability!r} names {name!r}, which is not active",
                cure=f"switch it on: service.py toggle {name} --on; or take it out of the order",
            )
    if len(set(order)) != len(order):
        raise InvalidInput(f"the order for {capability!r} names a service twice")
    return {name: place for place, name in enumerate(order)}


def _category_of(registry: Registry, name: str) -> str | None:
    for key, category in registry.categories.items():
        if any(service.name == name for service in category.services):
            return key
    return None


def _resolved(service: Service, capability: str, has_key: Callable[[str], bool]) -> ResolvedService:
    return ResolvedService(
        name=service.name,
        display_name=service.display_name or service.name,
        capability=capability,
        priority=service.priority,
        active=service.active,
        use_cases=service.use_cases,
        api_key_env=service.api_key_env,
        key_set=None if service.api_key_env is None else has_key(service.api_key_env),
        script=service.script,
        mcp_server=service.mcp_server,
        cost=service.cost,
        docs_url=service.docs_url,
        config=service.config,
    )


def _unknown(registry: Registry, capability: str) -> ServiceNotFound:
    # Imported late: a millisecond or more, and only wrong input needs it.
    from difflib import get_close_matches  # start-up

    known = sorted(registry.categories)
    near = get_close_matches(capability, known, n=1, cutoff=0.0)
    cure = f"the nearest is {near[0]!r}; known: {', '.join(known)}" if near else f"add it to {FILE}"
    return ServiceNotFound(
        f"there is no capability {capability!r}",
        cure=cure,
        capability=capability,
        known=known,
        nearest=near[0] if near else None,
    )


def _no_service(registry: Registry, name: str) -> ServiceNotFound:
    from difflib import get_close_matches  # start-up: see above

    known = sorted(service.name for category in registry.categories.values() for service in category.services)
    near = get_close_matches(name, known, n=1, cutoff=0.0)
    cure = f"the nearest is {near[0]!r}; known: {', '.join(known)}" if near else f"add it to {FILE}"
    return ServiceNotFound(f"there is no service '{name}'", cure=cure, known=known)


def _none_active(category: Category, capability: str, use_case: str | None) -> ServiceNotFound:
    what = f"capability {capability!r}" + (f" and use case {use_case!r}" if use_case is not None else "")
    asleep = [service.name for service in category.services if not service.active]
    cure = f"switch one on: service.py toggle {asleep[0]} --on" if asleep else f"add one to {FILE}"
    return ServiceNotFound(f"no active service for {what}", cure=cure, capability=capability, use_case=use_case)
