"""A script runs with the right interpreter whoever starts it, and however."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from baton import start

ROOT = Path(__file__).resolve().parents[2]
BASE = os.path.realpath(sys.executable)
SITE = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"

# The beginning that start.py prescribes, so that what is documented is what is tested.
found = re.search(r"    #!/bin/sh\n.*?    import click\n", start.__doc__ or "", re.DOTALL)
assert found
HEADER = textwrap.dedent(found[0])
BODY = """
import json as js
ours = {name: value for name, value in os.environ.items() if name.startswith("BATON_")}
print(js.dumps({"python": sys.executable, "arguments": sys.argv[1:], "isolated": sys.flags.isolated, "ours": ours}))
"""


def virtual_environment(folder: Path, *packages: str) -> Path:
    """Make the least that is one (PEP 405), with empty modules for packages, and return its interpreter."""
    (folder / "bin").mkdir(parents=True)
    (folder / SITE).mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(f"home = {os.path.dirname(BASE)}\ninclude-system-site-packages = false\n")
    (folder / "bin/python").symlink_to(BASE)
    for package in packages:
        (folder / SITE / f"{package}.py").touch()
    return folder / "bin/python"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A checkout with a .venv that has the packages, and a script; its path holds a space."""
    folder = tmp_path / "a checkout"
    (folder / "scripts/baton").mkdir(parents=True)
    for name in ("__init__.py", "launch.sh", "start.py"):
        shutil.copy(ROOT / "scripts/baton" / name, folder / "scripts/baton")
    script = folder / "scripts/x.py"
    script.write_text(HEADER + BODY)
    script.chmod(0o755)
    virtual_environment(folder / ".venv", *start.PACKAGES)
    return folder


def run(command: list[str | Path], cwd: str | Path = "/", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run with nothing in the environment but what is given."""
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=60)


def answer(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """Return what the script printed about itself."""
    assert (done.returncode, done.stderr) == (0, "")
    told: dict[str, object] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize(
    ("command", "cwd"),
    [
        (["{repository}/scripts/x.py"], "/"),
        (["{repository}/.//scripts/../scripts/x.py"], "/"),
        (["scripts/x.py"], "{repository}"),
        (["./x.py"], "{repository}/scripts"),
        (["../scripts/x.py"], "{repository}/scripts"),
        (["sh", "x.py"], "{repository}/scripts"),
        (["bash", "scripts/x.py"], "{repository}"),
        (["env", "x.py"], "/"),
        (["{repository}/link.py"], "/"),
        (["sh", "link.py"], "{repository}"),
        (["{repository}/elsewhere/bin/x.py"], "/"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "in " + value,
)
def test_script_runs_with_the_venv_of_its_checkout(repository: Path, command: list[str], cwd: str) -> None:
    (repository / "link.py").symlink_to("scripts/x.py")
    (repository / "elsewhere").mkdir()
    (repository / "elsewhere/bin").symlink_to(repository / "scripts")
    virtual_environment(repository / "elsewhere/.venv", *start.PACKAGES)  # beside the link, and not the checkout's
    words = [word.format(repository=repository) for word in command]
    path = f"/usr/bin:/bin:{repository}/scripts"

    told = answer(run([*words, "two words", "", "*"], cwd.format(repository=repository), PATH=path))

    python = f"{repository}/.venv/bin/python"
    assert told == {
        "python": python,
        "arguments": ["two words", "", "*"],
        "isolated": 0,
        "ours": {"BATON_PYTHON": python},
    }


def test_absolute_call_needs_no_other_program(repository: Path) -> None:
    assert answer(run([repository / "scripts/x.py"], PATH="/nowhere"))["arguments"] == []


def test_launch_assigns_no_variable_that_a_caller_may_have_exported() -> None:
    text = (ROOT / "scripts/baton/launch.sh").read_text()
    assigned = set(re.findall(r"^ *(\w+)=", text, re.MULTILINE)) | set(re.findall(r"(\w+)=\$", text))
    assert assigned == {"_baton_python", "_baton_scripts", "_baton_cure", "_baton_reason"}


def test_BATON_PYTHON_comes_before_the_venv(repository: Path, tmp_path: Path) -> None:
    other = virtual_environment(tmp_path / "other", *start.PACKAGES)
    assert answer(run([repository / "scripts/x.py"], BATON_PYTHON=str(other)))["python"] == str(other)


def test_BATON_PYTHON_may_be_a_name_in_PATH(repository: Path, tmp_path: Path) -> None:
    other = virtual_environment(tmp_path / "other", *start.PACKAGES)
    told = answer(run([repository / "scripts/x.py"], BATON_PYTHON="python", PATH=f"{other.parent}:/usr/bin:/bin"))
    assert told["python"] == str(other)


def test_empty_BATON_PYTHON_counts_as_none(repository: Path) -> None:
    told = answer(run([repository / "scripts/x.py"], BATON_PYTHON=""))
    assert told["python"] == f"{repository}/.venv/bin/python"


@pytest.mark.parametrize("broken", ["missing", "dangling", "not executable", "a folder"])
def test_missing_venv_is_one_sentence_and_its_cure(repository: Path, broken: str) -> None:
    python = repository / ".venv/bin/python"
    python.unlink()
    if broken == "dangling":
        python.symlink_to("/nowhere/python")
    elif broken == "not executable":
        python.touch()
    elif broken == "a folder":
        python.mkdir()

    done = run([repository / "scripts/x.py"], PATH="/usr/bin:/bin")

    scripts = f"{repository}/scripts"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"x.py: cannot start: there is no Python with Baton's packages at '{python}'\n"
        f"Run {scripts}/demo or {scripts}/test once, or set BATON_PYTHON to a Python that has the packages of "
        "requirements.txt.\n"
    )


@pytest.mark.parametrize("by", ["script", "option"])
def test_missing_venv_is_a_json_document_where_json_is_promised(repository: Path, by: str) -> None:
    script = repository / "scripts/x.py"
    if by == "script":
        script.write_text((HEADER + BODY).replace("require(__file__)", "require(__file__, json=True)"))
    done = run([script, *(["--json"] if by == "option" else [])], PATH="/usr/bin:/bin", BATON_PYTHON='/no"where\\')

    assert (done.returncode, done.stderr) == (1, "")
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "io_error"
    assert error["message"] == "cannot start: there is no Python with Baton's packages at '/no\"where\\'"
    assert error["cure"].startswith("Unset BATON_PYTHON")


def test_BATON_PYTHON_that_is_missing_is_reported_and_not_stepped_over(repository: Path, tmp_path: Path) -> None:
    bare = virtual_environment(tmp_path / "bare")
    for command in ([repository / "scripts/x.py"], [bare, repository / "scripts/x.py"]):
        done = run(command, PATH="/usr/bin:/bin", BATON_PYTHON="/nowhere/python")
        assert (done.returncode, done.stdout) == (1, "")
        assert "/nowhere/python'" in done.stderr
        assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize("named", ["", "packages", "bare"])
def test_interpreter_without_packages_goes_over_to_one_that_has_them(
    repository: Path, tmp_path: Path, named: str
) -> None:
    bare = virtual_environment(tmp_path / "bare", *set(start.PACKAGES) - {"click"})
    (bare.parents[1] / SITE / "click").mkdir()  # an emptied package is found as a namespace, and is none
    right = repository / ".venv/bin/python"
    environment = {}
    if named == "packages":
        right = virtual_environment(tmp_path / "other", *start.PACKAGES)
        environment["BATON_PYTHON"] = str(right)
    elif named == "bare":
        environment["BATON_PYTHON"] = str(virtual_environment(tmp_path / "bare too"))

    told = answer(run([bare, "-I", "scripts/x.py", "two words"], repository, **environment))

    assert told == {
        "python": str(right),
        "arguments": ["two words"],
        "isolated": 1,
        "ours": {"BATON_PYTHON": str(right)},
    }


def test_interpreter_with_the_packages_is_kept_and_handed_on(repository: Path, tmp_path: Path) -> None:
    other = str(virtual_environment(tmp_path / "other", *start.PACKAGES))
    told = answer(run([other, repository / "scripts/x.py"], BATON_PYTHON=f"{repository}/.venv/bin/python"))
    assert (told["python"], told["ours"]) == (other, {"BATON_PYTHON": other})


def test_isolated_python_finds_the_package_through_a_link(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "link.py").symlink_to(repository / "scripts/x.py")
    python = repository / ".venv/bin/python"
    assert answer(run([python, "-I", "link.py"], tmp_path))["isolated"] == 1


@pytest.mark.parametrize("json_wanted", [False, True])
def test_no_interpreter_with_packages_ends_with_the_same_sentence(repository: Path, json_wanted: bool) -> None:
    shutil.rmtree(repository / ".venv")
    bare = virtual_environment(repository / ".venv")
    # Not what it is called: sys.executable never equals it, and comparing the two would go round for ever.
    wrapper = repository / "wrapper"
    wrapper.write_text(f'#!/bin/sh\necho >> "$0.starts"\nexec "{bare}" "$@"\n')
    wrapper.chmod(0o755)

    done = run([repository / "scripts/x.py", *(["--json"] if json_wanted else [])], BATON_PYTHON=str(wrapper))

    sentence = f"cannot start: there is no Python with Baton's packages at '{bare}', '{wrapper}'"
    assert done.returncode == 1
    assert Path(f"{wrapper}.starts").read_text() == "\n\n"  # by launch.sh, and once more by name
    if json_wanted:
        assert json.loads(done.stdout)["error"]["message"] == sentence
    else:
        assert done.stderr.splitlines()[0] == f"x.py: {sentence}"
        assert "scripts/demo" in done.stderr.splitlines()[1]


def test_every_script_begins_as_start_prescribes() -> None:
    scripts = sorted((ROOT / "scripts").glob("*.py"))
    if not scripts:
        pytest.skip("there are no scripts yet")
    begin = HEADER.splitlines()[:2]
    assert [path.name for path in scripts if path.read_text().splitlines()[:2] != begin] == []
    assert [path.name for path in scripts if not os.access(path, os.X_OK)] == []
    assert [path.name for path in scripts if "\nstart.require(__file__" not in path.read_text()] == []


def test_what_packages_load_for_nothing_is_not_loaded_and_can_be_had_by_what_needs_it(tmp_path: Path) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(ROOT / "scripts")!r})
from baton import start
start.require("x")
import click, filelock, msgspec, hashlib
hidden = [sys.modules[name] for name in start.HIDDEN]
digest = hashlib.sha256(b"abc").hexdigest()
start.show_hidden()
import jsonschema, _hashlib
print(hidden, digest[:8], bool(sys.modules["typing_extensions"]))
"""
    done = run([sys.executable, "-c", program], cwd=tmp_path, BATON_HOME=str(tmp_path))
    assert (done.stdout, done.stderr) == ("[None, None] ba7816bf True\n", "")
