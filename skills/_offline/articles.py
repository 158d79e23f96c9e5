"""An article or draft as those see it who make something smaller of it: passages, each with its sources, none twice.

A passage is a sentence, or some that follow each other in one paragraph, which can be understood without the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from _offline.outline import can_begin, can_end
from _offline.pages import LIST_OF_SOURCES, read_page
from _offline.phrases import Phrase, distinct, key_phrases, phrase_from
from _offline.ranking import Vector, Weights, cosine, lexrank
from _offline.sources import Sentence, Source, Trouble
from _offline.text import key, paragraphs, refers, sentences, terms, words

LONGEST = 5
FIRST, ABOUT, FIGURE = 0.1, 0.25, 0.1
SAME_SECTION, ALIKE = 0.3, 0.5
ROOM_USED = 0.25
_MARKS = re.compile(r"\[(\d[\d,\s]*)\]")
_LISTED = re.compile(r"^(\d+)[.)] .*?(sources/[^\s`'\")]+)", re.MULTILINE)
_HEADING = re.compile(r"\s*(#{1,6})\s+(.+)")
_AS_WELL = re.compile(r"\bas well\b(?! as)|\bthe same\b", re.IGNORECASE)
# 'Both' of what: told before it ('flour and water, both'), or right after it ('both flour and water').
_BOTH = re.compile(r"(?:(?!\band\b).)*\bboth\b(?!(?: [\w-]+){1,4} and\b)", re.IGNORECASE)
_SOME_OF = re.compile(
    r"(?:few|many|several|most|others|neither|none|all|both) (?:are|were|have|had|can|do|come|came|of)\b", re.I
)
_NAME_OF_FILE = re.compile(r"[._/@]")
_ASIDE = re.compile(r"\s*\*[^*].*[^*]\*\s*", re.DOTALL)


@dataclass(frozen=True, kw_only=True, eq=False)
class Passage:
    """Sentences that follow each other, the sources their paragraph names, and how much they tell of the article."""

    sentences: tuple[Sentence, ...]
    sources: tuple[str, ...]
    worth: float

    @property
    def text(self) -> str:
        """The sentences, one after the other."""
        return " ".join(one.text for one in self.sentences)

    @property
    def count(self) -> int:
        """How many words it has."""
        return len(words(self.text))

    @property
    def heading(self) -> str:
        """The heading it stands under; empty in the introduction."""
        return self.sentences[0].heading

    @property
    def is_question(self) -> bool:
        """Tell whether it begins with a question, which it then answers."""
        return self.sentences[0].text.endswith("?")


class Article:
    """A text with a title, and what can be taken from it."""

    def __init__(self, markdown: str, sources: Sequence[Source], keyword: str = "") -> None:
        page = read_page(markdown)
        self.title = page.title or keyword or "Without a title"
        self.count = page.count
        self.headings = tuple(section.heading for section in page.sections)
        titles = {source.path: source.title for source in sources}
        self.sources = {path: titles[path] for path in page.sources if path in titles}
        self.keyword: Phrase = phrase_from(keyword or self.title.partition(":")[0])
        self._marked = _paragraphs_of(markdown)
        self.sentences = [one for paragraph, _ in self._marked for one in paragraph]
        if not self.sentences:
            raise Trouble("the draft has no sentences: there is nothing to take from it")
        self._whole = {source.path: f" {key(' '.join(one.text for one in source.sentences))} " for source in sources}
        self._worths = dict(zip(self.sentences, self._ranks(), strict=True))

    @cached_property
    def phrases(self) -> list[Phrase]:
        """The key phrases beside the keyword, best first, none inside another one; names of files are not for readers."""
        found = [one for one in key_phrases([one.text for one in self.sentences]) if not _NAME_OF_FILE.search(one.text)]
        return distinct(found, len(found), hidden=self.keyword.stems)

    @cached_property
    def passages(self) -> list[Passage]:
        """All passages, in the order of the text."""
        found = []
        for paragraph, marks in self._marked:
            for first in range(len(paragraph)):
                if not can_begin(paragraph, first) or is_pointing(paragraph[first].text):
                    continue
                for last in range(first, min(len(paragraph), first + LONGEST)):
                    chosen = tuple(paragraph[first : last + 1])
                    if can_end(paragraph, last) and not (last == first and chosen[0].text.endswith("?")):
                        found.append(self._passage(chosen, marks, is_opening=first == 0))
        return found

    def place(self, passage: Passage) -> int:
        """Return where in the text a passage begins, to put several in its order."""
        return self.sentences.index(passage.sentences[0])

    def answer_under(self, heading: str) -> Sentence | None:
        """Return the first sentence below a heading that is a question; ``None`` for any other heading."""
        under = (one for one in self.sentences if one.heading == heading)
        return next(under, None) if heading.endswith("?") else None

    def can_stand_under(self, heading: str, passages: Iterable[Passage]) -> bool:
        """Tell whether one of the passages may be read under this heading: below a question only its answer."""
        answer = self.answer_under(heading)
        return answer is None or any(one.sentences[0] is answer for one in passages)

    def vector(self, found: Iterable[str]) -> Vector:
        """Return terms as a vector, weighed by how rare they are here."""
        return self._weights.vector(found)

    def _ranks(self) -> list[float]:
        self._weights = Weights([one.terms for one in self.sentences])
        vectors = [self._weights.vector(one.terms) for one in self.sentences]
        subject = self._weights.vector([*self.keyword.stems, *terms(self.title)])
        near = [cosine(vector, subject) for vector in vectors]
        best = max(near) or 1.0
        middle = lexrank(vectors)
        head = set(self.keyword.stems)
        is_about = [head <= set(one.terms) for one in self.sentences]
        pairs = zip(middle, near, is_about, strict=True)
        return [0.5 * rank + 0.25 * own / best + ABOUT * about for rank, own, about in pairs]

    def _passage(self, chosen: tuple[Sentence, ...], marks: tuple[str, ...], *, is_opening: bool) -> Passage:
        worth = sum(self._worths[one] for one in chosen) / len(chosen)
        worth += FIRST * is_opening + FIGURE * any(word[0].isdigit() for one in chosen for word in words(one.text))
        return Passage(sentences=chosen, sources=self._origin(chosen) or marks or tuple(self.sources), worth=worth)

    def _origin(self, chosen: Sequence[Sentence]) -> tuple[str, ...]:
        """The sources that have one of these sentences, or a piece that became one, word for word."""
        keys = [f" {key(one.text)} " for one in chosen]
        return tuple(path for path, whole in self._whole.items() if any(one in whole for one in keys))


class Choice:
    """Passages taken from an article one after the other: the best, none twice, and not all from one place."""

    def __init__(self, article: Article) -> None:
        self._article = article
        self._taken: list[Passage] = []
        self._used: set[str] = set()

    @property
    def sources(self) -> dict[str, str]:
        """The sources of all that was taken, with their titles, in the article's order."""
        found = {path for passage in self._taken for path in passage.sources}
        return {path: title for path, title in self._article.sources.items() if path in found}

    def use(self, text: str) -> None:
        """Remember a sentence that is said already."""
        self._used.add(key(text))

    def is_used(self, text: str) -> bool:
        """Tell whether this was said already."""
        return key(text) in self._used

    def take(
        self,
        most: int,
        *,
        least: int = 0,
        words_least: int = 0,
        words_most: int | None = None,
        heading: str | None = None,
        fits: Callable[[Passage], bool] = lambda passage: True,
        same_section: bool = False,
    ) -> Passage | None:
        """Return the best passage of ``least`` to ``most`` characters that says something new; ``None``: there is none.

        One that fills the room is better than one that does not. ``heading``: only from that section (empty: from the
        introduction); if it is a question, what stands first there comes first, since that answers it.
        ``same_section``: being near what was taken is no fault.
        """
        answer = self._article.answer_under(heading) if heading is not None else None
        begins = answer if answer is not None and not self.is_used(answer.text) else None
        best: tuple[float, Passage] | None = None
        for passage in self._article.passages:
            length = len(passage.text)
            if not least <= length <= most or passage.count < words_least or not fits(passage):
                continue
            if (words_most is not None and passage.count > words_most) or heading not in (None, passage.heading):
                continue
            if begins is not None and passage.sentences[0] is not begins:
                continue
            if any(self.is_used(one.text) for one in passage.sentences):
                continue
            worth = passage.worth + ROOM_USED * length / most - self._nearness(passage, same_section)
            if best is None or worth > best[0]:
                best = worth, passage
        if best is None:
            return None
        self._taken.append(best[1])
        for one in best[1].sentences:
            self.use(one.text)
        return best[1]

    def answer(self, question: str, most: int) -> Passage | None:
        """Return what follows a question in its paragraph, as far as there is room; it counts as taken."""
        fit = [p for p in self._article.passages if p.sentences[0].text == question and len(p.text) <= most]
        if not fit or not fit[-1].is_question:
            return None
        told = fit[-1].sentences[1:]
        if any(self.is_used(one.text) for one in told):
            return None
        found = replace(fit[-1], sentences=told)
        self._taken.append(found)
        for one in told:
            self.use(one.text)
        return found

    def _nearness(self, passage: Passage, same_section: bool) -> float:
        if not self._taken:
            return 0.0
        own = self._article.vector(term for one in passage.sentences for term in one.terms)
        others = [self._article.vector(term for one in p.sentences for term in one.terms) for p in self._taken]
        there = sum(passage.heading == other.heading for other in self._taken) / len(self._taken)
        return ALIKE * max(cosine(own, other) for other in others) + (0.0 if same_section else SAME_SECTION * there)


def is_pointing(sentence: str) -> bool:
    """Tell whether a sentence points at another one, also where it begins a paragraph: 'too', 'as well', 'both'."""
    return refers(sentence) or any((_AS_WELL.search(sentence), _BOTH.match(sentence), _SOME_OF.match(sentence)))


def _paragraphs_of(markdown: str) -> list[tuple[list[Sentence], tuple[str, ...]]]:
    """Return each paragraph's sentences and the sources that its marks stand for, without asides and lists of sources."""
    listed: dict[str, str] = dict(_LISTED.findall(markdown))
    found: list[tuple[list[Sentence], tuple[str, ...]]] = []
    heading = ""
    for raw in re.split(r"\n\s*\n", markdown.replace("\r\n", "\n")):
        match = _HEADING.match(raw)
        if match:
            heading = match[2].strip() if len(match[1]) > 1 else ""
        if LIST_OF_SOURCES.match(heading) or _ASIDE.fullmatch(raw):
            continue
        numbers = re.findall(r"\d+", " ".join(_MARKS.findall(raw)))
        marks = tuple(dict.fromkeys(listed[number] for number in numbers if number in listed))
        for text in paragraphs(raw):
            told = [
                Sentence(source="", paragraph=len(found) + 1, number=place, text=one, heading=heading)
                for place, one in enumerate(sentences(text), 1)
            ]
            found.append((told, marks))
    return found
