"""The service registry: what its file may say, and which services come in which order."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from baton.domain.errors import InvalidInput, ServiceNotFound
from baton.domain.services import Category, Registry, Service, resolve


def read_as_registry(document: Any) -> Registry:
    """Read plain data as the file's document is read; how the file itself is, ``tests/store/test_documents.py`` says."""
    return msgspec.convert(document, Registry)


def registry(*services: dict[str, Any], **others: list[dict[str, Any]]) -> Registry:
    lists = {"seo_keywords": list(services), **others}
    return read_as_registry({"categories": {key: {"services": listed} for key, listed in lists.items()}})


def names(found: Registry, **wanted: Any) -> list[str]:
    return [service.name for service in resolve(found, "seo_keywords", has_key=lambda name: False, **wanted)]


# -- the file -----------------------------------------------------------------------------------------------------


def test_a_whole_registry_is_read() -> None:
    service = {
        "name": "dataforseo",
        "display_name": "DataForSEO",
        "active": False,
        "priority": 1,
        "api_key_env": "DATAFORSEO_KEY",
        "use_cases": ["volumes"],
        "script": "services/dataforseo.py",
        "mcp_server": "dataforseo",
        "cost": "$0.01/query",
        "docs_url": "https://example.org/docs",
        "config": {"region": "us", "limits": {"per_day": 5}},
    }
    category = {"display_name": "SEO", "scope": "research", "required": True, "sort_order": 2, "services": [service]}

    read = read_as_registry({"categories": {"seo_keywords": category}})

    assert read == Registry(
        categories={
            "seo_keywords": Category(
                display_name="SEO",
                scope="research",
                required=True,
                sort_order=2,
                services=(Service(**{**service, "use_cases": ("volumes",)}),),
            )
        }
    )


def test_a_service_needs_only_a_name() -> None:
    assert registry({"name": "plain"}).categories["seo_keywords"].services == (
        Service(
            name="plain",
            display_name="",
            active=True,
            priority=10,
            api_key_env=None,
            use_cases=(),
            script=None,
            mcp_server=None,
            cost=None,
            docs_url=None,
            config={},
        ),
    )


@pytest.mark.parametrize("document", [{}, {"categories": {}}])
def test_an_empty_file_is_an_empty_registry(document: Any) -> None:
    assert read_as_registry(document) == Registry(categories={})


def test_a_registry_survives_its_cache() -> None:
    read = registry({"name": "a", "config": {"x": 1}}, images=[{"name": "b", "cost": 0.5}])

    assert msgspec.json.decode(msgspec.json.encode(read), type=Registry) == read


@pytest.mark.parametrize(
    ("service", "reason"),
    [
        ({"name": "a", "prio": 1}, "Object contains unknown field `prio` - at `$.categories[...].services[0]`"),
        ({"name": "a", "priority": "1"}, "Expected `int`, got `str` - at `$.categories[...].services[0].priority`"),
        ({"name": "a", "priority": True}, "Expected `int`, got `bool` - at `$.categories[...].services[0].priority`"),
        ({"name": "a", "priority": 1.5}, "Expected `int`, got `float` - at `$.categories[...].services[0].priority`"),
        (
            {"name": "a", "use_cases": "volumes"},
            "Expected `array`, got `str` - at `$.categories[...].services[0].use_cases`",
        ),
        (
            {"name": "a", "use_cases": [" "]},
            "use_cases must not hold an empty one - at `$.categories[...].services[0]`",
        ),
        ({"priority": 1}, "Object missing required field `name` - at `$.categories[...].services[0]`"),
        (
            {"name": "../a"},
            "name '../a' is not valid: use a-z, 0-9, '.', '_' and '-' - at `$.categories[...].services[0]`",
        ),
    ],
)
def test_a_wrong_service_is_refused_with_its_place(service: dict[str, Any], reason: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        registry(service)

    assert str(caught.value) == reason


def test_a_key_written_where_its_variable_belongs_is_not_shown() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        registry({"name": "a", "api_key_env": "sk-1234567890"})

    assert "api_key_env must be the name of a variable, not its value" in str(caught.value)
    assert "sk-1234567890" not in str(caught.value)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([], "Expected `object`, got `array`"),
        ({"services": {}}, "Object contains unknown field `services`"),
        (
            {"categories": {"SEO keywords": {}}},
            "'SEO keywords' is not a valid category key: use a-z, 0-9, '.', '_' and '-'",
        ),
        ({"categories": {"seo": None}}, "Expected `object`, got `null` - at `$.categories[...]`"),
        ({"categories": {"seo": {"name": "x"}}}, "Object contains unknown field `name` - at `$.categories[...]`"),
        (
            {"categories": {"seo": {"scope": "other"}}},
            "scope 'other' is not one of research, content, distribution, quality, infrastructure - at `$.categories[...]`",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(document: Any, reason: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        read_as_registry(document)

    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("lists", "reason"),
    [
        ({"seo": ["a", "a"]}, "service a is listed in seo and again in seo"),
        ({"seo": ["a"], "images": ["b", "a"]}, "service a is listed in seo and again in images"),
    ],
)
def test_a_service_listed_twice_is_refused(lists: dict[str, list[str]], reason: str) -> None:
    categories = {key: {"services": [{"name": name} for name in listed]} for key, listed in lists.items()}

    with pytest.raises(msgspec.ValidationError) as caught:
        read_as_registry({"categories": categories})

    assert str(caught.value) == reason


# -- the chain ----------------------------------------------------------------------------------------------------


def test_the_chain_goes_by_priority_then_by_name() -> None:
    found = registry(
        {"name": "z", "priority": 1}, {"name": "default"}, {"name": "b", "priority": 2}, {"name": "a", "priority": 2}
    )

    assert names(found) == ["z", "a", "b", "default"]


def test_only_active_services_are_in_the_chain() -> None:
    assert names(registry({"name": "off", "active": False, "priority": 1}, {"name": "on"})) == ["on"]


def test_only_services_of_the_capability_are_in_the_chain() -> None:
    assert names(registry({"name": "mine"}, images=[{"name": "theirs", "priority": 1}])) == ["mine"]


def test_a_use_case_leaves_those_that_list_it_and_those_that_list_none() -> None:
    found = registry(
        {"name": "other", "priority": 1, "use_cases": ["trends"]},
        {"name": "any"},
        {"name": "both", "use_cases": ["trends", "volumes"]},
    )

    assert names(found, use_case="volumes") == ["both", "any"]


def test_listing_the_use_case_counts_only_at_the_same_priority() -> None:
    found = registry({"name": "listed", "priority": 2, "use_cases": ["volumes"]}, {"name": "any", "priority": 1})

    assert names(found, use_case="volumes") == ["any", "listed"]


def test_without_a_use_case_what_services_list_does_not_matter() -> None:
    assert names(registry({"name": "b", "use_cases": ["volumes"]}, {"name": "a"})) == ["a", "b"]


def test_an_order_puts_its_services_first_and_keeps_the_rest() -> None:
    found = registry({"name": "a"}, {"name": "b"}, {"name": "c"}, {"name": "d"})

    assert names(found, order=["d", "b"]) == ["d", "b", "a", "c"]


def test_an_order_may_name_services_of_another_use_case() -> None:
    found = registry({"name": "a", "use_cases": ["trends"]}, {"name": "b"}, {"name": "c"})

    assert names(found, order=["a", "c"], use_case="volumes") == ["c", "b"]


@pytest.mark.parametrize(
    ("order", "reason", "cure"),
    [
        (
            ["nobody"],
            "the order for 'seo_keywords' names 'nobody', but there is no such service",
            "choose from off, on",
        ),
        (
            ["painter"],
            "the order for 'seo_keywords' names 'painter', but it belongs to 'images'",
            "choose from off, on",
        ),
        (
            ["on", "off"],
            "the order for 'seo_keywords' names 'off', which is not active",
            "switch it on: service.py toggle off --on; or take it out of the order",
        ),
        (["on", "on"], "the order for 'seo_keywords' names a service twice", ""),
    ],
)
def test_an_order_that_cannot_be_followed_is_refused(order: list[str], reason: str, cure: str) -> None:
    found = registry({"name": "on"}, {"name": "off", "active": False}, images=[{"name": "painter"}])

    with pytest.raises(InvalidInput) as caught:
        names(found, order=order)

    assert (caught.value.message, caught.value.cure) == (reason, cure)


def test_a_resolved_service_holds_all_that_an_agent_needs() -> None:
    found = registry(
        {
            "name": "dataforseo",
            "priority": 1,
            "api_key_env": "DATAFORSEO_KEY",
            "use_cases": ["volumes"],
            "script": "services/dataforseo.py",
            "cost": "$0.01/query",
            "config": {"region": "us"},
        }
    )

    [best] = resolve(found, "seo_keywords", has_key=lambda name: name == "DATAFORSEO_KEY")

    assert msgspec.json.decode(msgspec.json.encode(best)) == {
        "name": "dataforseo",
        "display_name": "dataforseo",
        "capability": "seo_keywords",
        "priority": 1,
        "active": True,
        "use_cases": ["volumes"],
        "api_key_env": "DATAFORSEO_KEY",
        "key_set": True,
        "script": "services/dataforseo.py",
        "mcp_server": None,
        "cost": "$0.01/query",
        "docs_url": None,
        "config": {"region": "us"},
    }


def test_whether_a_key_is_set_is_told_for_those_that_need_one_and_hides_nobody() -> None:
    found = registry({"name": "a", "api_key_env": "A_KEY"}, {"name": "b", "api_key_env": "B_KEY"}, {"name": "c"})

    chain = resolve(found, "seo_keywords", has_key=lambda name: name == "A_KEY")

    assert [(service.name, service.key_set) for service in chain] == [("a", True), ("b", False), ("c", None)]


def test_an_unknown_capability_is_named_with_the_known_ones_and_the_nearest() -> None:
    with pytest.raises(ServiceNotFound) as caught:
        resolve(registry(images=[]), "seo_keyword", has_key=lambda name: False)

    assert caught.value.message == "there is no capability 'seo_keyword'"
    assert caught.value.cure == "the nearest is 'seo_keywords'; known: images, seo_keywords"
    assert caught.value.details == {
        "capability": "seo_keyword",
        "known": ["images", "seo_keywords"],
        "nearest": "seo_keywords",
    }


def test_in_an_empty_registry_the_cure_is_to_add_something() -> None:
    with pytest.raises(ServiceNotFound) as caught:
        resolve(Registry(), "seo", has_key=lambda name: False)

    assert caught.value.cure == "add it to config/services.yaml"
    assert caught.value.details == {"capability": "seo", "known": [], "nearest": None}


@pytest.mark.parametrize(
    ("services", "use_case", "reason", "cure"),
    [
        ([], None, "no active service for capability 'seo_keywords'", "add one to config/services.yaml"),
        (
            [{"name": "off", "active": False}],
            None,
            "no active service for capability 'seo_keywords'",
            "switch one on: service.py toggle off --on",
        ),
        (
            [{"name": "a", "use_cases": ["trends"]}],
            "volumes",
            "no active service for capability 'seo_keywords' and use case 'volumes'",
            "add one to config/services.yaml",
        ),
    ],
)
def test_a_capability_that_nobody_serves_is_told_with_the_cure(
    services: list[dict[str, Any]], use_case: str | None, reason: str, cure: str
) -> None:
    with pytest.raises(ServiceNotFound) as caught:
        names(registry(*services), use_case=use_case)

    assert (caught.value.message, caught.value.cure) == (reason, cure)
    assert caught.value.details == {"capability": "seo_keywords", "use_case": use_case}
