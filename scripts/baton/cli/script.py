"""What every script is made of: shared options, one way to answer, errors turned into words and exit codes.

Only this module prints and exits. A body gets a :class:`~baton.cli.wiring.Wiring`, returns an :class:`Answer` or
raises one of our errors; whatever else comes up is a defect, and says so with its trace on stderr.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import click

from baton.domain.errors import BatonError, InvalidWord

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
EXIT_CODES = "Exit codes: 0 done; 1 not done, and the error says why; 2 wrong usage; 75 busy, try again."


class Answer(NamedTuple):
    """What a script answers: ``data`` as JSON, ``text`` for people (made only when it is wanted)."""

    data: Any
    text: Callable[[], str] | str = ""
    exit_code: int = 0


class Job(NamedTuple):
    """How one script (or one verb of it) speaks: what it tries to do to which thing, and whether always in JSON."""

    verb: str
    thing: str
    id_option: str | None = None
    always_json: bool = False
    negative: Callable[[BatonError], dict[str, Any]] | None = None


def script(
    verb: str,
    thing: str,
    *,
    example: str,
    id_option: str | None = None,
    always_json: bool = False,
    negative: Callable[[BatonError], dict[str, Any]] | None = None,
    name: str | None = None,
    needs_home: bool = True,
) -> Callable[[Callable[..., Answer]], click.Command]:
    """Make a command of a body. ``negative`` gives the keys that stand beside ``error`` when the answer is no."""
    job = Job(verb=verb, thing=thing, id_option=id_option, always_json=always_json, negative=negative)

    def decorate(body: Callable[..., Answer]) -> click.Command:
        def callback(home: str | None, as_json: bool, **words: Any) -> None:
            _carry_out(job, body, home, as_json or always_json, words, needs_home=needs_home)

        command = click.Command(
            name or verb,
            callback=callback,
            help=body.__doc__,
            epilog=_epilog(example),
            context_settings=dict(SETTINGS),
            params=[
                *reversed(getattr(body, "__click_params__", [])),
                click.Option(
                    ["--home"], metavar="DIR", help="The home to work in (default: BATON_HOME, else this one)."
                ),
                click.Option(["as_json", "--json"], is_flag=True, hidden=always_json, help="Answer in JSON."),
            ],
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
    )


def main(command: click.Command) -> NoReturn:
    """Run a script's command and exit; wrong usage is said like every other error."""
    program = os.path.basename(sys.argv[0])
    try:
        code = command.main(prog_name=program, standalone_mode=False)
    except click.UsageError as error:
        meant = error.ctx.command if error.ctx is not None else command
        job: Job = getattr(meant, "job", None) or Job(verb="run", thing=program)
        wants_json = job.always_json or "--json" in sys.argv[1:]
        refused = InvalidWord(error.format_message(), cure=f"see {program} --help")
        _say(program, job, refused, None, wants_json=wants_json)
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
    job: Job, body: Callable[..., Answer], home: str | None, as_json: bool, words: dict[str, Any], *, needs_home: bool
) -> None:
    program = os.path.basename(sys.argv[0])
    id = words.get(job.id_option) if job.id_option is not None else None
    from baton.cli.wiring import Wiring, find_home  # start-up: --help and wrong usage need no home

    try:
        wiring = Wiring(find_home(home, os.environ, must_exist=needs_home), os.environ, warn)
        answer = body(wiring, **words)
    except BatonError as error:
        _say(program, job, error, id, wants_json=as_json)
        raise SystemExit(error.exit_code) from None
    except BrokenPipeError:
        # Whoever read our output has gone; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except OSError as error:
        from baton.store.files import translated  # start-up: only when something failed

        said = translated(error, error.filename or wiring.home.root)
        _say(program, job, said, id, wants_json=as_json)
        raise SystemExit(said.exit_code) from None
    text = _json(answer.data) if as_json else answer.text
    text = text() if callable(text) else text
    if text:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    if answer.exit_code:
        raise SystemExit(answer.exit_code)


def _say(program: str, job: Job, error: BatonError, id: Any, *, wants_json: bool) -> None:
    if wants_json:
        said: dict[str, Any] = {"error": {"code": error.code, "message": error.message}}
        if error.cure:
            said["error"]["cure"] = error.cure
        said["error"] |= {key: value for key, value in error.details.items() if key not in said["error"]}
        said |= job.negative(error) if job.negative is not None else {}
        sys.stdout.write(_json(said) + "\n")
        return
    named = f" '{id}'" if id else ""
    sys.stderr.write(f"{program}: cannot {job.verb} {job.thing}{named}: {error.message}\n")
    if error.cure:
        sys.stderr.write(f"  {error.cure}\n")


def _json(value: Any) -> str:
    import msgspec  # start-up: words for people need none

    return msgspec.json.encode(value).decode()


def _epilog(example: str) -> str:
    lines = "\n".join(f"  {line.strip()}" for line in example.strip().splitlines())
    return f"\b\nExample:\n{lines}\n\n{EXIT_CODES}"
