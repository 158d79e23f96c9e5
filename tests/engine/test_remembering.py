"""The memory that Baton writes from the news: at least once, nothing twice, bounded; and what a prompt is given of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.store.homes import FakeClock

from baton.domain.delivery import Delivery
from baton.domain.errors import DiskFull, InvalidInput
from baton.domain.memory import LARGEST_BYTES, Given
from baton.domain.records import Event
from baton.engine import remembering
from baton.engine.recollection import Recollection
from baton.engine.remembering import remember
from baton.store.home_store import HomeStore
from baton.store.layout import Home

SECRET = "s3cret-value-of-a-key"
LESSONS = "long-term/LESSONS_LEARNED.md"
DAY = "2026-11-21"


class Cursors:
    """Keeps a cursor; fails to, so many times."""

    def __init__(self) -> None:
        self.state = Delivery()
        self.failures = 0
        self.fired = 0

    def read(self, channel: str) -> Delivery:
        return self.state

    def write(self, channel: str, delivery: Delivery) -> None:
        if self.fired < self.failures:
            self.fired += 1
            raise DiskFull()
        self.state = delivery


class Desk:
    """A home's log and memory, and whoever writes the one from the other."""

    def __init__(self, root: Path) -> None:
        self.clock = FakeClock()
        self.store = HomeStore(Home(str(root)), self.clock, lambda said: None)
        self.store.prepare()
        self.memories = self.store.memories
        self.cursors = Cursors()
        self.secrets = frozenset({SECRET})
        self._number = 0

    def happened(self, type: str, task: str = "t-1", at: str = f"{DAY}T10:12:03.123Z", **data: Any) -> None:
        self._number += 1
        self.store.log.append([Event(id=f"task/{task}:{self._number}:0", at=at, type=type, task=task, data=data)])

    def remember(self, *, lessons: int = 20, oldest_day: str = "2026-01-01") -> None:
        told = (self.store.log, self.cursors, self.memories, lambda: self.secrets, self.clock)
        remember(*told, lessons=lessons, oldest_day=oldest_day)

    def recall(self, agent: str = "writer", limit: int = 1000) -> Any:
        return Recollection(self.memories, lambda: self.secrets, self.store.log).of(agent, limit, task="t-1", run="r-1")

    def put(self, name: str, data: str | bytes) -> Path:
        path = Path(self.memories.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def told(self, type: str) -> list[Any]:
        return [event["data"] for event in self.store.log.tail(100) if event["type"] == type]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "home")


def sent_back(desk: Desk, notes: str = "Name every source", **more: Any) -> None:
    desk.happened("revision_requested", to_step=1, to_agent="writer", by="reviewer", notes=notes, **more)


LINE = f"- {DAY} 10:12 task t-1, sent back by reviewer: Name every source"


def test_news_become_lessons_and_a_page_of_the_day(desk: Desk) -> None:
    sent_back(desk)
    desk.happened("task_completed", title="Bread")
    desk.remember()
    assert desk.memories.text(LESSONS).splitlines()[-3:] == ["## writer", "", LINE]
    assert desk.memories.text(f"daily/{DAY}.md").splitlines()[-2:] == [
        "- 10:12:03 Task t-1 was sent back to step 1 by reviewer: Name every source",
        "- 10:12:03 Task t-1 is completed: Bread",
    ]


def test_a_sweep_without_news_writes_nothing(desk: Desk) -> None:
    sent_back(desk)
    desk.remember()
    before = {path: path.stat() for path in Path(desk.memories.path("")).rglob("*.md")}
    desk.remember()
    assert {path: path.stat() for path in before} == before


def test_what_is_read_again_after_a_crash_is_not_written_twice(desk: Desk) -> None:
    sent_back(desk)
    desk.cursors.failures = 1
    with pytest.raises(DiskFull):
        desk.remember()
    assert desk.cursors.fired == 1
    first = desk.memories.text(LESSONS), desk.memories.text(f"daily/{DAY}.md")
    desk.remember()
    assert (desk.memories.text(LESSONS), desk.memories.text(f"daily/{DAY}.md")) == first


def test_a_page_that_could_not_be_written_is_written_by_a_later_sweep(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent_back(desk)
    with monkeypatch.context() as broken:
        broken.setattr("baton.store.memory_files.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(DiskFull):
            desk.remember()
    assert desk.cursors.state == Delivery()
    desk.remember()
    assert desk.memories.text(LESSONS).endswith(f"{LINE}\n")


def test_a_long_log_is_read_in_parts_and_to_its_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering, "MOST_BYTES", 1000)
    for number in range(40):
        desk.happened("task_completed", task=f"t-{number}", title="Bread")
    desk.store.log._clock.at = "2026-11-22T00:00:00.000Z"  # type: ignore[attr-defined]
    desk.happened("task_completed", task="t-last", at="2026-11-22T08:00:00.000Z", title="Bread")

    sweeps = 0
    while "t-last" not in desk.memories.text("daily/2026-11-22.md"):
        desk.remember()
        sweeps += 1
        assert sweeps < 40
    assert sweeps > 5
    assert len(desk.memories.text(f"daily/{DAY}.md").splitlines()) == 44


def test_an_unterminated_line_of_an_earlier_day_holds_nothing_up(desk: Desk) -> None:
    desk.happened("task_completed", title="Bread")
    with (Path(desk.store.log.folder) / "2026-11-20.ndjson").open("ab") as file:
        file.write(b'{"id":"torn')
    desk.remember()
    assert "Bread" in desk.memories.text(f"daily/{DAY}.md")


def test_days_that_retention_has_taken_are_not_written_again(desk: Desk) -> None:
    desk.happened("task_completed", at="2026-01-01T00:00:00.000Z", title="Old")
    desk.remember(oldest_day="2026-11-01")
    assert desk.memories.names("daily") == []


def test_no_secret_reaches_a_page(desk: Desk) -> None:
    sent_back(desk, notes=f"use {SECRET} and ghp_{'a' * 36}")
    desk.put(LESSONS, f"## writer\n- mine: {SECRET}\n")
    desk.remember()
    for name in (LESSONS, f"daily/{DAY}.md"):
        assert SECRET not in desk.memories.text(name) and "ghp_a" not in desk.memories.text(name)
    assert "use *** and ***" in desk.memories.text(LESSONS)


def test_while_secrets_are_not_known_nothing_is_written(desk: Desk) -> None:
    sent_back(desk)

    def broken() -> frozenset[str]:
        raise InvalidInput(".env, line 1: this is not KEY=VALUE")

    with pytest.raises(InvalidInput):
        remember(desk.store.log, desk.cursors, desk.memories, broken, desk.clock, lessons=20, oldest_day=DAY)
    assert (desk.memories.names("long-term"), desk.cursors.state) == ([], Delivery())


@pytest.mark.parametrize("what", ["too large", "a folder"])
def test_a_page_that_cannot_be_gone_on_with_is_set_aside_and_said(desk: Desk, what: str) -> None:
    if what == "too large":
        desk.put(LESSONS, b"x" * (LARGEST_BYTES + 1))
    else:
        Path(desk.memories.path(LESSONS)).mkdir(parents=True)
    sent_back(desk)
    desk.remember()
    kept = f"long-term/LESSONS_LEARNED.set-aside-{desk.clock.now()[:10]}.md"
    assert desk.memories.text(LESSONS).endswith(f"{LINE}\n")
    assert Path(desk.memories.path(kept)).exists()
    [told] = desk.told("memory_set_aside")
    assert (told["file"], told["kept"]) == (f"memory/{LESSONS}", f"memory/{kept}")


# -- what a prompt is given ---------------------------------------------------------------------------------------


def test_without_memory_nothing_is_told_and_the_folder_is_there(desk: Desk) -> None:
    found = desk.recall()
    assert (found.working, found.lessons, found.pages) == (Given(), Given(), ())
    assert found.writable == (desk.memories.path("WORKING"),)
    assert Path(found.writable[0]).is_dir()


def test_an_agent_is_given_its_own_memory_its_own_lessons_and_where_the_rest_is(desk: Desk) -> None:
    sent_back(desk)
    desk.happened("revision_requested", to_agent="editor", by="reviewer", notes="Not for writers")
    desk.remember()
    desk.put("WORKING/writer.md", "- short titles\n")
    desk.put("WORKING/editor.md", "- not mine\n")
    desk.put("long-term/SERVICE_REGISTRY.md", "# Services\n")
    desk.put("long-term/STYLE.md", "# Style\n")
    found = desk.recall()
    assert found.working == Given(lines=("- short titles",))
    assert found.lessons == Given(lines=(LINE,))
    assert found.pages == tuple(map(desk.memories.path, ("long-term/STYLE.md", f"daily/{DAY}.md")))


def test_a_secret_is_masked_in_the_file_too_and_the_file_is_named(desk: Desk) -> None:
    path = desk.put("WORKING/writer.md", f"- the key is {SECRET}\n- short titles\n")
    found = desk.recall()
    assert found.working == Given(lines=("- the key is ***", "- short titles"), masked=1)
    assert path.read_text() == "- the key is ***\n- short titles\n"
    assert desk.told("memory_redacted") == [{"file": "memory/WORKING/writer.md", "count": 1}]
    assert desk.recall().working.masked == 0


def test_of_a_file_too_large_to_be_rewritten_the_prompt_alone_is_masked_and_that_is_said(desk: Desk) -> None:
    path = desk.put("WORKING/writer.md", f"{SECRET}\n" + "x" * 10_000_000)
    found = desk.recall()
    assert found.working.lines[0] == "***" and found.working.left_out > 9_000_000
    assert sum(map(len, found.working.lines)) < 1500
    [told] = desk.told("memory_redacted")
    assert told["reason"].startswith("only in the prompt: ")
    assert path.stat().st_size > 10_000_000


@pytest.mark.parametrize("place", ["a link out", "a folder", "a file in the folder's place", "unreadable settings"])
def test_a_memory_that_cannot_be_used_is_said_and_breaks_nothing(desk: Desk, tmp_path: Path, place: str) -> None:
    (tmp_path / "theirs.md").write_text("theirs")
    path = Path(desk.memories.path("WORKING/writer.md"))
    if place == "a file in the folder's place":
        path.parent.parent.mkdir(exist_ok=True)
        path.parent.write_text("")
    else:
        path.parent.mkdir(parents=True)
    if place == "a link out":
        path.symlink_to(tmp_path / "theirs.md")
    elif place == "a folder":
        path.mkdir()
    recollection = desk
    if place == "unreadable settings":

        def broken() -> frozenset[str]:
            raise InvalidInput("services.yaml is broken")

        found = Recollection(desk.memories, broken, desk.store.log).of("writer", 100, task="t-1", run="r-1")
    else:
        found = recollection.recall()
    assert found.working.lines == ()
    assert bool(found.working.problem) == (place != "a file in the folder's place")
    assert found.writable == (() if place == "a file in the folder's place" else (str(path.parent),))
