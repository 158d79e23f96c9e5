"""What holds for every script: its help, wrong usage, which home it works in, and however it is started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.homes import ALWAYS_JSON, FOR_PEOPLE, SCRIPTS, VERBS, Home, base_environ, call, run, tree

COMMANDS = [(script,) for script in (*ALWAYS_JSON, *FOR_PEOPLE, *VERBS)]
COMMANDS += [(script, verb) for script, verbs in VERBS.items() for verb in verbs]
# Right words for each command that needs a home.
WORDS = {
    ("acquire_lock",): "t-1 --agent alpha",
    ("activate_campaign",): "spring",
    ("check_pipeline",): "",
    ("complete_branch",): "t-1 Image --agent alpha",
    ("complete_step",): "t-1 --agent alpha",
    ("release_lock",): "t-1 --agent alpha",
    ("request_revision",): "t-1 --agent alpha --to-step 0 --notes x",
    ("resolve_service",): "seo",
    ("invoke_agent",): "alpha t-1",
    ("notify",): "hello",
    ("run_service",): "seo",
    ("review",): "t-1",
    ("serve_runs",): "--port 0",
    ("cost",): "--by agent --since 7d",
    ("why",): "t-1",
    ("agent", "list"): "",
    ("agent", "show"): "alpha",
    ("agent", "heartbeat"): "alpha",
    ("agent", "stop"): "alpha",
    ("agent", "unpark"): "claude",
    ("backup", "create"): "/nowhere/b.tar.gz",
    ("campaign", "create"): "x.yaml",
    ("campaign", "list"): "",
    ("campaign", "show"): "spring",
    ("campaign", "update"): "spring --name x",
    ("campaign", "pause"): "spring",
    ("campaign", "resume"): "spring",
    ("campaign", "complete"): "spring",
    ("campaign", "extend"): "spring",
    ("campaign", "timeline"): "spring",
    ("key", "set"): "A_KEY",
    ("key", "list"): "",
    ("key", "remove"): "A_KEY",
    ("key", "rotate"): "",
    ("key", "check"): "",
    ("campaign", "preflight"): "spring",
    ("memory", "list"): "",
    ("memory", "show"): "alpha",
    ("memory", "note"): "hello --agent alpha",
    ("memory", "forget"): "alpha --all",
    ("pipeline", "list"): "",
    ("pipeline", "show"): "content-draft",
    ("pipeline", "create"): "x.yaml",
    ("pipeline", "validate"): "content-draft",
    ("pipeline", "rename"): "my-line x",
    ("pipeline", "fork"): "content-draft x",
    ("pipeline", "remove"): "my-line",
    ("pipeline", "set-model"): "my-line opus",
    ("project", "create"): "x.yaml",
    ("project", "list"): "",
    ("project", "show"): "acme",
    ("project", "update"): "acme --name x",
    ("project", "archive"): "acme",
    ("project", "unarchive"): "acme",
    ("product", "create"): "x.yaml",
    ("product", "list"): "",
    ("product", "show"): "loaf",
    ("product", "update"): "loaf --name x",
    ("product", "archive"): "loaf",
    ("product", "unarchive"): "loaf",
    ("focus_group", "create"): "x.yaml",
    ("focus_group", "import"): "x.md --product loaf",
    ("focus_group", "list"): "",
    ("focus_group", "show"): "bakers",
    ("focus_group", "update"): "bakers --name x",
    ("focus_group", "archive"): "bakers",
    ("focus_group", "unarchive"): "bakers",
    ("service", "list"): "",
    ("assignment", "create"): "x --file y",
    ("assignment", "queue"): "",
    ("assignment", "list"): "",
    ("assignment", "show"): "fix",
    ("assignment", "jobs"): "fix",
    ("assignment", "job"): "fix/j1",
    ("assignment", "insert-job"): "fix --type plan",
    ("assignment", "update"): "fix --decisions x",
    ("assignment", "complete"): "fix",
    ("assignment", "block"): "fix --reason x",
    ("assignment", "unblock"): "fix",
    ("assignment", "align"): "aligned --assignment fix",
    ("assignment", "clean"): "fix",
    ("service", "toggle"): "x",
    ("service", "reorder"): "seo x",
    ("service", "health"): "",
    ("transfer", "export"): "/nowhere/x.yaml",
    ("transfer", "import"): "x.yaml",
    ("task", "create"): "x.yaml",
    ("task", "list"): "",
    ("call_model",): "",
    ("stream_run", "create"): "two --input x",
    ("stream_run", "start"): "r",
    ("stream_run", "show"): "r",
    ("stream_run", "list"): "",
    ("stream_run", "delete"): "r",
    ("stream_run", "follow"): "r",
    ("stream_run", "retry"): "r",
    ("task", "ready"): "",
    ("task", "show"): "t-1",
    ("task", "steps"): "t-1",
    ("task", "assign"): "t-1 ana",
    ("task", "subscribe"): "t-1 ana",
    ("task", "label"): "t-1 seo",
    ("task", "prioritize"): "t-1 high",
    ("task", "comment"): "t-1 hello",
    ("task", "block"): "t-1 --reason x",
    ("task", "unblock"): "t-1",
    ("task", "cancel"): "t-1",
    ("task", "retry"): "t-1",
    ("task", "retrigger"): "t-1 Image",
    ("task", "clear"): "t-1 Image",
    ("task", "timeline"): "t-1",
    ("task", "publish"): "t-1 https://example.org/rye",
    ("task", "delete"): "t-1",
}
# Runs a script as its own program would be run, and tells on stderr what it imported and what it did to the world.
PROBE = """
import json, os, runpy, sys
did = []
TELLING = ("socket.", "subprocess.", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink",
           "os.truncate", "os.posix_spawn", "os.fork", "os.chmod", "os.putenv", "tempfile.")
def watch(event, args):
    if event == "open":
        if isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and args[0] != "/dev/null":
            did.append([event, str(args[0])])
    elif event.startswith(TELLING) and "BATON_PYTHON" not in str(args):
        did.append([event, str(args)])
sys.addaudithook(watch)
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    sys.stderr.write(json.dumps({"modules": sorted(sys.modules), "did": did}))
"""


def named(command: tuple[str, ...]) -> str:
    return " ".join(command)


# -- help -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS, ids=named)
def test_help_has_an_example_and_the_exit_codes_and_touches_nothing(command: tuple[str, ...], tmp_path: Path) -> None:
    script = SCRIPTS / f"{command[0]}.py"
    environ = base_environ(tmp_path / "home", PYTHONDONTWRITEBYTECODE="1")

    done = run(sys.executable, "-c", PROBE, script, *command[1:], "--help", environ=environ, cwd=tmp_path)

    facts = json.loads(done.err)
    assert done.code == 0
    assert facts["did"] == []
    assert not {"yaml", "requests", "jinja2"}.intersection(facts["modules"])
    example = done.out.partition("Example:\n")[2].splitlines()
    assert example[0].strip().startswith(f"{command[0]}.py {' '.join(command[1:])}".strip())
    codes = " ".join(done.out.split()).partition("Exit codes: ")[2]
    for code in ("0 done", "1 not done", "2 wrong usage", "75 busy"):
        assert code in codes
    assert list(tmp_path.iterdir()) == []


def test_the_commands_that_are_tested_here_are_all_there_are(home: Home) -> None:
    from tests.cli.homes import module

    others = {"doctor", "status"}
    found = {path.stem for path in SCRIPTS.glob("*.py")} - others
    assert found == {script for script, *_ in COMMANDS}
    verbs = {
        script: {name for name, verb in module(script).command.commands.items() if not verb.hidden} for script in VERBS
    }
    assert verbs == {script: set(names) for script, names in VERBS.items()}


# -- wrong usage ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["--nosuch", "a b c d", "--home"])
@pytest.mark.parametrize("script", ALWAYS_JSON)
def test_wrong_usage_of_a_script_for_scripts_is_one_json_document(home: Home, script: str, words: str) -> None:
    done = home.call(script, *words.split())
    assert done.refusal == (2, "invalid_input")
    assert "--help" in done.error["cure"]
    # cron runs the sweep and throws its answer away: a line that is wrong must be heard of, too.
    assert bool(done.err) == (script == "check_pipeline")


@pytest.mark.parametrize(
    "command",
    ["acquire_lock", "activate_campaign", "complete_step", "release_lock", "request_revision", "resolve_service"],
)
def test_a_script_for_scripts_without_its_words_says_so_in_json(home: Home, command: str) -> None:
    assert home.call(command).refusal == (2, "invalid_input")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("task", "task.py: cannot run task.py: Missing command."),
        ("task nosuch", "task.py: cannot run task.py: No such command 'nosuch'."),
        ("task show", "task.py: cannot show task: Missing argument 'TASK'."),
        ("task show t-1 --nosuch", "task.py: cannot show task: No such option '--nosuch'."),
        ("campaign extend spring --count many", "campaign.py: cannot extend campaign: Invalid value for '--count'"),
        ("invoke_agent --nosuch", "invoke_agent.py: cannot run agent: No such option '--nosuch'."),
    ],
)
def test_wrong_usage_of_a_script_for_people_is_one_sentence_and_a_cure(home: Home, words: str, said: str) -> None:
    script, *rest = words.split()
    done = home.call(script, *rest)
    assert (done.code, done.out) == (2, "")
    first, cure = done.err.splitlines()
    assert first.startswith(said)
    assert cure == f"  see {script}.py --help"


@pytest.mark.parametrize(
    "words",
    ["task show --json", "task --json", "task --json nosuch", "init_home a b c --json", "notify --json --nosuch"],
)
def test_wrong_usage_is_json_where_json_is_asked_for(home: Home, words: str) -> None:
    script, *rest = words.split()
    done = home.call(script, *rest)
    assert (done.refusal, done.err) == ((2, "invalid_input"), "")


@pytest.mark.parametrize("words", [[b"\xff"], [b"t-1", b"--agent", b"\xc3("]], ids=["id", "agent"])
def test_bytes_that_are_no_text_are_refused_in_json(home: Home, words: list[bytes]) -> None:
    done = home.run("acquire_lock", *map(os.fsdecode, words))
    assert (done.refusal, done.err) == ((2, "invalid_input"), "")


def test_bytes_that_are_no_text_are_refused_in_words(home: Home) -> None:
    done = home.run("campaign", "create", os.fsdecode(b"\xff.yaml"))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("campaign.py: cannot create campaign '\\udcff.yaml': '\\udcff.yaml' is not UTF-8 text\n")


def test_an_option_that_is_no_text_is_refused_in_json(home: Home) -> None:
    done = home.run("complete_step", os.fsdecode(b"--\xff"))
    assert (done.refusal, done.err) == ((2, "invalid_input"), "")


# -- the home -------------------------------------------------------------------------------------------------------


def test_right_words_are_known_for_every_command_that_needs_a_home() -> None:
    without_verb = {command for command in COMMANDS if command[0] not in VERBS or len(command) == 2}
    assert set(WORDS) == without_verb - {("init_home",), ("backup", "check"), ("backup", "restore")}


@pytest.mark.parametrize("command", WORDS, ids=named)
def test_a_home_that_does_not_exist_is_named_and_not_made(command: tuple[str, ...], tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    words = [*command[1:], *WORDS[command].split(), "--json"]

    by_option = call(command[0], *words, "--home", str(nowhere), environ=base_environ())
    by_variable = call(command[0], *words, environ=base_environ(nowhere))

    assert (by_option.refusal, by_variable.refusal) == ((2, "invalid_input"), (1, "invalid_input"))
    assert by_option.error["message"] == by_variable.error["message"] == f"there is no home at {nowhere}"
    assert by_variable.error["cure"] == f"make one with: init_home.py {nowhere}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["after the verb", "before the verb"])
def test_the_option_home_comes_before_BATON_HOME(home: Home, tmp_path: Path, place: str) -> None:
    other = Home(tmp_path / "other")
    other.make_task("elsewhere")
    option = ["--home", str(other.root)]
    words = ["list", *option] if place == "after the verb" else [*option, "list"]
    assert [task["id"] for task in home.ok("task", *words, "--json").json] == ["elsewhere"]


def test_the_option_json_counts_before_the_verb_too(home: Home) -> None:
    assert home.ok("task", "--json", "list").json == []


def test_a_relative_home_is_that_of_the_callers_folder(home: Home) -> None:
    home.make_task()
    done = run(SCRIPTS / "task.py", "list", "--json", environ=base_environ(BATON_HOME="home"), cwd=home.root.parent)
    assert [task["id"] for task in done.json] == ["t-1"]


def test_a_relative_home_in_a_folder_that_was_removed_is_one_sentence(tmp_path: Path) -> None:
    gone = 'cd "$1"; rmdir "$1"; shift; exec "$@"'
    command = ["sh", "-c", gone, "sh", str(tmp_path / "gone"), str(SCRIPTS / "task.py"), "list", "--home", "home"]
    (tmp_path / "gone").mkdir()
    done = run(*command, environ=base_environ())
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1].startswith("task.py: cannot list tasks: ")


@pytest.mark.parametrize("command", WORDS, ids=named)
def test_a_broken_settings_file_is_said_before_anything_is_started(home: Home, command: tuple[str, ...]) -> None:
    home.make_campaign()
    home.make_task()
    home.wake()
    home.settings("concurency: {agents: 2}\n")
    before = tree(home.root)

    done = home.call(command[0], *command[1:], *WORDS[command].split(), "--json")

    if command in NEED_SETTINGS:
        assert done.refusal == (1, "invalid_input")
        assert done.error["message"] == f"{home.root}/config/baton.yaml:1: concurency: unknown key"
        assert done.error["cure"].startswith("did you mean 'concurrency'?")
        assert tree(home.root) == before
    else:
        assert "baton.yaml" not in done.out


# All that start something or wait for it. What agents report, and what people say about a task, needs no settings.
NEED_SETTINGS = {
    ("acquire_lock",), ("activate_campaign",), ("assignment", "create"), ("assignment", "queue"), ("call_model",),
    ("campaign", "extend"), ("campaign", "preflight"), ("campaign", "resume"), ("check_pipeline",), ("invoke_agent",),
    ("request_revision",), ("serve_runs",), ("stream_run", "create"), ("stream_run", "retry"), ("stream_run", "start"),
    ("task", "create"), ("task", "list"), ("task", "ready"), ("task", "retrigger"), ("task", "retry"),
    ("task", "unblock"), ("why",),
}  # fmt: skip


def test_a_step_is_completed_under_a_broken_settings_file_and_the_warning_names_it(home: Home) -> None:
    home.make_task()
    home.acquire()
    home.wake()
    home.settings("concurency: {agents: 2}\n")
    done = home.ok("complete_step", "t-1", "--agent", "alpha")
    assert (done.json["completed"], home.record()["pipeline_step"]) == (True, 1)
    assert done.err == (
        "complete_step.py: warning: nothing was started yet, the next sweep will: "
        f"{home.root}/config/baton.yaml:1: concurency: unknown key\n"
    )


# -- starting, answering --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", [*ALWAYS_JSON, *FOR_PEOPLE, *VERBS])
def test_a_script_is_an_executable_found_through_PATH_from_anywhere(script: str, tmp_path: Path) -> None:
    environ = {"PATH": f"/usr/bin:/bin:{SCRIPTS}", "BATON_PYTHON": sys.executable}
    done = run("env", f"{script}.py", "--help", environ=environ, cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: {script}.py ")


@pytest.mark.parametrize("script", [*ALWAYS_JSON, *FOR_PEOPLE, *VERBS])
def test_a_script_runs_under_an_isolated_python(script: str, tmp_path: Path) -> None:
    done = run(sys.executable, "-I", SCRIPTS / f"{script}.py", "--help", environ={}, cwd=tmp_path)
    assert (done.code, done.err) == (0, "")


def test_every_way_to_start_a_script_gives_the_same_answer(home: Home, tmp_path: Path) -> None:
    home.make_task()
    script = SCRIPTS / "task.py"
    (tmp_path / "link.py").symlink_to(script)
    environ = {"BATON_HOME": str(home.root), "BATON_PYTHON": sys.executable, "PATH": f"/usr/bin:/bin:{SCRIPTS}"}
    words = ["show", "t-1", "--json"]
    starts = (
        [script],
        ["sh", script],
        ["task.py"],
        [tmp_path / "link.py"],
        [sys.executable, script],
        [sys.executable, "-I", script],
        [sys.executable, "-I", "-B", tmp_path / "link.py"],
    )

    answers = {
        str(start): run("env", *start, *words, environ=environ, cwd=tmp_path)  # type: ignore[misc]
        for start in starts
    }

    assert {done.out for done in answers.values()} == {home.ok("task", *words).out}
    assert {done.code for done in answers.values()} == {0}


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}])
def test_json_is_utf8_whatever_the_terminal_speaks(home: Home, locale: dict[str, str]) -> None:
    home.make_task(title="Żurek, crème, 面包")
    environ = home.environ | locale
    done = subprocess.run(
        [SCRIPTS / "task.py", "show", "t-1", "--json"], env=environ, cwd="/", capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout.decode())["title"] == "Żurek, crème, 面包"


def test_words_that_the_terminal_cannot_show_are_escaped(home: Home) -> None:
    home.make_task(title="Żurek")
    done = home.run("task", "show", "t-1", PYTHONIOENCODING="ascii")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("t-1: \\u017burek ")


def test_an_answer_that_cannot_be_written_is_a_failure_said_in_words(home: Home) -> None:
    home.make_task()
    done = run("sh", "-c", 'exec "$@" > /dev/full', "sh", SCRIPTS / "task.py", "list", environ=home.environ)
    assert done.code == 1
    assert done.err == "task.py: warning: the answer could not be written: No space left on device\n"


def test_a_step_that_is_recorded_is_done_even_if_the_answer_cannot_be_written(home: Home) -> None:
    home.make_task()
    home.acquire()
    words = [SCRIPTS / "complete_step.py", "t-1", "--agent", "alpha"]
    done = run("sh", "-c", 'exec "$@" > /dev/full', "sh", *words, environ=home.environ)
    assert (done.code, home.record()["pipeline_step"]) == (0, 1)
    assert done.err == "complete_step.py: warning: the answer could not be written: No space left on device\n"


def test_a_reader_that_leaves_early_brings_no_trace(home: Home) -> None:
    for number in range(3):
        home.make_task(f"t-{number}")
    pipe = 'trap "" PIPE; "$@" | :'
    done = run("bash", "-c", pipe, "bash", SCRIPTS / "task.py", "list", "--json", environ=home.environ)
    assert done.err == ""


def test_a_closed_standard_output_brings_no_trace(home: Home) -> None:
    done = run("sh", "-c", 'exec "$@" >&-', "sh", SCRIPTS / "task.py", "list", environ=home.environ)
    assert done.err == ""


@pytest.mark.parametrize(
    "words", [["task", "list"], ["campaign", "list"], ["service", "list"], ["task", "show", "t-1"]]
)
def test_no_colour_where_there_is_no_terminal(home: Home, words: list[str]) -> None:
    home.make_task()
    assert "\x1b" not in home.ok(*words).out
