"""What each script is asked on a full disk, and what has to be there before: every verb that changes something."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tests.cli import test_branches as branched
from tests.cli.homes import Home
from tests.faults.arrangements import (
    PM_RUN,
    assigned,
    beating,
    deciding,
    granted,
    held,
    parts,
    task,
    to_be_made,
    with_a_product,
)

from baton.domain.parking import Parked
from baton.domain.statuses import FailureKind

SERVICES = "categories: {seo: {services: [{name: first}, {name: second, script: services/second}]}}\n"
PROMPT = {"agent": "outliner", "instructions": "Outline it.", "model": "haiku"}
PROMPTS = {"slug": "two", "name": "Prompts", "main_steps": [PROMPT]}


class Case(NamedTuple):
    """One call of a script. ``says``: it has something to write, and must say that it could not; ``None``: it may.

    ``{beside}`` is the folder of the home, ``{full}`` one beside the home that is full, too.
    """

    arrange: Callable[[Home], object]
    words: str
    says: bool | None = True
    stdin: bytes = b""
    environ: Mapping[str, str] = {}


def nothing(home: Home) -> None:
    """A home as it is when it is new."""


def made(home: Home) -> None:
    """A completed task, and what it has made."""
    home.make_task(agents=["alpha"])
    (home.workspace() / "piece.md").write_text("Rye needs time.\n")
    home.complete("t-1", "alpha", "--output", "piece.md")


def campaign(home: Home) -> None:
    """A campaign that is not active yet."""
    home.make_campaign()


def active(home: Home) -> None:
    """An active campaign."""
    home.make_campaign(target_article_count=1)
    home.ok("activate_campaign", "spring", "--no-dispatch")


def paused(home: Home) -> None:
    """A paused one."""
    active(home)
    home.ok("campaign", "pause", "spring")


def blocked(home: Home) -> None:
    """A blocked task."""
    home.make_task()
    home.ok("task", "block", "t-1", "--reason", "later")


def branch(home: Home) -> None:
    """A task whose branch may begin."""
    branched.make(home)
    home.complete()


def awake(home: Home) -> None:
    """A ready task in a home where agents are started."""
    home.make_task()
    home.wake()


def parked(home: Home) -> None:
    """A parked harness."""
    found = Parked(harness="claude", kind=FailureKind.RATE_LIMIT, since="2026-11-21T08:00:00.000Z", is_told=True)
    parts(home).store.parking.update("claude", lambda before, now: found)


def services(home: Home) -> None:
    """A registry of two services."""
    (home.root / "config/services.yaml").write_text(SERVICES)
    program = home.root / "config/services/second"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho answer\n")
    program.chmod(0o755)


def key_kept(home: Home) -> None:
    """A key that is kept."""
    assert home.call("key", "set", "A_KEY", stdin=b"a-value-of-a-key").code == 0


def remembered(home: Home) -> None:
    """An agent that remembers two things."""
    home.ok("memory", "note", "--agent", "alpha", "hello")
    home.ok("memory", "note", "--agent", "alpha", "goodbye")


def line(home: Home) -> None:
    """A pipeline of the home's own, whose steps bear a model."""
    campaign(home)
    home.ok("pipeline", "set-model", "my-line", "haiku")


def prompts(home: Home) -> None:
    """A pipeline of prompts."""
    (home.root / "config/pipelines/two.yaml").write_text(json.dumps(PROMPTS))


def stream(home: Home) -> None:
    """A streaming run that has not begun."""
    prompts(home)
    home.ok("stream_run", "create", "two", "--id", "r", "--input", "x")


def group_archived(home: Home) -> None:
    """A focus group that is archived."""
    with_a_product(home)
    home.ok("focus_group", "archive", "bakers")


def product_archived(home: Home) -> None:
    """A product that is archived."""
    with_a_product(home)
    home.ok("product", "archive", "loaf")


def project_archived(home: Home) -> None:
    """A project that is archived."""
    with_a_product(home)
    home.ok("project", "archive", "acme")


def assignment_blocked(home: Home) -> None:
    """An assignment that is blocked."""
    assigned(home)
    home.ok("assignment", "block", "t-1", "--reason", "later")


def backed_up(home: Home) -> None:
    """A backup beside the home."""
    home.make_task()
    home.ok("backup", "create", str(home.root.parent / "b.tar.gz"))


def exported(home: Home) -> None:
    """A file of another home's pipeline."""
    campaign(home)
    home.ok("transfer", "export", str(home.root.parent / "all.json"), "--pipeline", "my-line")
    (home.root / "config/pipelines/my-line.yaml").unlink()


def file(path: str, /, **written: object) -> Callable[[Home], object]:
    """A file beside the home."""
    return lambda home: home.file(path, written)


def together(*parts: Callable[[Home], object]) -> Callable[[Home], object]:
    """One after the other."""
    return lambda home: [part(home) for part in parts]


GROUP = {"product": "loaf", "name": "Shops"}
LINE = {"slug": "new", "name": "New", "main_steps": [{"agent": "alpha"}]}
NEW = {"project": "acme", "slug": "new", "name": "New", "pipeline": "my-line"}

CASES = (
    Case(task(), "acquire_lock t-1 --agent alpha"),
    Case(held(), "release_lock t-1 --agent alpha"),
    Case(held(), "complete_step t-1 --agent alpha"),
    Case(held(agents=["alpha"]), "complete_step t-1 --agent alpha"),
    Case(branch, "complete_branch t-1 'Hero image' --agent painter"),
    Case(held(), "request_revision t-1 --agent alpha --to-step 0 --notes dry"),
    Case(campaign, "activate_campaign spring --no-dispatch"),
    Case(awake, "invoke_agent alpha t-1 --json", says=None),
    Case(granted, "check_pipeline"),
    Case(granted, "check_pipeline --dry-run", says=None),
    Case(task(), "status --json", says=False),
    Case(task(), "doctor --json"),
    Case(nothing, "init_home {full}/home --json"),
    Case(services, "resolve_service seo", says=False),
    Case(services, "run_service seo --json", says=None),
    Case(task(), "why t-1 --json", says=False),
    Case(task(), "why --json", says=False),
    Case(task(), "cost --json", says=False),
    Case(made, "review t-1 --json", says=False),
    Case(made, "review t-1 approve --json"),
    Case(made, "review t-1 fix alpha --notes dry --json"),
    Case(made, "review t-1 rethink --to-step 0 --notes dry --json"),
    Case(to_be_made, "task create {beside}/second.json --json"),
    Case(task(), "task list --json", says=False),
    Case(task(), "task show t-1 --json", says=False),
    Case(task(), "task cancel t-1 --json"),
    Case(task(), "task comment t-1 hello --json"),
    Case(task(), "task block t-1 --reason later --json"),
    Case(blocked, "task unblock t-1 --json"),
    Case(blocked, "task retry t-1 --json"),
    Case(task(), "task delete t-1 --json"),
    Case(task(), "task assign t-1 ana --json"),
    Case(task(), "task subscribe t-1 ana --json"),
    Case(task(), "task label t-1 seo --json"),
    Case(task(), "task prioritize t-1 high --json"),
    Case(made, "task publish t-1 https://example.org/rye --json"),
    Case(branch, "task retrigger t-1 --all --json"),
    Case(branch, "task clear t-1 'Hero image' --json"),
    Case(together(campaign, file("new.json", **NEW)), "campaign create {beside}/new.json --json"),
    Case(campaign, "campaign show spring --json", says=False),
    Case(campaign, "campaign update spring --name Summer --json"),
    Case(active, "campaign pause spring --json"),
    Case(paused, "campaign resume spring --json"),
    Case(active, "campaign complete spring --cancel-remaining --json"),
    Case(active, "campaign extend spring --json"),
    Case(file("line.json", **LINE), "pipeline create {beside}/line.json --json"),
    Case(campaign, "pipeline rename my-line other --json"),
    Case(nothing, "pipeline fork content-draft other --json"),
    Case(line, "pipeline remove my-line --json", says=None),
    Case(line, "pipeline set-model my-line opus --json"),
    Case(services, "service list --json", says=False),
    Case(services, "service toggle first --off --json"),
    Case(services, "service reorder seo second --json"),
    Case(task(), "agent list --json", says=False),
    Case(nothing, "agent heartbeat alpha --note here --json"),
    Case(beating, "agent stop alpha --json"),
    Case(parked, "agent unpark claude --json", says=None),
    Case(nothing, "memory note --agent alpha hello --json"),
    Case(remembered, "memory forget alpha --containing hello --json"),
    Case(nothing, "key set A_KEY --json", stdin=b"a-value-of-a-key"),
    Case(key_kept, "key remove A_KEY --json", says=None),
    Case(key_kept, "key rotate --json"),
    Case(file("p.json", slug="acme", name="Acme"), "project create {beside}/p.json --json"),
    Case(with_a_product, "project update acme --name Ours --json"),
    Case(with_a_product, "project archive acme --json"),
    Case(project_archived, "project unarchive acme --json"),
    Case(
        together(with_a_product, file("roll.json", project="acme", slug="roll", name="Roll")),
        "product create {beside}/roll.json --json",
    ),
    Case(with_a_product, "product update loaf --name Ours --json"),
    Case(with_a_product, "product archive loaf --json"),
    Case(product_archived, "product unarchive loaf --json"),
    Case(together(with_a_product, file("s.json", **GROUP)), "focus_group create {beside}/s.json --json"),
    Case(with_a_product, "focus_group import {beside}/groups.md --product loaf --json"),
    Case(with_a_product, "focus_group update bakers --name Ours --json"),
    Case(with_a_product, "focus_group archive bakers --json"),
    Case(group_archived, "focus_group unarchive bakers --json"),
    Case(nothing, """assignment create Fix --id t-1 --jobs '[{"type": "pm"}]' --json"""),
    Case(deciding, "assignment insert-job --type implement --json", environ=PM_RUN),
    Case(assigned, "assignment update t-1 --decisions x --json"),
    Case(assigned, "assignment block t-1 --reason x --json"),
    Case(assignment_blocked, "assignment unblock t-1 --json"),
    Case(assigned, "assignment complete t-1 --json"),
    Case(assigned, "assignment align aligned --assignment t-1 --json"),
    Case(prompts, "stream_run create two --id r --input x --json"),
    Case(stream, "stream_run start r --json"),
    Case(stream, "stream_run delete r --json", says=None),
    Case(task(), "backup create {full}/b.tar.gz --json"),
    Case(backed_up, "backup restore {beside}/b.tar.gz {full}/new --json"),
    Case(campaign, "transfer export {full}/all.json --json"),
    Case(exported, "transfer import {beside}/all.json --json"),
)
