"""What the operator may set about memory: how much of it a prompt takes, how many lessons are kept."""

# No "from __future__ import annotations": a decoder reads these types as it starts (see records).
from msgspec import Struct

from baton.domain.refusals import check_count

MOST_PROMPT_BYTES = 1_000_000
MOST_LESSONS = 100


class MemorySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``prompt_bytes``: what a prompt takes of an agent's working memory at most, and of its lessons once more.

    ``lessons``: how many of its newest lessons are kept for each agent.
    """

    prompt_bytes: int = 16_384
    lessons: int = 20

    def __post_init__(self) -> None:
        check_count("prompt_bytes", self.prompt_bytes, most=MOST_PROMPT_BYTES)
        check_count("lessons", self.lessons, most=MOST_LESSONS)
