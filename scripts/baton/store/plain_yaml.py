"""Plain data as a text that people can read and change, and that is read again as exactly the same."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from baton.domain.errors import InvalidInput

# Whatever else looks like a text to PyYAML may be a number or a word to us.
_SURELY_TEXT = re.compile(r"[A-Za-z_/][A-Za-z_/ .,()-]*[a-z_.)]")


def as_written(value: Any) -> Any:
    """Return a value as a person would write it: without what stands there anyway."""
    if isinstance(value, msgspec.Struct):
        names, defaults = value.__struct_fields__, value.__struct_defaults__
        required = names[: len(names) - len(defaults)]
        kept = {
            name: as_written(getattr(value, name))
            for name, default in zip(names[len(required) :], defaults, strict=True)
            if default is msgspec.NODEFAULT or getattr(value, name) != _made(default)
        }
        return {name: as_written(getattr(value, name)) for name in required} | kept
    if isinstance(value, dict):
        return {key: as_written(one) for key, one in value.items()}
    return [as_written(one) for one in value] if isinstance(value, list | tuple) else value


def _made(default: Any) -> Any:
    return default.factory() if hasattr(default, "factory") else default


def as_json(data: Any) -> bytes:
    """Return the data as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(data), indent=2) + b"\n"


def as_yaml(data: Any, name: str, max_bytes: int) -> bytes:
    """Return the data as YAML, or as JSON (which is YAML, too) where what it says in YAML would be read otherwise."""
    from baton.store import strict_yaml  # start-up: PyYAML, which no --help needs

    plain = msgspec.json.decode(msgspec.json.encode(data))
    text = _dumped(plain)
    try:
        if strict_yaml.parse(text, name, max_bytes=max_bytes).data == plain:
            return text.encode()
    except InvalidInput:
        return as_json(plain)
    return as_json(plain)


def _dumped(plain: Any) -> str:
    """Texts of several lines as blocks; in quotes what might be taken for something else."""
    import yaml  # start-up

    class Dumper(yaml.SafeDumper):
        """Knows how texts are to be written."""

    def text(dumper: Any, value: str) -> Any:
        is_block = "\n" in value and not any(line.endswith((" ", "\t")) for line in value.split("\n"))
        style = "|" if is_block else None if _SURELY_TEXT.fullmatch(value) and ": " not in value else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    made: str = yaml.dump(
        plain, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False
    )
    return made
