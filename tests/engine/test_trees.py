"""When a run ends, none of its processes remain, whatever they did to stay; and its supervisor stays small."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.engine.homes import ScratchHome, are_gone, eventually, living, parent_of
from tests.faults.escapes import ALL

from baton.adapters.processes import LinuxProcesses
from baton.domain.commands import CancelTask
from baton.engine.agent_process import Stream


# What ways there are to escape, and every one with every ending but these two: tests/faults/test_escapes.py.
@pytest.mark.parametrize("outcome", ["interrupted", "killed"])
def test_nothing_of_a_run_is_left_when_a_signal_ends_it(home: ScratchHome, outcome: str) -> None:
    home.agent("writer", f"{ALL.shell}\nnote mine $$; wait_for never")
    home.settings(retry={"max_interruptions": 1})
    home.task("t", "writer")
    supervisor = home.start("invoke_agent.py", "writer", "t")
    tree = home.processes_in("escaped")
    (agent,) = home.processes_in("mine")
    if outcome == "interrupted":
        supervisor.send_signal(signal.SIGTERM)
    else:
        home.touch("state/stop")  # else it would be tried again at once
        agent.kill()
    assert home.end_of(supervisor).code == 1
    are_gone([*tree, agent])
    assert home.outcomes("t") == [outcome]


def test_grandchildren_of_python_are_not_left(home: ScratchHome) -> None:
    home.python_agent(
        "writer",
        """
        import subprocess
        child = "import subprocess, sys; print(subprocess.Popen(['sleep', '300'], stdout=-3, start_new_session=True).pid)"
        out = subprocess.run([sys.executable, "-c", child], stdout=subprocess.PIPE, check=True).stdout
        with open(os.environ["BATON_HOME"] + "/pids", "ab") as file:
            file.write(out)
        while not os.path.exists(os.environ["BATON_HOME"] + "/go"):
            time.sleep(0.02)
        """,
    )
    home.task("t", "writer")
    supervisor = home.supervise()
    tree = home.processes_in("pids")
    home.touch("go")
    assert home.end_of(supervisor).code == 0
    are_gone(tree)


@pytest.mark.skipif(shutil.which("node") is None, reason="NODE IS MISSING: its grandchildren were not tried")
def test_grandchildren_of_node_are_not_left(home: ScratchHome) -> None:
    child = "console.log(require('child_process').spawn('sleep', ['300'], {detached: true, stdio: 'ignore'}).pid);"
    home.agent("writer", f'{shutil.which("node")} -e "{child} process.exit(0)" >>"$BATON_HOME/pids"; wait_for go')
    home.task("t", "writer")
    supervisor = home.supervise()
    tree = home.processes_in("pids")
    home.touch("go")
    assert home.end_of(supervisor).code == 0
    are_gone(tree)


def test_a_run_does_not_wait_for_a_child_that_holds_its_output(home: ScratchHome) -> None:
    home.agent("writer", "echo before; (sleep 300; echo after) & echo 'last words'")
    home.task("t", "writer")
    assert home.invoke("writer", "t").code == 0
    result = home.read("t").current.result
    assert result is not None
    assert result.summary == "last words"


def test_a_supervisor_started_from_a_supervisor_outlives_its_run(home: ScratchHome) -> None:
    home.agent("first", "note first $$; wait_for go-first")
    home.agent("second", "note second $$; note above $PPID; wait_for go-second; echo done")
    home.task("a", "first")
    starter = home.supervise()
    home.processes_in("first")
    home.task("b", "second")  # nobody is told: the first run's supervisor finds it at its beat
    (agent,) = home.processes_in("second")
    (above,) = home.processes_in("above")
    assert parent_of(above.pid) == starter.pid
    home.touch("go-first")
    assert home.end_of(starter).code == 0
    assert home.outcomes("a") == ["completed"]
    assert agent.is_alive
    assert above.is_alive
    home.touch("go-second")
    eventually(lambda: home.outcomes("b") == ["completed"], "the end of the other run")
    home.becomes_quiet()


def test_the_agent_of_another_run_whose_supervisor_was_killed_is_left_to_the_sweep(home: ScratchHome) -> None:
    home.agent("first", "note first $$; wait_for go-first")
    home.agent("second", "note second $$; note above $PPID; wait_for go-second")
    home.task("a", "first")
    starter = home.supervise()
    home.processes_in("first")
    home.task("b", "second")
    (agent,) = home.processes_in("second")
    (above,) = home.processes_in("above")
    above.kill()
    eventually(lambda: parent_of(agent.pid) == starter.pid, "the orphan as a child of the other supervisor")
    home.touch("go-first")
    assert home.end_of(starter).code == 0
    assert agent.is_alive
    home.touch("go-second")
    report = home.sweep()
    assert report["stale_released"] == 1
    home.becomes_quiet()
    assert home.outcomes("b") == ["interrupted", "completed"]


def test_one_look_that_finds_nothing_proves_nothing(home: ScratchHome) -> None:
    home.agent("writer", "setsid sleep 300 & note pids $!")
    home.task("t", "writer")
    ended = home.drive(
        """
        from baton.adapters.processes import LinuxProcesses
        strays, looks = LinuxProcesses.strays, []
        def blind_at_first(self, run):
            looks.append(run)
            return [] if len(looks) == 1 else strays(self, run)
        LinuxProcesses.strays = blind_at_first
        supervising.supervisor(wiring, take()).serve()
        print(len(looks) > 1)
        """
    )
    assert (ended.out, ended.err) == ("True\n", "")
    assert home.living() == []
    assert home.lines("pids")


HOPPER = """\
import os, time
os.setsid()
end = time.monotonic() + 300
while time.monotonic() < end:
    if os.fork():
        os._exit(0)
    open(os.environ["BATON_HOME"] + "/hopped", "a").close()
"""


def test_a_process_that_is_another_one_every_moment_is_not_left(home: ScratchHome) -> None:
    home.agent("writer", f"{sys.executable} -c '{HOPPER}' & wait_for hopped")
    home.task("t", "writer")
    assert home.end_of(home.supervise()).code == 0
    assert (home.root / "hopped").exists()
    assert home.living() == []
    assert home.outcomes("t") == ["completed"]


# -- what it prints -----------------------------------------------------------------------------------------------

PRINTED = {
    "100 MB": 'yes "$(head -c 99 /dev/zero | tr "\\0" x)" | head -c 100000000',
    "a line of 50 MB": 'head -c 50000000 /dev/zero | tr "\\0" x',
}


@pytest.mark.parametrize("printed", PRINTED)
def test_a_supervisor_stays_small_whatever_its_agent_prints(home: ScratchHome, printed: str) -> None:
    home.agent("writer", f"{PRINTED[printed]}; echo; echo 'last words'; note printed 1; wait_for go")
    home.task("t", "writer")
    supervisor = home.supervise()
    home.noted("printed")
    eventually(lambda: home.facts().get("last_line") == "last words", "the last line in the beat")
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{supervisor.pid}/status").read_text())
    assert peak is not None
    assert int(peak[1]) < 60 * 1024
    home.touch("go")
    assert home.end_of(supervisor).code == 0
    log = Path(f"{home.runs('t')[0]['log']}.out")
    size = log.stat().st_size
    if printed == "100 MB":
        assert 60 << 20 < size < 65 << 20
        assert b"the log is full" in log.read_bytes()
    else:
        assert size == 50_000_000 + len("\nlast words\n")
    with log.open("rb") as file:
        file.seek(-12, 2)
        assert file.read() == b"\nlast words\n"
    result = home.read("t").current.result
    assert result is not None
    assert result.summary == "last words"


def test_an_agent_that_never_stops_printing_is_still_supervised(home: ScratchHome) -> None:
    # Two writers: one alone may be slower than its reader, who would then find the pipe empty now and then.
    home.agent("writer", "note pids $$; cat /dev/zero & exec cat /dev/zero")
    home.task("t", "writer")
    supervisor = home.supervise()
    (agent,) = home.processes_in("pids")
    home.beats(3)
    home.do("t", CancelTask(by="ann", reason="enough"))
    assert home.end_of(supervisor).code == 0
    are_gone([agent])
    assert home.outcomes("t") == ["revoked"]


@pytest.mark.timeout(30)
def test_a_look_at_what_was_printed_ends_although_more_comes_all_the_time(tmp_path: Path) -> None:
    endless = Stream(os.open("/dev/zero", os.O_RDONLY), str(tmp_path / "log"))
    endless.pump()
    assert endless.is_open
    assert endless.tail
    endless.close()


# -- what is not ours ---------------------------------------------------------------------------------------------


@pytest.mark.skipif(LinuxProcesses().identify(1) is None, reason="there is no process 1 here")
def test_a_process_is_only_signalled_while_it_is_the_one_that_was_found() -> None:
    processes = LinuxProcesses()
    bystander = subprocess.Popen(["sleep", "300"])
    try:
        found = processes.identify(bystander.pid)
        assert found is not None
        other = type(found)(pid=found.pid, started=found.started - 1)
        assert processes.kill([other]) == 0
        assert living(bystander.pid) is not None
        assert processes.kill([found]) == 1
        assert bystander.wait() == -signal.SIGKILL
    finally:
        bystander.kill()
        bystander.wait()


def test_a_process_of_another_user_is_left_alone() -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT ROOT: a process that we may not signal could not be made")
    program = f"""
import os, subprocess, sys
sys.path.insert(0, {str(Path(__file__).resolve().parents[2] / "scripts")!r})
from baton.adapters.processes import LinuxProcesses
theirs = subprocess.Popen(["sleep", "300"], stdout=subprocess.DEVNULL)
os.setresuid(65534, 65534, 65534)
processes = LinuxProcesses()
print(processes.strays("r-1"), processes.kill([processes.identify(theirs.pid)]))
"""
    # The group is ours to end: what was left alone would otherwise stay.
    done = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert done.stdout is not None
        assert done.stdout.readline() == "[] 0\n"
    finally:
        os.killpg(done.pid, signal.SIGKILL)
        done.communicate()
