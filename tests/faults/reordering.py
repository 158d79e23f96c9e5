"""What a disk may hold after the power went: every subset of what a program wrote and did not sync.

The system calls of a program are recorded with strace and played into a small model of a file system: a file's data and
each folder's names are things of their own. What was synced before the crash stays; of the rest, any part may be
missing. A rename is one thing: the new name replaces the old at once, or nothing happened, as journals have it.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.faults.syscalls import SystemCall, record

MANY = 400


class Data(NamedTuple):
    """Bytes that went into a file, or (``data`` is ``None``) the size it was cut to."""

    inode: int
    offset: int
    data: bytes | None


class Names(NamedTuple):
    """Names that changed in folders, all at once: (folder, name, the inode it leads to, or ``None``)."""

    changes: tuple[tuple[int, str, int | None], ...]


class Sync(NamedTuple):
    """All data of this file, or all names in this folder, are safe."""

    inode: int


class Told(NamedTuple):
    """What the program had acknowledged, as it printed it."""

    text: str


Operation = Data | Names | Sync | Told
Nodes = dict[int, bytes | dict[str, int]]


class Recording:
    """The operations of one program below ``root``, from a state of the folder that is taken for safe."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.before: Nodes = {}
        self._take(root)
        self.live: Nodes = {inode: _copied(node) for inode, node in self.before.items()}
        self.operations: list[Operation] = []
        self._offsets: dict[int, tuple[int, bool]] = {}

    def run(self, *command: str, log: Path, **options: Any) -> None:
        """Run the program, and record it."""
        for call in record(*command, log=log, **options):
            self._play(call)
        assert self.tree_of(self.live) == self.tree_of(_nodes_below(self.root)), "the model missed something"

    @property
    def told(self) -> list[str]:
        """All that was acknowledged in the end."""
        return [one.text for one in self.operations if isinstance(one, Told)]

    # -- from calls to operations -------------------------------------------------------------------------------

    def _play(self, call: SystemCall) -> None:
        name, words, result, opened = call
        if name in ("openat", "open", "creat"):
            self._open(words, result, opened)
        elif name in ("write", "pwrite64", "sendfile"):
            self._write(name, words, result)
        elif name in ("fsync", "fdatasync"):
            inode = self._find(words[0][1])
            if inode is not None:
                self.operations.append(Sync(inode))
        elif name in ("ftruncate", "truncate"):
            inode = self._find(words[0][1] if isinstance(words[0], tuple) else words[0])
            if inode is not None:
                self._do(Data(inode, int(words[1]), None))
        elif any(self._is_ours(word) for word in words):
            self._rename_and_the_like(name, [word for word in words if isinstance(word, str) and word[:1] == "/"])

    def _open(self, words: list[Any], fd: int, path: str) -> None:
        flags = next(word for word in words if isinstance(word, str) and "O_" in word)
        self._offsets[fd] = (0, "O_APPEND" in flags)
        if not self._is_ours(path):
            return
        inode = self._find(path)
        if inode is None:
            assert "O_CREAT" in flags, path
            self._make(path, b"")
        elif "O_TRUNC" in flags and self.live[inode]:
            self._do(Data(inode, 0, None))

    def _write(self, name: str, words: list[Any], count: int) -> None:
        fd, path = words[0]
        if fd == 1 and not self._is_ours(path):
            self.operations.append(Told(words[1].encode("latin-1").decode()))
            return
        inode = self._find(path)
        if inode is None:
            return
        offset, appends = self._offsets[fd]
        if name == "pwrite64":
            self._do(Data(inode, int(words[3]), words[1].encode("latin-1")[:count]))
            return
        if appends:
            offset = len(self.live[inode])
        if name == "sendfile":
            source = Path(words[1][1]).read_bytes()
            start = self._offsets[words[1][0]][0]
            data = source[start : start + count]
            self._offsets[words[1][0]] = (start + count, False)
        else:
            data = words[1].encode("latin-1")[:count]
        self._do(Data(inode, offset, data))
        self._offsets[fd] = (offset + count, appends)

    def _rename_and_the_like(self, name: str, paths: list[str]) -> None:
        if name.startswith("mkdir"):
            self._make(paths[0], {})
        elif name.startswith(("unlink", "rmdir")):
            self._do(Names((self._name(paths[0], None),)))
        elif name.startswith("rename"):
            inode = self._find(paths[0])
            self._do(Names((self._name(paths[0], None), self._name(paths[1], inode))))
        elif name.startswith("link"):
            self._do(Names((self._name(paths[1], self._find(paths[0])),)))
        else:
            raise AssertionError(f"{name} is not in the model")

    def _make(self, path: str, node: bytes | dict[str, int]) -> None:
        inode = len(self.live)
        self.live[inode], self.before[inode] = _copied(node), _copied(node)
        self._do(Names((self._name(path, inode),)))

    def _do(self, operation: Operation) -> None:
        self.operations.append(operation)
        _apply(self.live, operation)

    def _name(self, path: str, inode: int | None) -> tuple[int, str, int | None]:
        folder, name = path.rsplit("/", 1)
        found = self._find(folder)
        assert found is not None, path
        return found, name, inode

    def _is_ours(self, path: Any) -> bool:
        return isinstance(path, str) and (path == str(self.root) or path.startswith(f"{self.root}/"))

    def _find(self, path: str) -> int | None:
        if not self._is_ours(path):
            return None
        inode: int | None = 0
        for name in path[len(str(self.root)) :].split("/")[1:]:
            node = self.live[inode] if inode is not None else {}
            inode = node.get(name) if isinstance(node, dict) else None
        return inode

    def _take(self, root: Path) -> None:
        self.before.update(_nodes_below(root))

    # -- from operations to what may be left --------------------------------------------------------------------

    def crashes(self, choices: random.Random) -> Iterator[tuple[list[str], dict[str, bytes | None]]]:
        """What may be left on the disk, each once: what had been acknowledged by then, and the tree.

        After each operation, each subset of those that are not safe yet; where there are too many, some by chance.
        """
        seen: set[tuple[int, frozenset[tuple[str, bytes | None]]]] = set()
        for end in range(len(self.operations) + 1):
            if end and isinstance(self.operations[end - 1], Sync):
                continue  # a sync leaves less to choose from than there was before it
            done = self.operations[:end]
            told = self.told[: sum(isinstance(one, Told) for one in done)]
            for kept in _subsets(done, choices):
                tree = self.tree_of(self._after(kept))
                key = (len(told), frozenset(tree.items()))
                if key not in seen:
                    seen.add(key)
                    yield told, tree

    def _after(self, operations: Iterable[Operation]) -> Nodes:
        nodes = {inode: _copied(node) for inode, node in self.before.items()}
        for operation in operations:
            _apply(nodes, operation)
        return nodes

    @staticmethod
    def tree_of(nodes: Nodes) -> dict[str, bytes | None]:
        """Files by path, with their content; folders with ``None``."""
        tree: dict[str, bytes | None] = {}
        left = [("", 0)]
        while left:
            path, inode = left.pop()
            node = nodes[inode]
            tree[path or "."] = node if isinstance(node, bytes) else None
            if isinstance(node, dict):
                left += [(f"{path}/{name}".lstrip("/"), below) for name, below in node.items()]
        return tree


def write_tree(tree: dict[str, bytes | None], root: Path) -> None:
    """Put a tree onto a real disk."""
    for path in sorted(tree):
        data = tree[path]
        if data is None:
            (root / path).mkdir(parents=True, exist_ok=True)
        else:
            (root / path).write_bytes(data)


def _subsets(done: list[Operation], choices: random.Random) -> Iterator[list[Operation]]:
    """What is safe, with each subset of what is not; half of what was written last may have come through, too."""
    loose = [number for number, one in enumerate(done) if _is_loose(done, number)]
    ways: Iterable[tuple[int, ...]]
    if 2 ** len(loose) <= MANY:
        ways = itertools.product((0, 1), repeat=len(loose))
    else:
        one_lost = [tuple(int(other != one) for other in loose) for one in loose]
        one_kept = [tuple(int(other == one) for other in loose) for one in loose]
        firsts = [tuple(int(place < count) for place in range(len(loose))) for count in range(len(loose) + 1)]
        some = [tuple(choices.randrange(2) for _ in loose) for _ in range(MANY // 4)]
        ways = [*one_lost, *one_kept, *firsts, *some]
    fixed = [one for one in range(len(done)) if one not in loose]
    for way in ways:
        kept = sorted(fixed + [number for number, keep in zip(loose, way, strict=True) if keep])
        yield [done[number] for number in kept]
    if done and isinstance(done[-1], Data) and done[-1].data:
        last = done[-1]
        half = (last.data or b"")[: len(last.data or b"") // 2]
        yield [*(done[number] for number in fixed if number < len(done) - 1), last._replace(data=half)]


def _is_loose(done: list[Operation], number: int) -> bool:
    """Tell whether the disk may have lost this one, as nobody has synced it since."""
    one = done[number]
    if isinstance(one, Data):
        touched = {one.inode}
    elif isinstance(one, Names):
        touched = {folder for folder, _, _ in one.changes}
    else:
        return False
    return not any(isinstance(later, Sync) and later.inode in touched for later in done[number:])


def _apply(nodes: Nodes, operation: Operation) -> None:
    if isinstance(operation, Data):
        before = nodes[operation.inode]
        assert isinstance(before, bytes)
        if operation.data is None:
            nodes[operation.inode] = before[: operation.offset].ljust(operation.offset, b"\0")
        else:
            start = before[: operation.offset].ljust(operation.offset, b"\0")
            nodes[operation.inode] = start + operation.data + before[operation.offset + len(operation.data) :]
    elif isinstance(operation, Names):
        for folder, name, inode in operation.changes:
            names = nodes[folder]
            assert isinstance(names, dict)
            if inode is None:
                names.pop(name, None)
            else:
                names[name] = inode


def _nodes_below(root: Path) -> Nodes:
    nodes: Nodes = {0: {}}
    left = [(root, 0)]
    while left:
        folder, inode = left.pop()
        names: dict[str, int] = {}
        for path in sorted(folder.iterdir()):
            names[path.name] = below = len(nodes)
            nodes[below] = {} if path.is_dir() else path.read_bytes()
            if path.is_dir():
                left.append((path, below))
        nodes[inode] = names
    return nodes


def _copied(node: bytes | dict[str, int]) -> bytes | dict[str, int]:
    return node if isinstance(node, bytes) else dict(node)
