"""The step or branch an offline agent was started for: what the record says about it, and the ways to end it.

Speaks to Baton as every agent does: through the scripts on PATH and the variables BATON_*. Never touches ``state/``.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from _offline.articles import Article
from _offline.sources import Trouble, read_sources

BUSY = 75
UNHEEDED = "; the notes need a person or a model: this agent rewords nothing"
TRIES = 5
PAUSE_SECONDS = 1.0
_NUMBER = re.compile(r"-(\d{1,9})$")


class Step:
    """One step of one task, or one branch beside its main line, as its agent sees it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        missing = [name for name in ("BATON_TASK", "BATON_AGENT", "BATON_LEASE") if not environ.get(name)]
        if missing:
            raise Trouble(f"{missing[0]} is not set: this program is started by invoke_agent.py, not by hand")
        self.task = environ["BATON_TASK"]
        self.agent = environ["BATON_AGENT"]
        self.workspace = Path(environ.get("BATON_WORKSPACE") or os.getcwd())
        self._record: dict[str, Any] = _answer("task.py", "show", self.task, "--json")
        label = environ.get("BATON_BRANCH")
        self._is_branch = bool(label)
        self._unit: dict[str, Any] = (
            self._record["branches"][label] if label else self._record["pipeline"][int(environ.get("BATON_STEP") or 0)]
        )
        # A branch sees what a step right after the one that began it would see.
        end = self._unit["trigger_after_step"] + 1 if label else self._unit["step"]
        self._before: list[dict[str, Any]] = self._record["pipeline"][:end]

    # -- what is asked ------------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        """The task's title."""
        return str(self._record["title"])

    @property
    def keywords(self) -> list[str]:
        """The task's keywords, the main one first."""
        return list(self._record["keywords"])

    @property
    def wishes(self) -> str:
        """What the campaign's notes ask for."""
        return str(self._record["brief"]).strip()

    @property
    def focus_groups(self) -> list[str]:
        """The groups of people that the campaign names."""
        return list(self._record["focus_groups"])

    @property
    def number(self) -> int:
        """The task's number in its campaign, counted from 1; 1 for a task that has none."""
        match = _NUMBER.search(self.task)
        return int(match[1]) if match else 1

    @property
    def notes(self) -> str:
        """What whoever sent this step back wants changed; empty the first time."""
        return str(self._unit["notes"] or "").strip()

    @property
    def output(self) -> str:
        """Where this step writes, relative to the workspace."""
        if self._unit.get("output"):
            return str(self._unit["output"])
        if self._is_branch and not self._unit["output_dir"]:
            return f"{self.task}.{self._unit['key']}.md"
        return _default_output(self._unit, self.task)

    @property
    def article(self) -> str:
        """The path of the text that this step is about: the article if a step before makes it, else the draft."""
        return self.left_by("final" if self.step_of("final") is not None else "drafts")

    def left_by(self, folder: str) -> str:
        """Return the first output of the last step before this one that writes to ``folder``, else where it would be."""
        for step in (step for step in reversed(self._before) if step["output_dir"] == folder):
            outputs = (step["result"] or {}).get("outputs") or [_default_output(step, self.task)]
            return str(outputs[0])
        return f"{folder}/{self.task}.md"

    def text(self) -> Article:
        """Return the text that this step is about, with what can be taken from it."""
        keyword = " ".join(self.keywords[:1])
        return Article(self.read(self.article), read_sources(self.workspace), keyword)

    def step_of(self, folder: str) -> int | None:
        """Return the number of the last step before this one that writes to ``folder``."""
        steps = [step for step in self._before if step["output_dir"] == folder]
        return int(steps[-1]["step"]) if steps else None

    def times_sent_back(self, step: int) -> int:
        """Return how often agents have sent the task back to this step."""
        return int(self._record["pipeline"][step].get("revisions", 0))

    def siblings(self) -> tuple[list[str], int]:
        """Return the campaign's other keywords, and how many articles there are about each keyword."""
        campaign = self._record["campaign"]
        if campaign is None:
            return [], 1
        found = _answer("campaign.py", "show", campaign, "--json")
        seeds = list(dict.fromkeys(found["seed_keywords"]))
        turns = -(-len(found["planned"]) // max(1, len(seeds)))
        return [word for word in seeds if word not in self.keywords], max(1, turns)

    # -- what is done -------------------------------------------------------------------------------------------

    def read(self, path: str) -> str:
        """Return a text of this task."""
        try:
            return (self.workspace / path).read_text("utf-8-sig")
        except FileNotFoundError:
            raise Trouble(f"{path} is not there: the step that should have written it left nothing") from None
        except (OSError, UnicodeDecodeError) as error:
            raise Trouble(f"{path} cannot be read: {error}") from None

    def write(self, text: str, path: str | None = None) -> None:
        """Write this step's output, or another file beside it, whole or not at all."""
        target = self.workspace / (path or self.output)
        new = target.with_name(f".{target.name}.new")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(text, "utf-8")
            new.replace(target)
        except OSError as error:
            raise Trouble(f"{path or self.output} cannot be written: {error.strerror}") from None

    def complete(
        self,
        summary: str,
        *,
        more: Sequence[str] = (),
        quality: float | None = None,
        readability: float | None = None,
    ) -> None:
        """Complete the step with its output and ``more`` files; a branch has no scores to report."""
        words = [word for path in (self.output, *more) for word in ("--output", path)]
        words += ["--summary", summary]
        if not self._is_branch:
            words += ["--quality-score", f"{quality:g}"] if quality is not None else []
            words += ["--readability-score", f"{readability:g}"] if readability is not None else []
        _answer("complete_branch.py" if self._is_branch else "complete_step.py", *words)
        _say(summary)

    def hand_in(self, text: str, summary: str, *, more: Sequence[str] = ()) -> None:
        """Write the output and complete the step, for an agent that acts on no notes: the summary says so."""
        self.write(text)
        self.complete(summary + (UNHEEDED if self.notes else ""), more=more)

    def send_back(self, to_step: int, notes: str) -> None:
        """Send the task back to an earlier step; a branch cannot."""
        if self._is_branch:
            raise Trouble(f"a branch cannot send a task back; this is what is wrong: {notes}")
        _answer("request_revision.py", "--to-step", str(to_step), "--notes", notes)
        _say(f"Sent back to step {to_step}: {notes}")


def run(work: Callable[[Step], None]) -> NoReturn:
    """Do an agent's work and exit: 0 when the step was reported, 1 with one sentence when it could not be done."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what a title holds must not be the end of a step that is reported
            stream.reconfigure(errors="backslashreplace")
    try:
        work(Step(os.environ))
    except Trouble as trouble:
        sys.stderr.write(f"{os.environ.get('BATON_AGENT') or os.path.basename(sys.argv[0])}: {trouble}\n")
        sys.exit(1)
    sys.exit(0)


def _default_output(step: Mapping[str, Any], task: str) -> str:
    return f"{step['output_dir']}/{task}.md" if step["output_dir"] else f"{task}.md"


def _answer(script: str, *words: str) -> Any:
    """Run a script and return the document it answers with; it is asked again while it is busy."""
    for _ in range(TRIES):
        try:
            done = subprocess.run(
                [script, *words], stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", check=False
            )
        except OSError as error:
            raise Trouble(
                f"{script} cannot be started: {error.strerror}; the scripts' folder must be on PATH"
            ) from None
        if done.returncode != BUSY:
            break
        time.sleep(PAUSE_SECONDS)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = None
    if done.returncode or not isinstance(answer, dict):
        refusal = answer.get("error") if isinstance(answer, dict) else None
        said = refusal.get("message") if isinstance(refusal, dict) else done.stderr.strip() or done.stdout.strip()
        raise Trouble(f"{script} answered with exit code {done.returncode}: {said or 'nothing'}")
    return answer


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
