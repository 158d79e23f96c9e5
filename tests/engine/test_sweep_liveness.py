"""Who is dead and who is not, with real processes: the sweep ends what is dead, whole and once, and nobody else."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs
from tests.engine.homes import PATH, SCRIPTS, Living, ScratchHome, are_gone, eventually, living, parent_of
from tests.store.homes import check_agreement

from baton.domain import commands as c
from baton.domain.records import Holder

STALE = {"heartbeat": "100ms", "stale_after": "2s"}
FOREVER = "note pids $$; wait_for go"


def orphaned(home: ScratchHome, count: int = 1, task: str = "t") -> list[Living]:
    """Kill the supervisor at work on the task; return what its agent noted, which lives on."""
    supervisor = home.supervise()
    tree = home.processes_in("pids", count)
    supervisor.kill()
    home.end_of(supervisor)
    assert all(one.is_alive for one in tree)
    assert home.read(task).leases
    return tree


@pytest.fixture
def bystander() -> Iterator[Living]:
    """A process that has nothing to do with Baton, in a session of its own; it must live to the end of the test."""
    process = subprocess.Popen(["sleep", "300"], start_new_session=True, cwd="/", env={})
    mine = living(process.pid)
    assert mine is not None
    yield mine
    survived = mine.is_alive
    process.kill()
    process.wait()
    assert survived


# -- a supervisor that was killed ---------------------------------------------------------------------------------


def test_the_sweep_ends_an_orphan_and_starts_its_step_again(home: ScratchHome) -> None:
    home.agent("writer", '[ "$BATON_LEASE" != 1 ] || { note pids $$; wait_for never; }')
    home.task("t", "writer")
    tree = orphaned(home)
    report = home.sweep()
    assert not any(one.is_alive for one in tree)
    assert (report["stale_released"], report["redispatched"], report["errors"]) == (1, 1, [])
    home.becomes_quiet()
    task = home.read("t")
    assert home.outcomes("t") == ["interrupted", "completed"]
    assert (task.status, task.current.attempts, task.current.interruptions) == ("completed", 1, 1)
    first, _ = home.runs("t")
    assert (first["status"], first["outcome"], first["error"]) == ("failed", "interrupted", "its supervisor was lost")


def test_a_dry_run_only_says_what_the_sweep_would_do(home: ScratchHome) -> None:
    home.agent("writer", FOREVER)
    home.task("t", "writer")
    tree = orphaned(home)
    before = home.read("t")
    report = home.sweep("--dry-run")
    assert (report["stale_released"], report["redispatched"]) == (1, 0)
    assert all(one.is_alive for one in tree)
    assert home.read("t") == before
    home.touch("state/stop")
    assert home.sweep()["stale_released"] == 1


def test_under_the_stop_file_the_sweep_repairs_and_starts_nothing(home: ScratchHome) -> None:
    home.agent("writer", FOREVER)
    home.task("t", "writer")
    tree = orphaned(home)
    home.touch("state/stop")
    report = home.sweep()
    assert (report["stale_released"], report["redispatched"]) == (1, 0)
    assert report["notes"] == ["state/stop exists"]
    are_gone(tree)
    assert home.living() == []


def test_a_run_that_had_reported_is_completed_by_the_sweep(home: ScratchHome) -> None:
    home.agent("writer", f"complete_step.py --summary done >/dev/null; {FOREVER}")
    home.settings(timeouts={"grace": "30s"})
    home.task("t", "writer")
    tree = orphaned(home)
    report = home.sweep()
    assert (report["stale_released"], report["redispatched"]) == (1, 0)
    are_gone(tree)
    result = home.read("t").current.result
    assert result is not None
    assert (home.read("t").status, result.summary, home.outcomes("t")) == ("completed", "done", ["completed"])
    assert [(run["status"], run["outcome"]) for run in home.runs("t")] == [("completed", "completed")]


def test_a_run_that_had_given_its_task_back_is_ended_so_by_the_sweep(home: ScratchHome) -> None:
    home.agent("writer", f"release_lock.py --notes 'no source' >/dev/null; {FOREVER}")
    home.settings(timeouts={"grace": "30s"})
    home.task("t", "writer")
    orphaned(home)
    assert home.sweep()["stale_released"] == 1
    unit = home.read("t").current
    assert (home.outcomes("t"), unit.attempts, unit.failures[0].message) == (["released"], 1, "no source")
    assert [(run["status"], run["outcome"]) for run in home.runs("t")] == [("failed", "released")]


def test_what_a_person_asked_of_an_orphan_happens_when_the_sweep_has_ended_it(home: ScratchHome) -> None:
    home.agent("writer", FOREVER)
    home.task("t", "writer")
    tree = orphaned(home)
    home.do("t", c.CancelTask(by="ann", reason="not needed"))
    assert home.sweep()["stale_released"] == 1
    are_gone(tree)
    assert (home.read("t").status, home.outcomes("t")) == ("cancelled", ["revoked"])


def test_a_supervisor_killed_between_grant_and_spawn_loses_nothing(home: ScratchHome) -> None:
    home.agent("writer", "note ran 1")
    home.task("t", "writer")
    ended = home.drive(
        """
        supervisor = supervising.supervisor(wiring, take())
        supervisor.begin()
        supervisor.granter.pick()
        os.kill(os.getpid(), 9)
        """
    )
    assert ended.code == -signal.SIGKILL
    assert home.read("t").leases
    report = home.sweep()
    assert (report["stale_released"], report["redispatched"]) == (1, 1)
    home.becomes_quiet()
    assert home.outcomes("t") == ["interrupted", "completed"]


ORPHANS = {
    "a child of Python": (
        f'{sys.executable} -c \'import subprocess as s; s.Popen(["sleep", "300"], start_new_session=True, stdout=-3)\' ;'
    ),
    "a double fork in another session": "( setsid sleep 300 & ) ;",
    "an empty environment in the agent's session": "env -i sleep 300 & ",
    "an empty environment with the slot": "setsid env -i sleep 300 & ",
    "all descriptors closed": f"{sys.executable} -c 'import os, time; os.closerange(0, 99); time.sleep(300)' & ",
}
if shutil.which("node"):
    ORPHANS["a child of Node"] = (
        f"{shutil.which('node')} -e \"require('child_process').spawn('sleep', ['300'], {{detached: true, stdio: 'ignore'}})"
        '.unref()" ;'
    )


def test_children_of_node_are_among_the_orphans_that_are_tried() -> None:
    if "a child of Node" not in ORPHANS:
        pytest.skip("NODE IS MISSING: its orphans were not tried")


@pytest.mark.parametrize("kind", ORPHANS)
def test_what_an_orphan_left_behind_is_found_when_the_agent_itself_is_gone(home: ScratchHome, kind: str) -> None:
    home.agent("writer", f"{ORPHANS[kind]} note pids $$; wait_for never")
    home.settings(retry={"max_interruptions": 1})
    home.task("t", "writer")
    supervisor = home.supervise()
    (agent,) = home.processes_in("pids")
    (child,) = eventually(
        lambda: [one for one in below(supervisor.pid) if one != agent and is_the_sleeper(one)], "what it left"
    )
    supervisor.kill()
    agent.kill()
    home.end_of(supervisor)
    are_gone([agent])
    assert child.is_alive
    home.touch("state/stop")
    report = home.sweep()
    assert report["errors"] == []
    assert not child.is_alive
    assert (report["stale_released"], home.outcomes("t")) == (1, ["interrupted"])


def is_the_sleeper(one: Living) -> bool:
    """Tell whether this is what the agent meant to leave, and not a wait of its own."""
    words = Path(f"/proc/{one.pid}/cmdline").read_bytes()
    return b"300" in words and b"import subprocess" not in words and b"child_process" not in words


def below(pid: int) -> list[Living]:
    """All living descendants of a process."""
    found: list[Living] = []
    queue = [pid]
    while queue:
        for child in Path(f"/proc/{queue[0]}/task/{queue[0]}/children").read_text().split():
            queue.append(int(child))
            one = living(int(child))
            found += [one] if one is not None else []
        queue.pop(0)
    return found


def test_a_supervisor_that_was_orphaned_by_another_lives_on(home: ScratchHome) -> None:
    home.agent("first", FOREVER)
    home.agent("second", "note second $$; note above $PPID; wait_for go-second")
    home.task("t", "first")
    starter = home.supervise()
    first = home.processes_in("pids")
    home.task("u", "second")
    (above,) = home.processes_in("above")
    (second,) = home.processes_in("second")
    assert parent_of(above.pid) == starter.pid
    starter.kill()
    home.end_of(starter)
    home.touch("state/stop")
    assert home.sweep()["stale_released"] == 1
    are_gone(first)
    assert above.is_alive
    assert second.is_alive
    home.touch("go-second")
    home.becomes_quiet()
    assert (home.outcomes("t"), home.outcomes("u")) == (["interrupted"], ["completed"])


# -- a supervisor that hangs --------------------------------------------------------------------------------------


def test_a_supervisor_stopped_for_good_is_killed_by_a_sweep_that_is_stale_after_later(home: ScratchHome) -> None:
    home.agent("writer", '[ "$BATON_LEASE" != 1 ] || { note pids $$; wait_for never; }')
    home.settings(lease=STALE)
    home.task("t", "writer")
    supervisor = home.supervise()
    tree = home.processes_in("pids")
    supervisor.send_signal(signal.SIGSTOP)
    first = time.monotonic()
    assert home.sweep()["stale_released"] == 0
    report = eventually(lambda: (found := home.sweep())["stale_released"] and found, "the end of the silent one")
    assert time.monotonic() - first >= 2.0
    assert report["redispatched"] == 1
    assert home.end_of(supervisor).code == -signal.SIGKILL
    are_gone(tree)
    home.becomes_quiet()
    assert home.outcomes("t") == ["interrupted", "completed"]


def test_a_supervisor_that_was_stopped_for_a_while_is_left_alone(home: ScratchHome) -> None:
    home.agent("writer", FOREVER)
    home.settings(lease=STALE)
    home.task("t", "writer")
    supervisor = home.supervise()
    tree = home.processes_in("pids")
    supervisor.send_signal(signal.SIGSTOP)
    first = time.monotonic()
    assert home.sweep()["stale_released"] == 0
    supervisor.send_signal(signal.SIGCONT)
    home.beats(2)
    eventually(lambda: time.monotonic() - first > 2.0, "the time after which it would be stale")
    assert home.sweep()["stale_released"] == 0
    assert tree[0].is_alive
    home.touch("go")
    assert home.end_of(supervisor).code == 0
    assert home.outcomes("t") == ["completed"]


def test_the_emptied_tree_of_a_hanging_supervisor_goes_with_it(home: ScratchHome) -> None:
    home.agent("writer", 'setsid env -i BATON_HOME="$BATON_HOME" sh -c \'echo $$ >>"$BATON_HOME/pids"; '
               "exec env -i sleep 300' & wait_for never")  # fmt: skip
    home.settings(lease=STALE)
    home.task("t", "writer")
    supervisor = home.supervise()
    tree = home.processes_in("pids")
    home.touch("state/stop")
    supervisor.send_signal(signal.SIGSTOP)
    home.sweep()
    eventually(lambda: home.sweep()["stale_released"], "the end of the silent one")
    home.end_of(supervisor)
    assert not tree[0].is_alive
    assert home.outcomes("t") == ["interrupted"]


def test_a_healthy_run_is_left_alone_by_many_sweeps(home: ScratchHome) -> None:
    home.agent("writer", FOREVER)
    home.settings(lease=STALE)
    home.task("t", "writer")
    supervisor = home.supervise()
    home.noted("pids")
    first = time.monotonic()
    while time.monotonic() - first < 3.0:
        assert home.sweep()["stale_released"] == 0
    home.touch("go")
    assert home.end_of(supervisor).code == 0
    assert home.outcomes("t") == ["completed"]


@pytest.mark.parametrize("line", ["'\\360\\237\\220\\247'", "'\\033[1m'", "'\\303\\251\"\\\\'"])
def test_what_an_agent_prints_does_not_make_its_supervisor_look_dead(home: ScratchHome, line: str) -> None:
    home.agent("writer", f"for n in $(seq 300); do printf {line}; done; note pids $$; wait_for go")
    home.task("t", "writer")
    supervisor = home.supervise()
    (agent,) = home.processes_in("pids")
    home.beats(2)
    assert home.facts()["last_line"]
    assert home.sweep()["stale_released"] == 0
    assert agent.is_alive
    home.touch("go")
    assert home.end_of(supervisor).code == 0


# -- leases by hand -----------------------------------------------------------------------------------------------


def by_hand(home: ScratchHome, age_seconds: float, **other: Any) -> Holder:
    """The holder of a hand lease that was taken so long ago, as the clock that goes on during sleep has it."""
    now = home.wiring.clock.holder()
    assert now.boot_seconds is not None
    return structs.replace(now, boot_seconds=now.boot_seconds - age_seconds, **other)


@pytest.mark.parametrize(("age", "released"), [(0.0, 0), (50.0, 0), (61.0, 1)])
def test_a_lease_by_hand_is_taken_away_when_nobody_renewed_it_for_stale_after(
    home: ScratchHome, age: float, released: int
) -> None:
    home.agent("writer")
    home.touch("state/stop")
    home.task("t", "writer")
    home.do("t", c.AcquireByHand(agent="writer", holder=by_hand(home, age), steal_after_seconds=600.0))
    report = home.sweep()
    assert report["stale_released"] == released
    assert bool(home.read("t").leases) == (not released)
    assert ("lease_expired" in home.types("t")) == bool(released)


def test_a_lease_by_hand_that_was_taken_before_a_reboot_is_as_old_as_this_boot(home: ScratchHome) -> None:
    home.agent("writer")
    home.settings(lease=STALE)
    home.touch("state/stop")
    home.task("t", "writer")
    former = by_hand(home, 0.0, boot="another-boot")
    home.do("t", c.AcquireByHand(agent="writer", holder=former, steal_after_seconds=600.0))
    assert home.sweep()["stale_released"] == 1
    assert home.read("t").leases == ()


def granted(home: ScratchHome, run: str = "r-forged", **holder: Any) -> None:
    """Grant the current step of ``t`` to a supervisor that is not there."""
    now = home.wiring.clock.holder()
    whose = structs.replace(now, boot_seconds=None, **{"slot": 0, "instance": "1.1", **holder})
    command = c.GrantLease(
        unit="s1", agent="writer", run=run, holder=whose, deadline_seconds=60.0, backoff_max_seconds=3600.0
    )
    home.do("t", command)


def test_a_run_of_another_boot_is_ended_at_once(home: ScratchHome) -> None:
    home.agent("writer", "note ran 1")
    home.task("t", "writer")
    granted(home, boot="another-boot")
    report = home.sweep()
    assert (report["stale_released"], report["redispatched"]) == (1, 1)
    home.becomes_quiet()
    assert home.outcomes("t") == ["interrupted", "completed"]


def test_a_run_of_another_boot_signals_nobody_of_this_one(home: ScratchHome, bystander: Living) -> None:
    home.agent("writer")
    home.touch("state/stop")
    home.task("t", "writer")
    granted(home, boot="another-boot")
    facts = {"agent_pid": bystander.pid, "agent_started": bystander.started}
    home.wiring.store.runs.write("t", "r-forged", facts)
    assert home.sweep()["stale_released"] == 1
    assert bystander.is_alive


def test_a_run_of_another_machine_is_ended_only_long_after_its_time(home: ScratchHome) -> None:
    home.agent("writer")
    home.touch("state/stop")
    home.task("t", "writer")
    granted(home, machine="another-machine")
    assert home.sweep()["stale_released"] == 0
    assert home.read("t").leases


# -- whom no sweep may signal -------------------------------------------------------------------------------------


def test_an_agents_number_that_another_process_has_now_is_not_signalled(home: ScratchHome, bystander: Living) -> None:
    home.agent("writer")
    home.touch("state/stop")
    home.task("t", "writer")
    granted(home)
    facts = {"agent_pid": bystander.pid, "agent_started": bystander.started - 1}
    home.wiring.store.runs.write("t", "r-forged", facts)
    assert home.sweep()["stale_released"] == 1
    assert bystander.is_alive
    assert home.outcomes("t") == ["interrupted"]


def test_an_agent_of_which_no_start_is_known_names_no_session(home: ScratchHome, bystander: Living) -> None:
    home.agent("writer")
    home.touch("state/stop")
    home.task("t", "writer")
    granted(home)
    home.wiring.store.runs.write("t", "r-forged", {"agent_pid": bystander.pid, "agent_started": 0})
    assert home.sweep()["stale_released"] == 1
    assert bystander.is_alive


class Impostor:
    """This very process, as the supervisor in slot 0, with whatever facts the test wants."""

    def __init__(self, home: ScratchHome, **facts: Any) -> None:
        slot = home.wiring.store.slots.take(1)
        assert slot is not None
        slot.supervise("1.1")
        slot.beat({"instance": "1.1", "beat": 1.0, **facts})
        self.slot = slot


def test_a_silent_supervisors_number_that_another_process_has_now_is_not_signalled(
    home: ScratchHome, bystander: Living
) -> None:
    home.agent("writer")
    home.settings(lease=STALE)
    home.task("t", "writer")
    impostor = Impostor(home, pid=bystander.pid, started=bystander.started - 1)
    granted(home)
    home.touch("state/stop")
    first = time.monotonic()
    home.sweep()
    eventually(lambda: time.monotonic() - first > 2.5, "the time after which it is stale")
    report = home.sweep()
    assert bystander.is_alive
    # Somebody holds its lock, and nobody was killed: it is not proven dead, so its run is not ended.
    assert (report["stale_released"], len(home.read("t").leases)) == (0, 1)
    impostor.slot.free()
    assert home.sweep()["stale_released"] == 1


@pytest.mark.parametrize("facts", [b"", b"nonsense", b"{}", b"[1, 2]", b"\xff" * 1024])
def test_a_supervisor_whose_facts_cannot_be_read_is_not_taken_for_dead(home: ScratchHome, facts: bytes) -> None:
    home.agent("writer", FOREVER)
    home.settings(lease={"heartbeat": "20s"})
    home.task("t", "writer")
    supervisor = home.supervise()
    (agent,) = home.processes_in("pids")
    eventually(lambda: home.facts().get("agent_pid"), "the first beat of the run")
    (home.root / "state/slots/00.sup").write_bytes(facts)
    assert home.facts() == {}
    assert home.sweep()["stale_released"] == 0
    assert agent.is_alive
    home.touch("go")
    assert home.end_of(supervisor).code == 0
    assert home.outcomes("t") == ["completed"]


def test_a_supervisor_that_is_starting_is_counted_and_not_killed(home: ScratchHome) -> None:
    home.agent("writer", "note ran 1")
    home.task("t", "writer")
    holder = held_slot(home)
    for _ in range(3):
        report = home.sweep()
        assert (report["stale_released"], report["redispatched"]) == (0, 0)
    assert holder.poll() is None
    holder.kill()
    home.end_of(holder)
    assert home.sweep()["redispatched"] == 1
    home.becomes_quiet()
    assert home.lines("ran") == ["1"]


def held_slot(home: ScratchHome, *, marked: bool = True) -> Any:
    """A process that holds slot 0 and never comes to supervise it."""
    mark = {"BATON_SUPERVISOR": "1"} if marked else {}
    program = "import sys, time; sys.path.insert(0, {0!r}); from baton.store.slots import SlotFiles; "
    program += "slot = SlotFiles({1!r}).take(1); print('held', flush=True); time.sleep(300)"
    holder = home._popen([sys.executable, "-c", program.format(str(SCRIPTS), str(home.root / "state/slots"))], mark)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_supervisor_that_starts_in_the_slot_of_a_dead_run_is_not_killed(home: ScratchHome) -> None:
    home.agent("writer")
    home.task("t", "writer")
    granted(home)
    holder = held_slot(home)
    home.touch("state/stop")
    assert home.sweep()["stale_released"] == 1
    assert holder.poll() is None
    holder.kill()
    home.end_of(holder)
    assert home.outcomes("t") == ["interrupted"]


def test_a_program_that_looks_into_the_slot_of_a_dead_run_is_not_killed(home: ScratchHome) -> None:
    home.agent("writer", 'setsid env -i BATON_HOME="$BATON_HOME" sh -c \'echo $$ >>"$BATON_HOME/pids"; '
               "exec env -i sleep 300' & wait_for never")  # fmt: skip
    home.task("t", "writer")
    orphaned(home)
    # A person with a pager, a script that counts free slots: the file is open, the lock is not theirs.
    reader = home._popen(["tail", "-f", str(home.root / "state/slots/00")], {})
    eventually(lambda: str(home.root / "state/slots/00") in open_files(reader.pid), "the file open in the reader")
    home.touch("state/stop")
    assert home.sweep()["stale_released"] == 1
    assert reader.poll() is None
    reader.kill()
    home.end_of(reader)


def open_files(pid: int) -> list[str]:
    """The files that a process has open; one that it closes while we look is none of them."""
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
    return found


def test_a_run_that_ended_while_the_sweep_looked_is_not_ended_twice(home: ScratchHome) -> None:
    home.agent("writer", FOREVER)
    home.task("t", "writer", "writer")
    supervisor = home.supervise()
    home.noted("pids")
    ended = home.drive(
        """
        from baton.cli import sweeping
        from msgspec import structs
        home = os.environ["BATON_HOME"]
        scene = sweeping._scene
        def late(wiring, beats):
            found = scene(wiring, beats)
            open(wiring.home.stop_file, "w").close()
            open(home + "/go", "w").close()
            while store.tasks.read("t").leases or store.slots.states()[0].held:
                time.sleep(0.01)
            # The tasks as they were when they were read, and the slots as they are now.
            return structs.replace(found, slots={slot.number: slot for slot in store.slots.states()})
        sweeping._scene = late
        report = sweeping.sweep_home(wiring, dry_run=False)
        print(report["stale_released"], report["errors"])
        """
    )
    assert (ended.out, ended.err) == ("0 []\n", "")
    assert home.end_of(supervisor).code == 0
    assert home.outcomes("t") == ["completed"]


def test_a_starter_that_took_the_slot_of_a_run_that_just_ended_is_not_killed(home: ScratchHome) -> None:
    home.agent("writer", FOREVER)
    home.task("t", "writer")
    supervisor = home.supervise()
    home.noted("pids")
    stale = home.read("t")
    assert stale.leases
    home.touch("state/stop")
    home.touch("go")
    assert home.end_of(supervisor).code == 0
    holder = held_slot(home, marked=False)  # a script of somebody's, about to start a supervisor
    ended = home.drive(
        """
        from baton.cli import sweeping
        from baton.domain.records import Task
        from msgspec import json, structs
        scene = sweeping._scene
        stale = json.decode(os.environ["STALE"], type=Task)
        sweeping._scene = lambda wiring, beats: structs.replace(scene(wiring, beats), tasks=(stale,))
        print(sweeping.sweep_home(wiring, dry_run=False)["stale_released"])
        """,
        STALE=msgspec.json.encode(stale).decode(),
    )
    assert (ended.out, ended.err) == ("0\n", "")
    assert holder.poll() is None
    holder.kill()
    home.end_of(holder)


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT ROOT: a process id cannot be forced to be used again")
def test_a_session_number_that_was_used_again_is_another_session(home: ScratchHome) -> None:
    home.agent("writer", "note pids $$; wait_for never")
    home.task("t", "writer")
    supervisor = home.supervise()
    (agent,) = home.processes_in("pids")
    eventually(lambda: home.facts().get("agent_pid") == agent.pid, "the agent in the beat")
    home.touch("state/stop")
    supervisor.kill()
    agent.kill()
    home.end_of(supervisor)
    are_gone([agent])
    try:
        eventually(lambda: not Path(f"/proc/{agent.pid}").exists(), "the id to be free again", 5)
    except AssertionError:
        pytest.skip("NOBODY COLLECTS ORPHANS ON THIS MACHINE: A PROCESS ID IS NOT FREE AGAIN")
    taken = reused(agent.pid)
    if taken is None:
        pytest.skip("THE KERNEL DOES NOT LET US CHOOSE A PROCESS ID HERE")
    try:
        assert os.getsid(taken.pid) == taken.pid == agent.pid
        assert home.sweep()["stale_released"] == 1
        assert taken.poll() is None
    finally:
        taken.kill()
        taken.wait()


def reused(pid: int) -> subprocess.Popen[bytes] | None:
    """A bystander that got this process id, in a session of its own."""
    for _ in range(200):
        try:
            Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
        except OSError:
            return None
        process = subprocess.Popen(["sleep", "300"], start_new_session=True, cwd="/", env={"PATH": PATH})
        if process.pid == pid:
            return process
        process.kill()
        process.wait()
    return None


# -- many at once, and killed in the middle -----------------------------------------------------------------------


def test_twenty_sweeps_at_once_dispatch_nothing_twice(home: ScratchHome) -> None:
    home.agent("writer", 'note ran "$BATON_TASK $BATON_LEASE"')
    home.agent("stuck", '[ "$BATON_LEASE" != 1 ] || { note pids $$; wait_for never; }')
    home.settings(concurrency={"agents": 3})
    home.task("t", "stuck")
    tree = orphaned(home)
    for number in range(6):
        home.task(f"a-{number}", "writer")
    sweeps = [home.start("check_pipeline.py") for _ in range(20)]
    reports = [json.loads(home.end_of(one).out) for one in sweeps]
    are_gone(tree)
    swept = [report for report in reports if "skipped" not in report]
    assert swept
    assert all("another sweep is running since" in report["skipped"] for report in reports if "skipped" in report)
    assert sum(report["stale_released"] for report in swept) == 1
    assert [report["errors"] for report in swept if report["errors"]] == []
    home.becomes_quiet()
    assert sorted(home.lines("ran")) == [f"a-{number} 1" for number in range(6)]
    assert home.outcomes("t") == ["interrupted", "completed"]
    check_agreement(home.root, home.wiring.store)


def killed_sweeps(home: ScratchHome, rounds: int) -> None:
    """Kill a sweep at a random moment, again and again, with work of each kind for it; then sweep it all up."""
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    home.agent("writer", 'note ran "$BATON_TASK"')
    home.agent("stuck", '[ "$BATON_LEASE" != 1 ] || { note pids $$; wait_for never; }')
    killed = 0
    for number in range(rounds):
        task = f"t-{number}"
        home.task(task, "stuck", priority="urgent")
        slug = f"c-{number}"
        home.campaign(slug, "writer", count=3)
        home.run("activate_campaign.py", slug, "--no-dispatch")
        tree = newest_orphan(home, number + 1)
        stale = home.root / "state/ready/-~-~nobody/010-0000000001"
        stale.mkdir(parents=True)
        (stale / "000000~ghost~s1").touch()
        sweep = home.start("check_pipeline.py")
        end = time.monotonic() + chance.uniform(0.03, 0.35)
        while time.monotonic() < end and sweep.poll() is None:
            pass
        sweep.kill()
        killed += home.end_of(sweep).code == -signal.SIGKILL
        home.sweep()
        are_gone(tree)
        home.becomes_quiet()
        home.sweep()
        home.becomes_quiet()
        assert home.read(task).status == "completed", f"{seed=} {home.story()}"
        planned = [f"{slug}-{n:03d}" for n in (1, 2, 3)]
        assert [home.read(one).status for one in planned] == ["completed"] * 3, f"{seed=} {home.story()}"
        assert all(home.lines("ran").count(one) == 1 for one in planned), f"{seed=} {home.story()}"
        report = home.sweep()
        assert (report["found"], report["errors"]) == ([], []), f"{seed=}"
        check_agreement(home.root, home.wiring.store)
    assert killed > rounds // 3, f"{seed=}: only {killed} of {rounds} sweeps were killed before their end"


def newest_orphan(home: ScratchHome, count: int) -> list[Living]:
    """Kill the supervisor at work; return the agent that noted its id last, which lives on."""
    supervisor = home.supervise()
    agent = living(int(home.noted("pids", count)[-1]))
    supervisor.kill()
    home.end_of(supervisor)
    assert agent is not None
    assert agent.is_alive
    return [agent]


def test_a_sweep_killed_anywhere_leaves_what_the_next_one_repairs(home: ScratchHome) -> None:
    killed_sweeps(home, 5)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_sweeps_killed_many_times_leave_what_the_next_one_repairs(home: ScratchHome) -> None:
    killed_sweeps(home, 80)
