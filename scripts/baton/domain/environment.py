"""The environment of an agent: built from nothing, by name (CONTRACT: "What an agent process gets")."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

# In a supervisor's environment and in no agent's: what tells them apart among the processes of the machine.
SUPERVISOR_MARK = "BATON_SUPERVISOR"
# In the environment of what looks for evidence.
CHECK_MARK = "BATON_CHECK"
INHERITED = ("HOME", "USER", "LANG", "TZ", "TMPDIR", "TERM")
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


def agent_environment(
    caller: Mapping[str, str],
    credential: Callable[[str], str | None],
    *,
    allowed: Iterable[str],
    scripts: str,
    baton: Mapping[str, str],
) -> dict[str, str]:
    """Return the whole environment of an agent.

    From the caller's come a few harmless names; by name, what skill, settings and harness allow (``credential`` looks
    in the environment, then in ``.env``); then ours. ``scripts`` stands last in ``PATH``, so that none of our names
    hides a program of the system.
    """
    environ = {name: caller[name] for name in INHERITED if name in caller}
    environ |= {name: value for name, value in caller.items() if name.startswith("LC_")}
    for name in allowed:
        value = credential(name)
        if value is not None:
            environ[name] = value
    path = [part for part in (caller.get("PATH") or DEFAULT_PATH).split(":") if part and part != scripts]
    return environ | {"PATH": ":".join([*path, scripts])} | dict(baton)
