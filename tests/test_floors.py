"""Who may import whom. The imports are read from the source; an arrow that the floors do not have fails.

The rules, where ARCHITECTURE leaves a choice:

- A file under ``adapters/<folder>/`` may import that folder's package, and of its files only a shared base: one that is
  no adapter itself (it defines no class with the name of a port) and imports none, through another one neither. Files
  straight under ``adapters/`` import no other adapter.
- What stands beside ``ports`` at the top of the package (``start``, ``bootstrap``, ...) runs before any package is
  there: it imports the standard library and its like. Of it, scripts know ``start`` alone.
- A late import and one for type checkers are arrows like any other, for cycles too.
- A late import of ours is allowed where it, or the line above, says "start-up"; imports in a row need say it once.
- The demo is a user: it goes through the scripts, and imports only itself.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
PACKAGE = SCRIPTS / "baton"

MAY_IMPORT = {
    "domain": {"domain"},
    "ports": {"ports", "domain"},
    "store": {"store", "ports", "domain"},
    "engine": {"engine", "ports", "domain"},
    "adapters": {"adapters", "ports", "domain"},
    "cli": {"cli", "adapters", "engine", "store", "ports", "domain", "start-up"},
    "start-up": {"start-up"},
    "demo": {"demo", "start-up"},
    "scripts": {"cli", "start-up"},
}
STANDARD = frozenset(sys.stdlib_module_names)
# The domain has no I/O, clock, chance, environment, JSON or log: of what there is, only this.
DOMAIN_ALLOWED = frozenset(
    {
        "__future__", "bisect", "collections", "csv", "dataclasses", "datetime", "decimal", "difflib", "enum", "fractions",
        "functools", "heapq", "itertools", "math", "msgspec", "operator", "re", "string", "types", "typing",
        "unicodedata",
    }
)  # fmt: skip
DOMAIN_NEVER_CALLS = frozenset({"now", "utcnow", "today", "open", "print", "input", "exec", "eval", "__import__"})
DOMAIN_NEVER_NAMES = frozenset({"msgspec.json", "msgspec.yaml", "msgspec.toml", "msgspec.msgpack"})
NETWORK = frozenset({"socket", "ssl", "http", "urllib", "requests", "urllib3", "smtplib", "asyncio"})
NEVER = {
    "store": NETWORK | {"subprocess", "multiprocessing", "signal", "click", "jinja2"},
    "engine": NETWORK | {"click", "filelock", "fcntl", "jinja2", "yaml", "logging"},
    "adapters": frozenset({"click", "filelock"}),
    "ports": STANDARD - {"__future__", "collections", "typing"} | {"click", "filelock", "yaml", "requests", "jinja2"},
}
FORBIDDEN_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"})
LINE_LIMIT = 300


@dataclass(frozen=True)
class Arrow:
    """One import: who, whom, where, and whether it hides in a function without saying why."""

    source: str
    target: str
    line: int
    is_silent: bool

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


@dataclass(frozen=True)
class Module:
    """A module of ours: its dotted name, or ``scripts/<name>`` for a script, and its text."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def room(self) -> str:
        if self.name.startswith("scripts/"):
            return "scripts"
        return room_of(self.name)


def room_of(name: str) -> str:
    """The room that a module of the package belongs to."""
    parts = name.split(".")
    if len(parts) == 1:
        return "domain"  # the package itself: it may import nothing
    if len(parts) == 2 and parts[1] not in MAY_IMPORT:
        return "start-up"
    return parts[1]


def all_modules() -> list[Module]:
    """Every module of the package and every script, as it stands on disk."""
    found = [Module(f"scripts/{path.name}", path.read_text("utf-8")) for path in sorted(SCRIPTS.glob("*.py"))]
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(SCRIPTS).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append(Module(name, path.read_text("utf-8")))
    return found


# -- reading ------------------------------------------------------------------------------------------------------


def arrows(modules: list[Module]) -> list[Arrow]:
    """Every import of a module of ours by a module of ours."""
    names = {module.name for module in modules}
    return [arrow for module in modules for arrow in _arrows_of(module, names)]


def _arrows_of(module: Module, names: set[str]) -> Iterator[Arrow]:
    lines = module.text.splitlines()
    tree = module.tree
    late = {id(inner) for outer in ast.walk(tree) if isinstance(outer, _FUNCTIONS) for inner in ast.walk(outer)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for target in _imported(node, module.name, names):
            if target.split(".")[0] != "baton":
                continue
            is_silent = id(node) in late and not _says_why(lines, node)
            yield Arrow(module.name, target, node.lineno, is_silent)


def _says_why(lines: list[str], node: ast.Import | ast.ImportFrom) -> bool:
    first = node.lineno - 1
    while first > 0 and lines[first - 1].lstrip().startswith(("import ", "from ")):
        first -= 1
    return any("start-up" in line.partition("#")[2] for line in lines[max(0, first - 1) : node.end_lineno])


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def _imported(node: ast.Import | ast.ImportFrom, importer: str, names: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        package = importer.split(".")[: -node.level]
        base = ".".join([*package, *filter(None, [node.module])])
    for alias in node.names:
        full = f"{base}.{alias.name}"
        is_module = full in names or (base == "baton" and not alias.name.startswith("_"))
        yield full if is_module else base


def outside_imports(module: Module) -> Iterator[tuple[int, str]]:
    """Every import of something that is not ours, by its full name, with its line."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            targets = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from ((node.lineno, target) for target in targets if target.split(".")[0] != "baton")


# -- judging ------------------------------------------------------------------------------------------------------


def wrong_arrows(modules: list[Module]) -> list[str]:
    """Every arrow against the floors, in words."""
    rooms = {module.name: module.room for module in modules}
    wrong = []
    found = list(arrows(modules))
    bases = _shared_bases(modules, found)
    for arrow in found:
        source, target = rooms[arrow.source], rooms.get(arrow.target, room_of(arrow.target))
        if source not in MAY_IMPORT:
            wrong.append(f"{arrow.source} is in no room: give {source} a row in MAY_IMPORT")
        elif target not in MAY_IMPORT[source]:
            wrong.append(f"{arrow}: {source} may not know {target}")
        elif source == "scripts" and target == "start-up" and arrow.target != "baton.start":
            wrong.append(f"{arrow}: of what runs before the packages, a script knows baton.start alone")
        elif source == target == "adapters" and not _may_share(arrow, bases):
            wrong.append(f"{arrow}: adapters never import each other")
    return list(dict.fromkeys(wrong))  # one line may import several names


def _may_share(arrow: Arrow, bases: set[str]) -> bool:
    folder = arrow.target if arrow.target == _folder(arrow.source) else _folder(arrow.target)
    if folder == "baton.adapters" or folder not in (_folder(arrow.source), arrow.source):
        return False
    return arrow.target == folder or arrow.target in bases


def _folder(name: str) -> str:
    return name.rpartition(".")[0]


def _shared_bases(modules: list[Module], found: list[Arrow]) -> set[str]:
    """Return the files of adapters that are none, and lead to none: such a base may stand on others of its folder."""
    ports = _ports(modules)
    graph: dict[str, set[str]] = {}
    for arrow in found:
        if arrow.target.startswith("baton.adapters"):
            graph.setdefault(arrow.source, set()).add(arrow.target)
    plain = set()
    for module in modules:
        classes = {node.name for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)}
        if module.room == "adapters" and not classes & ports:
            plain.add(module.name)
    bases = plain
    while True:
        left = {name for name in bases if graph.get(name, set()) <= bases | {_folder(name)}}
        if left == bases:
            return bases
        bases = left


def _ports(modules: list[Module]) -> set[str]:
    texts = [module.tree for module in modules if module.room == "ports"]
    return {node.name for tree in texts for node in ast.walk(tree) if isinstance(node, ast.ClassDef)} | {"Notifier"}


def cycles(modules: list[Module]) -> list[list[str]]:
    """Every ring of modules that import each other, as the modules of the ring."""
    graph: dict[str, set[str]] = {module.name: set() for module in modules}
    for arrow in arrows(modules):
        if arrow.target in graph and arrow.target != arrow.source:
            graph[arrow.source].add(arrow.target)
    reached = {name: _reach(graph, name) for name in graph}
    rings = {frozenset(other for other in reached[name] if name in reached[other]) for name in graph}
    return [sorted(ring) for ring in rings if ring]


def _reach(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        new = graph[todo.pop()] - seen
        seen |= new
        todo += new
    return seen


def outside_the_domains_world(module: Module) -> list[str]:
    """What a module of the domain imports, names or calls that reaches out of it."""
    wrong = [
        f"{module.name}:{line} imports {name}"
        for line, name in outside_imports(module)
        if name.split(".")[0] not in DOMAIN_ALLOWED or name in DOMAIN_NEVER_NAMES
    ]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and _last_name(node.func) in DOMAIN_NEVER_CALLS:
            wrong.append(f"{module.name}:{node.lineno} calls {ast.unparse(node.func)}")
        if isinstance(node, ast.Attribute) and ast.unparse(node) in DOMAIN_NEVER_NAMES:
            wrong.append(f"{module.name}:{node.lineno} uses {ast.unparse(node)}")
    return wrong


def _last_name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


# -- the house as it stands ---------------------------------------------------------------------------------------

MODULES = all_modules()
every_module = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)


def test_the_whole_house_is_read() -> None:
    names = {module.name for module in MODULES}
    assert {"baton", "baton.ports", "baton.domain.tasks", "baton.adapters.harnesses", "baton.store.codec"} <= names
    assert {"domain", "ports", "store", "engine", "adapters", "cli"} <= {module.room for module in MODULES}


def test_no_import_goes_against_the_floors() -> None:
    wrong = wrong_arrows(MODULES)
    assert not wrong, "\n".join(wrong)


def test_no_modules_import_each_other_in_a_ring() -> None:
    assert cycles(MODULES) == []


def test_a_late_import_of_ours_says_that_it_is_for_start_up() -> None:
    silent = [str(arrow) for arrow in arrows(MODULES) if arrow.is_silent]
    assert not silent, "\n".join(silent)


@pytest.mark.parametrize("module", [one for one in MODULES if one.room == "domain"], ids=lambda module: module.name)
def test_the_domain_reaches_for_nothing_outside_itself(module: Module) -> None:
    assert outside_the_domains_world(module) == []


@pytest.mark.parametrize("module", [one for one in MODULES if one.room in NEVER], ids=lambda module: module.name)
def test_a_room_keeps_its_hands_off_what_is_not_its_own(module: Module) -> None:
    found = [f"{line}: {name}" for line, name in outside_imports(module) if name.split(".")[0] in NEVER[module.room]]
    assert found == []


def test_processes_of_the_engine_are_started_in_one_file() -> None:
    starters = {
        module.name
        for module in MODULES
        if module.room == "engine" and any(name.split(".")[0] == "subprocess" for _, name in outside_imports(module))
    }
    assert len(starters) <= 1


@pytest.mark.parametrize("module", [one for one in MODULES if one.room == "scripts"], ids=lambda module: module.name)
def test_a_script_imports_the_cli_click_and_the_standard_library_only(module: Module) -> None:
    assert {name.split(".")[0] for _, name in outside_imports(module)} <= STANDARD | {"click"}


@pytest.mark.parametrize("module", [one for one in MODULES if one.room == "start-up"], ids=lambda module: module.name)
def test_what_runs_before_the_packages_imports_the_standard_library_only(module: Module) -> None:
    assert {name.split(".")[0] for _, name in outside_imports(module)} <= STANDARD


@every_module
def test_a_file_is_at_most_300_lines(module: Module) -> None:
    count = module.text.count("\n")
    assert count <= LINE_LIMIT


@every_module
def test_a_module_is_called_after_what_it_is(module: Module) -> None:
    words = set(module.name.rpartition(".")[2].removeprefix("scripts/").removesuffix(".py").split("_"))
    assert not words & FORBIDDEN_NAMES


def test_no_script_bears_the_name_of_a_standard_module() -> None:
    assert not {module.name[8:-3] for module in MODULES if module.room == "scripts"} & STANDARD


# -- the reader itself --------------------------------------------------------------------------------------------

PORTS = Module("baton.ports", "class Harness: ...\nclass Clock: ...\n")


def house(**texts: str) -> list[Module]:
    """A house of these modules; ``_`` in a name stands for a dot."""
    return [PORTS, *(Module("baton." + name.replace("_", "."), text) for name, text in texts.items())]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("domain_tasks", "from baton.ports import Clock"),
        ("domain_tasks", "import baton.store.codec"),
        ("ports_x", "from baton.engine import door"),
        ("store_codec", "from baton.engine.door import Door"),
        ("store_codec", "from baton import adapters"),
        ("engine_door", "from baton.store import codec"),
        ("engine_door", "def f():\n    from baton.adapters.clock import C  # start-up"),
        ("engine_door", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import baton.cli.wiring"),
        ("adapters_clock", "from baton.store.files import replace"),
        ("adapters_clock", "from baton.cli import wiring"),
        ("cli_wiring", "import baton.unheard.of.room"),
        ("start", "from baton.domain import ids"),
        ("domain_tasks", "from ..store import codec"),
        ("unheard_of", "from baton.domain import ids"),
    ],
)
def test_an_arrow_against_the_floors_is_seen(name: str, text: str) -> None:
    assert len(wrong_arrows(house(**{name: text}))) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("domain_tasks", "from baton.domain import units\nfrom . import news"),
        ("store_codec", "from baton.ports import Clock\nfrom baton.domain.records import Task"),
        ("engine_door", "from baton.engine.sweep import sweep\nimport baton.ports"),
        ("adapters_clock", "from baton.domain.times import stamp"),
        ("cli_wiring", "from baton.engine import door\nfrom baton.store import x\nfrom baton.adapters import y"),
    ],
)
def test_an_arrow_down_the_floors_is_fine(name: str, text: str) -> None:
    assert wrong_arrows(house(**{name: text})) == []


def test_a_script_knows_the_cli_and_start_alone() -> None:
    text = "from baton import start\nfrom baton.cli.script import main\n"
    others = "from baton import bootstrap\nfrom baton.store import codec\nfrom baton.engine import door\n"
    known = house(start="", bootstrap="", cli_script="", store_codec="", engine_door="")
    assert wrong_arrows([*known, Module("scripts/x.py", text)]) == []
    assert len(wrong_arrows([*known, Module("scripts/x.py", others)])) == 3


BASE = "LIMIT = 3"
ADAPTER = "class Harness: ..."
TWO_BASES = {"adapters_harnesses_b": "from baton.adapters.harnesses import c"}


@pytest.mark.parametrize(
    ("texts", "count"),
    [
        ({"adapters_harnesses_a": "from baton.adapters import harnesses", "adapters_harnesses": ""}, 0),
        ({"adapters_harnesses_a": "from baton.adapters.harnesses import base", "adapters_harnesses_base": BASE}, 0),
        ({"adapters_harnesses_a": "from baton.adapters.harnesses import b", "adapters_harnesses_b": ADAPTER}, 1),
        ({"adapters_harnesses_a": "from baton.adapters.notifiers import base", "adapters_notifiers_base": BASE}, 1),
        ({"adapters_harnesses_a": "from baton.adapters import clock", "adapters_clock": BASE}, 1),
        ({"adapters_launcher": "from baton.adapters import clock", "adapters_clock": BASE}, 1),
        (
            {
                "adapters_harnesses_a": "from baton.adapters.harnesses import b",
                **TWO_BASES,
                "adapters_harnesses_c": BASE,
            },
            0,
        ),
        (
            {
                "adapters_harnesses_a": "from baton.adapters.harnesses import b",
                **TWO_BASES,
                "adapters_harnesses_c": ADAPTER,
            },
            2,
        ),
    ],
    ids=[
        "its folder",
        "a shared base",
        "a sibling",
        "a base of others",
        "from a folder upwards",
        "side by side",
        "a base on a base",
        "a base on an adapter",
    ],
)
def test_adapters_share_a_base_in_their_folder_and_nothing_else(texts: dict[str, str], count: int) -> None:
    assert len(wrong_arrows(house(**texts))) == count


def test_a_ring_is_seen_even_through_a_late_import() -> None:
    ring = house(
        domain_a="import baton.domain.b",
        domain_b="def f():\n    from baton.domain import c  # start-up",
        domain_c="from baton.domain.a import x",
        domain_d="from baton.domain.a import x",
    )
    assert cycles(ring) == [["baton.domain.a", "baton.domain.b", "baton.domain.c"]]


@pytest.mark.parametrize(
    ("text", "is_silent"),
    [
        ("from baton.domain import ids", False),
        ("def f():\n    from baton.domain import ids", True),
        ("def f():\n    from baton.domain import ids  # start-up: 3 ms", False),
        ("def f():\n    # For start-up, measured.\n    from baton.domain import ids", False),
        ("def f():\n    # For start-up.\n    x = 1\n    from baton.domain import ids", True),
        ("class C:\n    async def f(self):\n        import baton.domain.ids", True),
        ("def f():\n    import os  # start-up\n    import sys\n    from baton.domain import ids", False),
        ("def f():\n    from baton.domain import (  # start-up\n        ids,\n    )", False),
        ('def f():\n    "start-up"\n    from baton.domain import ids', True),
    ],
)
def test_a_late_import_that_says_nothing_is_seen(text: str, is_silent: bool) -> None:
    assert [arrow.is_silent for arrow in arrows(house(domain_tasks=text, domain_ids=""))] == [is_silent]


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        "import json",
        "from random import random",
        "import logging.handlers",
        "from time import monotonic",
        "from msgspec import json",
        "import msgspec.yaml",
        "x = msgspec.json.encode(1)",
        "x = datetime.now()",
        "def f():\n    import uuid",
        "print(1)",
    ],
)
def test_what_reaches_out_of_the_domain_is_seen(text: str) -> None:
    assert len(outside_the_domains_world(Module("baton.domain.x", text))) == 1


def test_what_the_domain_may_use_is_left_in_peace() -> None:
    text = "import re\nfrom datetime import UTC, datetime\nfrom msgspec import Struct\nx = command.now\n"
    assert outside_the_domains_world(Module("baton.domain.x", text)) == []
