"""The wires: how agent programs speak to their providers, each in a file of its own, and what they share."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

from tests.real_clis.acts import Act, Call, Fail, Say, Trouble

# What the programs call their shell tool.
SHELLS = ("Bash", "bash", "run_shell_command", "exec_command")
READ_TOKENS, CACHED_TOKENS, WRITTEN_TOKENS = 1200, 200, 42
"""What each answer says it has cost; those from the cache are among those read, where the wire counts so."""


class Frame(NamedTuple):
    """One event of a streamed answer; ``name`` only where the wire names its events."""

    data: dict[str, Any]
    name: str | None = None

    def __bytes__(self) -> bytes:
        head = f"event: {self.name}\n" if self.name else ""
        return f"{head}data: {json.dumps(self.data)}\n\n".encode()


class Error(NamedTuple):
    """A kind of trouble in a wire's own terms."""

    status: int
    word: str
    message: str


class Wire(Protocol):
    """One provider's protocol. ``last_line`` ends a stream, where an event does not."""

    name: ClassVar[str]
    errors: ClassVar[Mapping[Trouble, Error]]
    last_line: ClassVar[bytes]

    def serves(self, path: str) -> bool:
        """Tell whether a request to this path asks the model something."""

    def tools(self, body: Any) -> Sequence[str]:
        """Return the names of the tools that a request offers."""

    def is_answered(self, body: Any) -> bool:
        """Tell whether a tool's result stands in a request."""

    def is_streamed(self, path: str, body: Any) -> bool:
        """Tell whether the answer is to come in pieces."""

    def stream(self, body: Any, act: Say | Call | Fail, shell: str) -> Iterator[Frame]:
        """Answer in pieces."""

    def whole(self, body: Any, act: Say | Call, shell: str) -> dict[str, Any]:
        """Answer at once."""

    def refusal(self, error: Error) -> dict[str, Any]:
        """Return the body of an error."""


def shell_of(names: Sequence[str]) -> str | None:
    """Return which of the tools offered runs a command."""
    return next((name for name in SHELLS if name in names), None)


def arguments(shell: str, command: str) -> dict[str, Any]:
    """Return what that tool is to be called with."""
    if shell == "exec_command":
        return {"cmd": command}
    return {"command": command, "description": "do the step"}


def words_of(act: Act) -> str:
    """Return the text that goes with an answer."""
    return act.text if isinstance(act, Say | Call) else "I begin."


def new_id(kind: str) -> str:
    """Return an id that no other answer has."""
    return f"{kind}_{uuid.uuid4().hex[:12]}"
