#!/bin/sh
''''[ -h "$0" ] && exec "$(readlink -f "$0")" "$@"; . "${0%${0##*/}}baton/launch.sh" # '''  # fmt: skip

"""Send a message to the operator over Telegram."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from baton import start

start.require(__file__)

from typing import TYPE_CHECKING

import click

from baton.cli.script import Answer, InvalidInput, main, script

if TYPE_CHECKING:
    from baton.cli.wiring import Wiring


@script(
    "send",
    "message",
    example="notify.py Spring launch is ready\nstatus.py | notify.py",
)
@click.argument("message", nargs=-1)
def command(wiring: "Wiring", message: tuple[str, ...]) -> Answer:
    """Send MESSAGE (or standard input) to the chat TELEGRAM_CHAT_ID, as the bot TELEGRAM_BOT_TOKEN."""
    notifier = wiring.notifier("telegram")
    text = " ".join(message) if message else _standard_input()
    if not text.strip():
        raise InvalidInput("there is no message", cure="give it as arguments, or on standard input")
    notifier.send(text.strip())
    return Answer({"sent": True}, "Sent.")


def _standard_input() -> str:
    # None when it was closed; whatever is not UTF-8 in it is shown as such, and sent all the same.
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    return sys.stdin.buffer.read().decode("utf-8", "replace")


if __name__ == "__main__":
    main(command)
