"""Looking at the registry of services."""

from __future__ import annotations

import msgspec

from baton.cli.script import Answer, script
from baton.cli.tables import table
from baton.cli.wiring import Wiring


@script("list", "services", name="list", example="service.py list --json")
def list_services(wiring: Wiring) -> Answer:
    """List the services of each category in the order in which they are tried."""
    data = []
    for key, category in sorted(wiring.services().categories.items(), key=lambda item: (item[1].sort_order, item[0])):
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
