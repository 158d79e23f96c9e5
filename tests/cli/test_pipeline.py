"""``pipeline.py``: templates of a home beside the presets."""

from __future__ import annotations

import pytest
from tests.cli.homes import Home, template, tree

PRESETS = ("audience-discovery", "content-draft", "full-content-production", "launch-package", "research-only")


def test_a_template_is_kept_as_it_was_written(home: Home) -> None:
    text = "# my own\nslug: my-line\nname: My line\nmain_steps:\n  - {agent: alpha, timeout: 30m}\n"
    done = home.call("pipeline", "create", home.file("x.yaml", text))
    path = home.root / "config/pipelines/my-line.yaml"
    assert (done.code, done.out) == (0, f"Created pipeline 'my-line' ({path}).\n")
    assert path.read_text() == text


def test_json_is_accepted_where_yaml_is(home: Home) -> None:
    home.ok("pipeline", "create", home.file("x.json", template()))
    shown = home.ok("pipeline", "show", "my-line", "--json").json
    assert [step["agent"] for step in shown["main_steps"]] == ["alpha", "beta", "gamma"]


def test_every_key_of_the_contract_that_is_built_is_taken(home: Home) -> None:
    step = {
        "agent": "alpha",
        "model": "sonnet",
        "label": "Write",
        "output_dir": "drafts",
        "timeout": "30m",
        "harness": "script",
        "max_attempts": 2,
        "task_status": "drafted",
        "instructions": "Be brief",
    }
    wishes = {"description": "x", "on_complete": {"telegram": False, "summary": True, "manifest": True}}
    home.ok("pipeline", "create", home.file("x.json", template(main_steps=[step], **wishes)))
    home.make_task(pipeline="my-line")
    found = home.record()["pipeline"][0]
    assert {key: found[key] for key in step} == step


def test_presets_and_own_ones_are_listed(home: Home) -> None:
    home.ok("pipeline", "create", home.file("x.json", template()))
    found = {one["slug"]: one["preset"] for one in home.ok("pipeline", "list", "--json").json}
    assert found["my-line"] is False
    assert (found["content-draft"], found["research-only"]) == (True, True)


def test_a_broken_one_is_listed_with_its_problem(home: Home) -> None:
    (home.root / "config/pipelines/torn.yaml").write_text("slug: torn\n")
    (torn,) = [one for one in home.ok("pipeline", "list", "--json").json if one["slug"] == "torn"]
    assert "the key 'name' is missing" in torn["error"]


def test_one_is_shown(home: Home) -> None:
    lines = home.ok("pipeline", "show", "content-draft").out.splitlines()
    assert lines[0] == "content-draft: Content draft"
    assert lines[-1].split() == ["3", "humanizer", "Humanize", "sonnet", "final"]


@pytest.mark.parametrize("verb", ["show", "validate"])
def test_one_that_does_not_exist_is_not_found(home: Home, verb: str) -> None:
    done = home.call("pipeline", verb, "nope", "--json")
    assert done.refusal == (1, "pipeline_not_found")
    assert done.error["cure"] == f"choose from {', '.join(PRESETS)}"


@pytest.mark.parametrize("slug", PRESETS)
def test_every_preset_is_valid_and_nothing_is_to_be_said_against_it(home: Home, slug: str) -> None:
    answer = home.ok("pipeline", "validate", slug, "--json").json
    assert answer == {"valid": True, "slug": slug, "warnings": []}


def test_a_writer_without_research_is_not_kept(home: Home) -> None:
    before = tree(home.root)
    steps = [{"agent": "content-writer"}, {"agent": "keyword-researcher"}]
    done = home.call("pipeline", "create", home.file("x.json", template(main_steps=steps)), "--json")
    assert done.refusal == (1, "invalid_input")
    assert done.error["message"] == "step 0: content-writer is a writer, and no researcher is before it"
    assert tree(home.root) == before


def test_what_may_be_meant_is_kept_with_a_warning(home: Home) -> None:
    steps = [{"agent": "keyword-researcher"}, {"agent": "content-writer"}, {"agent": "humanizer"}]
    file = home.file("x.json", template(main_steps=steps))
    warning = "no reviewer: nobody checks what is written"
    assert home.ok("pipeline", "validate", file, "--json").json["warnings"] == [warning]
    done = home.ok("pipeline", "create", file, "--json")
    assert (done.json["slug"], f"warning: {warning}\n" in done.err) == ("my-line", True)


def test_the_branches_of_one_are_shown(home: Home) -> None:
    out = home.ok("pipeline", "show", "full-content-production").out
    assert [line.split()[:2] for line in out.splitlines() if "_" in line and "image-director" in line] == [
        ["Hero", "image"]
    ]
    assert out.endswith("Step 3 waits for the branches.\n")


@pytest.mark.parametrize("slug", PRESETS)
def test_a_preset_keeps_its_slug(home: Home, slug: str) -> None:
    before = tree(home.root)
    file = home.file("x.json", template(slug=slug))
    done = home.call("pipeline", "create", file, "--json")
    assert done.refusal == (1, "already_exists")
    assert done.error["message"] == f"a preset has the slug '{slug}' already"
    assert tree(home.root) == before


def test_a_file_that_was_put_in_a_presets_place_is_refused_when_it_is_used(home: Home) -> None:
    path = home.root / "config/pipelines/content-draft.yaml"
    path.write_text("slug: content-draft\nname: Mine\nmain_steps: [{agent: alpha}]\n")
    done = home.call("pipeline", "show", "content-draft", "--json")
    assert done.refusal == (1, "already_exists")
    assert done.error["message"] == f"{path}: a preset has the slug 'content-draft' already"
    listed = {one["preset"]: one for one in home.ok("pipeline", "list", "--json").json if one["slug"] == path.stem}
    assert ("error" in listed[True], "error" in listed[False]) == (False, True)


def test_a_slug_of_this_home_is_taken_once(home: Home) -> None:
    home.ok("pipeline", "create", home.file("x.json", template()))
    before = tree(home.root)
    done = home.call("pipeline", "create", home.file("x.json", template(name="Another")), "--json")
    assert done.refusal == (1, "already_exists")
    assert tree(home.root) == before


@pytest.mark.parametrize("what", ["file", "slug", "preset"])
def test_validate_keeps_nothing(home: Home, what: str) -> None:
    home.ok("pipeline", "create", home.file("x.json", template()))
    before = tree(home.root.parent)
    word = {"file": str(home.root.parent / "x.json"), "slug": "my-line", "preset": "content-draft"}[what]
    answer = home.ok("pipeline", "validate", word, "--json").json
    assert answer == {"valid": True, "slug": "content-draft" if what == "preset" else "my-line", "warnings": []}
    assert tree(home.root.parent) == before


def test_validate_says_what_is_wrong(home: Home) -> None:
    file = home.file("x.json", template(main_steps=[{"agnt": "alpha"}]))
    done = home.call("pipeline", "validate", file)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"pipeline.py: cannot validate pipeline '{file}': {file}:1: main_steps[0].agnt: unknown key\n"
        "  did you mean 'agent'? known: agent, description, expects, gates, harness, instructions, label, max_attempts, "
        "model, output_dir, review, skills, task_status, timeout\n"
    )


def test_a_file_that_bears_another_slug_than_its_name_is_refused(home: Home) -> None:
    (home.root / "config/pipelines/other.yaml").write_text("slug: my-line\nname: x\nmain_steps: [{agent: alpha}]\n")
    done = home.call("pipeline", "show", "other", "--json")
    assert done.refusal == (1, "invalid_input")
    assert "its slug is 'my-line', not 'other'" in done.error["message"]
