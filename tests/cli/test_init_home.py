"""``init_home.py``: a new home is complete and private; an old one is left as it is."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest
from tests.cli.homes import ROOT, SCRIPTS, Done, base_environ, call, run, tree

from baton.cli.homes import crontab
from baton.store.layout import Home as Layout


def init(*words: str | Path, **environ: str) -> Done:
    return call("init_home", *map(str, words), environ=base_environ(**environ))


def test_a_new_home_has_everything_the_contract_names(tmp_path: Path) -> None:
    done = init(tmp_path / "new/home")
    assert (done.code, done.err) == (0, "")
    found = tree(tmp_path / "new/home", passing=())
    for folder in ("config", "skills", "state", "logs", "memory", "projects", "config/pipelines", "config/prompts"):
        assert stat.S_ISDIR(found[folder][0]), folder
    for folder in ("tasks", "archive/tasks", "campaigns", "runs", "events", "quarantine", "locks", "slots", "ready"):
        assert stat.S_ISDIR(found[f"state/{folder}"][0]), folder
    assert {path for path, (mode, _) in found.items() if stat.S_ISREG(mode) and "/cache/" not in path} == {
        "config/baton.yaml",
        "config/services.yaml",
        "crontab.example",
        "memory/long-term/SERVICE_REGISTRY.md",
    }


def test_a_new_home_is_private(tmp_path: Path) -> None:
    init(tmp_path / "home")
    modes = {path: stat.S_IMODE(mode) for path, (mode, _) in tree(tmp_path, passing=()).items()}
    assert {path: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}


def test_the_settings_have_comments_and_set_nothing(tmp_path: Path) -> None:
    init(tmp_path / "home")
    text = (tmp_path / "home/config/baton.yaml").read_text()
    for key in ("concurrency", "lease", "retry", "timeouts", "sweep", "harness", "notify", "retention"):
        assert f"#{key}:" in text
    assert all(line.startswith("#") for line in text.splitlines() if line)


def test_the_crontab_sweeps_this_place_every_minute(tmp_path: Path) -> None:
    init(tmp_path / "home")
    lines = (tmp_path / "home/crontab.example").read_text().splitlines()
    assert f"BATON_HOME={tmp_path}/home" in lines
    assert lines[-1] == f"* * * * * {sys.executable} {SCRIPTS}/check_pipeline.py >/dev/null"


def test_the_crontab_is_printed_too(tmp_path: Path) -> None:
    done = init(tmp_path / "home")
    block = (tmp_path / "home/crontab.example").read_text()
    assert done.out.endswith(f"\n\n{block}")
    assert init(tmp_path / "home", "--json").json["crontab"] == block


def test_the_crontab_hands_on_the_folders_of_this_path_that_are_there(tmp_path: Path) -> None:
    path = f"/usr/bin:bin:/no/such/folder::{tmp_path}:/usr/bin:/bin"
    block = init(tmp_path / "home", "--json", PATH=path).json["crontab"]
    assert f"PATH=/usr/bin:{tmp_path}:/bin" in block.splitlines()


def test_the_example_in_the_checkout_is_what_is_printed() -> None:
    scripts, python = "/home/you/baton/scripts", "/home/you/baton/.venv/bin/python"
    made = crontab(Layout("/home/you/baton-home"), python, scripts, "/usr/local/bin:/usr/bin:/bin")
    assert (ROOT / "crontab.example").read_text().partition("\n")[2] == made


def test_nothing_that_is_not_built_stands_in_the_crontab(tmp_path: Path) -> None:
    block = init(tmp_path / "home", "--json").json["crontab"]
    jobs = [line for line in block.splitlines() if line and not line.startswith("#") and "=" not in line]
    assert [job.split()[5:] for job in jobs] == [[sys.executable, f"{SCRIPTS}/check_pipeline.py", ">/dev/null"]]


def test_the_next_steps_are_said(tmp_path: Path) -> None:
    said = init(tmp_path / "home").out
    assert said.startswith("Made ")
    assert f"export BATON_HOME={tmp_path}/home" in said


def test_json_says_where_it_is_and_what_was_made(tmp_path: Path) -> None:
    answer = init(tmp_path / "home", "--json").json
    assert answer["home"] == f"{tmp_path}/home"
    assert {"config/prompts", "state/tasks", "config/baton.yaml", "crontab.example"} <= set(answer["made"])


def test_the_second_time_changes_nothing(tmp_path: Path) -> None:
    init(tmp_path / "home")
    before = tree(tmp_path, passing=())
    done = init(tmp_path / "home", "--json")
    assert (done.code, done.json["made"]) == (0, [])
    assert tree(tmp_path, passing=()) == before


def test_what_exists_is_left_and_what_is_missing_is_made(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "config").mkdir(parents=True)
    (home / "config/baton.yaml").write_text("concurrency: {agents: 2}\n")
    (home / "notes.md").write_text("mine")
    home.chmod(0o755)
    init(home)
    assert (home / "config/baton.yaml").read_text() == "concurrency: {agents: 2}\n"
    assert ((home / "notes.md").read_text(), stat.S_IMODE(home.stat().st_mode)) == ("mine", 0o755)
    assert (home / "state/tasks").is_dir()


@pytest.mark.parametrize("by", ["option", "variable"])
def test_without_a_directory_it_is_the_home_that_is_meant(tmp_path: Path, by: str) -> None:
    home = str(tmp_path / "home")
    done = init("--home", home, "--json") if by == "option" else init("--json", BATON_HOME=home)
    assert (done.code, done.json["home"]) == (0, home)


def test_a_relative_directory_is_that_of_the_callers_folder(tmp_path: Path) -> None:
    done = run(SCRIPTS / "init_home.py", "home", "--json", environ=base_environ(), cwd=tmp_path)
    assert done.json["home"] == f"{tmp_path}/home"


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_a_file_in_the_way_is_named(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("mine")
    done = init(tmp_path / where)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"init_home.py: cannot make home '{tmp_path}/{where}': ")
    assert tree(tmp_path, passing=()) == {"file": (done_mode(tmp_path / "file"), b"mine")}


def done_mode(path: Path) -> int:
    return path.stat().st_mode


def test_a_name_with_blanks_and_percent_signs_works_in_the_crontab(tmp_path: Path) -> None:
    home = tmp_path / "my home 100%"
    assert init(home).code == 0
    assert f"BATON_HOME={home}" in (home / "crontab.example").read_text()
