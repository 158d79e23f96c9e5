"""Key phrases: what a text is about, by RAKE (Rose et al., 2010) with two changes that fit short sources.

Candidates are runs of telling words between stop words and marks, and the ends of such runs, since the head of an
English phrase stands last: 'lively sourdough starter' counts for 'sourdough starter' and 'starter' too. A phrase must
come back, and must mostly stand where a noun does; RAKE's score alone likes whatever is long.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from _offline.text import STOP_WORDS, WORD, stem, terms, word_set, words

LONGEST = 3
_MARKS = re.compile(r"[,;:.!?…()\"“”–—]+(?=\s|$)|\s[-–—]\s|[(\"“]")
# Telling enough for comparing sentences, too little for a heading.
_WEAK = word_set(
    """
    afternoon age amount back bad badly beginning begin begins best better big bit bring brings call called calls came
    case centimetre centimetres certain change changes come comes common complete day days deep degree degrees different
    difference early easily easy end ends evening evenly example fact finally find finds fine first five follow follows
    form forms found four get gets getting good gram grams great half hand hands hard hardly harder help helps high
    higher hour hours hundred important instance keep keeps kept kilogram kilograms kind kinds know known knows large
    larger last late later leave leaves left level line lines long longer look looks lot low lower main mainly matter
    matters mean measure metre metres middle milligram milligrams minus minute minutes month months morning moment name
    named need needed needs new next night number numbers old open part parts people percent person piece place plain
    point put puts ready real reason reasons recent result results right rise rises roughly rule same said say says
    second see seen set several share short show showed shows side sides simple six slow slower small smaller sort
    spoonful start starts step steps straight sum take taken takes taking tell ten thick thin thing things third
    thousand three thumb time times today turn turned turns twelve twenty twice way ways week weeks weight weights wide
    word words work works world worth year years
    """
)
_BEFORE_NOUNS = word_set(
    "a an the of in with without its their his her our your for from this that these those by on into no any every each "
    "some between under over through"
)
_SAYS_NOTHING = word_set("and or but than as more less much many most such both either neither not")
# Good in a phrase, no phrase of their own.
_ADJECTIVES = word_set(
    """
    black bright brown busy cheap clean clear cold cool dark dense dry empty even fast flat fresh full golden green happy
    heavy hot light mature mild modern moist natural pale popular pure quick quiet red rich ripe rough round safe sharp
    slack soft sour special stale stiff strong sweet tall tight true typical usual warm weak wet white whole wild young
    """
)
_NOUN_SHARE = 0.6


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """A phrase as it is mostly written, its stems, in how many sentences it stands, and RAKE's score for it."""

    text: str
    stems: tuple[str, ...]
    count: int
    score: float

    def is_in(self, found: Collection[str]) -> bool:
        """Tell whether all its stems are among those."""
        return all(one in found for one in self.stems)


def key_phrases(texts: Sequence[str], *, least: int = 2) -> list[Phrase]:
    """Return the key phrases of these sentences, best first. One word must come back once more than two words must."""
    frequency: Counter[str] = Counter()
    degree: Counter[str] = Counter()
    spoken: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    names = _names(texts)
    inside: dict[tuple[str, ...], set[int]] = defaultdict(set)
    as_noun: dict[tuple[str, ...], Counter[bool]] = defaultdict(Counter)
    describing: Counter[str] = Counter()
    for place, text in enumerate(texts):
        for run, before in _runs(text):
            stems = [stem(word) for word in run]
            for one in stems:
                frequency[one] += 1
                degree[one] += len(stems)
            describing.update(stems[:-1])
            shown = [names.get(word, word) for word in run]
            for start in range(max(0, len(run) - LONGEST), len(run)):
                found = tuple(stems[start:])
                spoken[found][" ".join(shown[start:])] += 1
                inside[found].add(place)
                if start == 0 and before is not None and before not in _SAYS_NOTHING:
                    as_noun[found][before in _BEFORE_NOUNS] += 1
    phrases = [
        Phrase(
            text=_mostly(spoken[stems]),
            stems=stems,
            count=len(places),
            score=sum(degree[one] / frequency[one] for one in stems) * math.log(1 + len(places)),
        )
        for stems, places in inside.items()
        if len(places) >= least + (len(stems) == 1)
        and (len(stems) > 1 or (_is_noun(as_noun[stems]) and not spoken[stems].keys() <= _ADJECTIVES))
        and (len(stems) > 1 or describing[stems[0]] < spoken[stems].total() / 2)
        and len(set(stems)) == len(stems)
    ]
    return sorted(phrases, key=lambda phrase: (-phrase.score, phrase.text))


def distinct(phrases: Iterable[Phrase], limit: int, *, hidden: Collection[str] = ()) -> list[Phrase]:
    """Return the first phrases of which none holds another one; those made of ``hidden`` stems alone are left out."""
    chosen: list[Phrase] = []
    for phrase in phrases:
        if len(chosen) == limit:
            break
        stems = set(phrase.stems)
        if not stems <= set(hidden) and not any(stems <= set(o.stems) or stems >= set(o.stems) for o in chosen):
            chosen.append(phrase)
    return chosen


def phrase_from(text: str) -> Phrase:
    """Return a phrase that somebody wrote down, not counted anywhere. Its stop words stay when it has nothing else."""
    return Phrase(text=text, stems=tuple(terms(text)) or tuple(map(stem, words(text))), count=0, score=0.0)


def _is_noun(seen: Counter[bool]) -> bool:
    """Judge a word by those before it: 'the crumb' and 'of starch', but 'is dry'."""
    return seen[True] > 0 and seen[True] >= _NOUN_SHARE * seen.total()


def _mostly(spoken: Counter[str]) -> str:
    """Return the form that is written most; the shorter one of two that are written alike often."""
    return min(spoken, key=lambda text: (-spoken[text], len(text), text))


def _runs(sentence: str) -> Iterator[tuple[list[str], str | None]]:
    """Yield each run of telling words, and the word before it (``None`` at a mark)."""
    for piece in _MARKS.split(sentence):
        run: list[str] = []
        before: str | None = None
        for word in [*words(piece or ""), ""]:
            if _tells(word):
                run.append(word)
                continue
            if run:
                yield run, before
            run, before = [], word


def _names(texts: Sequence[str]) -> dict[str, str]:
    """Return how to write the words that have a capital wherever no sentence begins."""
    inner = [word for text in texts for word in WORD.findall(text)[1:]]
    small = {word for word in inner if word == word.lower()}
    return {word.lower(): word for word in inner if word[0].isupper() and word.lower() not in small}


def _tells(word: str) -> bool:
    return (
        len(word) > 2
        and word not in STOP_WORDS
        and word not in _WEAK
        and not word.endswith("ly")
        and not any(letter.isdigit() for letter in word)
    )
