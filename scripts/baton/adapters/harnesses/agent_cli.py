"""What the harnesses of agent programs share; each says in its own file what is its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import ClassVar

from baton.adapters.harnesses import find_program
from baton.adapters.harnesses.endings import Speech, judge
from baton.adapters.harnesses.events import EventListener, Parser
from baton.domain.errors import InvalidInput
from baton.domain.exchange import SCRATCH, Ending, Invocation, Job, Verdict
from baton.domain.harness_settings import CliSettings
from baton.domain.settings import HarnessSettings
from baton.ports import Listener


class AgentCli:
    """Runs one agent program without a screen, its prompt on standard input.

    ``environ`` are variables it is always given, unless the operator lets one of the same name through. ``home`` is
    what it keeps in HOME, a login by hand among it; with one of its ``keys`` it needs none, and is told in the variable
    ``moves`` to keep its files elsewhere. ``lends`` are variables in which we hand it settings: they cannot be the
    operator's too.
    """

    name: str
    program: str
    install: str
    speech: Speech
    secrets: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    home: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    moves: str | None = None
    environ: ClassVar[Mapping[str, str]] = {}
    needs_last_word = False
    is_talkative = True
    skills_folder: str | None = ".agents/skills"
    is_free = False
    prompt = "step"

    def __init__(self, settings: HarnessSettings) -> None:
        self._settings: CliSettings = getattr(settings, self.name)

    # -- to be said by each -------------------------------------------------------------------------------------

    def parser(self) -> Parser:
        """Return what turns an object of one run's stream into events."""
        raise NotImplementedError

    def words(self, job: Job) -> list[str]:
        """Return the command line behind the program's name, but for the operator's own words."""
        raise NotImplementedError

    def lent(self, job: Job) -> tuple[dict[str, str], dict[str, str]]:
        """Return the variables in which this run's settings are handed over, and the files that those name."""
        return {}, {}

    def moved(self, job: Job) -> dict[str, str]:
        """Return the variables that send what it would leave elsewhere into the scratch folder, if it is sent there."""
        if self.moves is None or self.moves in job.environ or not self.has_key(job):
            return {}
        return {self.moves: scratch(self.name, job)}

    def last_words(self, job: Job) -> list[str]:
        """Return what must stand at the very end of the command line."""
        return []

    def has_key(self, job: Job) -> bool:
        """Tell whether it has a key, and so needs no login."""
        return any(job.environ.get(name) for name in self.keys)

    # -- the port -----------------------------------------------------------------------------------------------

    def listener(self) -> EventListener:
        """Hear the events of one run."""
        return EventListener(self.parser(), needs_last_word=self.needs_last_word)

    def invocation(self, job: Job) -> Invocation:
        """Return the command line. Of our variables, one that the operator lets through by name keeps their value."""
        words = [find_program(self.program, job.environ["PATH"], self.install), *self.words(job)]
        lent, files = self.lent(job)
        taken = sorted(name for name in lent if name in job.environ)
        if taken:
            raise InvalidInput(
                f"{taken[0]} is how {self.name} is given its settings, and the environment that is let through has it",
                cure=f"take it out of env, or put what it says under harness.{self.name}",
            )
        given = {name: value for name, value in self.environ.items() if name not in job.environ}
        extra = (*self._settings.extra_args, *self._settings.agent_args.get(job.skill.name, ()))
        moved = self.moved(job)
        return Invocation(
            argv=(*words, *extra, *self.last_words(job)),
            environ=given | lent | moved,
            files=files,
            scratch=scratch(self.name, job) if moved else None,
        )

    def verdict(self, job: Job, ending: Ending, heard: Listener) -> Verdict:
        """Judge a run that did not report. At best it ended well, and has not completed its step all the same."""
        assert isinstance(heard, EventListener)
        return judge(self.speech, ending, heard)


def scratch(name: str, job: Job) -> str:
    """Return the folder in which this program keeps its files of all attempts at this unit: a retry may resume.

    A run without a task has one of its own.
    """
    whose = job.environ.get("BATON_TASK") or job.run
    return os.path.join(os.path.dirname(job.prompt_file), f"{whose}.{job.unit.key}.{name}{SCRATCH}")


def beside(job: Job, suffix: str) -> str:
    """Return the path of a file that belongs to this run, beside its prompt."""
    return f"{job.prompt_file.removesuffix('.prompt.md')}.{suffix}"


def folders(job: Job) -> list[str]:
    """Return the folders beside the workspace that an agent is sent to: its instructions, its working memory."""
    return list(dict.fromkeys((*job.writable, *job.readable)))
