"""What a file is, which version, and what it was made from."""

from __future__ import annotations

import pytest
from msgspec import structs
from tests.builders import NOW, create_task, unit

from baton.domain import tasks
from baton.domain.lineage import deliverables_of, kind_of, listed, parent_of, version_in
from baton.domain.records import Result, Task
from baton.domain.resources import Resource
from baton.domain.reviews import Approval
from baton.domain.statuses import TaskStatus, UnitStatus


def resource(path: str) -> Resource:
    return Resource(path=path, kind=kind_of(path), title="T", sha256="0", bytes=1)


def task(*left: tuple[str, ...]) -> Task:
    """A task of four steps, the first of which have left these files."""
    made = tasks.decide(None, create_task(*(unit(agent) for agent in "abcd")), NOW)[0]
    results = [Result(at=NOW, agent="x", outputs=paths, resources=tuple(map(resource, paths))) for paths in left]
    line = [
        structs.replace(one, result=results[number] if number < len(results) else None)
        for number, one in enumerate(made.pipeline)
    ]
    return structs.replace(made, pipeline=tuple(line))


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("research/a.md", "research_material"),
        ("briefs/a.md", "brief"),
        ("drafts/a/01.md", "article"),
        ("assets/images/a.md", "image_prompt"),
        ("assets/images/a.PNG", "image"),
        ("assets/social/a.md", "social_post"),
        ("assets/email/a.md", "email_excerpt"),
        ("assets/email/sequences/a.md", "email_sequence"),
        ("assets/video/a.md", "video_script"),
        ("draftsmen/a.md", "artifact"),
        ("a.md", "artifact"),
    ],
)
def test_a_kind_is_told_by_the_folder(path: str, kind: str) -> None:
    assert kind_of(path) == kind


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("d/a.md", (1, "d/a.md")),
        ("d/a.v2.md", (2, "d/a.md")),
        ("d/a.v12", (12, "d/a")),
        ("d/a.v0.md", (1, "d/a.v0.md")),
        ("d/v2.md", (1, "d/v2.md")),
    ],
)
def test_a_version_is_told_by_the_name(path: str, version: tuple[int, str]) -> None:
    assert version_in(path) == version


@pytest.mark.parametrize(
    ("left", "path", "parent"),
    [
        ((), "research/t.md", None),
        ((("research/t.md",),), "drafts/t.md", "research/t.md"),
        ((("research/t.md",), ("drafts/x.md", "drafts/t.md")), "reviewed/t.md", "drafts/t.md"),
        ((("research/t.md",), ("drafts/t.md", "drafts/t.v2.md")), "reviewed/t.md", "drafts/t.v2.md"),
        ((("research/t.md", "research/more.md"),), "drafts/other.md", "research/t.md"),
        ((("research/t.md",), ()), "drafts/t.md", "research/t.md"),
        ((), "drafts/t.v2.md", "drafts/t.md"),
        ((), "drafts/t.v4.md", "drafts/t.v3.md"),
    ],
)
def test_a_file_is_made_from_its_version_before_or_from_what_was_left_before(
    left: tuple[tuple[str, ...], ...], path: str, parent: str | None
) -> None:
    made = task(*left)
    assert parent_of(made, made.pipeline[len(left)], path) == parent


def test_all_that_a_task_left_is_listed_with_its_step() -> None:
    found = [(one["task"], one["step"], one["path"]) for one in listed(task(("a.md",), ("b.md", "c.md")))]
    assert found == [("spring-001", 0, "a.md"), ("spring-001", 1, "b.md"), ("spring-001", 1, "c.md")]


def test_what_was_left_is_as_far_as_its_task_is() -> None:
    made = task(("a.md",))
    later = [
        made,
        structs.replace(made, status=TaskStatus.COMPLETED),
        structs.replace(made, status=TaskStatus.COMPLETED, approved=Approval(by="ann", at=NOW)),
        structs.replace(made, approved=Approval(by="ann", at=NOW), published_url="https://example.org/a"),
    ]
    assert [one["status"] for after in later for one in listed(after)] == ["draft", "complete", "approved", "published"]


def test_what_a_later_version_stands_for_is_superseded() -> None:
    made = task(("a.md",))
    first = made.pipeline[0]
    assert first.result is not None
    again = Result(at=NOW, agent="x", outputs=("a.v2.md",), resources=(resource("a.v2.md"),), version=2)
    step = structs.replace(first, earlier=(first.result,), result=again)
    found = listed(structs.replace(made, pipeline=(step, *made.pipeline[1:])))
    assert [(one["path"], one["status"]) for one in found] == [("a.md", "superseded"), ("a.v2.md", "draft")]


def test_a_deliverable_is_as_far_as_its_branch_and_without_one_it_is_wanted() -> None:
    branch = structs.replace(unit("image-director"), step=None, deliverable="hero_image", status=UnitStatus.COMPLETED)
    wishes = {"hero_image": True, "video": True, "ads": False}
    made = structs.replace(task(), branches={"Hero image": branch}, deliverables=wishes)
    assert deliverables_of(made) == {"hero_image": "completed", "video": "wanted"}
