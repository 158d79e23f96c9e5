"""The ``api`` harness: a model asked over its API, once a run, by a program of ours. An agent without tools.

The program reads the key by itself: nothing of it is in our hands, in its command line or in its environment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from baton.adapters.harnesses import find_program
from baton.adapters.harnesses.agent_cli import beside
from baton.adapters.harnesses.endings import Speech, judge
from baton.adapters.harnesses.events import TEXT_LIMIT, Event, EventListener, Failure, Result, Session, Text, Usage
from baton.adapters.harnesses.streams import Fields
from baton.domain.errors import InvalidInput
from baton.domain.exchange import Ending, Invocation, Job, Verdict
from baton.domain.settings import HarnessSettings
from baton.domain.skills import body_of
from baton.domain.statuses import FailureKind
from baton.ports import Listener

COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens")

SPEECH = Speech(
    title="The API",
    shells=(),
    of_word={
        "missing_credentials": FailureKind.AUTH,
        "authentication_error": FailureKind.AUTH,
        "permission_error": FailureKind.AUTH,
        "invalid_api_key": FailureKind.AUTH,
        "billing_error": FailureKind.CREDIT,
        "insufficient_quota": FailureKind.CREDIT,
        "rate_limit_error": FailureKind.RATE_LIMIT,
        "rate_limit_exceeded": FailureKind.RATE_LIMIT,
        "overloaded_error": FailureKind.OVERLOADED,
        "server_is_overloaded": FailureKind.OVERLOADED,
        "api_error": FailureKind.SERVER,
        "server_error": FailureKind.SERVER,
        "malformed": FailureKind.SERVER,
        "timeout_error": FailureKind.TRANSPORT,
        "connection_lost": FailureKind.TRANSPORT,
        "request_too_large": FailureKind.CONTEXT_TOO_LONG,
        "context_length_exceeded": FailureKind.CONTEXT_TOO_LONG,
        "not_found_error": FailureKind.MODEL_UNKNOWN,
        "model_not_found": FailureKind.MODEL_UNKNOWN,
        # Nothing that another attempt would change: a person has to look at the address.
        "redirected": FailureKind.HARNESS_MISSING,
        "tls": FailureKind.HARNESS_MISSING,
    },
    cures={
        FailureKind.AUTH: "check the key that harness.api.key names, then agent.py unpark api",
        FailureKind.MODEL_UNKNOWN: "name another one, or map it under harness.models",
        FailureKind.HARNESS_MISSING: "see harness.api.base_url",
    },
)


class ApiParser:
    """Reads what our own program prints."""

    def __call__(self, event: Fields) -> Iterator[Event]:
        """Turn one object into events."""
        match event.word("type"):
            case "text":
                yield Text(text=event.text("text"), joint="")
            case "usage":
                model = event.word("model")
                yield Session(model=model)
                counts = event.counts({name: name for name in COUNTS})
                yield Usage(counts=counts, models={model: counts} if model and counts else {})
            case "failure":
                yield Failure(
                    text=event.text("text", TEXT_LIMIT),
                    words=tuple(event.texts("words", 60)),
                    status=event.number("status"),
                    wait_seconds=event.number("wait_seconds"),
                )
            case "result":
                yield Result(is_good=event.data.get("is_good") is True)


class ApiListener(EventListener):
    """Hears one answer, and keeps its words for those who follow."""

    def __init__(self) -> None:
        super().__init__(ApiParser())
        self._fresh: list[str] = []

    def take_text(self) -> str:
        """Return what was said since this was asked last."""
        text, self._fresh = "".join(self._fresh), []
        return text

    def _hear(self, event: Event) -> None:
        super()._hear(event)
        if isinstance(event, Text):
            self._fresh.append(event.text)


class Harness:
    """Asks a model over its API. Its answer is the step's output; when that is written, the step is done."""

    name = "api"
    program = "call_model.py"
    secrets: tuple[str, ...] = ()
    variables = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    is_talkative = True
    skills_folder = None
    is_free = False
    prompt = "question"

    def __init__(self, settings: HarnessSettings) -> None:
        self._settings = settings.api

    def listener(self) -> ApiListener:
        """Hear one answer."""
        return ApiListener()

    def invocation(self, job: Job) -> Invocation:
        """Return the command line: model, instructions and output by name; the prompt is read, and the key is its own."""
        program = find_program(self.program, job.environ["PATH"], "it is one of Baton's own scripts")
        model = job.model or self._settings.model
        if not model:
            raise InvalidInput(
                "the api harness does not know which model to ask",
                cure="name one in the step or the SKILL.md, or set harness.api.model",
            )
        if job.skill.completes:
            raise InvalidInput(
                f"the skill of {job.skill.name} says that its agent completes its step, and one without tools cannot",
                cure="take 'completes' out of its SKILL.md, or give it another harness",
            )
        system = beside(job, "system.md")
        words = [program, "--model", model, "--system", system]
        return Invocation(
            argv=(*words, "--output", os.path.join(job.workspace, job.output)) if job.output else tuple(words),
            environ={},
            files={system: _instructions(job)},
        )

    def verdict(self, job: Job, ending: Ending, heard: Listener) -> Verdict:
        """Judge by what our program says of the answer; a whole one is the step."""
        assert isinstance(heard, EventListener)
        return judge(SPEECH, ending, heard, completes=not job.skill.completes)


def _instructions(job: Job) -> str:
    """What the model is told to be: what the run says, else what the agent's skill says."""
    if job.system is not None:
        return job.system
    path = os.path.join(job.skill.folder, "SKILL.md")
    try:
        with open(path, encoding="utf-8") as file:
            return body_of(file.read())
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}", cure="restore the file") from None
