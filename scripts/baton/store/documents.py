"""Files that people write, as typed values: parsed strictly once, then answered from a JSON cache.

A call with a fresh cache costs a ``stat``, a read and a decode, and imports nothing but msgspec; YAML and what finds
the words for an error are imported behind it (measured: 15 to 20 ms, more than all the rest of a call).

A cache entry is a line that says which file it was made from, a line of JSON (the data as written, so that the type
decides anew what is valid), and, when that file had been changed just before, its source: a later change of the same
size could bear the same time stamps, so such an entry counts only while the bytes agree.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, TypeVar, overload

import msgspec
from msgspec import inspect

from baton.domain.errors import InvalidInput, StorageError
from baton.store import files

T = TypeVar("T")
D = TypeVar("D")
Prepare = Callable[[bytes, str], bytes]
Path = tuple[str | int, ...]

SETTINGS_TEMPLATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates", "baton.yaml")
MAX_BYTES = 1 << 20

_FORMAT = "baton-document-1"  # to be raised whenever the same source comes to be read as other data
_KNOWN: dict[tuple[str, Any], tuple[bytes, Any]] = {}  # by this process, which asks for settings ten times a step
_SETTLED_NS = 2_500_000_000  # coarser than the time stamps of any local file system (FAT: 2 s)
_WORDS = {
    "object": "a mapping",
    "array": "a list",
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
}


@overload
def load(path: str, type: type[T], cache_dir: str | None, *, name: str, prepare: Prepare | None = ...) -> T | None: ...
@overload
def load(
    path: str, type: type[T], cache_dir: str | None, *, name: str, default: D, prepare: Prepare | None = ...
) -> T | D: ...
def load(
    path: str, type: Any, cache_dir: str | None, *, name: str, default: Any = None, prepare: Prepare | None = None
) -> Any:
    """Read the YAML or JSON file at ``path`` as ``type`` (a msgspec Struct); ``default`` when there is no such file.

    ``name`` is an id: that of the entry in ``cache_dir`` (``None``: no cache; the folder is not made). ``prepare`` gets
    bytes and path and returns the part that is the document, on the lines where it stands. A file that holds nothing
    counts as a mapping without keys, where the type asks for none.

    Raises ``InvalidInput`` (``<file>:<line>: <path>: <what>``), ``PermissionRefused`` or ``StorageError``.
    A type's ``__post_init__`` says no with ``ValueError("<key>: <what>")`` (or ``"<key> <what>"``), best raised from an
    ``InvalidInput`` that holds the cure, or as details the ``word`` written and those ``known``.
    """
    try:
        found = os.stat(path)
    except FileNotFoundError:
        if os.path.islink(path):
            raise StorageError(f"{path}: the link leads to nothing", cure="mend or remove it") from None
        return default
    except OSError as error:
        raise files.translated(error, path) from None
    cache = os.path.join(cache_dir, f"{name}.json") if cache_dir is not None else None
    mark = _mark(found, settled=True)
    if (known := _KNOWN.get((path, type))) is not None and known[0] == mark:
        return known[1]
    made_from, _, data = _entry(cache).partition(b"\n")
    if made_from == mark and (hit := _decoded(data, type)) is not None:
        _KNOWN[path, type] = mark, hit
        return hit
    settled, source, hit = _is_settled(found), _read(path, found), None
    if made_from == _mark(found, settled=False):
        data, _, cached_source = data.partition(b"\n")
        hit = _decoded(data, type) if source == cached_source else None
        if hit is not None and not settled:
            return hit
    if hit is None:
        data, hit = _parsed(prepare(source, path) if prepare else source, type, path)
    if cache is not None:
        _keep(cache, path, found, settled, data, source)
    return hit


def load_text(text: str | bytes, type: type[T], source_name: str, max_bytes: int = MAX_BYTES) -> T:
    """Read a YAML or JSON text as ``type``; ``source_name`` is its name in messages. Raises ``InvalidInput``."""
    value: T = _parsed(text, type, source_name, max_bytes)[1]
    return value


def nearest_cure(word: str, known: Iterable[str]) -> str:
    """Return the cure for a word that is not one of ``known``."""
    from baton.domain import refusals  # start-up: for an error's words alone

    return refusals.nearest_cure(word, known)


# -- the cache ----------------------------------------------------------------------------------------------------


def _mark(found: os.stat_result, *, settled: bool) -> bytes:
    state = "settled" if settled else "recent"
    return f"{_FORMAT} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_size} {found.st_ino} {state}".encode()


def _is_settled(found: os.stat_result) -> bool:
    """Tell whether any change from now on must show in the stamps; to be asked before the file is read."""
    now = time.time_ns()
    return min(abs(now - found.st_mtime_ns), abs(now - found.st_ctime_ns)) > _SETTLED_NS


def _entry(cache: str | None) -> bytes:
    try:
        return (files.read_bytes(cache) or b"") if cache else b""
    except OSError:
        return b""


def _decoded(data: bytes, type: type[T]) -> T | None:
    # An entry that is damaged, or that a newer type no longer accepts, is as good as none.
    try:
        return msgspec.json.decode(data, type=type)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _keep(cache: str, path: str, found: os.stat_result, settled: bool, data: bytes, source: bytes) -> None:
    # Where the cache cannot be written, the next call parses again: no reason to fail this one.
    with suppress(OSError):
        if _mark(os.stat(path), settled=settled) == _mark(found, settled=settled):
            entry = b"\n".join((_mark(found, settled=settled), data, b"" if settled else source))
            files.replace(cache, entry, f"{cache}.{os.getpid()}.tmp", durable=False)


# -- behind it ----------------------------------------------------------------------------------------------------


def _read(path: str, found: os.stat_result) -> bytes:
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe, a socket or a device"
        raise StorageError(f"{path}: is {what}, not a file", cure="put a file in its place")
    if found.st_size > MAX_BYTES:
        raise InvalidInput(f"{path}: the file is larger than {MAX_BYTES} bytes", cure="keep only what belongs in it")
    try:
        source = files.read_bytes(path)
    except OSError as error:
        raise files.translated(error, path) from None
    if source is None:
        raise StorageError(f"{path}: vanished while it was read", cure="run it again")
    return source


def _parsed(source: str | bytes, type: Any, name: str, max_bytes: int = MAX_BYTES) -> tuple[bytes, Any]:
    from baton.store import strict_yaml  # start-up: costs more than a whole call that parses nothing

    try:
        data, lines = strict_yaml.parse(source, name, max_bytes=max_bytes)
    except strict_yaml.EmptyDocument:
        with suppress(msgspec.ValidationError):
            return b"{}", msgspec.convert({}, type, strict=True)
        raise
    try:
        return msgspec.json.encode(data), msgspec.convert(data, type, strict=True)
    except msgspec.ValidationError as error:
        path, what, cure = _explained(error, data, lines, type)
    line = next((lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in lines), None)
    raise strict_yaml.refusal(name, line, path, what, cure)


# -- what msgspec refused, in words -------------------------------------------------------------------------------


def _explained(error: msgspec.ValidationError, data: Any, lines: Iterable[Path], type: Any) -> tuple[Path, str, str]:
    """Return the path, the words and the cure of what ``msgspec.convert(data, type)`` refused."""
    what, _, at = str(error).rpartition(" - at `")
    what, at = (what, at[:-1].rpartition("`")[2]) if what else (at, "$")
    path = _path(at, error, data, type)
    types = list(_types_at(type, path))
    unknown = re.fullmatch("Object contains unknown field `(.*)`", what, re.DOTALL)
    if unknown:
        keys = [field.encode_name for one in types for field in getattr(one, "fields", ())]
        return (*path, unknown[1]), "unknown key", nearest_cure(unknown[1], keys)
    missing = re.fullmatch("Object missing required field `(.*)`", what, re.DOTALL)
    if missing:
        return path, f"the key '{missing[1]}' is missing", f"add '{missing[1]}: ...'"
    if error.__cause__ is not None:
        return _said_by_type(error.__cause__, path, what, lines)
    cure = _cure(what, types, _inside(data, path))
    what = re.sub("`([^`]*)`", lambda word: " or ".join(_WORDS.get(one, one) for one in word[1].split(" | ")), what)
    return path, what[:1].lower() + what[1:], cure


def _said_by_type(cause: BaseException, path: Path, what: str, lines: Iterable[Path]) -> tuple[Path, str, str]:
    origin, cure = cause.__cause__, ""
    if isinstance(origin, InvalidInput):
        known = origin.details.get("known")
        cure = nearest_cure(str(origin.details.get("word")), known) if known else origin.cure
    for one in lines:
        key = ".".join(map(str, one[len(path) :]))
        if one[: len(path)] == path and what.startswith((f"{key}: ", f"{key} ")):
            return one, what[len(key) :].lstrip(": "), cure or "correct it"
    return path, what, cure or "correct it"


def _cure(what: str, types: list[inspect.Type], value: Any) -> str:
    for one in types:
        if isinstance(one, inspect.Metadata) and one.extra_json_schema and "examples" in one.extra_json_schema:
            return f"write it like {one.extra_json_schema['examples'][0]}"
        if isinstance(one, inspect.LiteralType):
            return nearest_cure(str(value), map(str, one.values))
        if isinstance(one, inspect.EnumType):
            return nearest_cure(str(value), (str(member.value) for member in one.cls))
    if value is None:
        return "write a value, or remove the key"
    is_text_wanted = what.startswith("Expected `str") and not isinstance(value, dict | list)
    return "put the value in quotes" if is_text_wanted else "correct the value"


def _path(at: str, error: msgspec.ValidationError, data: Any, type: Any) -> Path:
    """Return the path msgspec names, with the keys it leaves out (it writes ``[...]`` for any key of a dict)."""
    path: Path = ()
    for step in re.finditer(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]", at):
        key = step[1] or (int(step[2]) if step[2] else _culprit(path, error, data, type))
        if key is None or _inside(data, (*path, key)) is _NOWHERE:
            break
        path = (*path, key)
    return path


_NOWHERE: Any = object()


def _inside(data: Any, path: Path) -> Any:
    for step in path:
        try:
            data = data[step]
        except (LookupError, TypeError):
            return _NOWHERE
    return data


def _culprit(path: Path, error: msgspec.ValidationError, data: Any, type: Any) -> str | None:
    # Ask again with one key at a time: the same words mean the same fault.
    here = _inside(data, path)
    for key in here if isinstance(here, dict) else ():
        try:
            msgspec.convert(_replaced(data, path, {key: here[key]}), type, strict=True)
        except msgspec.ValidationError as again:
            if str(again) == str(error):
                return str(key)
    return None


def _replaced(data: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    copy = data.copy()
    copy[path[0]] = _replaced(data[path[0]], path[1:], value)
    return copy


def _types_at(type: Any, path: Path) -> Iterator[inspect.Type]:
    """Yield what may stand at ``path``, each alternative of a union by itself."""
    types = list(_alternatives(inspect.type_info(type)))
    for step in path:
        types = [inner for one in types for found in _step_into(one, step) for inner in _alternatives(found)]
    yield from types


def _alternatives(one: inspect.Type) -> Iterator[inspect.Type]:
    yield one
    if isinstance(one, inspect.Metadata):
        yield from _alternatives(one.type)
    for inner in one.types if isinstance(one, inspect.UnionType) else ():
        yield from _alternatives(inner)


def _step_into(one: inspect.Type, step: str | int) -> Iterator[inspect.Type]:
    if isinstance(one, inspect.StructType):
        yield from (field.type for field in one.fields if field.encode_name == step)
    elif isinstance(one, inspect.DictType):
        yield one.value_type
    elif isinstance(one, inspect.TupleType):
        yield from one.item_types[step : step + 1] if isinstance(step, int) else ()
    elif isinstance(one, inspect.CollectionType):
        yield one.item_type
