"""Doctor: each check finds what it is there for, says the cure, and leaves the home as it was."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.homes import AGENT, SCRIPTS, Done, Home, base_environ, run, tree, wait_for
from tests.cli.patients import LINE, errors, examined, make, program, set_crontab, swept, warnings

from baton.cli.checks import ERROR, PASSED, WARNING, Check, Finding, Machine, Patient, machine, place
from baton.cli.checks.crontab import Entry, parse_crontab
from baton.cli.checks.locking import RIVAL
from baton.cli.checks.place import mount_of
from baton.cli.doctor import OF_HOME, OF_MACHINE, Result, carry_out
from baton.cli.wiring import Wiring
from baton.domain.errors import StorageError
from baton.store.layout import Home as Layout

CHECKS = [*OF_MACHINE, *OF_HOME]


def carried_out(name: str, root: Path, machine: Machine | None = None) -> list[Result]:
    """The results of one check."""
    wiring = Wiring(Layout(str(root)), base_environ(), lambda text: None)
    return carry_out(name, (OF_MACHINE | OF_HOME)[name], Patient(wiring, machine))  # type: ignore[operator]


def only(level: str, results: list[Result]) -> tuple[str, str]:
    """Message and cure of the one result, which has this level."""
    (result,) = results
    assert result.level == level
    return result.message, result.cure


# -- the whole ----------------------------------------------------------------------------------------------------


def test_a_well_home_passes_every_check(well: Home) -> None:
    done = well.run("doctor", "--json")

    assert (done.code, done.err) == (0, "")
    assert {key: done.json[key] for key in ("ok", "errors", "warnings")} == {"ok": True, "errors": [], "warnings": []}
    assert [one["check"] for one in done.json["passed"]] == CHECKS
    assert all(one["message"] for one in done.json["passed"])


def test_a_well_home_is_told_in_two_lines(well: Home) -> None:
    assert well.ok("doctor").out == f"ok  {', '.join(CHECKS)}\n\nEverything is in order.\n"


def test_errors_come_before_warnings_and_a_verdict_ends_it(well: Home) -> None:
    (well.root / "config/services.yaml").write_text("categorys: {}\n")
    well.stop()
    well.state.chmod(0o755)

    done = well.call("doctor")

    assert done.code == 1
    headings = [line for line in done.out.splitlines() if line and not line.startswith(" ")]
    assert headings[:2] == ["Errors: these stop work", "Warnings"]
    assert headings[2].startswith("ok  python, packages, ")
    assert headings[3] == "1 error to mend before agents can work, and 2 warnings."
    assert len(headings) == 4
    assert f"  stop: {well.state}/stop exists: nothing new is started\n    cure: to go on: rm" in done.out
    assert "\x1b" not in done.out


def test_warnings_alone_let_agents_work(well: Home) -> None:
    well.stop()
    done = well.call("doctor")
    assert (done.code, done.out.splitlines()[-1]) == (0, "Agents can work; 1 warning to look at.")


def test_nothing_is_left_behind_or_changed(well: Home) -> None:
    make(well, "t-1")
    well.settings("notify: {channels: []}\nharness: {default: script}\n")
    before = tree(well.root, passing=())

    well.run("doctor")

    assert tree(well.root, passing=()) == before


def test_a_check_that_fails_is_a_warning_with_its_name_and_stops_no_other(tmp_path: Path) -> None:
    def broken(patient: Patient) -> Iterator[Finding]:
        yield Finding(level=PASSED, message="half way")
        raise ZeroDivisionError("division by zero")

    def refused(patient: Patient) -> Iterator[Finding]:
        raise StorageError("no such thing", cure="make one")
        yield

    patient = Patient(Wiring(Layout(str(tmp_path)), {}, lambda text: None))
    checks: dict[str, Check] = {"first": broken, "second": refused}

    results = [result for name, check in checks.items() for result in carry_out(name, check, patient)]

    assert results == [
        Result(
            check="first",
            level=WARNING,
            message="the check 'first' could not be made: ZeroDivisionError: division by zero",
            cure="mend what it names, and run doctor again",
        ),
        Result(
            check="second",
            level=WARNING,
            message="the check 'second' could not be made: no such thing",
            cure="make one",
        ),
    ]


def test_a_home_that_is_not_there_is_an_error_and_the_machine_is_still_checked(tmp_path: Path) -> None:
    done = run(SCRIPTS / "doctor.py", "--json", "--home", tmp_path / "none", environ=base_environ())

    assert (done.code, done.err) == (1, "")
    assert done.json["errors"] == [
        {
            "check": "home",
            "message": f"there is no home at {tmp_path}/none",
            "cure": f"make one with: init_home.py {tmp_path}/none",
        }
    ]
    assert [one["check"] for one in done.json["passed"]] == [name for name in OF_MACHINE if name != "home"]
    assert list(tmp_path.iterdir()) == []


def test_a_home_without_state_gets_none(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/baton.yaml").write_text("harness: {default: script}\n")

    done = run(SCRIPTS / "doctor.py", "--json", environ=base_environ(tmp_path))

    assert (done.code, done.err, done.json["errors"]) == (0, "", [])
    assert sorted(tree(tmp_path, passing=())) == ["config", "config/baton.yaml"]


def test_help_has_an_example_and_the_exit_codes(home: Home) -> None:
    done = home.run("doctor", "--help")
    assert (done.code, done.err) == (0, "")
    assert "doctor.py --home ~/baton-home --json" in done.out
    assert "Exit codes:" in done.out


# -- the machine --------------------------------------------------------------------------------------------------


def test_an_old_python_is_an_error(tmp_path: Path) -> None:
    class Old(Machine):
        version = (3, 10, 4)

    message, cure = only(ERROR, carried_out("python", tmp_path, Old()))

    assert message == f"this is Python 3.10.4 ({sys.executable}); Baton needs 3.11 or newer"
    assert cure.startswith("install a newer Python, remove .venv, and run scripts/test or scripts/demo")


def toolkit(folder: Path, requirements: str) -> Path:
    """A copy of the toolkit that asks for other packages."""
    shutil.copytree(SCRIPTS, folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "skills").mkdir()
    (folder / "requirements.txt").write_text(requirements)
    return folder


def test_packages_that_are_missing_or_too_old_are_errors_but_for_those_of_the_tests(home: Home, tmp_path: Path) -> None:
    copy = toolkit(tmp_path / "toolkit", "# comment\nclick>=8.1,<9\nmsgspec>=99\nno-such-package>=1\npytest>=99,<100\n")

    done = run(copy / "scripts/doctor.py", "--json", environ=home.environ)

    cure = f"{sys.executable} -m pip install -r {copy}/requirements.txt"
    found = [(one["message"], one["cure"]) for one in done.json["errors"] if one["check"] == "packages"]
    assert [message.split(" is ")[0] for message, _ in found] == ["the package msgspec", "the package no-such-package"]
    assert found[0][0].endswith("; 99 or newer is needed")
    assert found[1] == ("the package no-such-package is not installed", cure)
    told = [one for one in done.json["warnings"] if one["check"] == "packages"]
    assert [one["message"].split(" is ")[0] for one in told] == ["the package pytest"]


@pytest.mark.parametrize(
    ("name", "release", "message", "cure"),
    [
        ("Linux", "4.19.0-27-amd64", "the kernel is 4.19.0-27-amd64; 5.4 or newer is needed", "update the system"),
        (
            "Darwin",
            "23.1.0",
            "this is Darwin; agents can be supervised on Linux only",
            "run Baton on Linux (or in WSL 2)",
        ),
    ],
)
def test_a_kernel_that_cannot_do_it_is_an_error(
    tmp_path: Path, name: str, release: str, message: str, cure: str
) -> None:
    class Other(Machine):
        def kernel(self) -> tuple[str, str]:
            return name, release

    assert only(ERROR, carried_out("kernel", tmp_path, Other())) == (message, cure)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("self/environ", "cannot be read: nothing can tell which run a process belongs to"),
        (f"self/task/{os.getpid()}/children", "cannot be read: nothing can tell what an agent leaves behind"),
    ],
    ids=["environ", "children"],
)
def test_a_proc_that_tells_too_little_is_an_error(tmp_path: Path, file: str, message: str) -> None:
    proc = false_proc(tmp_path)
    (proc / file).unlink()

    found, cure = only(ERROR, carried_out("proc", tmp_path, of(proc)))

    assert found == f"{proc}/{file} {message}"
    assert cure.startswith("mount /proc; ")


def test_a_missing_boot_id_is_an_error(tmp_path: Path) -> None:
    proc = false_proc(tmp_path)
    (proc / "sys/kernel/random/boot_id").write_text("\n")
    assert only(ERROR, carried_out("proc", tmp_path, of(proc)))[0] == "the boot id is empty: nothing can tell a reboot"


def test_signals_that_cannot_be_sent_surely_are_an_error(tmp_path: Path) -> None:
    class Confined(Machine):
        def signal_by_pidfd(self) -> None:
            raise OSError(38, "Function not implemented")

    message, cure = only(ERROR, carried_out("signals", tmp_path, Confined()))

    assert message.startswith("pidfd_open does not work here ([Errno 38] Function not implemented)")
    assert cure == machine.SANDBOX


def test_children_that_cannot_be_adopted_are_an_error(tmp_path: Path) -> None:
    class Confined(Machine):
        def become_subreaper(self) -> None:
            raise OSError(1, "Operation not permitted")

    message, cure = only(ERROR, carried_out("subreaper", tmp_path, Confined()))

    assert message.startswith("PR_SET_CHILD_SUBREAPER does not work here ([Errno 1] Operation not permitted)")
    assert cure == machine.SANDBOX


def false_proc(folder: Path, mountinfo: str = "") -> Path:
    """A folder that looks like /proc, as far as doctor looks."""
    proc = folder / "proc"
    files = {
        "self/stat": "1",
        "self/environ": "",
        f"self/task/{os.getpid()}/children": "",
        "sys/kernel/random/boot_id": "b1",
        "self/mountinfo": mountinfo,
    }
    for name, text in files.items():
        (proc / name).parent.mkdir(parents=True, exist_ok=True)
        (proc / name).write_text(text)
    return proc


def of(folder: Path) -> Machine:
    """The machine, with this folder for its /proc."""
    found = Machine()
    found.proc = str(folder)
    return found


# -- the place ----------------------------------------------------------------------------------------------------


def test_files_that_others_may_read_are_a_warning(well: Home) -> None:
    make(well, "t-1")
    (well.state / "tasks/t-1.json").chmod(0o644)
    (well.root / ".env").write_text("A_KEY=1\n")
    (well.root / ".env").chmod(0o604)

    found = [one for one in warnings(well) if one[0] == "private"]

    assert found == [
        (
            "private",
            "others may read or write .env (0604), state/tasks/t-1.json (0644)",
            f"cd {well.root} && chmod -R go= state logs .env",
        )
    ]
    subprocess.run(found[0][2], shell=True, check=True)
    assert [one for one in warnings(well) if one[0] == "private"] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_files_of_another_user_are_a_warning(well: Home) -> None:
    os.chown(well.root / "logs", 65534, 65534)
    ((check, message, cure),) = warnings(well)
    assert (check, message.split(": ")[0]) == ("private", "logs belong to another user")
    assert cure == f"use this home as one user only, and once: chown -R USER {well.root}"


def unprivileged(home: Home, *words: str) -> Done:
    """Run doctor as somebody whom modes concern, which root is not."""
    prefix: list[str] = []
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("root is above all modes, and setpriv is not there to change that")
        prefix = [setpriv, "--bounding-set=-dac_override,-dac_read_search"]
    return run(*prefix, SCRIPTS / "doctor.py", *words, environ=home.environ)


def test_a_folder_that_cannot_be_written_is_an_error(well: Home) -> None:
    folder = well.state / "events"
    folder.chmod(0o500)
    try:
        done = unprivileged(well, "--json")
    finally:
        folder.chmod(0o700)
    assert (done.code, done.json["errors"]) == (
        1,
        [
            {
                "check": "writable",
                "message": f"{folder} cannot be written",
                "cure": f"check its owner and mode: chown USER {folder}; chmod 700 {folder}",
            }
        ],
    )


def test_records_that_may_not_be_read_leave_the_other_checks_alone(well: Home) -> None:
    make(well, "t-1")
    file = well.state / "tasks/t-1.json"
    file.chmod(0)
    try:
        done = unprivileged(well, "--json")
    finally:
        file.chmod(0o600)
    assert (done.code, done.err) == (0, "")
    (found,) = [one for one in done.json["warnings"] if one["check"] == "records"]
    assert found["message"] == f"{file}: Permission denied"
    assert found["cure"] == "check the disk, and the owner and the mode of the home"
    assert "log" in [one["check"] for one in done.json["passed"]]


def test_a_read_only_home_is_an_error_and_still_examined(well: Home) -> None:
    make(well, "t-1")
    mount = f"mount --bind {well.root} {well.root} && mount -o remount,bind,ro {well.root}"
    prefix = ["unshare", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    if run(*prefix, "true", environ=base_environ()).code != 0:
        pytest.skip("file systems may not be mounted here")

    done = run(*prefix, SCRIPTS / "doctor.py", "--json", environ=well.environ)

    assert (done.code, done.err) == (1, "")
    assert done.json["errors"] == [
        {
            "check": "writable",
            "message": f"{well.state} is on a read-only file system",
            "cure": "mount it writable, or move the home",
        }
    ]
    assert f"locks were not tried: {well.state}/tmp cannot be written" in [
        one["message"] for one in done.json["passed"]
    ]
    assert "records" in [one["check"] for one in done.json["passed"]]


MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
28 27 0:30 / {place} rw,relatime shared:1 - {kind} source rw
"""


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "9p", "fuse.sshfs", "fuse.rclone"])
def test_a_home_on_the_network_is_an_error(home: Home, tmp_path: Path, kind: str) -> None:
    proc = false_proc(tmp_path, MOUNTS.format(place=tmp_path, kind=kind))
    message, cure = only(ERROR, carried_out("file_system", home.root, of(proc)))
    assert message == f"{home.state} is on {kind} (mounted at {tmp_path}), where locks cannot be relied on"
    assert cure == "move the home to a local disk (ext4, xfs, btrfs)"


def test_a_home_on_an_unknown_fuse_file_system_is_a_warning(home: Home, tmp_path: Path) -> None:
    proc = false_proc(tmp_path, MOUNTS.format(place=home.root, kind="fuse.mergerfs"))
    message, cure = only(WARNING, carried_out("file_system", home.root, of(proc)))
    assert message.startswith(f"{home.state} is on fuse.mergerfs")
    assert cure == "move the home to a local disk (ext4, xfs, btrfs)"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/home/ann/baton", ("/home", "xfs")),
        ("/homes", ("/", "ext4")),
        ("/mnt/my disk/baton", ("/mnt/my disk", "nfs")),
        ("/mnt/twice/x", ("/mnt/twice", "tmpfs")),
    ],
)
def test_the_mount_that_holds_a_path_is_the_deepest_and_the_last(path: str, found: tuple[str, str]) -> None:
    mounts = (
        ("/", "ext4"),
        ("/home", "xfs"),
        (r"/mnt/my\040disk", "nfs"),
        ("/mnt/twice", "nfs"),
        ("/mnt/twice", "tmpfs"),
    )
    text = "".join(f"1 1 0:1 / {point} rw - {kind} source rw\n" for point, kind in mounts)
    assert mount_of(path, text) == found


@pytest.mark.parametrize(
    ("rival", "problem"),
    [
        (RIVAL.replace('"refused"', '"taken"'), "a lock held by one process was given to another (flock)"),
        (
            "import os\nos.closerange(3, 100)\n" + RIVAL,
            "a lock that a process has inherited is not seen (F_OFD_GETLK)",
        ),
        (
            "import os, time\nif os.fork() == 0:\n    [os.close(fd) for fd in (0, 1)]\n    time.sleep(1)\n    os._exit(0)\n"
            + RIVAL,
            "a lock outlives the process that held it",
        ),
        ("print('hm')", "a lock held by one process was given to another (flock)"),
    ],
    ids=["flock given twice", "descriptors closed", "a child that stays", "no answer"],
)
def test_locks_that_do_not_hold_are_an_error(home: Home, rival: str, problem: str) -> None:
    class Odd(Machine):
        lock_rival = rival

    results = carried_out("locks", home.root, Odd())

    assert (ERROR, f"locks do not work in {home.state}/tmp: {problem}", place.MOVE) in [
        (one.level, one.message, one.cure) for one in results
    ]
    assert list((home.state / "tmp").iterdir()) == []


GB = 1 << 30


@pytest.mark.parametrize(
    ("size", "free", "files", "files_free", "level", "message"),
    [
        (100 * GB, 63 << 20, 0, 0, ERROR, "the disk of {state} is full: 63 MB of 100 GB free"),
        (10 * GB, 900 << 20, 0, 0, WARNING, "the disk of {state} is nearly full: 900 MB of 10 GB free"),
        (100 * GB, 4 * GB, 0, 0, WARNING, "the disk of {state} is nearly full: 4 GB of 100 GB free"),
        (100 * GB, 50 * GB, 9_000, 900, ERROR, "the disk of {state} has room for 900 more files only"),
        (
            100 * GB, 50 * GB, 900_000, 9_000, WARNING,
            "the disk of {state} is running out of files: 9000 of 900000 files left",
        ),
        (100 * GB, 50 * GB, 900_000, 800_000, PASSED, "50 GB of 100 GB free"),
    ],
)  # fmt: skip
def test_a_disk_that_fills_up_is_told_in_time(
    home: Home, size: int, free: int, files: int, files_free: int, level: str, message: str
) -> None:
    class Small(Machine):
        def room(self, path: str) -> os.statvfs_result:
            block = 1 << 20
            return os.statvfs_result((block, block, size // block, 0, free // block, files, 0, files_free, 0, 255))

    found, cure = only(level, carried_out("disk", home.root, Small()))

    assert found == message.format(state=home.state)
    assert bool(cure) is (level != PASSED)


# -- what was written ---------------------------------------------------------------------------------------------


def test_settings_that_cannot_be_read_are_an_error_word_for_word(well: Home) -> None:
    well.settings("concurency: {agents: 2}\nharness: {default: script}\nnotify: {channels: []}\n")
    said = well.call("task", "ready", "--json").error

    assert [one for one in examined(well)["errors"] if one["check"] == "settings"] == [
        {"check": "settings", "message": said["message"], "cure": said["cure"]}
    ]
    assert "concurency: unknown key" in said["message"]


def test_an_active_service_that_cannot_work_and_a_required_category_without_one_are_warnings(well: Home) -> None:
    (well.root / "config/services.yaml").write_text(
        "categories:\n"
        "  seo: {required: true, services: [{name: off, active: false, script: services/gone}]}\n"
        "  images: {services: [{name: painter, script: services/gone}, {name: far, mcp_server: no-such --stdio}]}\n"
    )
    gone = f"{well.root}/config/services/gone"
    assert [one for one in warnings(well) if one[0] == "services"] == [
        (
            "services",
            f"service painter (images): the script 'services/gone' of service painter does not exist: {gone}",
            f"put the program there, or mend {well.root}/config/services.yaml",
        ),
        (
            "services",
            "service far (images): the command 'no-such' of its MCP server is not in PATH",
            f"install it, or mend mcp_server in {well.root}/config/services.yaml",
        ),
        ("services", "no service is active for 'seo', which is required", "service.py toggle NAME --on"),
    ]


def test_services_that_cannot_be_read_are_an_error_word_for_word(well: Home) -> None:
    (well.root / "config/services.yaml").write_text("categories: {seo: {services: [{nam: x}]}}\n")
    said = well.call("service", "list", "--json").error
    assert errors(well) == [("services", said["message"], said["cure"])]


def test_a_pipeline_that_cannot_be_read_is_an_error(well: Home) -> None:
    (well.root / "config/pipelines/broken.yaml").write_text("slug: broken\nname: B\nmain_step: []\n")
    ((check, message, cure),) = errors(well)
    assert check == "pipelines"
    assert message.startswith(f"pipeline broken: {well.root}/config/pipelines/broken.yaml:3: main_step: unknown key")
    assert cure == "mend the file, then: pipeline.py show broken"


def test_a_prompt_that_cannot_be_parsed_is_an_error(well: Home) -> None:
    path = well.root / "config/prompts/step.md.j2"
    path.write_text("Hello\n{% if %}\n")
    ((check, message, cure),) = errors(well)
    assert (check, cure) == ("prompts", "mend it, or remove it to use the shipped one")
    assert message.startswith(f"the prompt template {path}:2 is not valid: ")


def test_a_prompt_that_takes_no_place_is_a_warning(well: Home) -> None:
    path = well.root / "config/prompts/stepp.md.j2"
    path.write_text("Hello\n")
    ((check, message, cure),) = warnings(well)
    assert (check, message.split(": ")[0]) == ("prompts", f"{path} takes no template's place")
    assert "step.md.j2" in cure


def test_a_skill_that_cannot_be_read_is_an_error(well: Home) -> None:
    skill = well.root / "skills/alpha/SKILL.md"
    skill.write_text(skill.read_text().replace("harness:", "harnes:"))
    found = errors(well)
    assert len(found) == 1
    check, message, cure = found[0]
    assert check == "skills"
    assert message.startswith(f"skill alpha: {skill}:")
    assert "harnes: unknown key" in message
    assert cure == f"mend {skill}, then: agent.py show alpha"


def test_a_folder_of_skills_without_a_description_is_a_warning(well: Home) -> None:
    folder = well.root / "skills/drafts-of-mine"
    folder.mkdir()
    assert warnings(well) == [
        (
            "skills",
            "skill drafts-of-mine: the folder has no SKILL.md",
            f"write {folder}/SKILL.md, or give the folder a name that begins with '_'",
        )
    ]


def test_agents_without_a_skill_are_warnings(well: Home) -> None:
    steps = [{"agent": "ghost", "output_dir": "drafts"}]
    branch = {"agent": "shade", "label": "Shade", "trigger_after_step": 0}
    haunted = {"slug": "haunted", "name": "H", "main_steps": steps, "parallel_branches": [branch]}
    well.ok("pipeline", "create", well.file("p.json", haunted))
    make(well, "t-1", agents=["spirit"])

    found = [one for one in warnings(well) if one[0] == "agents"]

    assert found == [
        (
            "agents",
            f"{where}: there is no agent '{agent}'",
            f"write {well.root}/skills/{agent}/SKILL.md, or name another agent",
        )
        for agent, where in (("ghost", "pipeline haunted"), ("shade", "pipeline haunted"), ("spirit", "task t-1"))
    ]


@pytest.fixture(scope="module")
def wordy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toolkit in which every harness is built, with a shipped agent that names none."""
    copy = toolkit(tmp_path_factory.mktemp("wordy"), "click>=8\n")
    for harness in ("claude", "codex", "gemini", "opencode", "copilot", "cursor"):
        stub = "class Harness:\n    def __init__(self, *given):\n        pass\n"
        (copy / f"scripts/baton/adapters/harnesses/{harness}.py").write_text(stub)
    (copy / "skills/wordy").mkdir()
    (copy / "skills/wordy/SKILL.md").write_text("---\nname: wordy\ndescription: Names no harness.\n---\n")
    return copy


def test_a_harness_that_is_not_built_is_an_error(well: Home) -> None:
    well.agent("odd", AGENT, harness="api")
    if (SCRIPTS / "baton/adapters/harnesses/api.py").exists():
        pytest.skip("every harness is built")
    ((check, message, cure),) = errors(well)
    assert (check, message) == ("harnesses", "agent odd: the harness 'api' is not built yet")
    assert cure


@pytest.mark.parametrize(
    ("harness", "name", "cure"),
    [
        ("claude", "claude", "npm install -g @anthropic-ai/claude-code"),
        ("codex", "codex", "npm install -g @openai/codex"),
        ("gemini", "gemini", "npm install -g @google/gemini-cli"),
        ("opencode", "opencode", "npm install -g opencode-ai"),
        ("copilot", "copilot", "npm install -g @github/copilot"),
        ("cursor", "cursor-agent", "curl https://cursor.com/install -fsS | bash"),
    ],
)
def test_a_harness_whose_program_is_missing_is_an_error_until_it_is_installed(
    well: Home, wordy: Path, harness: str, name: str, cure: str
) -> None:
    well.settings(f"harness: {{default: {harness}}}\nnotify: {{channels: []}}\n")

    before = run(wordy / "scripts/doctor.py", "--json", environ=well.environ).json
    program(well, name, "#!/bin/sh\n")
    after = run(wordy / "scripts/doctor.py", "--json", environ=well.environ).json

    assert before["errors"] == [
        {
            "check": "harnesses",
            "message": f"the settings: the program '{name}' (harness {harness}) is not in PATH",
            "cure": f"{cure}; or, without a model: harness: {{default: script}} in config/baton.yaml",
        }
    ]
    assert after["errors"] == []


def test_harnesses_that_nobody_needs_are_not_asked_for(well: Home, tmp_path: Path) -> None:
    well.settings("notify: {channels: []}\n")  # the default, claude: every agent here names another
    copy = toolkit(tmp_path / "toolkit", "click>=8\n")

    done = run(copy / "scripts/doctor.py", "--json", environ=well.environ)

    assert done.json["errors"] == []
    assert {"check": "harnesses", "message": "no program is needed"} in done.json["passed"]


def test_the_program_of_a_command_agent_must_be_there(well: Home) -> None:
    well.agent("typist", AGENT, harness="command", command="no-such-program {prompt_file}")
    assert errors(well) == [
        (
            "harnesses",
            "agent typist: the program 'no-such-program' (harness command) is not in PATH",
            f"install it, or mend 'command' in {well.root}/skills/typist/SKILL.md",
        )
    ]


def test_missing_credentials_are_a_warning_that_names_the_variables(well: Home) -> None:
    well.settings("harness: {default: script}\n")
    assert warnings(well) == [
        (
            "secrets",
            "nobody is told what happens: TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID are not set for telegram",
            f"write TELEGRAM_BOT_TOKEN=..., TELEGRAM_CHAT_ID=... into {well.root}/.env, "
            "or set notify: {channels: []} in config/baton.yaml",
        )
    ]


def test_credentials_that_only_this_environment_has_are_a_warning(well: Home) -> None:
    well.settings("harness: {default: script}\n")
    env = well.root / ".env"
    env.write_text("TELEGRAM_BOT_TOKEN=123456:secret-secret\n")
    env.chmod(0o600)
    well.environ["TELEGRAM_CHAT_ID"] = "42"
    assert warnings(well) == [
        (
            "secrets",
            "TELEGRAM_CHAT_ID stand in this environment only: jobs of cron do not see them",
            f"write them into {env}",
        )
    ]
    env.write_text("TELEGRAM_BOT_TOKEN=123456:secret-secret\nTELEGRAM_CHAT_ID=42\n")
    assert warnings(well) == []


def test_an_env_file_that_cannot_be_read_is_an_error_that_shows_nothing_of_it(well: Home) -> None:
    env = well.root / ".env"
    env.write_text("A_KEY=1\nthe-secret-itself\n")
    env.chmod(0o600)
    ((check, message, _),) = errors(well)
    assert (check, message) == ("secrets", f"{env}, line 2: this is not KEY=VALUE with a whole value")


# -- cron ---------------------------------------------------------------------------------------------------------


def test_a_machine_without_cron_is_a_warning_with_the_line_to_add(well: Home) -> None:
    (Path(well.environ["PATH"].split(":")[0]) / "crontab").unlink()
    well.environ["PATH"] = well.environ["PATH"].split(":")[0]  # nothing else: this machine may have cron
    assert [one for one in warnings(well) if one[0] == "cron"] == [
        (
            "cron",
            "cron is not installed: there is no program 'crontab'",
            "install cron (apt install cron), run 'crontab -e' and add this line: " + LINE.format(home=well.root),
        )
    ]


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("# " + LINE,),
        (LINE.replace("{home}", "/elsewhere"),),
        (LINE + " --dry-run",),
        (f"* * * * * {SCRIPTS}/status.py --home {{home}}",),
        (f"* * * * * {SCRIPTS}/check_pipeline.py",),
    ],
    ids=["empty", "a comment", "another home", "a dry run", "another script", "the toolkit's own home"],
)
def test_a_crontab_without_our_sweep_is_a_warning_with_the_line_to_add(well: Home, lines: tuple[str, ...]) -> None:
    set_crontab(well, *(line.replace(" >/dev/null --dry-run", " --dry-run").format(home=well.root) for line in lines))
    assert warnings(well) == [
        (
            "cron",
            f"no line of the crontab runs the sweep for {well.root}",
            "run 'crontab -e' and add this line: " + LINE.format(home=well.root),
        )
    ]


def test_the_line_that_is_advised_satisfies_doctor(well: Home) -> None:
    set_crontab(well)
    line = warnings(well)[0][2].partition("add this line: ")[2]
    set_crontab(well, line)
    assert warnings(well) == []


def test_the_crontab_that_a_new_home_gets_satisfies_doctor(well: Home) -> None:
    set_crontab(well, *(well.root / "crontab.example").read_text().splitlines())
    assert warnings(well) == []


def test_no_crontab_at_all_is_an_empty_one(well: Home) -> None:
    program(well, "crontab", "#!/bin/sh\necho 'no crontab for ann' >&2\nexit 1\n")
    ((_, message, _),) = warnings(well)
    assert message == f"no line of the crontab runs the sweep for {well.root}"


def test_a_crontab_that_may_not_be_read_says_why(well: Home) -> None:
    program(well, "crontab", "#!/bin/sh\necho 'You (ann) are not allowed to use this program' >&2\nexit 1\n")
    ((check, message, cure),) = warnings(well)
    assert check == "cron"
    assert message == "the crontab cannot be read: You (ann) are not allowed to use this program"
    assert cure.endswith(LINE.format(home=well.root))


def test_a_script_that_is_not_there_any_more_is_a_warning(well: Home) -> None:
    set_crontab(well, f"* * * * * {sys.executable} /gone/scripts/check_pipeline.py --home {well.root}")
    assert warnings(well) == [
        (
            "cron",
            "the crontab runs /gone/scripts/check_pipeline.py, which is not there",
            "write instead: " + LINE.format(home=well.root),
        )
    ]


def test_a_cron_that_does_not_run_is_a_warning(home: Home, tmp_path: Path) -> None:
    home.environ["PATH"] = f"{tmp_path}:/usr/bin:/bin"
    set_crontab(home, LINE.format(home=home.root))
    proc = false_proc(tmp_path)
    (proc / "1").mkdir()
    (proc / "1/comm").write_text("init\n")
    patient = Patient(Wiring(Layout(str(home.root)), home.environ, lambda text: None), of(proc))

    before = only(WARNING, carry_out("cron", OF_HOME["cron"], patient))
    (proc / "1/comm").write_text("crond\n")
    after = only(PASSED, carry_out("cron", OF_HOME["cron"], patient))

    assert before[0] == "no cron daemon is running: nothing starts the sweep"
    assert before[1].startswith("start it: service cron start")
    assert after[0] == LINE.format(home=home.root)


def test_a_job_that_finds_no_python_is_a_warning(well: Home) -> None:
    set_crontab(well, f"* * * * * BATON_PYTHON=/gone/python {SCRIPTS}/check_pipeline.py --home {well.root}")
    assert warnings(well) == [
        ("cron_path", "a job of cron finds no Python at /gone/python", "write instead: " + LINE.format(home=well.root))
    ]


def test_programs_that_jobs_of_cron_do_not_find_are_a_warning_until_the_path_is_set(well: Home) -> None:
    programs = well.environ["PATH"].split(":")[0]
    well.agent("typist", AGENT, harness="command", command="typewriter {prompt_file}")
    program(well, "typewriter", "#!/usr/bin/env ribbon\n")
    program(well, "ribbon", "#!/bin/sh\n")

    before = warnings(well)
    path_line = before[0][2].partition("at the top of the crontab: ")[2]
    set_crontab(well, path_line, LINE.format(home=well.root))

    assert before == [
        (
            "cron_path",
            f"agents that a job of cron starts do not find typewriter ({programs}/typewriter), "
            f"ribbon ({programs}/ribbon): its PATH is /usr/bin:/bin",
            f"put this line at the top of the crontab: PATH={programs}:/usr/bin:/bin",
        )
    ]
    assert warnings(well) == []


def test_crontabs_are_read_as_cron_reads_them() -> None:
    text = r"""
# m h dom mon dow command
SHELL=/bin/sh
PATH = "/opt/bin:/usr/bin"
BATON_HOME=/srv/one
*/5 * * * * /opt/baton/scripts/check_pipeline.py >/dev/null 2>&1
@hourly BATON_HOME=/srv/two PATH=/x python3 $HOME/baton/scripts/check_pipeline.py
0 4 * * * cd ~/b && .venv/bin/python scripts/check_pipeline.py --home="/srv/50\% sure" % input
* * * * * echo not check_pipeline.py.bak
"""

    found = parse_crontab(text, "/home/ann")

    assert found.path == "/opt/bin:/usr/bin"
    assert [(one.script, one.python, one.home, one.path) for one in found.entries] == [
        ("/opt/baton/scripts/check_pipeline.py", None, "/srv/one", "/opt/bin:/usr/bin"),
        ("/home/ann/baton/scripts/check_pipeline.py", "python3", "/srv/two", "/x"),
        ("/home/ann/b/scripts/check_pipeline.py", "/home/ann/b/.venv/bin/python", "/srv/50% sure", "/opt/bin:/usr/bin"),
    ]
    assert isinstance(found.entries[0], Entry)


# -- the state ----------------------------------------------------------------------------------------------------


def test_damaged_and_newer_records_are_warnings(well: Home) -> None:
    make(well, "bad", "newer")
    swept(well)
    (well.state / "tasks/bad.json").write_text("{")
    (well.state / "tasks/newer.json").write_text(json.dumps(well.record("newer") | {"schema": 99}))

    found = sorted(one for one in warnings(well) if one[0] == "records")

    assert found[0][1] == "task 'newer' was written by a newer Baton (schema 99, this one knows 1)"
    assert found[0][2] == "update this checkout: git pull"
    assert found[1][1].startswith("the record of task 'bad' cannot be read: ")
    assert found[1][2].startswith("check_pipeline.py sets it aside")
    assert len(found) == 2


def test_quarantine_is_a_warning_with_the_reason(well: Home) -> None:
    make(well, "bad")
    (well.state / "tasks/bad.json").write_text("{")
    swept(well)

    ((check, message, cure),) = warnings(well)

    assert check == "quarantine"
    assert message.startswith("task 'bad' is in quarantine: ")
    assert "the record of task 'bad' cannot be read" in message
    folder = well.state / "quarantine/tasks"
    assert cure == f"mend {folder}/bad.json and move it back to {well.state}/tasks, or remove it"


def test_a_stopped_home_is_a_warning(well: Home) -> None:
    well.stop()
    assert warnings(well) == [
        ("stop", f"{well.state}/stop exists: nothing new is started", f"to go on: rm {well.state}/stop")
    ]


def test_a_sweep_long_ago_is_a_warning(well: Home) -> None:
    swept(well)
    assert warnings(well) == []
    (well.state / "locks/sweep.lock").write_text("2001-01-01T00:00:00.000Z")
    ((check, message, cure),) = warnings(well)
    assert (check, message.endswith(" ago; one should run each minute")) == ("sweep", True)
    assert cure == "see what is said of cron; by hand: check_pipeline.py"


def test_no_sweep_at_all_is_a_warning_once_there_is_work(well: Home) -> None:
    make(well, "t-1")
    assert [one for one in warnings(well) if one[0] == "sweep"] == [
        (
            "sweep",
            "no sweep has run here yet, and there are live tasks",
            "see what is said of cron; by hand: check_pipeline.py",
        )
    ]


@pytest.mark.parametrize("where", ["record", "log"])
def test_a_clock_that_has_jumped_back_is_a_warning(well: Home, where: str) -> None:
    make(well, "t-1")
    swept(well)
    ahead = "2200-01-01T00:00:00.000Z"
    if where == "record":
        (well.state / "tasks/t-1.json").write_text(json.dumps(well.record("t-1") | {"updated_at": ahead}))
    else:
        event = {"id": "task/x:1:0", "at": ahead, "type": "task_created", "data": {}}
        (well.state / "events/2200-01-01.ndjson").write_text(json.dumps(event) + "\n")
        (well.state / "events/2200-01-01.ndjson").chmod(0o600)

    found = [one for one in warnings(well) if one[0] == "clock"]

    assert len(found) == 1
    assert found[0][1].startswith("the clock has jumped back: it is ")
    assert found[0][2].startswith("set the clock")


def test_processes_of_dead_runs_are_told_and_no_warning(well: Home) -> None:
    left = subprocess.Popen(["sleep", "60"], env={"BATON_RUN": "r-dead", "BATON_HOME": str(well.root)})
    others = subprocess.Popen(["sleep", "60"], env={"BATON_RUN": "r-other", "BATON_HOME": "/elsewhere"})
    try:
        wait_for(lambda: b"BATON_RUN" in Path(f"/proc/{left.pid}/environ").read_bytes())
        report = examined(well)
        words = well.ok("doctor").out
    finally:
        for process in (left, others):
            process.kill()
            process.wait()
    message = f"processes of runs whose supervisor is gone: {left.pid} (run r-dead); the next sweep ends them"
    assert report["warnings"] == []
    assert {"check": "dead_runs", "message": message} in report["passed"]
    assert f"To know\n  dead_runs: {message}\n" in words


def test_a_living_run_is_nothing_to_tell(live: Home) -> None:
    live.agent("slow", "#!/bin/sh\nwhile [ ! -e done ]; do sleep 0.02; done\n")
    live.make_task("t-1", agents=["slow"])
    wait_for(lambda: [slot for slot in live.slots() if slot.facts.get("agent_pid")])

    (result,) = carried_out("dead_runs", live.root)

    assert (result.level, result.message) == (PASSED, "No process of a run is left whose supervisor is gone")
    (live.workspace("t-1") / "done").touch()


def test_lines_of_the_log_that_are_damaged_are_counted(well: Home) -> None:
    make(well, "t-1")
    swept(well)
    (log,) = (well.state / "events").glob("*.ndjson")
    whole = log.read_bytes()
    log.write_bytes(b"no json\n" + whole + b"[1]\n" + b'{"half": ')

    found = [one for one in warnings(well) if one[0] == "log"]

    lines = whole.count(b"\n") + 2
    assert [one[1] for one in found] == [f"2 of {lines} lines of {log} are damaged; they are passed over"]
    assert found[0][2].startswith("nothing has to be done")
