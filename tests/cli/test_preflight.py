"""Services before a campaign is activated: ``campaign.py preflight``, and what ``activate_campaign.py`` refuses."""

from __future__ import annotations

import pytest
from tests.cli.homes import Home, campaign, template, tree

SERVICES = """\
categories:
  search: {services: [{name: finder}, {name: asleep, active: false}]}
  images: {services: [{name: painter, active: false}]}
"""


@pytest.fixture
def registry(home: Home) -> Home:
    (home.root / "config/services.yaml").write_text(SERVICES)
    return home


def lacking(home: Home, **metadata: str) -> None:
    """Make a campaign whose first agent declares capabilities after its pipeline was kept."""
    home.make_campaign()
    home.agent("alpha", "#!/bin/sh\n", **metadata)


LACK = {
    "agent": "alpha",
    "capability": "images",
    "reason": "no active service offers it",
    "cure": "switch one on: service.py toggle painter --on",
}


def test_a_campaign_whose_agents_have_all_services_is_ready(registry: Home) -> None:
    lacking(registry, requires="search")
    done = registry.call("campaign", "preflight", "spring", "--json")
    assert (done.code, done.json) == (
        0,
        {
            "campaign": "spring",
            "status": "ready",
            "agents": [
                {"agent": agent, "service_status": "enabled", "missing": []} for agent in ("alpha", "beta", "gamma")
            ],
            "problems": [],
            "warnings": [],
        },
    )


def test_one_that_does_without_something_is_degraded_and_activation_says_so(registry: Home) -> None:
    lacking(registry, optional="images")
    found = registry.call("campaign", "preflight", "spring", "--json")
    sentence = "alpha works without the capability 'images': no active service offers it"
    assert (found.code, found.json["status"], found.json["warnings"]) == (0, "degraded", [sentence])
    assert found.json["agents"][0] == {
        "agent": "alpha",
        "service_status": "degraded",
        "missing": [LACK | {"required": False}],
    }
    done = registry.ok("activate_campaign", "spring", "--no-dispatch")
    assert done.err == f"activate_campaign.py: warning: {sentence}\n"
    assert done.json["status"] == "active"


def test_one_that_lacks_what_is_required_is_blocked_and_cannot_be_activated(registry: Home) -> None:
    lacking(registry, requires="images")
    found = registry.call("campaign", "preflight", "spring", "--json")
    sentence = "alpha requires the capability 'images', and no active service offers it"
    cure = "switch one on: service.py toggle painter --on"
    assert (found.code, found.json["status"]) == (1, "blocked")
    assert found.json["problems"] == [{"code": "services_missing", "message": sentence, "cure": cure}]
    assert found.json["agents"][0]["service_status"] == "disabled"
    before = tree(registry.root)
    done = registry.call("activate_campaign", "spring")
    assert (done.refusal, done.error["message"], done.error["cure"]) == ((1, "services_missing"), sentence, cure)
    assert tree(registry.root) == before


def test_the_cure_of_a_blocked_campaign_makes_it_ready(registry: Home) -> None:
    lacking(registry, requires="images")
    assert registry.call("activate_campaign", "spring", "--no-dispatch").code == 1
    registry.ok("service", "toggle", "painter", "--on")
    assert registry.ok("activate_campaign", "spring", "--no-dispatch").json["status"] == "active"


def test_people_read_what_stands_in_the_way(registry: Home) -> None:
    lacking(registry, requires="images", optional="video")
    done = registry.call("campaign", "preflight", "spring")
    assert done.code == 1
    assert done.out == (
        "spring is blocked\n"
        "  alpha  disabled\n"
        "  beta   enabled\n"
        "  gamma  enabled\n"
        "blocked: alpha requires the capability 'images', and no active service offers it\n"
        "  switch one on: service.py toggle painter --on\n"
        "degraded: alpha works without the capability 'video': no active service offers it\n"
    )


def test_an_agent_that_is_not_there_blocks_a_campaign_too(registry: Home) -> None:
    steps = [{"agent": "nobody"}]
    registry.ok("pipeline", "create", registry.file("x.json", template(slug="odd", main_steps=steps)))
    registry.make_campaign(pipeline="odd")
    found = registry.call("campaign", "preflight", "spring", "--json").json
    assert (found["status"], [one["code"] for one in found["problems"]]) == ("blocked", ["agent_not_found"])


def test_a_branch_that_is_not_wanted_needs_no_services(registry: Home) -> None:
    branch = {"trigger_after_step": 0, "agent": "alpha", "label": "Image", "deliverable": "hero"}
    line = template(main_steps=[{"agent": "beta"}], parallel_branches=[branch])
    registry.ok("pipeline", "create", registry.file("my-line.json", line))
    registry.make_campaign("with")
    registry.make_campaign("without", deliverables={"hero": False})
    registry.agent("alpha", "#!/bin/sh\n", requires="images")
    assert registry.call("campaign", "preflight", "with", "--json").json["status"] == "blocked"
    assert registry.call("campaign", "preflight", "without", "--json").json["status"] == "ready"


def test_an_active_campaign_is_not_held_up_by_a_service_that_is_switched_off_later(registry: Home) -> None:
    lacking(registry, requires="search")
    registry.ok("activate_campaign", "spring", "--no-dispatch")
    registry.ok("service", "toggle", "finder", "--off")
    assert registry.ok("activate_campaign", "spring", "--no-dispatch").json["created"] == []


# -- the order that a campaign asks for ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("services", "refusal", "said"),
    [
        ({"search": ["asleep"]}, (1, "invalid_input"), "the order for 'search' names 'asleep', which is not active"),
        ({"search": ["nope"]}, (1, "invalid_input"), "names 'nope', but there is no such service"),
        ({"search": ["painter"]}, (1, "invalid_input"), "names 'painter', but it belongs to 'images'"),
        ({"search": ["finder", "finder"]}, (1, "invalid_input"), "names a service twice"),
        ({"serch": ["finder"]}, (1, "service_not_found"), "there is no capability 'serch'"),
    ],
)
def test_an_order_that_names_what_cannot_be_used_is_said_when_written_and_refused_when_activated(
    registry: Home, services: dict[str, list[str]], refusal: tuple[int, str], said: str
) -> None:
    registry.ok("pipeline", "create", registry.file("my-line.json", template()))
    done = registry.ok("campaign", "create", registry.file("x.json", campaign(services=services)))
    assert (done.err.startswith("campaign.py: warning: it cannot be activated so: "), said in done.err) == (True, True)
    before = tree(registry.root)
    refused = registry.call("activate_campaign", "spring")
    assert (refused.refusal, said in refused.error["message"]) == (refusal, True)
    assert tree(registry.root) == before


def test_an_order_can_be_changed_and_taken_back(registry: Home) -> None:
    registry.make_campaign(services={"search": ["asleep"]})
    registry.ok("campaign", "update", "spring", "--services", "search=finder")
    assert registry.campaign()["services"] == {"search": ["finder"]}
    assert registry.call("campaign", "preflight", "spring").code == 0
    registry.ok("campaign", "update", "spring", "--services", "search=")
    assert registry.campaign()["services"] == {}


@pytest.mark.parametrize(
    ("word", "refusal"),
    [
        ("search=asleep", (1, "invalid_input")),
        ("nothing=finder", (1, "service_not_found")),
        ("search", (2, "invalid_input")),
        ("../x=finder", (2, "invalid_input")),
    ],
)
def test_an_order_that_cannot_be_followed_is_not_taken(registry: Home, word: str, refusal: tuple[int, str]) -> None:
    registry.make_campaign()
    before = tree(registry.root)
    assert registry.call("campaign", "update", "spring", "--services", word, "--json").refusal == refusal
    assert tree(registry.root) == before


def test_an_order_whose_service_was_switched_off_since_blocks_activation(registry: Home) -> None:
    registry.make_campaign(services={"search": ["finder"]})
    registry.ok("service", "toggle", "finder", "--off")
    found = registry.call("campaign", "preflight", "spring", "--json").json
    message = "the order for 'search' names 'finder', which is not active"
    assert (found["status"], found["problems"][0]["message"]) == ("blocked", message)
    before = tree(registry.root)
    done = registry.call("activate_campaign", "spring")
    assert (done.refusal, done.error["message"]) == ((1, "invalid_input"), message)
    assert tree(registry.root) == before


def test_a_registry_with_two_services_of_one_name_blocks_who_needs_one(registry: Home) -> None:
    lacking(registry, requires="search")
    (registry.root / "config/services.yaml").write_text("categories: {search: {services: [{name: x}, {name: x}]}}\n")
    done = registry.call("activate_campaign", "spring")
    assert done.refusal == (1, "invalid_input")
    assert "service x is listed in search and again in search" in done.error["message"]
