"""Work of every kind for one sweep: what crashes, old age and a person's hand leave behind, without a process of it.

A home that holds it may be copied, so that a test can sweep the same arrears again and again.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from typing import Any

from msgspec import structs
from tests.builders import policy
from tests.engine.homes import ScratchHome
from tests.store.homes import check_agreement, do

from baton.domain import commands as c
from baton.domain.campaign_commands import ActivateCampaign
from baton.domain.records import Lease
from baton.domain.statuses import FailureKind, Outcome

PLANNED = ("camp-001", "camp-002", "camp-003")
READY = tuple(f"ready-{number}" for number in range(4))
RAN = ("dead", "far", "younger", *READY, *PLANNED)
DONE = ("elder", *RAN)
SETTINGS: dict[str, dict[str, Any]] = {
    "concurrency": {"agents": 3},
    "lease": {"heartbeat": "200ms", "stale_after": "30s"},
    "sweep": {"archive_after": "1ms"},
    "retention": {"logs": "30d"},
    "notify": {"channels": ["telegram"], "events": ["task_completed"]},
}
# Two runs of one step at once would both note it, and so would a second run of a step that was completed.
WRITES = 'note ran "$BATON_TASK"'


def grant(home: ScratchHome, task: str, **holder: Any) -> Lease:
    """Grant the current step to a supervisor that is not there; return its lease."""
    whose = structs.replace(home.wiring.clock.holder(), boot_seconds=None, **{"slot": 0, "instance": "1.1", **holder})
    made = home.do(
        task,
        c.GrantLease(
            unit="s1", agent="writer", run=f"r-{task}", holder=whose, deadline_seconds=60.0, backoff_max_seconds=3600.0
        ),
    )
    return made.leases[-1]


def fall_behind(home: ScratchHome) -> None:
    """Leave something for every repair and every chore."""
    home.settings(**SETTINGS)
    home.agent("writer", WRITES)
    home.touch("state/stop")
    ready = [home.task(task, "writer") for task in READY]
    home.task("dead", "writer")  # its supervisor died
    grant(home, "dead")
    home.task("far", "writer")  # failed under a clock that stood ten days ahead
    lease = grant(home, "far")
    limits = policy(backoff_seconds=10 * 86400.0, backoff_max_seconds=20 * 86400.0)
    home.do(
        "far",
        c.EndRun(
            token=lease.token, run=lease.run or "", outcome=Outcome.FAILED, kind=FailureKind.EXIT_CODE, policy=limits,
            jitter=0.5,
        ),
    )  # fmt: skip
    home.task("hand", "editor")  # somebody took it, and went away with the machine
    person = structs.replace(home.wiring.clock.holder(), boot="another-boot")
    home.do("hand", c.AcquireByHand(agent="editor", holder=person, steal_after_seconds=600.0))
    home.task("elder", "editor")  # ended by somebody who died before it was told to the one that waits
    home.task("younger", "writer", depends_on=("elder",))
    me = home.wiring.clock.holder()
    ended = (c.AcquireByHand(agent="editor", holder=me, steal_after_seconds=600.0), c.CompleteByHand(agent="editor"))
    do(home.wiring.store, "elder", *ended)
    channel = home.root / "state/channels/telegram.json"  # a channel that has told nothing yet
    channel.parent.mkdir(parents=True, exist_ok=True)
    channel.write_text('{"cursor": ["", 0]}')
    (home.root / "state/tasks/torn.json").write_text("{")
    home.campaign("camp", "writer", count=len(PLANNED))
    home.wiring.door.campaign("camp", ActivateCampaign())  # planned, and no task made
    stale = home.root / "state/ready/-~-~nobody/010-0000000001"
    stale.mkdir(parents=True)
    (stale / "000000~ghost~s1").touch()
    (home.root / "state/tmp/task-elder-99999999").touch()
    old = home.root / "logs/writer/r-old.out"
    old.parent.mkdir(parents=True)
    old.touch()
    os.utime(old, (time.time() - 31 * 86400,) * 2)
    assert all(task.status == "backlog" for task in ready)
    (home.root / "state/stop").unlink()


def all_is_made_good(home: ScratchHome) -> None:
    """Assert that nothing of the arrears is left, and nothing was done twice; a sweep now finds nothing to do."""
    assert Counter(home.lines("ran")) == dict.fromkeys(RAN, 1)
    assert {task: home.read(task).status for task in DONE} == dict.fromkeys(DONE, "completed")
    assert home.outcomes("dead") == ["interrupted", "completed"]
    assert home.outcomes("far") == ["failed", "completed"]
    assert home.read("hand").leases == ()
    campaign = json.loads((home.root / "state/campaigns/camp.json").read_text())
    assert (campaign["status"], campaign["planned"]) == ("completed", list(PLANNED))
    assert sorted(path.name for path in (home.root / "state/quarantine/tasks").iterdir()) == [
        "torn.json",
        "torn.reason.txt",
    ]
    assert not (home.root / "logs/writer/r-old.out").exists()
    assert list((home.root / "state/tmp").iterdir()) == []
    check_agreement(home.root, home.wiring.store)
