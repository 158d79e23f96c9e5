#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline content reviewer: checks a draft by numbers, writes a report, accepts it or sends it back once.

What it cannot judge is whether the text is true, well argued or worth reading. A draft that comes back a second time is
accepted with what is still wrong in the report, unless it is no article at all: the engine ends that loop by blocking.
"""

import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.append(os.path.join(os.environ.get("PATH", "").rpartition(":")[2], "..", "skills"))
from _offline import notes
from _offline.briefs import Brief, brief_from
from _offline.pages import Page, listed, numbered, read_page, table
from _offline.phrases import Phrase
from _offline.ranking import Weights
from _offline.readability import Readability, readability
from _offline.sources import Source, Trouble, read_sources
from _offline.step import Step, run
from _offline.text import key, terms, words

LEAST_WORDS, MOST_WORDS = 500, 1500
SHARE_OF_SOURCES = 0.5
LEAST_SECTIONS, MOST_SECTIONS = 3, 7
WORDS_FOR_A_SECTION = 100
LEAST_SOURCES = 3
LEAST_EASE = 50.0
KEYWORD_SHARES = (10, 80)
LEAST_TOPICS = 0.8
ALIKE, TELLING = 0.8, 5
BROKEN_WORDS = 100
BROKEN = "This is no article yet: it needs text, sections and named sources. "
SENT_BACK = "sent back"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing looked at: what was found, what is wanted, what to write to the writer when it is not so."""

    name: str
    found: str
    wanted: str
    passed: bool
    weight: int
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Review:
    """All checks of one draft. ``is_broken``: it is no article, and cannot be accepted."""

    title: str
    checks: tuple[Check, ...]
    readability: Readability
    traced: int
    is_broken: bool

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)

    @property
    def quality(self) -> int:
        """The share of what was reached, 0 to 100."""
        total = sum(check.weight for check in self.checks)
        return round(100 * sum(check.weight for check in self.checks if check.passed) / total)

    @property
    def notes(self) -> str:
        """What to write to the writer, on one line."""
        return " ".join(f"({number}) {check.note}" for number, check in enumerate(self.failed, 1))


def review_of(draft: str, brief: Brief, sources: Sequence[Source]) -> Review:
    """Judge a draft against its brief and the sources."""
    page = read_page(draft)
    measured = readability(page.text)
    checks = (
        _length(page, sources),
        _sections(page, sources),
        _sources(page, sources),
        _named(page, sources),
        _keyword(page, brief.keyword, sources),
        _topics(page, brief),
        _longest(page),
        _repeated(page),
        _ease(measured),
    )
    is_broken = page.count < BROKEN_WORDS or not page.sections or not page.sources
    return Review(
        title=page.title or "(no title)",
        checks=checks,
        readability=measured,
        traced=_traced(page, sources),
        is_broken=is_broken,
    )


def report_of(review: Review, draft: str, verdict: str) -> str:
    """Return the report; the line 'Draft' tells whoever comes next which text was judged."""
    measured = review.readability
    lines = [f"# Review: {review.title}", "", f"- Draft: `{draft}`", f"- Verdict: {verdict}"]
    lines += [f"- Quality: {review.quality} of 100"]
    lines += [f"- Readability: reading ease {measured.ease:g}, grade {measured.grade:g} ({measured.measure})"]
    lines += [f"- Found in the sources word for word: {review.traced} % of the sentences", "", "## Checks", ""]
    rows = ((c.name, c.found, c.wanted, "yes" if c.passed else "no", c.weight) for c in review.checks)
    lines += table(["check", "found", "wanted", "passed", "weight"], rows)
    lines += ["", "## Notes", "", *(f"- {check.note}" for check in review.failed)]
    return "\n".join(lines if review.failed else [*lines, "- none"]) + "\n"


# -- the checks ---------------------------------------------------------------------------------------------------


def _length(page: Page, sources: Sequence[Source]) -> Check:
    # Nothing can be asked for that the sources cannot give.
    least = min(LEAST_WORDS, round(SHARE_OF_SOURCES * sum(source.count for source in sources)))
    note = notes.too_short(page.count, least) if page.count < least else notes.too_long(page.count, MOST_WORDS)
    passed = least <= page.count <= MOST_WORDS
    return Check(
        name="length",
        found=f"{page.count} words",
        wanted=f"{least} to {MOST_WORDS}",
        passed=passed,
        weight=20,
        note=note,
    )


def _sections(page: Page, sources: Sequence[Source]) -> Check:
    count = len(page.sections)
    least = max(1, min(LEAST_SECTIONS, sum(source.count for source in sources) // WORDS_FOR_A_SECTION))
    wanted, passed = f"{least} to {MOST_SECTIONS}", least <= count <= MOST_SECTIONS
    note = notes.few_sections(count, least)
    if count > MOST_SECTIONS:
        note = f"It has {count} sections: make at most {MOST_SECTIONS} of them."
    return Check(name="sections", found=str(count), wanted=wanted, passed=passed, weight=10, note=note)


def _sources(page: Page, sources: Sequence[Source]) -> Check:
    known = [source.path for source in sources]
    used = [path for path in page.sources if path in known]
    least = min(LEAST_SOURCES, len(known))
    note = notes.few_sources(len(used), least, [path for path in known if path not in used])
    wanted, passed = f"{least} or more of {len(known)}", len(used) >= least
    return Check(name="sources", found=str(len(used)), wanted=wanted, passed=passed, weight=20, note=note)


def _named(page: Page, sources: Sequence[Source]) -> Check:
    known = {source.path for source in sources}
    strange = [path for path in page.sources if path not in known]
    note = f"It names {listed(strange)}, which is no source of this campaign: remove what comes from there."
    found = "all are there" if not strange else f"{len(strange)} not there"
    return Check(name="named sources", found=found, wanted="all are there", passed=not strange, weight=10, note=note)


def _keyword(page: Page, keyword: Phrase, sources: Sequence[Source]) -> Check:
    weights = Weights([one.terms for source in sources for one in source.sentences])
    head = max(keyword.stems, key=weights.of)
    hits = sum(head in terms(sentence) for sentence in page.sentences)
    share = round(100 * hits / max(1, len(page.sentences)))
    least, most = KEYWORD_SHARES
    is_early = head in terms(page.title) and head in terms(" ".join(page.lead.sentences))
    passed = is_early and least <= share <= most
    note = f"The keyword '{keyword.text}' stands in {share} % of the sentences: bring it to {least} to {most} %"
    note += " and say it in the title and in the introduction."
    found = f"{share} % of sentences, {'in' if is_early else 'not in'} title and introduction"
    wanted = f"{least} to {most} %, in both"
    return Check(name="keyword", found=found, wanted=wanted, passed=passed, weight=10, note=note)


def _topics(page: Page, brief: Brief) -> Check:
    said = [set(terms(sentence)) for sentence in (*page.sentences, *(one.heading for one in page.sections))]
    missing = [phrase.text for phrase in brief.phrases if not any(phrase.is_in(found) for found in said)]
    total = len(brief.phrases)
    least = math.ceil(LEAST_TOPICS * total)
    note = notes.missing_topics(missing)
    found, passed = f"{total - len(missing)} of {total}", total - len(missing) >= least
    return Check(name="phrases of the brief", found=found, wanted=f"{least}", passed=passed, weight=10, note=note)


def _longest(page: Page) -> Check:
    longest = max(page.sentences, key=lambda sentence: len(words(sentence)), default="")
    count = len(words(longest))
    note = notes.long_sentence(longest, count, notes.LONGEST_SENTENCE)
    wanted, passed = f"{notes.LONGEST_SENTENCE} words or fewer", count <= notes.LONGEST_SENTENCE
    return Check(name="longest sentence", found=f"{count} words", wanted=wanted, passed=passed, weight=10, note=note)


def _repeated(page: Page) -> Check:
    found = [set(terms(sentence)) for sentence in page.sentences]
    twice = [
        page.sentences[place]
        for place, one in enumerate(found)
        if len(one) >= TELLING and any(len(one & other) >= ALIKE * len(one | other) for other in found[:place])
    ]
    start = " ".join(twice[0].split()[:7]) if twice else ""
    note = f"It says the same thing twice: remove the second of the sentences like '{start} ...'."
    return Check(name="repeated sentences", found=str(len(twice)), wanted="0", passed=not twice, weight=10, note=note)


def _ease(measured: Readability) -> Check:
    note = notes.hard_to_read(measured.ease, LEAST_EASE)
    wanted, passed = f"{LEAST_EASE:g} or more", measured.ease >= LEAST_EASE
    return Check(name="reading ease", found=f"{measured.ease:g}", wanted=wanted, passed=passed, weight=10, note=note)


def _traced(page: Page, sources: Sequence[Source]) -> int:
    """Return what share of the sentences stands in a source as it is, or as a piece of a sentence there."""
    whole = "\n".join(key(one.text) for source in sources for one in source.sentences)
    hits = sum(key(sentence) in whole for sentence in page.sentences)
    return round(100 * hits / max(1, len(page.sentences)))


def work(step: Step) -> None:
    """Write the report on each piece, then complete the step or send the drafts back."""
    sources = read_sources(step.workspace)
    writer = step.step_of("drafts")
    is_second = writer is not None and step.times_sent_back(writer) > 0
    pieces = step.pieces()
    reviews = [_review_for(piece, sources) for piece in pieces]
    verdicts = [_verdict(review, is_second) for review in reviews]
    sent = {
        piece.name: BROKEN * review.is_broken + review.notes
        for piece, review, verdict in zip(pieces, reviews, verdicts, strict=True)
        if verdict == SENT_BACK
    }
    told = notes.of_pieces(sent) if pieces != [step] else "".join(sent.values())
    if sent and writer is None:
        raise Trouble(f"{pieces[0].left_by('drafts')} is not good enough, and no step before writes drafts: {told}")
    for piece, review, verdict in zip(pieces, reviews, verdicts, strict=True):
        piece.write(report_of(review, piece.left_by("drafts"), verdict))
    if sent and writer is not None:
        step.send_back(writer, told)
        return
    # A batch is as good as its weakest piece.
    quality, ease = min(one.quality for one in reviews), min(one.readability.ease for one in reviews)
    said = [_said(piece.left_by("drafts"), review) for piece, review in zip(pieces, reviews, strict=True)]
    step.complete(said, quality=quality, readability=ease)


def _review_for(piece: Step, sources: Sequence[Source]) -> Review:
    research = piece.left_by("research")
    text = piece.read(research) if (piece.workspace / research).is_file() else ""
    brief = brief_from(text, " ".join(piece.keywords[:1]) or piece.title)
    return review_of(piece.read(piece.left_by("drafts")), brief, sources)


def _verdict(review: Review, is_second: bool) -> str:
    if review.is_broken or (review.failed and not is_second):
        return SENT_BACK
    return "accepted with remarks" if review.failed else "accepted"


def _said(draft: str, review: Review) -> str:
    remarks = f", {numbered(len(review.failed), 'remark')}" if review.failed else ""
    return f"Accepted `{draft}`: {review.quality} of 100{remarks}, reading ease {review.readability.ease:g}"


if __name__ == "__main__":
    run(work)
