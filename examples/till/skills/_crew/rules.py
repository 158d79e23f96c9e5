"""The rules by which the crew mends code, and those by which it finds fault: patterns of trees, no model."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from _crew.repository import functions, replace_lines, tell

_PROMISE = re.compile(r"Raise (\w+) when (\w+) is less than (-?\d+)")


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What a docstring says of a function, and nothing in it does: an error for a parameter below a number."""

    path: str
    line: int
    function: str
    parameter: str
    error: str
    least: int
    call: str
    came: str

    @property
    def words(self) -> str:
        """The finding, such that it can be acted on."""
        return (
            f"{self.path}:{self.line}: {self.call} should raise {self.error}, as the docstring of {self.function}() "
            f"says ({self.parameter} is less than {self.least}), and nothing in it does; what came: {self.came}"
        )


def broken_promises(path: Path) -> list[Promise]:
    """Return what the docstrings of a file promise and its functions do not do, each tried."""
    found = []
    for node in functions(path):
        raised = {one.exc.func.id for one in ast.walk(node) if _raises(one)}  # type: ignore[attr-defined]
        for error, parameter, least in _PROMISE.findall(ast.get_docstring(node) or ""):
            names = [one.arg for one in node.args.args]
            if error in raised or parameter not in names:
                continue
            words = ", ".join(str(int(least) - 1) if name == parameter else "100" for name in names)
            call = f"{path.stem}.{node.name}({words})"
            came = tell(path.parent, f"__import__({path.stem!r}).{node.name}({words})")
            found.append(
                Promise(
                    path=path.name,
                    line=node.lineno,
                    function=node.name,
                    parameter=parameter,
                    error=error,
                    least=int(least),
                    call=call,
                    came=came,
                )
            )
    return found


def share_out_the_rest(path: Path, function: str) -> str | None:
    """Mend ``[amount // people] * people``, which loses the rest of the division; return what was done."""
    for node in functions(path):
        for one in ast.walk(node):
            if node.name != function or not isinstance(one, ast.Return) or not isinstance(one.value, ast.BinOp):
                continue
            listed, by = one.value.left, one.value.right
            if not (isinstance(one.value.op, ast.Mult) and isinstance(listed, ast.List) and len(listed.elts) == 1):
                continue
            share = listed.elts[0]
            if not (isinstance(share, ast.BinOp) and isinstance(share.op, ast.FloorDiv)):
                continue
            amount, people = ast.unparse(share.left), ast.unparse(share.right)
            if people != ast.unparse(by):
                continue
            pad = " " * one.col_offset
            lines = [
                f"{pad}share, rest = divmod({amount}, {people})",
                f"{pad}return [share + 1] * rest + [share] * ({people} - rest)",
            ]
            replace_lines(path, one.lineno, one.end_lineno or one.lineno, lines)
            return f"the first ones pay a cent more until the rest of {amount} // {people} is used up"
    return None


def keep_promise(path: Path, promise: Promise) -> None:
    """Have a function raise what its docstring says, before it does anything else."""
    node = next(one for one in functions(path) if one.name == promise.function)
    first = node.body[1]  # behind the docstring, which made the promise
    pad = " " * first.col_offset
    said = f"{promise.parameter} must be at least {promise.least}, not {{{promise.parameter}}}"
    lines = [f"{pad}if {promise.parameter} < {promise.least}:", f'{pad}    raise {promise.error}(f"{said}")']
    replace_lines(path, first.lineno, first.lineno - 1, lines)


def add_test(path: Path, promise: Promise) -> str:
    """Add a test of what was promised behind the last one of a file's first class; return its name."""
    name = f"test_{promise.function}_refuses_{promise.parameter}_below_{promise.least}"
    case = next(node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.ClassDef))
    last = case.body[-1].end_lineno or 0
    lines = [
        "",
        f"    def {name}(self):",
        f"        with self.assertRaises({promise.error}):",
        f"            {promise.call}",
    ]
    replace_lines(path, last + 1, last, lines)
    return name


def _raises(node: ast.AST) -> bool:
    return isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name)
