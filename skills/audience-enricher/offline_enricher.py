#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline audience enricher: a profile of each group that was found, field by field, each with its proof or none.

It reads again the paragraphs in which a group is spoken of. A field without proof stays empty, with a question to ask.
"""

import os
import re
import sys
from collections.abc import Sequence

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.append(os.path.join(os.environ.get("PATH", "").rpartition(":")[2], "..", "skills"))
from _offline.audiences import Group, around, cited, groups_in, told_of
from _offline.pages import numbered
from _offline.phrases import distinct, key_phrases
from _offline.sources import Sentence, Source, Trouble, all_sentences, read_sources
from _offline.step import Step, run
from _offline.text import terms

MOST, PHRASES, HOOKS = 4, 8, 4
STRONG_SENTENCES, STRONG_SOURCES = 3, 2
ASK = {
    "Overview": "Who are they, in their own words?",
    "Demographics": "How old are they, where do they live, what do they do?",
    "Psychographics": "What do they care about, and what do they think of themselves?",
    "Core desires": "What do they want most, and what for?",
    "Pain points": "What goes wrong for them today, and how often?",
    "Fears": "What are they afraid of, if they do nothing, and if they do something?",
    "Beliefs": "What do they take for true about it?",
    "Objections": "Why have they not bought, or not begun?",
    "Emotional triggers": "When did they last feel strongly about it?",
    "Language patterns": "Which words do they use for it?",
    "Hooks": "Which question would make them stop and read?",
}
# What somebody cares about and takes for true is both.
PSYCHOGRAPHIC = ("Core desires", "Beliefs", "Emotional triggers")


def page_of(task: str, title: str, found: str, sources: Sequence[Source]) -> str:
    """Return the profiles of the groups that stand in ``found``."""
    names = re.findall(r"^### (?:\d+[.)] )?(.+)$", found, re.MULTILINE)
    if not names:
        raise Trouble("the research names no group under a heading '### 1. Name': there is nothing to enrich")
    everything = {group.name.lower(): group for group in groups_in(sources, names)}
    lines = [f"# Audience profiles: {title}", "", f"- Task: `{task}`"]
    lines += [f"- Strength: strong from {STRONG_SENTENCES} sentences of {STRONG_SOURCES} sources on, weak below", ""]
    asked: list[str] = []
    for number, name in enumerate(names, 1):
        group = everything[name.lower()]
        lines += [f"## {number}. {name}", ""]
        lines += [
            f"- Proof: {numbered(len(group.sentences), 'sentence')}, {numbered(len(group.sources), 'source')}",
            "",
        ]
        near = around(group, sources)
        for field, question in ASK.items():
            items, strength = _field(field, group, near)
            lines += [f"### {field}: {strength}", "", *(items or ["- not known"]), ""]
            asked += [] if items else [f"- {name}, {field.lower()}: {question}"]
    return "\n".join([*lines, "## Questions to ask", "", *(asked or ["- none"]), ""])


def _field(field: str, group: Group, near: Sequence[Sentence]) -> tuple[list[str], str]:
    """Return what is known of one field, and how well it is proved."""
    if field == "Language patterns":
        return _phrases(group, near)
    if field == "Hooks":
        found = [one for one in near if one.text.endswith("?")][:HOOKS]
    elif field == "Overview":
        found = list(group.sentences[:2])
    else:
        kinds = PSYCHOGRAPHIC if field == "Psychographics" else (field,)
        found = [one for kind in kinds for one in told_of(group, kind)]
        found = list(dict.fromkeys(found))[:MOST]
    return cited(found), _strength(found)


def _phrases(group: Group, near: Sequence[Sentence]) -> tuple[list[str], str]:
    found = distinct(key_phrases([one.text for one in near]), PHRASES, hidden=terms(group.name))
    told = [one for one in near if any(phrase.is_in(one.terms) for phrase in found)]
    return [f"- {phrase.text}: {numbered(phrase.count, 'sentence')}" for phrase in found], _strength(told)


def _strength(found: Sequence[Sentence]) -> str:
    if not found:
        return "no proof"
    is_strong = len(found) >= STRONG_SENTENCES and len({one.source for one in found}) >= STRONG_SOURCES
    return "strong" if is_strong else "weak"


def work(step: Step) -> None:
    """Write the profiles, then complete the step."""
    sources = read_sources(step.workspace)
    page = page_of(step.task, step.title, step.read(step.left_by("research")), sources)
    total, open_count = page.count("- Proof: "), page.partition("## Questions to ask")[2].count("\n- ")
    said = f"{numbered(total, 'profile')} from {numbered(len(all_sentences(sources)), 'sentence')}"
    step.hand_in(page, f"{said}; {numbered(open_count, 'question')} to ask")


if __name__ == "__main__":
    run(work)
