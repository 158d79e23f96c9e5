"""Installing agent programs, with an npm that is played: what is not whole is never taken for good."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.real_clis import installing
from tests.real_clis.installing import NotInstalled, check, install
from tests.real_clis.programs import Program

PROGRAM = Program(name="scribe", package="@ink/scribe", version="1.2.3", dotenv={})
# It finds the folder that it is to install into behind --prefix.
INSTALLS = 'mkdir -p "$3/node_modules/.bin"; printf "#!/bin/sh\\n%s\\n" "$SAYS" > "$3/node_modules/.bin/scribe"; '
INSTALLS += 'chmod +x "$3/node_modules/.bin/scribe"'
Npm = Callable[[str], None]


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Npm:
    """Makes an npm that does what it is told."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("SAYS", "echo scribe 1.2.3")

    def makes(acts: str) -> None:
        (folder / "npm").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n{acts}\n')
        (folder / "npm").chmod(0o755)

    return makes


def test_a_program_is_installed_once_and_starts(npm: Npm, tmp_path: Path) -> None:
    npm(INSTALLS)
    folder = install(PROGRAM, tmp_path / "root")
    assert install(PROGRAM, tmp_path / "root") == folder == tmp_path / "root/scribe-1.2.3/node_modules/.bin"
    (asked,) = (tmp_path / "asked").read_text().splitlines()
    assert asked.endswith("--loglevel=error @ink/scribe@1.2.3")
    check(PROGRAM, folder, tmp_path)
    assert os.listdir(tmp_path / "root") == ["scribe-1.2.3"]


def test_a_new_version_takes_the_place_of_the_old_one(npm: Npm, tmp_path: Path) -> None:
    npm(INSTALLS)
    (tmp_path / "root/scribe-1.2.2").mkdir(parents=True)
    install(PROGRAM, tmp_path / "root")
    assert os.listdir(tmp_path / "root") == ["scribe-1.2.3"]


@pytest.mark.parametrize(
    ("acts", "said"),
    [
        ("echo npm error code E404; echo npm error 404 Not Found; exit 1", "npm: npm error 404 Not Found"),
        ("exit 1", "npm: it said nothing"),
        ("true", "npm installed @ink/scribe@1.2.3, and there is no scribe in it"),
        ("sleep 60 & sleep 60", "npm did not end within 0.2 s"),
    ],
)
def test_what_npm_cannot_install_leaves_nothing(
    npm: Npm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acts: str, said: str
) -> None:
    npm(acts)
    monkeypatch.setattr(installing, "INSTALL_SECONDS", 0.2 if "sleep" in acts else 30.0)
    with pytest.raises(NotInstalled) as caught:
        install(PROGRAM, tmp_path / "root")
    assert str(caught.value) == said
    assert os.listdir(tmp_path / "root") == []


def test_without_npm_nothing_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotInstalled, match="there is no npm"):
        install(PROGRAM, tmp_path / "root")


@pytest.mark.parametrize(
    ("says", "said"),
    [
        ("echo scribe 1.2.2", "it does not start: exit code 0: scribe 1.2.2"),
        ("echo too old a node >&2; exit 3", "it does not start: exit code 3: too old a node"),
    ],
)
def test_a_program_that_does_not_start_as_it_should_is_not_run(
    npm: Npm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, said: str
) -> None:
    npm(INSTALLS)
    monkeypatch.setenv("SAYS", says)
    with pytest.raises(NotInstalled) as caught:
        check(PROGRAM, install(PROGRAM, tmp_path / "root"), tmp_path)
    assert str(caught.value) == said


def test_a_program_that_nobody_knows_is_refused_before_anything_is_installed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.real_clis", "codex,nope"], capture_output=True, text=True, timeout=60, check=False
    )
    said = "real-clis: there is no agent program 'nope'; there are claude, codex, gemini, opencode, copilot\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)
