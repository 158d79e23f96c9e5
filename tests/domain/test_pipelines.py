"""Pipeline templates as people write them, and the units a task gets from one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from baton.domain.pipelines import (
    HARNESSES,
    NOT_BUILT_IN_STEP,
    Branch,
    OnComplete,
    Step,
    Template,
    branches_of,
    units_of,
)
from baton.domain.records import Unit
from baton.domain.statuses import TaskStatus

WRITTEN = {
    "slug": "my-line",
    "name": "My line",
    "description": "Research, write",
    "main_steps": [
        {"agent": "keyword-researcher", "model": "sonnet", "label": "Keyword research", "output_dir": "research"},
        {"agent": "content-writer", "label": "Write", "output_dir": "drafts", "timeout": "30m", "max_attempts": 2},
        {"agent": None, "label": "Wait for the press"},
    ],
    "on_complete": {"telegram": True, "summary": False},
}


def read(**changed: Any) -> Template:
    return msgspec.convert(WRITTEN | changed, Template)


def read_step(**fields: Any) -> Step:
    return read(main_steps=[{"agent": "content-writer"} | fields]).main_steps[0]


def test_a_template_is_read_as_it_is_written() -> None:
    assert read() == Template(
        slug="my-line",
        name="My line",
        description="Research, write",
        main_steps=(
            Step(agent="keyword-researcher", model="sonnet", label="Keyword research", output_dir="research"),
            Step(agent="content-writer", label="Write", output_dir="drafts", timeout="30m", max_attempts=2),
            Step(agent=None, label="Wait for the press"),
        ),
        on_complete=OnComplete(telegram=True, summary=False, manifest=True),
    )


def test_a_template_that_was_read_can_be_written_and_read_again() -> None:
    assert msgspec.json.decode(msgspec.json.encode(read()), type=Template) == read()


@pytest.mark.parametrize("key", ["steps", "color", "main_step"])
def test_an_unknown_key_is_refused(key: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=f"unknown field `{key}`"):
        read(**{key: []})


BRANCH = {"trigger_after_step": 0, "agent": "image-director", "label": "Hero image"}


def read_branches(*branches: dict[str, Any], convergence_step: int | None = None) -> Template:
    steps = [{"agent": "content-writer"}, {"agent": "content-reviewer"}, {"agent": "humanizer"}]
    return read(main_steps=steps, parallel_branches=list(branches), convergence_step=convergence_step)


def test_branches_begin_after_a_step_and_join_at_another() -> None:
    found = read_branches(BRANCH, BRANCH | {"label": "Social", "deliverable": "social_posts"}, convergence_step=2)
    assert [(one.label, one.trigger_after_step, one.deliverable) for one in found.parallel_branches] == [
        ("Hero image", 0, None),
        ("Social", 0, "social_posts"),
    ]
    assert found.convergence_step == 2


@pytest.mark.parametrize(
    ("branches", "convergence_step", "message"),
    [
        ([BRANCH, BRANCH], None, "'Hero image' is there twice"),
        ([BRANCH | {"trigger_after_step": 3}], None, "trigger_after_step 3 is not one of the main_steps"),
        ([BRANCH | {"trigger_after_step": -1}], None, "trigger_after_step -1 is not one of the main_steps"),
        ([BRANCH | {"trigger_after_step": 1}], 1, "convergence_step 1 comes before 'Hero image' can be done"),
        ([BRANCH], 3, "convergence_step 3 is not one of the main_steps"),
        ([], 1, "there is nothing to wait for"),
        ([BRANCH | {"label": " "}], None, "a branch must have a label"),
        ([BRANCH | {"label": "a\nb"}], None, "a branch must have a label"),
        ([BRANCH | {"label": "x" * 101}], None, "a branch must have a label"),
        ([BRANCH | {"agent": None}], None, "a branch must have an agent"),
        ([BRANCH | {"task_status": "drafted"}], None, "only the main line moves the task"),
        ([BRANCH | {"deliverable": "Hero image"}], None, "deliverable"),
        ([BRANCH | {"color": "red"}], None, "unknown field `color`"),
        ([{"agent": "image-director", "label": "Hero image"}], None, "missing required field `trigger_after_step`"),
    ],
)
def test_branches_that_cannot_work_are_refused_with_the_reason(
    branches: list[dict[str, Any]], convergence_step: int | None, message: str
) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        read_branches(*branches, convergence_step=convergence_step)
    assert message in str(refused.value)


@pytest.mark.parametrize("key", NOT_BUILT_IN_STEP)
def test_a_feature_of_a_step_that_is_not_built_is_refused_by_name_and_place(key: str) -> None:
    with pytest.raises(
        msgspec.ValidationError, match=rf"{key} in a step is not supported yet - at `\$\.main_steps\[0\]`"
    ):
        read_step(**{key: ["something"]})


@pytest.mark.parametrize("nothing", [None, [], {}, ""])
def test_a_feature_that_is_not_built_may_be_left_empty(nothing: Any) -> None:
    assert read_step(gates=nothing).agent == "content-writer"


@pytest.mark.parametrize("slug", ["", "My-Line", "../line", "a" * 129])
def test_a_slug_that_is_no_id_is_refused(slug: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="is not a valid pipeline id"):
        read(slug=slug)


@pytest.mark.parametrize("steps", [[], [{"agent": None}]])
def test_a_template_that_gives_nobody_anything_to_do_is_refused(steps: list[Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match="none of the steps has an agent"):
        read(main_steps=steps)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"agent": "Content Writer"}, "is not a valid agent name"),
        ({"harness": "clade"}, "harness 'clade' is not one of claude, codex"),
        ({"timeout": "30"}, "'30' is not a duration"),
        ({"timeout": 30}, "Expected `str | null`, got `int`"),
        ({"max_attempts": 0}, "max_attempts must be at least 1"),
        ({"task_status": "blocked"}, "task_status 'blocked' is not one a step can stand for"),
        ({"task_status": "backlog"}, "task_status 'backlog' is not one a step can stand for"),
        ({"task_status": "done"}, "Invalid enum value 'done'"),
        ({"output_dir": ""}, "must be a path inside the workspace"),
        ({"output_dir": "/etc"}, "must be a path inside the workspace"),
        ({"output_dir": "drafts/../.."}, "must be a path inside the workspace"),
        ({"output_dir": "a\0b"}, "must be a path inside the workspace"),
    ],
)
def test_a_step_that_cannot_work_is_refused_with_the_reason(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        read_step(**fields)
    assert message in str(refused.value)


@pytest.mark.parametrize("harness", HARNESSES)
def test_every_harness_of_the_contract_may_be_named(harness: str) -> None:
    assert read_step(harness=harness).harness == harness


def test_a_harness_that_the_settings_may_describe_is_known_by_its_name() -> None:
    assert read_step(harness="x-my-agent").harness == "x-my-agent"
    for name in ("x-", "x-My", "x_mine", "x--a", "mine", f"x-{'a' * 40}"):
        with pytest.raises(ValueError, match="is not one of claude"):
            Step(agent="writer", harness=name)


@pytest.mark.parametrize("folder", ["drafts", "drafts/long", "..drafts", "a..b"])
def test_a_folder_inside_the_workspace_is_accepted(folder: str) -> None:
    assert read_step(output_dir=folder).output_dir == folder


# -- units --------------------------------------------------------------------------------------------------------


def test_each_step_becomes_a_unit_with_a_number_and_a_key() -> None:
    step = Step(
        agent="content-writer",
        label="Write",
        model="opus",
        harness="codex",
        description="Write the draft",
        instructions="Be brief",
        output_dir="drafts",
        task_status=TaskStatus.DRAFTED,
        timeout="30m",
        max_attempts=2,
    )
    assert units_of((Step(agent=None), step), harness="claude", model="sonnet") == (
        Unit(step=0, key="s1", agent=None, model="sonnet", harness="claude"),
        Unit(
            step=1,
            key="s2",
            agent="content-writer",
            label="Write",
            model="opus",
            harness="codex",
            description="Write the draft",
            instructions="Be brief",
            output_dir="drafts",
            task_status=TaskStatus.DRAFTED,
            timeout="30m",
            max_attempts=2,
        ),
    )


def test_a_campaigns_harness_and_model_fill_in_where_a_step_names_none() -> None:
    (made,) = units_of((Step(agent="content-writer", model="opus"),), harness="codex", model="sonnet")
    assert (made.harness, made.model) == ("codex", "opus")


def test_a_step_without_a_description_is_described_by_its_label() -> None:
    (made,) = units_of((Step(agent="content-writer", label="Write"),))
    assert (made.description, made.harness, made.model) == ("Write", None, None)


def test_every_field_of_a_step_reaches_its_unit() -> None:
    assert set(Step.__struct_fields__) - set(NOT_BUILT_IN_STEP) <= set(Unit.__struct_fields__)
    assert set(Branch.__struct_fields__) - set(NOT_BUILT_IN_STEP) <= set(Unit.__struct_fields__)


def test_the_branches_of_a_task_are_those_whose_deliverable_is_wanted() -> None:
    template = read_branches(
        BRANCH,
        BRANCH | {"label": "Social", "deliverable": "social_posts", "model": "opus"},
        BRANCH | {"label": "Email", "deliverable": "email"},
    )
    made = branches_of(template, {"email": False, "social_posts": True}, harness="codex", model="sonnet")
    assert made == {
        "Hero image": Unit(
            step=None,
            key="b1",
            agent="image-director",
            label="Hero image",
            description="Hero image",
            model="sonnet",
            harness="codex",
            trigger_after_step=0,
        ),
        "Social": Unit(
            step=None,
            key="b2",
            agent="image-director",
            label="Social",
            description="Social",
            model="opus",
            harness="codex",
            trigger_after_step=0,
            deliverable="social_posts",
        ),
    }
