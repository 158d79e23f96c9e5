"""What every script is made of: shared options, one way to answer, errors turned into words and exit codes.

Only this module prints and exits. A body gets a :class:`~baton.cli.wiring.Wiring`, returns an :class:`Answer` or
raises one of our errors; whatever else comes up is a defect, and says so with its trace on stderr.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, NoReturn

import click

from baton.cli.caller import is_text
from baton.domain.errors import BatonError as BatonError
from baton.domain.errors import InvalidInput as InvalidInput
from baton.domain.errors import InvalidWord

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
SHOWN = 200  # characters of an id or a path in a message
EXIT_CODES = "Exit codes: 0 done; 1 not done, and the error says why; 2 wrong usage; 75 busy, try again."


class Answer(NamedTuple):
    """What a script answers: ``data`` as JSON, ``text`` for people (made only when it is wanted)."""

    data: Any
    text: Callable[[], str] | str = ""
    exit_code: int = 0


class Named(click.types.StringParamType):
    """A word that names a thing of the home; a shell may complete it."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Return the names there are."""
        from baton.cli.completion import completed  # start-up: only when the tab key is pressed

        return list(completed(self._kind, ctx, incomplete))


# Parameters that name something; what SLUG names is the thing that its script is about.
NAMES = frozenset({"task", "campaign", "project", "pipeline", "agent", "priority", "directory", "slug", "run"})


class Job(NamedTuple):
    """How one script (or one verb of it) speaks: what it tries to do to which thing, and whether always in JSON."""

    verb: str
    thing: str
    id_option: str | None = None
    for_option: str | None = None
    always_json: bool = False
    negative: Callable[[BatonError], dict[str, Any]] | None = None
    stands: bool = False
    unattended: bool = False

    def named(self, words: dict[str, Any]) -> str:
        """Return the thing with its id, and what it is for, as far as the words on the command line say."""
        id, goal = (words.get(name) if name else None for name in (self.id_option, self.for_option))
        named = f"{self.thing} {_quoted(id)}" if id else self.thing
        return f"{named} for {self.for_option} {_quoted(goal)}" if goal else named


def script(
    verb: str,
    thing: str,
    *,
    example: str,
    id_option: str | None = None,
    for_option: str | None = None,
    always_json: bool = False,
    negative: Callable[[BatonError], dict[str, Any]] | None = None,
    name: str | None = None,
    needs_home: bool = True,
    stands: bool = False,
    unattended: bool = False,
) -> Callable[[Callable[..., Answer]], click.Command]:
    """Make a command of a body. ``negative`` gives the keys that stand beside ``error`` when the answer is no.

    ``id_option`` names the option that says which thing, ``for_option`` the one that says what it is wanted for.

    ``stands``: what it did is recorded and counts, so that it is reported as done even if its answer cannot be written.
    ``unattended``: cron runs it, and throws its answer away; what went wrong is said on stderr, too.
    """
    job = Job(verb, thing, id_option, for_option, always_json, negative, stands, unattended)

    def decorate(body: Callable[..., Answer]) -> click.Command:
        def callback(home: str | None, as_json: bool, **words: Any) -> None:
            # In a script with verbs, what is said before the verb counts too.
            outer = click.get_current_context().find_root().params
            wants_json = as_json or always_json or bool(outer.get("as_json"))
            _carry_out(job, body, home or outer.get("home"), words, wants_json=wants_json, needs_home=needs_home)

        params: list[click.Parameter] = [*reversed(getattr(body, "__click_params__", []))]
        for param in params:
            if param.name in NAMES and param.type is click.STRING:
                param.type = Named(thing if param.name == "slug" else param.name)
        command = click.Command(
            name or verb,
            callback=callback,
            help=body.__doc__,
            epilog=_epilog(example),
            context_settings=dict(SETTINGS),
            params=[*params, *_shared_options(hide_json=always_json)],
        )
        command.job = job  # type: ignore[attr-defined]
        return command

    return decorate


def group(name: str, help: str, example: str, commands: list[click.Command]) -> click.Group:
    """Make a script that has verbs."""
    return click.Group(
        name,
        commands={command.name or "": command for command in commands},
        help=help,
        epilog=_epilog(example),
        context_settings=dict(SETTINGS),
        params=_shared_options(hide_json=False),
        no_args_is_help=False,
    )


def main(command: click.Command) -> NoReturn:
    """Run a script's command and exit; wrong usage is said like every other error."""
    program = os.path.basename(sys.argv[0])
    try:
        code = command.main(prog_name=program, complete_var="BATON_COMPLETE", standalone_mode=False)
    except click.UsageError as error:
        meant = error.ctx.command if error.ctx is not None else command
        job: Job = getattr(meant, "job", None) or Job(verb="run", thing=program)
        wants_json = job.always_json or "--json" in sys.argv[1:]
        refused = InvalidWord(error.format_message(), cure=f"see {program} --help")
        _say(program, job, refused, {}, wants_json=wants_json)
        sys.exit(refused.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


def warn(message: str) -> None:
    """Say something on stderr that does not change the outcome."""
    sys.stderr.write(f"{os.path.basename(sys.argv[0])}: warning: {message}\n")


def _carry_out(
    job: Job,
    body: Callable[..., Answer],
    home: str | None,
    words: dict[str, Any],
    *,
    wants_json: bool,
    needs_home: bool,
) -> None:
    program = os.path.basename(sys.argv[0])
    from baton.cli.wiring import Wiring, find_home  # start-up: --help and wrong usage need no home

    try:
        _check_text(home, words.values())
        wiring = Wiring(find_home(home, os.environ, must_exist=needs_home), dict(os.environ), warn)
        answer = body(wiring, **words)
        text = _json(answer.data) if wants_json else answer.text
        text = text() if callable(text) else text
    except BatonError as error:
        _say(program, job, error, words, wants_json=wants_json)
        raise SystemExit(error.exit_code) from None
    except OSError as error:
        from baton.store.files import translated  # start-up: only when something failed

        said = translated(error, error.filename or home or "the home")
        _say(program, job, said, words, wants_json=wants_json)
        raise SystemExit(said.exit_code) from None
    code = answer.exit_code
    if text and not _print(text, wants_json=wants_json) and not job.stands:
        code = code or 1
    if code:
        raise SystemExit(code)


def _check_text(home: str | None, words: Iterable[Any]) -> None:
    """Refuse what is not UTF-8: no record and no answer of ours could carry it."""
    for word in (home, os.environ.get("BATON_HOME"), *words):
        for one in word if isinstance(word, tuple) else (word,):
            if isinstance(one, str) and not is_text(one):
                raise InvalidWord(f"{one!a} is not UTF-8 text", cure="write it in UTF-8")


def _print(text: str, *, wants_json: bool) -> bool:
    """Print an answer; tell whether it could be written. JSON is UTF-8, whatever the terminal speaks."""
    out: Any = sys.stdout
    if out is None:  # closed by whoever started us
        return False
    try:
        if hasattr(out, "reconfigure"):
            out.reconfigure(encoding="utf-8" if wants_json else out.encoding, errors="backslashreplace")
        out.write(text if text.endswith("\n") else text + "\n")
        out.flush()
        return True
    except OSError as error:
        # What is left in the buffer would fail once more, with a trace, when Python flushes it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        if not isinstance(error, BrokenPipeError):  # else whoever read us has gone, and knows
            warn(f"the answer could not be written: {error.strerror}")
        return False


def _say(program: str, job: Job, error: BatonError, words: dict[str, Any], *, wants_json: bool) -> None:
    if wants_json:
        said: dict[str, Any] = {"error": {"code": error.code, "message": _as_text(error.message)}}
        if error.cure:
            said["error"]["cure"] = error.cure
        said["error"] |= {key: value for key, value in error.details.items() if key not in said["error"]}
        said |= job.negative(error) if job.negative is not None else {}
        from json import dumps  # start-up: half of what msgspec takes, and wrong usage needs nothing else of it

        _print(dumps(said, ensure_ascii=False, separators=(",", ":")), wants_json=True)
        if not job.unattended:
            return
    sys.stderr.write(_one_line(f"{program}: cannot {job.verb} {job.named(words)}: {error.message}") + "\n")
    if error.cure:
        sys.stderr.write(f"  {error.cure}\n")


def _quoted(id: str | tuple[str, ...]) -> str:
    id = " ".join(id) if isinstance(id, tuple) else id
    return f"'{id if len(id) <= SHOWN else id[:SHOWN] + '...'}'"


def _json(value: Any) -> str:
    import msgspec  # start-up: words for people need none

    return msgspec.json.encode(value).decode()


def _one_line(text: str) -> str:
    # Line breaks and control characters in a word somebody typed must not look like words of ours.
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _as_text(text: str) -> str:
    return text if is_text(text) else text.encode("utf-8", "backslashreplace").decode()


def _shared_options(*, hide_json: bool) -> list[click.Parameter]:
    return [
        click.Option(
            ["--home"],
            metavar="DIR",
            type=Named("home"),
            help="The home to work in (default: BATON_HOME, else this one).",
        ),
        click.Option(["as_json", "--json"], is_flag=True, hidden=hide_json, help="Answer in JSON."),
    ]


def _epilog(example: str) -> str:
    lines = "\n".join(f"  {line.strip()}" for line in example.strip().splitlines())
    return f"\b\nExample:\n{lines}\n\n{EXIT_CODES}"
