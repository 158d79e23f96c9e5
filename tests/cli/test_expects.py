"""What steps expect, through the scripts: refused where it is written, looked for by hand, answered inside a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import Home, tree, wait_for

DRAFT = {"file": "drafts/{task}.md", "min_words": 3}


def steps(*expects: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"agent": "alpha", "output_dir": "drafts", "expects": list(expects)}, {"agent": "beta"}]


def make(home: Home, *expects: dict[str, Any]) -> None:
    home.ok("task", "create", home.file("t.json", {"id": "t-1", "title": "T", "pipeline": steps(*expects or (DRAFT,))}))


def write(home: Home, name: str = "drafts/t-1.md", text: str = "one two three") -> Path:
    path = home.workspace() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


BROKEN = [
    ({"file": "a.json", "schema": {"type": "text"}}, "it is not a JSON schema: $.type"),
    ({"file": "a.json", "schema": {"$ref": "http://127.0.0.1:9/x.json"}}, "leads elsewhere"),
    ({"file": "a.json", "schema": "schemas/none.json"}, "there is no file"),
    ({"file": "a.json", "schema": "schemas/broken.json"}, "is not a JSON object"),
    ({"file": "a.json", "schema": "schemas/list.json"}, "is not a JSON object"),
    ({"file": "a.json", "schema": {"description": "x" * 40_000}}, "larger than 32 KB"),
    ({"file": "a.json", "schema": "../state/x.json"}, "must be a relative path"),
    ({"file": "/etc/passwd"}, "must be a relative path"),
    ({"file": "a", "matches": "("}, "is not a regular expression"),
    ({"file": "a", "min_words": -1}, "min_words"),
    ({"folder": "a"}, "count"),
    ({"command": "true", "timeout": "-3s"}, "is not a duration"),
    ({"file": "a", "words": 3}, "unknown key"),
    ({}, "exactly one of"),
]


@pytest.mark.parametrize(("expects", "said"), BROKEN)
def test_an_expectation_that_is_broken_is_refused_and_leaves_nothing(
    home: Home, expects: dict[str, Any], said: str
) -> None:
    schemas = home.root / "config/schemas"
    schemas.mkdir()
    (schemas / "broken.json").write_text('{"type":')
    (schemas / "list.json").write_text("[]")
    line = {"slug": "mine", "name": "Mine", "main_steps": steps(expects)}
    files = {
        "pipeline": home.file("mine.json", line),
        "task": home.file("t.json", {"id": "t-1", "title": "T", "pipeline": steps(expects)}),
    }
    before = tree(home.root)
    for script, file in files.items():
        done = home.call(script, "create", file, "--json")
        assert done.refusal == (1, "invalid_input")
        assert said in done.error["message"]
        assert "expects" in done.error["message"]
    validated = home.call("pipeline", "validate", files["pipeline"], "--json")
    assert validated.refusal == (1, "invalid_input")
    assert tree(home.root) == before


def test_a_schema_in_a_file_is_frozen_with_the_step(home: Home) -> None:
    schema = {"type": "object", "required": ["n"]}
    folder = home.root / "config/schemas"
    folder.mkdir()
    (folder / "n.json").write_text(json.dumps(schema))
    line = {"slug": "mine", "name": "Mine", "main_steps": steps({"file": "a.json", "schema": "schemas/n.json"})}
    home.ok("pipeline", "create", home.file("mine.json", line))
    home.make_campaign(pipeline="mine", target_article_count=1)
    (folder / "n.json").unlink()
    home.ok("activate_campaign", "spring")
    assert home.record("spring-001")["pipeline"][0]["expects"] == [{"file": "a.json", "schema": schema}]
    (listed,) = [one for one in home.ok("pipeline", "list", "--json").json if one["slug"] == "mine"]
    assert "there is no file" in listed["error"]


def test_by_hand_what_is_missing_is_refused_and_changes_nothing(home: Home) -> None:
    make(home, DRAFT, {"command": "echo no; false"})
    home.acquire()
    before = home.record()
    done = home.call("complete_step", "t-1", "--agent", "alpha")
    assert done.refusal == (1, "evidence_missing")
    missing = ["drafts/t-1.md is not there", "  no\n`echo no; false` ended with exit code 1"]
    assert done.error["missing"] == missing
    assert home.record() == before


def test_by_hand_what_is_there_completes_the_step(home: Home) -> None:
    make(home)
    write(home)
    assert home.complete() == {"completed": True, "next_step": 1, "next_agent": "beta", "new_status": "drafted"}


def test_without_the_lease_nothing_is_looked_for(home: Home) -> None:
    make(home, {"command": 'touch "$BATON_HOME/looked"'})
    home.acquire(agent="beta")
    assert home.call("complete_step", "t-1", "--agent", "alpha").refusal == (1, "lease_mismatch")
    assert not (home.root / "looked").exists()


def test_a_check_that_completes_its_own_step_is_refused_and_does_not_begin_anew(home: Home) -> None:
    make(home, {"command": 'echo x >>"$BATON_HOME/looks"; complete_step.py t-1 --agent alpha'})
    home.acquire()
    done = home.call("complete_step", "t-1", "--agent", "alpha")
    assert done.refusal == (1, "evidence_missing")
    assert "a check of what a step must leave cannot complete the step" in done.error["missing"][0]
    assert (home.root / "looks").read_text() == "x\n"


def test_a_branch_by_hand_is_held_to_its_evidence(home: Home) -> None:
    branch = {"trigger_after_step": 0, "agent": "beta", "label": "Hero", "expects": [{"file": "hero.md"}]}
    line = {"slug": "b", "name": "B", "main_steps": [{"agent": "alpha"}], "parallel_branches": [branch]}
    home.ok("pipeline", "create", home.file("b.json", line))
    home.ok("task", "create", home.file("t.json", {"id": "t-1", "title": "T", "pipeline": "b"}))
    home.complete()
    done = home.call("complete_branch", "t-1", "Hero", "--agent", "beta")
    assert (done.refusal, done.error["missing"]) == ((1, "evidence_missing"), ["hero.md is not there"])
    write(home, "hero.md")
    assert home.ok("complete_branch", "t-1", "Hero", "--agent", "beta").json == {"remaining": 0}
    assert home.record()["status"] == "completed"


REPORTS = """\
#!/bin/sh
complete_step.py --summary one >>answers
complete_step.py --summary one >>answers
complete_step.py --summary two >>answers
mkdir -p drafts; echo one two three >drafts/t-1.md
"""


def test_inside_a_run_the_answer_says_what_is_still_to_be_looked_for(live: Home) -> None:
    live.agent("alpha", REPORTS)
    make(live)
    wait_for(lambda: live.record()["status"] == "completed")
    answers = [json.loads(line) for line in (live.workspace() / "answers").read_text().splitlines()]
    pending = ["`drafts/t-1.md`, newer than the run, with at least 3 words"]
    first = {"completed": False, "recorded": True, "pending": pending}
    assert answers[:2] == [first, first]
    assert answers[2]["error"]["code"] == "illegal_transition"


def test_inside_a_branchs_run_it_is_still_pending(live: Home) -> None:
    live.agent("beta", "#!/bin/sh\ntouch hero.md; complete_branch.py >answer\n")
    branch = {"trigger_after_step": 0, "agent": "beta", "label": "Hero", "expects": [{"file": "hero.md"}]}
    line = {"slug": "b", "name": "B", "main_steps": [{"agent": "alpha"}], "parallel_branches": [branch]}
    live.ok("pipeline", "create", live.file("b.json", line))
    live.ok("task", "create", live.file("t.json", {"id": "t-1", "title": "T", "pipeline": "b"}))
    wait_for(lambda: live.record()["status"] == "completed")
    answer = json.loads((live.workspace() / "answer").read_text())
    assert answer == {"remaining": 1, "recorded": True, "pending": ["`hero.md`, newer than the run"]}
