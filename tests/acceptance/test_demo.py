"""The demo as a newcomer sees it: in a pipe, on a terminal, interrupted, failing. It must leave nothing behind."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "scripts/baton/demo/__main__.py"
PROMISED_SECONDS = 30
PATIENCE_SECONDS = 100
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
ARTICLES = ("final/bread-001.md", "final/bread-002.md", "final/bread-003.md")
NEWS = """\
   | Campaign bread is active: 3 tasks
   | Task bread-00. is completed: Bread: .+ \\(quality 100\\)
   | Task bread-00. is completed: Bread: .+ \\(quality 100\\)
   | Task bread-00. is completed: Bread: .+ \\(quality 100\\)
   | Campaign bread is completed: 3 completed
"""


class Place:
    """A folder for temporary files, and a demo that is started with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.realpath(folder))
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "TERM": "xterm",
            # What must have no part in it: another home, another bot, a proxy that is not there.
            "BATON_HOME": "/nowhere",
            "BATON_PYTHON": "/nowhere/python",
            "TELEGRAM_API_BASE": "http://127.0.0.1:9",
            "TELEGRAM_BOT_TOKEN": "somebody:else",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "http_proxy": "http://127.0.0.1:9",
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start the demo with its output in pipes."""
        return subprocess.Popen(
            [sys.executable, DEMO, *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def homes(self) -> list[Path]:
        """The temporary homes there are."""
        return sorted(self.folder.glob("baton-demo-*"))

    def processes(self) -> list[str]:
        """The command lines of the processes that work in one of its homes."""
        mine = f"BATON_HOME={self.folder}/".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if any(entry.startswith(mine) for entry in (process / "environ").read_bytes().split(b"\0")):
                    found.append((process / "cmdline").read_text())
            except OSError:
                continue
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


class Terminal:
    """A demo on a terminal of its own, which is its controlling one: what is typed there reaches it."""

    def __init__(self, place: Place, *words: str) -> None:
        self._master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

        def begin() -> None:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests may ignore it
            os.login_tty(slave)

        command = [sys.executable, DEMO, *words]
        self.process = subprocess.Popen(command, env=place.environment, pass_fds=(slave,), preexec_fn=begin)
        os.close(slave)
        self.out = ""

    def read_until(self, text: str = "") -> None:
        """Read what is printed, up to ``text``, or to the end."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not text or text not in self.out:
            assert time.monotonic() < end, self.out
            if select.select([self._master], [], [], 1)[0]:
                try:
                    self.out += os.read(self._master, 1 << 16).decode()
                except OSError:  # the other end is closed
                    assert not text, self.out
                    return

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def end(self) -> int:
        """Read to the end and return the exit code."""
        self.read_until()
        os.close(self._master)
        return self.process.wait(PATIENCE_SECONDS)


def shown(printed: str) -> list[str]:
    """Return the lines that stand on a terminal of any height after all this was printed to it."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[[?0-9;]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+", printed):
        if part == "\r":
            column = 0
        elif part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part.endswith("A") and part.startswith("\x1b"):
            row -= int(part[2:-1])
        elif part == "\x1b[K":
            lines[row] = lines[row][:column]
        elif part == "\x1b[J":
            lines[row:] = [lines[row][:column]]
        elif not part.startswith("\x1b"):
            lines[row] = lines[row].ljust(column)[:column] + part + lines[row][column + len(part) :]
            column += len(part)
    return lines


def test_in_a_pipe_it_shows_the_fault_and_the_work_and_leaves_nothing(place: Place) -> None:
    began = time.monotonic()
    out, err = (demo := place.start()).communicate(timeout=PATIENCE_SECONDS)
    seconds = time.monotonic() - began

    assert (demo.returncode, err) == (0, ""), out
    assert seconds < PROMISED_SECONDS
    assert "\x1b" not in out and "\r" not in out
    assert re.search(r"^   \$ kill -9 \d+ \d+$", out, re.MULTILINE)
    assert "exit code 75: invoke_agent.py: " in out and "held by run r-" in out
    assert '{"stale_released": 1, "redispatched": 1, ' in out
    assert all(re.search(rf"^ +\d\d\d+ bytes  {article}$", out, re.MULTILINE) for article in ARTICLES)
    assert re.search(NEWS.replace("|", r"\|"), out)
    assert "each in the log exactly once; no lease, no slot held, no process left" in out
    assert "scripts/doctor.py" in out.partition("What to type next")[2]
    assert (place.processes(), place.homes()) == ([], [])


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Terminal, int]]:
    """A demo that was run on a terminal, and told to keep its home."""
    place = Place(tmp_path_factory.mktemp("kept"))
    terminal = Terminal(place, "--keep")
    yield place, terminal, terminal.end()


def test_on_a_terminal_a_table_is_redrawn_in_place(kept: tuple[Place, Terminal, int]) -> None:
    _, terminal, code = kept
    assert code == 0, terminal.out
    assert terminal.out.count("\x1b[6A") > 10  # up from below its five lines and the empty one
    before, _, after = terminal.out.rpartition(SHOW_CURSOR)
    assert (before.count(HIDE_CURSOR), after.count(HIDE_CURSOR)) == (1, 0)
    lines = shown(terminal.out)
    tables = [number for number, line in enumerate(lines) if re.match(r"   task +about +research +drafts +final", line)]
    assert len(tables) == 1
    assert [line.split()[-3:] for line in lines[tables[0] + 1 : tables[0] + 4]] == [["done"] * 3] * 3
    assert not any("is at work" in line for line in lines)


def test_a_kept_home_is_sound_and_tells_of_the_fault(kept: tuple[Place, Terminal, int]) -> None:
    place, terminal, _ = kept
    (home,) = place.homes()
    assert f"The home is kept: {home}" in terminal.out
    script = ROOT / "scripts/check_pipeline.py"
    swept = subprocess.run([sys.executable, script, "--home", home], capture_output=True, check=True)
    report = json.loads(swept.stdout)
    assert (report["found"], report["errors"], report["health"]["leases"]) == ([], [], 0)
    log = [json.loads(line) for path in home.glob("state/events/*") for line in path.read_text().splitlines()]
    ends = [event["data"]["outcome"] for event in log if event["type"] == "run_ended"]
    assert sorted(ends) == ["completed"] * 9 + ["interrupted"]
    assert place.processes() == []


def test_ctrl_c_in_the_middle_leaves_nothing(place: Place) -> None:
    terminal = Terminal(place)
    terminal.read_until("working")
    assert place.processes()
    terminal.type(b"\x03")
    assert terminal.end() == 130, terminal.out
    assert terminal.out.rindex(SHOW_CURSOR) > terminal.out.rindex(HIDE_CURSOR)
    assert "demo: interrupted" in shown(terminal.out)
    assert "Traceback" not in terminal.out
    assert (place.processes(), place.homes()) == ([], [])


def test_failure_is_one_sentence_and_where_the_home_is_kept(place: Place) -> None:
    demo = place.start()
    assert demo.stdout is not None
    while "is at work" not in (line := demo.stdout.readline()):
        assert line, demo.communicate()
    (home,) = place.homes()
    shutil.rmtree(home / "skills/draft-writer")
    _, err = demo.communicate(timeout=PATIENCE_SECONDS)
    assert demo.returncode == 1
    assert re.match(r"demo: cannot go on: task bread-00\d is blocked: .*draft-writer.*\nThe home is kept: ", err)
    assert str(home) in err
    assert (place.processes(), place.homes()) == ([], [home])


@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), (["--kept"], 2), (["now"], 2)])
def test_help_and_wrong_usage_make_no_home(place: Place, words: list[str], code: int) -> None:
    out, err = (demo := place.start(*words)).communicate(timeout=PATIENCE_SECONDS)
    assert (demo.returncode, place.homes()) == (code, [])
    assert "exit codes: 0" in out if code == 0 else err.startswith("usage: demo")
