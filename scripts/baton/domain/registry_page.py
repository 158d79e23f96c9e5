"""The service registry as a page that agents read: ``memory/long-term/SERVICE_REGISTRY.md``. A pure function of it."""

from __future__ import annotations

from collections.abc import Iterator

from baton.domain.services import FILE, Category, Registry, Service, in_order

HEAD = f"""\
# Services

<!-- Made from {FILE} whenever that changes: what is written here is lost. -->

Outside programs and servers that you may use, by capability. Call them by these scripts, never directly:

- `run_service.py CAPABILITY -- ARGS` asks the services of a capability in turn until one answers, and prints its answer.
  Exit code 1: none has one, and stderr says why; 75: all of them want you to come back later.
- `resolve_service.py CAPABILITY --chain` tells which they are for your campaign, and whether their keys are set.

Add `--use-case U` where a use case is named. A capability that is not here is not there: do without, and say so.
"""


def page_of(registry: Registry) -> str:
    """Return the page."""
    parts = [HEAD, *("\n".join(_category(key, one)) + "\n" for key, one in in_order(registry))]
    if not registry.categories:
        parts.append("There are no services in this home.\n")
    return "\n".join(parts)


def _category(key: str, category: Category) -> Iterator[str]:
    kinds = [*([category.scope] if category.scope else []), *(["required"] if category.required else [])]
    yield f"## {key}"
    yield ""
    if category.display_name or kinds:
        said = _line(category.display_name) + (f" ({', '.join(kinds)})" if kinds else "")
        yield said.strip()
        yield ""
    active = sorted((one for one in category.services if one.active), key=lambda one: (one.priority, one.name))
    if not active:
        yield "No active service: you cannot use it now."
    for place, service in enumerate(active, 1):
        yield f"{place}. **{service.name}**{_told(key, service)}"
    asleep = sorted(service.name for service in category.services if not service.active)
    if asleep and active:
        yield ""
    if asleep:
        yield f"Switched off: {', '.join(asleep)}."


def _told(key: str, service: Service) -> str:
    words = [_line(service.display_name)] if service.display_name else []
    if service.script is not None:
        call = f"run_service.py {key}"
        words.append(f"`{call} -- {_line(service.usage)}`" if service.usage else f"`{call}`")
    if service.mcp_server is not None:
        words.append(f"MCP server `{_line(service.mcp_server)}`, if your program has it")
    words += [f"use cases: {', '.join(map(_line, service.use_cases))}"] if service.use_cases else []
    words += [f"cost: {_cost(service)}"] if service.cost is not None else []
    words += [f"see {_line(service.docs_url)}"] if service.docs_url else []
    return f": {'; '.join(words)}" if words else ""


def _cost(service: Service) -> str:
    if isinstance(service.cost, str):
        return _line(service.cost)
    return f"${service.cost:g} an answer" if service.cost else "free"


def _line(text: str) -> str:
    return " ".join(text.split())
