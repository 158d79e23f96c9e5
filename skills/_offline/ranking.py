"""Ranking: which sentences are near a question, which stand in the middle of their kind, which say something new.

Vectors are tf-idf, compared by cosine. The middle is LexRank (Erkan and Radev, 2004): a sentence counts for as much as
those that resemble it. Choosing is by maximal marginal relevance (Carbonell and Goldstein, 1998).
Nothing here goes through a set: sums of floats depend on their order, and the order of a set on the process.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

Vector = Mapping[str, float]

DAMPING = 0.85
ROUNDS = 40
ALIKE = 0.1


class Weights:
    """How much each word tells in these texts: the rarer, the more (idf, smoothed)."""

    def __init__(self, texts: Sequence[Iterable[str]]) -> None:
        self._total = len(texts)
        self._counts: Counter[str] = Counter()
        for found in texts:
            self._counts.update(dict.fromkeys(found, 1))

    def of(self, term: str) -> float:
        """The weight of a word; one that stands nowhere tells most."""
        return math.log((1 + self._total) / (1 + self._counts[term])) + 0.1

    def vector(self, found: Iterable[str], boost: Mapping[str, float] | None = None) -> Vector:
        """Return the words of a text as a vector of length 1, some of them weighed more."""
        counted = Counter(found)
        raw = {
            term: (1 + math.log(count)) * self.of(term) * (boost or {}).get(term, 1.0)
            for term, count in counted.items()
        }
        length = math.sqrt(sum(value * value for value in raw.values()))
        return {term: value / length for term, value in raw.items()} if length else {}


def cosine(one: Vector, other: Vector) -> float:
    """Return how alike two vectors of length 1 are: 0 to 1."""
    if len(other) < len(one):
        one, other = other, one
    return sum(value * other[term] for term, value in one.items() if term in other)


def lexrank(vectors: Sequence[Vector]) -> list[float]:
    """Return how much each stands in the middle of all; the best has 1."""
    total = len(vectors)
    if not total:
        return []
    links: list[list[tuple[int, float]]] = [[] for _ in vectors]
    for here in range(total):
        for there in range(here):
            alike = cosine(vectors[here], vectors[there])
            if alike >= ALIKE:
                links[here].append((there, alike))
                links[there].append((here, alike))
    sums = [sum(weight for _, weight in row) for row in links]
    ranks = [1.0 / total] * total
    for _ in range(ROUNDS):
        ranks = [
            (1 - DAMPING) / total + DAMPING * sum(ranks[there] * weight / sums[there] for there, weight in row)
            for row in links
        ]
    best = max(ranks)
    return [rank / best for rank in ranks]


def choose(
    scores: Sequence[float],
    vectors: Sequence[Vector],
    *,
    is_enough: Callable[[list[int]], bool],
    allowed: Callable[[int, list[int]], bool] = lambda place, chosen: True,
    bonus: Callable[[int, list[int]], float] = lambda place, chosen: 0.0,
    novelty: float = 0.35,
) -> list[int]:
    """Return places, best first, each by its score less its likeness to what was chosen, until it is enough.

    ``bonus`` may favour a place because of those chosen; ``allowed`` may leave it out.
    """
    chosen: list[int] = []
    nearest = [0.0] * len(scores)
    left = [place for place, score in enumerate(scores) if score > 0]
    while left and not is_enough(chosen):
        values = {
            place: (1 - novelty) * (scores[place] + bonus(place, chosen)) - novelty * nearest[place]
            for place in left
            if allowed(place, chosen)
        }
        if not values:
            break
        best = max(values, key=lambda place: (values[place], -place))
        chosen.append(best)
        left.remove(best)
        for place in left:
            nearest[place] = max(nearest[place], cosine(vectors[place], vectors[best]))
    return chosen
