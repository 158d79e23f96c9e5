"""``service.py``: the registry as people look at it."""

from __future__ import annotations

from pathlib import Path

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
    (home.root / "config/services.yaml").unlink()
    assert home.ok("service", "list").out == f"No services. Write them to {home.root}/config/services.yaml.\n"
    assert home.ok("service", "list", "--json").json == []


# -- toggle and reorder -------------------------------------------------------------------------------------------

WRITTEN = """\
# Ours.
categories:
  seo:   # keywords
    services:
      - {name: one, priority: 1}   # the dear one
      - name: two                  # the slow one
        priority: 2
      - {name: three, active: false, priority: 3}
  must:
    required: true
    services: [{name: only}]
"""


@pytest.fixture
def written(home: Home) -> Path:
    path = home.root / "config/services.yaml"
    path.write_text(WRITTEN)
    return path


def page(home: Home) -> str:
    return (home.root / "memory/long-term/SERVICE_REGISTRY.md").read_text()


def test_a_toggled_service_is_off_and_on_again_with_every_comment_kept(home: Home, written: Path) -> None:
    done = home.call("service", "toggle", "one")
    assert (done.code, done.out, done.err) == (0, "Service 'one' (seo) is off.\n", "")
    assert written.read_text() == WRITTEN.replace("{name: one,", "{name: one, active: false,")
    answer = home.ok("service", "toggle", "one", "--json").json
    assert answer == {"service": "one", "capability": "seo", "active": True}
    assert home.ok("resolve_service", "seo").json["name"] == "one"


def test_a_service_that_is_on_already_changes_no_file(home: Home, written: Path) -> None:
    before = written.stat()
    assert home.ok("service", "toggle", "one", "--on", "--json").json["active"] is True
    assert written.stat() == before


def test_the_page_for_agents_follows_a_toggle_at_once(home: Home, written: Path) -> None:
    home.ok("service", "toggle", "three")
    assert "3. **three**" in page(home)
    home.ok("service", "toggle", "three")
    assert "Switched off: three." in page(home)


def test_who_switches_off_the_last_service_of_a_required_category_is_warned(home: Home, written: Path) -> None:
    done = home.ok("service", "toggle", "only", "--off")
    assert done.err == "service.py: warning: the category 'must' is required, and has no active service any more\n"


def test_services_are_put_in_another_order_and_keep_their_comments(home: Home, written: Path) -> None:
    done = home.ok("service", "reorder", "seo", "three", "two")
    assert done.out == "seo: three, two, one.\n"
    expected = WRITTEN.replace("name: one, priority: 1", "name: one, priority: 3")
    assert written.read_text() == expected.replace("active: false, priority: 3", "active: false, priority: 1")
    chain = home.ok("resolve_service", "seo", "--chain").json
    assert [one["name"] for one in chain] == ["two", "one"]


@pytest.mark.parametrize(
    ("words", "refusal", "said"),
    [
        (["toggle", "nobody"], (1, "service_not_found"), "there is no service 'nobody'"),
        (["toggle", "../x"], (2, "invalid_input"), "is not a valid service id"),
        (["reorder", "seo", "nobody"], (1, "service_not_found"), "there is no service 'nobody'"),
        (["reorder", "seo", "only"], (1, "invalid_input"), "'only', but it belongs to 'must'"),
        (["reorder", "seo", "one", "one"], (1, "invalid_input"), "twice"),
        (["reorder", "seo", "three", "three"], (1, "invalid_input"), "a service is named twice"),
        (["reorder", "nothing", "one"], (1, "service_not_found"), "there is no capability 'nothing'"),
        (["health", "nobody"], (1, "service_not_found"), "there is no service 'nobody'"),
    ],
)
def test_what_is_refused_changes_nothing(
    home: Home, written: Path, words: list[str], refusal: tuple[int, str], said: str
) -> None:
    before = tree(home.root)
    done = home.call("service", *words, "--json")
    assert (done.refusal, said in done.error["message"]) == (refusal, True)
    assert tree(home.root) == before


@pytest.mark.parametrize("words", [["toggle", "x"], ["reorder", "seo", "x"]])
def test_where_there_is_no_registry_nothing_can_be_changed_in_it(home: Home, words: list[str]) -> None:
    (home.root / "config/services.yaml").unlink()
    done = home.call("service", *words, "--json")
    assert (done.refusal, done.error["message"]) == ((1, "invalid_input"), "this home has no config/services.yaml")


@pytest.mark.parametrize("words", [["toggle", "x"], ["reorder", "seo", "x"], ["health"]])
def test_a_registry_with_two_services_of_one_name_is_refused_and_left(home: Home, words: list[str]) -> None:
    path = home.root / "config/services.yaml"
    path.write_text("categories: {seo: {services: [{name: x}]}, images: {services: [{name: x}]}}\n")
    before = tree(home.root)
    done = home.call("service", *words, "--json")
    assert done.refusal == (1, "invalid_input")
    assert "service x is listed in seo and again in images" in done.error["message"]
    assert tree(home.root) == before


def test_toggles_at_the_same_time_lose_none(home: Home, written: Path) -> None:
    running = [home.start("service", "toggle", name) for name in ("one", "two", "three", "only")]
    assert [process.wait(60) for process in running] == [0, 0, 0, 0]
    found = {one["name"]: one["active"] for one in home.ok("service", "list", "--json").json}
    assert found == {"one": False, "two": False, "three": True, "only": False}


# -- health -------------------------------------------------------------------------------------------------------


def sick(home: Home) -> None:
    folder = home.root / "config/services"
    folder.mkdir(exist_ok=True)
    (folder / "well").write_text('#!/bin/sh\n[ "$1" = --health ] && echo fine\n')
    (folder / "moody").write_text("#!/bin/sh\necho no credit >&2\nexit 1\n")
    (folder / "stiff").write_text("no program")
    for name in ("well", "moody"):
        (folder / name).chmod(0o755)
    (home.root / "config/services.yaml").write_text(
        """\
categories:
  a:
    services:
      - {name: well, script: services/well, priority: 1}
      - {name: moody, script: services/moody, priority: 2}
      - {name: stiff, script: services/stiff, priority: 3}
      - {name: gone, script: services/gone, priority: 4}
      - {name: out, script: ../gone, priority: 5}
      - {name: poor, script: services/well, api_key_env: POOR_KEY, priority: 6}
      - {name: server, mcp_server: "sh -c true", priority: 7}
      - {name: lost, mcp_server: no-such-server --stdio, priority: 8}
      - {name: far, mcp_server: "https://mcp.example.com/x", priority: 9}
      - {name: asleep, script: services/gone, active: false}
  must: {required: true}
"""
    )


def test_health_says_what_keeps_services_from_working_and_calls_nobody(home: Home) -> None:
    sick(home)
    done = home.call("service", "health", "--json")
    assert (done.code, done.json["healthy"], done.json["required_without_service"]) == (1, False, ["must"])
    config = home.root / "config"
    found = {one["service"]: [problem["message"] for problem in one["problems"]] for one in done.json["services"]}
    assert found == {
        "well": [],
        "moody": [],
        "stiff": ["the script 'services/stiff' of service stiff is not executable"],
        "gone": [f"the script 'services/gone' of service gone does not exist: {config}/services/gone"],
        "out": ["the script '../gone' of service out leads out of its folder"],
        "poor": ["its key POOR_KEY is not set"],
        "server": [],
        "lost": ["the command 'no-such-server' of its MCP server is not in PATH"],
        "far": [],
        "asleep": [f"the script 'services/gone' of service asleep does not exist: {config}/services/gone"],
    }
    assert {one["called"] for one in done.json["services"]} == {None}


def test_a_service_that_is_named_is_looked_at_alone(home: Home) -> None:
    sick(home)
    assert home.call("service", "health", "well", "server").code == 0
    assert home.call("service", "health", "well", "gone").code == 1


def test_a_service_that_is_switched_off_may_be_sick(home: Home) -> None:
    sick(home)
    assert home.call("service", "health", "asleep").code == 0


def test_when_asked_each_program_says_how_it_is(home: Home) -> None:
    sick(home)
    done = home.run("service", "health", "well", "moody", "poor", "--call", "--json")
    found = {one["service"]: one for one in done.json["services"]}
    assert done.code == 1
    assert {name: one["called"] and one["called"]["status"] for name, one in found.items()} == {
        "well": "success",
        "moody": "failed",
        "poor": None,
    }
    assert found["moody"]["problems"][0]["message"] == "it says that it is not well: exit code 1: no credit"


def test_people_read_the_cure_of_each_problem(home: Home) -> None:
    sick(home)
    lines = home.call("service", "health", "stiff", "poor").out.splitlines()
    assert [line.split() for line in lines[1:3]] == [
        ["stiff", "a", "active", "not", "well", "not", "called"],
        ["poor", "a", "active", "not", "well", "not", "called"],
    ]
    assert lines[3:] == [
        "stiff: the script 'services/stiff' of service stiff is not executable",
        f"  run: chmod +x {home.root}/config/services/stiff",
        "poor: its key POOR_KEY is not set",
        f"  write POOR_KEY=... into {home.root}/.env",
    ]


def test_what_ships_is_well(home: Home) -> None:
    done = home.run("service", "health", "--call", "--json")
    assert (done.code, done.json["healthy"]) == (0, True)
    assert [one["service"] for one in done.json["services"]] == ["plain-english", "local-search"]


def test_a_broken_registry_is_said(home: Home) -> None:
    (home.root / "config/services.yaml").write_text("categoris: {}\n")
    done = home.call("service", "list")
    assert (done.code, done.out) == (1, "")
    path = home.root / "config/services.yaml"
    assert done.err == (
        f"service.py: cannot list services: {path}:1: categoris: unknown key\n"
        "  did you mean 'categories'? known: categories\n"
    )
