"""The step or branch an offline agent was started for: what the record says about it, and the ways to end it.

Speaks to Baton as every agent does: through the scripts on PATH and the variables BATON_*. Never touches ``state/``.
"""

from __future__ import annotations

import copy
import io
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Self

from _offline import notes
from _offline.articles import Article
from _offline.pages import numbered
from _offline.scripts import answer, say
from _offline.sources import KINDS, Trouble, read_sources

UNHEEDED = "; the notes need a person or a model: this agent rewords nothing"
NAME = 60
_NUMBER = re.compile(r"-(\d{1,9})$")


class Step:
    """One step of one task, or one branch beside its main line, as its agent sees it.

    Of a batch each piece is seen as a step of its own (:meth:`pieces`): what a step has is then that piece's.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        missing = [name for name in ("BATON_TASK", "BATON_AGENT", "BATON_LEASE") if not environ.get(name)]
        if missing:
            raise Trouble(f"{missing[0]} is not set: this program is started by invoke_agent.py, not by hand")
        self.task = environ["BATON_TASK"]
        self.agent = environ["BATON_AGENT"]
        self.workspace = Path(environ.get("BATON_WORKSPACE") or os.getcwd())
        self._record: dict[str, Any] = answer("task.py", "show", self.task, "--json")
        label = environ.get("BATON_BRANCH")
        self._is_branch = bool(label)
        self._unit: dict[str, Any] = (
            self._record["branches"][label] if label else self._record["pipeline"][int(environ.get("BATON_STEP") or 0)]
        )
        # A branch sees what a step right after the one that began it would see.
        end = self._unit["trigger_after_step"] + 1 if label else self._unit["step"]
        self._before: list[dict[str, Any]] = self._record["pipeline"][:end]
        self._total: int | None = self._record.get("pieces")
        self._names: list[str] = []
        self._place: int | None = None
        self._beside: list[str] = []

    def pieces(self) -> list[Self]:
        """Return the pieces to make, each as a step of its own: this one, or the files of a batch's folder.

        They keep the names that the step before gave them; else they are numbered, and named by their keywords.
        """
        if self._total is None:
            return [self]
        self._names = self._given() or [self._name_of(self._piece(place)) for place in range(self._total)]
        return [self._piece(place) for place in range(len(self._names))]

    # -- what is asked ------------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        """The task's title."""
        return str(self._record["title"])

    @property
    def keywords(self) -> list[str]:
        """The task's keywords, the main one first; of a piece its share of them."""
        found = list(self._record["keywords"])
        if self._place is None or self._total is None or not found:
            return found
        return found[self._place :: self._total] or found[self._place % len(found) :][:1]

    @property
    def wishes(self) -> str:
        """What the campaign's notes ask for."""
        return str(self._record["brief"]).strip()

    @property
    def focus_groups(self) -> list[str]:
        """The groups of people that the campaign names; the slug of a record is read as words."""
        return [name.replace("-", " ") for name in self._record["focus_groups"]]

    @property
    def number(self) -> int:
        """The task's number in its campaign, or the piece's in its batch, counted from 1; 1 for a task that has none."""
        if self._place is not None:
            return self._place + 1
        match = _NUMBER.search(self.task)
        return int(match[1]) if match else 1

    @property
    def notes(self) -> str:
        """What whoever sent this step back wants changed; empty the first time, and for a piece that is good."""
        found = str(self._unit["notes"] or "").strip()
        return found if self._place is None else notes.for_piece(found, self.name, self._names)

    @property
    def name(self) -> str:
        """The name of the file of what is made."""
        return self._names[self._place] if self._place is not None else Path(self.output).name

    @property
    def former(self) -> str | None:
        """Where a piece is that nobody wants changed, while others are done again; ``None`` for one to be made."""
        earlier = self._unit.get("earlier") or []
        if self._place is None or self.notes or not self._unit["notes"] or not earlier:
            return None
        path = f"{earlier[-1]['outputs'][0]}/{self.name}"
        return path if (self.workspace / path).is_file() else None

    @property
    def output(self) -> str:
        """Where this step writes, relative to the workspace: a file; of a batch the folder of its pieces."""
        folder = self._unit.get("output") or self._default_output(self._unit)
        return str(folder) if self._place is None else f"{folder}/{self.name}"

    def beside(self, ending: str) -> str:
        """Return where a file of another kind goes that belongs to the output: never among the pieces of a batch."""
        whole = os.path.splitext(self.output)[0]
        return f"{whole if self._place is None else '.'.join(whole.rsplit('/', 1))}{ending}"

    @property
    def article(self) -> str:
        """The path of the text that this step is about: the article if a step before makes it, else the draft."""
        return self.left_by("final" if self.step_of("final") is not None else "drafts")

    def left_by(self, folder: str) -> str:
        """Return the first output of the last step before this one that writes to ``folder``, else where it would be."""
        for step in (step for step in reversed(self._before) if step["output_dir"] == folder):
            return self._own(self._left(step))
        return self._own(f"{folder}/{self.task}{self._ending}")

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
        """Return the campaign's, or the batch's, other keywords, and how many articles there are about each keyword."""
        campaign = self._record["campaign"]
        if self._total is not None:
            seeds, total = list(dict.fromkeys(self._record["keywords"])), self._total
        elif campaign is None:
            return [], 1
        else:
            found = answer("campaign.py", "show", campaign, "--json")
            seeds, total = list(dict.fromkeys(found["seed_keywords"])), len(found["planned"])
        turns = -(-total // max(1, len(seeds)))
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
        if path:
            self._beside.append(path)

    def complete(
        self,
        said: Sequence[str],
        *,
        quality: float | None = None,
        readability: float | None = None,
    ) -> None:
        """Complete the step with its output and the files beside it; a branch has no scores to report.

        ``said`` is a line for each piece; the record's one line takes the first.
        """
        summary = (
            said[0] if len(said) == 1 else f"{numbered(len(said), 'piece')} in `{self.output}`; the first: {said[0]}"
        )
        words = [word for path in (self.output, *self._beside) for word in ("--output", path)]
        words += ["--summary", summary]
        if not self._is_branch:
            words += ["--quality-score", f"{quality:g}"] if quality is not None else []
            words += ["--readability-score", f"{readability:g}"] if readability is not None else []
        answer("complete_branch.py" if self._is_branch else "complete_step.py", *words)
        say(summary)

    def hand_in(self, text: str, summary: str) -> None:
        """Write the output and complete the step, for an agent that acts on no notes: the summary says so."""
        self.write(text)
        self.complete([summary + (UNHEEDED if self.notes else "")])

    def hand_in_each(self, make: Callable[[Self], tuple[str, str]]) -> None:
        """Do the same with each piece; ``make`` returns its text, and what there is to say about it in one line."""
        said = []
        for piece in self.pieces():
            text, summary = make(piece)
            piece.write(text)
            said.append(summary + (UNHEEDED if piece.notes else ""))
        self.complete(said)

    def send_back(self, to_step: int, notes: str) -> None:
        """Send the task back to an earlier step; a branch cannot."""
        if self._is_branch:
            raise Trouble(f"a branch cannot send a task back; this is what is wrong: {notes}")
        answer("request_revision.py", "--to-step", str(to_step), "--notes", notes)
        say(f"Sent back to step {to_step}: {notes}")

    # -- where things lie ---------------------------------------------------------------------------------------

    @property
    def _ending(self) -> str:
        return ".md" if self._total is None else ""

    def _default_output(self, unit: Mapping[str, Any]) -> str:
        folder = unit["output_dir"]
        name = f"{self.task}.{unit['key']}" if unit is self._unit and self._is_branch and not folder else self.task
        return f"{folder}/{name}{self._ending}" if folder else f"{name}{self._ending}"

    def _left(self, step: Mapping[str, Any]) -> str:
        outputs = (step["result"] or {}).get("outputs") or [self._default_output(step)]
        return str(outputs[0])

    def _own(self, path: str) -> str:
        """Return a piece's own file in what another step has left; one file is there for all of them."""
        is_folder = self._place is not None and not (self.workspace / path).is_file()
        return f"{path}/{self.name}" if is_folder else path

    def _given(self) -> list[str]:
        """The names of the pieces that the step before has left."""
        for step in reversed(self._before):
            folder = self.workspace / self._left(step)
            files = sorted(folder.iterdir()) if folder.is_dir() else []
            found = [file.name for file in files if file.suffix in KINDS and not file.name.startswith(".")]
            if found and len(found) < (self._total or 0):
                raise Trouble(
                    f"{self._left(step)} holds {len(found)} of {self._total} pieces: the step before left too few"
                )
            if found:
                return found
        return []

    def _piece(self, place: int) -> Self:
        found = copy.copy(self)
        found._place = place
        return found

    @staticmethod
    def _name_of(piece: Step) -> str:
        subject = re.sub(r"[^a-z0-9]+", "-", " ".join(piece.keywords[:1]).lower()).strip("-")[:NAME]
        return "-".join(filter(None, (f"{piece.number:0{max(2, len(str(piece._total)))}}", subject))) + ".md"


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
