"""scripts/test runs its stages and passes on what it is given; .ci/run gets there on a machine that lacks things."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.acceptance.checkouts import ROOT, SITE, Checkout

pytest_plugins = ["tests.acceptance.installing"]

TOOL = """
import os, sys
print("{tool}", *sys.argv[1:], flush=True)
sys.exit(int(os.environ.get("{tool}", "0")))
"""
WORKERS = f"-n {min(4, len(os.sched_getaffinity(0)))} --dist worksteal"


@pytest.fixture(scope="module")
def equipped(tmp_path_factory: pytest.TempPathFactory, pattern: Checkout, wheels: Path) -> Checkout:
    """A clone with every set, whose tools only print what they were called with, and fail when told to."""
    clone = pattern.copy(tmp_path_factory.mktemp("equipped") / "a checkout")
    clone.environment["PIP_FIND_LINKS"] = str(wheels)
    code, _, err = clone.run("baton/bootstrap.py", "bench")
    assert code == 0, err
    for tool in ("ruff", "mypy", "pytest"):
        (clone.folder / SITE / f"{tool}.py").write_text(TOOL.format(tool=tool))
    (clone.folder / "tests/real_clis").mkdir()
    (clone.folder / "tests/real_clis/__main__.py").write_text(TOOL.format(tool="real_clis"))
    return clone


@pytest.fixture
def tools(equipped: Checkout) -> Checkout:
    """The same, with an environment of the test's own."""
    return Checkout(equipped.folder, equipped.python)


@pytest.mark.parametrize(
    ("arguments", "stages"),
    [
        ("", ["ruff check", "mypy", f"pytest -m not long and not real_clis --ignore=tests/benchmarks {WORKERS}"]),
        ("--long", ["ruff check", "mypy", f"pytest -m not real_clis --ignore=tests/benchmarks {WORKERS}"]),
        ("--fast", [f"pytest -m not long and not real_clis --ignore=tests/benchmarks {WORKERS}"]),
        ("--bench", ["pytest -s tests/benchmarks"]),
        ("--bench tests/benchmarks/test_x.py", ["pytest -s tests/benchmarks/test_x.py"]),
        ("--bench -k sweep", ["pytest -s -k sweep tests/benchmarks"]),
        ("--real-clis", ["real_clis "]),
        ("--real-clis=codex,gemini --long -x", ["real_clis codex,gemini --long -x"]),
        ("-k lease -x", ["pytest -m not long and not real_clis --ignore=tests/benchmarks -k lease -x"]),
        ("tests/requirements.txt::test_y", ["pytest -m not long and not real_clis tests/requirements.txt::test_y"]),
        ("--long tests", ["pytest -m not real_clis tests"]),
    ],
)
def test_stages_that_an_option_stands_for(tools: Checkout, arguments: str, stages: list[str]) -> None:
    assert tools.run("test", *arguments.split()) == (0, "".join(f"{stage}\n" for stage in stages), [])


@pytest.mark.parametrize(
    ("codes", "expected"),
    [({"ruff": "3", "mypy": "2", "pytest": "1"}, 3), ({"mypy": "2", "pytest": "1"}, 2), ({"pytest": "5"}, 5)],
    ids=lambda value: str(value),
)
def test_every_stage_runs_and_the_first_failure_is_the_exit_code(
    tools: Checkout, codes: dict[str, str], expected: int
) -> None:
    tools.environment.update(codes)
    code, out, err = tools.run("test")
    assert (code, [line.split()[0] for line in out.splitlines()]) == (expected, ["ruff", "mypy", "pytest"])
    assert err == [f"test: {tool} failed" for tool in codes if tool != "pytest"]


def test_help_installs_nothing(checkout: Checkout) -> None:
    code, out, err = checkout.run("test", "--help")
    assert (code, err, checkout.venv.exists()) == (0, [], False)
    assert "exit codes:" in out


def a_checkout_for_ci(folder: Path, **programs: str) -> dict[str, str]:
    """Make a checkout whose tests fail, on a machine with these programs and little else; return the environment."""
    for name in ("bin", "scripts", ".ci"):
        (folder / name).mkdir()
    for name in ("bash", "sh", "dirname"):
        (folder / "bin" / name).symlink_to(shutil.which(name) or "/nowhere")
    acts = {f"bin/{name}": text for name, text in programs.items()}
    for path, text in {**acts, "scripts/test": 'echo "3 passed with $*"; exit 7'}.items():
        (folder / path).write_text(f"#!/bin/sh\n{text}\n")
        (folder / path).chmod(0o755)
    shutil.copy(ROOT / ".ci/run", folder / ".ci")
    return {"PATH": str(folder / "bin")}


@pytest.mark.parametrize("root", [True, False], ids=["root", "user"])
def test_ci_goes_on_without_what_cannot_be_installed(tmp_path: Path, root: bool) -> None:
    apt = 'echo "apt-get $*"; case "$*" in *" strace") ;; *) exit 100 ;; esac'
    environ = a_checkout_for_ci(tmp_path, **{"node": "", "id": f"echo {0 if root else 1000}", "apt-get": apt})

    done = subprocess.run([tmp_path / ".ci/run", "-x"], env=environ, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (7, "3 passed with -x\n")
    calls = [line.split()[-1] for line in done.stderr.splitlines() if line.startswith("apt-get")]
    assert calls == (["update", "strace", "faketime"] if root else [])
    assert ("going on without faketime;" if root else "going on without strace faketime;") in done.stderr
    assert "there is no npm: going on without the real agent programs" in done.stderr


def test_ci_runs_two_real_agent_programs_where_npm_is_there_and_the_tests_last(tmp_path: Path) -> None:
    environ = a_checkout_for_ci(tmp_path, node="", strace="", faketime="", npm="")

    done = subprocess.run([tmp_path / ".ci/run", "-x"], env=environ, capture_output=True, text=True, check=False)

    passed = "3 passed with --real-clis=codex,gemini\n3 passed with -x\n"
    assert (done.returncode, done.stdout, done.stderr) == (7, passed, "")
