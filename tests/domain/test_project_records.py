"""What happens to a project's products and focus groups."""

from __future__ import annotations

from typing import Any

import pytest
from tests.builders import NOW, after, at, project

from baton.domain import project_commands as c
from baton.domain.errors import AlreadyExists, FocusGroupNotFound, IllegalTransition, InvalidInput, ProductNotFound
from baton.domain.products import BrandVoice, FocusGroup, ProductContext, Source, Standing, slug_from
from baton.domain.project_table import decide
from baton.domain.projects import Project

LATER = at(60)


def imported(found: Project, *groups: dict[str, Any], product: str = "loaf", enriched: bool = False) -> Project:
    """The project after the groups of a document."""
    command = c.ImportFocusGroups(by="ann", product=product, groups=groups, enriched=enriched)
    return decide(found, command, LATER)[0]


def added(found: Project, name: str, *, product: str = "loaf", **fields: Any) -> Project:
    return after(found, c.AddFocusGroup(by="ann", product=product, fields={"name": name} | fields))  # type: ignore[no-any-return]


def with_knife() -> Project:
    return project(c.AddProduct(by="ann", slug="knife", fields={"name": "Bread knife"}))


# -- products -----------------------------------------------------------------------------------------------------


def test_of_a_context_and_a_voice_only_what_is_named_changes() -> None:
    first = c.UpdateProduct(
        by="ann",
        slug="loaf",
        fields={"context": {"pricing": "6 euros", "usps": ("slow",)}, "brand_voice": {"tone": "warm"}},
    )
    second = c.UpdateProduct(by="ann", slug="loaf", fields={"context": {"pricing": "7 euros"}})
    found = after(project(), first, second).products["loaf"]
    assert found.context == ProductContext(pricing="7 euros", usps=("slow",))
    assert found.brand_voice == BrandVoice(tone="warm")


@pytest.mark.parametrize(
    "command",
    [
        c.UpdateProject(by="ann", fields={"name": "Acme", "appearance": {"icon": ""}}),
        c.UpdateProduct(by="ann", slug="loaf", fields={"name": "Sourdough loaf", "context": {"pricing": ""}}),
        c.UpdateFocusGroup(by="ann", slug="home-bakers", fields={"fears": ("flat loaves",)}),
        c.UnarchiveProduct(by="ann", slug="loaf"),
        c.UnarchiveFocusGroup(by="ann", slug="home-bakers"),
        c.ImportFocusGroups(by="ann", product="loaf", groups=({"name": "Home bakers", "fears": ("flat loaves",)},)),
    ],
    ids=lambda command: type(command).__name__,
)
def test_what_is_so_already_changes_nothing(command: Any) -> None:
    before = project()
    record, events = decide(before, command, LATER)
    assert record is before
    assert events == []


def test_a_product_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(ProductNotFound) as refused:
        decide(project(), c.ArchiveProduct(by="ann", slug="loav"), LATER)
    assert refused.value.message == "project 'acme' has no product 'loav'"
    assert refused.value.cure == "did you mean 'loaf'? known: loaf"


def test_a_product_is_added_once() -> None:
    with pytest.raises(AlreadyExists, match="project 'acme' has a product 'loaf' already"):
        decide(project(), c.AddProduct(by="ann", slug="loaf", fields={"name": "Another"}), LATER)


def test_a_project_keeps_so_many_products_and_no_more() -> None:
    full = project(*(c.AddProduct(by="ann", slug=f"p{number}", fields={"name": "P"}) for number in range(199)))
    with pytest.raises(InvalidInput, match="project 'acme' has 200 products; no more are kept"):
        decide(full, c.AddProduct(by="ann", slug="one-more", fields={"name": "P"}), LATER)


# -- focus groups -------------------------------------------------------------------------------------------------


def test_a_focus_group_is_numbered_within_its_product_and_named_within_the_project() -> None:
    found = added(added(with_knife(), "Restaurants"), "Home bakers", product="knife", slug="knife-bakers")
    assert [(group.slug, group.product, group.number) for group in found.focus_groups.values()] == [
        ("home-bakers", "loaf", 1),
        ("restaurants", "loaf", 2),
        ("knife-bakers", "knife", 1),
    ]
    assert found.groups_of("loaf") == (found.focus_groups["home-bakers"], found.focus_groups["restaurants"])


def test_a_slug_that_another_product_of_the_project_has_is_refused() -> None:
    with pytest.raises(AlreadyExists, match=r"has a focus group 'home-bakers' already \(of product 'loaf'\)"):
        added(with_knife(), "Home bakers", product="knife")


def test_a_number_that_is_taken_is_refused_when_it_is_given() -> None:
    with pytest.raises(AlreadyExists, match="number 1 of product 'loaf' is focus group 'home-bakers'"):
        added(project(), "Restaurants", number=1)


def test_a_group_may_be_given_another_number_unless_it_is_taken() -> None:
    two = added(project(), "Restaurants")
    moved = after(two, c.UpdateFocusGroup(by="ann", slug="restaurants", fields={"number": 7}))
    assert moved.focus_groups["restaurants"].number == 7
    with pytest.raises(AlreadyExists):
        after(two, c.UpdateFocusGroup(by="ann", slug="restaurants", fields={"number": 1}))


def test_an_archived_product_is_given_no_further_group() -> None:
    shelved = project(c.ArchiveProduct(by="ann", slug="loaf"))
    with pytest.raises(IllegalTransition, match="product 'loaf' is archived"):
        added(shelved, "Restaurants")
    with pytest.raises(IllegalTransition, match="product 'loaf' is archived"):
        imported(shelved, {"name": "Restaurants"})


@pytest.mark.parametrize("word", ["home-bakers", "Home bakers", "HOME BAKERS", "the patient"])
def test_a_group_is_found_by_slug_name_or_nickname(word: str) -> None:
    found = project(c.UpdateFocusGroup(by="ann", slug="home-bakers", fields={"nickname": "The Patient"}))
    assert found.group(word).slug == "home-bakers"


def test_a_nickname_that_two_groups_have_means_neither() -> None:
    found = added(added(project(), "Shops", nickname="The busy"), "Cafés", nickname="The busy")
    with pytest.raises(FocusGroupNotFound):
        found.group("the busy")


def test_what_is_not_known_of_a_group_is_named_in_the_order_of_the_fields() -> None:
    group = FocusGroup(
        slug="a", product="p", number=1, name="A", overview="x", hooks=("y",), created_at=NOW, updated_at=NOW
    )
    assert group.missing == (
        "nickname", "category", "demographics", "psychographics", "core_desires", "pain_points", "fears", "beliefs",
        "objections", "emotional_triggers", "language_patterns",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Café owners", "cafe-owners"),
        ("  A & B!  ", "a-b"),
        ("面包", ""),
        ("x" * 80, "x" * 60),
        ("Über-Bäcker", "uber-backer"),
    ],
)
def test_a_name_becomes_a_slug(name: str, slug: str) -> None:
    assert slug_from(name) == slug


# -- imports ------------------------------------------------------------------------------------------------------


def test_an_import_is_one_commit_with_one_event() -> None:
    before = project()
    groups = ({"name": "Restaurants"}, {"name": "home bakers", "hooks": ("Why flat?",)}, {"name": "Home Bakers"})
    record, events = decide(before, c.ImportFocusGroups(by="ann", product="loaf", groups=groups[:2]), LATER)
    assert record.version == before.version + 1
    assert [(event.type, event.data) for event in events] == [
        (
            "focus_groups_imported",
            {"project": "acme", "by": "ann", "product": "loaf", "added": ["restaurants"], "changed": ["home-bakers"]},
        )
    ]


def test_a_group_that_is_there_keeps_what_a_document_does_not_say_and_its_name() -> None:
    before = project().focus_groups["home-bakers"]
    found = imported(project(), {"name": "HOME BAKERS", "number": 9, "hooks": ("Why flat?",), "fears": ()})
    after_it = found.focus_groups["home-bakers"]
    assert (after_it.name, after_it.number, after_it.fears) == (before.name, before.number, before.fears)
    assert (after_it.hooks, after_it.updated_at, after_it.source) == (("Why flat?",), LATER, Source.MANUAL)


def test_what_research_found_is_dated_and_stays_research() -> None:
    researched = imported(project(), {"name": "Home bakers", "hooks": ("Why flat?",)}, enriched=True)
    later = imported(researched, {"name": "Home bakers", "beliefs": ("slow is good",), "source": Source.UPLOADED})
    for found in (researched, later):
        group = found.focus_groups["home-bakers"]
        assert (group.source, group.last_enriched) == (Source.RESEARCHED, LATER)


def test_a_name_that_another_products_group_has_gets_a_slug_of_its_own() -> None:
    found = imported(with_knife(), {"name": "Home bakers"}, product="knife")
    assert [group.slug for group in found.groups_of("knife")] == ["home-bakers-knife"]


def test_the_numbers_of_a_document_count_unless_they_are_taken() -> None:
    found = imported(project(), {"name": "A", "number": 1}, {"name": "B", "number": 5}, {"name": "C", "number": None})
    assert [(group.name, group.number) for group in found.groups_of("loaf")] == [
        ("Home bakers", 1),
        ("A", 2),
        ("B", 5),
        ("C", 6),
    ]


def test_a_name_without_a_letter_that_can_be_kept_is_numbered() -> None:
    once = imported(project(), {"name": "面包"})
    again = imported(once, {"name": " 面包", "hooks": ("?",)}, {"name": "米饭"})
    assert once.focus_groups["group-2"].name == "面包"
    assert [(group.slug, group.hooks) for group in again.groups_of("loaf")[1:]] == [
        ("group-2", ("?",)),
        ("group-3", ()),
    ]


def test_an_import_that_fails_half_way_leaves_nothing() -> None:
    before = project()
    many = tuple({"name": f"Group {number}"} for number in range(501))
    with pytest.raises(InvalidInput, match="has 500 focus groups"):
        imported(before, *many)
    assert list(before.focus_groups) == ["home-bakers"]


def test_a_record_whose_parts_do_not_fit_is_none() -> None:
    group = project().focus_groups["home-bakers"]
    with pytest.raises(ValueError, match="focus group 'home-bakers' is kept as 'home-bakers' of product 'loaf'"):
        Project(schema=1, id="x", version=1, name="X", focus_groups={"home-bakers": group})
    assert project(c.ArchiveProject(by="ann")).status is Standing.ARCHIVED
