"""``key.py``: keys go in unseen, are told apart by fingerprints, and come out nowhere."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest
from tests.cli.homes import SCRIPTS, Home, wait_for

from baton.cli.keys import is_set, key
from baton.domain.errors import MissingCredentials
from baton.store.layout import Home as Places
from baton.store.sealed_keys import fingerprint_of

VALUE = "sk-test-0123456789-abcdef"


def keep(home: Home, name: str = "ANTHROPIC_API_KEY", value: str = VALUE) -> None:
    done = home.call("key", "set", name, stdin=value.encode())
    assert done.code == 0, done


def problems(home: Home) -> list[tuple[str, str]]:
    done = home.call("key", "check", "--json")
    assert done.code == (1 if done.json["problems"] else 0)
    return [(one["message"], one["cure"]) for one in done.json["problems"]]


def warned(home: Home) -> list[tuple[str, str]]:
    report = home.call("doctor", "--json").json
    return [(one["message"], one["cure"]) for one in report["warnings"] if one["check"] == "kept_keys"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


# -- setting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "  \n"])
def test_a_key_is_read_from_stdin_without_what_stands_around_it(home: Home, end: str) -> None:
    done = home.call("key", "set", "ANTHROPIC_API_KEY", "--json", stdin=f"{VALUE}{end}".encode())
    assert done.code == 0
    assert done.json == {"name": "ANTHROPIC_API_KEY", "replaced": False, "master_file": done.json["master_file"]}
    assert key(Places(str(home.root)), home.environ, "ANTHROPIC_API_KEY") == VALUE


def test_a_key_that_is_typed_is_not_shown(home: Home) -> None:
    master, slave = pty.openpty()
    program = subprocess.Popen(
        [SCRIPTS / "key.py", "set", "ANTHROPIC_API_KEY"],
        env=home.environ,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    shown = b""
    while b": " not in shown:
        shown += os.read(master, 1000)
    os.write(master, f"{VALUE}\n".encode())
    with_end = shown
    try:
        while part := os.read(master, 1000):
            with_end += part
    except OSError:  # the terminal's other end is closed: it has ended
        pass
    assert program.wait() == 0, with_end
    os.close(master)
    assert b"Kept ANTHROPIC_API_KEY" in with_end
    assert VALUE.encode() not in with_end
    assert key(Places(str(home.root)), home.environ, "ANTHROPIC_API_KEY") == VALUE


@pytest.mark.parametrize(
    "words", [("ANTHROPIC_API_KEY", VALUE), (VALUE,), (f"ANTHROPIC_API_KEY={VALUE}",), ("A", "--value", VALUE), ()]
)
def test_a_key_on_the_command_line_is_refused_and_not_said_again(home: Home, words: tuple[str, ...]) -> None:
    for more in ((), ("--json",)):
        done = home.call("key", "set", *words, *more, stdin=VALUE.encode())
        assert done.code == 2
        assert VALUE not in done.out + done.err
    assert not (home.root / "config/keys.json").exists()


@pytest.mark.parametrize(
    "given", [b"", b"\n", b"short", b"sk-test two words", b"sk-test\nlines-lines", b"\xff" * 20, b"x" * 9000]
)
def test_what_can_be_no_key_is_refused_and_not_said_again(home: Home, given: bytes) -> None:
    done = home.call("key", "set", "ANTHROPIC_API_KEY", "--json", stdin=given)
    assert done.refusal == (1, "invalid_input")
    assert not given.strip() or given.decode("latin-1") not in done.out + done.err
    assert not (home.root / "config/keys.json").exists()


# -- looking --------------------------------------------------------------------------------------------------------


def test_a_list_tells_name_fingerprint_and_age(home: Home) -> None:
    keep(home)
    ring = json.loads((home.root / "config/keys.json").read_text())
    ring["keys"]["ANTHROPIC_API_KEY"]["set_at"] = "2020-01-01T00:00:00.000Z"
    (home.root / "config/keys.json").write_text(json.dumps(ring))
    (only,) = home.ok("key", "list", "--json").json
    assert only.pop("age_days") > 2000
    assert only == {
        "name": "ANTHROPIC_API_KEY",
        "set_at": "2020-01-01T00:00:00.000Z",
        "fingerprint": fingerprint_of(VALUE),
        "problem": None,
    }


def test_no_key_at_all_is_nothing_wrong(home: Home) -> None:
    assert home.ok("key", "list").out == "No keys are kept.\n"
    assert problems(home) == []
    assert warned(home) == []


def test_a_removed_key_is_gone_and_one_that_is_not_there_is_said(home: Home) -> None:
    keep(home)
    home.ok("key", "remove", "ANTHROPIC_API_KEY")
    assert home.ok("key", "list", "--json").json == []
    assert home.call("key", "remove", "ANTHROPIC_API_KEY", "--json").refusal == (1, "key_not_found")


def test_a_rotation_tells_how_many(home: Home) -> None:
    keep(home)
    assert home.ok("key", "rotate", "--json").json["rotated"] == 1
    assert problems(home) == []
    assert home.call("key", "list").out.split()[3:5] == ["ANTHROPIC_API_KEY", fingerprint_of(VALUE)]


# -- what is wrong --------------------------------------------------------------------------------------------------


def test_a_master_key_open_to_others_is_told_by_check_and_doctor(home: Home) -> None:
    keep(home)
    master = Path(home.ok("key", "rotate", "--json").json["master_file"])
    master.chmod(0o644)
    expected = f"{master} may be read or written by others (mode 0644)"
    (checked,), (found,) = problems(home), warned(home)
    assert checked == found == (expected, f"chmod 600 {master}; if others use this machine, then also: key.py rotate")


def test_a_master_key_in_the_home_is_told(home: Home) -> None:
    inside = home.root / "config/inside.key"
    done = home.call("key", "set", "ANTHROPIC_API_KEY", stdin=VALUE.encode(), BATON_KEY_FILE=str(inside))
    assert done.code == 0
    (problem,) = problems(home)
    assert problem[0] == f"{inside} lies in the home: whoever has a copy of the home can open its keys"


def test_a_key_that_stands_in_the_env_file_as_well_is_told(home: Home) -> None:
    keep(home)
    (home.root / ".env").write_text("ANTHROPIC_API_KEY=sk-plain-plain\n")
    (problem,) = problems(home)
    assert problem[0] == "ANTHROPIC_API_KEY is kept encrypted, and stands in .env as plain text as well"
    assert "sk-plain" not in repr(problem)


def test_a_rotation_ended_in_the_middle_is_told(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(home)
    with monkeypatch.context() as patch:
        patch.setattr("baton.store.master_keys.MasterKeys.keep", lambda self, name: None)
        home.ok("key", "rotate")
    assert [cure for _, cure in problems(home)] == ["key.py rotate"]


def test_a_damaged_file_is_told_by_every_verb_without_a_trace(home: Home) -> None:
    keep(home)
    (home.root / "config/keys.json").write_text("{")
    for verb in (("list",), ("check",), ("rotate",), ("remove", "A"), ("set", "A")):
        assert home.call("key", *verb, "--json", stdin=VALUE.encode()).refusal == (1, "state_damaged")
    assert len(warned(home)) == 1


# -- who gets it ----------------------------------------------------------------------------------------------------


def test_the_environment_comes_first_then_the_kept_key_then_the_env_file(home: Home) -> None:
    places = Places(str(home.root))
    (home.root / ".env").write_text("A_KEY=from-env-file\n")
    assert (key(places, home.environ, "A_KEY"), is_set(places, home.environ, "A_KEY")) == ("from-env-file", True)
    keep(home, "A_KEY")
    assert key(places, home.environ, "A_KEY") == VALUE
    assert key(places, home.environ | {"A_KEY": "from-environment"}, "A_KEY") == "from-environment"


def test_a_key_that_is_nowhere_is_said_with_the_cure(home: Home) -> None:
    places = Places(str(home.root))
    assert is_set(places, home.environ, "A_KEY") is False
    with pytest.raises(MissingCredentials, match="the key A_KEY is not set"):
        key(places, home.environ, "A_KEY")


def test_a_kept_key_that_cannot_be_opened_is_not_replaced_by_another_unsaid(home: Home) -> None:
    keep(home, "A_KEY")
    (home.root / ".env").write_text("A_KEY=from-env-file\n")
    Path(json.loads((home.root / "config/keys.json").read_text())["master_file"]).unlink()
    places = Places(str(home.root))
    assert is_set(places, home.environ, "A_KEY") is True
    with pytest.raises(MissingCredentials, match="the master key"):
        key(places, home.environ, "A_KEY")


def test_an_agent_gets_no_kept_key_even_where_its_skill_asks_for_it(home: Home) -> None:
    keep(home, "A_KEY")
    home.agent("alpha", '#!/bin/sh\nenv > "$BATON_WORKSPACE/environ.txt"\n', env="A_KEY")
    home.wake()
    home.make_task(agents=("alpha",))
    assert home.call("invoke_agent", "alpha", "t-1").code == 0
    seen = wait_for(lambda: (home.workspace() / "environ.txt").read_text())
    home.settle()
    assert "BATON_TASK=t-1" in seen
    assert VALUE not in seen
    assert "A_KEY" not in seen


def test_a_kept_token_serves_notifications(home: Home) -> None:
    keep(home, "TELEGRAM_BOT_TOKEN", "123456:abcdefghijkl")
    keep(home, "TELEGRAM_CHAT_ID", "1234567890")
    home.settings("notify: {channels: [telegram]}\n")
    report = home.call("doctor", "--json").json
    assert [one for one in report["warnings"] if one["check"] == "secrets"] == []
