"""The sources of a campaign, read whole or refused in one sentence, and the sentences in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from _offline.text import STOP_WORDS, blocks, is_whole, sentences, terms, words

FOLDER = "sources"
FEW_WORDS, ENGLISH = 30, 0.2
KINDS = (".md", ".txt", ".markdown")
READ_BYTES = 2_000_000
"""Of one source no more than this is read: ranking takes time that grows with the number of sentences."""


class Trouble(Exception):
    """What keeps an agent from doing its step; the text is one sentence, for a person."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sentence:
    """One sentence of a source: ``number`` counts from 1 within it, ``paragraph`` too. ``source`` is its path.

    What is no whole sentence is left out and counted, so two that follow each other have numbers that do.

    ``heading`` is the source's own above it, if there is one below the title. It equals only itself: it is a place in a
    text, and a quick key.
    """

    source: str
    paragraph: int
    number: int
    text: str
    heading: str = ""

    @cached_property
    def terms(self) -> tuple[str, ...]:
        """The stems of its telling words."""
        return tuple(terms(self.text))

    @property
    def count(self) -> int:
        """How many words it has."""
        return len(words(self.text))


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file: its path in the workspace, its title, its sentences. ``is_cut``: only its beginning was read."""

    path: str
    title: str
    sentences: tuple[Sentence, ...]
    is_cut: bool = False

    @property
    def count(self) -> int:
        """How many words its sentences have."""
        return sum(sentence.count for sentence in self.sentences)


def read_sources(workspace: Path) -> list[Source]:
    """Return the sources in a workspace, by name; raise :class:`Trouble` when there are none, or one cannot be read."""
    folder = workspace / FOLDER
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in KINDS)
    if not files:
        what = "holds no .md or .txt file" if folder.is_dir() else "is missing"
        raise Trouble(f"the folder {FOLDER}/ {what}: name 'sources' in the campaign's file, or put texts there")
    found = [source_from(path.relative_to(workspace).as_posix(), *_read(path)) for path in files]
    empty = [source.path for source in found if not source.sentences]
    if empty:
        raise Trouble(f"{empty[0]} has no sentences in it: write prose into it, or remove it")
    strange = next((source.path for source in found if not _is_english(source)), None)
    if strange is not None:
        raise Trouble(f"{strange} is not in English, and this agent knows no other language: give the work to a model")
    return found


def _is_english(source: Source) -> bool:
    """Tell a language by the words that every text in it is full of; a text of a few words is let through."""
    spoken = [word for sentence in source.sentences for word in words(sentence.text)]
    return len(spoken) < FEW_WORDS or sum(word in STOP_WORDS for word in spoken) >= ENGLISH * len(spoken)


def source_from(path: str, text: str, is_cut: bool = False) -> Source:
    """Return a source that has this text."""
    found: list[Sentence] = []
    place = number = 0
    was_item = False
    for heading, paragraph, is_item in blocks(text):
        number += not (is_item and was_item)  # the items of a list are one paragraph
        was_item = is_item
        for sentence in sentences(paragraph):
            place += 1
            if is_whole(sentence):
                found.append(Sentence(source=path, paragraph=number, number=place, text=sentence, heading=heading))
    headings = (line.lstrip("# ").strip() for line in text.splitlines() if line.startswith("# "))
    title = next(filter(None, headings), "") or Path(path).stem.replace("-", " ").replace("_", " ").capitalize()
    return Source(path=path, title=title, sentences=tuple(found), is_cut=is_cut)


def all_sentences(sources: Iterable[Source]) -> list[Sentence]:
    """Return the sentences of all sources, in their order."""
    return [sentence for source in sources for sentence in source.sentences]


def _read(path: Path) -> tuple[str, bool]:
    shown = f"{FOLDER}/{path.name}"
    try:
        with path.open("rb") as file:
            data = file.read(READ_BYTES + 1)
    except OSError as error:
        raise Trouble(f"{shown} cannot be read: {error.strerror}") from None
    is_cut = len(data) > READ_BYTES
    if is_cut:
        # At a space: no letter and no word is torn apart.
        data = data[:READ_BYTES].rpartition(b" ")[0] or data[:READ_BYTES]
    if not data.strip():
        raise Trouble(f"{shown} is empty: write something into it, or remove it")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Trouble(f"{shown} is not UTF-8 text: convert it, or remove it") from None
    if "\0" in text:
        raise Trouble(f"{shown} is not a text file: remove it")
    return text, is_cut
