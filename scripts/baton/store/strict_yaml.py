"""One YAML or JSON document that a person wrote, read strictly into plain data, with the line of every value.

What plain YAML would guess, or let a reader blow up on, is refused or taken as written:

* Numbers are what JSON calls numbers, within 64 bits; ``true``, ``false`` and ``null`` (also ``True``, ``TRUE``, ``~``,
  nothing) are what YAML 1.2 says. Everything else is text: ``no``, ``on``, ``012``, ``0x1F``, ``1_000``, ``12:30``,
  ``2026-11-21``.
* Keys are text and stand once; anchors, aliases, merge keys, tags of other types and further documents are refused.

This room imports PyYAML, which costs two bare interpreter starts: import it late, and only where no cache answers.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from baton.domain.errors import InvalidInput

Path = tuple[str | int, ...]
Step = tuple[str, Any, int]  # "{", "[", "end" or "scalar"; the scalar's value, or why it is refused; its line

MAX_BYTES = 1 << 20
MAX_DEPTH = 32

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# U+0085, U+2028 and U+2029 end a line in YAML 1.1 but not in JSON or YAML 1.2, so they may not stand unescaped.
_UNPRINTABLE = re.compile("[^\t\n\r -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS = {"": None, "~": None} | {
    spelled: value
    for word, value in (("null", None), ("true", True), ("false", False))
    for spelled in (word, word.capitalize(), word.upper())
}
_NOT_FINITE = re.compile(r"[-+]?\.(?i:nan|inf)|NaN|-?Infinity")
_JSON_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]|[^\s{}\[\],:"]+')
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,59}")
_CORE = "tag:yaml.org,2002:"
_CORE_TYPES = {"int": int, "float": float, "bool": bool, "null": type(None)}
_LOOK = "look at the indentation, colons, quotes and brackets here and just above; text with ': ' in it needs quotes"


class EmptyDocument(InvalidInput):
    """The file is empty."""


class Document(NamedTuple):
    """Plain data, and the line (from 1) of each value by its path; of a mapping's value it is the line of the key."""

    data: Any
    lines: dict[Path, int]


class _Refused(Exception):
    """A line, what is wrong there, and its cure; the path is known to who catches it."""


def parse(source: bytes | str, name: str, *, max_bytes: int = MAX_BYTES) -> Document:
    """Read one document; ``name`` is the file's name for messages.

    A text that begins like JSON and is JSON is read as JSON; one whose name ends in ``.json`` must be.
    Raises :class:`InvalidInput`, its message ``<name>:<line>: <path>: <what>``, and nothing else;
    :class:`EmptyDocument` where there is nothing but white space and comments.
    """
    text = decode(source, name, max_bytes=max_bytes)
    bad = _UNPRINTABLE.search(text)
    if bad:
        cure = f'remove it, or write it in double quotes as "\\u{ord(bad[0]):04x}"'
        line, what = text.count("\n", 0, bad.start()) + 1, f"the character U+{ord(bad[0]):04X} is not allowed"
        raise refusal(name, line, (), what, cure)
    tree = _Tree()
    try:
        for kind, value, line in _steps(text, name):
            tree.take(kind, value, line)
    except _Refused as refused:
        line, what, cure = refused.args
        raise refusal(name, line, tree.path, what, cure) from None
    if () not in tree.lines:
        raise EmptyDocument(f"{name}: the file is empty", cure="write the document, or remove the file")
    return Document(tree.root, tree.lines)


def decode(source: bytes | str, name: str, *, max_bytes: int = MAX_BYTES) -> str:
    """Return the file's text without a byte order mark; raise :class:`InvalidInput` when too large or not UTF-8."""
    raw = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if len(raw) > max_bytes:
        raise InvalidInput(f"{name}: the file is larger than {max_bytes} bytes", cure="keep only what belongs in it")
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line, what = raw.count(b"\n", 0, error.start) + 1, f"the byte 0x{raw[error.start]:02x} is not UTF-8 text"
        raise refusal(name, line, (), what, "save the file as UTF-8 text") from None


def refusal(name: str, line: int | None, path: Path, what: str, cure: str) -> InvalidInput:
    """Return the error ``<name>:<line>: <path>: <what>``; a line or a path that is not known is left out."""
    where = f"{name}:{line}" if line else name
    return InvalidInput(f"{where}: {shown(path)}: {what}" if path else f"{where}: {what}", cure=cure)


def shown(path: Path) -> str:
    """Write a path as people do, e.g. ``main_steps[1].agent``; an odd key stands in brackets and quotes."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}"
        else:
            text += f"[{json.dumps(step if len(step) <= 60 else step[:57] + '...')}]"
    return text.removeprefix(".")


class _Tree:
    """The data as it grows, one step at a time and without recursion, so that no depth of input can hurt."""

    def __init__(self) -> None:
        self.root: Any = None
        self.lines: dict[Path, int] = {}
        self._open: list[Any] = []
        self._at: list[str | int | None] = []  # in each open container the key or index being read

    @property
    def path(self) -> Path:
        """Where the value being read stands."""
        return tuple(step for step in self._at if step is not None)

    def take(self, kind: str, value: Any, line: int) -> None:
        if kind == "end":
            self._open.pop()
            self._at.pop()
            self._value_is_read()
        elif self._open and isinstance(self._open[-1], dict) and self._at[-1] is None:
            self._take_key(kind, value, line)
        else:
            self._take_value({} if kind == "{" else [] if kind == "[" else value, kind, line)

    def _take_key(self, kind: str, value: Any, line: int) -> None:
        if isinstance(value, _Refused):
            raise value
        if kind != "scalar":
            raise _Refused(line, "a key may not be a mapping or a list", "write a word before the colon")
        if not isinstance(value, str):
            raise _Refused(line, f"the key {json.dumps(value)} is not text", "put it in quotes")
        self._at[-1] = value
        first = self.lines.setdefault(self.path, line)
        if value in self._open[-1]:
            raise _Refused(line, f"the key stands twice, first on line {first}", "keep one of them")

    def _take_value(self, value: Any, kind: str, line: int) -> None:
        if self._open and isinstance(self._open[-1], list):
            self._at[-1] = len(self._open[-1])
        if isinstance(value, _Refused):
            raise value  # only now is it known where it stands
        if not self._open:
            self.root = value
        elif isinstance(self._open[-1], dict):
            self._open[-1][self._at[-1]] = value
        else:
            self._open[-1].append(value)
        self.lines.setdefault(self.path, line)
        if kind == "scalar":
            self._value_is_read()
        elif len(self._open) == MAX_DEPTH:
            raise _Refused(line, f"nested more than {MAX_DEPTH} deep", "write it flatter")
        else:
            self._open.append(value)
            self._at.append(None)

    def _value_is_read(self) -> None:
        if self._open and isinstance(self._open[-1], dict):
            self._at[-1] = None


def _steps(text: str, name: str) -> Iterator[Step]:
    must_be_json = name.lower().endswith(".json") and text.strip() != ""
    if must_be_json or text.lstrip()[:1] in ("{", "["):
        try:
            json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
            return _json_steps(text)
        except json.JSONDecodeError as error:
            if must_be_json:
                what = f"not valid JSON: {error.msg[:1].lower()}{error.msg[1:]}"
                raise _Refused(error.lineno, what, "look at the commas, quotes and brackets here and above") from None
        except RecursionError:
            pass  # the YAML reader takes one step at a time, and refuses the depth in words
    return _yaml_steps(text)


def _json_steps(text: str) -> Iterator[Step]:
    line, seen = 1, 0
    for token in _JSON_TOKEN.finditer(text):
        line, seen = line + text.count("\n", seen, token.start()), token.start()
        if token[0] in "{[":
            yield token[0], None, line
        elif token[0] in "}]":
            yield "end", None, line
        else:
            is_text = token[0][0] == '"'
            yield "scalar", _text(json.loads(token[0]), line) if is_text else _plain(token[0], line), line


def _yaml_steps(text: str) -> Iterator[Step]:
    documents = 0
    events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
    try:
        for event in events:
            line = event.start_mark.line + 1
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _Refused(line, "a second document begins here", "keep one document a file; remove this '---'")
            elif isinstance(event, yaml.CollectionEndEvent):
                yield "end", None, line
            elif isinstance(event, yaml.NodeEvent):
                yield _node(event, line)
    except yaml.MarkedYAMLError as error:
        mark, rows = error.problem_mark or error.context_mark, text.split("\n")
        line = min(mark.line + 1, len(rows)) if mark else 1
        row = rows[line - 1]
        cure = "indent with spaces, not with tabs" if "\t" in row[: len(row) - len(row.lstrip())] else _LOOK
        raise _Refused(line, f"not valid YAML: {error.problem or error.context}", cure) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise _Refused(1, f"not valid YAML: {error}".splitlines()[0], _LOOK) from None


def _node(event: Any, line: int) -> Step:
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        what = (
            f"anchors and aliases ({'*' if isinstance(event, yaml.AliasEvent) else '&'}{event.anchor}) are not allowed"
        )
        return "scalar", _Refused(line, what, "write the value out where it is needed"), line
    tag = None if event.tag in (None, "!") else event.tag.removeprefix(_CORE)
    if isinstance(event, yaml.MappingStartEvent) and tag in (None, "map"):
        return "{", None, line
    if isinstance(event, yaml.SequenceStartEvent) and tag in (None, "seq"):
        return "[", None, line
    if isinstance(event, yaml.ScalarEvent):
        if tag == "str" or (tag is None and (event.tag == "!" or not event.implicit[0])):
            return "scalar", _text(event.value, line), line
        if tag is None:
            return "scalar", _plain(event.value, line), line
        if tag in _CORE_TYPES:
            return "scalar", _tagged(tag, event.value, line), line
    what = f"the tag {event.tag.replace(_CORE, '!!')!r} is not allowed"
    return "scalar", _Refused(line, what, "remove it: the plain value is enough"), line


def _tagged(tag: str, text: str, line: int) -> Any:
    value = _plain(text, line)
    if tag == "float" and type(value) is int:
        return float(value)
    if type(value) is not _CORE_TYPES[tag]:
        return _Refused(line, f"the tag '!!{tag}' does not fit {text[:60]!r}", "remove the tag, or correct the value")
    return value


def _plain(text: str, line: int) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if text == "<<":
        return _Refused(line, "merge keys (<<) are not allowed", "write the keys out where they are needed")
    number = _NUMBER.fullmatch(text)
    if number is None and not _NOT_FINITE.fullmatch(text):
        return _text(text, line)
    if number and not (number[1] or number[2]):
        if len(text) <= 20 and -(2**63) <= int(text) < 2**63:
            return int(text)
    elif number and math.isfinite(float(text)):
        return float(text)
    what = f"the number {text[:60]} is out of range"
    return _Refused(line, what, "write a finite number of at most 64 bits, or put it in quotes")


def _text(value: str, line: int) -> str | _Refused:
    # Written as escapes: no file name, argument or file of ours can carry them.
    if "\0" in value or _SURROGATE.search(value):
        return _Refused(line, "the text holds a NUL or half a surrogate pair", "remove the escape")
    return value
