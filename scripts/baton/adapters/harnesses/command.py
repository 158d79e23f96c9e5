"""The ``command`` harness: any program, by a command line with placeholders, the prompt on its standard input."""

from __future__ import annotations

import shlex
import shutil

from baton.adapters.harnesses import PlainListener, plain_verdict
from baton.domain.errors import HarnessMissing, InvalidInput
from baton.domain.exchange import Ending, Invocation, Job, Verdict
from baton.domain.settings import HarnessSettings
from baton.ports import Listener

PLACEHOLDERS = ("task", "agent", "step", "run", "model", "workspace", "prompt_file", "skill")


class Harness:
    """Runs ``metadata.command`` of the skill as a command line, without a shell."""

    name = "command"
    secrets: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    is_talkative = False
    skills_folder = None
    is_free = False
    prompt = "step"

    def __init__(self, settings: HarnessSettings) -> None:
        """Take what every harness is made with; the skill says all that this one needs."""

    def invocation(self, job: Job) -> Invocation:
        """Return the command line with its placeholders filled, word by word, so that no value becomes two words."""
        if not job.skill.command:
            raise InvalidInput(
                f"the skill of {job.skill.name} names no command",
                cure="add 'command: PROGRAM {prompt_file}' under metadata in its SKILL.md",
            )
        values = {
            "task": job.environ.get("BATON_TASK", ""),
            "agent": job.skill.name,
            "step": job.environ.get("BATON_STEP", ""),
            "run": job.run,
            "model": job.model or "",
            "workspace": job.workspace,
            "prompt_file": job.prompt_file,
            "skill": job.skill.folder,
        }
        try:
            words = [word.format_map(values) for word in shlex.split(job.skill.command)]
        except (ValueError, KeyError, IndexError, AttributeError) as error:
            raise InvalidInput(
                f"the command of {job.skill.name} cannot be filled in: {error}",
                cure=f"its placeholders are {', '.join('{' + name + '}' for name in PLACEHOLDERS)}",
            ) from None
        program = shutil.which(words[0], path=job.environ["PATH"])
        if program is None:
            raise HarnessMissing(
                f"the program {words[0]} of {job.skill.name} is not installed", cure=f"install {words[0]}, or mend PATH"
            )
        return Invocation(argv=(program, *words[1:]), environ={})

    def listener(self) -> PlainListener:
        """Hear nothing but the last line."""
        return PlainListener()

    def verdict(self, job: Job, ending: Ending, heard: Listener) -> Verdict:
        """Judge by the exit code."""
        return plain_verdict(job, ending)
