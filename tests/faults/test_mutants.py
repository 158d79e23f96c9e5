"""Each fsync, lock, token check, mark and second look is taken out in turn, in a copy of the tree: a test must fail.

One of them alone: ``scripts/test --long tests/faults/test_mutants.py -k "lock and log"``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.homes import ROOT
from tests.faults.mutants import MUTANTS

PACKAGE = Path("scripts/baton")
TREE = ("scripts", "tests", "skills", "pyproject.toml")
SECONDS = 60


def sources_below(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.py")}


@pytest.mark.parametrize("name", MUTANTS)
def test_what_a_mutant_takes_out_is_there_once(name: str) -> None:
    """Otherwise the table would rot: what is not found is not taken out."""
    mutant = MUTANTS[name]
    text = (ROOT / PACKAGE / mutant.file).read_text()
    assert text.count(mutant.text) == 1
    assert mutant.instead != mutant.text
    compile(text.replace(mutant.text, mutant.instead), mutant.file, "exec")
    for test in mutant.tests:
        file, _, function = test.partition("::")
        assert f"def {function.partition('[')[0]}(" in (ROOT / "tests" / file).read_text() or not function


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of what the tests need of this repository."""
    root = tmp_path_factory.mktemp("mutants")
    for name in TREE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, root / name)
    yield root
    shutil.rmtree(root, ignore_errors=True)


def run_tests(tree: Path, *tests: str) -> tuple[int, str]:
    """Run these tests of a tree; return pytest's exit code and what it printed."""
    options = ("-q", "-x", "-p", "no:cacheprovider", "-m", "not long", f"--timeout={SECONDS}")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *(f"tests/{test}" for test in tests)],
        cwd=tree,
        env={name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "BATON_"))},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_tests_that_mutants_name_pass_as_long_as_nothing_is_taken_out(tree: Path) -> None:
    code, printed = run_tests(tree, *dict.fromkeys(test for one in MUTANTS.values() for test in one.tests))
    assert code == 0, printed


@pytest.mark.long
@pytest.mark.timeout(4 * SECONDS)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_test_fails_for_what_is_taken_out(tree: Path, name: str) -> None:
    mutant = MUTANTS[name]
    file = tree / PACKAGE / mutant.file
    whole = file.read_text()
    file.write_text(whole.replace(mutant.text, mutant.instead))
    try:
        code, printed = run_tests(tree, *mutant.tests)
    finally:
        file.write_text(whole)
    assert code == 1, f"no test has failed without {name}\n{printed}"
