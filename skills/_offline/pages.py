"""Pages: the Markdown that the agents hand on to each other, read back whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from _offline.text import paragraphs, sentences, words

_TITLE = re.compile(r"#\s+(.+)")
_HEADING = re.compile(r"##\s+(.+)")
LIST_OF_SOURCES = re.compile(r"(sources?|references|further reading)\W*$", re.IGNORECASE)
_PATH = re.compile(r"sources/[^\s`'\"()<>\[\],;:]+[^\s`'\"()<>\[\],;:.]")


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading (empty for what stands before the first) and the paragraphs below it, each its sentences."""

    heading: str
    paragraphs: tuple[tuple[str, ...], ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """Its sentences, in their order."""
        return tuple(sentence for paragraph in self.paragraphs for sentence in paragraph)


@dataclass(frozen=True, kw_only=True)
class Page:
    """A title, an introduction, sections, and the paths of the sources that are named anywhere in it."""

    title: str
    lead: Section
    sections: tuple[Section, ...]
    sources: tuple[str, ...]

    @property
    def all_sections(self) -> tuple[Section, ...]:
        """The introduction and the sections."""
        return (self.lead, *self.sections)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Every sentence of the text, in its order."""
        return tuple(sentence for section in self.all_sections for sentence in section.sentences)

    @property
    def text(self) -> str:
        """The text without title and headings."""
        return " ".join(self.sentences)

    @property
    def count(self) -> int:
        """How many words the text has."""
        return len(words(self.text))

    def with_sections(self, sections: Iterable[Section]) -> Page:
        """Return the page with these in the place of all its sections, the introduction first."""
        lead, *rest = sections
        return replace(self, lead=lead, sections=tuple(rest))


def read_page(markdown: str) -> Page:
    """Return what stands in a page; the list of sources at its end is no part of the text."""
    title = ""
    blocks: list[tuple[str, list[str]]] = [("", [])]
    for line in markdown.split("\n"):
        if not title and (match := _TITLE.match(line)):
            title = match[1].strip()
        elif match := _HEADING.match(line):
            blocks.append((match[1].strip(), []))
        else:
            blocks[-1][1].append(line)
    found = [
        Section(heading=heading, paragraphs=tuple(tuple(sentences(one)) for one in paragraphs("\n".join(lines))))
        for heading, lines in blocks
        if not (heading and LIST_OF_SOURCES.match(heading))
    ]
    return Page(
        title=title,
        lead=found[0],
        sections=tuple(section for section in found[1:] if section.sentences),
        sources=tuple(dict.fromkeys(_PATH.findall(markdown))),
    )


def capitalised(text: str) -> str:
    """Return the text with its first letter large, the others as they are."""
    return text[:1].upper() + text[1:]


def listed(parts: Sequence[str], last: str = "and") -> str:
    """Return 'a, b and c'."""
    return f" {last} ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def numbered(count: int, noun: str) -> str:
    """Return '1 sentence', '2 sentences'."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def ranges(numbers: Iterable[int]) -> str:
    """Return '1-3, 7' for 1, 2, 3, 7."""
    found: list[list[int]] = []
    for number in sorted(set(numbers)):
        if found and found[-1][-1] == number - 1:
            found[-1].append(number)
        else:
            found.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in found)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a Markdown table."""
    cells = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(str(cell).replace('|', '/') for cell in row)} |" for row in cells]
