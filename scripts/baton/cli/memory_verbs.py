"""Looking at what agents remember, adding a line to it, and forgetting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from baton.cli.remembered import described, prompt_limit
from baton.cli.script import Answer, script
from baton.cli.tables import table
from baton.cli.wiring import Wiring
from baton.domain.errors import InvalidInput, InvalidWord
from baton.domain.ids import check_agent, is_agent_name
from baton.domain.lessons import lessons_for, without_lessons
from baton.domain.memory import DAILY, LESSONS, WORKING, Given, Glimpse, Layer, given, is_day, without_lines
from baton.domain.redaction import masked, redact

LONGEST_NOTE = 1000


@script("list", "memory", name="list", example="memory.py list")
def list_memory(wiring: Wiring) -> Answer:
    """List the files of memory: working memory by agent, the pages of days, long-term pages."""
    data = [described(wiring, name) for layer in Layer for name in wiring.store.memories.names(layer)]
    rows = [(one["name"], one["bytes"], one["problem"] or "") for one in data]
    return Answer(data, table(("file", "bytes", ""), rows, empty="No agent has left anything yet."))


@script("show", "memory", name="show", example="memory.py show content-writer", id_option="name")
@click.argument("name")
def show_memory(wiring: Wiring, name: str) -> Answer:
    """Show what the next prompt of an agent is given: NAME is the agent's. Or a page: NAME is a day, or as listed.

    Secrets are masked.
    """
    if not is_agent_name(name) or is_day(name):
        page = _page(wiring, name)
        data: dict[str, Any] = {"name": page, "file": wiring.store.memories.path(page)}
        text = redact(wiring.store.memories.text(page), wiring.config.secrets())
        text = text.encode("utf-8", "replace").decode()
        return Answer(data | {"text": text}, text or "It is empty.")
    limit = prompt_limit(wiring)
    memories, secrets = wiring.store.memories, wiring.config.secrets()
    file = f"{WORKING}/{name}.md"
    working = given(memories.glimpse(file, limit), secrets, limit, memories.path(file))
    learned = lessons_for(memories.text(LESSONS), name).encode("utf-8", "surrogateescape")
    lessons = given(Glimpse(size=len(learned), head=learned), secrets, limit, memories.path(LESSONS))
    data = {
        "agent": name,
        "file": memories.path(file),
        "working": working.lines,
        "lessons": lessons.lines,
        "masked": working.masked + lessons.masked,
        "problem": working.problem or lessons.problem or None,
    }
    return Answer(data, _words(name, working, lessons))


@script(
    "keep",
    "a note",
    name="note",
    example='memory.py note "The operator wants British spelling"\nmemory.py note --agent content-writer "Short titles"',
    for_option="agent",
)
@click.argument("words", nargs=-1, required=True)
@click.option("--agent", metavar="A", help="Whose memory (default: BATON_AGENT).")
def note(wiring: Wiring, words: tuple[str, ...], agent: str | None) -> Answer:
    """Add a line to an agent's working memory, which its next prompts are given. What it says already is not added."""
    name = check_agent(agent or wiring.environ.get("BATON_AGENT") or _unnamed())
    text = " ".join(" ".join(words).split())
    if not text or len(text) > LONGEST_NOTE:
        raise InvalidWord(f"a note has 1 to {LONGEST_NOTE} characters", cure="say it in a sentence")
    line, count = masked(f"- {text}", wiring.config.secrets())
    limit = prompt_limit(wiring)
    file = f"{WORKING}/{name}.md"
    added = wiring.store.memories.change(file, lambda before: _with_line(before, line, limit, name))
    data = {"agent": name, "file": wiring.store.memories.path(file), "added": added, "masked": count}
    said = "Noted" if added else "It stands there already"
    return Answer(data, f"{said}{'; a secret in it was masked' if count else ''}.")


@script(
    "change",
    "the memory of agent",
    name="forget",
    example='memory.py forget content-writer --containing "short titles"\nmemory.py forget content-writer --all',
    id_option="agent",
)
@click.argument("agent")
@click.option("--containing", metavar="TEXT", help="Only the lines that hold this text, in any case.")
@click.option("--all", "everything", is_flag=True, help="All of its working memory, and of its lessons.")
def forget(wiring: Wiring, agent: str, containing: str | None, everything: bool) -> Answer:
    """Remove what an agent remembers: lines of its working memory and of its lessons, or all of both."""
    name = check_agent(agent)
    if everything == bool(containing):
        raise InvalidWord("say what to forget", cure="add --containing TEXT, or --all")
    memories = wiring.store.memories
    file = f"{WORKING}/{name}.md"
    found = [0, 0]

    def fewer(text: str) -> str:
        after, found[0] = without_lines(text, containing or "")
        return after

    def unlearned(text: str) -> str:
        after, found[1] = without_lessons(text, name, containing or "")
        return after

    if everything:
        found[0] = int(memories.remove(file))
    else:
        memories.change(file, fewer)
    if memories.text(LESSONS):
        memories.change(LESSONS, unlearned)
    if not any(found):
        raise InvalidInput("there is nothing like that in it", cure=f"memory.py show {name} shows it")
    lines = "all of its working memory" if everything and found[0] else f"{0 if everything else found[0]} lines"
    text = f"{name} has forgotten {lines} and {found[1]} lessons."
    return Answer({"agent": name, "removed": found[0], "lessons": found[1]}, text)


VERBS = [list_memory, show_memory, note, forget]


def _page(wiring: Wiring, name: str) -> str:
    page = f"{DAILY}/{name}.md" if is_day(name) else name
    known = [one for layer in Layer for one in wiring.store.memories.names(layer)]
    if page not in known:
        raise InvalidInput("there is no such page", cure="memory.py list shows them")
    return page


def _with_line(text: str, line: str, limit: int, agent: str) -> str:
    if line in text.splitlines():
        return text
    after = f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{line}\n"
    if len(after.encode("utf-8", "surrogateescape")) > limit:
        cure = (
            f'memory.py forget {agent} --containing "..." makes room; memory.prompt_bytes in the settings is the limit'
        )
        raise InvalidInput(f"the working memory would be longer than {limit} bytes, which a prompt takes", cure=cure)
    return after


def _words(agent: str, working: Given, lessons: Given) -> str:
    return "\n".join(
        (
            *_part(f"Working memory of {agent}", working, "It is empty."),
            "",
            *_part("Lessons learned", lessons, "None yet."),
        )
    )


def _part(head: str, told: Given, empty: str) -> Iterator[str]:
    masks = "secrets are masked" if told.masked else ""
    said = "; ".join(filter(None, (told.problem, masks)))
    yield f"{head}{f' ({said})' if said else ''}:"
    yield from (f"  {line}" for line in told.lines or (empty,))


def _unnamed() -> str:
    raise InvalidWord("no agent is named", cure="add --agent NAME, or set BATON_AGENT")
