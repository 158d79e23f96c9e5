"""Who works after whom in a template: what is refused, and what is only warned of."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from baton.domain.errors import InvalidInput
from baton.domain.lineups import agents_of, check_lineup
from baton.domain.pipelines import Template

ROLES = {
    "finder": "researcher",
    "author": "writer",
    "judge": "reviewer",
    "polisher": "editor",
    "painter": "art director",
    "poster": "social writer",
    "mine": None,
}
WHOLE = ("finder", "author", "judge", "polisher")


def line(*agents: str | None, branches: tuple[dict[str, Any], ...] = ()) -> Template:
    steps = [{"agent": agent} for agent in agents]
    written = {"slug": "x", "name": "X", "main_steps": steps, "parallel_branches": list(branches)}
    return msgspec.convert(written, Template)


def branch(agent: str, after: int, **fields: Any) -> dict[str, Any]:
    return {"agent": agent, "label": agent, "trigger_after_step": after} | fields


def test_a_whole_line_has_nothing_said_against_it() -> None:
    assert check_lineup(line(*WHOLE, branches=(branch("painter", 1), branch("poster", 3))), ROLES) == ()


@pytest.mark.parametrize(
    ("agents", "said"),
    [
        (("author",), "step 0: author is a writer, and no researcher is before it"),
        (("author", "finder"), "step 0: author is a writer, and no researcher is before it"),
        (("finder", "judge", "author"), "step 1: judge is a reviewer, and no writer is before it"),
        (("finder", "polisher"), "step 1: polisher is an editor, and no writer is before it"),
        ((None, "author"), "step 1: author is a writer, and no researcher is before it"),
    ],
)
def test_somebody_with_nothing_to_work_on_is_refused(agents: tuple[str | None, ...], said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_lineup(line(*agents), ROLES)
    assert refused.value.message == said


def test_a_branch_sees_the_steps_up_to_the_one_that_begins_it() -> None:
    with pytest.raises(InvalidInput, match="branch 'judge': judge is a reviewer"):
        check_lineup(line(*WHOLE, branches=(branch("judge", 0),)), ROLES)
    assert check_lineup(line(*WHOLE, branches=(branch("judge", 1),)), ROLES) == ()


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (line("finder", "author", "polisher"), ("no reviewer: nobody checks what is written",)),
        (line("finder", "author", "judge"), ("no humanizer: nobody edits what is written",)),
        (line("finder", "painter"), ("step 1: painter works on a draft, and no writer is before it",)),
        (
            line(*WHOLE, branches=(branch("poster", 0),)),
            ("branch 'poster': poster works on a draft, and no writer is before it",),
        ),
        (
            line(*WHOLE, branches=(branch("painter", 1, output_dir="a"), branch("poster", 1, output_dir="a"))),
            tuple(
                f"branch '{name}': another unit writes to a too, by default to the same file"
                for name in ("painter", "poster")
            ),
        ),
    ],
)
def test_what_may_be_meant_is_a_warning(template: Template, said: tuple[str, ...]) -> None:
    assert check_lineup(template, ROLES) == said


@pytest.mark.parametrize("agents", [("finder",), ("mine",), ("nobody", "mine")])
def test_lines_without_a_writer_and_agents_without_a_role_are_nobodys_business(agents: tuple[str, ...]) -> None:
    assert check_lineup(line(*agents), ROLES) == ()


def test_the_agents_of_a_template_are_named_once() -> None:
    assert agents_of(line("finder", None, "author", "finder", branches=(branch("painter", 1),))) == (
        "finder",
        "author",
        "painter",
    )
