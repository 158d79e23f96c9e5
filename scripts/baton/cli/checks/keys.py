"""Checks of credentials: each program that agents run on has a key or a login, each service its key, for cron's jobs too."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from baton.cli.checks import PASSED, Finding, Patient, passed, warning
from baton.cli.checks.programs import needed_harnesses
from baton.domain.errors import BatonError
from baton.store.dotenv import read_env

# Where a login by hand leaves its mark, below the user's folder, and how one logs in. Of other programs we do not know.
LOGINS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "claude": ((".claude/.credentials.json",), "log in: run 'claude' once, or 'claude setup-token'"),
    "codex": ((".codex/auth.json",), "log in: codex login"),
    "gemini": ((".gemini/oauth_creds.json",), "log in: run 'gemini' once"),
}
# These say that a key is held elsewhere, by a cloud's own means.
CLOUDS = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "GOOGLE_GENAI_USE_VERTEXAI")
# Of the variables that a harness gets, these are no keys.
NO_KEYS = ("_BASE_URL", "_CUSTOM_HEADERS", "_MODEL", "_HOME")


def keys(patient: Patient) -> Iterator[Finding]:
    """Programs that agents run on, and services, have their keys."""
    told = []
    for name, by in needed_harnesses(patient).items():
        for finding in harness_keys(patient, name, f"{name} (needed by {by})"):
            if finding.level == PASSED:
                told.append(finding.message)
            else:
                yield finding
    kept = _kept(patient)
    for variable, service in _service_keys(patient).items():
        yield from _variable(patient, kept, [variable], f"service {service}", "")
    yield passed(", ".join(told) or "no key is missing")


def harness_keys(patient: Patient, name: str, called: str) -> Iterator[Finding]:
    """Look for a login or a key of one harness; of those that we do not know nothing is said."""
    from baton.cli.preparing import harness_named  # start-up

    if name == "api":
        yield from _api_key(patient, called)
    if name not in LOGINS:
        return
    try:
        variables = [one for one in harness_named(name).secrets if not one.endswith(NO_KEYS)]
    except Exception:  # noqa: BLE001 - one that cannot be loaded is said by the check of harnesses
        return
    marks, login = LOGINS[name]
    mark = next((path for path in _below(patient, marks) if os.path.exists(path)), None)
    if mark is not None:
        yield passed(f"{name}: {mark}")
    elif any(patient.wiring.environ.get(one) for one in CLOUDS):
        yield passed(f"{name}: by the cloud")
    else:
        yield from _variable(patient, _kept(patient), variables, called, login)


def _api_key(patient: Patient, called: str) -> Iterator[Finding]:
    """Find the key that runs on a model's API read by themselves: they get none from whoever starts them."""
    from baton.cli.keys import is_set  # start-up

    key = patient.settings.harness.api.key_name
    if key is None:
        yield passed("api: needs no key")
    elif is_set(patient.home, {}, key):
        yield passed(f"api: {key}")
    else:
        yield warning(f"{called}: its key {key} is not kept", f"key.py set {key}")


def _kept(patient: Patient) -> Mapping[str, str]:
    try:
        return read_env(patient.home.env_file)
    except BatonError:
        return {}  # a check of its own says so


def _variable(
    patient: Patient, kept: Mapping[str, str], variables: list[str], whose: str, otherwise: str
) -> Iterator[Finding]:
    """Find one of these variables where jobs of cron see it too."""
    if any(kept.get(one) for one in variables):
        return
    write = f"write {variables[0]}=... into {patient.home.env_file}"
    here = next((one for one in variables if patient.wiring.environ.get(one)), None)
    if here is not None:
        cure = f"write {here}=... into {patient.home.env_file}"
        yield warning(f"{whose}: {here} stands in this environment only: jobs of cron do not see it", cure)
    elif otherwise:
        names = " or ".join(variables)
        yield warning(f"{whose}: neither a login nor a key was found ({names})", f"{otherwise}; or {write}")
    else:
        yield warning(f"{whose}: its key {variables[0]} is not set", f"{write}, or set active: false for it")


def _service_keys(patient: Patient) -> dict[str, str]:
    try:
        categories = patient.wiring.services().categories
    except BatonError:
        return {}  # a check of its own says so
    found: dict[str, str] = {}
    for category in categories.values():
        for service in category.services:
            if service.active and service.api_key_env is not None:
                found.setdefault(service.api_key_env, service.name)
    return found


def _below(patient: Patient, marks: tuple[str, ...]) -> list[str]:
    home = patient.wiring.environ.get("HOME", "/")
    return [os.path.join(home, mark) for mark in marks]
