"""What campaigns may target, and what their agents are told of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.builders import project

from baton.domain import project_commands as c
from baton.domain.errors import FocusGroupNotFound, IllegalTransition, InvalidInput, ProductNotFound
from baton.domain.projects import Project
from baton.domain.publishing import Publish, check_published
from baton.domain.targeting import checked_groups, checked_products, told_of_group, told_of_product
from baton.domain.targets import Role, Target, check_targets, targets_of

OTHER = project(id="mill")


def empty(slug: str) -> Project:
    found = project(id=slug)
    return msgspec.structs.replace(found, products={}, focus_groups={})


def products(found: Project | None, *names: str, others: Any = (OTHER,)) -> list[str]:
    wanted = targets_of(names)
    return [one.slug for one in checked_products(found, "acme", wanted, others)]


def groups(found: Project | None, *words: str, others: Any = (OTHER,)) -> tuple[str, ...]:
    return checked_groups(found, "acme", words, others)


# -- what may be targeted -----------------------------------------------------------------------------------------


def test_a_product_alone_is_the_main_one() -> None:
    assert targets_of(("loaf", Target(product="knife", role=Role.UPSELL))) == (
        Target(product="loaf", role=Role.MAIN),
        Target(product="knife", role=Role.UPSELL),
    )


def test_products_and_groups_of_the_own_project_are_found_whatever_others_have() -> None:
    assert products(project(), "loaf") == ["loaf"]
    assert groups(project(), "Home Bakers", "home-bakers") == ("home-bakers",)


def test_a_product_of_another_project_is_refused_by_name() -> None:
    for own in (None, empty("acme")):
        with pytest.raises(InvalidInput) as refused:
            products(own, "loaf")
        assert refused.value.message == "products: product 'loaf' is of project 'mill', not of 'acme'"


def test_a_product_that_nobody_has_is_refused() -> None:
    with pytest.raises(InvalidInput, match="products: project 'acme' has no product 'bun'"):
        products(None, "bun")
    with pytest.raises(ProductNotFound, match="project 'acme' has no product 'loav'"):
        products(project(), "loav")


def test_a_focus_group_of_another_project_is_refused_by_name() -> None:
    for own in (None, empty("acme")):
        with pytest.raises(InvalidInput) as refused:
            groups(own, "Home bakers")
        assert refused.value.message == "focus_groups: focus group 'Home bakers' is of project 'mill', not of 'acme'"


def test_in_a_project_without_groups_a_word_is_what_agents_look_for() -> None:
    assert groups(None, "wholesalers") == ("wholesalers",)
    assert groups(empty("acme"), "wholesalers") == ("wholesalers",)


def test_in_a_project_with_groups_a_word_must_be_one_of_them() -> None:
    with pytest.raises(FocusGroupNotFound) as refused:
        groups(project(), "home-baker")
    assert refused.value.cure == "did you mean 'home-bakers'? known: home-bakers"


def test_what_is_archived_cannot_be_targeted() -> None:
    shelved = project(c.ArchiveFocusGroup(by="ann", slug="home-bakers"), c.ArchiveProduct(by="ann", slug="loaf"))
    with pytest.raises(IllegalTransition, match="products: product 'loaf' is archived"):
        products(shelved, "loaf")
    with pytest.raises(IllegalTransition, match="focus_groups: focus group 'home-bakers' is archived"):
        groups(shelved, "home-bakers")


@pytest.mark.parametrize(
    ("names", "message"),
    [(("a", "a"), "products: 'a' is named twice"), (tuple(f"p{n}" for n in range(21)), "products: names 21, 20")],
)
def test_a_list_of_products_that_makes_no_sense_is_refused(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_targets(names)


# -- what agents are told -----------------------------------------------------------------------------------------


def test_of_a_product_only_what_is_known_is_told() -> None:
    fields = {"context": {"usps": ("slow", "dark")}, "brand_voice": {"avoided_words": ("artisan",)}}
    found = project(c.UpdateProduct(by="ann", slug="loaf", fields=fields)).products["loaf"]
    assert told_of_product(found, Role.UPSELL, "acme") == {
        "slug": "loaf",
        "name": "Sourdough loaf",
        "role": "upsell",
        "description": "",
        "lines": ["what sets it apart: slow; dark"],
        "voice": ["words to avoid: artisan"],
        "more": None,
    }


def test_long_fields_are_cut_and_the_command_that_shows_all_is_told() -> None:
    fields = {"fears": tuple("abcdefg"), "overview": "x" * 300, "nickname": "The patient"}
    found = project(c.UpdateFocusGroup(by="ann", slug="home-bakers", fields=fields)).focus_groups["home-bakers"]
    assert told_of_group(found, "acme") == {
        "slug": "home-bakers",
        "name": "Home bakers (The patient)",
        "product": "loaf",
        "lines": [f"overview: {'x' * 237}...", "fears: a; b; c; d; e"],
        "more": "focus_group.py show home-bakers --project acme",
    }


def test_words_to_use_and_to_avoid_are_told_all() -> None:
    words = tuple(f"word{number}" for number in range(40))
    fields = {"brand_voice": {"avoided_words": words, "preferred_words": words}}
    told = told_of_product(
        project(c.UpdateProduct(by="ann", slug="loaf", fields=fields)).products["loaf"], Role.MAIN, "acme"
    )
    assert told["voice"] == [f"words to use: {'; '.join(words)}", f"words to avoid: {'; '.join(words)}"]
    assert told["more"] is None


# -- publishing ---------------------------------------------------------------------------------------------------

SITE = Publish(site="https://bakery.example/blog/")


@pytest.mark.parametrize(
    "url",
    ["https://bakery.example/blog/rye", "https://bakery.example/blog", "https://bakery.example/blog?p=1"],
)
def test_an_address_on_the_site_is_taken(url: str) -> None:
    assert check_published(url, SITE) == url


@pytest.mark.parametrize(
    "url", ["https://bakery.example/blogger", "https://other.example/blog/rye", "http://bakery.example/blog/rye"]
)
def test_an_address_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"is not on the campaign's site https://bakery\.example/blog"):
        check_published(url, SITE)
    assert check_published(url, None) == check_published(url, Publish(author="Ann")) == url


@pytest.mark.parametrize(
    "url", ["rye", "ftp://x.example/a", "https://", "https://x.example/a b", "javascript:alert(1)"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="is not an address"):
        check_published(url, None)
    with pytest.raises(ValueError, match=r"site: .* is not an address"):
        Publish(site=url)
