"""Long sentences cut where one clause ends and the next begins, short ones joined. No word is changed or added.

A piece must be a sentence of its own: what follows the cut has to begin like a clause and to have a verb before its
first comma. Verbs are learned from the texts at hand: they are what follows 'it', 'they', 'which', 'that' and 'who'.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from _offline.text import word_set, words

LEAST = 4
_CUT = re.compile(r"(?:;|,) (?:(and|but|so|yet) )?(?=(\w+))")
_STARTS = word_set(
    "a an the it its they their this these that those there he she we you his her our your both all most many some few "
    "each every one two three four several no nobody nothing anybody anyone everybody"
)
_BEFORE_VERBS = frozenset(("it", "they", "which", "that", "who", "he", "she", "we", "you"))
_VERBS = word_set("is are was were has have had can could may might must will would shall should does do did cannot")
_NO_VERBS = _STARTS | word_set("of in on at by for from to with as when if only also not then so and or but was")


def verbs_in(texts: Iterable[str]) -> frozenset[str]:
    """Return the words that stand right after a pronoun in these texts, and the auxiliary verbs."""
    found = set(_VERBS)
    for text in texts:
        spoken = words(text)
        found.update(after for before, after in pairwise(spoken) if before in _BEFORE_VERBS)
    return frozenset(word for word in found - _NO_VERBS if not word.endswith("ly")) | _VERBS


def cut(sentence: str, limit: int, verbs: frozenset[str]) -> list[str]:
    """Return a sentence in pieces, each a sentence with at most ``limit`` words as far as that can be done."""
    if len(words(sentence)) <= limit:
        return [sentence]
    ends = []
    for match in _CUT.finditer(sentence):
        joint, first = match[1], match[2].lower()
        if first not in _STARTS or (joint is None and match[0][0] == ","):
            continue
        left, right = sentence[: match.start()], sentence[match.end() :]
        clause = words(right.split(",")[0])
        if len(words(left)) < LEAST or len(clause) < LEAST or not any(word in verbs for word in clause[1:]):
            continue
        # 'but' and 'yet' mean something, and may begin a sentence; 'and' and 'so' need not be missed.
        keep = f"{joint} " if joint in ("but", "yet") else ""
        ends.append((left, keep + right))
    if not ends:
        return [sentence]
    middle = len(sentence) / 2
    left, right = min(ends, key=lambda pieces: abs(len(pieces[0]) - middle))
    pieces = [f"{left.rstrip()}.", right[:1].upper() + right[1:]]
    return [piece for half in pieces for piece in cut(half, limit, verbs)]


def joined(first: str, second: str, names: frozenset[str]) -> str:
    """Return two short sentences as one, with a semicolon; ``names`` keep their capital."""
    word = re.match(r"[\w'’-]+", second)
    is_name = word is not None and (word[0] in names or word[0] == "I" or word[0][1:] != word[0][1:].lower())
    return f"{first.rstrip()[:-1]}; {second if is_name else second[:1].lower() + second[1:]}"


def names_in(texts: Iterable[str]) -> frozenset[str]:
    """Return the words written with a capital where no sentence begins."""
    found: set[str] = set()
    for text in texts:
        found.update(re.findall(r"(?<=[a-z,;] )[A-Z][\w'’-]*", text))
    return frozenset(found)
