"""The programs that agents run on: which harness needs which, who needs that harness, and how it is installed."""

from __future__ import annotations

import os
import re
import shlex

from msgspec import Struct

from baton.cli.checks import Patient

PROGRAMS = {
    "claude": ("claude", "npm install -g @anthropic-ai/claude-code"),
    "codex": ("codex", "npm install -g @openai/codex"),
    "gemini": ("gemini", "npm install -g @google/gemini-cli"),
    "opencode": ("opencode", "npm install -g opencode-ai"),
    "copilot": ("copilot", "npm install -g @github/copilot"),
    "cursor": ("cursor-agent", "curl https://cursor.com/install -fsS | bash"),
}
BY_SETTINGS = "the settings"


class Need(Struct, frozen=True, kw_only=True):
    """A program that is needed: by whom, in words, for which harness, and what to do when it is missing."""

    program: str
    by: str
    harness: str
    cure: str

    @property
    def is_default(self) -> bool:
        """Tell whether it is needed only because the settings say so."""
        return self.by == BY_SETTINGS


def needed_harnesses(patient: Patient) -> dict[str, str]:
    """Return each harness that is needed, with who needs it, in words.

    The default is needed as soon as one agent names none: where all name their own, nobody asks for it.
    """
    needed: dict[str, str] = {}
    found, problems = patient.skills
    if problems or not found or any(skill.harness is None for skill in found):
        needed[patient.settings.harness.default] = BY_SETTINGS
    for skill in found:
        if skill.harness is not None:
            needed.setdefault(skill.harness, f"agent {skill.name}")
    for harness, task in patient.survey.harnesses.items():
        needed.setdefault(harness, f"task {task}")
    return needed


def needed_programs(patient: Patient) -> list[Need]:
    """Return the programs of these harnesses, and those that skills of the harness ``command`` name."""
    own = {
        name: (one.argv[0], one.install or "say under install how it is installed")
        for name, one in patient.settings.harness.own.items()
    }
    programs = PROGRAMS | own
    needs = [
        Need(program=programs[harness][0], by=by, harness=harness, cure=programs[harness][1])
        for harness, by in needed_harnesses(patient).items()
        if harness in programs
    ]
    for skill in patient.skills[0]:
        word = _first_word(skill.command or "") if skill.harness == "command" else ""
        if word and "{" not in word:
            cure = f"install it, or mend 'command' in {skill.folder}/SKILL.md"
            needs.append(Need(program=word, by=f"agent {skill.name}", harness="command", cure=cure))
    return needs


def with_interpreter(patient: Patient, path: str) -> dict[str, str | None]:
    """Return this program and what interprets it, if that is looked for in PATH too: by name, where they are.

    An interpreter that is nowhere is ``None``: the program is there, and does not start.
    """
    found: dict[str, str | None] = {os.path.basename(path): path}
    try:
        with open(os.path.realpath(path), "rb") as file:
            first = file.readline(256)
    except OSError:
        return found
    match = re.match(rb"#!\s*/usr/bin/env\s+(?:-S\s+)?([\w.-]+)(?:\s|$)", first)
    if match is not None:
        name = match[1].decode()
        found[name] = patient.which(name)
    return found


def _first_word(command: str) -> str:
    try:
        words = shlex.split(command)
    except ValueError:  # a quote that does not end: said when the agent is to run
        words = command.split()
    return words[0] if words else ""
