"""The verbs of ``service.py``: looking at the registry, and changing which services are used, in which order."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from baton.cli.script import Answer, script
from baton.cli.service_health import health_of, words_of
from baton.cli.service_page import refresh_quietly
from baton.cli.tables import table
from baton.cli.wiring import Wiring
from baton.domain.errors import InvalidInput
from baton.domain.ids import check_id
from baton.domain.services import FILE, Registry, Service, check_order, in_order
from baton.store.documents import load_text
from baton.store.files import read_bytes, said
from baton.store.written_files import alone, put_in_place

Changes = dict[tuple[str | int, ...], Any]


@script("list", "services", name="list", example="service.py list --json")
def list_services(wiring: Wiring) -> Answer:
    """List the services of each category in the order in which they are tried."""
    data = []
    for key, category in in_order(wiring.services()):
        for service in sorted(category.services, key=lambda one: (not one.active, one.priority, one.name)):
            is_set = bool(wiring.config.credential(service.api_key_env)) if service.api_key_env else None
            data.append({"capability": key, **msgspec.to_builtins(service), "key_set": is_set})
    rows = [
        (
            one["capability"],
            one["name"],
            "active" if one["active"] else "off",
            one["priority"],
            {None: "-", True: "set", False: "missing"}[one["key_set"]],
        )
        for one in data
    ]
    heads = ("capability", "service", "", "priority", "key")
    return Answer(data, table(heads, rows, empty=f"No services. Write them to {wiring.home.services_file}."))


@script(
    "toggle", "service", name="toggle", example="service.py toggle dataforseo\nservice.py toggle dataforseo --off",
    id_option="name",
)  # fmt: skip
@click.argument("name")
@click.option("--on/--off", "is_on", default=None, help="Switch it on or off (default: to the other).")
def toggle(wiring: Wiring, name: str, is_on: bool | None) -> Answer:
    """Switch a service on or off. The registry keeps its comments; its page for agents is made anew."""
    check_id(name, "service")
    with _alone(wiring):
        registry, before = _read(wiring)
        capability, service = registry.service(name)
        active = not service.active if is_on is None else is_on
        place = _place(registry, capability, service)
        after = _change(wiring, before, {(*place, "active"): active} if active != service.active else {})
    category = after.categories[capability]
    if category.required and not any(one.active for one in category.services):
        wiring.warn(f"the category '{capability}' is required, and has no active service any more")
    data = {"service": name, "capability": capability, "active": active}
    return Answer(data, f"Service '{name}' ({capability}) is {'on' if active else 'off'}.")


@script(
    "reorder",
    "capability",
    name="reorder",
    example="service.py reorder seo_keywords semrush dataforseo",
    id_option="capability",
)
@click.argument("capability")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def reorder(wiring: Wiring, capability: str, names: tuple[str, ...]) -> Answer:
    """Put the services of CAPABILITY that are named first, in this order; the others stay behind them."""
    check_id(capability, "capability")
    with _alone(wiring):
        registry, before = _read(wiring)
        wanted = [registry.service(name)[1] for name in names]
        # That one of them is switched off is no matter here: it has its place when it is on again.
        awake = [service.name for service in wanted if service.active]
        check_order(registry, capability, awake)
        found = registry.categories[capability].services
        strange = [service.name for service in wanted if service not in found]
        if strange or len(set(names)) != len(names):
            what = f"{strange[0]} does not belong to it" if strange else "a service is named twice"
            raise InvalidInput(what, cure=f"choose from {', '.join(service.name for service in found)}")
        rest = sorted((one for one in found if one not in wanted), key=lambda one: (one.priority, one.name))
        order = [*wanted, *rest]
        changes: Changes = {
            (*_place(registry, capability, service), "priority"): priority
            for priority, service in enumerate(order, 1)
            if service.priority != priority
        }
        _change(wiring, before, changes)
    order_of = [service.name for service in order]
    return Answer({"capability": capability, "order": order_of}, f"{capability}: {', '.join(order_of)}.")


@script(
    "look at",
    "services",
    name="health",
    example="service.py health\nservice.py health dataforseo --call\nservice.py health --json | jq '.services[].problems'",
    id_option="names",
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--call", is_flag=True, help="Also call each one's own program with --health: it may use the network.")
def health(wiring: Wiring, names: tuple[str, ...], call: bool) -> Answer:
    """Say whether services can work: program, key, MCP server's command, and how the last week's calls ended.

    Nothing is called without --call. An active service that cannot work, or a required category without any, exits
    with 1.
    """
    for name in names:
        wiring.services().service(check_id(name, "service"))
    found = health_of(wiring, names, calls=call)
    return Answer(found, words_of(found), exit_code=0 if found["healthy"] else 1)


SERVICE_VERBS = [list_services, toggle, reorder, health]


def _alone(wiring: Wiring) -> Any:
    wiring.store.prepare()
    return alone(wiring.store.locks)


def _read(wiring: Wiring) -> tuple[Registry, bytes]:
    path = wiring.home.services_file
    with said(path):
        data = read_bytes(path)
    if data is None:
        raise InvalidInput(f"this home has no {FILE}", cure=f"write one: {path}")
    return load_text(data, Registry, path), data


def _place(registry: Registry, capability: str, service: Service) -> tuple[str | int, ...]:
    return "categories", capability, "services", registry.categories[capability].services.index(service)


def _change(wiring: Wiring, before: bytes, changes: Changes) -> Registry:
    """Write the registry with the changes, if there are any, and its page."""
    path = wiring.home.services_file
    from baton.store.yaml_edits import edited  # start-up: help and lists need no YAML

    data = edited(before, path, changes) if changes else before
    registry = load_text(data, Registry, path)
    if data != before:
        put_in_place(path, before, data)
    refresh_quietly(wiring)
    return registry
