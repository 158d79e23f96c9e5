"""Show Baton at work in half a minute: three agents, one of them killed, nothing lost. Started by ``scripts/demo``.

May touch a temporary folder and the processes it starts there; talks to nobody but 127.0.0.1.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))
from baton.demo.scratch import REPOSITORY, DemoFailed, Scratch
from baton.demo.screen import Screen
from baton.demo.story import Story

INTERRUPTED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EPILOG = """\
It makes a temporary home, runs a campaign of three articles there with three small agents, kills one of them with
kill -9 together with its supervisor, and shows that the work goes on and nothing is lost. No model is called, nothing
leaves this machine, and nothing of it is left afterwards.

example:  scripts/demo --keep
exit codes: 0 all happened as told; 1 something did not, and the home is kept; 2 wrong usage; 130 interrupted
"""
NEXT = """\
What to type next, here in {repository}:
   scripts/init_home.py ~/baton-home                       make a home of your own
   export BATON_HOME=~/baton-home
   scripts/doctor.py                                       see whether this machine is ready
   cp -R scripts/baton/demo/skills/. ~/baton-home/skills   agents to begin with
   cp -R scripts/baton/demo/sources scripts/baton/demo/*.yaml ~/baton-home
   scripts/pipeline.py create ~/baton-home/pipeline.yaml
   scripts/campaign.py create ~/baton-home/campaign.yaml   edit it first: your keywords, your sources
   scripts/activate_campaign.py bread
   crontab -e                                              add the lines of ~/baton-home/crontab.example
"""


class Interrupted(BaseException):
    """A signal that asks to end; a BaseException, so that nothing on the way swallows it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(arguments: list[str]) -> int:
    """Tell the story, clear up whatever became of it, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="demo",
        description="Show Baton at work: three agents, one of them killed, nothing lost. Takes about 20 seconds.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--keep", action="store_true", help="keep the temporary home, to look at it afterwards")
    keep = parser.parse_args(arguments).keep
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    screen, home = Screen(sys.stdout, os.environ), Scratch(os.environ)
    code, said = 0, ""
    try:
        for number in INTERRUPTED:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup, and a shell's background jobs, want it
                signal.signal(number, _interrupt)
        screen.say(("bold", "Baton demo: three agents write three articles, and one of them is killed on the way."))
        screen.say(("", f"Commands are shown as you would type them in {REPOSITORY}."))
        Story(home, screen).tell()
        _ignore_signals()
    except Interrupted as interrupted:
        code, said = 128 + interrupted.number, "interrupted"
    except BrokenPipeError:
        code, said = 128 + signal.SIGPIPE, "nobody reads its output any more"
    except (DemoFailed, OSError) as error:
        code, said = 1, f"cannot go on: {error}"
    except Exception as error:  # noqa: BLE001 - a defect of the demo must not leave processes behind either
        code, said = 1, f"cannot go on, by a defect of its own: {type(error).__name__}: {error}"
    _ignore_signals()  # what follows is short, and a second Ctrl-C must not cut it off
    try:
        screen.leave_table()
        return _close(screen, home, code, said, keep=keep)
    except OSError:  # the terminal or the reader has gone: there is nobody left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _close(screen, home, code, said, keep=keep)


def _close(screen: Screen, home: Scratch, code: int, said: str, *, keep: bool) -> int:
    """End every process, remove the home unless it is wanted, and say how it went. May be called again."""
    are_gone = home.end_processes()
    keep = home.path.exists() and (keep or code == 1)
    look = f"Look at it with: BATON_HOME={home.path} scripts/task.py list --all"
    kept = f"The home is kept: {home.path}\n{look}" if keep else f"The temporary home {home.path} is removed."
    if not keep:
        home.remove()
    if not are_gone:
        code, said = code or 1, f"{said or 'done'}, but some of its processes would not end"
    if code:
        with contextlib.suppress(OSError):
            sys.stderr.write(f"demo: {said}\n{kept}\n")
        return code
    for line in f"{kept}\n\n{NEXT.format(repository=REPOSITORY)}".splitlines():
        screen.say(("", line))
    return 0


def _interrupt(number: int, frame: object) -> None:
    _ignore_signals()
    raise Interrupted(number)


def _ignore_signals() -> None:
    for number in INTERRUPTED:
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
