"""The ``script`` harness: an executable in the agent's own skill folder, the prompt on its standard input."""

from __future__ import annotations

import os

from baton.adapters.harnesses import PlainListener, plain_verdict
from baton.domain.errors import HarnessMissing, InvalidInput
from baton.domain.exchange import Ending, Invocation, Job, Verdict
from baton.domain.settings import HarnessSettings
from baton.ports import Listener


class Harness:
    """Runs ``metadata.command`` of the skill. A clean exit completes the step unless the skill says it reports."""

    name = "script"
    secrets: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    is_talkative = False
    skills_folder = None
    is_free = True
    prompt = "step"

    def __init__(self, settings: HarnessSettings) -> None:
        """Take what every harness is made with; the skill says all that this one needs."""

    def invocation(self, job: Job) -> Invocation:
        """Return the program of the skill; ``HarnessMissing`` when it is not there or cannot be executed."""
        command = job.skill.command
        if not command:
            raise InvalidInput(
                f"the skill of {job.skill.name} names no command for the script harness",
                cure=f"add 'command: FILE' under metadata in {job.skill.folder}/SKILL.md",
            )
        folder = os.path.realpath(job.skill.folder)
        path = os.path.realpath(os.path.join(folder, command))
        if os.path.commonpath((folder, path)) != folder:
            raise InvalidInput(f"the command {command} of {job.skill.name} lies outside {folder}", cure="put it inside")
        if not os.path.isfile(path):
            raise HarnessMissing(f"the command {path} of {job.skill.name} is not there", cure="restore the file")
        if not os.access(path, os.X_OK):
            raise HarnessMissing(f"the command {path} is not executable", cure=f"run: chmod +x {path}")
        return Invocation(argv=(path,), environ={})

    def listener(self) -> PlainListener:
        """Hear nothing but the last line."""
        return PlainListener()

    def verdict(self, job: Job, ending: Ending, heard: Listener) -> Verdict:
        """Judge by the exit code."""
        return plain_verdict(job, ending)
