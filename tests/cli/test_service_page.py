"""``memory/long-term/SERVICE_REGISTRY.md`` follows the registry, whoever changed it; and how agents stand with services."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.cli.homes import Home, tree

WRITTEN = "categories: {seo: {services: [{name: first}]}}\n"
FOUND = "memory/long-term/SERVICE_REGISTRY.md is not of the services as they are now"


@pytest.fixture
def page(home: Home) -> Path:
    return home.root / "memory/long-term/SERVICE_REGISTRY.md"


def write(home: Home, text: str = WRITTEN) -> None:
    (home.root / "config/services.yaml").write_text(text)


def test_a_new_home_has_a_page_of_what_ships(home: Home, page: Path) -> None:
    text = page.read_text()
    assert "1. **plain-english**" in text
    assert "1. **local-search**" in text


def test_the_sweep_notices_what_an_editor_changed(home: Home, page: Path) -> None:
    write(home)
    report = home.ok("check_pipeline").json
    assert (report["found"], report["pages_made"], report["errors"]) == ([FOUND], 1, [])
    assert "1. **first**" in page.read_text()


def test_a_sweep_that_finds_it_as_it_was_changes_nothing(home: Home, page: Path) -> None:
    home.ok("check_pipeline")
    before = tree(home.root, passing=())
    report = home.ok("check_pipeline").json
    assert (report["found"], "pages_made" in report) == ([], False)
    after = tree(home.root, passing=())
    assert {path: what for path, what in after.items() if "sweep.lock" not in path} == {
        path: what for path, what in before.items() if "sweep.lock" not in path
    }


def test_a_dry_run_only_says_it(home: Home, page: Path) -> None:
    write(home)
    before = page.read_text()
    assert home.ok("check_pipeline", "--dry-run").json["found"] == [FOUND]
    assert page.read_text() == before


@pytest.mark.parametrize("lost", ["memory/long-term/SERVICE_REGISTRY.md", "state/cache/service-page"])
def test_a_page_that_was_lost_is_made_again(home: Home, page: Path, lost: str) -> None:
    before = page.read_text()
    (home.root / lost).unlink()
    home.ok("check_pipeline")
    assert page.read_text() == before


def test_a_registry_that_was_removed_leaves_a_page_that_says_so(home: Home, page: Path) -> None:
    (home.root / "config/services.yaml").unlink()
    home.ok("check_pipeline")
    assert page.read_text().endswith("There are no services in this home.\n")


def test_a_change_of_the_same_size_in_the_same_second_is_noticed(home: Home, page: Path) -> None:
    path = home.root / "config/services.yaml"
    write(home)
    home.ok("check_pipeline")
    found = path.stat()
    (home.root / "config/other.yaml").write_text(WRITTEN.replace("first", "other"))
    os.rename(home.root / "config/other.yaml", path)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    home.ok("check_pipeline")
    assert "1. **other**" in page.read_text()


@pytest.mark.parametrize(
    "text", ["categories: [", "categories: {a: {services: [{name: x}]}, b: {services: [{name: x}]}}\n"]
)
def test_a_registry_that_cannot_be_read_is_said_by_each_sweep_and_the_page_stays(
    home: Home, page: Path, text: str
) -> None:
    before = page.read_text()
    write(home, text)
    for _ in range(2):
        done = home.ok("check_pipeline")
        assert len(done.json["errors"]) == 1
        assert str(home.root / "config/services.yaml") in done.json["errors"][0]
    assert page.read_text() == before


def test_a_page_that_cannot_be_written_is_said_and_tried_again(home: Home, page: Path) -> None:
    page.unlink()
    page.parent.rmdir()
    page.parent.write_text("in the way")
    write(home)
    assert len(home.ok("check_pipeline").json["errors"]) == 1
    page.parent.unlink()
    assert home.ok("check_pipeline").json["found"] == [FOUND]
    assert "1. **first**" in page.read_text()


# -- agents -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "status"),
    [
        ({}, "enabled"),
        ({"requires": "seo"}, "enabled"),
        ({"optional": "seo images"}, "degraded"),
        ({"requires": "images"}, "disabled"),
    ],
)
def test_agents_are_enabled_degraded_or_disabled(home: Home, declared: dict[str, str], status: str) -> None:
    write(home)
    home.agent("alpha", "#!/bin/sh\n", **declared)
    shown = home.ok("agent", "show", "alpha", "--json").json
    listed = {one["name"]: one["service_status"] for one in home.ok("agent", "list", "--json").json["agents"]}
    assert (shown["service_status"], listed["alpha"], listed["beta"]) == (status, status, "enabled")
    (line,) = [line for line in home.ok("agent", "list").out.splitlines() if line.startswith("alpha ")]
    assert (f", {status}" in line) == (status != "enabled")


def test_what_an_agent_lacks_is_shown_with_its_cure(home: Home) -> None:
    write(home)
    home.agent("alpha", "#!/bin/sh\n", requires="images")
    assert home.ok("agent", "show", "alpha", "--json").json["missing_services"] == [
        {
            "agent": "alpha",
            "capability": "images",
            "required": True,
            "reason": "no active service offers it",
            "cure": "add a service to config/services.yaml",
        }
    ]
    assert home.ok("agent", "show", "alpha").out.endswith(
        "missing          images (required): no active service offers it\n"
        "                 add a service to config/services.yaml\n"
    )


def test_agents_are_listed_where_the_registry_cannot_be_read(home: Home) -> None:
    write(home, "categories: [")
    home.agent("alpha", "#!/bin/sh\n", requires="images")
    listed = {one["name"]: one["service_status"] for one in home.ok("agent", "list", "--json").json["agents"]}
    assert (listed["alpha"], listed["beta"]) == (None, "enabled")
