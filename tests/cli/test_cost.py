"""``cost.py``, and money wherever else it is told: on runs, steps, tasks, campaigns, days. A shell script is the agent."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import Home

SETTINGS = """\
concurrency: {agents: 1}
harness: {default: claude}
retry: {backoff: 1ms, backoff_max: 1ms, max_attempts: 3}
timeouts: {grace: 300ms}
notify: {channels: []}
"""
SONNET, CODEX = "claude-sonnet-4-5", "gpt-5"


def result(cost: float | None, **models: tuple[int, int]) -> str:
    """The last line of a run of Claude Code: what it cost, and what went in and came out by model."""
    counts = {name.replace("_", "-"): {"inputTokens": i, "outputTokens": o} for name, (i, o) in models.items()}
    line = {"type": "result", "subtype": "success", "is_error": False, "result": "Done.", "modelUsage": counts}
    return json.dumps(line if cost is None else line | {"total_cost_usd": cost})


def codex(read: int, written: int) -> str:
    """The last line of a run of Codex, which tells no money and no model."""
    return json.dumps({"type": "turn.completed", "usage": {"input_tokens": read, "output_tokens": written}})


class Programs:
    """Stand-ins for agent programs: each run prints its line, and completes its step where it is told to.

    Each stops the home, so that nothing runs but what a test asks for.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        self.folder = home.root / "bin"
        self.folder.mkdir()
        self.environ = {"PATH": f"{self.folder}:/usr/bin:/bin", "ANTHROPIC_API_KEY": "key-of-a-test"}
        home.settings(SETTINGS)
        for agent in ("alpha", "beta", "gamma"):
            home.agent(agent, "", harness="claude")

    def make(self, name: str, acts: str, prints: str) -> None:
        (self.folder / name).write_text(
            f"#!/bin/sh\ntouch $BATON_HOME/state/stop\ncat >/dev/null\n{acts}\ncat <<'END'\n{prints}\nEND\n"
        )
        (self.folder / name).chmod(0o755)

    def run(self, agent: str, task: str, prints: str, *, acts: str = "", program: str = "claude") -> str:
        """One run of this agent; return how it ended."""
        self.make(program, acts or "complete_step.py >/dev/null", prints)
        self.home.wake()
        done = self.home.run("invoke_agent", agent, task, "--json", **self.environ)
        outcome: str = done.json["outcome"]
        return outcome

    def fails(self, agent: str, task: str, prints: str, **more: str) -> str:
        """One that does not complete its step."""
        return self.run(agent, task, prints, acts="true", **more)


@pytest.fixture
def programs(home: Home) -> Programs:
    return Programs(home)


@pytest.fixture
def spent(programs: Programs) -> Home:
    """A task whose first step failed once, was done, was sent back and done again; and one of Codex."""
    home = programs.home
    home.make_task("t-1", agents=("alpha", "beta"))
    assert programs.fails("alpha", "t-1", result(0.5, claude_sonnet_4_5=(1000, 100))) == "not_completed"
    assert programs.run("alpha", "t-1", result(1.0, claude_sonnet_4_5=(2000, 200))) == "completed"
    back = "request_revision.py --to-step 0 --notes 'too dry' >/dev/null"
    assert programs.run("beta", "t-1", result(0.25, claude_haiku_4_5=(10, 1)), acts=back) == "sent_back"
    assert (
        programs.run("alpha", "t-1", result(2.0, claude_sonnet_4_5=(4000, 400), claude_haiku_4_5=(5, 5))) == "completed"
    )
    home.agent("gamma", "", harness="codex", model=CODEX)
    home.make_task("t-2", agents=("gamma",))
    assert programs.run("gamma", "t-2", codex(10_000, 1000), program="codex") == "completed"
    return home


def asked(home: Home, *words: str) -> Any:
    return home.ok("cost", *words, "--json").json


def brief(row: dict[str, Any]) -> tuple[Any, ...]:
    """Of a row its name, and runs and reported money: of all, of those that failed, of those that were done again."""
    parts = (row, row["failed"], row["repeated"])
    return (row["name"], *((part["runs"], part["usage"].get("cost_usd")) for part in parts))


ESTIMATE = 10_000 * 1.25e-6 + 1000 * 10e-6  # by the million of gpt-5: 1.25 in, 10 out


def test_a_summary_tells_what_was_used_and_wasted(spent: Home) -> None:
    total = asked(spent)["total"]
    assert brief(total) == (None, (5, 3.75), (1, 0.5), (1, 1.0))
    assert total["usage"]["list_price_usd"] == pytest.approx(ESTIMATE)
    assert "unpriced_runs" not in total["usage"]
    assert spent.ok("cost").out.splitlines()[1:] == [
        "  used    $3.75 and about $0.02 by list prices; tokens 17k in, 1.7k out",
        "  wasted  $0.50 on 1 run that failed; $1.00 on 1 run whose step was done again",
    ]


def test_by_agent_the_dearest_comes_first(spent: Home) -> None:
    assert [brief(row) for row in asked(spent, "--by", "agent")["rows"]] == [
        ("alpha", (3, 3.5), (1, 0.5), (1, 1.0)),
        ("beta", (1, 0.25), (0, None), (0, None)),
        ("gamma", (1, None), (0, None), (0, None)),
    ]
    assert spent.ok("cost", "--by", "agent").out.splitlines()[1:] == [
        "agent   runs  in   out   cached  cost                                  failed    repeated",
        "alpha   3     7k   705   -       $3.50                                 1: $0.50  1: $1.00",
        "beta    1     10   1     -       $0.25",
        "gamma   1     10k  1k    -       about $0.02 by list prices",
        "in all  5     17k  1.7k  -       $3.75 and about $0.02 by list prices  1: $0.50  1: $1.00",
    ]


def test_by_model_each_has_its_own_tokens(spent: Home) -> None:
    rows = {row["name"]: row for row in asked(spent, "--by", "model")["rows"]}
    assert {name: (row["runs"], row["usage"].get("input_tokens")) for name, row in rows.items()} == {
        SONNET: (3, 7000),
        "claude-haiku-4-5": (2, 15),
        CODEX: (1, 10_000),
    }


@pytest.mark.parametrize(
    ("by", "names"),
    [("outcome", ["completed", "not_completed", "sent_back"]), ("campaign", [None])],
)
def test_by_outcome_and_campaign(spent: Home, by: str, names: list[str | None]) -> None:
    assert [row["name"] for row in asked(spent, "--by", by)["rows"]] == names


def test_since_leaves_out_what_ended_before(spent: Home) -> None:
    (today,) = (spent.state / "events").iterdir()
    first = next(line for line in today.read_text().splitlines() if '"run_ended"' in line)
    old = json.loads(first) | {"at": "2001-02-03T04:05:06.000Z"}
    (spent.state / "events/2001-02-03.ndjson").write_text(json.dumps(old) + "\n")
    assert [row["name"] for row in asked(spent, "--by", "day")["rows"]] == ["2001-02-03", today.stem]
    assert asked(spent)["total"]["runs"] == 6
    for since in ("7d", "2001-02-04", "12h"):
        assert asked(spent, "--since", since)["total"]["runs"] == 5
    assert asked(spent, "--since", "2001-02-03")["total"]["runs"] == 6
    assert asked(spent, "--since", "999999999d") | {"since": None} == asked(spent) | {"since": None}
    assert asked(spent, "--since", "3000-01-01")["total"]["runs"] == 0


def test_it_says_from_when_on_the_log_is_kept(spent: Home) -> None:
    (today,) = (spent.state / "events").iterdir()
    assert asked(spent)["log_from"] == today.stem
    assert spent.ok("cost").out.splitlines()[0] == f"All runs (the log is kept from {today.stem} on): 5 runs"
    assert spent.ok("cost", "--since", "2001-01-01").out.splitlines()[0] == (
        f"Since 2001-01-01 00:00 UTC (the log is kept from {today.stem} on): 5 runs"
    )


@pytest.mark.parametrize("since", ["7", "x", "2001-13-01", "2001-02-30", "-7d", "7w", ""])
def test_a_time_that_is_none_is_wrong_usage(home: Home, since: str) -> None:
    done = home.call("cost", "--since", since, "--json")
    assert done.refusal == (2, "invalid_input")


def test_an_empty_home_has_used_nothing(home: Home) -> None:
    assert home.ok("cost").out == "All runs (the log is empty): 0 runs\n"
    assert home.ok("cost", "--by", "agent").out == "All runs (the log is empty): 0 runs\n"


# -- elsewhere ----------------------------------------------------------------------------------------------------


def test_a_run_a_step_and_a_task_tell_what_they_used(spent: Home) -> None:
    record = spent.record("t-1")
    assert (record["usage"]["runs"], record["usage"]["cost_usd"]) == (4, 3.75)
    assert [(step["usage"]["runs"], step["usage"]["cost_usd"]) for step in record["pipeline"]] == [(3, 3.5), (1, 0.25)]
    runs = [json.loads(path.read_text()) for path in (spent.state / "runs/t-1").iterdir()]
    ends = [event["data"]["usage"] for event in spent.events() if event["type"] == "run_ended"]
    assert sorted(run["usage"]["cost_usd"] for run in runs) == [0.25, 0.5, 1.0, 2.0]
    assert all(run["usage"] in ends for run in runs)
    shown = spent.ok("task", "show", "t-1").out
    assert "  used      $3.75; tokens 7k in, 706 out\n" in shown
    assert "$3.50" in next(line for line in shown.splitlines() if line.startswith("0 "))


def test_an_estimate_is_called_one(spent: Home) -> None:
    assert "  used      about $0.02 by list prices; tokens 10k in, 1k out" in spent.ok("task", "show", "t-2").out
    assert spent.record("t-2")["usage"]["list_price_usd"] == pytest.approx(ESTIMATE)


def test_a_campaign_sums_its_tasks_the_archived_ones_too(programs: Programs) -> None:
    home = programs.home
    home.make_campaign()
    home.ok("activate_campaign", "spring", "--no-dispatch")
    for cost, agent in ((1.0, "alpha"), (2.0, "beta"), (4.0, "gamma")):
        assert programs.run(agent, "spring-001", result(cost, m=(1, 1))) == "completed"
    assert programs.fails("alpha", "spring-002", "") == "not_completed"

    used = home.ok("campaign", "show", "spring", "--json").json["usage"]

    assert not (home.state / "tasks/spring-001.json").exists()
    assert (used["runs"], used["unpriced_runs"], used["cost_usd"]) == (4, 1, 7.0)
    assert "  used      $7.00 at least, 1 run of unknown cost" in home.ok("campaign", "show", "spring").out


def test_a_run_whose_supervisor_was_killed_is_of_unknown_cost(programs: Programs) -> None:
    home = programs.home
    home.make_task("t-1", agents=("alpha",))
    programs.make("claude", "kill -9 $PPID; kill -9 $$", "")
    home.wake()
    home.run("invoke_agent", "alpha", "t-1", **programs.environ)
    assert home.ok("check_pipeline").json["stale_released"] == 1
    assert home.record("t-1")["usage"] == {"runs": 1, "unpriced_runs": 1}
    assert home.ok("status").out.splitlines()[-2].endswith("; 1 run of unknown cost")


def test_an_offline_agent_costs_nothing_and_is_not_of_unknown_cost(home: Home) -> None:
    home.make_task("t-1", agents=("alpha",))
    home.wake()
    home.run("invoke_agent", "alpha", "t-1")
    home.stop()
    assert home.record("t-1")["usage"] == {}
    assert home.ok("cost").out.splitlines()[1] == "  used    no cost reported"


def test_without_the_extra_a_run_that_tells_no_money_is_of_unknown_cost(programs: Programs, tmp_path: Path) -> None:
    home = programs.home
    (tmp_path / "without/genai_prices").mkdir(parents=True)
    marker = tmp_path / "asked"
    (tmp_path / "without/genai_prices/__init__.py").write_text(
        f"open({str(marker)!r}, 'w')\nraise ImportError('gone')\n"
    )
    programs.environ["PYTHONPATH"] = str(tmp_path / "without")
    home.agent("gamma", "", harness="codex", model=CODEX)
    home.make_task("t-2", agents=("gamma",))

    assert programs.run("gamma", "t-2", codex(10_000, 1000), program="codex") == "completed"

    assert os.path.exists(marker)
    assert home.ok("cost").out.splitlines()[1] == "  used    1 run of unknown cost; tokens 10k in, 1k out"


def test_the_library_is_not_loaded_where_money_was_told(programs: Programs, tmp_path: Path) -> None:
    home = programs.home
    (tmp_path / "spy").mkdir()
    marker = tmp_path / "asked"
    (tmp_path / "spy/genai_prices.py").write_text(f"open({str(marker)!r}, 'w')\n")
    programs.environ["PYTHONPATH"] = str(tmp_path / "spy")
    home.make_task("t-1", agents=("alpha",))

    assert programs.run("alpha", "t-1", result(0.5, claude_sonnet_4_5=(1000, 100))) == "completed"

    assert home.record("t-1")["usage"]["cost_usd"] == 0.5
    assert not marker.exists()
