"""Slots as files: a lock that a tree of processes shares, a supervisor's half that it does not, and a look that takes none.

Which programs hand the slot on to their own children is measured here, not decided: Python closes it, Node the lower
descriptors, a shell none. The proof of death therefore also asks for the run's name among the processes.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import c_int
from pathlib import Path
from typing import Any

import pytest
from tests.store.homes import close_below, in_processes

from baton.ports import SlotState
from baton.store.slots import FileSlot, SlotFiles

FORK = multiprocessing.get_context("fork")
LOOKS = 2000


@pytest.fixture
def slots(tmp_path: Path) -> Iterator[SlotFiles]:
    yield SlotFiles(str(tmp_path / "slots"))
    close_below(tmp_path)


def take(slots: SlotFiles, limit: int = 1) -> FileSlot:
    slot = slots.take(limit)
    assert slot is not None
    return slot


def held(slots: SlotFiles) -> tuple[bool, bool]:
    """Whether slot 0 is held and supervised, as another process sees it."""
    seen = SlotFiles(slots.folder).states()[0]
    return seen.held, seen.supervised


def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition that another process brings about."""
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.001)


@contextmanager
def program_running(argv: list[str], slot: FileSlot | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A program that inherits the slot; it and its children end with their input."""
    inherited = () if slot is None else (slot.fileno,)
    process = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=inherited, start_new_session=True
    )
    try:
        yield process
    finally:
        process.communicate()


def is_alive(process: subprocess.Popen[bytes]) -> bool:
    """Tell whether somebody still echoes what is written to this program's input: it, or a child of it."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(b"are you there?\n")
    process.stdin.flush()
    return process.stdout.readline() == b"are you there?\n"


def test_a_slot_taken_in_one_process_is_seen_held_in_another(slots: SlotFiles) -> None:
    slot = take(slots)

    def look() -> None:
        elsewhere = SlotFiles(slots.folder)
        assert elsewhere.states() == [SlotState(number=0, held=True, supervised=False, facts={})]
        assert elsewhere.take(1) is None

    program = "import sys; sys.path[:0] = %r; from baton.store.slots import SlotFiles; print(SlotFiles(%r).states())"
    argv = [sys.executable, "-c", program % (sys.path, slots.folder)]
    told = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    assert told == "[SlotState(number=0, held=True, supervised=False, facts={})]\n"
    in_processes(look)
    slot.free()
    assert held(slots) == (False, False)


def test_the_lock_goes_down_with_the_last_of_the_tree_though_the_supervisor_was_killed(slots: SlotFiles) -> None:
    """The supervisor's half ends with the supervisor at once, since no program that it starts inherits it."""
    ours, theirs = FORK.Pipe()
    read_end, write_end = os.pipe()

    def supervise() -> None:
        os.close(write_end)
        slot = take(SlotFiles(slots.folder))
        slot.supervise("i-1")
        agent = subprocess.Popen(["cat"], stdin=read_end, pass_fds=(slot.fileno,), start_new_session=True)
        theirs.send(agent.pid)
        theirs.recv()

    supervisor = FORK.Process(target=supervise)
    supervisor.start()
    os.close(read_end)
    assert ours.poll(10)
    agent = ours.recv()
    assert held(slots) == (True, True)

    supervisor.kill()
    supervisor.join()

    assert supervisor.exitcode == -9
    assert os.path.exists(f"/proc/{agent}")
    assert held(slots) == (True, False)
    assert SlotFiles(slots.folder).states()[0].facts == {"instance": "i-1"}
    os.close(write_end)
    until(lambda: held(slots) == (False, False))


def test_a_program_that_was_not_given_the_slot_does_not_hold_it(slots: SlotFiles) -> None:
    slot = take(slots)
    slot.supervise("i-1")
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False) as other:
        slot.leave()
        assert slot.supervisor_fileno is not None
        os.close(slot.supervisor_fileno)

        assert other.poll() is None
        assert held(slots) == (False, False)


NODE = ["node", "-e", "require('child_process').spawn('cat', {stdio: 'inherit', detached: true}).unref()"]
GRANDCHILDREN = {
    "shell": (["sh", "-c", "exec 4<&0; cat <&4 & exit 0"], 7, True),
    "python": ([sys.executable, "-c", "import subprocess; subprocess.Popen(['cat'])"], 7, False),
    "node": (NODE, 7, False),
    "node with a high descriptor": (NODE, 77, True),
}
LAUNCH = """
import os, subprocess, sys
sys.path[:0] = {path!r}
from baton.store.slots import SlotFiles
os.dup2(SlotFiles({folder!r}).take(1).fileno, {number})
subprocess.run({argv!r}, pass_fds=[{number}], check=True)
"""


@pytest.mark.parametrize("program", GRANDCHILDREN)
def test_which_programs_hand_the_slot_on_to_their_children(slots: SlotFiles, program: str) -> None:
    argv, number, hands_on = GRANDCHILDREN[program]
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{argv[0]} is not installed: whether it closes the slot in its children goes unmeasured")
    # From a process of its own, where nothing else is open: what Node closes depends on the numbers that are in use.
    script = LAUNCH.format(path=sys.path, folder=slots.folder, number=number, argv=argv)
    with program_running([sys.executable, "-c", script]) as launcher:
        assert launcher.wait(30) == 0

        assert is_alive(launcher)
        assert held(slots)[0] is hands_on
    until(lambda: not held(slots)[0])


def test_freeing_ends_the_hold_though_a_child_lives_on_with_its_copy(slots: SlotFiles) -> None:
    slot = take(slots)
    with program_running(["cat"], slot) as agent:
        slot.free()

        assert is_alive(agent)
        again = take(SlotFiles(slots.folder))
        assert held(slots) == (True, False)
        again.free()


def test_a_program_that_inherited_the_slot_can_supervise_it(slots: SlotFiles) -> None:
    program = (
        "import sys; sys.path[:0] = %r; from baton.store.slots import SlotFiles; "
        "slot = SlotFiles(%r).adopt(int(sys.argv[1]), 0); slot.supervise('i-2'); print(flush=True); sys.stdin.read()"
    )
    slot = take(slots)
    argv = [sys.executable, "-c", program % (sys.path, slots.folder), str(slot.fileno)]
    with program_running(argv, slot) as supervisor:
        slot.leave()
        assert supervisor.stdout is not None and supervisor.stdout.readline() == b"\n"
        assert SlotFiles(slots.folder).states() == [
            SlotState(number=0, held=True, supervised=True, facts={"instance": "i-2"})
        ]
    assert held(slots) == (False, False)


def test_an_adopted_slot_is_not_handed_on_by_chance(slots: SlotFiles) -> None:
    slot = take(slots)
    slot.supervise("i-1")
    assert slot.supervisor_fileno is not None
    for fileno in (slot.fileno, slot.supervisor_fileno):
        os.set_inheritable(fileno, True)

    again = slots.adopt(slot.fileno, 0, slot.supervisor_fileno)

    assert not os.get_inheritable(again.fileno)
    assert again.supervisor_fileno is not None and not os.get_inheritable(again.supervisor_fileno)
    again.free()


def test_looking_never_makes_another_process_find_no_slot(slots: SlotFiles) -> None:
    take(slots).free()

    def look() -> None:
        elsewhere = SlotFiles(slots.folder)
        for _ in range(LOOKS):
            elsewhere.states()

    looker = FORK.Process(target=look)
    looker.start()
    taken = refused = 0
    while looker.is_alive():
        slot = slots.take(1)
        if slot is None:
            refused += 1
        else:
            taken += 1
            slot.free()
    looker.join()

    assert (looker.exitcode, refused) == (0, 0)
    assert taken > 100


def test_a_look_beside_a_beating_supervisor_sees_a_whole_beat(slots: SlotFiles) -> None:
    slot = take(slots)
    slot.supervise("i-1")
    beats: list[dict[str, Any]] = [{"instance": letter * 300, "beat": 0.5} for letter in "abc"]
    slot.beat(beats[0])

    def look() -> None:
        elsewhere = SlotFiles(slots.folder)
        for _ in range(LOOKS):
            assert elsewhere.states()[0].facts in beats

    looker = FORK.Process(target=look)
    looker.start()
    count = 0
    while looker.is_alive():
        slot.beat(beats[count % len(beats)])
        count += 1
    looker.join()
    slot.free()

    assert looker.exitcode == 0
    assert count > 100


def test_a_look_that_falls_into_the_middle_of_a_beat_looks_again(
    slots: SlotFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = take(slots)
    slot.supervise("i-1")
    slot.beat({"instance": "i-1", "beat": 1.5})
    before = Path(slots.folder, "00.sup").read_bytes()
    slot.beat({"instance": "i-1", "beat": 22.5})
    torn = [before[:34] + Path(slots.folder, "00.sup").read_bytes()[34:]] * 2
    pread = os.pread

    monkeypatch.setattr(os, "pread", lambda *args: torn.pop() if torn else pread(*args))

    assert slots.states()[0].facts == {"instance": "i-1", "beat": 22.5}
    assert torn == []
    slot.free()


def test_a_slot_is_never_held_by_two_processes(slots: SlotFiles) -> None:
    holders = FORK.Array(c_int, 3, lock=False)
    taken = FORK.Value(c_int, 0)

    def work() -> None:
        ours = SlotFiles(slots.folder)
        for _ in range(200):
            slot = ours.take(3)
            if slot is not None:
                assert holders[slot.number] == 0
                holders[slot.number] = os.getpid()
                ours.states()
                assert holders[slot.number] == os.getpid()
                holders[slot.number] = 0
                slot.free()
                with taken.get_lock():
                    taken.value += 1

    works: list[Callable[[], None]] = [work] * 6
    in_processes(*works)

    assert taken.value > 200
    assert not any(state.held for state in slots.states())


def test_a_short_beat_after_a_long_one_is_read_whole(slots: SlotFiles) -> None:
    slot = take(slots)
    slot.supervise("i-1")
    for facts in ({"message": "x" * 5000}, {"message": "y"}, {"message": "z" * 2000}):
        slot.beat(facts)
        assert slots.states()[0].facts == facts
    slot.free()


UNREADABLE = {
    "empty": b"",
    "torn": b'{"instance": "i-1"',
    "without its sum": b'{"instance": "i-1"}',
    "with a wrong sum": b'01234567 {"instance": "i-1"}',
    "a sum of nothing": b"00000000 ",
    "zeroes": b"\0" * 1024,
    "not text": b"\xff\xfe",
}


@pytest.mark.parametrize("said", UNREADABLE.values(), ids=UNREADABLE)
def test_facts_that_cannot_be_read_are_none(slots: SlotFiles, said: bytes) -> None:
    slot = take(slots)
    slot.supervise("i-1")
    Path(slots.folder, "00.sup").write_bytes(said)

    assert slots.states() == [SlotState(number=0, held=True, supervised=True, facts={})]
    slot.free()


def test_a_beat_on_a_full_disk_does_not_stop_the_supervisor(slots: SlotFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    slot = take(slots)
    slot.supervise("i-1")
    tried: list[int] = []

    def full(fd: int, data: bytes, offset: int) -> int:
        tried.append(fd)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    slot.beat({"instance": "i-1", "run": "r-1"})

    assert tried == [slot.supervisor_fileno]
    assert slots.states()[0].facts == {"instance": "i-1"}
    slot.free()


def test_slots_leave_no_descriptor_open(slots: SlotFiles) -> None:
    first = take(slots)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        assert slots.take(1) is None
        slot = take(slots, 2)
        slot.supervise("i-1")
        slots.states()
        slot.free()
    assert len(os.listdir("/proc/self/fd")) == before
    first.free()
