"""Calls of git, such that nothing the user has set up is started by us, and nothing of git's is left running.

Hooks, the file system monitor and questions on the terminal are off; the environment is made from nothing, so that no
``GIT_DIR`` of a caller leads elsewhere. The user's own settings are read all the same: they say whom git trusts.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

QUESTION_SECONDS = 10.0
HARMLESS = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "submodule.recurse=false", "gc.auto=0")
ENVIRON = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


class GitRefused(OSError):
    """Git said no, said nothing in time, or is not there; the text is what it said, ``code`` with what it ended."""

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code


def ask_git(path: str, folder: str, *words: str, seconds: float = QUESTION_SECONDS, keeping: Sequence[int] = ()) -> str:
    """Return what git prints in a folder; ``path`` is where it is looked for.

    ``keeping``: descriptors that git and all that it starts hold as long as they live, even when we are killed.
    """
    import signal  # start-up: an idle sweep loads this file, too
    import subprocess  # start-up: as above

    environ = {"PATH": path, "HOME": os.environ.get("HOME", "/"), **ENVIRON}
    settings = [word for setting in HARMLESS for word in ("-c", setting)]
    try:
        process = subprocess.Popen(
            ("git", "-C", folder, *settings, *words),
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=tuple(keeping),
            start_new_session=True,
        )
    except FileNotFoundError:
        raise GitRefused("the program git is not there") from None
    try:
        out, err = process.communicate(timeout=seconds)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)  # git starts others, which would write on
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise GitRefused(f"git says nothing for {seconds:g} s") from None
        raise
    if process.returncode:
        said = os.fsdecode(err).strip() or f"exit code {process.returncode}"
        raise GitRefused(f"git says: {said}", process.returncode)
    return os.fsdecode(out)
