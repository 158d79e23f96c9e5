"""Audiences: which groups of people the sources speak of, and what they say of them. Found by words, not understood."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from _offline.sources import Sentence, Source, all_sentences
from _offline.text import stem, terms, word_set, words

FEWEST, MOST_GROUPS = 2, 6
EVIDENCE = 4
_PEOPLE = word_set(
    """
    people customers clients users buyers shoppers readers beginners learners parents mothers fathers children families
    students teachers patients women men owners workers employees managers founders visitors members guests subscribers
    freelancers developers designers engineers marketers retailers sellers travellers runners athletes gardeners cooks
    bakers farmers eaters drinkers seniors teenagers adults friends neighbours tenants landlords drivers riders
    """
)
# A word in -ers stands for people where one of these follows it.
_DEEDS = word_set(
    """
    want wants need needs like love prefer wish hope say think believe know ask call buy use eat make find try choose
    feel fear worry complain pay spend read write learn give leave put take keep are were have had do
    """
)
_NO_PEOPLE = word_set("others numbers letters layers powders papers matters corners members' fibres computers")
# Who likes something, not what is like something.
_LIKING = r"\b(?:{name}|\w+ers|people|women|men|children|many|they|who|we|i) like\b(?! (?:me|us|him|them)\b)"
FIELDS: Mapping[str, frozenset[str]] = {
    "Core desires": word_set(
        "want wants wanted wish wishes likes prefer prefers hope love loves enjoy need needs seek"
    ),
    "Pain points": word_set(
        "problem problems trouble difficult difficulty struggle fail fails failed wrong mistake mistakes sticky stale spoil "
        "spoils waste wasted tired annoying slow cannot impossible complain gummy tough weak"
    ),
    "Fears": word_set(
        "fear fears afraid worry worries risk risks danger dangerous harm harms harmful ill illness poison lost"
    ),
    "Beliefs": word_set("believe believes think thinks believed thought myth assume assumes trust convinced"),
    "Objections": word_set("expensive cost costs overpriced patience effort complicated unless although"),
    "Demographics": word_set("age aged elderly live lives rural born income job household married retired salary"),
    "Emotional triggers": word_set(
        "proud pride joy happy delight comfort comforting childhood memory guilt shame envy"
    ),
}


@dataclass(frozen=True, kw_only=True)
class Group:
    """One group: the word for it, and the sentences that speak of it."""

    name: str
    sentences: tuple[Sentence, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that speak of it."""
        return tuple(dict.fromkeys(one.source for one in self.sentences))


def groups_in(sources: Sequence[Source], wanted: Iterable[str] = ()) -> list[Group]:
    """Return the groups that are spoken of in two sentences or more, most often first; those ``wanted`` come before."""
    found: dict[str, list[Sentence]] = {}
    everything = all_sentences(sources)
    for one in everything:
        for word in dict.fromkeys(_people_in(one.text)):
            found.setdefault(word, []).append(one)
    asked = []
    for name in wanted:
        stems = set(terms(name)) or {stem(word) for word in words(name)}
        hits = [one for one in everything if stems and stems <= set(one.terms)]
        asked.append(Group(name=name, sentences=tuple(hits)))
        found = {word: told for word, told in found.items() if stem(word) not in stems}
    # Whoever is only 'people' is told last: that is hardly a group.
    often = sorted(found.items(), key=lambda pair: (pair[0] == "people", -len(pair[1]), pair[0]))
    groups = [Group(name=word.capitalize(), sentences=tuple(told)) for word, told in often if len(told) >= FEWEST]
    return [*asked, *groups][: max(MOST_GROUPS, len(asked))]


def _people_in(text: str) -> list[str]:
    spoken = words(text)
    pairs = zip(spoken, [*spoken[1:], ""], strict=True)
    return [
        word
        for word, after in pairs
        if word in _PEOPLE or (re.fullmatch(r"\w{3,}ers", word) and after in _DEEDS and word not in _NO_PEOPLE)
    ]


def told_of(group: Group, field: str) -> list[Sentence]:
    """Return the sentences about a group that have one of the words that stand for a field."""
    found = [one for one in group.sentences if not FIELDS[field].isdisjoint(words(one.text))]
    if field == "Core desires":
        liking = re.compile(_LIKING.format(name=re.escape(group.name)), re.IGNORECASE)
        found = [one for one in group.sentences if one in found or liking.search(one.text)]
    return found[:EVIDENCE]


def around(group: Group, sources: Sequence[Source]) -> list[Sentence]:
    """Return the paragraphs in which a group is spoken of."""
    places = {(one.source, one.paragraph) for one in group.sentences}
    return [one for one in all_sentences(sources) if (one.source, one.paragraph) in places]


def cited(found: Iterable[Sentence]) -> list[str]:
    """Return sentences as items of a list, each with its place."""
    return [f"- {one.text} (`{one.source}`, sentence {one.number})" for one in found]
