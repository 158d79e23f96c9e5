#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline SERP analyzer: compares the pages that the campaign was given, as if they were what a search had found.

No search engine is asked: which page stands where, how often something is searched for, and what changes, is not known.
"""

import os
import sys
from collections.abc import Sequence
from statistics import median

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.append(os.path.join(os.environ.get("PATH", "").rpartition(":")[2], "..", "skills"))
from _offline.audiences import cited
from _offline.pages import numbered, table
from _offline.phrases import Phrase, distinct, key_phrases, phrase_from
from _offline.sources import Sentence, Source, Trouble, all_sentences, read_sources
from _offline.step import Step, run

TOPICS, QUESTIONS = 15, 12
PHRASES = "Those of paragraphs that speak of it before those of the pages as a whole; in the table, most pages first."
UNKNOWN = "places in results, search volumes and dates: no search engine was asked, these are the pages of `sources/`"


def page_of(task: str, title: str, keywords: Sequence[str], sources: Sequence[Source]) -> str:
    """Return the comparison."""
    everything = all_sentences(sources)
    asked = [phrase_from(word) for word in keywords]
    about = [one for one in everything if any(phrase.is_in(one.terms) for phrase in asked)] if asked else everything
    if not about:
        raise Trouble(f"no page speaks of '{keywords[0]}': give other keywords, or add pages about it")
    topics = _topics(everything, about, asked)
    lines = [f"# Search results: {', '.join(keywords) or title}", "", f"- Task: `{task}`"]
    lines += [f"- Keyword: {keywords[0] if keywords else topics[0].text if topics else title}"]
    lines += [f"- Pages: {len(sources)}; the median has {median(one.count for one in sources):g} words"]
    lines += [f"- Not known: {UNKNOWN}", "", "## Pages", ""]
    rows = [
        (f"`{one.path}`", one.title, one.count, len({s.heading for s in one.sentences if s.heading}), _hits(one, about))
        for one in sources
    ]
    lines += table(["page", "title", "words", "headings", "sentences about it"], rows)
    lines += [
        "",
        "## Key phrases",
        "",
        "From the paragraphs that speak of it, then from the pages as a whole; most pages first.",
        "",
    ]
    spread = [(phrase, _pages_with(phrase, sources)) for phrase in topics]
    counts = {phrase: sum(phrase.is_in(one.terms) for one in everything) for phrase in topics}
    spread.sort(key=lambda pair: (-len(pair[1]), -counts[pair[0]], pair[0].text))
    found_on = [
        (phrase.text, len(pages), counts[phrase], ", ".join(f"`{one}`" for one in pages)) for phrase, pages in spread
    ]
    lines += table(["phrase", "pages", "sentences", "which"], found_on)
    lines += ["", "## Questions", ""]
    found = [one for one in everything if one.text.endswith("?")]
    lines += cited(found[:QUESTIONS]) or ["- none of the pages asks one"]
    lines += ["", "## Gaps", ""]
    rare = [f"- `{pages[0]}` alone speaks of {phrase.text}" for phrase, pages in spread if len(pages) == 1]
    rare += [f"- `{one.path}` does not speak of it at all" for one in sources if not _hits(one, about)]
    return "\n".join([*lines, *(rare or ["- none: every topic stands on two pages or more"]), ""])


def _topics(everything: Sequence[Sentence], about: Sequence[Sentence], asked: Sequence[Phrase]) -> list[Phrase]:
    hidden = [part for phrase in asked for part in phrase.stems]
    places = {(one.source, one.paragraph) for one in about}
    near = key_phrases([one.text for one in everything if (one.source, one.paragraph) in places])
    return distinct([*near, *key_phrases([one.text for one in everything])], TOPICS, hidden=hidden)


def _hits(source: Source, about: Sequence[Sentence]) -> int:
    return sum(one.source == source.path for one in about)


def _pages_with(phrase: Phrase, sources: Sequence[Source]) -> list[str]:
    return [source.path for source in sources if any(phrase.is_in(one.terms) for one in source.sentences)]


def work(step: Step) -> None:
    """Write the comparison, then complete the step."""
    sources = read_sources(step.workspace)
    page = page_of(step.task, step.title, step.keywords, sources)
    step.hand_in(page, f"{numbered(len(sources), 'page')} compared; no search engine was asked")


if __name__ == "__main__":
    run(work)
