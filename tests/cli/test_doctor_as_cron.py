"""``doctor --as-cron``: the sweep's own line, with doctor in its place, in the environment that cron gives."""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import AGENT, SCRIPTS, Home, base_environ, run, tree
from tests.cli.patients import LINE, program, set_crontab

USER = pwd.getpwuid(os.geteuid())


def as_cron(home: Home, **environ: str) -> dict[str, Any]:
    """Doctor's answer as JSON; its exit code says whether there are errors."""
    done = home.call("doctor", "--as-cron", "--json", **environ)
    report: dict[str, Any] = done.json
    assert done.code == (1 if report["errors"] else 0), done
    return report


def hidden(report: dict[str, Any], kind: str) -> list[tuple[str, str, str]]:
    """The findings of this kind that only a job of cron meets."""
    return [(one["check"], one["message"], one["cure"]) for one in report[kind] if one["only_as_cron"]]


def recording(home: Home, folder: Path) -> tuple[Path, Path]:
    """A Python that writes down the environment it is started in, and the file it writes."""
    told = folder / "environment"
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nenv > {told}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return python, told


def test_a_well_home_is_well_for_cron_too(well: Home) -> None:
    report = as_cron(well)

    assert {key: report[key] for key in ("ok", "errors", "warnings")} == {"ok": True, "errors": [], "warnings": []}
    assert report["as_cron"]["source"] == "your crontab"
    assert "cron" in [one["check"] for one in report["passed"]]


def test_what_is_started_gets_the_environment_of_cron_and_no_other(well: Home, tmp_path: Path) -> None:
    python, told = recording(well, tmp_path)
    set_crontab(
        well, "GREETING=hello", f"BATON_HOME={well.root}", f"* * * * * {python} {SCRIPTS}/check_pipeline.py >/dev/null"
    )

    report = as_cron(well, EXPORTED="by the shell")

    assert report["errors"] == []
    environ = dict(line.partition("=")[::2] for line in told.read_text().splitlines())
    given = {name: value for name, value in environ.items() if name not in ("PWD", "OLDPWD", "SHLVL", "_")}
    assert given == {
        "HOME": USER.pw_dir,
        "LOGNAME": USER.pw_name,
        "SHELL": "/bin/sh",
        "PATH": "/usr/bin:/bin",
        "GREETING": "hello",
        "BATON_HOME": str(well.root),
    }


def test_the_line_that_is_shown_starts_the_same(well: Home) -> None:
    shown = as_cron(well)["as_cron"]["command"]

    done = run("/bin/sh", "-c", shown, environ=base_environ())

    assert (done.code, done.json["home"], done.json["errors"]) == (0, str(well.root), [])


def test_values_that_may_be_secret_are_not_shown(well: Home) -> None:
    set_crontab(well, "SOME_API_KEY=the-secret-itself", LINE.format(home=well.root))
    done = well.call("doctor", "--as-cron")
    assert done.code == 0
    assert "SOME_API_KEY=... " in done.out
    assert "the-secret-itself" not in done.out


def test_a_program_that_only_the_shell_finds_is_an_error_whose_cure_cures_it(well: Home) -> None:
    programs = well.environ["PATH"].split(":")[0]
    well.agent("typist", AGENT, harness="command", command="typewriter {prompt_file}")
    program(well, "typewriter", "#!/bin/sh\n")

    before = as_cron(well)
    cure = before["errors"][0]["cure"]
    set_crontab(well, cure.partition("at the top of the crontab: ")[2], LINE.format(home=well.root))
    after = as_cron(well)

    assert hidden(before, "errors") == [
        (
            "harnesses",
            "agent typist: the program 'typewriter' (harness command) is not in PATH",
            f"put this line at the top of the crontab: PATH={programs}:/usr/bin:/bin",
        )
    ]
    assert (after["errors"], after["warnings"]) == ([], [])


def test_an_interpreter_that_only_the_shell_finds_is_an_error(well: Home, tmp_path: Path) -> None:
    well.agent("typist", AGENT, harness="command", command="typewriter {prompt_file}")
    typewriter = program(well, "typewriter", "#!/usr/bin/env ribbon\n")
    program(well, "ribbon", "#!/bin/sh\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/typewriter").symlink_to(typewriter)
    set_crontab(well, f"PATH={tmp_path}/bin:/usr/bin:/bin", LINE.format(home=well.root))

    ((check, message, cure),) = hidden(as_cron(well), "errors")

    assert check == "harnesses"
    assert message.endswith(f"{tmp_path}/bin/typewriter needs the program 'ribbon', which is not in PATH")
    assert cure.startswith(f"put this line at the top of the crontab: PATH={typewriter.parent}:")


def test_keys_that_only_the_shell_has_are_a_warning(well: Home) -> None:
    well.settings("harness: {default: script}\n")
    report = as_cron(well, TELEGRAM_BOT_TOKEN="123456:secret-secret", TELEGRAM_CHAT_ID="42")
    assert [message for _, message, _ in hidden(report, "warnings")] == [
        "nobody is told what happens: TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID are not set for telegram"
    ]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/gone/python {scripts}/check_pipeline.py", "/gone/python"),
        ("BATON_PYTHON=/gone/python {scripts}/check_pipeline.py", "no Python with Baton's packages at '/gone/python'"),
        ("cd /gone && {scripts}/check_pipeline.py", "/gone"),
        ("sleep 0; exit 3; {scripts}/check_pipeline.py", "it ended with code 3 and no report"),
    ],
)
def test_a_line_that_does_not_start_is_an_error_in_the_shells_words(well: Home, command: str, said: str) -> None:
    set_crontab(well, f"BATON_HOME={well.root}", f"* * * * * {command.format(scripts=SCRIPTS)} >/dev/null")

    ((check, message, cure),) = hidden(as_cron(well), "errors")

    assert check == "as_cron"
    assert message.startswith("the sweep does not start as cron starts it (your crontab): ")
    assert said in message
    assert cure.endswith(f"write instead: {LINE.format(home=well.root)}")


@pytest.mark.parametrize(
    "command",
    [
        "cd {scripts} && {python} check_pipeline.py --home {home} >/dev/null 2>&1 % input",
        "echo begins; '{python}' '{scripts}/check_pipeline.py' --home='{home}' | cat",
        'BATON_HOME="{home}" BATON_PYTHON={python} {scripts}/check_pipeline.py',
    ],
)
def test_lines_are_started_as_they_are_written(well: Home, command: str) -> None:
    words = {"scripts": SCRIPTS, "python": sys.executable, "home": well.root}
    set_crontab(well, f"*/5 * * * * {command.format(**words)}")
    report = as_cron(well)
    assert (report["errors"], report["warnings"], report["as_cron"]["source"]) == ([], [], "your crontab")


def test_without_cron_the_block_of_the_home_is_tried(well: Home, tmp_path: Path) -> None:
    (Path(well.environ["PATH"].split(":")[0]) / "crontab").unlink()
    python, told = recording(well, tmp_path)
    well.environ["PATH"] = well.environ["PATH"].split(":")[0]  # nothing else: this machine may have cron
    block = well.root / "crontab.example"
    block.write_text(block.read_text().replace(f"* {sys.executable}", f"* {python}"))

    report = as_cron(well)

    assert report["as_cron"]["source"] == f"{block}, not in your crontab yet"
    assert f"BATON_HOME={well.root}\n" in told.read_text()
    assert [one["message"] for one in report["warnings"]] == ["cron is not installed: there is no program 'crontab'"]


def test_without_any_block_the_lines_of_a_new_home_are_tried(well: Home) -> None:
    set_crontab(well)
    (well.root / "crontab.example").unlink()
    report = as_cron(well)
    assert report["as_cron"]["source"] == "the lines that init_home.py prints, not in your crontab yet"
    assert report["errors"] == []


def test_a_home_with_blanks_quotes_and_percent_signs_is_found(tmp_path: Path) -> None:
    root = tmp_path / "my home's 100%"
    Home(root).wake()
    done = run(SCRIPTS / "doctor.py", "--as-cron", "--json", environ=base_environ(root))
    assert (done.code, done.err, done.json["home"], done.json["errors"]) == (0, "", str(root), [])


def test_the_words_show_how_it_was_started_and_what_is_hidden(well: Home) -> None:
    well.agent("typist", AGENT, harness="command", command="typewriter {prompt_file}")
    program(well, "typewriter", "#!/bin/sh\n")

    done = well.call("doctor", "--as-cron")

    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0] == "As cron starts it (your crontab):"
    command = shlex.quote(f"{sys.executable} {SCRIPTS}/doctor.py --json --home {well.root}")
    assert lines[1].endswith(f"PATH=/usr/bin:/bin /bin/sh -c {command}")
    assert [line for line in lines if line.endswith("is not in PATH (only a job of cron meets this)")]
    assert lines[-1] == "1 error to mend before agents can work."


def test_a_home_that_is_not_there_is_no_job_of_cron(tmp_path: Path) -> None:
    done = run(SCRIPTS / "doctor.py", "--as-cron", "--json", "--home", tmp_path / "none", environ=base_environ())
    assert (done.code, [one["check"] for one in done.json["errors"]]) == (1, ["home"])
    assert "as_cron" not in done.json


def test_nothing_is_left_behind_or_changed(well: Home) -> None:
    well.ok("doctor")
    before = tree(well.root, passing=())
    well.ok("doctor", "--as-cron")
    assert tree(well.root, passing=()) == before


# -- systemd instead of cron --------------------------------------------------------------------------------------

SERVICE = """\
[Service]
Type=oneshot
Environment=PATH={path}
Environment="BATON_HOME={home}"
ExecStart={python} {scripts}/check_pipeline.py
"""


def set_timer(home: Home, *, path: str = "/usr/bin:/bin", is_enabled: bool = True) -> Path:
    """Give the user a timer for this home, and no crontab; return its service."""
    set_crontab(home)
    folder = home.root.parent / ".config/systemd/user"
    (folder / "timers.target.wants").mkdir(parents=True)
    service = folder / "baton.service"
    service.write_text(SERVICE.format(path=path, home=home.root, python=sys.executable, scripts=SCRIPTS))
    if is_enabled:
        (folder / "timers.target.wants/baton.timer").symlink_to("../baton.timer")
    return service


def test_a_timer_does_what_cron_does(well: Home) -> None:
    service = set_timer(well)

    report = as_cron(well)

    assert (report["errors"], report["warnings"]) == ([], [])
    assert report["as_cron"]["source"] == str(service)
    assert {"check": "cron", "message": "baton.timer"} in report["passed"]


def test_a_timer_that_is_not_enabled_is_a_warning(well: Home) -> None:
    set_timer(well, is_enabled=False)
    found = [(one["check"], one["message"], one["cure"]) for one in well.ok("doctor", "--json").json["warnings"]]
    assert found == [
        (
            "cron",
            "baton.timer would run the sweep, and is not enabled",
            "systemctl --user enable --now baton.timer (without --user for one of the system)",
        )
    ]


def test_a_timer_of_another_home_does_not_count(well: Home) -> None:
    service = set_timer(well)
    service.write_text(service.read_text().replace(str(well.root), "/elsewhere"))
    (found,) = well.ok("doctor", "--json").json["warnings"]
    assert found["message"] == f"no line of the crontab runs the sweep for {well.root}"


def test_a_program_that_a_timers_job_does_not_find_has_its_cure_in_the_unit(well: Home) -> None:
    service = set_timer(well)
    well.agent("typist", AGENT, harness="command", command="typewriter {prompt_file}")
    typewriter = program(well, "typewriter", "#!/bin/sh\n")

    ((_, _, cure),) = hidden(as_cron(well), "errors")

    line = f"Environment=PATH={typewriter.parent}:/usr/bin:/bin"
    assert cure == f"put this line under [Service] in {service}: {line}"
    service.write_text(service.read_text().replace("Environment=PATH=/usr/bin:/bin", line))
    assert as_cron(well)["errors"] == []


def test_a_timer_whose_script_is_gone_is_a_warning(well: Home) -> None:
    service = set_timer(well)
    service.write_text(service.read_text().replace(str(SCRIPTS), "/gone"))
    (found,) = well.ok("doctor", "--json").json["warnings"]
    assert found["message"] == f"{service} runs /gone/check_pipeline.py, which is not there"
    assert found["cure"] == f"mend ExecStart in {service}"


def test_units_that_cannot_be_read_are_passed_over(well: Home) -> None:
    service = set_timer(well)
    (service.parent / "broken.service").write_bytes(b"\xff\xfe check_pipeline.py")
    (service.parent / "odd.service").write_text("ExecStart=sh -c 'check_pipeline.py\nEnvironment='A=1\n")
    assert as_cron(well)["warnings"] == []
    assert subprocess.run(["test", "-e", service], check=False).returncode == 0
