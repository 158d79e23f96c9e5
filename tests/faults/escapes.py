"""Eight ways in which what an agent starts tries to outlive its run, and all of them in one process.

Each is shell for an agent of the script harness. What escapes notes its id in ``escaped``, and ``has_escaped`` tells,
from /proc alone, that it really did what its name says: a test that saw nothing escape has proved nothing.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.engine.homes import Living, parent_of

NOTE = 'echo $$ >>"$BATON_HOME/escaped"'
CHILD = f"sh -c '{NOTE}; exec sleep 300'"
# Python closes what it inherited, and what it opens to say so; a shell cannot close what it does not know of.
CLOSER = """\
import os, sys, time
os.closerange(0, 1024)
with open(sys.argv[1] + "/escaped", "a") as file:
    file.write(f"{os.getpid()}\\n")
time.sleep(300)
"""
LEAVER = (
    """\
import os, signal
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
os.chdir("/")
"""
    + CLOSER
)
# The bits of /proc/PID/status.
HUP, TERM = 1 << (signal.SIGHUP - 1), 1 << (signal.SIGTERM - 1)


class Escape(NamedTuple):
    """One way to escape: shell, how many processes it makes, and what is true of each of them once it got away."""

    shell: str
    has_escaped: Callable[[Living, Living], bool]
    count: int = 1


def _session(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[3])


def _ignores(pid: int, signals: int) -> bool:
    (line,) = (one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("SigIgn:"))
    return int(line.split()[1], 16) & signals == signals


def _left_its_parent(one: Living, agent: Living) -> bool:
    return parent_of(one.pid) != agent.pid


def _left_its_session(one: Living, agent: Living) -> bool:
    return _session(one.pid) != _session(agent.pid)


def _ignores_hangup(one: Living, agent: Living) -> bool:
    return _ignores(one.pid, HUP)


def _ignores_ending(one: Living, agent: Living) -> bool:
    return _ignores(one.pid, TERM)


def _has_nothing_open(one: Living, agent: Living) -> bool:
    return os.listdir(f"/proc/{one.pid}/fd") == []


def _has_no_environment(one: Living, agent: Living) -> bool:
    return Path(f"/proc/{one.pid}/environ").read_bytes() == b""


def _is_its_child(one: Living, agent: Living) -> bool:
    return parent_of(one.pid) == agent.pid


def _holds_its_output(one: Living, agent: Living) -> bool:
    held, out = (os.readlink(f"/proc/{pid}/fd/1") for pid in (one.pid, agent.pid))
    return held == out and out.startswith("pipe:")


def _did_all_of_it(one: Living, agent: Living) -> bool:
    ways = (_left_its_parent, _left_its_session, _ignores_hangup, _ignores_ending)
    return all(did(one, agent) for did in (*ways, _has_nothing_open, _has_no_environment))


ESCAPES = {
    "a double fork": Escape(f"( ( {CHILD} & ) & )", _left_its_parent),
    "a session of its own": Escape(f"setsid {CHILD} &", _left_its_session),
    "nohup": Escape(f"nohup {CHILD} >/dev/null 2>&1 &", _ignores_hangup),
    "closed descriptors": Escape(f"{sys.executable} -c '{CLOSER}' \"$BATON_HOME\" &", _has_nothing_open),
    "an empty environment": Escape(
        f"setsid env -i BATON_HOME=\"$BATON_HOME\" sh -c '{NOTE}; exec env -i sleep 300' &", _has_no_environment
    ),
    "ignored signals": Escape(f"sh -c 'trap \"\" TERM INT HUP; {NOTE}; exec sleep 300' &", _ignores_ending),
    "200 children": Escape("for n in $(seq 200); do sleep 300 & note escaped $!; done", _is_its_child, 200),
    "a child that holds stdout": Escape(f"{CHILD} 2>/dev/null &", _holds_its_output),
}
ALL_AT_ONCE = "all of these at once"
# What no one can prove to belong to a run once the run's supervisor is dead: nothing of it names the run any more.
ALL = Escape(f"env -i {sys.executable} -c '{LEAVER}' \"$BATON_HOME\"", _did_all_of_it)
WAYS = {**ESCAPES, ALL_AT_ONCE: ALL}
