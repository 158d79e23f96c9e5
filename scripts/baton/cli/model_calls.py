"""One call of a model's API, as the harness ``api`` makes it: what is asked comes on stdin, events go to stdout.

This is the one process that has the key in its hands. It starts no other, and what it prints has been searched for it.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import msgspec

from baton.adapters.model_apis import CUT, REFUSED, WHOLE, ApiFailure, Counted, Question, Said, Stopped, Thought
from baton.adapters.model_apis.client import ask
from baton.cli.keys import key
from baton.cli.wiring import Wiring
from baton.domain.api_settings import ApiSettings
from baton.domain.errors import BatonError, InvalidInput
from baton.domain.redaction import Redactor, redact_in
from baton.store.files import make_folder, replace, said

ANSWER_LIMIT = 1 << 20
# Signs of life of a model that thinks: so many seconds lie between two of them at least.
THOUGHT_SECONDS = 5.0


def call_model(wiring: Wiring, model: str | None, system: str | None, output: str | None) -> int:
    """Ask, print the answer's events as they come, write a whole answer to ``output``; return the exit code."""
    settings = wiring.config.settings().harness.api
    name = model or settings.model
    if not name:
        raise InvalidInput("no model is named", cure="add --model NAME, or set harness.api.model")
    question = Question(
        model=name,
        system=_text_of(system) if system is not None else "",
        text=sys.stdin.buffer.read().decode("utf-8", "replace"),
        max_tokens=settings.max_tokens,
    )
    if not question.text.strip():
        raise InvalidInput("there is nothing to ask: standard input is empty", cure="give the prompt on stdin")
    call = _Call()
    call.say(type="asked", model=name)  # from here on a silence is the API's
    try:
        secret = key(wiring.home, wiring.environ, settings.key_name) if settings.key_name is not None else None
        call.secrets = [secret] if secret else []
        text = call.answer(settings, secret, question)
        if output is not None:
            _write(output, text)
    except ApiFailure as failure:
        call.say(
            type="failure",
            text=failure.text,
            words=failure.words,
            status=failure.status,
            wait_seconds=failure.wait_seconds,
        )
        return 1
    except BatonError as error:
        call.say(type="failure", text=f"{error.message}; {error.cure}", words=(error.code,), status=None)
        return 1
    call.say(type="result", is_good=True)
    return 0


class _Call:
    """What is said of one call."""

    def __init__(self) -> None:
        self.secrets: list[str] = []
        self._counts: dict[str, int] = {}
        self._model = ""
        self._thought_at = 0.0

    def answer(self, settings: ApiSettings, secret: str | None, question: Question) -> str:
        """Return the whole answer, told piece by piece meanwhile."""
        import time  # start-up: nothing, but the clock belongs to this loop alone

        redactor = Redactor(self.secrets)
        parts: list[str] = []
        size = 0
        stopped: Stopped | None = None
        for piece in ask(settings, secret, question):
            match piece:
                case Said(text=text):
                    # A NUL could stand in no file of text, half a character in none at all.
                    text = redactor.feed(text.replace("\0", "\ufffd").encode("utf-8", "replace").decode())
                    size += len(text.encode())
                    if size > ANSWER_LIMIT:
                        raise ApiFailure(f"the answer is longer than {ANSWER_LIMIT >> 20} MB", CUT)
                    self._tell(text, parts)
                case Thought():
                    if time.monotonic() >= self._thought_at + THOUGHT_SECONDS:
                        self._thought_at = time.monotonic()
                        self.say(type="thought")
                case Counted(counts=counts, model=name):
                    self._count(counts, name)
                case Stopped():
                    stopped = piece
        self._tell(redactor.rest(), parts)
        text = "".join(parts)
        self._check(stopped, text, question)
        return text

    def say(self, **event: Any) -> None:
        """Print one event, whole, at once."""
        data = msgspec.json.encode(redact_in(event, self.secrets)) + b"\n"
        while data:
            data = data[os.write(1, data) :]

    def _tell(self, text: str, parts: list[str]) -> None:
        if text:
            parts.append(text)
            self.say(type="text", text=text)

    def _count(self, counts: dict[str, int], model: str) -> None:
        before = (dict(self._counts), self._model)
        self._counts |= counts
        self._model = model or self._model
        if (self._counts, self._model) != before:
            self.say(type="usage", model=self._model, **self._counts)

    def _check(self, stopped: Stopped | None, text: str, question: Question) -> None:
        assert stopped is not None  # else the client had raised
        if stopped.why == CUT:
            limit = f" ({question.max_tokens})" if question.max_tokens is not None else ""
            raise ApiFailure(f"the answer was cut at max_tokens{limit}; raise harness.api.max_tokens", CUT)
        if stopped.why == REFUSED:
            raise ApiFailure("the model refused to answer", REFUSED)
        if stopped.why != WHOLE:
            raise ApiFailure(f"the model stopped for an unknown reason: {stopped.word[:60]}", "stopped")
        if not text.strip():
            raise ApiFailure("the answer is empty", "empty")


def _text_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"--system {path} cannot be read: {error}", cure="name a file of text") from None


def _write(path: str, text: str) -> None:
    """Write the answer, whole and durably: the step is complete with it."""
    with said(path):
        make_folder(os.path.dirname(os.path.abspath(path)), durable=True)
        replace(path, text.encode(), f"{path}.new-{os.getpid()}")
