"""``assignment.py``: made, looked at and decided by people and by the PM agents of its own runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import Home, tree, wait_for

STAR = "Login takes less than a second\n\nMeasure it first."
WORKER = """\
#!/bin/sh
echo "looked at $BATON_TASK"
echo "the last words of $BATON_AGENT"
"""
# Goes on only when both members of its group are at work.
MEETING = """\
#!/bin/sh
touch "$BATON_HOME/../begun-$BATON_RUN"
until [ "$(ls "$BATON_HOME/.." | grep -c begun-)" = 2 ]; do sleep 0.02; done
"""
# Decides by what its test has put beside the home: one line of shell for each time it is asked.
PM = """\
#!/bin/sh
count=$(ls "$BATON_HOME/../asked" | wc -l); touch "$BATON_HOME/../asked/$count"
cp "$BATON_PROMPT_FILE" "$BATON_HOME/../prompt-$count.md"
. "$BATON_HOME/../decides-$count.sh" || exit 0
complete_step.py --summary "decided $count" || exit 1
"""


@pytest.fixture
def assigning(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    (tmp_path / "asked").mkdir()
    for type in ("plan", "implement", "review", "retrospect", "guardian"):
        home.agent(type, WORKER)
    home.agent("pm", PM)
    yield home
    home.settle()


def create(home: Home, *words: str, star: str = STAR) -> dict[str, Any]:
    """Make an assignment."""
    made: dict[str, Any] = home.ok("assignment", "create", star, "--id", "fix-login", *words, "--json").json
    return made


def decide(home: Home, number: int, lines: str) -> None:
    """Say what the pm does when it is asked for the so manieth time."""
    home.file(f"decides-{number}.sh", lines + "\n")


def types(view: dict[str, Any]) -> list[tuple[str, str]]:
    return [(job["type"], job["status"]) for job in view["jobs"]]


def show(home: Home, word: str = "fix-login") -> dict[str, Any]:
    view: dict[str, Any] = home.ok("assignment", "show", word, "--json").json
    return view


def in_run(home: Home, agent: str = "pm", id: str = "fix-login") -> dict[str, str]:
    """The environment of a run that is going on: the lease is granted as a supervisor would."""
    from baton.cli.wiring import Wiring
    from baton.engine.granting import Granter
    from baton.store.layout import Home as Layout

    wiring = Wiring(Layout(str(home.root)), home.environ, print)
    granter = Granter(wiring.door, wiring.clock, lambda name: None, wiring.clock.holder)
    token = granter.grant(id).lease.token
    return {"BATON_TASK": id, "BATON_AGENT": agent, "BATON_LEASE": str(token), "BATON_RUN": "r-1"}


# -- made ---------------------------------------------------------------------------------------------------------


def test_an_assignment_is_made_with_a_plan_first(assigning: Home) -> None:
    made = create(assigning, "--priority", "3", "--independent", "--namespace", "shop")

    assert (made["id"], made["title"], made["north_star"]) == ("fix-login", "Login takes less than a second", STAR)
    assert (made["status"], made["priority"], made["independent"], made["namespace"]) == ("pending", 3, True, "shop")
    assert types(made) == [("plan", "pending")]


def test_its_id_is_made_of_the_first_line_and_its_namespace_of_the_repository(assigning: Home, tmp_path: Path) -> None:
    repo = tmp_path / "My Shop"
    repo.mkdir()

    made = assigning.ok("assignment", "create", "# Fix the login!", "--repo", str(repo), "--json").json

    assert (made["id"], made["title"], made["namespace"], made["repo"]) == (
        "fix-the-login",
        "Fix the login!",
        "my-shop",
        str(repo),
    )


def test_the_north_star_comes_from_a_file_or_from_standard_input(assigning: Home) -> None:
    of_file = assigning.ok(
        "assignment", "create", "--file", assigning.file("star.md", STAR), "--id", "a", "--json"
    ).json
    of_input = assigning.call("assignment", "create", "--file", "-", "--id", "b", "--json", stdin=STAR.encode()).json

    assert (of_file["north_star"], of_input["north_star"]) == (STAR, STAR)


def test_it_can_begin_with_a_group(assigning: Home) -> None:
    jobs = json.dumps([{"type": "review", "harness": "codex", "context": "Look"}, {"type": "review"}])

    made = create(assigning, "--jobs", jobs)

    assert [(job["type"], job["group"], job["harness"], job["context"]) for job in made["jobs"]] == [
        ("review", "g1", "codex", "Look"),
        ("review", "g1", None, ""),
    ]


def test_the_settings_of_its_namespace_hold_for_its_jobs(assigning: Home) -> None:
    assigning.settings(
        "assignments: {timeout: 5m, harnesses: {plan: codex}, namespaces: {shop: {timeouts: {plan: 7m}}}}\n"
    )

    create(assigning, "--namespace", "shop")

    (step,) = assigning.record("fix-login")["pipeline"]
    assert (step["timeout"], step["harness"]) == ("7m", "codex")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say the north star, or --file"),
        (("x", "--file", "y"), "say the north star, or --file"),
        ((" ",), "the north star is empty"),
        (("x", "--repo", "/nowhere/at/all"), "--repo: /nowhere/at/all is not a folder"),
        (("x", "--namespace", "My Shop"), "'My Shop' is not a valid namespace id"),
        (("x", "--priority", "soon"), "priority 'soon' is not one of"),
        (("x", "--jobs", "{"), "--jobs: Input data was truncated"),
        (("x", "--jobs", "[]"), "--jobs is an empty list"),
        (("x", "--jobs", '[{"type": "nobody"}]'), "type 'nobody': there is no agent 'nobody'"),
        (("x", "--jobs", '[{"kind": "plan"}]'), "--jobs: Object"),
        (("x", "--jobs", '[{"type": "plan", "harness": "abacus"}]'), "harness 'abacus' is not one of"),
        (("x", "--jobs", '[{"type": "plan"}, {"type": "pm"}]'), "a pm or a guardian cannot be in a group"),
    ],
)
def test_what_makes_no_assignment_is_said_and_leaves_nothing(
    assigning: Home, words: tuple[str, ...], said: str
) -> None:
    before = tree(assigning.root)

    done = assigning.call("assignment", "create", *words)

    assert done.code in (1, 2)
    assert f"assignment.py: cannot create assignment: {said}" in done.err
    assert tree(assigning.root) == before


# -- named --------------------------------------------------------------------------------------------------------


def test_an_assignment_is_known_by_a_unique_beginning(assigning: Home) -> None:
    create(assigning)
    assert show(assigning, "fix")["id"] == "fix-login"


def test_an_ambiguous_beginning_names_the_candidates(assigning: Home) -> None:
    create(assigning)
    assigning.ok("assignment", "create", "x", "--id", "fix-logout")
    assigning.make_task("fix-header")

    done = assigning.call("assignment", "show", "fix", "--json")

    assert done.code == 1
    assert done.error["message"] == "'fix' is the beginning of 2 assignments: fix-login, fix-logout"
    assert done.error["candidates"] == ["fix-login", "fix-logout"]


def test_a_task_is_no_assignment(assigning: Home) -> None:
    assigning.make_task("t-1")
    done = assigning.call("assignment", "show", "t-1")
    assert (done.code, done.err.splitlines()[0]) == (
        1,
        "assignment.py: cannot show assignment 't-1': 't-1' is a task, and no assignment",
    )


def test_one_that_is_not_there_is_not_found(assigning: Home) -> None:
    assert assigning.call("assignment", "show", "nope", "--json").refusal == (1, "task_not_found")


# -- by hand ------------------------------------------------------------------------------------------------------


def test_a_person_inserts_updates_blocks_unblocks_and_completes(assigning: Home) -> None:
    create(assigning)

    inserted = assigning.ok(
        "assignment", "insert-job", "fix", "--type", "implement", "--context", "Cache", "--json"
    ).json
    assigning.ok("assignment", "update", "fix", "--artifacts", "a.md: notes", "--decisions", "Cache first")
    blocked = assigning.ok("assignment", "block", "fix", "--reason", "Which API?", "--json").json
    unblocked = assigning.ok("assignment", "update", "fix", "--status", "active", "--json").json
    completed = assigning.ok("assignment", "complete", "fix", "--summary", "Enough", "--json").json

    assert inserted == {"assignment": "fix-login", "jobs": ["j2"], "applied": True}
    assert (blocked["status"], blocked["blocked_reason"]) == ("blocked", "Which API?")
    assert unblocked["status"] == "pending"
    assert (completed["status"], completed["completion"], completed["artifacts"]) == (
        "complete",
        "Enough",
        ["a.md: notes"],
    )
    assert [one["text"] for one in completed["decisions"]] == ["Cache first"]


def test_who_takes_a_job_by_hand_takes_the_turn_with_it(assigning: Home) -> None:
    create(assigning)
    assigning.ok("assignment", "create", "x", "--id", "second")

    answer = assigning.complete("fix-login", "plan", "--summary", "by hand")

    assert (answer["next_agent"], show(assigning)["turn"]) == ("pm", True)
    refused = assigning.call("acquire_lock", "second", "--agent", "plan")
    assert refused.refusal == (75, "not_ready")
    assert refused.error["message"] == "fix-login is the active assignment of namespace default"


def test_the_same_key_again_inserts_nothing(assigning: Home) -> None:
    create(assigning)
    words = ("insert-job", "fix", "--type", "implement", "--key", "k", "--json")

    first, second = (assigning.ok("assignment", *words).json for _ in range(2))

    assert first == second
    assert len(show(assigning)["jobs"]) == 2


def test_unblocking_reads_the_settings_afresh(assigning: Home) -> None:
    create(assigning)
    assigning.ok("assignment", "block", "fix", "--reason", "x")
    assigning.settings("assignments: {timeout: 3m, max_jobs: 7}\n")

    assigning.ok("assignment", "unblock", "fix")

    record = assigning.record("fix-login")
    assert (record["assignment"]["rules"]["jobs"], record["pipeline"][0]["timeout"]) == (7, "3m")


def test_its_place_in_the_queue_is_said_with_the_reason(assigning: Home) -> None:
    create(assigning)
    assigning.ok("assignment", "create", "x", "--id", "second")
    assigning.ok("assignment", "create", "x", "--id", "third", "--independent")
    assigning.ok("assignment", "create", "x", "--id", "stopped", "--independent")
    assigning.ok("assignment", "block", "stopped", "--reason", "Which API?")
    in_run(assigning, "plan")

    queue = assigning.ok("assignment", "queue", "--json").json

    names = {name: [one["assignment"] for one in lines] for name, lines in queue.items()}
    assert names == {"running": ["fix-login"], "ready": [], "waiting": ["second", "third"], "blocked": ["stopped"]}
    assert queue["waiting"][0]["text"] == "waits for its turn in namespace default; fix-login is active"
    assert (
        assigning.ok("why", "second").out.startswith("second job j1 (plan) waits for its turn")
        or "waits for its turn in namespace default; fix-login is active" in assigning.ok("why", "second").out
    )


# -- inside a run -------------------------------------------------------------------------------------------------


def test_what_a_pm_s_run_does_counts_when_it_has_ended(assigning: Home) -> None:
    create(assigning, "--jobs", '[{"type": "pm"}]')
    run = in_run(assigning)

    answer = assigning.ok("assignment", "insert-job", "--type", "implement", "--json", **run).json
    again = assigning.ok("assignment", "insert-job", "--type", "implement", "--json", **run).json

    assert answer == again == {"assignment": "fix-login", "jobs": ["j2"], "applied": False}
    assert types(show(assigning)) == [("pm", "running")]
    completed = assigning.ok("complete_step", "--summary", "go", **run).json
    assert (completed["next_agent"], completed["new_status"]) == ("implement", "in_progress")


def test_a_pm_that_has_decided_nothing_is_told_so_when_it_completes(assigning: Home) -> None:
    create(assigning, "--jobs", '[{"type": "pm"}]')
    done = assigning.call("complete_step", **in_run(assigning))
    assert done.refusal == (1, "illegal_transition")
    assert done.error["cure"] == "do it first: assignment.py insert-job, complete or block"


def test_a_late_pm_is_refused_by_its_token(assigning: Home) -> None:
    create(assigning, "--jobs", '[{"type": "pm"}]')
    run = in_run(assigning)
    late = run | {"BATON_LEASE": str(int(run["BATON_LEASE"]) - 1)}
    before = assigning.record("fix-login")

    done = assigning.call("assignment", "insert-job", "--type", "implement", "--json", **late)

    assert done.refusal == (1, "lease_mismatch")
    assert assigning.record("fix-login") == before


def test_a_worker_cannot_decide(assigning: Home) -> None:
    create(assigning)
    run = in_run(assigning, "plan")
    done = assigning.call("assignment", "complete", "--json", **run)
    assert done.refusal == (1, "illegal_transition")
    assert "only a pm decides what comes next" in done.error["message"]


# -- from end to end ----------------------------------------------------------------------------------------------


def test_the_line_grows_until_the_pm_says_that_it_is_complete(assigning: Home) -> None:
    decide(assigning, 0, "assignment.py insert-job --type implement --context 'Cache the sessions'")
    decide(assigning, 1, """assignment.py insert-job --jobs '[{"type": "review"}, {"type": "review"}]'""")
    decide(assigning, 2, "assignment.py complete --summary 'Login takes 0.6 s'")
    assigning.agent("review", MEETING + WORKER.removeprefix("#!/bin/sh\n"))
    assigning.wake()

    create(assigning)
    wait_for(lambda: show(assigning)["status"] == "complete", 60)

    view = show(assigning)
    done = [(job["type"], job["by"]) for job in view["jobs"] if job["status"] == "complete"]
    assert done == [
        ("plan", view["jobs"][0]["by"]),
        ("pm", "baton"),
        ("implement", "j2"),
        ("pm", "baton"),
        ("review", "j4"),
        ("review", "j4"),
        ("pm", "baton"),
    ]
    assert view["completion"] == "Login takes 0.6 s"
    prompt = (assigning.root.parent / "prompt-2.md").read_text()
    assert "Measure it first." in prompt
    assert "the last words of review" in prompt


def test_the_whole_last_message_of_a_job_is_kept(assigning: Home) -> None:
    assigning.agent("plan", "#!/bin/sh\nseq 1 2000\n")
    decide(assigning, 0, "assignment.py complete")
    assigning.wake()

    create(assigning)
    wait_for(lambda: show(assigning)["status"] == "complete", 60)

    job = assigning.ok("assignment", "job", "fix/j1", "--json").json
    assert job["message"].split()[-1] == "2000"
    assert len(job["result"]) == 2000
    assert Path(job["result_file"]).read_text().split()[-1] == "2000"


def test_a_pm_that_decides_nothing_is_asked_once_more_and_then_the_assignment_is_blocked(assigning: Home) -> None:
    assigning.agent("pm", '#!/bin/sh\ncp "$BATON_PROMPT_FILE" "$BATON_HOME/../prompt.md"\n')
    assigning.wake()

    create(assigning)
    wait_for(lambda: show(assigning)["status"] == "blocked", 60)

    view = show(assigning)
    assert (types(view)[-1], view["jobs"][-1]["attempts"]) == (("pm", "failed"), 2)
    assert "pm decided nothing, twice" in view["blocked_reason"]
    assert "this one has not" in (assigning.root.parent / "prompt.md").read_text()


def test_all_that_a_pm_needs_fits_in_its_context(assigning: Home) -> None:
    help = assigning.ok("assignment", "--help").out.splitlines()
    assert len(help) < 60
    whole = "\n".join(help)
    for word in ("insert-job", "complete", "block", "update", "--artifacts", "--decisions", "--jobs", "--context"):
        assert word in whole
