"""Whether services can work: what can be seen without calling anybody, what the log tells, and what they say themselves."""

from __future__ import annotations

from typing import Any

import msgspec

from baton.cli.service_files import missing_command, program_of
from baton.cli.tables import table
from baton.cli.wiring import Wiring
from baton.domain.errors import BatonError
from baton.domain.service_calls import ATTEMPTED, HEALTH_WORD, AttemptStatus, attempt_of
from baton.domain.services import Service, in_order
from baton.domain.times import later

LOOK_BACK_SECONDS = 7 * 86_400.0


def problems_of(wiring: Wiring, service: Service, *, has_key: bool = False) -> list[dict[str, str]]:
    """Return what keeps a service from working, each with its cure. Calls nobody. ``has_key``: do not look for its key."""
    found = []
    try:
        program_of(wiring.home, service)
    except BatonError as error:
        found.append({"message": error.message, "cure": error.cure})
    if service.api_key_env is not None and not has_key and not wiring.config.credential(service.api_key_env):
        cure = f"write {service.api_key_env}=... into {wiring.home.env_file}"
        found.append({"message": f"its key {service.api_key_env} is not set", "cure": cure})
    command = missing_command(service, wiring.environ)
    if command is not None:
        what = f"the command {command!r} of its MCP server is not in PATH"
        found.append({"message": what, "cure": f"install it, or mend mcp_server in {wiring.home.services_file}"})
    return found


def health_of(wiring: Wiring, names: tuple[str, ...], *, calls: bool) -> dict[str, Any]:
    """Return the health of these services (of all, if none is named), and of the categories that are required."""
    attempts = _attempts(wiring)
    services, lacking = [], []
    for capability, category in in_order(wiring.services()):
        if category.required and not any(one.active for one in category.services) and not names:
            lacking.append(capability)
        for service in sorted(category.services, key=lambda one: (not one.active, one.priority, one.name)):
            if names and service.name not in names:
                continue
            problems = problems_of(wiring, service)
            called = _called(wiring, capability, service) if calls and service.script and not problems else None
            if called is not None and called["status"] != AttemptStatus.SUCCESS:
                problems.append({"message": f"it says that it is not well: {called['message']}", "cure": ""})
            told = attempts.get(service.name, [])
            services.append(
                {
                    "service": service.name,
                    "capability": capability,
                    "active": service.active,
                    "healthy": not problems,
                    "problems": problems,
                    "attempts": {one.value: _count(told, one) for one in AttemptStatus},
                    "last": told[-1] if told else None,
                    "called": called,
                }
            )
    is_healthy = not lacking and all(one["healthy"] or not one["active"] for one in services)
    return {"healthy": is_healthy, "services": services, "required_without_service": lacking}


def words_of(found: dict[str, Any]) -> str:
    """Return the health for people."""
    rows = [
        (
            one["service"],
            one["capability"],
            "active" if one["active"] else "off",
            "well" if one["healthy"] else "not well",
            _calls(one),
        )
        for one in found["services"]
    ]
    lines = [table(("service", "capability", "", "", "last 7 days"), rows, empty="No services.")]
    for one in found["services"]:
        for problem in one["problems"]:
            lines.append(f"{one['service']}: {problem['message']}")
            lines += [f"  {problem['cure']}"] if problem["cure"] else []
    lines += [
        f"{one}: the category is required, and has no active service" for one in found["required_without_service"]
    ]
    return "\n".join(lines)


def _calls(one: dict[str, Any]) -> str:
    counts = [f"{count} {status.replace('_', ' ')}" for status, count in one["attempts"].items() if count]
    last = one["last"]
    if not last:
        return "not called"
    why = f" ({last['message']})" if last["message"] else ""
    return f"{', '.join(counts)}; last: {last['status'].replace('_', ' ')}{why}"


def _attempts(wiring: Wiring) -> dict[str, list[dict[str, Any]]]:
    """Return the calls of the last days by service, oldest first."""
    since = later(wiring.clock.now(), -LOOK_BACK_SECONDS)
    found: dict[str, list[dict[str, Any]]] = {}
    for event in wiring.store.log.since(since[:10], ATTEMPTED):
        data = event.get("data")
        if not isinstance(data, dict) or str(event.get("at")) < since:
            continue
        keys = ("status", "duration_seconds", "exit_code", "message", "use_case", "cost_usd", "list_price_usd")
        told = {"at": event.get("at"), "task": event.get("task"), **{key: data.get(key) for key in keys}}
        found.setdefault(str(data.get("service")), []).append(told)
    return found


def _count(told: list[dict[str, Any]], status: AttemptStatus) -> int:
    return sum(one["status"] == status.value for one in told)


def _called(wiring: Wiring, capability: str, service: Service) -> dict[str, Any] | None:
    """Call a service's own program with the one word that asks how it is; that is no use of it, and not logged as one."""
    from baton.cli.asking import candidate, keys_of, masked, programs  # start-up: only --call needs it

    call = candidate(wiring, service, (HEALTH_WORD,), {"capability": capability, "use_case": None}).call
    if call is None:
        return None
    attempt = attempt_of(service, programs(wiring).run(call))
    data: dict[str, Any] = masked(msgspec.to_builtins(attempt), keys_of(wiring, service))
    return data
