"""Where everything lies in a home. The only place that knows the names of its folders."""

from __future__ import annotations

import os

from baton.store.files import make_folders

TOOLKIT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
FOLDERS = (
    "config/pipelines",
    "config/prompts",
    "skills",
    "memory/WORKING",
    "memory/daily",
    "memory/long-term",
    "projects",
    "logs",
)
STATE_FOLDERS = (
    "tasks", "campaigns", "archive/tasks", "archive/campaigns", "runs", "events", "quarantine/tasks",
    "quarantine/campaigns", "locks", "slots", "ready", "waits", "tmp", "cache", "archive/agents", "quarantine/agents",
    "agents", "projects",
)  # fmt: skip


class Home:
    """A home's paths. ``root`` is absolute; nothing is made before :meth:`make_state`."""

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)
        self.state = os.path.join(self.root, "state")
        self.config = os.path.join(self.root, "config")
        self.skills = os.path.join(self.root, "skills")
        self.logs = os.path.join(self.root, "logs")
        self.stop_file = os.path.join(self.state, "stop")
        self.settings_file = os.path.join(self.config, "baton.yaml")
        self.services_file = os.path.join(self.config, "services.yaml")
        self.keys_file = os.path.join(self.config, "keys.json")
        self.env_file = os.path.join(self.root, ".env")
        self.cache = os.path.join(self.state, "cache")

    def in_state(self, *parts: str) -> str:
        """A path below ``state/``."""
        return os.path.join(self.state, *parts)

    def make_state(self, *, is_new_boot: bool) -> None:
        """Make the folders below ``state/`` that are missing; in a boot that has seen them all, one look is enough."""
        # The last one made tells that all of them are there, unless power loss has taken some.
        if not is_new_boot and os.path.isdir(self.in_state(STATE_FOLDERS[-1])):
            return
        make_folders([self.state, *(self.in_state(folder) for folder in STATE_FOLDERS)])

    def is_home(self) -> bool:
        """Tell whether this looks like a home: it has a ``config`` or a ``state`` folder."""
        return os.path.isdir(self.config) or os.path.isdir(self.state)


def toolkit_path(*parts: str) -> str:
    """A path in the toolkit itself: shipped skills, presets, templates, scripts."""
    return os.path.join(TOOLKIT, *parts)
