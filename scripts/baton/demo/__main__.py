"""Show Baton at work in its first minute: a crew of agents, one of them killed, nothing lost. Started by ``scripts/demo``.

May touch a temporary folder and the processes it starts there; talks to nobody but 127.0.0.1, unless Claude Code is
asked for.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))
from baton.demo import agents, assignment_story
from baton.demo.scene import Scene
from baton.demo.scratch import REPOSITORY, DemoFailed, Scratch
from baton.demo.screen import Screen
from baton.demo.story import EXAMPLE, Story

INTERRUPTED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
USAGE = 2
EPILOG = """\
It makes a temporary home and runs a campaign there: each article is researched, written, reviewed
and polished. One agent is killed with kill -9 together with its supervisor, and the work goes on
with nothing lost. Offline no model is called, nothing leaves this machine, and nothing of it is
left afterwards.

example:  scripts/demo
          scripts/demo --campaign my-campaign.yaml
          scripts/demo --assignment
exit codes: 0 all happened as told; 1 something did not (then the home is kept), or you said no;
            2 wrong usage; 130 interrupted
"""
NEXT = """
What to type next, in {repository}:
   scripts/demo --campaign FILE       yours, the same way: begin with a copy of examples/bread
   scripts/demo --agent claude        the same with Claude Code: costs tokens, asks first

To stay, make a home that lasts, and a campaign in it:
   scripts/init_home.py ~/baton-home
   export BATON_HOME=~/baton-home
   cp -R examples/bread ~/bread       then change keywords and sources in ~/bread/campaign.yaml
   scripts/campaign.py create ~/bread/campaign.yaml
   scripts/doctor.py                  says what this machine lacks, and the cure
   scripts/activate_campaign.py bread
   crontab -e                         add the lines of ~/baton-home/crontab.example
Claude Code does the work there; offline, as here, with this in ~/baton-home/config/baton.yaml:
   harness: {{default: script}}
"""


NEXT_ASSIGNMENT = """
What to type next, in {repository}:
   scripts/demo                       the other kind of work: a campaign, and a crash in the middle
   scripts/init_home.py ~/baton-home  a home that lasts
   export BATON_HOME=~/baton-home
   scripts/doctor.py                  says what this machine lacks, and the cure
   scripts/assignment.py create 'What is to be reached' --repo ~/my-repository --worktree
   scripts/assignment.py show         needs its id: assignment.py list tells it
Claude Code does the work there: it costs tokens. docs/assignments.md tells all of it.
"""


class Interrupted(BaseException):
    """A signal that asks to end; a BaseException, so that nothing on the way swallows it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(arguments: list[str]) -> int:
    """Tell the story, clear up whatever became of it, and return the exit code."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.yes and asked.agent == "offline":
        parser.error("--yes answers the question of --agent claude, which was not given")
    if asked.assignment and (asked.campaign or asked.agent != "offline"):
        parser.error("--assignment is shown offline, on an example of its own: without --campaign and --agent")
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    screen = Screen(sys.stdout, os.environ)
    if asked.agent == "claude" and not asked.yes and not (sys.stdin.isatty() and screen.is_live):
        refused = agents.Refused("cannot ask whether to go on, since this is no terminal", "add --yes: it costs tokens")
        _say_refused(refused)
        return USAGE
    try:
        crew = agents.claude(os.environ) if asked.agent == "claude" else agents.OFFLINE
    except agents.Refused as refused:
        return _say_refused(refused)
    home = Scratch(os.environ, crew.environ)
    return _run(screen, home, crew, asked)


def _run(screen: Screen, home: Scratch, crew: agents.Agents, asked: argparse.Namespace) -> int:
    code, said = 0, ""
    scene = Scene(home, screen, crew)
    try:
        for number in INTERRUPTED:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup, and a shell's background jobs, want it
                signal.signal(number, _interrupt)
        file = Path(os.path.abspath(asked.campaign)) if asked.campaign else EXAMPLE
        _say_what_comes(screen, asked)
        if asked.assignment:
            assignment_story.AssignmentStory(scene).tell()
        else:
            Story(scene, file, must_ask=asked.agent == "claude" and not asked.yes).tell()
        screen.say()
        screen.plain(f"All of that took {scene.elapsed():.1f} seconds.")
        _ignore_signals()
    except Interrupted as interrupted:
        code, said = 128 + interrupted.number, "interrupted"
    except agents.Refused as refused:
        home.remove()
        return _say_refused(refused)
    except BrokenPipeError:
        code, said = 128 + signal.SIGPIPE, "nobody reads its output any more"
    except (DemoFailed, OSError) as error:
        code, said = 1, f"cannot go on: {error}"
    except Exception as error:  # noqa: BLE001 - a defect of the demo must not leave processes behind either
        code, said = 1, f"cannot go on, by a defect of its own: {type(error).__name__}: {error}"
    # What somebody wrote or paid for is kept, once it has been begun.
    keep = asked.keep or ((asked.campaign is not None or asked.agent == "claude") and bool(scene.tasks))
    _ignore_signals()  # what follows is short, and a second Ctrl-C must not cut it off
    try:
        screen.leave_table()
        return _close(screen, home, code, said, asked, keep=keep)
    except OSError:  # the terminal or the reader has gone: there is nobody left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _close(screen, home, code, said, asked, keep=keep)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="demo",
        description="Show Baton at work: a crew of agents, one of them killed, nothing lost. Takes about 10 seconds.",
        epilog=EPILOG,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=30, width=100),
    )
    parser.add_argument("--campaign", metavar="FILE", help="your campaign, not examples/bread; the home is kept")
    what = "an assignment in place of a campaign: a PM, a repository with a fault, a worktree"
    parser.add_argument("--assignment", action="store_true", help=what)
    who = "who works: offline programs, or Claude Code (the home is kept)"
    parser.add_argument("--agent", choices=("offline", "claude"), default="offline", help=who)
    parser.add_argument("--yes", action="store_true", help="with --agent claude: do not ask; it costs tokens")
    parser.add_argument("--keep", action="store_true", help="keep the temporary home, to look at it afterwards")
    return parser


def _say_what_comes(screen: Screen, asked: argparse.Namespace) -> None:
    if asked.assignment:
        told = "Baton demo: a PM decides after every job what comes next, until a repository is mended."
        screen.say(("bold", told))
        screen.plain("No model is called, and nothing leaves this machine: the crew works by rules.")
        screen.plain(f"Commands are shown as you would type them in {REPOSITORY}, or in the repository they are about.")
        return
    who = "Claude Code" if asked.agent == "claude" else "agents"
    what = "on your campaign" if asked.campaign else "on three articles"
    screen.say(("bold", f"Baton demo: {who} at work {what}. One is killed on the way; nothing is lost."))
    if asked.agent == "offline":
        screen.plain("No model is called, and nothing leaves this machine.")
    screen.plain(f"Commands are shown as you would type them in {REPOSITORY}.")


def _say_refused(refused: agents.Refused) -> int:
    cure = f"{refused.cure}\n" if refused.cure else ""
    sys.stderr.write(f"demo: {refused}\n{cure}")
    return 1


def _close(screen: Screen, home: Scratch, code: int, said: str, asked: argparse.Namespace, *, keep: bool) -> int:
    """End every process, remove the home unless it is wanted, and say how it went. May be called again."""
    are_gone = home.end_processes()
    keep = home.path.exists() and (keep or code == 1)
    words = f"assignment.py show {assignment_story.ID}" if asked.assignment else "task.py list --all"
    look = f"Look at it with: BATON_HOME={home.path} scripts/{words}"
    kept = f"The home is kept: {home.path}\n{look}" if keep else f"The temporary home {home.path} is removed."
    if not keep:
        home.remove()
    if not are_gone:
        code, said = code or 1, f"{said or 'done'}, but some of its processes would not end"
    if code:
        with contextlib.suppress(OSError):
            sys.stderr.write(f"demo: {said}\n{kept}\n")
        return code
    screen.plain(kept)
    screen.plain((NEXT_ASSIGNMENT if asked.assignment else NEXT).format(repository=REPOSITORY))
    return 0


def _interrupt(number: int, frame: object) -> None:
    _ignore_signals()
    raise Interrupted(number)


def _ignore_signals() -> None:
    for number in INTERRUPTED:
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
