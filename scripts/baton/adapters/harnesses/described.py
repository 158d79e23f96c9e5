"""A harness that the settings describe (``harness.own``): any program, whether it prints JSON or plain text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import structs

from baton.adapters.harnesses import LINE_LIMIT, find_program
from baton.adapters.harnesses.endings import Speech, judge
from baton.adapters.harnesses.events import (
    TEXT_LIMIT,
    Event,
    EventListener,
    Failure,
    Result,
    Retry,
    Session,
    Text,
    ToolUse,
    Usage,
)
from baton.adapters.harnesses.streams import Fields, last_line
from baton.domain.exchange import Ending, Invocation, Job, Verdict
from baton.domain.own_harness import OwnHarness, Rule, Stream
from baton.ports import Listener


class DescribedParser:
    """Reads objects by the rules of a description."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __call__(self, event: Fields) -> Iterator[Event]:
        """Turn one object into events."""
        stream = self._stream
        if stream.session is not None:
            yield Session(id=_text(event, stream.session))
        if stream.retry is not None and _is_about(stream.retry, event):
            yield Retry(why=_text(event, stream.retry.text))
        if stream.tool is not None and _is_about(stream.tool, event):
            yield ToolUse(name=_text(event, stream.tool.name), what=_text(event, stream.tool.text)[:LINE_LIMIT])
        if stream.text is not None and _is_about(stream.text, event):
            yield Text(text=_text(event, stream.text.text))
        if stream.usage is not None and _is_about(stream.usage, event):
            found = {name: _number(event, path) for name, path in stream.usage.counts.items()}
            counts = {name: number for name, number in found.items() if number is not None}
            yield Usage(counts=counts, is_part=stream.usage.adds)
        if stream.failure is not None and _is_about(stream.failure, event):
            yield Failure(text=_text(event, stream.failure.text), status=_number(event, stream.failure.status))
        if stream.result is not None and _is_about(stream.result, event):
            yield Result(is_good=True, text=_text(event, stream.result.text) if stream.result.text else None)


class TextListener(EventListener):
    """Hears a program that prints plain text: what it printed last is its answer."""

    def __init__(self) -> None:
        super().__init__(lambda event: ())
        self._tail = b""

    def feed(self, data: bytes) -> None:
        """Take a piece of standard output."""
        self.progress += len(data)
        self._tail = (self._tail + data)[-TEXT_LIMIT:]

    def last_line(self) -> str:
        """The last line that is not blank."""
        return last_line(self._tail.decode("utf-8", "replace"), LINE_LIMIT)

    def tail(self, printed: str) -> str:
        """What it printed is what it said."""
        return printed

    @property
    def tool_calls(self) -> int | None:
        """It does not tell."""
        return None

    def finish(self) -> None:
        """Take what was printed as the answer."""
        self.answer = self._tail.decode("utf-8", "replace").strip()


class DescribedHarness:
    """Runs one program as it is described. One that prints plain text may be silent until its end."""

    is_free = False
    prompt = "step"

    def __init__(self, name: str, described: OwnHarness) -> None:
        self.name = name
        self.program = described.argv[0]
        self.secrets = described.secrets
        self.variables = described.variables
        self.is_talkative = described.parser == "ndjson"
        self.skills_folder = described.skills
        self._described = described
        self._speech = Speech(
            title=name,
            shells=(),
            of_text={text.lower(): kind for text, kind in described.failures.items()},
            of_exit={int(code): kind for code, kind in described.exit_codes.items()},
        )

    def listener(self) -> EventListener:
        """Hear one run."""
        return EventListener(DescribedParser(self._described.stream)) if self.is_talkative else TextListener()

    def invocation(self, job: Job) -> Invocation:
        """Return the command line with its placeholders filled, word by word."""
        cure = self._described.install or f"what harness.own.{self.name}.install says"
        program = find_program(self.program, job.environ["PATH"], cure)
        given = {name: value for name, value in self._described.environ.items() if name not in job.environ}
        return Invocation(argv=(program, *_filled(self._described.argv[1:], job)), environ=given)

    def verdict(self, job: Job, ending: Ending, heard: Listener) -> Verdict:
        """Judge by the description's rule of success, beside those that hold for every program."""
        assert isinstance(heard, EventListener)
        success = self._described.success
        heard.finish()
        if heard.result is None and heard.failure is None and not success.result and ending.exit_code == 0:
            heard.result = Result(is_good=True)
        answer = heard.result.text if heard.result is not None and heard.result.text is not None else heard.answer
        if heard.result is not None and success.says is not None and success.says not in answer:
            heard.result = Result(is_good=False, errors=f"it did not say {success.says}")
        if not ending.stderr_tail.strip() and not self.is_talkative:
            ending = structs.replace(ending, stderr_tail=heard.answer)
        completes = success.completes_step and not job.skill.completes
        return judge(self._speech, ending, heard, completes=completes, needs_text=success.text)


def _filled(words: tuple[str, ...], job: Job) -> list[str]:
    """Fill in the placeholders. A word with one that has no value goes, and with it an option that stands before it."""
    values = {
        "agent": job.skill.name,
        "model": job.model or "",
        "prompt_file": job.prompt_file,
        "resume": job.resume or "",
        "run": job.run,
        "skill": job.skill.folder,
        "step": job.environ.get("BATON_STEP", ""),
        "task": job.environ.get("BATON_TASK", ""),
        "workspace": job.workspace,
    }
    empty = [f"{{{name}}}" for name, value in values.items() if not value]
    filled: list[str] = []
    for word in words:
        if not any(name in word for name in empty):
            filled.append(word.format_map(values))
        elif word in empty and filled and filled[-1].startswith("-") and filled[-1] != "-":
            filled.pop()
    return filled


def _is_about(rule: Rule, event: Fields) -> bool:
    if not rule.when:
        return rule.text is None or _at(event, rule.text) is not None
    found = ((_at(event, path), value) for path, value in rule.when.items())
    return all(value == wanted and isinstance(value, bool) == isinstance(wanted, bool) for value, wanted in found)


def _at(event: Fields, path: str) -> Any:
    value: Any = event.data
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _text(event: Fields, path: str | None) -> str:
    return Fields({"at": _at(event, path)}).text("at", TEXT_LIMIT) if path is not None else ""


def _number(event: Fields, path: str | None) -> int | float | None:
    return Fields({"at": _at(event, path)}).number("at") if path is not None else None
