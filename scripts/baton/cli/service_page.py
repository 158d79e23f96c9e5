"""The page about services, made anew where the registry has changed: by scripts, by the sweep, before a run."""

from __future__ import annotations

import os

from baton.cli.wiring import Wiring
from baton.domain.errors import BatonError
from baton.store.service_page import ServicePage


def write_page(wiring: Wiring) -> bool:
    """Make the page from the registry as it stands; ``InvalidInput`` when that cannot be read."""
    from baton.domain.registry_page import page_of  # start-up: an idle sweep makes no page

    return ServicePage(wiring.home).write(lambda: page_of(wiring.services()))


def refresh_quietly(wiring: Wiring) -> None:
    """Make the page if it is stale. What fails is said, and tried again by the next sweep."""
    try:
        if ServicePage(wiring.home).is_stale():
            write_page(wiring)
    except (BatonError, OSError) as error:
        wiring.warn(f"memory/long-term/SERVICE_REGISTRY.md is not up to date: {error}")


def page_for_run(wiring: Wiring) -> str | None:
    """Return the page that a run is told of; ``None`` where this home has no active service, or its page cannot be had."""
    refresh_quietly(wiring)
    path = ServicePage(wiring.home).path
    try:
        categories = wiring.services().categories.values()
    except BatonError:
        return None  # it was said just now
    has_any = any(service.active for category in categories for service in category.services)
    return path if has_any and os.path.exists(path) else None
