"""``pipeline.py rename``, ``fork``, ``remove`` and ``set-model``: each file whole, checked, and with its comments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.homes import Home, campaign, template, tree

TEXT = """\
# Our own.
slug: my-line
name: My line
main_steps:
  - {agent: alpha, output_dir: research}  # first
  - {agent: beta, output_dir: drafts, model: haiku}
  - {agent: null, label: Pause}
parallel_branches:
  - {trigger_after_step: 0, agent: gamma, label: Image}  # beside
"""


@pytest.fixture
def line(home: Home) -> Path:
    """A pipeline of the home with comments: its file."""
    home.ok("pipeline", "create", home.file("x.yaml", TEXT))
    return home.root / "config/pipelines/my-line.yaml"


def files(home: Home) -> list[str]:
    return sorted(path.name for path in (home.root / "config/pipelines").iterdir())


# -- rename -------------------------------------------------------------------------------------------------------


def test_a_renamed_pipeline_has_its_new_slug_and_its_comments(home: Home, line: Path) -> None:
    done = home.call("pipeline", "rename", "my-line", "our-line", "--name", "Our: line")
    assert (done.code, done.out, done.err) == (0, "Renamed pipeline 'my-line' to 'our-line'.\n", "")
    assert files(home) == ["our-line.yaml"]
    text = line.with_name("our-line.yaml").read_text()
    assert text == TEXT.replace("slug: my-line", "slug: our-line").replace("name: My line", 'name: "Our: line"')
    assert home.ok("pipeline", "show", "our-line", "--json").json["name"] == "Our: line"


def test_a_name_alone_changes_in_its_place_and_the_file_keeps_its_mode(home: Home, line: Path) -> None:
    line.chmod(0o640)
    done = home.ok("pipeline", "rename", "my-line", "--name", "Better")
    assert done.out == "Pipeline 'my-line' is called 'Better' now.\n"
    assert line.read_text() == TEXT.replace("name: My line", "name: Better")
    assert line.stat().st_mode & 0o777 == 0o640


def test_a_link_to_a_file_elsewhere_stays_a_link(home: Home, line: Path, tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles.yaml"
    line.rename(kept)
    line.symlink_to(kept)
    home.ok("pipeline", "rename", "my-line", "--name", "Better")
    assert (line.is_symlink(), "name: Better" in kept.read_text()) == (True, True)


def test_campaigns_that_froze_a_renamed_pipeline_are_named_and_untouched(home: Home) -> None:
    home.make_campaign()
    before = home.campaign()
    done = home.ok("pipeline", "rename", "my-line", "our-line")
    assert done.out.endswith("Campaigns that were made with 'my-line' keep what they froze: spring.\n")
    assert home.campaign() == before
    home.ok("activate_campaign", "spring", "--no-dispatch")
    assert [step["agent"] for step in home.record("spring-001")["pipeline"]] == ["alpha", "beta", "gamma"]


@pytest.mark.parametrize(
    ("words", "refusal", "said"),
    [
        (["my-line"], (2, "invalid_input"), "neither a new slug nor --name is given"),
        (["my-line", "my-line"], (1, "invalid_input"), "it has the slug 'my-line' already"),
        (["my-line", "../x"], (2, "invalid_input"), "is not a valid pipeline id"),
        (["my-line", "other"], (1, "already_exists"), "a pipeline of this home has the slug 'other' already"),
        (["my-line", "content-draft"], (1, "already_exists"), "a preset has the slug 'content-draft' already"),
        (["my-line", "--name", " "], (2, "invalid_input"), "--name is empty"),
        (["nothing", "x"], (1, "pipeline_not_found"), "there is no pipeline 'nothing'"),
        (["content-draft", "x"], (1, "invalid_input"), "a preset cannot be renamed"),
    ],
)
def test_a_rename_that_is_refused_changes_nothing(
    home: Home, line: Path, words: list[str], refusal: tuple[int, str], said: str
) -> None:
    home.ok("pipeline", "create", home.file("y.json", template(slug="other")))
    before = tree(home.root)
    done = home.call("pipeline", "rename", *words, "--json")
    assert (done.refusal, said in done.error["message"]) == (refusal, True)
    assert tree(home.root) == before


# -- fork ---------------------------------------------------------------------------------------------------------


def test_a_preset_is_forked_with_its_comments_as_one_of_this_home(home: Home) -> None:
    done = home.ok("pipeline", "fork", "content-draft", "our-draft", "--name", "Our draft")
    path = home.root / "config/pipelines/our-draft.yaml"
    assert done.out == f"Copied pipeline 'content-draft' as 'our-draft' ({path}).\n"
    preset = home.ok("pipeline", "show", "content-draft", "--json").json
    ours = home.ok("pipeline", "show", "our-draft", "--json").json
    assert ours == preset | {"slug": "our-draft", "name": "Our draft"}


def test_a_fork_of_ones_own_keeps_its_format_and_is_called_a_copy(home: Home) -> None:
    (home.root / "config/pipelines/my-line.json").write_text(json.dumps(template()))
    home.ok("pipeline", "fork", "my-line", "other")
    found = json.loads((home.root / "config/pipelines/other.json").read_text())
    assert found == template(slug="other", name="My line copy")


@pytest.mark.parametrize("new", ["content-draft", "my-line"])
def test_a_fork_takes_no_slug_that_is_taken(home: Home, line: Path, new: str) -> None:
    before = tree(home.root)
    assert home.call("pipeline", "fork", "research-only", new, "--json").refusal == (1, "already_exists")
    assert tree(home.root) == before


# -- remove -------------------------------------------------------------------------------------------------------


def test_a_removed_pipeline_is_gone_and_its_campaigns_go_on(home: Home) -> None:
    home.make_campaign()
    before = home.campaign()
    answer = home.ok("pipeline", "remove", "my-line", "--json").json
    assert answer == {"removed": "my-line", "campaigns": ["spring"]}
    assert (files(home), home.campaign()) == ([], before)
    assert home.call("pipeline", "show", "my-line", "--json").refusal == (1, "pipeline_not_found")
    file = home.file("next.json", campaign(slug="next"))
    assert home.call("campaign", "create", file, "--json").refusal == (1, "pipeline_not_found")


def test_a_pipeline_that_cannot_be_read_can_be_removed(home: Home) -> None:
    (home.root / "config/pipelines/torn.yaml").write_text("slug: [")
    assert home.ok("pipeline", "remove", "torn").out == "Removed pipeline 'torn'.\n"
    assert files(home) == []


def test_a_preset_cannot_be_removed(home: Home) -> None:
    before = tree(home.root)
    done = home.call("pipeline", "remove", "content-draft", "--json")
    assert (done.refusal, done.error["message"]) == ((1, "invalid_input"), "a preset cannot be removed")
    assert tree(home.root) == before


# -- set-model ----------------------------------------------------------------------------------------------------


def models(home: Home, slug: str = "my-line") -> list[str | None]:
    shown = home.ok("pipeline", "show", slug, "--json").json
    return [unit.get("model") for unit in (*shown["main_steps"], *shown.get("parallel_branches", []))]


def test_the_model_of_several_steps_and_a_branch_is_set_at_once(home: Home, line: Path) -> None:
    done = home.ok("pipeline", "set-model", "my-line", "opus", "--step", "0", "--step", "1", "--branch", "Image")
    assert done.out == "Set the model to opus:\n  my-line: step 0 (alpha), step 1 (beta), branch 'Image' (gamma)\n"
    assert line.read_text() == TEXT.replace("agent: alpha,", "agent: alpha, model: opus,").replace(
        "model: haiku", "model: opus"
    ).replace("trigger_after_step: 0,", "trigger_after_step: 0, model: opus,")


def test_without_a_choice_everybody_who_works_has_the_model(home: Home, line: Path) -> None:
    home.ok("pipeline", "set-model", "my-line", "opus")
    assert models(home) == ["opus", "opus", None, "opus"]


def test_an_agents_model_is_set_in_all_pipelines_of_the_home(home: Home, line: Path) -> None:
    home.ok("pipeline", "create", home.file("y.json", template(slug="other")))
    answer = home.ok("pipeline", "set-model", "--all", "opus", "--agent", "beta", "--json").json
    assert answer == {
        "model": "opus",
        "pipelines": [{"slug": "my-line", "set": ["step 1 (beta)"]}, {"slug": "other", "set": ["step 1 (beta)"]}],
    }
    assert (models(home), models(home, "other")) == ([None, "opus", None, None], [None, "opus", None])


def test_a_model_can_be_taken_away(home: Home, line: Path) -> None:
    home.ok("pipeline", "set-model", "my-line", "-", "--agent", "beta")
    assert models(home) == [None, None, None, None]


def test_a_model_that_is_set_already_changes_no_file(home: Home, line: Path) -> None:
    before = line.stat()
    home.ok("pipeline", "set-model", "my-line", "haiku", "--step", "1")
    assert line.stat() == before


@pytest.mark.parametrize(
    ("words", "refusal", "said"),
    [
        (["my-line", "opus", "--step", "3"], (1, "invalid_input"), "my-line has no step 3"),
        (["my-line", "opus", "--step", "2"], (1, "invalid_input"), "step 2 of my-line has no agent"),
        (["my-line", "opus", "--branch", "Nope"], (1, "invalid_input"), "my-line has no branch 'Nope'"),
        (["my-line", "opus", "--agent", "nobody"], (1, "invalid_input"), "in none of the pipelines works nobody"),
        (["my-line", "content-draft", "opus"], (1, "invalid_input"), "a preset cannot be changed"),
        (["my-line", "torn", "opus"], (1, "invalid_input"), "torn.yaml:1"),
        (["my-line", "nothing", "opus"], (1, "pipeline_not_found"), "there is no pipeline 'nothing'"),
        (["opus"], (2, "invalid_input"), "name pipelines and a model"),
        (["--all", "my-line", "opus"], (2, "invalid_input"), "name pipelines and a model"),
        (["my-line", " "], (2, "invalid_input"), "the model is not a word"),
    ],
)
def test_a_set_model_that_is_refused_changes_nothing(
    home: Home, line: Path, words: list[str], refusal: tuple[int, str], said: str
) -> None:
    (home.root / "config/pipelines/torn.yaml").write_text("slug: [")
    before = tree(home.root)
    done = home.call("pipeline", "set-model", *words, "--json")
    assert (done.refusal, said in done.error["message"]) == (refusal, True)
    assert tree(home.root) == before


def test_who_is_quicker_does_not_lose_the_others_change(home: Home, line: Path) -> None:
    words = [("pipeline", "set-model", "my-line", f"m{number}", "--step", str(number)) for number in (0, 1)]
    running = [home.start(*one) for one in words]
    assert [process.wait(60) for process in running] == [0, 0]
    assert models(home)[:2] == ["m0", "m1"]


# -- availability -------------------------------------------------------------------------------------------------

SERVICES = """\
categories:
  search: {services: [{name: finder, active: false}, {name: other}]}
  images: {services: [{name: painter, active: false}]}
"""


def needy(home: Home, **metadata: str) -> str:
    """A pipeline's file whose agent declares capabilities."""
    home.agent("needy", "#!/bin/sh\n", **metadata)
    (home.root / "config/services.yaml").write_text(SERVICES)
    return home.file("needy.json", template(slug="needy-line", main_steps=[{"agent": "needy"}]))


@pytest.mark.parametrize("verb", ["create", "validate"])
def test_an_agent_whose_required_capability_has_no_active_service_cannot_be_placed(home: Home, verb: str) -> None:
    file = needy(home, requires="search images")
    before = tree(home.root)
    done = home.call("pipeline", verb, file, "--json")
    assert done.refusal == (1, "services_missing")
    assert done.error == {
        "code": "services_missing",
        "message": "needy requires the capability 'images', and no active service offers it",
        "cure": "switch one on: service.py toggle painter --on",
        "agent": "needy",
        "capability": "images",
    }
    assert tree(home.root) == before


def test_an_optional_capability_without_a_service_is_a_warning(home: Home) -> None:
    file = needy(home, optional="images video", requires="search")
    answer = home.ok("pipeline", "validate", file, "--json").json
    assert answer["warnings"] == [
        "needy works without the capability 'images': no active service offers it",
        "needy works without the capability 'video': no active service offers it",
    ]
    done = home.ok("pipeline", "create", file)
    assert done.err.count("warning: needy works without") == 2


def test_nobody_goes_without_what_the_registry_calls_required(home: Home) -> None:
    file = needy(home, optional="images")
    (home.root / "config/services.yaml").write_text(SERVICES.replace("images: {", "images: {required: true, "))
    assert home.call("pipeline", "validate", file, "--json").refusal == (1, "services_missing")
