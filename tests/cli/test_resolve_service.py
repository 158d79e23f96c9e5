"""``resolve_service.py``: the best service for a capability, or the chain to fall back along; keys are never shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.homes import Home

SERVICES = """\
categories:
  seo_keywords:
    display_name: SEO and keywords
    scope: research
    services:
      - {name: second, active: true, priority: 2, api_key_env: SECOND_KEY, use_cases: [volumes], script: s/second.py}
      - {name: first, active: true, priority: 1, api_key_env: FIRST_KEY, use_cases: [questions], cost: "$0.01/query"}
      - {name: third, active: true, priority: 3, use_cases: [volumes, questions]}
      - {name: off, active: false, priority: 0}
  images:
    services:
      - {name: asleep, active: false}
  empty: {services: []}
"""


@pytest.fixture
def registry(home: Home) -> Home:
    (home.root / "config/services.yaml").write_text(SERVICES)
    return home


def names(answer: object) -> list[str]:
    assert isinstance(answer, list)
    return [service["name"] for service in answer]


def test_the_active_service_with_the_lowest_number_is_the_best(registry: Home) -> None:
    done = registry.call("resolve_service", "seo_keywords")
    assert (done.code, done.err) == (0, "")
    assert done.json == {
        "name": "first",
        "display_name": "first",
        "capability": "seo_keywords",
        "priority": 1,
        "active": True,
        "use_cases": ["questions"],
        "api_key_env": "FIRST_KEY",
        "key_set": False,
        "script": None,
        "mcp_server": None,
        "cost": "$0.01/query",
        "docs_url": None,
        "config": {},
    }


def test_the_chain_is_every_active_one_in_order(registry: Home) -> None:
    answer = registry.ok("resolve_service", "seo_keywords", "--chain").json
    assert names(answer) == ["first", "second", "third"]


def test_a_use_case_leaves_out_who_does_not_serve_it(registry: Home) -> None:
    answer = registry.ok("resolve_service", "seo_keywords", "--use-case", "volumes", "--chain").json
    assert names(answer) == ["second", "third"]
    assert registry.ok("resolve_service", "seo_keywords", "--use-case", "volumes").json["name"] == "second"


def test_a_campaign_may_have_an_order_of_its_own(registry: Home) -> None:
    registry.make_campaign(services={"seo_keywords": ["third"]})
    answer = registry.ok("resolve_service", "seo_keywords", "--campaign", "spring", "--chain").json
    assert names(answer) == ["third", "first", "second"]


@pytest.mark.parametrize("place", ["environment", ".env"])
def test_it_is_told_whether_a_key_is_set_and_the_key_is_not(registry: Home, place: str) -> None:
    secret = "s3cr3t-canary"
    environ = {"FIRST_KEY": secret} if place == "environment" else {}
    (registry.root / ".env").write_text(f"FIRST_KEY={secret}\n" if place == ".env" else "FIRST_KEY=\n")
    done = registry.call("resolve_service", "seo_keywords", "--chain", **environ)
    assert [service["key_set"] for service in done.json] == [True, False, None]
    assert secret not in done.out + done.err


@pytest.mark.parametrize(
    "words",
    [
        ["nothing"],
        ["images"],
        ["empty"],
        ["seo_keywords", "--use-case", "weather"],
        ["seo_keyword", "--chain"],
    ],
)
def test_none_is_an_error_and_an_empty_chain(home: Home, words: list[str]) -> None:
    (home.root / "config/services.yaml").write_text(SERVICES.replace("[volumes, questions]", "[questions]"))
    done = home.call("resolve_service", *words)
    assert (done.refusal, done.json["chain"]) == ((1, "service_not_found"), [])


def test_the_nearest_capability_is_named(registry: Home) -> None:
    error = registry.call("resolve_service", "seo_keyword").error
    assert (error["message"], error["nearest"]) == ("there is no capability 'seo_keyword'", "seo_keywords")


def test_without_a_registry_there_is_no_service(home: Home) -> None:
    done = home.call("resolve_service", "seo_keywords")
    assert (done.refusal, done.json["chain"]) == ((1, "service_not_found"), [])


@pytest.mark.parametrize("capability", ["", "../x", "SEO", "a b", "x" * 129, "a\n"])
def test_a_malformed_capability_is_wrong_usage(registry: Home, capability: str) -> None:
    done = registry.call("resolve_service", capability)
    assert (done.refusal, done.json["chain"]) == ((2, "invalid_input"), [])


@pytest.mark.parametrize(("campaign", "refusal"), [("nope", (1, "campaign_not_found")), ("../x", (2, "invalid_input"))])
def test_a_campaign_that_is_not_there_is_said(registry: Home, campaign: str, refusal: tuple[int, str]) -> None:
    done = registry.call("resolve_service", "seo_keywords", "--campaign", campaign)
    assert (done.refusal, done.json["chain"]) == (refusal, [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("categories: [", "not valid YAML"),
        ("categoriess: {}\n", "unknown key"),
        ("categories: {seo: {services: [{name: x, prio: 1}]}}\n", "unknown key"),
        ("categories: {seo: {services: [{name: x}, {name: x}]}}\n", "x"),
        ("categories: {seo: {services: [{name: x, api_key_env: 'sk-live-canary!'}]}}\n", "api_key_env"),
    ],
)
def test_a_broken_registry_is_said_with_its_place(home: Home, text: str, said: str) -> None:
    path = home.root / "config/services.yaml"
    path.write_text(text)
    done = home.call("resolve_service", "seo")
    assert (done.refusal, done.json["chain"]) == ((1, "invalid_input"), [])
    assert done.error["message"].startswith(f"{path}:1: ")
    assert said in done.error["message"]
    assert "canary" not in done.out


def test_a_change_of_the_registry_counts_at_once(registry: Home) -> None:
    path = registry.root / "config/services.yaml"
    assert registry.ok("resolve_service", "seo_keywords").json["name"] == "first"
    path.write_text(SERVICES.replace("priority: 1,", "priority: 9,"))
    assert registry.ok("resolve_service", "seo_keywords").json["name"] == "second"


def test_the_real_script_gives_the_same_answer(registry: Home, tmp_path: Path) -> None:
    done = registry.run("resolve_service", "seo_keywords", "--chain", FIRST_KEY="x")
    assert (done.code, done.err) == (0, "")
    assert names(json.loads(done.out)) == ["first", "second", "third"]
