"""Tab completion: what the shells offer, asked of bash itself; zsh where there is one."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from tests.cli.homes import ALWAYS_JSON, ROOT, SCRIPTS, Home, base_environ, tree

BASH = shutil.which("bash")
ZSH = shutil.which("zsh")
pytestmark = pytest.mark.skipif(BASH is None, reason="there is no bash")
# Ask as readline would: the words, and which of them is being typed.
ASK = """\
. {scripts}/completion.bash
COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
compopt() {{ local IFS=' '; echo "option $*"; }}
how=($(complete -p "${{COMP_WORDS[0]##*/}}"))
function=${{how[-2]}}
$function "${{COMP_WORDS[0]}}" "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def offered(home: Home | None, words: str, *, cwd: Path = ROOT) -> list[str]:
    """What bash offers for the last of these words."""
    environ = base_environ(home.root if home is not None else None)
    done = subprocess.run(
        ["bash", "--norc", "--noprofile", "-c", ASK.format(scripts=SCRIPTS, words=words)],
        env=environ,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return [line for line in done.stdout.split("\n") if line]


def test_verbs_are_offered(home: Home) -> None:
    assert offered(home, f"{SCRIPTS}/task.py un''") == ["unblock"]
    assert offered(home, f"{SCRIPTS}/campaign.py re") == ["resume"]


def test_options_are_offered(home: Home) -> None:
    assert offered(home, f"{SCRIPTS}/status.py --w") == ["--watch"]
    assert offered(home, f"{SCRIPTS}/doctor.py --as") == ["--as-cron"]


def test_ids_of_tasks_and_campaigns_are_offered(home: Home) -> None:
    home.make_campaign("spring")
    home.ok("activate_campaign", "spring", "--no-dispatch")
    home.make_task("other")

    assert offered(home, f"{SCRIPTS}/task.py show ''") == ["other", "spring-001", "spring-002"]
    assert offered(home, f"{SCRIPTS}/acquire_lock.py spring-001 --agent al") == ["alpha"]
    assert offered(home, f"{SCRIPTS}/campaign.py pause s") == ["spring"]
    assert offered(home, f"{SCRIPTS}/activate_campaign.py ''") == ["spring"]
    assert offered(home, f"{SCRIPTS}/invoke_agent.py alpha o") == ["other"]


def test_agents_pipelines_and_priorities_are_offered(home: Home) -> None:
    home.make_task("t-1")
    home.make_campaign()
    assert {"alpha", "content-writer"} <= set(offered(home, f"{SCRIPTS}/invoke_agent.py ''"))
    offers = offered(home, f"{SCRIPTS}/pipeline.py show ''")
    assert offers == sorted(offers) and {"audience-discovery", "content-draft", "my-line"} <= set(offers)
    assert offered(home, f"{SCRIPTS}/task.py prioritize t-1 ''") == ["high", "low", "medium", "urgent"]


def test_the_home_that_is_typed_counts(home: Home) -> None:
    home.make_task("t-1")
    assert offered(None, f"{SCRIPTS}/task.py show --home {home.root} ''") == ["t-1"]
    assert offered(None, f"{SCRIPTS}/task.py --home {home.root} show ''") == ["t-1"]


def test_files_and_folders_are_left_to_the_shell(home: Home) -> None:
    assert offered(home, f"{SCRIPTS}/campaign.py create ex") == ["option -o default -o filenames"]
    assert offered(home, f"{SCRIPTS}/init_home.py ex") == ["option -o dirnames -o filenames"]
    assert offered(home, f"{SCRIPTS}/status.py --home ex") == ["option -o dirnames -o filenames"]


def test_a_home_that_is_not_there_offers_nothing_and_says_nothing(tmp_path: Path) -> None:
    assert offered(None, f"{SCRIPTS}/task.py show --home {tmp_path}/none ''") == []


def test_a_script_is_found_however_it_is_typed(home: Home) -> None:
    home.make_task("t-1")
    assert offered(home, "scripts/task.py show ''") == ["t-1"]
    assert offered(home, "./task.py show ''", cwd=SCRIPTS) == ["t-1"]


def test_every_script_has_completion(home: Home) -> None:
    listed = subprocess.run(
        ["bash", "--norc", "-c", f". {SCRIPTS}/completion.bash; complete -p"],
        env=base_environ(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    named = {line.split()[-1] for line in listed.splitlines()}
    assert named == {path.name for path in SCRIPTS.glob("*.py")}
    assert {f"{name}.py" for name in ALWAYS_JSON} <= named


def test_loading_it_starts_nothing() -> None:
    done = subprocess.run(
        ["bash", "--norc", "-c", f"PATH=/nowhere; . {SCRIPTS}/completion.bash && echo loaded"],
        env={"PATH": "/nowhere"},
        executable=BASH,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("loaded\n", "")


def test_asking_writes_nothing(home: Home) -> None:
    home.make_task("t-1")
    before = tree(home.root, passing=())
    assert offered(home, f"{SCRIPTS}/task.py show ''") == ["t-1"]
    assert tree(home.root, passing=()) == before


def typed(shell: list[str], environ: dict[str, str], *lines: str) -> str:
    """Type lines into a shell on a terminal of its own, each at its prompt; return all that was printed."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execvpe(shell[0], shell, environ | {"TERM": "dumb", "PS1": "ready> "})
    # A shell that draws its prompt anew may get the next line early, and keeps it for later.
    seen, end, prompts = "", time.monotonic() + 30, 0
    try:
        for line in [*lines, "exit\n"]:
            while seen.count("ready> ") <= prompts:
                assert time.monotonic() < end, seen
                if select.select([fd], [], [], 0.5)[0]:
                    seen += os.read(fd, 1 << 16).decode(errors="replace")
            prompts = seen.count("ready> ")
            os.write(fd, line.encode())
    except OSError:  # it has ended, and its terminal with it
        pass
    finally:
        os.close(fd)
        os.waitpid(pid, 0)
    return seen


def test_the_tab_key_completes_on_a_terminal(home: Home) -> None:
    home.make_task("only-one")
    keys = f". {SCRIPTS}/completion.bash\n", f"{SCRIPTS}/task.py sho\ton\t\n"
    assert "Task only-one" in typed(["bash", "--norc", "--noprofile", "-i"], home.environ, *keys)


@pytest.mark.skipif(ZSH is None, reason="there is no zsh")
def test_the_tab_key_completes_in_zsh(home: Home) -> None:
    home.make_task("only-one")
    keys = f". {SCRIPTS}/completion.zsh\n", f"{SCRIPTS}/task.py sho\ton\t\n"
    assert "Task only-one" in typed([ZSH or "zsh", "-f", "-i"], home.environ, *keys)
