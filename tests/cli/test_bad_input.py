"""Bad input: one sentence, the contract's exit code and error code, never a trace, and nothing written.

Tables for what is likely, properties for what nobody thinks of. A tree is compared whole, before and after, but for
caches and locks.
"""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.cli.homes import PASSING, SETTINGS, Done, Home, campaign, template, tree

FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# A refused command may leave a line in the log that belongs to no record.
NOTED = (*PASSING, "state/events")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home for properties: what they try changes nothing, or makes one thing more."""
    home = Home(tmp_path_factory.mktemp("bad") / "home")
    home.make_campaign()
    home.ok("activate_campaign", "spring")
    home.make_task()
    return home


def refused(home: Home, *words: str, passing: tuple[str, ...] = PASSING, **environ: str) -> Done:
    """Run a command that must be refused: in one line and a cure, in one document, and without a trace on disk."""
    before = tree(home.root.parent, passing=passing)
    said = home.call(*words, **environ)
    answer = home.call(*words, "--json", **environ) if "--" not in words else said
    assert tree(home.root.parent, passing=passing) == before
    assert said.code == answer.code in (1, 2, 75)
    if said.out:
        assert said.json["error"]
    else:
        first, *cure = said.err.splitlines()
        assert first.startswith(f"{words[0]}.py: cannot ")
        assert len(cure) <= 1
        answer = answer if answer.out else said
    return answer


# -- ids --------------------------------------------------------------------------------------------------------------

BAD_IDS = [
    "..", ".", "../x", "a/b", "/etc/passwd", "a\\b", "A", "spring-001X", "a b", " a", "a ", "_a", ".a", "a\n", "\n",
    "a\nb", "a\0b", "\0", "\x1b[31m", "a" * 129, "a" * 300, "a" * 5000, "é", "ａ", "٣", "a~b", "a:b", "a*", "~", "$HOME",
]  # fmt: skip
BY_TASK = {
    "acquire_lock": ["{}", "--agent", "alpha"],
    "release_lock": ["{}", "--agent", "alpha"],
    "release_lock --force": ["{}", "--force"],
    "complete_step": ["{}", "--agent", "alpha"],
    "complete_step with an output": ["{}", "--agent", "alpha", "--output", "x"],
    "complete_branch": ["{}", "Hero image", "--agent", "alpha"],
    "request_revision": ["{}", "--agent", "alpha", "--to-step", "0", "--notes", "x"],
    "request_revision --by-person": ["{}", "--by-person", "--to-step", "0", "--notes", "x"],
    "invoke_agent": ["alpha", "{}"],
    "review": ["{}"],
    "review with approve": ["{}", "approve"],
    "review with fix": ["{}", "fix", "alpha", "--notes", "x"],
    "review with rethink": ["{}", "rethink", "--to-step", "0", "--notes", "x"],
    "review with extend": ["{}", "extend"],
    "why": ["{}"],
    "task show": ["{}"],
    "task steps": ["{}"],
    "task assign": ["{}", "ana"],
    "task subscribe": ["{}", "ana"],
    "task label": ["{}", "x"],
    "task prioritize": ["{}", "low"],
    "task comment": ["{}", "x"],
    "task block": ["{}", "--reason", "x"],
    "task unblock": ["{}"],
    "task cancel": ["{}"],
    "task retry": ["{}"],
    "task delete": ["{}"],
    "activate_campaign": ["{}"],
    "campaign show": ["{}"],
    "campaign update": ["{}", "--name", "x"],
    "campaign pause": ["{}"],
    "campaign resume": ["{}"],
    "campaign complete": ["{}"],
    "campaign extend": ["{}"],
    "pipeline show": ["{}"],
    "agent show": ["{}"],
    "resolve_service": ["{}"],
    "resolve_service --campaign": ["seo", "--campaign", "{}"],
}


def spoken(command: str, id: str) -> list[str]:
    """The words of a command about this id."""
    script, *verb = command.partition(" with ")[0].split()
    verb = [word for word in verb if not word.startswith("--")]
    return [script, *verb, *(word.format(id) if word == "{}" else word for word in BY_TASK[command])]


@pytest.mark.parametrize("command", BY_TASK)
def test_a_malformed_id_is_wrong_usage_whatever_is_asked_of_it(shared: Home, command: str) -> None:
    before = tree(shared.root)
    for id in BAD_IDS:
        done = shared.call(*spoken(command, id), "--json")
        assert done.refusal == (2, "invalid_input"), id
        assert "\n" not in done.error["message"], id
        assert len(done.error["message"]) < 200, id
    assert tree(shared.root) == before


@pytest.mark.parametrize("command", BY_TASK)
def test_an_empty_id_is_wrong_usage(shared: Home, command: str) -> None:
    assert refused(shared, *spoken(command, "")).refusal == (2, "invalid_input")


@pytest.mark.parametrize("command", BY_TASK)
@given(id=st.text(min_size=1, max_size=40))
@settings(parent=FEW, max_examples=8)
def test_any_text_for_an_id_is_wrong_usage_or_names_nothing(shared: Home, command: str, id: str) -> None:
    assume(id != "t-1" and not id.startswith("-") and not any("\ud800" <= c <= "\udfff" for c in id))
    before = tree(shared.root, passing=NOTED)
    done = shared.call(*spoken(command, id), "--json")
    assert (done.code, done.error["code"]) in {
        (2, "invalid_input"),
        (1, "task_not_found"),
        (1, "campaign_not_found"),
        (1, "pipeline_not_found"),
        (1, "agent_not_found"),
        (1, "service_not_found"),
    }
    assert tree(shared.root, passing=NOTED) == before


@pytest.mark.parametrize("id", ["../x", "A", "a\nb", "a" * 300])
def test_a_malformed_id_in_the_environment_is_wrong_usage_too(shared: Home, id: str) -> None:
    done = refused(shared, "acquire_lock", BATON_TASK=id, BATON_AGENT="alpha")
    assert done.refusal == (2, "invalid_input")


@pytest.mark.parametrize(
    "agent", ["", "..", "a/b", "Alpha", "a b", "a--b", "-", "a-", "a_b", "a.b", "a\n", "a" * 65, "é"]
)
@pytest.mark.parametrize("script", ["acquire_lock", "release_lock", "complete_step"])
def test_a_malformed_agent_is_wrong_usage(shared: Home, script: str, agent: str) -> None:
    assert refused(shared, script, "t-1", "--agent", agent).refusal == (2, "invalid_input")
    assert refused(shared, script, "t-1", BATON_AGENT=agent).refusal == (2, "invalid_input")


def test_a_malformed_name_of_a_person_is_wrong_usage(shared: Home) -> None:
    assert refused(shared, "task", "comment", "t-1", "x", BATON_AGENT="Not an agent").refusal == (2, "invalid_input")


def test_a_control_character_in_a_word_cannot_look_like_words_of_ours(shared: Home) -> None:
    done = shared.call("task", "show", "x\ntask.py: all is well\x1b[2K")
    assert len(done.err.splitlines()) == 2
    assert "\x1b" not in done.err


# -- words ------------------------------------------------------------------------------------------------------------


@given(text=st.text(max_size=60))
@FEW
def test_any_text_for_a_score_is_taken_as_a_number_from_0_to_100_or_refused(shared: Home, text: str) -> None:
    assume(not any("\ud800" <= c <= "\udfff" for c in text))
    before = tree(shared.root, passing=NOTED)
    done = shared.call("complete_step", "t-1", "--agent", "beta", "--quality-score", text)
    try:
        valid = 0 <= float(text) <= 100
    except ValueError:
        valid = False
    assert done.refusal == ((1, "lease_mismatch") if valid else (2, "invalid_input"))
    assert tree(shared.root, passing=NOTED) == before


@given(score=st.floats())
@FEW
def test_any_number_for_a_score_is_from_0_to_100_or_refused(shared: Home, score: float) -> None:
    done = shared.call("complete_step", "t-1", "--agent", "beta", f"--readability-score={score!r}")
    assert done.refusal == ((1, "lease_mismatch") if 0 <= score <= 100 else (2, "invalid_input"))


@given(text=st.text(max_size=40) | st.from_regex(r"[0-9]{1,30}[smhd]|[0-9]{4}-[0-9]{2}-[0-9]{2}", fullmatch=True))
@FEW
def test_any_text_for_since_when_costs_are_told_is_a_time_or_refused(shared: Home, text: str) -> None:
    assume(not any("\ud800" <= c <= "\udfff" for c in text))
    before = tree(shared.root)
    done = shared.call("cost", f"--since={text}", "--json")
    assert done.code == 0 or done.refusal == (2, "invalid_input")
    assert tree(shared.root) == before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@given(value=JSON)
@FEW
def test_any_json_for_a_result_is_an_object_or_refused(shared: Home, value: Any) -> None:
    before = tree(shared.root, passing=NOTED)
    done = shared.call("complete_step", "t-1", "--agent", "beta", "--result", json.dumps(value))
    assert done.refusal in (
        [(1, "lease_mismatch"), (2, "invalid_input")] if isinstance(value, dict) else [(2, "invalid_input")]
    )
    assert tree(shared.root, passing=NOTED) == before


@given(text=st.text(max_size=40))
@FEW
def test_any_text_for_a_result_is_refused_in_words(shared: Home, text: str) -> None:
    assume(not any("\ud800" <= c <= "\udfff" for c in text))
    done = shared.call("complete_step", "t-1", "--agent", "beta", "--result", text)
    try:
        is_object = isinstance(json.loads(text, parse_constant=lambda _: None), dict)
    except ValueError:
        is_object = False
    assert is_object or done.refusal == (2, "invalid_input")


@given(path=st.text(alphabet="./ab~\\\n -é\u202e", min_size=1, max_size=12))
@FEW
def test_any_path_for_an_output_leads_nowhere_it_should_not(shared: Home, path: str) -> None:
    before = tree(shared.root, passing=NOTED)
    done = shared.call("complete_step", "t-1", "--agent", "beta", f"--output={path}")
    assert done.refusal in [(1, "invalid_input"), (2, "invalid_input")]
    assert tree(shared.root, passing=NOTED) == before


# -- files ------------------------------------------------------------------------------------------------------------

TASK: dict[str, Any] = {"title": "Fix it", "pipeline": [{"agent": "alpha", "output_dir": "drafts"}]}
GOOD: dict[str, dict[str, Any]] = {
    "campaign": campaign(slug="summer"),
    "task": TASK,
    "pipeline": template(slug="other"),
}
KINDS = tuple(GOOD)
BROKEN = {
    "nothing": (b"", "the file is empty"),
    "white space": (b" \n\n", "the file is empty"),
    "a comment": (b"# later\n", "the file is empty"),
    "null": (b"null\n", "expected a mapping, got nothing"),
    "a list": (b"- a\n- b\n", "expected a mapping, got a list"),
    "a word": (b"hello\n", "expected a mapping, got text"),
    "a number": (b"3\n", "expected a mapping, got a whole number"),
    "torn YAML": (b"slug: [a, b\n", "not valid YAML"),
    "a tab": (b"a:\n\tb: 1\n", "not valid YAML"),
    "torn JSON": (b'{"slug": "a", ', "not valid YAML"),
    "an alias": (b"name: &a x\ntitle: *a\n", "anchors and aliases"),
    "a bomb": (b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "anchors and aliases"),
    "a merge key": (b"<<: {name: x}\n", "merge keys"),
    "a key twice": (b"name: x\nname: y\n", "the key stands twice, first on line 1"),
    "a tag": (b"name: !!python/object/apply:os.system [id]\n", "the tag"),
    "two documents": (b"name: x\n---\nname: y\n", "a second document begins here"),
    "a number as key": (b"1: x\n", "is not text"),
    "not a number": (b"name: .nan\n", "out of range"),
    "latin-1": ("name: café\n".encode("latin-1"), "is not UTF-8 text"),
    "UTF-16": ("name: x\n".encode("utf-16"), "is not UTF-8 text"),
    "a NUL": (b"name: a\0b\n", "the character U+0000 is not allowed"),
    "an escaped NUL": (b'name: "a\\0b"\n', "a NUL or half a surrogate pair"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is not UTF-8 text"),
    "a megabyte and more": (b"name: x\n" + b"# " + b"x" * (1 << 20), "larger than"),
    "a thousand levels": (b"name: " + b"[" * 1000 + b"]" * 1000, "nested more than"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("broken", BROKEN)
def test_a_file_that_is_no_document_is_refused_with_its_name(home: Home, kind: str, broken: str) -> None:
    content, said = BROKEN[broken]
    file = home.file("x.yaml", content)
    done = refused(home, kind, "create", file)
    assert done.refusal == (1, "invalid_input")
    assert done.error["message"].startswith(f"{file}:")
    assert said in done.error["message"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_not_there_is_named(home: Home, kind: str) -> None:
    done = refused(home, kind, "create", "/nowhere/x.yaml")
    assert done.refusal == (1, "invalid_input")
    assert done.error["message"] == "there is no file /nowhere/x.yaml"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_never_read(home: Home, kind: str) -> None:
    os.mkfifo(home.root.parent / "pipe")
    (home.root.parent / "dangling").symlink_to("nowhere")
    for path in ("pipe", "dangling", "home", "/dev/zero", "/dev/null"):
        done = refused(home, kind, "create", str(home.root.parent / path))
        assert done.refusal == (1, "io_error"), path


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_key_is_refused_and_the_nearest_known_one_is_named(home: Home, kind: str) -> None:
    wrong, right = {
        "campaign": ("pipline", "pipeline"),
        "task": ("titel", "title"),
        "pipeline": ("main_step", "main_steps"),
    }[kind]
    written = GOOD[kind] | {wrong: "x"}
    done = refused(home, kind, "create", home.file("x.json", written))
    assert done.refusal == (1, "invalid_input")
    assert done.error["message"].endswith(f": {wrong}: unknown key")
    assert done.error["cure"].startswith(f"did you mean '{right}'?")


MISSING = [
    ("campaign", "project"), ("campaign", "slug"), ("campaign", "name"), ("campaign", "pipeline"), ("task", "title"),
    ("task", "pipeline"), ("pipeline", "slug"), ("pipeline", "name"), ("pipeline", "main_steps"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "key"), MISSING)
def test_a_missing_key_is_named(home: Home, kind: str, key: str) -> None:
    written = {name: value for name, value in GOOD[kind].items() if name != key}
    done = refused(home, kind, "create", home.file("x.json", written))
    assert done.refusal == (1, "invalid_input")
    assert done.error["message"].endswith(f"the key '{key}' is missing")


WRONG = [
    ("campaign", "slug", "../x"),
    ("campaign", "slug", "Summer"),
    ("campaign", "slug", "a" * 101),
    ("campaign", "slug", 3),
    ("campaign", "slug", ""),
    ("campaign", "project", "a/b"),
    ("campaign", "project", None),
    ("campaign", "pipeline", "../my-line"),
    ("campaign", "name", " "),
    ("campaign", "name", ["x"]),
    ("campaign", "target_article_count", 0),
    ("campaign", "target_article_count", -1),
    ("campaign", "target_article_count", 10_001),
    ("campaign", "target_article_count", "3"),
    ("campaign", "target_article_count", 2.5),
    ("campaign", "target_article_count", True),
    ("campaign", "generate", "all"),
    ("campaign", "seed_keywords", "rye"),
    ("campaign", "seed_keywords", [1]),
    ("campaign", "deliverables", {"hero_image": "yes"}),
    ("campaign", "deliverables", ["hero_image"]),
    ("campaign", "services", {"seo": "first"}),
    ("campaign", "sources", "brief.md"),
    ("campaign", "harness", "cloud"),
    ("task", "id", "../x"),
    ("task", "id", "T"),
    ("task", "id", "a" * 129),
    ("task", "title", ""),
    ("task", "priority", "soon"),
    ("task", "priority", -1),
    ("task", "priority", 1000),
    ("task", "priority", 1.5),
    ("task", "priority", True),
    ("task", "depends_on", "t-1"),
    ("task", "depends_on", ["../x"]),
    ("task", "depends_on", ["t-1", "t-1"]),
    ("task", "not_before", "tomorrow"),
    ("task", "not_before", "2026-11-21"),
    ("task", "not_before", "2026-11-21T08:30:00"),
    ("task", "not_before", 1795000000),
    ("task", "not_before", "0001-01-01T00:00:00+14:00"),
    ("task", "not_before", "9999-12-31T23:59:59-14:00"),
    ("task", "not_before", "1969-12-31T23:59:59Z"),
    ("task", "repo", "relative"),
    ("task", "project", "../x"),
    ("task", "campaign", "A"),
    ("task", "pipeline", []),
    ("task", "pipeline", [{"agent": None}]),
    ("task", "pipeline", {"slug": "x"}),
    ("task", "pipeline", "../x"),
    ("task", "labels", "seo"),
    ("pipeline", "slug", "A"),
    ("pipeline", "slug", "a/b"),
    ("pipeline", "slug", "a" * 101),
    ("pipeline", "main_steps", []),
    ("pipeline", "main_steps", {}),
    ("pipeline", "main_steps", [{"agent": None}]),
    ("pipeline", "main_steps", ["alpha"]),
    ("pipeline", "on_complete", {"telegram": "no"}),
]


@pytest.mark.parametrize(("kind", "key", "value"), WRONG)
def test_a_value_that_makes_no_sense_is_refused_and_its_key_is_named(
    home: Home, kind: str, key: str, value: Any
) -> None:
    home.make_task()
    file = home.file("x.json", GOOD[kind] | {key: value})
    done = refused(home, kind, "create", file)
    assert done.refusal == (1, "invalid_input")
    assert done.error["message"].startswith(f"{file}:1: {key}")
    assert "Traceback" not in done.err


WRONG_STEPS = [
    ({}, "the key 'agent' is missing"),
    ({"agent": "Alpha"}, "agent: 'Alpha' is not a valid agent name"),
    ({"agent": "../x"}, "agent: '../x' is not a valid agent name"),
    ({"agent": "alpha", "agnt": "x"}, "agnt: unknown key"),
    ({"agent": "alpha", "timeout": "30"}, "timeout: '30' is not a duration"),
    ({"agent": "alpha", "timeout": 30}, "timeout: expected text"),
    ({"agent": "alpha", "timeout": "0s"}, "timeout: 0s is not between"),
    ({"agent": "alpha", "timeout": "9" * 400 + "d"}, "timeout: "),
    ({"agent": "alpha", "max_attempts": 0}, "max_attempts: must be at least 1"),
    ({"agent": "alpha", "max_attempts": 1001}, "max_attempts: must be at most 1000"),
    ({"agent": "alpha", "harness": "cloud"}, "harness: 'cloud' is not one of"),
    ({"agent": "alpha", "output_dir": "../x"}, "output_dir: '../x' must be a path inside the workspace"),
    ({"agent": "alpha", "output_dir": "/x"}, "output_dir: '/x' must be a path inside the workspace"),
    ({"agent": "alpha", "output_dir": ""}, "output_dir: '' must be a path inside the workspace"),
    ({"agent": "alpha", "task_status": "blocked"}, "task_status: 'blocked' is not one a step can stand for"),
    ({"agent": "alpha", "task_status": "done"}, "task_status: invalid enum value 'done'"),
    ({"agent": "alpha", "gates": ["make test"]}, "gates: "),
    ({"agent": "alpha", "review": "panel"}, "review: "),
    ({"agent": "alpha", "expects": {"files": ["x"]}}, "expects: "),
]


@pytest.mark.parametrize(("step", "said"), WRONG_STEPS)
@pytest.mark.parametrize("kind", ["pipeline", "task"])
def test_a_step_that_makes_no_sense_is_refused_with_its_place(
    home: Home, kind: str, step: dict[str, Any], said: str
) -> None:
    key = {"pipeline": "main_steps", "task": "pipeline"}[kind]
    file = home.file("x.json", GOOD[kind] | {key: [{"agent": "alpha"}, step]})
    done = refused(home, kind, "create", file)
    assert done.refusal == (1, "invalid_input")
    assert done.error["message"].startswith(f"{file}:1: {key}[1]")
    assert said in done.error["message"]


HERO = {"trigger_after_step": 1, "agent": "alpha", "label": "Hero image"}
WRONG_BRANCHES: list[tuple[dict[str, Any], str]] = [
    ({"parallel_branches": [HERO], "convergence_step": 1}, "convergence_step: 1 comes before 'Hero image' can be done"),
    ({"parallel_branches": [HERO, HERO]}, "'Hero image' is there twice"),
    ({"parallel_branches": [HERO | {"trigger_after_step": 9}]}, "trigger_after_step 9 is not one of the main_steps"),
    ({"parallel_branches": [HERO | {"labl": "x"}]}, "parallel_branches[0].labl: unknown key"),
    ({"convergence_step": 1}, "there is nothing to wait for"),
]


@pytest.mark.parametrize(("change", "said"), WRONG_BRANCHES)
@pytest.mark.parametrize("verb", ["create", "validate"])
def test_branches_that_make_no_sense_are_refused(home: Home, verb: str, change: dict[str, Any], said: str) -> None:
    done = refused(home, "pipeline", verb, home.file("x.json", template() | change))
    assert done.refusal == (1, "invalid_input")
    assert said in done.error["message"]


UNBUILT: list[tuple[str, dict[str, Any]]] = [
    ("gates", {"main_steps": [{"agent": "alpha", "gates": ["make test"]}]}),
    ("review", {"main_steps": [{"agent": "alpha", "review": "fast"}]}),
]


@pytest.mark.parametrize(("name", "change"), UNBUILT, ids=[name for name, _ in UNBUILT])
@pytest.mark.parametrize("verb", ["create", "validate"])
def test_what_a_template_asks_for_and_is_not_built_yet_is_refused_by_name(
    home: Home, verb: str, name: str, change: dict[str, Any]
) -> None:
    done = refused(home, "pipeline", verb, home.file("x.json", template() | change))
    assert done.refusal == (1, "invalid_input")
    assert name in done.error["message"]
    assert "not supported yet" in done.error["message"]


@pytest.mark.parametrize(("name", "change"), UNBUILT, ids=[name for name, _ in UNBUILT])
def test_a_template_that_was_put_into_the_home_by_hand_is_refused_by_name_too(
    home: Home, name: str, change: dict[str, Any]
) -> None:
    (home.root / "config/pipelines/my-line.yaml").write_text(json.dumps(template() | change))
    for kind, written in (("campaign", campaign()), ("task", TASK | {"pipeline": "my-line"})):
        done = refused(home, kind, "create", home.file("x.json", written))
        assert done.refusal == (1, "invalid_input")
        assert name in done.error["message"]


@pytest.mark.parametrize("kind", ["campaign", "task"])
def test_a_pipeline_that_does_not_exist_is_not_found(home: Home, kind: str) -> None:
    done = refused(home, kind, "create", home.file("x.json", GOOD[kind] | {"pipeline": "nope"}))
    assert done.refusal == (1, "pipeline_not_found")
    presets = "audience-discovery, content-draft, full-content-production, launch-package, research-only"
    assert done.error["cure"] == f"choose from {presets}"


def test_things_a_task_names_must_exist(home: Home) -> None:
    for change, refusal in (
        ({"campaign": "nope"}, (1, "campaign_not_found")),
        ({"depends_on": ["nope"]}, (1, "invalid_input")),
        ({"id": "self", "depends_on": ["self"]}, (1, "invalid_input")),
        ({"repo": "/nowhere"}, (1, "invalid_input")),
    ):
        assert refused(home, "task", "create", home.file("x.json", TASK | change)).refusal == refusal


# -- sources ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "content", "said"),
    [
        ("missing.md", None, "is not a file"),
        ("", None, "is not a file"),
        ("empty.md", b"", "is empty"),
        ("blank.md", b" \n\t\n", "is empty"),
        ("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is not text"),
        ("late.bin", b"text " * 4000 + b"\0", "is not text"),
        ("latin.md", "café".encode("latin-1"), "is not text"),
        ("large.md", b"x" * (20 * 1024 * 1024 + 1), "is larger than 20 MB"),
        ("x" * 300, None, "is not a file"),
    ],
    ids=[
        "missing",
        "no name",
        "empty",
        "blank",
        "a picture",
        "binary at its end",
        "latin-1",
        "too large",
        "a long name",
    ],
)
def test_a_source_that_no_agent_could_read_is_refused(
    home: Home, source: str, content: bytes | None, said: str
) -> None:
    home.ok("pipeline", "create", home.file("my-line.json", template()))
    if content is not None:
        home.file(source, content)
    done = refused(home, "campaign", "create", home.file("x.json", campaign(sources=[source])))
    assert done.refusal == (1, "invalid_input")
    assert said in done.error["message"]


def test_a_source_that_is_no_file_is_refused_and_never_read(home: Home) -> None:
    home.ok("pipeline", "create", home.file("my-line.json", template()))
    os.mkfifo(home.root.parent / "pipe")
    for source in ("pipe", "home", ".", "/dev/zero"):
        done = refused(home, "campaign", "create", home.file("x.json", campaign(sources=[source])))
        assert (done.refusal, "is not a file" in done.error["message"]) == ((1, "invalid_input"), True), source


def test_two_sources_of_one_name_are_refused(home: Home) -> None:
    home.ok("pipeline", "create", home.file("my-line.json", template()))
    home.file("a/brief.md", "one")
    home.file("b/brief.md", "two")
    written = campaign(sources=["a/brief.md", "b/brief.md"])
    done = refused(home, "campaign", "create", home.file("x.json", written))
    assert (done.refusal, done.error["message"]) == ((1, "invalid_input"), "two sources are named brief.md")


# -- any file at all --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@given(content=st.binary(max_size=200))
@settings(parent=FEW, max_examples=25)
def test_any_bytes_for_a_file_are_refused_in_words(shared: Home, kind: str, content: bytes) -> None:
    file = shared.file("x.yaml", content)
    done = refused(shared, kind, "create", file)
    assert done.refusal == (1, "invalid_input")


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), value=JSON)
@settings(parent=FEW, max_examples=40)
def test_any_value_at_any_place_of_a_file_is_taken_or_refused_in_words(
    shared: Home, kind: str, data: st.DataObject, value: Any
) -> None:
    written = copy.deepcopy(GOOD[kind])
    place = data.draw(st.sampled_from(list(places(written))))
    inner: Any = written
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    file = shared.file("x.json", written)
    before = tree(shared.root)
    done = shared.call(kind, "create" if kind != "pipeline" else "validate", file, "--json")
    if done.code:
        assert done.code == 1
        assert done.error["code"] in ("invalid_input", "pipeline_not_found", "already_exists", "campaign_not_found")
        assert tree(shared.root) == before


def places(value: Any, path: tuple[Any, ...] = ()) -> Any:
    """The paths of everything in a document but the whole of it."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*path, key)
        yield from places(one, (*path, key))


# -- settings ---------------------------------------------------------------------------------------------------------

BROKEN_SETTINGS = [
    ("concurency: {agents: 2}", "concurency: unknown key", "did you mean 'concurrency'?"),
    ("concurrency: {agent: 2}", "concurrency.agent: unknown key", "did you mean 'agents'?"),
    ("concurrency: {agents: 0}", "concurrency.agents: 0 is not between 1 and 100", ""),
    ("concurrency: {agents: many}", "concurrency.agents: expected a whole number, got text", ""),
    ("concurrency: [2]", "concurrency: expected a mapping, got a list", ""),
    ("lease: {heartbeat: 15}", "lease.heartbeat: expected text, got a whole number", ""),
    ("lease: {heartbeat: '15'}", "lease.heartbeat: '15' is not a duration", ""),
    ("retry: {backoff: -1s}", "retry.backoff: '-1s' is not a duration", ""),
    ("timeouts: {step: 0s}", "timeouts.step: must be longer than 0", ""),
    ("harness: {default: cloud}", "harness.default: 'cloud' is not a harness", ""),
    ("notify: {channels: [pigeon]}", "notify.channels: 'pigeon' is not a channel that is built", ""),
    ("sweep: {min_backlog: 1001}", "sweep.min_backlog: 1001 is not between 0 and 1000", ""),
    ("[1, 2", "not valid YAML", ""),
    ("a: &a 1\nb: *a", "anchors and aliases", ""),
    ("retry: {}\nretry: {}", "the key stands twice", ""),
    ("\x00", "the character U+0000", ""),
]


@pytest.mark.parametrize(("text", "said", "cure"), BROKEN_SETTINGS)
def test_settings_that_cannot_be_obeyed_are_refused_with_their_place(
    shared: Home, text: str, said: str, cure: str
) -> None:
    try:
        shared.settings(text + "\n")
        for words in (["check_pipeline"], ["task", "ready"], ["activate_campaign", "spring"]):
            done = refused(shared, *words)
            assert done.refusal == (1, "invalid_input")
            assert done.error["message"].startswith(f"{shared.root}/config/baton.yaml:")
            assert said in done.error["message"]
            assert cure in done.error["cure"]
    finally:
        shared.settings(SETTINGS)


def test_settings_that_are_no_file_are_refused(home: Home) -> None:
    path = home.root / "config/baton.yaml"
    path.unlink()
    path.mkdir()
    assert refused(home, "task", "ready").refusal == (1, "io_error")


def test_a_home_without_settings_has_the_defaults(home: Home) -> None:
    (home.root / "config/baton.yaml").unlink()
    home.make_task()
    assert [task["id"] for task in home.ok("task", "ready", "--json").json] == ["t-1"]


def test_a_home_whose_state_is_a_file_is_said(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    import shutil

    shutil.rmtree(home.state)
    home.state.write_text("in the way")
    file = home.file("x.json", TASK)
    assert refused(home, "task", "create", file).refusal == (1, "io_error")
    assert refused(home, "check_pipeline").refusal == (1, "io_error")
