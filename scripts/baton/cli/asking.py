"""``run_service.py``: the chain of a capability put together, its programs called, the answer handed on."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from typing import Any, NoReturn

import msgspec

from baton.adapters.processes import LinuxProcesses, become_subreaper
from baton.adapters.service_programs import ServicePrograms
from baton.cli.caller import person
from baton.cli.resolving import chain_for, orders_for
from baton.cli.script import Answer
from baton.cli.service_files import program_of
from baton.cli.wiring import SCRIPTS, Wiring
from baton.domain.environment import agent_environment
from baton.domain.errors import BatonError, ServiceNotFound
from baton.domain.redaction import redact
from baton.domain.service_calls import ATTEMPTED, Attempt, AttemptStatus, ServiceCall
from baton.domain.services import Service
from baton.engine.service_chain import Answered, Candidate, ask


def run_service(
    wiring: Wiring,
    capability: str,
    arguments: tuple[str, ...],
    *,
    use_case: str | None,
    campaign: str | None,
    task: str | None,
) -> Answer:
    """Ask the services of a capability in turn; the answer of the first that has one is ours."""
    orders, campaign, task = orders_for(wiring, campaign, task)
    facts = {"capability": capability, "use_case": use_case}
    chain, secrets = [], []
    for resolved in chain_for(wiring, capability, use_case, orders):
        _, service = wiring.services().service(resolved.name)
        if service.script is None and service.mcp_server is not None:
            wiring.warn(f"{service.name} is passed over: it is an MCP server, which an agent's own program speaks to")
            continue
        chain.append(candidate(wiring, service, arguments, facts))
        secrets += keys_of(wiring, service)
    if not chain:
        raise ServiceNotFound(
            f"no active service for capability {capability!r} has a program", cure="write script: ... for one of them"
        )
    wiring.store.prepare()  # before anything is asked, and perhaps paid: a home that cannot be written to is said first
    tell = partial(_tell, wiring, facts, secrets, campaign, task)
    try:
        answered = ask(chain, programs(wiring), tell)
    except BatonError as error:
        raise type(error)(redact(error.message, secrets), cure=error.cure, **masked(error.details, secrets)) from None
    return _answer(answered, facts, secrets)


def programs(wiring: Wiring) -> ServicePrograms:
    """Return what runs programs of services; from here on this process has no other children."""
    become_subreaper()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    return ServicePrograms(LinuxProcesses(), wiring.environ.get("BATON_RUN", ""))


def keys_of(wiring: Wiring, service: Service) -> list[str]:
    """Return the values of a service's key: what nobody may print."""
    key = wiring.config.credential(service.api_key_env) if service.api_key_env is not None else None
    return [key] if key else []


def candidate(wiring: Wiring, service: Service, arguments: tuple[str, ...], facts: dict[str, Any]) -> Candidate:
    """Return how a service is called, or why it cannot be."""
    if service.api_key_env is not None and not wiring.config.credential(service.api_key_env):
        return Candidate(service=service, problem=f"its key {service.api_key_env} is not set")
    try:
        program = program_of(wiring.home, service)
    except BatonError as error:
        return Candidate(service=service, problem=error.message)
    if program is None:
        return Candidate(service=service, problem="it has no script")
    call = ServiceCall(
        argv=(program, *arguments),
        environ=_environment(wiring, service, facts),
        cwd=os.getcwd(),
        seconds=service.timeout_seconds,
    )
    return Candidate(service=service, call=call)


def _environment(wiring: Wiring, service: Service, facts: dict[str, Any]) -> dict[str, str]:
    """A service's whole environment: a few harmless names, its own key, and who it is. No lease, no other key."""
    ours = {
        "BATON_HOME": wiring.home.root,
        "BATON_PYTHON": sys.executable,
        "BATON_SERVICE": service.name,
        "BATON_SERVICE_CONFIG": msgspec.json.encode(service.config).decode(),
        "BATON_CAPABILITY": facts["capability"],
        "BATON_USE_CASE": facts["use_case"] or "",
    }
    # By its run a supervisor, or a sweep after its death, finds what a killed call has left.
    handed_on = ("BATON_RUN", "BATON_TASK", "BATON_WORKSPACE")
    ours |= {name: wiring.environ[name] for name in handed_on if name in wiring.environ}
    allowed = [service.api_key_env] if service.api_key_env is not None else []
    return agent_environment(wiring.environ, wiring.config.credential, allowed=allowed, scripts=SCRIPTS, baton=ours)


def _tell(
    wiring: Wiring,
    facts: dict[str, Any],
    secrets: list[str],
    campaign: str | None,
    task: str | None,
    attempt: Attempt,
) -> None:
    """Log one attempt, and say on stderr when it did not succeed."""
    data: dict[str, Any] = facts | masked(msgspec.to_builtins(attempt), secrets)
    run = wiring.environ.get("BATON_RUN") or None
    data["agent" if run else "by"] = person(wiring.environ)
    wiring.store.log.note(ATTEMPTED, data, task=task, campaign=campaign, run=run)
    if attempt.status is not AttemptStatus.SUCCESS:
        how = attempt.status.value.replace("_", " ")
        wiring.warn(f"{attempt.service}: {how}: {data['message']}")


def _answer(answered: Answered, facts: dict[str, Any], secrets: list[str]) -> Answer:
    output = redact(answered.output.decode("utf-8", "replace"), secrets)
    attempts = masked(msgspec.to_builtins(answered.attempts), secrets)
    data = {"service": answered.service, **facts, "output": output, "attempts": attempts}
    return Answer(data, output)


def masked(value: Any, secrets: list[str]) -> Any:
    """Return plain data with every key masked in its texts."""
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, dict):
        return {key: masked(inner, secrets) for key, inner in value.items()}
    return [masked(inner, secrets) for inner in value] if isinstance(value, list | tuple) else value


def _leave(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)
