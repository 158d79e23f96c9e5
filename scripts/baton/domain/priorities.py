"""One number behind priority, lower first; words stand for four of them."""

from __future__ import annotations

PRIORITIES = {"urgent": 0, "high": 5, "medium": 10, "low": 15}
_WORDS = {rank: word for word, rank in PRIORITIES.items()}
RANK_LIMIT = 999


def rank_of(priority: str | int) -> int:
    """Return the one number behind a priority, lower first; ``ValueError`` for what is none."""
    if isinstance(priority, str):
        if priority not in PRIORITIES:
            raise ValueError(f"priority {priority!r} is not one of {', '.join(PRIORITIES)} or a number 0-{RANK_LIMIT}")
        return PRIORITIES[priority]
    if isinstance(priority, bool) or not 0 <= priority <= RANK_LIMIT:
        raise ValueError(f"priority {priority!r} is not between 0 and {RANK_LIMIT}")
    return priority


def canonical_priority(priority: str | int) -> str | int:
    """Return the word that stands for this priority where there is one, else its number."""
    rank = rank_of(priority)
    return _WORDS.get(rank, rank)
