"""How easily English reads: Flesch's reading ease (1948) and the grade by Kincaid (1975), higher grades being harder.

The numbers come from the package ``textstat`` where it is installed with its dictionary (the extra in
``requirements-readability.txt``); else from the same formulas with syllables counted by rule, and then the result says
so. Newer versions of ``textstat`` fetch that dictionary from the network when they miss it: an agent that was not told
to does not do that, so such a version counts as not installed.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from _offline.text import sentences, words

BUILT_IN = "estimated: syllables counted by rule"
MISSING = f"{BUILT_IN}; the library textstat is not installed"
_VOWELS = re.compile(r"[aeiouy]+")
_SILENT = re.compile(r"(?:[^laeiouy]e|[aeiouy]le|[^aeiouydtl]ed|[aeiouy]led|[^aeiouysxzcghl]es|[aeiouy]les|[^cs]hes)$")
_TWO = re.compile(r"(?:ia(?!l|n)|io(?!n|us)|eo|ua(?!r)|[aeiou]ing|iet|riu|ii|uou|tual|ying|^(?:fl|h|s)our)")


@dataclass(frozen=True, kw_only=True)
class Readability:
    """Reading ease (0 hard to 100 easy), school grade, and what counted."""

    ease: float
    grade: float
    measure: str


def readability(text: str, *, library: bool = True) -> Readability:
    """Measure a text without marks. ``library`` false: never ask ``textstat``."""
    found = _by_library(text) if library else None
    return found or (replace(by_rule(text), measure=MISSING) if library else by_rule(text))


def by_rule(text: str) -> Readability:
    """Measure with the rule below; an empty text is as easy as can be."""
    spoken = [word for word in words(text) if word[0].isalpha()]
    count = max(1, len(sentences(text)))
    if not spoken:
        return Readability(ease=100.0, grade=0.0, measure=BUILT_IN)
    length, weight = len(spoken) / count, sum(map(syllables, spoken)) / len(spoken)
    return Readability(
        ease=_bounded(206.835 - 1.015 * length - 84.6 * weight),
        grade=round(max(0.0, 0.39 * length + 11.8 * weight - 15.59), 1),
        measure=BUILT_IN,
    )


def syllables(word: str) -> int:
    """Count the syllables of an English word: groups of vowels, less silent endings, plus vowels that part."""
    word = re.sub(r"[^a-z]", "", word.lower().removesuffix("'s"))
    count = len(_VOWELS.findall(word)) + len(_TWO.findall(word))
    if _SILENT.search(word) and count > 1:
        count -= 1
    return max(1, count)


def _by_library(text: str) -> Readability | None:
    try:
        needs = importlib.metadata.requires("textstat") or ()
        if not _has_dictionary(needs):
            return None
        import textstat  # type: ignore[import-not-found, import-untyped, unused-ignore]

        ease, grade = float(textstat.flesch_reading_ease(text)), float(textstat.flesch_kincaid_grade(text))
    except (ImportError, LookupError, AttributeError, ValueError, OSError):
        return None
    measure = f"textstat {importlib.metadata.version('textstat')}"
    return Readability(ease=_bounded(ease), grade=round(max(0.0, grade), 1), measure=measure)


def _has_dictionary(needs: Sequence[str]) -> bool:
    if not any(need.startswith("nltk") for need in needs):
        return True
    import nltk.data  # type: ignore[import-not-found, import-untyped, unused-ignore]

    nltk.data.find("corpora/cmudict")  # LookupError when it is not on this machine
    return True


def _bounded(ease: float) -> float:
    return round(min(100.0, max(0.0, ease)), 1)
