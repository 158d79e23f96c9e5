"""What the offline researcher does in a heartbeat: find keywords that nobody has written about, and make tasks of them.

By the scripts alone. The sources of the project's campaigns are all it knows: when they give nothing new, it says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from _offline.heartbeats import Heartbeat
from _offline.pages import listed, numbered
from _offline.phrases import Phrase, distinct, key_phrases, phrase_from
from _offline.scripts import answer
from _offline.sources import Trouble, all_sentences, read_sources
from _offline.text import words

# A phrase that stands in fewer sentences is too little for an article.
LEAST_SENTENCES = 3
OFFERED = 60
OPEN = ("active", "in_revision", "completed")


def refill(heartbeat: Heartbeat) -> str:
    """Make tasks for the project that lacks some; return a sentence about it."""
    lack = heartbeat.sight.get("backlog")
    if not lack:
        return "No project was named: there is nothing to research without one."
    made: list[str] = []
    # A campaign that is at work comes first: one that is complete would be opened again.
    campaigns = sorted(
        (one for one in lack["campaigns"] if one["status"] in OPEN), key=lambda one: OPEN.index(one["status"])
    )
    for campaign in campaigns:
        left = lack["missing"] - len(made)
        if left > 0:
            made += _tasks_for(heartbeat, campaign["slug"], left)
    if not made:
        return f"Made no task for project {heartbeat.project}: its sources give no further keyword."
    return f"Made {numbered(len(made), 'task')} for project {heartbeat.project}: {listed(made)}."


def new_keywords(texts: Iterable[str], used: Iterable[str], count: int) -> list[str]:
    """Return so many keywords that the texts offer, at most, none of them about what was used."""
    taken = [phrase_from(word) for word in used if words(word)]
    often = sorted(key_phrases(list(texts)), key=lambda one: (-one.count * len(one.stems), one.text))
    found: list[Phrase] = []
    for phrase in distinct(often, OFFERED):
        if phrase.count >= LEAST_SENTENCES and not any(_are_near(phrase, other) for other in taken):
            found.append(phrase)
    return [phrase.text for phrase in found[:count]]


def _tasks_for(heartbeat: Heartbeat, slug: str, count: int) -> list[str]:
    campaign = answer("campaign.py", "show", slug, "--json")
    folder = heartbeat.home / "projects" / campaign["project"] / "campaigns" / slug
    try:
        sentences = all_sentences(read_sources(folder))
    except Trouble:
        return []  # without sources there is nothing to say; another campaign may have some
    used = list(campaign["seed_keywords"])
    for task in campaign["added"]:
        used += answer("task.py", "show", task, "--json")["keywords"]
    keywords = new_keywords((one.text for one in sentences), used, count)
    return [_task(heartbeat, campaign, keyword) for keyword in keywords]


def _task(heartbeat: Heartbeat, campaign: dict[str, Any], keyword: str) -> str:
    written = {
        "title": f"{campaign['name']}: {keyword}",
        "project": campaign["project"],
        "campaign": campaign["id"],
        "pipeline": campaign["pipeline"],
        "keywords": [keyword],
        "brief": campaign["notes"],
        "focus_groups": campaign["focus_groups"],
        "created_by": "keyword-researcher",
    }
    name = "-".join(words(keyword))[:60] or "task"
    path = heartbeat.write(json.dumps(written, indent=2) + "\n", f"{name}.json")
    return str(answer("task.py", "create", str(path), "--json")["id"])


def _are_near(one: Phrase, other: Phrase) -> bool:
    """Tell whether one says what the other says, with a word more."""
    return set(one.stems) <= set(other.stems) or set(other.stems) <= set(one.stems)
