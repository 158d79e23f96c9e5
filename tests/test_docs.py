"""The pages say what the code does: every command in them is run, and what they show is what is printed.

A block that begins with three backticks and ``sh`` is typed into one shell for its page, one block after the other; the
``text`` block that follows one is what it prints, where ``...`` stands for anything. Between blocks agents come to rest.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.cli.homes import Home
from tests.diagrams import DESIGN, with_generated

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
PAGES = [
    "README.md", "docs/agents.md", "docs/assignments.md", "docs/operating.md", "docs/projects.md", "docs/services.md",
]  # fmt: skip
TEXTS = {page: (ROOT / page).read_text() for page in PAGES}
SCRIPTS = sorted(path.name for path in (ROOT / "scripts").glob("*.py"))
# Of the README's first block one is a test of its own (tests/acceptance/test_demo.py), and the other runs this.
TWO_COMMANDS = ["scripts/demo", "scripts/test"]
BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)
# What would reach outside: each only writes down that it was called, but for crontab, which keeps one.
FAKES = {
    "crontab": """\
#!/bin/sh
case $1 in
-l) exec cat ~/crontab.txt ;;
-) cat > ~/crontab.new && mv ~/crontab.new ~/crontab.txt ;;  # whole, like the real one: it is read at the same time
*) exit 9 ;;
esac
""",
    "systemctl": '#!/bin/sh\necho "systemctl $*" >> $HOME/calls.txt\n',
    "loginctl": '#!/bin/sh\necho "loginctl $*" >> $HOME/calls.txt\n',
    "git": f"""\
#!/bin/sh
case " $* " in
*" clone "* | *" fetch "* | *" pull "* | *" push "*) echo "git $*" >> $HOME/calls.txt ;;
*) exec {shutil.which("git")} "$@" ;;
esac
""",
    "claude": "#!/bin/sh\nexit 1\n",
}
REST = """
for i in $(seq 600); do
    [ -d "$BATON_HOME/state" ] || break
    scripts/status.py --json | grep -q '"running":\\[\\],"ready":\\[\\]' && break
    sleep 0.1
done
"""


# -- what the tables say ------------------------------------------------------------------------------------------


def scripts_table() -> str:
    return README.partition("## Scripts")[2].partition("## Where files lie")[0]


def test_every_script_stands_in_the_table_of_the_readme() -> None:
    assert set(re.findall(r"^\| `([a-z_]+\.py)", scripts_table(), re.MULTILINE)) == set(SCRIPTS)


def test_every_verb_in_the_table_is_one_of_its_script() -> None:
    for script, cell in re.findall(r"\| `(\w+\.py)` \| (`[^|]*) \|", scripts_table()):
        verbs = {verb.split()[0] for verb in re.findall(r"`([a-z-]+[^`]*)`", cell)}
        listed = set(re.findall(r"^  ([a-z-]+)  ", help_of(script).partition("Commands:")[2], re.MULTILINE))
        assert verbs == listed, script


@cache
def help_of(script: str, *words: str) -> str:
    program = [sys.executable, ROOT / "scripts" / script, *words, "--help"]
    return subprocess.run(program, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("page", PAGES)
def test_every_option_that_is_named_in_passing_exists(page: str) -> None:
    named = re.findall(r"`(?:scripts/)?((?:\w+\.py|demo|test))((?: [^`]*)?)`", TEXTS[page])
    rows = re.findall(r"^\| `((?:\w+\.py|demo|test))[^|]*\|([^|]*)\|", TEXTS[page], re.MULTILINE)
    wanted = {(script, option) for script, words in [*named, *rows] for option in re.findall(r"--[a-z-]+", words)}
    for script, option in sorted(wanted):
        verbs = re.findall(r"^  ([a-z-]+)  ", help_of(script).partition("Commands:")[2], re.MULTILINE)
        pages = [help_of(script), *(help_of(script, verb) for verb in verbs)]
        assert any(re.search(rf"{option}\b", text) for text in pages), f"{script} {option}"


def test_the_state_machines_in_the_design_are_those_of_the_tables() -> None:
    text = DESIGN.read_text()
    assert with_generated(text) == text, "run: python -m tests.diagrams --write"


@pytest.mark.parametrize("page", [*PAGES, "docs/DESIGN.md", "docs/harnesses.md", "CHANGELOG.md"])
def test_links_to_files_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("http") or ((ROOT / page).parent / target).exists(), target


# -- what is typed ------------------------------------------------------------------------------------------------


class Visit(NamedTuple):
    """A user's folder after a page was typed there, and what each of its blocks printed."""

    place: Path
    printed: list[str]


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Visit]:
    """Type a page in a folder of its own, once."""

    @cache
    def visited(page: str) -> Visit:
        place = furnished(tmp_path_factory.mktemp("user"))
        return Visit(place, typed(page, place))

    return visited


def furnished(tmp_path: Path) -> Path:
    """A user's folder with a checkout in ``baton``, and programs that reach nothing outside."""
    for name in ("scripts", "skills", "examples", "requirements.txt"):
        source, target = ROOT / name, tmp_path / "baton" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    # The installer of a checkout is tested by itself, with an index of its own.
    (tmp_path / "baton/scripts/test").write_text("#!/bin/sh\n")
    (tmp_path / ".gitconfig").write_text("[user]\nname = You\nemail = you@example.org\n")
    (tmp_path / "bin").mkdir()
    for name, text in FAKES.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def blocks_of(page: str) -> list[tuple[str, str | None]]:
    """The blocks that are typed, each with what the page shows of its output."""
    found = [(block, shown or None) for block, shown in BLOCK.findall(TEXTS[page])]
    if page == "README.md":
        assert [line.split("#")[0].strip() for line in found[0][0].splitlines()] == TWO_COMMANDS
        return found[1:]
    return found


def typed(page: str, place: Path) -> list[str]:
    """Type a page's blocks; return what each printed, with paths as the page has them."""
    blocks = [block for block, _ in blocks_of(page)]
    ends = [f"{block}\n{{ {REST}\n}} >/dev/null 2>&1\necho; echo '=== end of a block ==='\n" for block in blocks]
    done = subprocess.run(
        ["/bin/sh", "-ec", "".join(ends)],
        cwd=place / "baton",
        env={
            "PATH": f"{place}/bin:/usr/bin:/bin",
            "HOME": str(place),
            "BATON_PYTHON": sys.executable,
            "LANG": "C.UTF-8",
        },
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    printed = done.stdout.replace(str(place), "/home/you").split("\n=== end of a block ===\n")
    assert (done.returncode, len(printed)) == (0, len(blocks) + 1), done.stdout + done.stderr
    return printed


def is_shown(printed: str, shown: str) -> bool:
    """Tell whether a page shows what was printed; ``...`` stands for anything."""
    pattern = ".*".join(re.escape(part) for part in shown.strip().split("..."))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_runs_and_prints_what_the_page_shows(page: str, visit: Callable[[str], Visit]) -> None:
    for (block, shown), text in zip(blocks_of(page), visit(page).printed, strict=False):
        if shown is not None:
            assert is_shown(text, shown), f"{block}\nprints:\n{text}"


def test_what_the_readme_promises_is_there_afterwards(visit: Callable[[str], Visit]) -> None:
    place = visit("README.md").place
    home = place / "baton-home"
    assert len(list((home / "projects/bakery/campaigns/bread/final").iterdir())) == 3
    assert "# " in (home / "projects/acme/campaigns/crust/final/crust-001.md").read_text()
    assert (home / "crontab.example").read_text() == (place / "crontab.txt").read_text()


def test_after_the_operators_page_the_timer_stands_and_the_home_has_moved(visit: Callable[[str], Visit]) -> None:
    place = visit("docs/operating.md").place
    unit = (place / ".config/systemd/user/baton.service").read_text()
    assert f'Environment="BATON_HOME={place}/baton-home"' in unit
    assert f"ExecStart={place}/baton/scripts/check_pipeline.py" in unit
    assert (place / "calls.txt").read_text().splitlines()[:2] == [
        "systemctl --user daemon-reload",
        "systemctl --user enable --now baton.timer",
    ]
    assert f"BATON_HOME={place}/new-home" in (place / "new-home/crontab.example").read_text()
    assert (place / "new-home/.env").stat().st_mode & 0o077 == 0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_the_units_of_the_operators_page_are_valid(visit: Callable[[str], Visit]) -> None:
    folder = visit("docs/operating.md").place / ".config/systemd/user"
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", folder / "baton.service", folder / "baton.timer"],
        env={"PATH": "/usr/bin:/bin", "SYSTEMD_LOG_LEVEL": "warning"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line for line in done.stderr.splitlines() if "baton." in line] == []


def test_doctor_takes_the_timer_of_the_operators_page_for_the_sweep(tmp_path: Path) -> None:
    place = furnished(tmp_path)
    page = TEXTS["docs/operating.md"]
    part = page.partition("### With a systemd timer")[2].partition("### Does it work?")[0]
    ((block, _),) = BLOCK.findall(part)
    wants = (
        "mkdir ~/.config/systemd/user/timers.target.wants; touch ~/.config/systemd/user/timers.target.wants/baton.timer"
    )
    made = f"scripts/init_home.py ~/baton-home; export BATON_HOME=~/baton-home\n{block}\n{wants}\n"
    done = subprocess.run(
        ["/bin/sh", "-ec", f"({made}) >/dev/null; BATON_HOME=~/baton-home scripts/doctor.py --as-cron --json"],
        cwd=place / "baton",
        env={"PATH": f"{place}/bin:/usr/bin:/bin", "HOME": str(place), "BATON_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    assert [one for one in report["passed"] if one["check"] == "cron"] == [{"check": "cron", "message": "baton.timer"}]


# -- undo ---------------------------------------------------------------------------------------------------------

UNDO = README.partition("## Undo")[2].partition("## More")[0]
COMMANDS = re.findall(r"`((?:touch|rm|\w+\.py) [^`]*)`", UNDO)
# What has to be so before: a task is held, or blocked, or a campaign is paused.
BEFORE = {
    "release_lock.py": "acquire_lock.py TASK --agent alpha",
    "task.py unblock": "task.py block TASK --reason why",
    "campaign.py resume": "campaign.py pause SLUG",
    "rm ": "touch $BATON_HOME/state/stop",
}


def test_the_readme_tells_how_to_undo_more_than_a_few_things() -> None:
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("command", COMMANDS)
def test_what_undoes_something_runs_as_it_is_written(command: str, home: Home) -> None:
    home.make_campaign("spring")
    home.ok("activate_campaign", "spring", "--no-dispatch")
    before = next((line for start, line in BEFORE.items() if command.startswith(start)), "true")
    lines = f"{before} >/dev/null\n{command}\n".replace("TASK", "spring-001").replace("SLUG", "spring")
    environ = home.environ | {"PATH": f"{ROOT}/scripts:{os.environ['PATH']}"}

    done = subprocess.run(["/bin/sh", "-ec", lines], env=environ, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home in which nothing is started."""
    return Home(tmp_path / "home")
