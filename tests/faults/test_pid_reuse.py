"""No stranger is ever signalled, though ids are used again all the time: see ``id_storm``.

The seed is printed; ``BATON_FAULT_SEED=N`` sets it again.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SEED = int(os.environ.get("BATON_FAULT_SEED") or random.randrange(1_000_000))
STORM = Path(__file__).with_name("id_storm.py")
OWN_IDS = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
# Root may do it as it is; others where the machine lets them be root in a user namespace.
WAYS = (OWN_IDS, (*OWN_IDS, "--user", "--map-root-user"))
# The shell is process 1: it collects what is orphaned, so that ids become free.
COLLECTOR = ("sh", "-c", '"$@" & wait $!', "sh")


def way_to_force_ids() -> tuple[str, ...]:
    """The words that make a PID namespace in which we may choose the kernel's next id; skips where there are none."""
    for way in WAYS if shutil.which("unshare") else ():
        words = [*way, "sh", "-c", "echo 300 >/proc/sys/kernel/ns_last_pid"]
        if subprocess.run(words, capture_output=True, check=False).returncode == 0:
            return way
    pytest.skip("NO PID NAMESPACE MAY BE MADE HERE: NO PROCESS ID COULD BE FORCED TO BE USED AGAIN")


def storm(folder: Path, rounds: int) -> None:
    way = way_to_force_ids()
    print(f"BATON_FAULT_SEED={SEED}")
    words = [*way, *COLLECTOR, sys.executable, str(STORM), str(folder / "home"), str(SEED), str(rounds)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd="/")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[-4000:]
    told = json.loads(done.stdout)
    print(told)
    # It happened: ids were used again, by strangers, and some of these ids were those of a killed run.
    assert told["strangers"] > told["ids"]
    assert told["bore an id that Baton had known"] > 0
    assert told["given the id of a killed run"] > 0
    assert told["signalled"] == []
    wanted = [["interrupted", "completed"], ["completed"], ["revoked"]]
    assert told["ended"] == [wanted[number % 3] for number in range(rounds)]


def test_no_stranger_is_signalled_when_ids_are_used_again(tmp_path: Path) -> None:
    storm(tmp_path, 3)


@pytest.mark.long
def test_no_stranger_is_signalled_in_a_long_storm_of_ids(tmp_path: Path) -> None:
    storm(tmp_path, 30)
