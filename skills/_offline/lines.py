"""Short lines: subject lines, headlines, hashtags; and the pieces a page of them is made of.

A line is a heading, a question, a sentence without its full stop, or keyword and phrase side by side: nothing is claimed
that the article does not say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from _offline.articles import Article, Choice, Passage, is_pointing
from _offline.clauses import names_in
from _offline.pages import capitalised
from _offline.phrases import Phrase
from _offline.text import key, leans_back, terms, word_set, words

URL = "{{ARTICLE_URL}}"
URL_LENGTH = 23
FEWEST_WORDS, MOST_PHRASES = 3, 12
_PRONOUNS = word_set("it its they them their this that these those he him his she her we us you here there")


def short_lines(article: Article, choice: Choice, most: int, count: int, *, least_words: int = 1) -> list[str]:
    """Return up to ``count`` lines of at most ``most`` characters, best first; sentences among them count as said."""
    found: list[str] = []
    spoken: list[set[str]] = []
    for line, is_sentence in _offered(article):
        if len(found) == count:
            break
        stems = set(terms(line))
        is_old = any(stems <= other or (stems >= other and not is_sentence) for other in spoken)
        if len(line) > most or len(words(line)) < least_words or is_old or (is_sentence and choice.is_used(line)):
            continue
        found.append(line)
        spoken.append(stems)
        if is_sentence:
            choice.use(line)
    return found


def _offered(article: Article) -> Iterable[tuple[str, bool]]:
    """Lines in the order in which they are worth having; whether each is a sentence of the text."""
    head = set(article.keyword.stems)
    name = capitalised(article.keyword.text)
    names = names_in(one.text for one in article.sentences)
    # What the article says of itself that it is about: a word that only comes back makes no promise.
    topics = {term for line in (article.title, *article.headings) for term in terms(line)}
    plain = sorted((one for one in article.passages if len(one.sentences) == 1), key=lambda one: -one.worth)
    asked = [one.sentences[0].text for one in article.passages if one.is_question]
    told = [
        one.text.rstrip(".")
        for one in plain
        if one.text.endswith(".")
        and one.count >= FEWEST_WORDS
        and not leans_back(one.text)
        and not is_pointing(one.text)
        and _PRONOUNS.isdisjoint(words(one.text))
        and not set(",;:") & set(one.text)
    ]
    own = [line for line in told if head <= set(terms(line))]
    yield from ((line, True) for line in own[:2])
    yield from ((line, True) for line in dict.fromkeys(asked))
    yield article.title, False
    yield from ((line, True) for line in own[2:])
    for heading in (one for one in article.headings if article.can_stand_under(one, article.passages)):
        yield (heading, False) if head & set(terms(heading)) else (f"{name}: {lowered(heading, names)}", False)
    for phrase in article.phrases:
        if head.isdisjoint(phrase.stems) and set(phrase.stems) <= topics:
            yield f"{name} and {phrase.text}", False
    yield from ((line, True) for line in told if line not in own)
    yield name, False
    yield from ((capitalised(one.text), False) for one in article.phrases[:MOST_PHRASES] if len(one.stems) > 1)


def place_of(line: str, article: Article) -> str | None:
    """Return the heading of the section that a line is about; ``None`` if it is about no one section."""
    said = key(line)
    for heading in article.headings:
        if said == key(heading) or said.endswith(f" {key(heading)}"):
            return heading
    return next((one.heading for one in article.sentences if key(one.text) == said), None)


def lowered(heading: str, names: frozenset[str]) -> str:
    """Return a heading as it stands after a colon: small, unless its first word is a name."""
    first = heading.split(maxsplit=1)[0].strip("\"'“‘(") if heading.strip() else ""
    is_name = first in names or first == "I" or first[1:] != first[1:].lower()
    return heading if is_name else heading[:1].lower() + heading[1:]


def hashtags(phrases: Sequence[Phrase], count: int) -> list[str]:
    """Return phrases as hashtags, none twice."""
    tags = ["#" + "".join(capitalised(part) for part in re.findall(r"\w+", phrase.text)) for phrase in phrases]
    return list({tag.lower(): tag for tag in reversed([tag for tag in tags if len(tag) > 2])}.values())[::-1][:count]


def spoken_length(text: str) -> int:
    """Return how many characters a network counts: a link has the same length, whatever it is."""
    return len(text) - text.count(URL) * (len(URL) - URL_LENGTH)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One text to be copied: its name, and how many characters it may have."""

    name: str
    text: str
    most: int | None = None
    sources: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return it as Markdown: a heading, the text in a box, its length, where it comes from."""
        length = spoken_length(self.text)
        found = [f"### {self.name}", "", "```text", self.text, "```", ""]
        found += [f"- Characters: {length}" + (f" of {self.most}" if self.most else "")]
        if self.sources:
            found += [f"- From: {', '.join(f'`{path}`' for path in self.sources)}"]
        return [*found, ""]


def head_of(kind: str, article: Article, path: str, task: str, *more: str) -> list[str]:
    """Return the beginning of every page made of an article."""
    lines = [f"# {kind}: {article.title}", "", f"- Task: `{task}`", f"- Article: `{path}`"]
    lines += [f"- Keyword: {article.keyword.text}"]
    return [*lines, *(f"- {line}" for line in more), ""]


def sources_of(found: Mapping[str, str]) -> list[str]:
    """Return the list at the end of a page: the sources of what it says."""
    return ["## Sources", "", *(f"- {title} (`{path}`)" for path, title in found.items()), ""]


def sources_in(passages: Iterable[Passage]) -> tuple[str, ...]:
    """Return the sources of these passages, each once."""
    return tuple(dict.fromkeys(path for passage in passages for path in passage.sources))


def gaps_of(missing: Sequence[str]) -> list[str]:
    """Return the part that says what there is less of than there should be."""
    return ["## Gaps", "", *(f"- {line}" for line in missing or ["none"]), ""]
