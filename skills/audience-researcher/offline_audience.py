#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline audience researcher: which groups of people the sources speak of, and what they say of them.

It finds words for people and sentences with them. Who would buy something, and why, only a person or a model can tell.
"""

import os
import sys
from collections.abc import Sequence

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.append(os.path.join(os.environ.get("PATH", "").rpartition(":")[2], "..", "skills"))
from _offline.audiences import FIELDS, Group, cited, groups_in, told_of
from _offline.pages import numbered
from _offline.sources import Source, Trouble, all_sentences, read_sources
from _offline.step import Step, run

SPOKEN = 3


def page_of(task: str, title: str, wishes: str, wanted: Sequence[str], sources: Sequence[Source]) -> str:
    """Return the groups."""
    groups = groups_in(sources, wanted)
    if not any(group.sentences for group in groups):
        raise Trouble("the sources speak of no group of people: add interviews, reviews or letters of customers")
    lines = [f"# Audience: {title}", "", f"- Task: `{task}`"]
    lines += [f"- Asked for: {wishes}"] if wishes else []
    lines += [f"- Read: {numbered(len(sources), 'source')}, {numbered(len(all_sentences(sources)), 'sentence')}"]
    lines += ["", "## Groups", ""]
    missing = []
    for number, group in enumerate(groups, 1):
        lines += [f"### {number}. {group.name}", "", f"- Spoken of: {_often(group)}", ""]
        told = {one for field in FIELDS for one in told_of(group, field)}
        for field in FIELDS:
            if found := told_of(group, field):
                lines += [f"**{field}**", "", *cited(found), ""]
        rest = [one for one in group.sentences if one not in told][:SPOKEN]
        lines += ["**Also said**", "", *cited(rest), ""] if rest else []
        empty = [field.lower() for field in FIELDS if not told_of(group, field)]
        missing += [f"- {group.name}: nothing on {', '.join(empty)}"] if empty else []
    return "\n".join([*lines, "## Gaps", "", *(missing or ["- none"]), ""])


def _often(group: Group) -> str:
    if not group.sentences:
        return "in no source, only in the campaign's wishes"
    return f"in {numbered(len(group.sentences), 'sentence')} of {numbered(len(group.sources), 'source')}"


def work(step: Step) -> None:
    """Write the groups, then complete the step."""
    sources = read_sources(step.workspace)
    page = page_of(step.task, step.title, step.wishes, step.focus_groups, sources)
    step.hand_in(page, f"{numbered(page.count('- Spoken of: '), 'group')} from {numbered(len(sources), 'source')}")


if __name__ == "__main__":
    run(work)
