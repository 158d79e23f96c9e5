"""A batch: one task for many pieces, with real agents; how many there are is counted where they lie."""

from __future__ import annotations

import json
from typing import Any

from tests.engine.homes import AT_ONCE, ScratchHome

from baton.domain.evidence import WrittenExpectation
from baton.domain.pipelines import OnComplete, Step, Template

# It writes piece after piece into the folder of its step, and stands still after so many, once.
WRITER = """\
folder=drafts/$BATON_TASK; mkdir -p $folder
for n in 1 2 3; do
  [ -e $folder/0$n.md ] || echo "# Piece $n" >$folder/0$n.md
  [ $n = 2 ] && [ ! -e "$BATON_HOME/go" ] && { note pids $$; wait_for go; }
done
touch $folder/.notes
complete_step.py --output $folder --summary "three pieces" >answer
"""
PIECES = WrittenExpectation(folder="drafts/{task}", count="pieces")
LINE = (
    Step(agent="writer", label="Write", output_dir="drafts", expects=(PIECES,)),
    Step(agent="reviewer", output_dir="reviewed"),
)


def batch(home: ScratchHome, count: int = 3) -> None:
    """Make a campaign of one batch, under the stop file, and activate it."""
    snapshot = Template(slug="line", name="Line", main_steps=LINE, on_complete=OnComplete(telegram=False))
    home.campaign("spring", "writer", count=count, generate="batch", snapshot=snapshot)
    home.agent("writer", WRITER)
    home.agent("reviewer", "mkdir -p reviewed; cp -r drafts/$BATON_TASK reviewed")
    home.touch("state/stop")
    assert home.run("activate_campaign.py", "spring").json["created"] == ["spring-001"]
    (home.root / "state/stop").unlink()


def counts(home: ScratchHome) -> tuple[list[tuple[str, int, int]], ...]:
    """Pieces by agent, as the campaign and the task tell them."""
    of_campaign = home.run("campaign.py", "show", "spring", "--json").json["pieces"]
    of_task = home.run("task.py", "show", "spring-001", "--json").json["progress"]
    return tuple([(row["agent"], row["done"], row["total"]) for row in rows] for rows in (of_campaign, of_task))


def test_pieces_are_counted_while_they_are_made_and_afterwards(home: ScratchHome) -> None:
    batch(home)
    assert home.read("spring-001").pieces == 3
    assert counts(home) == ([("writer", 0, 3), ("reviewer", 0, 3)],) * 2

    supervisor = home.supervise()
    home.noted("pids")
    assert counts(home) == ([("writer", 2, 3), ("reviewer", 0, 3)],) * 2
    assert "  pieces    writer 2 of 3, reviewer 0 of 3\n" in home.run("campaign.py", "show", "spring").out
    assert "  pieces    writer 2 of 3, reviewer 0 of 3\n" in home.run("task.py", "show", "spring-001").out
    home.touch("go")
    assert home.end_of(supervisor).code == 0

    assert counts(home) == ([("writer", 3, 3), ("reviewer", 3, 3)],) * 2
    assert home.run("campaign.py", "show", "spring", "--json").json["status"] == "completed"
    manifest: dict[str, Any] = json.loads((home.root / "projects/acme/campaigns/spring/manifest.json").read_bytes())
    paths = [file["path"] for file in manifest["files"]]
    assert [path for path in paths if path.startswith("drafts")][-3:] == [
        f"drafts/spring-001/0{n}.md" for n in (1, 2, 3)
    ]


def test_a_batch_that_was_killed_goes_on_with_what_is_missing(home: ScratchHome) -> None:
    batch(home)
    home.settings(retry=AT_ONCE)
    supervisor = home.supervise()
    (agent,) = home.processes_in("pids")
    first = home.root / "projects/acme/campaigns/spring/drafts/spring-001/01.md"
    before = first.stat()
    home.touch("go")
    agent.kill()
    assert home.end_of(supervisor).code == 0

    assert home.outcomes("spring-001") == ["killed", "completed", "completed"]
    assert counts(home)[0] == [("writer", 3, 3), ("reviewer", 3, 3)]
    assert (first.stat().st_mtime_ns, first.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    told, again, _ = home.prompts("spring-001")
    assert "This task is a batch of 3 pieces: each of them goes through this step" in told
    assert "These are there already" not in told
    assert "of an attempt before: drafts/spring-001/01.md, drafts/spring-001/02.md. Look at them" in again


def test_fewer_pieces_than_expected_are_no_completion(home: ScratchHome) -> None:
    batch(home, count=4)
    home.touch("go")
    home.settings(retry={"max_attempts": 1})
    home.serve()
    blocked = home.read("spring-001").blocked
    assert blocked is not None
    assert "drafts/spring-001" in blocked.reason
    assert counts(home)[0] == [("writer", 3, 4), ("reviewer", 0, 4)]


def test_a_task_of_a_persons_own_may_be_a_batch(home: ScratchHome) -> None:
    file = home.root / "t.json"
    file.write_text(json.dumps({"id": "t", "title": "T", "pieces": 2, "pipeline": [{"agent": "writer"}]}))
    home.touch("state/stop")
    assert home.run("task.py", "create", str(file)).code == 0
    (home.root / "state/stop").unlink()
    home.agent("writer", "mkdir $BATON_TASK; echo a >$BATON_TASK/a.md; echo b >$BATON_TASK/b.md")
    assert home.invoke("writer", "t").code == 0
    task = home.read("t")
    assert task.current.result is not None
    assert task.current.result.outputs == ("t",), "a program that just ended has left its folder"
    (row,) = home.run("task.py", "show", "t", "--json").json["progress"]
    assert (row["folder"], row["done"], row["total"]) == ("t", 2, 2)


def test_a_batch_of_no_pieces_is_refused(home: ScratchHome) -> None:
    file = home.root / "t.json"
    file.write_text(json.dumps({"id": "t", "title": "T", "pieces": 0, "pipeline": [{"agent": "writer"}]}))
    refused = home.run("task.py", "create", str(file), "--json")
    assert (refused.code, refused.json["error"]["code"]) == (1, "invalid_input")
    assert "pieces: must be between 1 and 10000" in refused.json["error"]["message"]
