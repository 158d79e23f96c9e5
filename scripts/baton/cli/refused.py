"""Verbs of the contract whose feature is not built yet: they say so by name, and do nothing."""

from __future__ import annotations

import click

from baton.cli.script import Answer, script
from baton.cli.wiring import Wiring
from baton.domain.errors import InvalidInput


def not_built(verb: str, thing: str) -> click.Command:
    """Return a verb that refuses itself."""

    @script(verb, thing, example=f"{thing}.py {verb}")
    @click.argument("words", nargs=-1, type=click.UNPROCESSED)
    def command(wiring: Wiring, words: tuple[str, ...]) -> Answer:
        """Not built yet."""
        raise InvalidInput(f"'{thing}.py {verb}' is not built yet", cure=f"see {thing}.py --help for what is")

    command.hidden = True
    command.context_settings["ignore_unknown_options"] = True
    return command
