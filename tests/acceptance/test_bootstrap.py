"""The fronts make .venv from nothing but Python, see when there is nothing to do, and never leave half of one."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from tests.acceptance.checkouts import DEMO, EXTRAS, SITE, Checkout, Index, listing

from baton import venv_pip

pytest_plugins = ["tests.acceptance.installing"]


# -- making it ------------------------------------------------------------------------------------------------------


def test_venv_is_made_without_ensurepip_from_an_index(checkout: Checkout, index: Index) -> None:
    system = listing(checkout.python.parents[1])

    code, out, err = checkout.use(index).run("demo", "two words")

    assert (code, out) == (0, "tiny 1 two words\n")
    assert [line.partition(" ")[0] for line in err] == ["baton:"] * 4
    assert "no ensurepip" in err[2]
    assert any(path.startswith("/w/pip-") for path in index.asked)
    assert subprocess.run([checkout.venv / "bin/python", "-m", "pip", "--version"], check=False).returncode == 0
    assert list((checkout.folder / "scripts/baton/__pycache__").glob("start.*.pyc"))
    assert listing(checkout.python.parents[1]) == system
    ours = {"requirements.txt", *(f"requirements-{name}.txt" for name in EXTRAS), "scripts", "tests"}
    assert {path.name for path in checkout.folder.iterdir()} - {".venv"} == ours


def test_pip_is_found_where_a_pip_conf_says(checkout: Checkout, wheels: Path) -> None:
    for name in ("PIP_CONFIG_FILE", "PIP_NO_INDEX"):
        del checkout.environment[name]
    settings = checkout.folder / "home/.config/pip/pip.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"[global]\nno-index = true\nuser = true\nfind-links = {wheels}\n")
    assert checkout.run("demo")[:2] == (0, "tiny 1\n")


def test_second_run_does_nothing_and_needs_no_network(installed: Checkout) -> None:
    before = listing(installed.folder)
    assert installed.run("demo") == (0, "tiny 1\n", [])
    assert listing(installed.folder) == before


def test_changed_requirements_are_installed(installed: Checkout, index: Index) -> None:
    installed.require("tiny>=2")
    assert installed.use(index).run("demo")[:2] == (0, "tiny 2\n")
    assert installed.run("demo") == (0, "tiny 2\n", [])


def test_test_set_holds_the_runtime_set(installed: Checkout, index: Index) -> None:
    code, _, err = installed.use(index).run("baton/bootstrap.py", "test")
    assert (code, (installed.folder / SITE / "checker.py").exists()) == (0, True), err
    asked = len(index.asked)
    assert installed.run("baton/bootstrap.py", "runtime") == (0, "", [])
    assert installed.run("baton/bootstrap.py", "test") == (0, "", [])
    assert len(index.asked) == asked


def test_extra_is_installed_beside_the_runtime_set_and_only_when_asked_for(installed: Checkout, index: Index) -> None:
    assert not (installed.folder / SITE / "meter.py").exists()
    code, _, err = installed.use(index).run("baton/bootstrap.py", "readability")
    assert (code, (installed.folder / SITE / "meter.py").exists()) == (0, True), err
    assert installed.run("demo") == (0, "tiny 1\n", [])


def test_venv_made_by_other_hands_is_installed_into(checkout: Checkout, index: Index) -> None:
    subprocess.run([checkout.python, "-m", "venv", "--without-pip", checkout.venv], check=True)
    (checkout.folder / SITE / "mine.py").touch()
    assert checkout.use(index).run("demo")[:2] == (0, "tiny 1\n")
    assert (checkout.folder / SITE / "mine.py").exists()


@pytest.mark.parametrize("why", ["its Python is gone", "its Python is another version now"])
def test_venv_that_cannot_be_used_is_made_anew(installed: Checkout, index: Index, why: str) -> None:
    if why == "its Python is gone":
        (installed.venv / "bin/python3").unlink()
        (installed.venv / "bin/python3").symlink_to("/nowhere/python3")
        assert not (installed.venv / "bin/python").exists()
    else:
        stamp = installed.venv / "baton-installed.json"
        stamp.write_text(json.dumps({**json.loads(stamp.read_text()), "python": "3.99"}))
    (installed.folder / SITE / "old.py").touch()
    assert installed.use(index).run("demo")[:2] == (0, "tiny 1\n")
    assert not (installed.folder / SITE / "old.py").exists()


# -- failing --------------------------------------------------------------------------------------------------------


def test_wheel_of_pip_with_another_hash_is_refused(checkout: Checkout, index: Index) -> None:
    index.lies = True
    code, out, err = checkout.use(index).run("demo")
    assert (code, out) == (1, "")
    assert "sha256 differs" in err[-2]
    assert not checkout.venv.exists()


def test_index_that_cannot_be_reached_is_one_sentence_and_leaves_nothing(checkout: Checkout, index: Index) -> None:
    checkout.use(index).environment["PIP_INDEX_URL"] = "http://127.0.0.1:1/simple"
    code, out, err = checkout.run("demo")
    assert (code, out) == (1, "")
    assert err[-2].startswith("demo: cannot install the runtime set into .venv: this Python has no ensurepip, and pip ")
    assert re.search(r"http://127\.0\.0\.1:1/simple/pip/: .*refused\)$", err[-2])
    assert err[-1].startswith("Check the network")
    assert not checkout.venv.exists()


def test_failed_upgrade_keeps_what_worked_and_is_tried_again(installed: Checkout, index: Index) -> None:
    installed.require("tiny>=2", "absent==9")
    for _ in range(2):
        asked = len(index.asked)
        code, out, err = (installed if asked else installed.use(index)).run("demo")
        assert (code, out) == (1, "")
        assert "absent==9" in err[-2]
        assert len(index.asked) > asked
    python = installed.venv / "bin/python"
    assert subprocess.check_output([python, "-c", DEMO], text=True) == "tiny 1\n"
    installed.require("tiny<2")  # as before; but who knows what that pip has done
    code, out, err = installed.run("demo")
    assert (code, out, err[-1]) == (0, "tiny 1\n", "baton: installed")


@pytest.mark.parametrize("loss", ["a file", "the list of files"])
def test_package_that_an_interrupted_pip_left_in_half_is_repaired(installed: Checkout, index: Index, loss: str) -> None:
    (installed.venv / "baton-installed.json").unlink()
    (installed.folder / SITE / ("tiny.py" if loss == "a file" else "tiny-1.dist-info/RECORD")).unlink()
    code, out, err = installed.use(index).run("demo")
    assert (code, out) == (0, "tiny 1\n")
    assert [line for line in err if "repairing" in line and "tiny==1" in line]
    assert venv_pip.damaged(installed.folder / SITE) == []


def test_damage_that_pip_cannot_repair_is_named_and_does_not_count_as_good(installed: Checkout, index: Index) -> None:
    stamp = installed.venv / "baton-installed.json"
    stamp.unlink()
    (installed.folder / SITE / "Tiny-1.dist-info").mkdir()  # pip writes another folder for the same package
    code, _, err = installed.use(index).run("demo")
    assert (code, err[-2].partition(".venv: ")[2]) == (1, "files are missing of Tiny==1")
    assert err[-1] == f"Remove {installed.venv}, then run this again."
    assert not stamp.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_first_install_leaves_nothing(checkout: Checkout, index: Index, number: int) -> None:
    index.held = "/w/tiny"
    process = checkout.use(index).start("demo")
    assert index.reached.wait(30)
    os.killpg(process.pid, number)
    err = process.communicate(timeout=30)[1]
    assert (process.returncode, err.splitlines()[-2].partition(".venv: ")[2]) == (1, "it was interrupted")
    assert not checkout.venv.exists()


def test_killed_install_is_not_taken_for_good_and_the_next_waits_for_its_pip(checkout: Checkout, index: Index) -> None:
    index.held = "/w/tiny"
    killed = checkout.use(index).start("demo")
    assert index.reached.wait(30)
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    following = checkout.start("demo")
    assert following.stderr
    assert "waiting for it" in following.stderr.readline()  # pip lives on, and holds the lock

    index.held = ""
    index.go_on.set()

    out, err = following.communicate(timeout=60)
    assert (following.returncode, out) == (0, "tiny 1\n"), err
    assert "installing requirements.txt" in err


def test_second_of_two_at_once_waits_and_finds_it_done(checkout: Checkout, index: Index) -> None:
    index.held = "/w/tiny"
    first = checkout.use(index).start("demo")
    assert index.reached.wait(30)
    second = checkout.start("demo")
    assert second.stderr
    assert "waiting for it" in second.stderr.readline()
    index.go_on.set()
    assert first.communicate(timeout=60)[0] == "tiny 1\n"
    assert second.communicate(timeout=60) == ("tiny 1\n", "")
    assert len([path for path in index.asked if path.startswith("/w/tiny")]) == 1


def test_full_disk_is_named_and_the_venv_does_not_count_as_good(installed: Checkout, index: Index) -> None:
    unfinished = installed.venv / "baton-installed.new"
    unfinished.symlink_to("/dev/full")
    installed.require("tiny>=2")
    code, _, err = installed.use(index).run("demo")
    assert (code, err[-2]) == (1, "demo: cannot install the runtime set into .venv: the disk is full")
    assert err[-1].startswith("Make room")
    unfinished.unlink()
    code, out, err = installed.run("demo")
    assert (code, out, err[-1]) == (0, "tiny 2\n", "baton: installed")


def test_full_disk_under_pip_is_named() -> None:
    output = (
        "Collecting tiny\nERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n"
    )
    assert str(venv_pip.explained("pip failed", output)) == "the disk is full"


def test_folder_that_is_no_virtual_environment_is_left_to_its_owner(checkout: Checkout) -> None:
    (checkout.venv / "bin").mkdir(parents=True)
    (checkout.venv / "bin/python").symlink_to(checkout.python)  # without pyvenv.cfg this is the system's Python
    system = listing(checkout.python.parents[1])
    code, _, err = checkout.run("demo")
    assert (code, err[-2].endswith(f"{checkout.venv} is no virtual environment")) == (1, True)
    assert os.readlink(checkout.venv / "bin/python") == str(checkout.python)
    assert listing(checkout.python.parents[1]) == system


def test_python_that_is_too_old_is_told_so(checkout: Checkout) -> None:
    path = f"{checkout.folder}/scripts/baton/bootstrap.py"
    old = f"import runpy, sys; sys.version_info = (3, 10, 1); runpy.run_path({path!r}, run_name='__main__')"
    done = subprocess.run([checkout.python, "-Ic", old], capture_output=True, text=True, check=False)
    assert (done.returncode, "Python 3.11 or newer is needed" in done.stderr) == (1, True)


def test_python_without_the_venv_module_is_told_what_to_install(checkout: Checkout) -> None:
    path = f"{checkout.folder}/scripts/baton/bootstrap.py"
    lacking = f"import runpy, sys; sys.modules['venv'] = None; runpy.run_path({path!r}, run_name='__main__')"
    done = subprocess.run([checkout.python, "-Ic", lacking], capture_output=True, text=True, check=False)
    assert (done.returncode, "apt install python3-venv" in done.stderr) == (1, True)
    assert not checkout.venv.exists()


def test_front_without_any_python_says_which_one_is_needed(checkout: Checkout, tmp_path: Path) -> None:
    old = tmp_path / "bin/python3"
    old.parent.mkdir()
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\n')
    old.chmod(0o755)
    checkout.environment["PATH"] = str(old.parent)
    code, out, err = checkout.run("demo")
    assert (code, out) == (1, "")
    assert err[0] == "demo: cannot start: Python 3.11 or newer is needed, and there is Python 3.9.2"
