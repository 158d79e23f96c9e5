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
from fcntl import LOCK_EX, flock, ioctl
from pathlib import Path

import pytest
from tests.acceptance.demos import DEMO, PATIENCE_SECONDS, ROOT, WIDTH, Place, Told

from baton.adapters.harnesses.claude import Harness
from baton.demo import agents, evidence
from baton.demo.journal import Journal
from baton.demo.scratch import DemoFailed, Scratch

EXAMPLE = ROOT / "examples/bread"
STREAM = ROOT / "tests/adapters/samples/claude/success.ndjson"
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
TASKS = ("bread-001", "bread-002", "bread-003")
STEPS = ("research", "drafts", "reviewed", "final")


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


# -- in a pipe ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return Told(Place(tmp_path_factory.mktemp("told")))


def test_it_ends_well_within_its_time_says_how_long_and_leaves_nothing(told: Told) -> None:
    assert (told.code, told.err) == (0, ""), told.out
    assert told.seconds < told.promised_seconds
    said = re.search(r"^All of that took (\d+\.\d) seconds\.$", told.out, re.MULTILINE)
    assert said is not None and 0 < float(said[1]) <= told.seconds
    assert told.left == ([], [])


def test_in_a_pipe_there_are_plain_lines_of_a_hundred_columns_and_no_cut_sentences(told: Told) -> None:
    assert not re.search(r"[^\n\x20-\x7e]", told.out)
    long = [line for line in told.out.splitlines() if len(line) > WIDTH and "/baton-demo-" not in line]
    assert long == []
    assert "..." not in told.part("Kill")


def test_it_says_why_each_waiting_task_waits_in_the_dispatchers_words(told: Told) -> None:
    before = told.part("No more than 2 agents")
    assert re.search(r"^   bread-003    no free slot \(2 in all\); place 1 in line$", before, re.MULTILINE)
    after = " ".join(told.part("Kill").split())
    assert re.search(r"bread-00\d run r-\S+ of [a-z-]+ has lost its supervisor; the next sweep ends it", after)


def test_supervisor_and_agent_are_killed_and_the_task_stays_held_until_a_sweep_takes_it_back(told: Told) -> None:
    part = told.part("Kill")
    assert re.search(r"^   \$ kill -9 \d+ \d+$", part, re.MULTILINE)
    refused = " ".join(part.split())
    dead = re.search(
        r"exit code 75: invoke_agent.py: cannot run agent '(\S+)' for task '\S+': (?:held by )?run (r-\S+) of \1",
        refused,
    )
    assert dead is not None
    swept = told.part("Two sweeps at once")
    assert swept.count('"stale_released": 1') == 1
    assert f"the supervisor of run {dead[2]} ({dead[1]}) is dead" in " ".join(swept.split())
    assert '{"skipped": "another sweep is running since' in swept or "found nothing left to do" in swept
    assert len(re.findall(rf" {dead[1]} is at work again$", swept, re.MULTILINE)) == 1


def test_the_timeline_shows_steps_the_kill_the_send_back_and_the_waits(told: Told) -> None:
    axis, *rows, letters, marks = told.part("All is done").splitlines()[1:]
    assert axis.split()[:2] == ["0", "s"]
    drawn = dict(row.split() for row in rows)
    assert tuple(drawn) == TASKS
    assert all(re.fullmatch(r"\.*k+[X<.\-kwrh]*h+\|", row) for row in drawn.values()), drawn
    everything = "".join(drawn.values())
    assert everything.count("X") == 1 and re.search(r"[kwrh]X-*\.*[kwrh]", everything)
    assert 1 <= everything.count("<") <= 3 and re.search(r"r<\.*w", everything)
    assert letters.split() == ["k", "Keyword", "research", "w", "Write", "r", "Review", "h", "Humanize"]
    assert set(re.findall(r"(?:^|   )(\S) ", marks.strip())) >= {".", "X", "<", "|"}


def test_a_draft_is_sent_back_with_notes_and_written_anew(told: Told) -> None:
    part = " ".join(told.part("What was sent back").split())
    assert re.search(r"before Draft of \d+ words .* sent back by content-reviewer: \(1\) .* after Draft of \d+", part)
    assert re.search(r"quality bread-001 \d+, bread-002 \d+, bread-003 \d+; the most is 100", part)


def test_it_lists_every_file_and_shows_how_one_article_begins(told: Told) -> None:
    files = " ".join(told.part("What they have written").split())
    for folder in STEPS:
        # A draft that was sent back stands beside the one that was made of it.
        named = ", ".join(rf"{task}\.md \([\d,]+\)(?:, {task}\.v2\.md \([\d,]+\))?" for task in TASKS)
        assert re.search(rf" {folder}/ {named} bytes ", files), files
    assert ".v2.md" in files
    assert "manifest.json" in files and "completion-summary.md" in files
    quoted = re.findall(r"^   \|(.*)$", told.part(r"How final/bread-001\.md begins"), re.MULTILINE)
    assert len(quoted) >= 8 and quoted[0].startswith(" # ") and quoted[-1].endswith(".")


def test_the_news_that_was_sent_is_printed(told: Told) -> None:
    news = re.findall(r"^   \| (.*)$", told.part("One more sweep"), re.MULTILINE)
    assert (news[0], news[-1]) == ("Campaign bread is active: 3 tasks", "Campaign bread is completed: 3 completed")
    assert sorted(line.split()[1] for line in news[1:-1]) == list(TASKS)
    assert all(re.fullmatch(r"Task bread-00\d is completed: .+ \(quality \d+\)", line) for line in news[1:-1])


def test_the_check_at_the_end_compares_log_state_runs_files_and_what_is_held(told: Told) -> None:
    part = told.part("Check that nothing was lost")
    assert re.search(r"^   log = state  \d+ events; the histories of 3 tasks, the campaign and its", part, re.MULTILINE)
    runs = re.search(r"^   runs +(\d+) in the log, (\d+) records, and they agree: (.+)$", part, re.MULTILINE)
    assert runs is not None and runs[1] == runs[2]
    ends = {name: int(count) for count, name in (one.split(" ", 1) for one in runs[3].split(", "))}
    assert ends["interrupted"] == 1 and ends["sent back"] >= 1
    assert ends["completed"] == 12 + ends["sent back"] and sum(ends.values()) == int(runs[1])
    files = 12 + ends["sent back"]  # each draft that was sent back is there, too
    assert f"   files        {files} of {files} are as manifest.json says\n" in part
    assert "   left behind  no process, no lock, no lease, no slot, no half-done commit\n" in part
    assert part.endswith("   last sweep   finds nothing to do")


def test_what_it_says_to_type_next_works_as_it_is_typed(told: Told, tmp_path: Path) -> None:
    lines = told.out.partition("To stay, make a home that lasts")[2].splitlines()
    typed = [
        line.strip() for line in lines if re.match(r"   (scripts/(init_home|campaign|pipeline)|export|cp) ?", line)
    ]
    typed = [re.split(r"   +", line)[0] for line in typed]
    assert [line.split()[0] for line in typed] == ["scripts/init_home.py", "export", "cp", "scripts/campaign.py"]
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "BATON_PYTHON": sys.executable}
    script = "\n".join(["set -e", *typed, "scripts/campaign.py show bread --json"])
    done = subprocess.run(["/bin/sh", "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["status"] == "planning"


# -- on a terminal ------------------------------------------------------------------------------------------------


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
    assert re.search(r"\x1b\[1;31mkilled", terminal.out)
    lines = shown(terminal.out)
    tables = [number for number, line in enumerate(lines) if re.match(r"   task +about +research +drafts +rev", line)]
    assert len(tables) == 1
    assert [line.split()[-4:] for line in lines[tables[0] + 1 : tables[0] + 4]] == [["done"] * 4] * 3
    assert not any("is at work" in line for line in lines)


def test_a_kept_home_is_sound_and_tells_of_the_fault(kept: tuple[Place, Terminal, int]) -> None:
    place, terminal, _ = kept
    (home,) = place.homes()
    assert f"The home is kept: {home} " in " ".join(terminal.out.split())
    script = ROOT / "scripts/check_pipeline.py"
    swept = subprocess.run([sys.executable, script, "--home", home], capture_output=True, check=True)
    report = json.loads(swept.stdout)
    assert (report["found"], report["errors"], report["health"]["leases"]) == ([], [], 0)
    log = [json.loads(line) for path in home.glob("state/events/*") for line in path.read_text().splitlines()]
    ends = [event["data"]["outcome"] for event in log if event["type"] == "run_ended"]
    assert (ends.count("interrupted"), ends.count("failed")) == (1, 0)
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


# -- the check at the end: it has to fail where something is wrong --------------------------------------------------


class Copied:
    """A copy of a kept home, and what its records say."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.path = folder / "home"
        shutil.copytree(home, self.path)
        kinds = ("archive/tasks", "campaigns", "projects")
        files = [file for kind in kinds for file in self.path.glob(f"state/{kind}/*.json")]
        self.records = [json.loads(file.read_bytes()) for file in files]

    @property
    def journal(self) -> Journal:
        journal = Journal(self.path)
        journal.news()
        return journal

    def home(self) -> Scratch:
        scratch = Scratch(os.environ, {})
        scratch.path = self.path
        return scratch


@pytest.fixture
def copied(kept: tuple[Place, Terminal, int], tmp_path: Path) -> Copied:
    (home,) = kept[0].homes()
    copied = Copied(home, tmp_path)
    evidence.log_is_state(copied.journal, copied.records)
    evidence.runs(copied.path, copied.journal)
    evidence.nothing_is_held(copied.home(), copied.records)
    return copied


@pytest.mark.parametrize("number", [0, 20, -1])
@pytest.mark.parametrize("times", [0, 2])
def test_an_event_lost_or_doubled_is_found(copied: Copied, number: int, times: int) -> None:
    (log,) = copied.path.glob("state/events/*.ndjson")
    lines = log.read_text().splitlines(keepends=True)
    assert not lines[number].startswith('{"id":"refused/')
    lines[number] *= times
    log.write_text("".join(lines))
    with pytest.raises(DemoFailed, match="do not tell the same"):
        evidence.log_is_state(copied.journal, copied.records)


def test_a_run_whose_record_says_something_else_than_the_log_is_found(copied: Copied) -> None:
    record = next(file for file in copied.path.glob("state/runs/*/*.json") if "interrupted" in file.read_text())
    record.write_text(record.read_text().replace('"interrupted"', '"completed"'))
    with pytest.raises(DemoFailed, match="is completed in its record, and interrupted in the log"):
        evidence.runs(copied.path, copied.journal)


def test_a_file_that_is_not_as_the_manifest_says_is_found(copied: Copied) -> None:
    folder = copied.path / "projects/bakery/campaigns/bread"
    (folder / "final/bread-002.md").write_text("something else")
    with pytest.raises(DemoFailed, match=r"final/bread-002\.md is not as the manifest says"):
        evidence.manifest(folder)


def test_a_lock_that_is_held_and_a_commit_under_way_are_found(copied: Copied) -> None:
    stripe = next(copied.path.glob("state/locks/??"))
    with stripe.open() as file:
        flock(file, LOCK_EX)
        with pytest.raises(DemoFailed, match=f"there are held locks left: .*'{stripe.name}'"):
            evidence.nothing_is_held(copied.home(), copied.records)
    (mark,) = stripe.parent.glob(f"{stripe.name}.*")
    mark.write_bytes(b"{" + mark.read_bytes()[1:])
    with pytest.raises(DemoFailed, match=f"there are commits under way left: .*'{mark.name}'"):
        evidence.nothing_is_held(copied.home(), copied.records)


# -- a campaign of one's own --------------------------------------------------------------------------------------


OWN_KEYWORDS = ("rye bread", "bread crust")
OWN_SOURCES = ("rye.md", "oven-and-crust.md")


def own_campaign(folder: Path, **changes: object) -> Path:
    """Write a campaign with two articles from two sources."""
    for name in OWN_SOURCES:
        shutil.copy(EXAMPLE / "sources" / name, folder / name)
    written = {"project": "mine", "slug": "kitchen", "name": "Kitchen", "pipeline": "content-draft"}
    content = {"target_article_count": 2, "seed_keywords": list(OWN_KEYWORDS), "sources": list(OWN_SOURCES)}
    fields: dict[str, object] = {**written, **content, **changes}
    file = folder / "own.yaml"
    file.write_text(json.dumps({name: value for name, value in fields.items() if value is not None}))
    return file


def test_a_campaign_of_ones_own_is_run_the_same_way_and_its_home_is_kept(place: Place, tmp_path: Path) -> None:
    own = Told(place, "--campaign", str(own_campaign(tmp_path)))
    assert (own.code, own.err) == (0, ""), own.out
    assert f"2 articles ({', '.join(OWN_KEYWORDS)}) from 2 source texts (" in own.out
    assert own.part("No more than 2 agents").endswith("\n   nothing waits")
    assert re.search(r"^   \$ kill -9 \d+ \d+$", own.out, re.MULTILINE)
    (home,) = place.homes()
    assert f"The home is kept: {home} " in " ".join(own.out.split())
    articles = home.glob("projects/mine/campaigns/kitchen/final/*.md")
    assert sorted(path.name for path in articles) == ["kitchen-001.md", "kitchen-002.md"]
    assert own.left[0] == []


def test_what_is_done_beside_the_line_is_told_and_has_rows_of_its_own(place: Place, tmp_path: Path) -> None:
    changes = {
        "pipeline": "full-content-production",
        "target_article_count": 1,
        "deliverables": {"social_posts": False},
    }
    own = Told(place, "--campaign", str(own_campaign(tmp_path, **changes)))
    assert (own.code, own.err) == (0, ""), own.out
    assert "   beside it: image-director, content-repurposer\n" in own.out
    assert re.search(r"^   [\d.]+ s +kitchen-001  image-director is at work beside it$", own.out, re.MULTILINE)
    assert "kitchen-001  its branch 'Email excerpt' is completed\n" in own.out
    rows = re.findall(r"^     (Hero image|Email excerpt|Social posts)  [ =<]*=[ =<]*$", own.out, re.MULTILINE)
    assert rows == ["Hero image", "Email excerpt"]


@pytest.mark.parametrize(
    ("changes", "reason", "cure"),
    [
        ({"name": None}, "own.yaml:1: the key 'name' is missing", "add 'name: ...'"),
        ({"pipeline": "mine"}, "there is no pipeline 'mine'", "choose from audience-discovery, content-draft, "),
        ({"sources": ["no.md"]}, "the source no.md is not a file", "it is looked for at "),
        ({"harness": "codex"}, "it names the harness codex, and this demo runs script", "remove 'harness' from it"),
    ],
)
def test_a_campaign_that_cannot_be_made_is_one_sentence_with_its_cure(
    place: Place, tmp_path: Path, changes: dict[str, object], reason: str, cure: str
) -> None:
    own = Told(place, "--campaign", str(own_campaign(tmp_path, **changes)))
    assert own.code == 1
    sentence, advice = own.err.splitlines()
    assert re.fullmatch(rf"demo: cannot (create a campaign from|run) own\.yaml: {re.escape(reason)}", sentence)
    assert advice.startswith(cure)
    assert own.left == ([], [])


def test_a_file_that_is_not_there_is_named(place: Place, tmp_path: Path) -> None:
    own = Told(place, "--campaign", str(tmp_path / "none.yaml"))
    assert (own.code, own.left) == (1, ([], []))
    assert own.err == "demo: cannot create a campaign from none.yaml: there is no file none.yaml\n"


def test_failure_is_one_sentence_and_where_the_home_is_kept(place: Place) -> None:
    demo = place.start()
    assert demo.stdout is not None
    while "is at work" not in (line := demo.stdout.readline()):
        assert line, demo.communicate()
    (home,) = place.homes()
    shutil.rmtree(home / "projects/bakery/campaigns/bread/sources")
    _, err = demo.communicate(timeout=PATIENCE_SECONDS)
    assert demo.returncode == 1
    assert re.match(r"demo: cannot go on: task bread-00\d is blocked: .*sources.*\nThe home is kept: ", err)
    assert str(home) in err
    assert (place.processes(), place.homes()) == ([], [home])


# -- Claude Code --------------------------------------------------------------------------------------------------

FAKE = """\
#!{python}
# A stand-in for Claude Code: it speaks a stream that was captured, does a step, and writes down how it was started.
import json, os, pathlib, signal, subprocess, sys
assert sys.stdin.read()
lines = pathlib.Path({stream!r}).read_text().splitlines(keepends=True)
sys.stdout.write("".join(lines[:-1]))
sys.stdout.flush()
folder = pathlib.Path(os.environ["TMPDIR"])
with (folder / "started").open("a") as file:
    file.write(json.dumps([sys.argv[1:], sorted(os.environ)]) + "\\n")
if os.environ["BATON_AGENT"] == "content-writer":
    try:
        os.close(os.open(folder / "first", os.O_CREAT | os.O_EXCL))
        signal.pause()  # the first of them is in the middle of its step until it is killed
    except FileExistsError:
        pass
shown = subprocess.run(["task.py", "show", os.environ["BATON_TASK"], "--json"], stdout=subprocess.PIPE, check=True)
unit = json.loads(shown.stdout)["pipeline"][int(os.environ["BATON_STEP"])]
output = pathlib.Path(unit["output_dir"], os.environ["BATON_TASK"] + ".md")
output.parent.mkdir(exist_ok=True)
output.write_text("# By the stand-in\\n\\nA text.\\n")
subprocess.run(["complete_step.py", "--output", str(output)], stdout=subprocess.DEVNULL, check=True)
sys.stdout.write(lines[-1])
"""


@pytest.fixture
def with_claude(place: Place) -> Place:
    """A place in which the program ``claude`` is the stand-in, and a person has a key for it, and other secrets."""
    folder = place.folder / "bin"
    folder.mkdir()
    (folder / "claude").write_text(FAKE.format(python=sys.executable, stream=str(STREAM)))
    (folder / "claude").chmod(0o755)
    place.environment["PATH"] = f"{folder}:{place.environment['PATH']}"
    place.environment |= {"ANTHROPIC_API_KEY": "sk-dummy", "OTHER_SECRET": "mine"}
    return place


def test_claude_is_run_after_a_yes_as_it_was_said_with_its_own_keys_alone(with_claude: Place) -> None:
    terminal = Terminal(with_claude, "--agent", "claude")
    terminal.read_until("Go on? [y/N]")
    asked = shown(terminal.out)
    assert not (with_claude.folder / "started").exists()
    assert any("It will be run 12 times (3 tasks, 4 steps each), 2 at once" in line for line in asked)
    assert any("This costs tokens" in line for line in asked)
    terminal.type(b"y\r")
    assert terminal.end() == 0, terminal.out

    started = [json.loads(line) for line in (with_claude.folder / "started").read_text().splitlines()]
    said = next(line for line in asked if line.startswith("   $ claude "))
    ran = {f"   $ claude {' '.join(argv)}" for argv, _ in started}
    assert {re.sub(r"--settings=\S+", "--settings={its skill to read, its memory to write}", one) for one in ran} == {
        said
    }
    assert len(started) == 13  # twelve steps, and the one that was killed once more
    assert {"ANTHROPIC_API_KEY", "HTTP_PROXY"} <= set(started[0][1])
    assert not {"OTHER_SECRET", "TELEGRAM_BOT_TOKEN"} & set(started[0][1])
    told = "\n".join(shown(terminal.out))
    assert re.search(r"^   \$ kill -9 \d+ \d+$", told, re.MULTILINE)
    assert "Nothing was sent back." in told
    assert "| Campaign bread is completed: 3 completed" in told
    assert "   used         0.10 dollars by list prices: 28,800 input tokens, 1,008 output tokens\n" in told
    (home,) = with_claude.homes()  # what was paid for is not thrown away
    assert f"The home is kept: {home} " in " ".join(told.split())
    assert with_claude.processes() == []


def test_without_a_yes_nothing_is_run(with_claude: Place) -> None:
    terminal = Terminal(with_claude, "--agent", "claude")
    terminal.read_until("Go on? [y/N]")
    terminal.type(b"\r")
    assert terminal.end() == 1
    assert "demo: nothing was run, since you did not say yes" in shown(terminal.out)
    assert not (with_claude.folder / "started").exists()
    assert (with_claude.processes(), with_claude.homes()) == ([], [])


def test_ctrl_c_at_the_question_leaves_nothing(with_claude: Place) -> None:
    terminal = Terminal(with_claude, "--agent", "claude")
    terminal.read_until("Go on? [y/N]")
    terminal.type(b"\x03")
    assert terminal.end() == 130
    assert "demo: interrupted" in shown(terminal.out)
    assert (with_claude.processes(), with_claude.homes()) == ([], [])


def test_where_nobody_can_be_asked_claude_is_not_run(with_claude: Place) -> None:
    refused = Told(with_claude, "--agent", "claude")
    assert (refused.code, refused.out, refused.left) == (2, "", ([], []))
    assert refused.err == "demo: cannot ask whether to go on, since this is no terminal\nadd --yes: it costs tokens\n"


def test_where_claude_is_not_installed_the_command_that_installs_it_is_said(place: Place, tmp_path: Path) -> None:
    place.environment["PATH"] = str(tmp_path)
    refused = Told(place, "--agent", "claude", "--yes")
    assert (refused.code, refused.out, refused.left) == (1, "", ([], []))
    said = "demo: cannot run Claude Code: the program claude is not in PATH"
    assert refused.err == f"{said}\ninstall it with: {Harness.install}\n"


def test_the_demo_knows_the_keys_that_the_harness_hands_on() -> None:
    assert {*Harness.secrets, *Harness.variables} == set(agents.KEYS)


@pytest.mark.parametrize(
    ("words", "code"), [(["--help"], 0), (["--kept"], 2), (["now"], 2), (["--yes"], 2), (["--agent", "codex"], 2)]
)
def test_help_and_wrong_usage_make_no_home(place: Place, words: list[str], code: int) -> None:
    out, err = (demo := place.start(*words)).communicate(timeout=PATIENCE_SECONDS)
    assert (demo.returncode, place.homes()) == (code, [])
    assert "exit codes: 0" in out if code == 0 else err.startswith("usage: demo")
