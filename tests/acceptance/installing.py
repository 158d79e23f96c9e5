"""Fixtures for tests that install: modules of tests name this one in ``pytest_plugins``, and import nothing from it."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.checkouts import LIBRARY, Checkout, Index, fresh, pack


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels of three packages, and of pip, packed again from the one in this environment."""
    folder = tmp_path_factory.mktemp("wheels")
    try:
        pip = importlib.metadata.distribution("pip")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("there is no pip in this environment to test with")
    files = {
        str(file): file.read_binary()
        for file in pip.files or []
        if file.parts[0].startswith("pip") and "__pycache__" not in file.parts and file.name != "RECORD"
    }
    pack(folder, "pip", pip.version, files)
    for name, version in (("tiny", "1"), ("tiny", "2"), ("checker", "1"), ("meter", "1")):
        pack(folder, name, version, {f"{name}.py": f"VERSION = {version}\n".encode()})
    return folder


@pytest.fixture
def index(wheels: Path) -> Iterator[Index]:
    serving = Index(wheels)
    thread = threading.Thread(target=serving.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield serving
    serving.go_on.set()
    serving.server.shutdown()
    thread.join()
    serving.server.server_close()


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python of its own, without ensurepip and without packages: the standard library's files behind links."""
    folder = tmp_path_factory.mktemp("python")
    (folder / "bin").mkdir()
    (folder / LIBRARY).mkdir(parents=True)
    program = folder / "bin/python3"
    shutil.copy(os.path.realpath(sys.executable), program)
    for entry in Path(sysconfig.get_path("stdlib")).iterdir():
        if entry.name not in {"ensurepip", "site-packages", "dist-packages"}:
            (folder / LIBRARY / entry.name).symlink_to(entry)
    check = f"import sys, venv; from importlib.util import find_spec; assert sys.prefix == {str(folder)!r}"
    tried = subprocess.run([program, "-Ic", f"{check}; assert not find_spec('ensurepip')"], check=False)
    if tried.returncode:
        pytest.skip("this Python cannot be copied to another place")
    return program


@pytest.fixture
def checkout(tmp_path: Path, python: Path) -> Checkout:
    """A clone in which nothing has been installed yet."""
    return fresh(tmp_path / "a checkout", python)


@pytest.fixture(scope="session")
def pattern(tmp_path_factory: pytest.TempPathFactory, python: Path, wheels: Path) -> Checkout:
    """A clone with the runtime set installed, for copying."""
    checkout = fresh(tmp_path_factory.mktemp("pattern") / "a checkout", python)
    checkout.environment["PIP_FIND_LINKS"] = str(wheels)
    code, out, err = checkout.run("demo")
    assert (code, out) == (0, "tiny 1\n"), err
    return checkout


@pytest.fixture
def installed(tmp_path: Path, pattern: Checkout) -> Checkout:
    """A clone with tiny 1 installed."""
    return pattern.copy(tmp_path / "a checkout")
