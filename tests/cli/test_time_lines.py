"""``task.py timeline`` and ``campaign.py timeline``, and what the subscribers of a task are told."""

from __future__ import annotations

import re
from typing import Any

from tests.cli.homes import Home, tree, wait_for
from tests.cli.test_notify import Chat
from tests.cli.test_notify import chat as chat

AT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"


def timeline(home: Home, *words: str) -> Any:
    """What ``task.py timeline --json`` says, or another script's."""
    return home.ok(*(words or ("task", "timeline", "t-1")), "--json").json


def test_people_read_what_happened_and_where_the_time_went(home: Home) -> None:
    home.make_task(agents=["alpha", "beta"])
    home.complete("t-1", "alpha", "--summary", "Found ten words")
    home.ok("task", "comment", "t-1", "Looks good to me", BATON_AGENT="beta")

    lines = home.ok("task", "timeline", "t-1").out.splitlines()

    assert [re.sub(AT, "AT", line) for line in lines[:6]] == [
        "AT  info      the task was made: Task t-1",
        "AT  start     alpha took it by hand",
        "AT  complete  alpha completed step 0: Found ten words",
        "AT  info      beta says: Looks good to me",
        "",
        "step    agent  runs  waited  worked",
    ]
    assert [line.split()[:3] for line in lines[6:]] == [["0", "alpha", "1"], ["1", "beta", "0"], ["in", "all", "1"]]


def test_programs_are_told_every_key(home: Home) -> None:
    home.make_task(agents=["alpha"], project="acme")
    home.complete()
    found = timeline(home)
    assert list(found) == [
        "task", "campaign", "is_whole", "since", "activities", "units", "tasks", "waited_seconds", "worked_seconds",
    ]  # fmt: skip
    assert (found["task"], found["campaign"], found["is_whole"], found["tasks"]) == ("t-1", None, True, [])
    first = found["activities"][0]
    assert first == {
        "at": found["since"],
        "type": "info",
        "event": "task_created",
        "project": "acme",
        "campaign": None,
        "task": "t-1",
        "agent": None,
        "run": None,
        "message": "the task was made: Task t-1",
        "metadata": {"title": "Task t-1", "steps": 1},
    }
    (unit,) = found["units"]
    assert {key: unit[key] for key in ("unit", "step", "branch", "agent", "runs")} == {
        "unit": "s1", "step": 0, "branch": None, "agent": "alpha", "runs": 1,
    }  # fmt: skip
    assert (unit["waited_seconds"], unit["worked_seconds"]) == (found["waited_seconds"], found["worked_seconds"])
    begun, ended = (home.await_event(kind)["at"] for kind in ("lease_granted", "task_completed"))
    assert [one["at"] for one in found["activities"]] == [first["at"], begun, ended, ended]


def test_runs_work_and_their_failures_are_told(live: Home) -> None:
    live.agent("failing", "#!/bin/sh\necho no such model >&2\nexit 3\n")
    live.settings("harness: {default: script}\nretry: {max_attempts: 2, backoff: 20ms}\nnotify: {channels: []}\n")
    live.make_task(agents=["failing"])
    wait_for(lambda: live.ok("check_pipeline") and "task_blocked" in live.told())
    found = timeline(live)
    assert [(one["type"], one["message"]) for one in found["activities"]] == [
        ("info", "the task was made: Task t-1"),
        ("start", "failing began step 0"),
        ("error", "the run of failing ended: failed with exit code 3: no such model"),
        ("retry", "failing began step 0, attempt 2"),
        ("error", "the run of failing ended: failed with exit code 3: no such model"),
        ("error", "the task is blocked (attempts): failing failed; that was attempt 2 of 2: no such model"),
    ]
    (unit,) = found["units"]
    assert unit["runs"] == 2 and unit["worked_seconds"] > 0 and unit["waited_seconds"] >= 0.02


def test_a_campaigns_time_line_has_its_tasks(home: Home) -> None:
    home.make_campaign("spring")
    home.ok("activate_campaign", "spring", "--no-dispatch")
    home.complete("spring-002")
    home.make_task("elsewhere")

    found = timeline(home, "campaign", "timeline", "spring")

    assert [(one["event"], one["task"]) for one in found["activities"]] == [
        ("campaign_created", None),
        ("campaign_activated", None),
        ("task_created", "spring-001"),
        ("task_created", "spring-002"),
        ("campaign_generated", None),
        ("lease_granted", "spring-002"),
        ("step_completed", "spring-002"),
    ]
    assert [(one["task"], one["status"], one["runs"]) for one in found["tasks"]] == [
        ("spring-001", "backlog", 0),
        ("spring-002", "researched", 1),
    ]
    lines = home.ok("campaign", "timeline", "spring").out.splitlines()
    assert re.fullmatch(rf"{AT}  start     -           the campaign is active: 2 tasks", lines[1])
    assert lines[8].split() == ["task", "status", "runs", "waited", "worked"]
    assert [line.split()[0] for line in lines[9:]] == ["spring-001", "spring-002", "in"]


def test_a_finished_task_has_its_time_line(home: Home) -> None:
    home.make_task(agents=["alpha"])
    home.complete()
    assert not (home.state / "tasks/t-1.json").exists()
    assert timeline(home)["activities"][-1]["event"] == "task_completed"


def test_what_retention_took_is_said(home: Home) -> None:
    home.make_task()
    (log,) = (home.state / "events").iterdir()
    log.write_bytes(b"")
    record = home.state / "tasks/t-1.json"
    record.write_text(record.read_text().replace('"task_created"', '"task_updated"'))  # its history begins later, too
    assert not timeline(home)["is_whole"]
    first = home.ok("task", "timeline", "t-1").out.splitlines()[0]
    assert re.fullmatch(rf"The log begins at {AT}: what was before has been removed \(retention: events\)\.", first)


def test_what_people_and_agents_wrote_cannot_paint_the_terminal(home: Home) -> None:
    home.make_task()
    home.ok("task", "comment", "t-1", "\x1b[31mred\x1b[0m\nnext", USER="ana")
    assert home.ok("task", "timeline", "t-1").out.splitlines()[1].endswith("  info  ana says: red next")


def test_an_unknown_one_is_not_found_and_a_malformed_id_is_wrong_usage(home: Home) -> None:
    assert home.call("task", "timeline", "none", "--json").refusal == (1, "task_not_found")
    assert home.call("campaign", "timeline", "none", "--json").refusal == (1, "campaign_not_found")
    assert home.call("task", "timeline", "../x", "--json").refusal == (2, "invalid_input")
    assert home.call("campaign", "timeline", "../x", "--json").refusal == (2, "invalid_input")
    said = home.call("task", "timeline", "none").err
    assert said.startswith("task.py: cannot show time line of task 'none': there is no task 'none'")


def test_looking_writes_nothing(home: Home) -> None:
    home.make_campaign("spring")
    home.ok("activate_campaign", "spring", "--no-dispatch")
    before = tree(home.root, passing=())
    home.ok("task", "timeline", "spring-001")
    home.ok("campaign", "timeline", "spring")
    assert tree(home.root, passing=()) == before


# -- subscribers --------------------------------------------------------------------------------------------------


def test_subscribers_are_told_of_what_others_do_whatever_the_settings_name(home: Home, chat: Chat) -> None:
    home.settings("harness: {default: script}\nnotify: {events: []}\n")
    home.ok("check_pipeline", **chat.environ)
    home.make_task(agents=["alpha", "beta"])
    home.make_task("t-2")
    home.ok("task", "subscribe", "t-1", "ana", "ben")

    home.ok("task", "comment", "t-1", "too long", USER="ana")
    home.complete("t-1", "alpha")
    home.ok("request_revision", "t-1", "--to-step", "0", "--notes", "too dry", "--by-person", USER="ben")
    home.ok("task", "block", "t-1", "--reason", "no photo", USER="cleo")
    home.ok("task", "cancel", "t-1", "--reason", "late", USER="ana")
    home.ok("task", "cancel", "t-2", USER="ana")
    home.ok("check_pipeline", **chat.environ)

    assert [line for text in chat.texts for line in text.splitlines()] == [
        "For ben: Task t-1: ana says: too long",
        "For ana: Task t-1 was sent back to step 0 by ben: too dry",
        "For ana, ben: Task t-1 is blocked (person): no photo",
        "For ben: Task t-1 was cancelled by ana: late",
    ]


def test_subscribers_are_told_of_the_end(home: Home, chat: Chat) -> None:
    home.settings("harness: {default: script}\nnotify: {events: []}\n")
    home.ok("check_pipeline", **chat.environ)
    home.make_task(agents=["alpha"], title="Rye bread", subscribers=["ana"])
    home.complete()
    home.ok("check_pipeline", **chat.environ)
    assert chat.texts == ["For ana: Task t-1 is completed: Rye bread"]


def test_a_comment_nobody_subscribed_to_is_told_where_the_settings_name_it(home: Home, chat: Chat) -> None:
    home.settings("harness: {default: script}\nnotify: {events: [task_commented]}\n")
    home.ok("check_pipeline", **chat.environ)
    home.make_task()
    home.ok("task", "comment", "t-1", "nice", USER="ana")
    home.ok("check_pipeline", **chat.environ)
    assert chat.texts == ["Task t-1: ana says: nice"]


# -- comments reach the agent -------------------------------------------------------------------------------------


def test_an_agent_is_told_the_last_comments(home: Home) -> None:
    home.make_task(agents=["alpha"])
    for number in range(6):
        home.ok("task", "comment", "t-1", f"answer {number}\nin two lines", USER="ana")
    said = [event["at"] for event in home.events() if event["type"] == "task_commented"]
    home.wake()

    home.run("invoke_agent", "alpha", "t-1")

    (prompt,) = (home.root / "logs/alpha").glob("*.prompt.md")
    section = prompt.read_text().partition("## Said about this task\n")[2].partition("\n## ")[0]
    assert section.splitlines()[:3] == [f"- {said[1]}, ana:", "  answer 1", "  in two lines"]
    assert [f"answer {number}" in section for number in range(6)] == [False, True, True, True, True, True]
