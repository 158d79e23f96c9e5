"""One file of each kind cut short and with a bit flipped, at every byte: named in our words or passed over, the rest goes on.

Records of tasks, campaigns and projects are tried at every byte where they are read (``tests/store/test_damage.py``) and
at many here, where every kind of file meets the scripts. ``BATON_FAULT=cut-17`` (or ``flip-17``) tries one place alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from tests.cli.homes import Home
from tests.faults import full_disk_cases as cases
from tests.faults.arrangements import SETTINGS, granted, parts, take_turn
from tests.faults.judging import check_story
from tests.faults.kept import Kept

from baton.domain.stream_events import StreamEvent

WRITTEN = {
    "settings": "config/baton.yaml",
    "services": "config/services.yaml",
    "a pipeline": "config/pipelines/my-line.yaml",
    "a skill": "skills/alpha/SKILL.md",
    "secrets": ".env",
    "kept keys": "config/keys.json",
    "a master key": "../.config/baton/*.key",
    "a working memory": "memory/WORKING/alpha.md",
}
OURS = {
    "a task": "state/tasks/t-1.json",
    "an archived task": "state/archive/tasks/t-0.json",
    "a campaign": "state/campaigns/spring.json",
    "a project": "state/projects/acme.json",
    "an agent": "state/agents/alpha.json",
    "an assignment": "state/tasks/fix.json",
    "a turn": "state/turns/default",
    "a parked harness": "state/parked/claude.json",
    "a streaming run's words": "state/streams/r.ndjson",
    "the log": "state/events/*.ndjson",
    "a run's record": "state/runs/t-1/*.json",
    "a mark": "state/locks/*.task",
    "the boot": "state/locks/boot",
    "the sweep's lock": "state/locks/sweep.lock",
    "a beat": "state/slots/00.sup",
    "a channel": "state/channels/telegram.json",
    "cached settings": "state/cache/settings.json",
    "the retention's day": "state/cache/retention",
    "remembered beats": "state/cache/beats.json",
}
NOW = "2026-11-21T08:30:00.000Z"
SERVICES = """\
categories:
  seo:
    display_name: SEO
    services:
      - {name: dataforseo, active: true, priority: 1, api_key_env: KEY, use_cases: [volumes]}
"""
READS = ("status --json", "task show t-1 --json", "task list --json", "campaign list --json", "resolve_service seo")
# What looks at the kinds of files that those do not.
MORE_READS = {
    "config/keys.json": ("key list --json", "key check --json"),
    "../.config/baton/*.key": ("key list --json", "key check --json"),
    "memory/WORKING/alpha.md": ("memory list --json", "memory show alpha --json"),
    "state/projects/acme.json": ("project show acme --json", "product list --json", "focus_group list --json"),
    "state/agents/alpha.json": ("agent list --json", "agent show alpha --json"),
    "state/tasks/fix.json": ("assignment queue --json", "assignment show fix --json"),
    "state/turns/default": ("assignment queue --json", "why fix --json"),
    "state/parked/claude.json": ("agent list --json", "why --json"),
    "state/streams/r.ndjson": ("stream_run show r --json", "stream_run list --json"),
}
FEW, SOME, MANY, EVERY = 6, 50, 150, 1 << 20
RECORDS = ("a task", "an archived task", "an assignment", "a campaign", "a project")


def full_home(folder: Path) -> Home:
    """A home that has a file of every kind."""
    home = Home(folder / "home")
    home.settings(SETTINGS.replace("channels: []", "channels: [telegram]"))
    (home.root / "config/services.yaml").write_text(SERVICES)
    (home.root / ".env").write_text("KEY='a value'\nOTHER=1 # a word\n")
    home.make_task("t-0", agents=["alpha"])
    home.complete("t-0")
    home.make_campaign()
    home.make_task("t-2")
    granted(home)
    later_kinds(home)
    store = parts(home).store
    (lease,) = store.tasks.read("t-1").leases  # type: ignore[union-attr]
    store.runs.write("t-1", lease.run or "", {"id": lease.run, "task": "t-1", "agent_pid": 1, "agent_started": 1})
    slot = store.slots.take(1)
    assert slot is not None
    slot.supervise("1.1")
    slot.beat({"instance": "1.1", "beat": 1.0, "pid": 999999999, "started": 1, "task": "t-1", "run": lease.run})
    home.ok("check_pipeline")
    slot.free()
    return home


def later_kinds(home: Home) -> None:
    """Products, an assignment that has the turn, a parked harness, a streaming run, a key, a memory, an agent's record."""
    for arrange in (cases.parked, cases.stream, cases.key_kept, cases.remembered):
        arrange(home)
    home.ok("product", "create", home.file("loaf.json", {"project": "acme", "slug": "loaf", "name": "Loaf"}))
    home.ok("agent", "heartbeat", "alpha", "--note", "here")
    home.ok("assignment", "create", "Fix the login", "--id", "fix", "--jobs", '[{"type": "pm"}]')
    take_turn(home, "fix")
    writer = parts(home).store.streams.writer("r")
    assert writer is not None
    words: list[StreamEvent] = [{"type": "text_delta", "step": 0, "text": text} for text in ("Rye ", "bread.")]
    assert writer.append(words, NOW)
    writer.close()


def places(whole: bytes, most: int) -> list[int]:
    """As many places of a file as are wanted, over all of it; all where there are no more.

    Of what a mark or a beat is filled up with, one byte is like the other: a few of them will do.
    """
    size = len(whole.rstrip(b" \0\n")) + 1
    spread = [size * number // most for number in range(most)] if size > most else range(size)
    filling = [size + (len(whole) - size) * number // FEW for number in range(FEW)]
    return sorted({place for place in (*spread, *filling) if place < len(whole)})


def damaged(whole: bytes, most: int) -> Iterator[tuple[str, bytes]]:
    """A file cut short, and with one bit flipped, at so many places; and with a byte that is in no text, at some."""
    for place in places(whole, most):
        yield f"cut-{place}", whole[:place]
        yield f"flip-{place}", whole[:place] + bytes([whole[place] ^ (1 << place % 8)]) + whole[place + 1 :]
    for place in places(whole, min(most, SOME)):
        yield f"no-text-{place}", whole[:place] + b"\xff" + whole[place + 1 :]


def try_damage(home: Home, *, ours: bool, more: Iterable[str] = ()) -> None:
    """Look at the home in every way, sweep it, and work in it; nothing may come up but our own words."""
    for words in (*READS, *more):
        done = home.call(*words.split())
        assert done.code in (0, 1), f"{words}: {done}"
        assert "Traceback" not in done.err, f"{words}: {done}"
    sweeps = [home.call("check_pipeline") for _ in range(2)]
    comment = home.call("task", "comment", "t-2", "hello")
    if not ours:  # what a person has written is said to be wrong, and waited for
        assert {done.code for done in (*sweeps, comment)} <= {0, 1}
        return
    assert [done.code for done in (*sweeps, comment)] == [0, 0, 0], f"{sweeps} {comment}"
    assert home.ok("task", "show", "t-2", "--json").json["history"][-1]["type"] == "task_commented"


@pytest.mark.parametrize("at", ["few", pytest.param("every", marks=[pytest.mark.long, pytest.mark.timeout(900)])])
@pytest.mark.parametrize("kind", [*OURS, *WRITTEN])
def test_a_file_damaged_anywhere_is_said_in_our_words_and_stops_nothing_else(
    tmp_path: Path, kind: str, at: str
) -> None:
    most = FEW if at == "few" else MANY if kind in RECORDS else EVERY
    home = full_home(tmp_path)
    path = next(home.root.glob((OURS | WRITTEN)[kind]))
    whole = path.read_bytes()
    kept = Kept(home.root, tmp_path / ".config")
    wanted = os.environ.get("BATON_FAULT")
    wrong, tried = [], 0
    for name, data in damaged(whole, most):
        if wanted is not None and name != wanted:
            continue
        kept.restore()
        path.write_bytes(data)
        tried += 1
        try:
            try_damage(home, ours=kind in OURS, more=MORE_READS.get((OURS | WRITTEN)[kind], ()))
        except Exception as error:  # noqa: BLE001 - whatever comes up is a finding, with the place that shows it again
            wrong.append(f"BATON_FAULT={name}: {type(error).__name__}: {error}")
    assert not wrong, f"{len(wrong)} of {tried}: " + "\n".join(wrong[:20])
    assert tried > 0


def test_an_undamaged_home_of_that_kind_tells_one_story(tmp_path: Path) -> None:
    home = full_home(tmp_path)
    try_damage(home, ours=True, more=[words for reads in MORE_READS.values() for words in reads])
    check_story(home)
