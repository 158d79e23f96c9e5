"""The one small set of events that every agent program's stream is read into, and who hears them.

A program's own words are known in its own file alone: it turns one object of its stream into these. What is kept of
them here is short, or of a bounded number, whatever is printed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from msgspec import Struct

from baton.adapters.harnesses import LINE_LIMIT
from baton.adapters.harnesses.streams import Counts, Fields, ObjectReader, count_up, last_line, one_line, summed

TEXT_LIMIT = 4000
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,100}")


class Session(Struct, frozen=True, kw_only=True):
    """The session has this id, or the model this name; what is empty is not said."""

    id: str = ""
    model: str = ""


class Turn(Struct, frozen=True, kw_only=True):
    """The agent begins to speak (again): a result, an error or an abort that was heard before is not the end."""


class Text(Struct, frozen=True, kw_only=True):
    """The agent says something. ``joint``: it goes on with its last message, behind these characters."""

    text: str
    joint: str | None = None


class ToolUse(Struct, frozen=True, kw_only=True):
    """A tool is called; ``what`` says in a few words for what."""

    name: str
    what: str = ""


class ToolResult(Struct, frozen=True, kw_only=True):
    """A tool has answered, or (``is_denied``) was not allowed."""

    name: str = ""
    is_denied: bool = False


class Usage(Struct, frozen=True, kw_only=True):
    """What was used: of the whole run, or (``is_part``) to be added to what was heard before; and by model."""

    counts: Counts
    is_part: bool = False
    models: dict[str, Counts] = {}


class Retry(Struct, frozen=True, kw_only=True):
    """The program waits to ask its provider again: it lives, and yet it does not get on."""

    why: str


class Limit(Struct, frozen=True, kw_only=True):
    """The account is at its limit until this epoch second; ``None``: it is not, or no longer."""

    resets_at: int | float | None


class Failure(Struct, frozen=True, kw_only=True):
    """Something went wrong for good: in the program's words, with an HTTP status and a wait where they were said."""

    text: str
    words: tuple[str, ...] = ()
    status: int | float | None = None
    wait_seconds: int | float | None = None


class Abort(Struct, frozen=True, kw_only=True):
    """Somebody interrupted the program, and it says so."""


class Result(Struct, frozen=True, kw_only=True):
    """The terminal event. ``is_good`` is what it says of itself; ``text`` ``None``: the last message is the answer."""

    is_good: bool
    text: str | None = None
    words: tuple[str, ...] = ()
    errors: str = ""
    status: int | float | None = None


Event = Session | Turn | Text | ToolUse | ToolResult | Usage | Retry | Limit | Failure | Abort | Result
Parser = Callable[[Fields], Iterable[Event]]


class EventListener:
    """Hears one run of an agent program, its parser given. ``needs_last_word``: what it says before a tool is no answer."""

    def __init__(self, parser: Parser, *, needs_last_word: bool = False) -> None:
        self.session: str | None = None
        self.model: str | None = None
        self.text = ""  # of the agent's last message
        self.answer = ""
        self.tools: dict[str, int] = {}
        self.denied: dict[str, int] = {}
        self.retries = 0
        self.resets_at: int | float | None = None
        self.was_aborted = False
        self.failure: Failure | None = None
        self.result: Result | None = None
        self.models: dict[str, Counts] = {}
        self.progress = 0
        self.is_waiting = False
        self._parser = parser
        self._needs_last_word = needs_last_word
        self._usage: Counts = {}
        self._read: Counts = {}
        self._doing = ""
        self._objects = ObjectReader()

    @property
    def is_done(self) -> bool:
        """Whether the terminal event was heard, and nothing after it that begins anew."""
        return self.result is not None

    @property
    def has_skipped(self) -> bool:
        """Whether a line was too long to be read."""
        return self._objects.skipped > 0

    def feed(self, data: bytes) -> None:
        """Take a piece of standard output."""
        for line in self._objects.feed(data):
            self._hear_line(line)

    def finish(self) -> None:
        """Take the last line, which may lack its newline."""
        for line in self._objects.end():
            self._hear_line(line)

    def last_line(self) -> str:
        """The last line that the agent said, or the tool that it uses."""
        return self._doing

    @property
    def tool_calls(self) -> int | None:
        """How often a tool was used."""
        return sum(self.tools.values())

    def tail(self, printed: str) -> str:
        """Its last words; the stream itself is for programs."""
        return self.text

    def take_text(self) -> str:
        """An agent program says what it does in whole messages, between its tools: nobody follows those word for word."""
        return ""

    def usage(self) -> Counts:
        """What was used, as reported; of a run that came to no result only what was told until then."""
        return self._usage or self._read

    def told_of(self, of_session: Iterable[str]) -> tuple[str, ...] | None:
        """Those counts, of the ones that are for a whole session, that were reported; ``None``: there are none such."""
        names = tuple(of_session)
        return tuple(name for name in names if name in self._usage) if names else None

    def used_models(self) -> dict[str, Counts]:
        """The same by model; where the program names only one, that one used all."""
        return self.models or ({self.model: self.usage()} if self.model and self.usage() else {})

    def add_usage(self, used: Usage) -> None:
        """Take what the program told elsewhere of the whole run, beside what stood in its stream."""
        self._usage = {**self._usage, **used.counts}
        self.models = used.models or self.models

    def _hear_line(self, line: Fields) -> None:
        self.is_waiting = False
        for event in self._parser(line):
            self.is_waiting = isinstance(event, Retry)
            self._hear(event)
        self.progress += not self.is_waiting

    def _hear(self, event: Event) -> None:
        match event:
            case Session(id=id, model=model):
                self.session = id if _SESSION.fullmatch(id) else self.session
                self.model = model or self.model
            case Turn():
                self.result, self.failure, self.was_aborted = None, None, False
            case Text():
                self._hear_text(event)
            case ToolUse(name=name, what=what):
                known = count_up(self.tools, name)
                self._doing = one_line(f"{known}: {what}" if what else known, LINE_LIMIT)
                self.answer = "" if self._needs_last_word else self.answer
            case ToolResult(name=name, is_denied=is_denied):
                if is_denied:
                    self._doing = f"was denied {count_up(self.denied, name)}"
                self.answer = "" if self._needs_last_word else self.answer
            case Usage(counts=counts, is_part=is_part, models=models):
                if is_part:
                    self._read = summed((self._read, counts))
                else:
                    self._usage = counts
                self.models = models or self.models
            case Retry(why=why):
                self.retries += 1
                self._doing = one_line(f"waits to ask the provider again: {why}", LINE_LIMIT)
            case Limit(resets_at=resets_at):
                self.resets_at = resets_at
            case Failure():
                self.failure = event
            case Abort():
                self.was_aborted = True
            case Result():
                self.result = event

    def _hear_text(self, event: Text) -> None:
        joined = self.answer + event.joint if event.joint is not None and self.answer else ""
        said = (joined + event.text)[:TEXT_LIMIT]
        self.answer = said
        if event.text.strip():
            self.text, self._doing = said, last_line(event.text, LINE_LIMIT)
