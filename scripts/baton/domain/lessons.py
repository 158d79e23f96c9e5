"""Lessons learned: what was sent back and what failed, a line each, in one page that people write in, too.

The page has a heading for each agent. Lines under it that begin with a day are Baton's: an event always makes the same
line, so that none is there twice, and the oldest go. All other lines are people's, and stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from baton.domain.consequences import Then, consequence_of
from baton.domain.ids import is_agent_name
from baton.domain.memory import is_day
from baton.domain.sentences import data_of
from baton.domain.statuses import FailureKind, Outcome

LINE_LIMIT = 400
EVERYBODY = "everybody"
HEAD = f"""\
# Lessons learned

What was sent back, and what failed, by agent; each agent is given its own. Lines that begin with a day are Baton's, and
the oldest of them go. What you write yourself stays; what is for all agents stands under "## {EVERYBODY}".
"""
_OURS = re.compile(r"- [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2} ")
_HEADING = re.compile(r"##?[ \t]+(\S.*?)[ \t]*")
# What was the agent's own doing. An interruption, a provider in trouble, a missing program teach it nothing.
_OWN = frozenset({Outcome.FAILED.value, Outcome.TIMED_OUT.value, Outcome.NOT_COMPLETED.value})
_KINDS = {kind.value: kind for kind in FailureKind}


def lessons_of(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what an event of the log teaches: (agent, line), one for each agent that it concerns."""
    data, at = data_of(event), str(event.get("at"))
    if not is_day(at[:10]):
        return []
    if event.get("type") == "revision_requested":
        agents, text = _revised(data), f"sent back by {data.get('by')}: {data.get('notes')}"
        is_one = bool(data.get("notes"))
    elif event.get("type") == "run_ended":
        agents, text = [data.get("agent")], f"{str(data.get('outcome')).replace('_', ' ')}: {data.get('message')}"
        is_one = bool(data.get("message")) and data.get("outcome") in _OWN and _counts(data.get("kind"))
    else:
        return []
    about = f"task {event['task']}" if event.get("task") else "a heartbeat"
    # One line, whatever an agent wrote: nothing in it can look like a heading or another's lesson.
    line = " ".join(f"- {at[:10]} {at[11:16]} {about}, {text}".split())
    line = line if len(line) <= LINE_LIMIT else f"{line[: LINE_LIMIT - 3]}..."
    return [(agent, line) for agent in agents if isinstance(agent, str) and is_agent_name(agent)] if is_one else []


def with_lessons(text: str, lessons: Iterable[tuple[str, str]], most: int) -> str:
    """Return the page with these lessons, at most ``most`` of ours for an agent; a page without news is unchanged."""
    new: dict[str, list[str]] = {}
    for agent, line in lessons:
        new.setdefault(agent, []).append(line)
    sections = _sections(text or HEAD)
    for agent, lines in new.items():
        there = next((section for name, section in sections if name == agent), None)
        if there is None:
            sections[-1][1].extend([] if not sections[-1][1] or not sections[-1][1][-1] else [""])
            there = [f"## {agent}", ""]
            sections.append((agent, there))
        blank = len(there)
        while blank > 2 and not there[blank - 1].strip():
            blank -= 1
        there[blank:blank] = [line for line in dict.fromkeys(lines) if line not in there]
        ours = [place for place, line in enumerate(there) if _OURS.match(line)]
        for place in reversed(ours[: max(0, len(ours) - most)]):
            del there[place]
    return "".join(f"{line}\n" for _, section in sections for line in section)


def lessons_for(text: str, agent: str) -> str:
    """Return what the page says to this agent: what is for everybody, then its own, without headings."""
    found = [
        line
        for wanted in (EVERYBODY, agent)
        for name, section in _sections(text)
        if name == wanted
        for line in section[1:]
    ]
    return "\n".join(line for line in found if line.strip())


def without_lessons(text: str, agent: str, containing: str) -> tuple[str, int]:
    """Return the page without the agent's lines that hold these words (all of them: none given); and how many those were."""
    sections, count = _sections(text), 0
    for name, section in sections:
        if name == agent:
            kept = [line for line in section[1:] if not line.strip() or containing.casefold() not in line.casefold()]
            count += len(section) - 1 - len(kept)
            section[1:] = kept
    return ("".join(f"{line}\n" for _, section in sections for line in section), count) if count else (text, 0)


def _sections(text: str) -> list[tuple[str | None, list[str]]]:
    """Part the page at its headings: (agent, lines with the heading); what comes before the first one is nobody's."""
    sections: list[tuple[str | None, list[str]]] = [(None, [])]
    for line in text.split("\n"):
        if heading := _HEADING.fullmatch(line.rstrip("\r")):
            sections.append((heading[1].lower() if line.startswith("##") else None, []))
        sections[-1][1].append(line)
    if sections[-1][1] and not sections[-1][1][-1]:
        sections[-1][1].pop()  # what follows the last line break is no line
    return sections


def _revised(data: Mapping[str, Any]) -> list[Any]:
    agents = data.get("agents")
    return list(dict.fromkeys(agents)) if isinstance(agents, list) else [data.get("to_agent")]


def _counts(kind: Any) -> bool:
    return consequence_of(_KINDS.get(str(kind))).then is Then.COUNT
