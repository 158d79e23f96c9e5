"""Projects, products and focus groups as people write them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from baton.domain.products import Source
from baton.domain.project_files import FocusGroupFile, ProductFile, ProjectFile, fields_of


def read(type: Any, **written: Any) -> Any:
    return msgspec.convert(written, type, strict=True)


def test_a_product_says_what_its_file_says_and_nothing_else() -> None:
    written = read(
        ProductFile,
        project="acme",
        slug="loaf",
        name=" Loaf ",
        context={"features": ["a", " "], "usps": "slow rise", "pricing": ""},
        brand_voice={"preferred_words": "crust, crumb ,", "avoided_words": ["artisan"]},
    )
    assert fields_of(written) == {
        "name": "Loaf",
        "context": {"features": ("a",), "usps": ("slow rise",), "pricing": ""},
        "brand_voice": {"preferred_words": ("crust", "crumb"), "avoided_words": ("artisan",)},
    }


def test_a_profile_may_be_a_text_a_list_or_a_mapping() -> None:
    written = read(
        FocusGroupFile,
        name="Bakers",
        demographics={"age_range": "30-60", "lives": ["town", "village"], "income": ""},
        fears="flat loaves",
        hooks=["Why?", "How?"],
        source="researched",
        last_enriched="2026-11-21T09:30:00+01:00",
    )
    assert fields_of(written) == {
        "name": "Bakers",
        "demographics": ("age range: 30-60", "lives: town, village"),
        "fears": ("flat loaves",),
        "hooks": ("Why?", "How?"),
        "source": Source.RESEARCHED,
        "last_enriched": "2026-11-21T08:30:00.000Z",
    }


@pytest.mark.parametrize(
    ("type", "written", "message"),
    [
        (ProjectFile, {"slug": "A"}, "slug: 'A' is not a valid project id"),
        (ProjectFile, {"name": " "}, "name must be one line that is not empty"),
        (ProjectFile, {"name": "a\nb"}, "name must be one line that is not empty"),
        (ProjectFile, {"name": "x" * 201}, "name: is 201 characters long, 200 are kept"),
        (ProjectFile, {"description": "x" * 4001}, "description: is 4001 characters long, 4000 are kept"),
        (ProjectFile, {"status": "gone"}, "Invalid enum value 'gone'"),
        (ProjectFile, {"appearance": {"color": "red"}}, "unknown field `color`"),
        (ProductFile, {"project": "../x"}, "project: '../x' is not a valid project id"),
        (ProductFile, {"context": {"website": "bakery"}}, "website: 'bakery' is not an address"),
        (ProductFile, {"context": {"website": "javascript:x"}}, "website: 'javascript:x' is not an address"),
        (ProductFile, {"context": {"features": ["x"] * 61}}, "features: has 61 items, 60 are kept"),
        (ProductFile, {"brand_voice": {"examples": ["x" * 2001]}}, "examples: is 2001 characters long"),
        (ProductFile, {"brand_voice": {"tone": ["warm"]}}, "Expected `str`, got `array`"),
        (FocusGroupFile, {"number": 0}, "number: 0 is not between 1 and 100000"),
        (FocusGroupFile, {"source": "guessed"}, "Invalid enum value 'guessed'"),
        (FocusGroupFile, {"last_enriched": "yesterday"}, "'yesterday' is not an instant"),
        (FocusGroupFile, {"pain_point": "x"}, "unknown field `pain_point`"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_reason(type: Any, written: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        read(type, **written)
    assert message in str(refused.value)
