"""What the operator wrote in one home, and the agents it knows, read afresh. Late imports here are for start-up."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from baton.store.layout import Home, toolkit_path

if TYPE_CHECKING:
    from baton.domain.settings import Settings
    from baton.domain.skills import Skill
    from baton.store.sealed_keys import SealedKeys

SHIPPED_SKILLS = toolkit_path("skills")


class HomeConfig:
    """What the operator wrote in one home, read afresh when it changes."""

    def __init__(self, home: Home, environ: Mapping[str, str]) -> None:
        self._home = home
        self._environ = environ

    def settings(self) -> Settings:
        """The settings in force; the defaults where there is no file."""
        from baton.domain.settings import Settings  # start-up
        from baton.store.documents import load  # start-up

        return load(self._home.settings_file, Settings, self._home.cache, name="settings", default=Settings())

    def is_stopped(self) -> bool:
        """Tell whether the stop file exists."""
        return os.path.exists(self._home.stop_file)

    def credential(self, name: str) -> str | None:
        """The value of a secret that an agent may be given: from the environment, else from the home's ``.env``."""
        from baton.store.dotenv import credential  # start-up

        return credential(name, self._environ, self._env_file)

    def secret(self, name: str) -> str | None:
        """The value of a secret for a program of ours, which hands it on to nobody.

        From the environment, else from the encrypted keys, else from ``.env``. Raise ``MissingCredentials`` or
        ``PermissionRefused`` for a key that is kept and cannot be opened: a stale one must not take its place unsaid.
        """
        # Looked for before anything is loaded: an idle sweep asks for the token of its messages.
        given = self._environ.get(name)
        kept = self.keys.open(name) if not given and os.path.exists(self._home.keys_file) else None
        return given or kept or self.credential(name)

    @cached_property
    def keys(self) -> SealedKeys:
        """The keys that are kept encrypted."""
        from baton.store.sealed_keys import SealedKeys  # start-up

        return SealedKeys(self._home.keys_file, self._environ)

    def secrets(self) -> frozenset[str]:
        """The values that no prompt and no page may hold: of keys, tokens and passwords, by their variables' names."""
        from baton.domain.redaction import secret_values  # start-up
        from baton.domain.services import Registry  # start-up
        from baton.store.documents import load  # start-up

        services = load(self._home.services_file, Registry, self._home.cache, name="services", default=Registry())
        named = {
            service.api_key_env
            for category in services.categories.values()
            for service in category.services
            if service.api_key_env is not None
        }
        return secret_values(self._env_file, named) | secret_values(self._environ, named)

    @cached_property
    def _env_file(self) -> dict[str, str]:
        from baton.store.dotenv import read_env  # start-up

        return read_env(self._home.env_file)


class HomeAgents:
    """The agents one home knows: its own, then the shipped ones."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def find(self, name: str) -> Skill:
        """The agent of this name; ``AgentNotFound`` with the cure."""
        from baton.store.skills import find_skill  # start-up

        return find_skill(name, self._home.skills, SHIPPED_SKILLS, self._home.cache)
