"""``agent.py``: the agents a home knows, and the folders that are none."""

from __future__ import annotations

import pytest
from tests.cli.homes import Home


def test_the_agents_of_the_home_are_listed(home: Home) -> None:
    answer = home.ok("agent", "list", "--json").json
    assert {"alpha", "beta", "gamma"} <= {agent["name"] for agent in answer["agents"] if not agent["shipped"]}


def test_a_folder_that_is_no_agent_is_listed_with_its_problem(home: Home) -> None:
    (home.root / "skills/empty").mkdir()
    (home.root / "skills/Loud").mkdir()
    (home.root / "skills/torn").mkdir()
    (home.root / "skills/torn/SKILL.md").write_text("---\nname: other\ndescription: x\n---\n")
    broken = {one["name"]: one["problem"] for one in home.ok("agent", "list", "--json").json["broken"]}
    assert broken["empty"] == "the folder has no SKILL.md"
    assert broken["Loud"] == "the folder's name is not a valid agent name"
    assert "other" in broken["torn"]


def test_people_see_a_line_for_each(home: Home) -> None:
    lines = home.ok("agent", "list").out.splitlines()
    row = ["alpha", "own", "-", "offline", "script", "0", "-", "For", "a", "test."]
    assert row in [line.split() for line in lines]


def test_one_agent_is_shown(home: Home) -> None:
    home.agent("alpha", "#!/bin/sh\n", timeout="30m", max_attempts="2", env="MY_KEY OTHER", role="writer")
    answer = home.ok("agent", "show", "alpha", "--json").json
    assert (answer["name"], answer["harness"], answer["command"]) == ("alpha", "script", "run.sh")
    assert (answer["timeout_seconds"], answer["max_attempts"], answer["role"]) == (1800, 2, "writer")
    assert (answer["env"], answer["shipped"]) == (["MY_KEY", "OTHER"], False)
    assert answer["folder"] == str(home.root / "skills/alpha")


def test_an_agent_that_does_not_exist_is_not_found(home: Home) -> None:
    done = home.call("agent", "show", "alpa")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("agent.py: cannot show agent 'alpa': ")
    assert home.call("agent", "show", "alpa", "--json").refusal == (1, "agent_not_found")


@pytest.mark.parametrize("name", ["", "../alpha", "Alpha", "a--b", "-a", "a" * 65, "a b"])
def test_a_malformed_name_is_wrong_usage(home: Home, name: str) -> None:
    assert home.call("agent", "show", "--json", "--", name).refusal == (2, "invalid_input")
