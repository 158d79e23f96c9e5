"""Who does the work in the demo: the crew's offline programs, or Claude Code, which costs tokens."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field

INSTALL = "npm install -g @anthropic-ai/claude-code"
KEYS = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_CUSTOM_HEADERS",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CONFIG_DIR",
)
"""What the harness gives Claude Code of a person's own variables."""
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy")
LOOPBACK = "127.0.0.1"
RUN_DOLLARS = 1
SLOTS = 2
SHARED = (f"concurrency: {{agents: {SLOTS}}}       # runs at once", "retry: {max_attempts: 2, backoff: 1s}")


class Refused(Exception):
    """The demo does not begin, or does not go on, by the wish or a mistake of whoever started it."""

    def __init__(self, text: str, cure: str = "") -> None:
        super().__init__(text)
        self.cure = cure


@dataclass(frozen=True, kw_only=True)
class Agents:
    """How they are run, and in what time things happen.

    At the age of ``middle_seconds`` an agent is in the middle of its step; without any event for ``silence_seconds``
    something is wrong. Each ``pause_seconds`` they are looked at, and each ``sweep_seconds`` a sweep is done in place
    of cron, which would do it each minute: what backs off is started again by it.
    """

    name: str
    harness: str
    settings: tuple[str, ...]
    middle_seconds: float
    silence_seconds: float
    pause_seconds: float
    sweep_seconds: float
    environ: Mapping[str, str] = field(default_factory=dict)


OFFLINE = Agents(
    name="offline",
    harness="script",
    settings=("harness: {default: script}     # each agent's offline program, no model", *SHARED),
    middle_seconds=0.12,
    silence_seconds=60.0,
    pause_seconds=0.02,
    sweep_seconds=3.0,
)


def claude(environ: Mapping[str, str]) -> Agents:
    """Return Claude Code as it is installed for this person; refuse where it is not."""
    if shutil.which("claude", path=environ.get("PATH")) is None:
        raise Refused("cannot run Claude Code: the program claude is not in PATH", f"install it with: {INSTALL}")
    own = {name: environ[name] for name in (*KEYS, *PROXIES) if environ.get(name)}
    proxies = [name for name in PROXIES if name in own]
    more = (f"env: [{', '.join(proxies)}]",) if proxies else ()
    # The stand-in for Telegram is on this machine, where no proxy finds it.
    for name in ("NO_PROXY", "no_proxy") if proxies else ():
        own[name] = ",".join(filter(None, (environ.get(name), LOOPBACK)))
    return Agents(
        name="claude",
        harness="claude",
        settings=(f"harness: {{default: claude, claude: {{max_budget_usd: {RUN_DOLLARS}}}}}", *SHARED, *more),
        middle_seconds=5.0,
        silence_seconds=2 * 60 * 60.0,
        pause_seconds=0.2,
        sweep_seconds=60.0,
        environ=own,
    )
