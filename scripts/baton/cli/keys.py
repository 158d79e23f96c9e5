"""Keys for Baton's own programs that call a model's API. They read the store themselves; no environment carries one."""

from __future__ import annotations

from collections.abc import Mapping

from baton.cli.configuration import HomeConfig
from baton.domain.errors import MissingCredentials
from baton.store.layout import Home


def key(home: Home, environ: Mapping[str, str], name: str) -> str:
    """Return the key of this name: from the environment, else the encrypted one, else from ``.env``.

    Raise ``MissingCredentials`` where there is none, or one that cannot be opened; ``PermissionRefused`` where others
    may know what opens it. Who holds a key passes it to ``redact`` with whatever it is going to write.
    """
    found = HomeConfig(home, environ).secret(name)
    if not found:
        raise MissingCredentials(
            f"the key {name} is not set", cure=f"key.py set {name}, or write it into {home.env_file}"
        )
    return found


def is_set(home: Home, environ: Mapping[str, str], name: str) -> bool:
    """Tell whether there is a key of this name, without opening it."""
    config = HomeConfig(home, environ)
    return bool(environ.get(name)) or name in config.keys.names() or bool(config.credential(name))
