"""The token that listeners of streaming runs present, ``state/serve.token``: made once, private, kept over restarts."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping

from baton.domain.errors import InvalidInput
from baton.store.files import make_folder, read_private, replace, said

VARIABLE = "BATON_SERVE_TOKEN"
NAME = "serve.token"
LONGEST = 4096
_TOKEN = re.compile(r"[!-~]{16,1024}")


def serve_token(state: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the token, and where it stands: in ``BATON_SERVE_TOKEN``, else in the file, which is made when missing."""
    given = environ.get(VARIABLE)
    if given:
        return _checked(given, VARIABLE), VARIABLE
    path = os.path.join(state, NAME)
    found = read_private(path, LONGEST, cure=f"; if others use this machine, then also: rm {path}")
    if found is None:
        token = secrets.token_urlsafe(32)
        with said(path):
            make_folder(state)
            replace(path, f"{token}\n".encode(), f"{path}.{os.getpid()}")
        return token, path
    return _checked(found.decode("utf-8", "replace").strip(), path), path


def _checked(token: str, where: str) -> str:
    if _TOKEN.fullmatch(token) is None:
        raise InvalidInput(
            f"what stands in {where} is no token",
            cure="16 to 1024 letters, digits and signs, without blanks; or remove it, and one is made",
        )
    return token
