"""Pieces of a small world to install in: wheels, a package index on loopback, and clones of this repository."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}"
SITE = f".venv/{LIBRARY}/site-packages"
EXTRAS = [file.stem.removeprefix("requirements-") for file in sorted(ROOT.glob("requirements-*.txt"))]
DEMO = "import sys, tiny; print('tiny', tiny.VERSION, *sys.argv[1:])\n"


def pack(folder: Path, name: str, version: str, files: dict[str, bytes]) -> None:
    """Build a wheel; its metadata comes first, the worst order for a pip that is interrupted."""
    metadata = f"{name}-{version}.dist-info"
    about = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    packed = {f"{metadata}/{file}": text.encode() for file, text in about.items()} | files
    record = "".join(f"{file},sha256={_digest(content)},{len(content)}\n" for file, content in packed.items())
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for file, content in {**packed, f"{metadata}/RECORD": f"{record}{metadata}/RECORD,,\n".encode()}.items():
            archive.writestr(file, content)


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


class Index:
    """A simple index (PEP 503, 691) over a folder of wheels, and what was asked of it."""

    def __init__(self, wheels: Path) -> None:
        self.wheels = wheels
        self.asked: list[str] = []
        self.as_json = self.lies = False
        self.login = ""
        self.held, self.reached, self.go_on = "", threading.Event(), threading.Event()
        index = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.asked.append(self.path)
                if index.login and self.headers.get("Authorization") != index.login:
                    self.send_error(401)
                    return
                if index.held and index.held in self.path:
                    index.reached.set()
                    index.go_on.wait(60)
                kind, content = index.answer(self.path)
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                with contextlib.suppress(OSError):  # whoever asked was killed
                    self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}/simple"

    def answer(self, path: str) -> tuple[str, bytes]:
        """Return a project's page, or a wheel."""
        name = path.rstrip("/").rpartition("/")[2]
        if name.endswith(".whl"):
            return "application/zip", (self.wheels / name).read_bytes()
        found = {
            file.name: "0" * 64 if self.lies else hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(self.wheels.glob(f"{name}-*.whl"))
        }
        if self.as_json:
            files = [{"filename": file, "url": f"/w/{file}", "hashes": {"sha256": sum}} for file, sum in found.items()]
            page = {"meta": {"api-version": "1.0"}, "name": name, "files": files}
            return "application/vnd.pypi.simple.v1+json", json.dumps(page).encode()
        links = "".join(f'<a href="../../w/{file}#sha256={sum}">{file}</a>\n' for file, sum in found.items())
        return "text/html", f"<!DOCTYPE html><html><body>\n{links}</body></html>".encode()


class Checkout:
    """A copy of what a fresh clone needs to install itself, with requirements of its own."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.folder = folder
        self.python = python
        self.venv = folder / ".venv"
        self.environment = {
            "PATH": f"{python.parent}:/usr/bin:/bin",
            "HOME": f"{folder}/home",
            "TMPDIR": str(folder.parent),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_RETRIES": "0",
            "PIP_TIMEOUT": "60",
        }

    def use(self, index: Index) -> Checkout:
        """Take packages from this index."""
        del self.environment["PIP_NO_INDEX"]
        self.environment["PIP_INDEX_URL"] = index.url
        return self

    def copy(self, folder: Path) -> Checkout:
        """Return the same in another place, .venv included."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Checkout(folder, self.python)

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a front of scripts/, or a module as this Python's program, in a process group of its own."""
        program = self.folder / "scripts" / command[0]
        return subprocess.Popen(
            [*([self.python, "-I"] if program.suffix == ".py" else []), program, *command[1:]],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str) -> tuple[int, str, list[str]]:
        """Return exit code, stdout, and the lines of stderr."""
        process = self.start(*command)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err.splitlines()

    def require(self, *lines: str) -> None:
        (self.folder / "requirements.txt").write_text("\n".join(lines) + "\n")


def fresh(folder: Path, python: Path) -> Checkout:
    (folder / "scripts/baton/demo").mkdir(parents=True)
    (folder / "tests/benchmarks").mkdir(parents=True)
    included = "".join(f"-r ../requirements-{name}.txt\n" for name in EXTRAS)
    (folder / "tests/requirements.txt").write_text(f"-r ../requirements.txt\n{included}checker\n")
    for name in EXTRAS:
        own = "meter==1\n" if name == "readability" else ""
        (folder / f"requirements-{name}.txt").write_text(f"-r requirements.txt\n{own}")
    (folder / "tests/benchmarks/requirements.txt").write_text("-r ../requirements.txt\n")
    for front in ("demo", "test"):
        shutil.copy(ROOT / "scripts" / front, folder / "scripts")
    for file in (ROOT / "scripts/baton").glob("[!.]*.*"):
        shutil.copy(file, folder / "scripts/baton")
    (folder / "scripts/baton/demo/__main__.py").write_text(DEMO)
    checkout = Checkout(folder, python)
    checkout.require("tiny<2")
    return checkout


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Return every file below a folder with inode and time of change, but for what Python compiles as it goes."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_ino, path.lstat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.name != "__pycache__" and path.suffix != ".pyc"
    }
