"""``service.py``: the registry as people look at it."""

from __future__ import annotations

import pytest
from tests.cli.homes import Home, tree

SERVICES = """\
categories:
  seo_keywords:
    sort_order: 2
    services:
      - {name: second, priority: 2, api_key_env: SECOND_KEY}
      - {name: first, priority: 1, api_key_env: FIRST_KEY}
      - {name: off, active: false, priority: 0}
  images:
    sort_order: 1
    services: [{name: painter}]
"""


@pytest.fixture
def registry(home: Home) -> Home:
    (home.root / "config/services.yaml").write_text(SERVICES)
    return home


def test_services_are_listed_in_the_order_in_which_they_are_tried(registry: Home) -> None:
    found = registry.ok("service", "list", "--json", FIRST_KEY="canary").json
    assert [(one["capability"], one["name"], one["active"], one["key_set"]) for one in found] == [
        ("images", "painter", True, None),
        ("seo_keywords", "first", True, True),
        ("seo_keywords", "second", True, False),
        ("seo_keywords", "off", False, None),
    ]


def test_people_see_whether_a_key_is_set_and_never_the_key(registry: Home) -> None:
    lines = registry.ok("service", "list", FIRST_KEY="canary").out.splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["images", "painter", "active", "10", "-"],
        ["seo_keywords", "first", "active", "1", "set"],
        ["seo_keywords", "second", "active", "2", "missing"],
        ["seo_keywords", "off", "off", "0", "-"],
    ]
    assert "canary" not in "".join(lines)


def test_an_empty_registry_says_where_to_write(home: Home) -> None:
    assert home.ok("service", "list").out == f"No services. Write them to {home.root}/config/services.yaml.\n"
    assert home.ok("service", "list", "--json").json == []


@pytest.mark.parametrize("verb", ["toggle", "reorder", "health"])
def test_what_is_not_built_yet_is_refused_by_name(registry: Home, verb: str) -> None:
    before = tree(registry.root)
    done = registry.call("service", verb, "first", "--off", "--json")
    assert done.refusal == (1, "invalid_input")
    assert done.error["message"] == f"'service.py {verb}' is not built yet"
    assert tree(registry.root) == before


def test_a_broken_registry_is_said(home: Home) -> None:
    (home.root / "config/services.yaml").write_text("categoris: {}\n")
    done = home.call("service", "list")
    assert (done.code, done.out) == (1, "")
    path = home.root / "config/services.yaml"
    assert done.err == (
        f"service.py: cannot list services: {path}:1: categoris: unknown key\n"
        "  did you mean 'categories'? known: categories\n"
    )
