r"""A home's ``.env``: secrets for the scripts that need them. Read only here, and never passed on whole to an agent.

A line is ``KEY=VALUE``, with an optional ``export`` before it and spaces around the ``=``. A bare value ends at the
first ``#`` that follows a blank; a single-quoted one is literal; in a double-quoted one ``\n \r \t \" \\ \$`` are
escapes. A value stands on one line, and ``$NAME`` is not expanded. The last line of a name wins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from baton.domain.errors import InvalidInput
from baton.store.files import read_bytes, said

_START = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=")
_BARE_END = re.compile(r"[ \t]+#")
_QUOTED = {
    "'": re.compile(r"'([^']*)'[ \t]*(?:#.*)?"),
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"[ \t]*(?:#.*)?'),
}
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}
_CURE = "write it as KEY=VALUE, and quote a value that holds quotes or ' #'"


def read_env(path: str) -> dict[str, str]:
    """Read a ``.env`` file as names and values; a file that does not exist holds none.

    Raise ``InvalidInput`` for a line that cannot be understood, with the file and the line's number but nothing of
    what stands there; ``StorageError`` or ``PermissionRefused`` when the file cannot be read.
    """
    with said(path):
        data = read_bytes(path)
    if data is None:
        return {}
    text = _decoded(data)
    if text is None:
        raise InvalidInput(f"{path} is not UTF-8 text", cure="save it as UTF-8")
    return parse_env(text, path)


def parse_env(text: str, source: str = ".env") -> dict[str, str]:
    """Read the text of a ``.env`` file; ``source`` is its name for messages. Raise ``InvalidInput`` as above."""
    found: dict[str, str] = {}
    # Not splitlines(): it also breaks at characters that may stand in a value, like U+2028.
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        stripped = line.strip(" \t\r")
        if not stripped or stripped.startswith("#"):
            continue
        pair = _pair(stripped)
        if pair is None:
            raise InvalidInput(f"{source}, line {number}: this is not KEY=VALUE with a whole value", cure=_CURE)
        found[pair[0]] = pair[1]
    return found


def credential(name: str, environ: Mapping[str, str], env_file: Mapping[str, str]) -> str | None:
    """Return a secret by name, from the environment first, then from what :func:`read_env` returned.

    An empty value is as good as none in both places: units and CI jobs set a variable they have no value for to "".
    """
    return environ.get(name) or env_file.get(name) or None


def _decoded(data: bytes) -> str | None:
    # The decoder's exception carries the whole file; our error must be raised where that one is no longer current.
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _pair(line: str) -> tuple[str, str] | None:
    start = _START.match(line)
    if start is None or "\0" in line:
        return None
    rest = line[start.end() :]
    value = rest.lstrip(" \t")
    quote = value[:1]
    if quote not in _QUOTED:
        # Blanks before the first character count: in "KEY= # words" the value is empty.
        return start[1], _BARE_END.split(rest, maxsplit=1)[0].strip(" \t")
    quoted = _QUOTED[quote].fullmatch(value)
    if quoted is None:
        return None
    return start[1], quoted[1] if quote == "'" else _ESCAPE.sub(_unescaped, quoted[1])


def _unescaped(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[1], match[0])
