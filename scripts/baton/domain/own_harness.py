"""A harness that the operator describes in the settings: any program, whether it prints JSON or plain text.

What stands in a stream is found by rules: ``when`` says which objects a rule is about (dotted paths and their values),
the rest says where in such an object something lies. A path leads through mappings by dots: ``message.text``.
"""

# No "from __future__ import annotations": a decoder reads these types as it starts (see records).
import re
import string

from msgspec import Struct

from baton.domain.harness_names import is_own_name
from baton.domain.refusals import check_variables, refuse_key
from baton.domain.statuses import FailureKind
from baton.domain.usage import TOKENS

PARSERS = ("text", "ndjson")
PLACEHOLDERS = ("agent", "model", "prompt_file", "resume", "run", "skill", "step", "task", "workspace")
COUNTS = (*TOKENS, "cost_usd", "turns")
Value = str | int | float | bool
_PATH = re.compile(r"[^.\s]+(?:\.[^.\s]+)*")


def check_own_name(key: str, name: str) -> None:
    """Refuse a name that would not be known as one of these."""
    if not is_own_name(name):
        what = f"{name[:80]!r} does not begin with x-, or has other signs than a-z, 0-9 and '-'"
        refuse_key(key, what, cure="name it like x-my-agent")


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which objects, and where in them the text lies. Without ``when`` it is about those that have such a text."""

    when: dict[str, Value] = {}
    text: str | None = None
    status: str | None = None

    def __post_init__(self) -> None:
        for key, path in (*((f"when.{one}", one) for one in self.when), ("text", self.text), ("status", self.status)):
            if path is not None and _PATH.fullmatch(path) is None:
                refuse_key(key, f"{path[:80]!r} is not a path", cure="write it like message.text")


class ToolRule(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tool is called: ``name`` leads to what it is called, ``text`` to what it is called for."""

    name: str


class UsageRule(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was used: our names of counts, and where each lies. ``adds``: such objects are to be summed."""

    counts: dict[str, str]
    adds: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.counts:
            if name not in COUNTS:
                refuse_key(f"counts.{name}", f"{name!r} is not a count", word=name, known=COUNTS)


class Stream(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a stream of JSON objects is read. ``session`` is a path in any object; ``result`` is the terminal event."""

    session: str | None = None
    text: Rule | None = None
    tool: ToolRule | None = None
    usage: UsageRule | None = None
    retry: Rule | None = None
    failure: Rule | None = None
    result: Rule | None = None


class Success(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a run has ended well, beside exit 0 and no failure in its stream.

    ``result``: its terminal event must have come; ``text``: it must have said something, and with ``says`` these
    very words. ``completes_step``: such a run has done its step, though the agent never called ``complete_step``.
    """

    result: bool = False
    text: bool = True
    says: str | None = None
    completes_step: bool = False


class OwnHarness(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One program. The prompt stands on its standard input, and in the file ``{prompt_file}``.

    ``argv`` has placeholders; a word in which one without a value stands alone (no model, nothing to resume) goes,
    and with it an option before it. ``secrets`` and ``variables`` name what it gets of the environment. ``skills`` is the
    folder, in its working directory, in which it looks for Agent Skills.
    """

    argv: tuple[str, ...]
    install: str = ""
    environ: dict[str, str] = {}
    secrets: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    skills: str | None = None
    parser: str = "text"
    stream: Stream = Stream()
    success: Success = Success()
    failures: dict[str, FailureKind] = {}
    exit_codes: dict[str, FailureKind] = {}

    def __post_init__(self) -> None:
        if not self.argv or not self.argv[0].strip():
            refuse_key("argv", "names no program", cure="write it like [my-agent, --json, '-']")
        if self.skills is not None and not _is_inside(self.skills):
            refuse_key(
                "skills", f"{self.skills[:80]!r} is not a folder inside the workspace", cure="like .agents/skills"
            )
        for word in self.argv:
            self._check_word(word)
        if self.parser not in PARSERS:
            refuse_key("parser", f"{self.parser!r} is not a parser", word=self.parser, known=PARSERS)
        if self.parser == "text" and self.stream != Stream():
            refuse_key("stream", "says how JSON is read, and the parser is text", cure="set parser: ndjson")
        if self.success.result and self.stream.result is None:
            refuse_key("success", "asks for a result, and stream.result does not say what it is", cure="add it")
        check_variables("environ", self.environ)
        check_variables("secrets", self.secrets)
        check_variables("variables", self.variables)
        for text in self.failures:
            if not text.strip():
                refuse_key("failures", "a text is empty", cure="write it like {'rate limit': rate_limit}")
        for code in self.exit_codes:
            if not (code.isascii() and code.isdigit() and 1 <= int(code) <= 255):
                refuse_key("exit_codes", f"{code[:20]!r} is not an exit code", cure="write it like {'41': auth}")

    def _check_word(self, word: str) -> None:
        if "\0" in word:
            refuse_key("argv", "a word is not printable", cure="remove it")
        try:
            found = [name for _, name, _, _ in string.Formatter().parse(word) if name is not None]
        except ValueError:
            refuse_key("argv", f"{word[:80]!r} has a brace alone", cure="write {{ and }} for braces")
        for name in found:
            if name not in PLACEHOLDERS:
                refuse_key("argv", f"{{{name}}} is not known", word=name, known=PLACEHOLDERS)


def _is_inside(folder: str) -> bool:
    parts = folder.split("/")
    return folder.isprintable() and not {"", ".", "..", ".git"} & set(parts)
