"""Where services' programs lie: ``script`` is looked for below the home's ``config/``, then with the shipped ones."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from shutil import which

from baton.domain.environment import DEFAULT_PATH
from baton.domain.errors import InvalidInput
from baton.domain.services import Service
from baton.store.layout import Home, toolkit_path

SHIPPED = toolkit_path("skills", "_offline")


def program_of(home: Home, service: Service) -> str | None:
    """Return the executable of a service; ``None`` when it has none. ``InvalidInput`` when it cannot be run.

    A path in ``script`` is absolute, or stays within the folder in which it is looked for.
    """
    if service.script is None:
        return None
    what = f"the script {service.script!r} of service {service.name}"
    if os.path.isabs(service.script):
        path = service.script
    else:
        if not service.script or ".." in service.script.split("/"):
            raise InvalidInput(f"{what} leads out of its folder", cure="write its path from the home's config/")
        places = [os.path.join(folder, service.script) for folder in (home.config, SHIPPED)]
        path = next((place for place in places if os.path.lexists(place)), places[0])
    if not os.path.isfile(path):
        problem = "is not a file" if os.path.lexists(path) else "does not exist"
        raise InvalidInput(f"{what} {problem}: {path}", cure=f"put the program there, or mend {home.services_file}")
    if not os.access(path, os.X_OK):
        raise InvalidInput(f"{what} is not executable", cure=f"run: chmod +x {shlex.quote(path)}")
    return path


def missing_command(service: Service, environ: Mapping[str, str]) -> str | None:
    """Return the command of a service's MCP server when it is not in ``PATH``; of one with an address nothing is known."""
    if service.mcp_server is None or "://" in service.mcp_server:
        return None
    try:
        words = shlex.split(service.mcp_server)
    except ValueError:
        words = service.mcp_server.split()
    if not words or which(words[0], path=environ.get("PATH") or DEFAULT_PATH) is not None:
        return None
    return words[0]
