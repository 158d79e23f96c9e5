"""Doctor and credentials: programs that agents run on, and services, have a key or a login where cron's jobs see it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.homes import Home
from tests.cli.patients import program

SERVICES = """\
categories:
  seo:
    services:
      - {name: first, active: true, api_key_env: FIRST_KEY}
      - {name: second, active: false, api_key_env: SECOND_KEY}
"""


@pytest.fixture
def wordy(well: Home) -> Home:
    """A home whose agents run on claude."""
    well.settings("harness: {default: claude}\nnotify: {channels: []}\n")
    well.agent("talker", "", harness="claude", command="")
    skill = well.root / "skills/talker/SKILL.md"
    skill.write_text("---\nname: talker\ndescription: Names no harness.\n---\nTalk.\n")
    program(well, "claude", "#!/bin/sh\n")
    well.environ["PATH"] = f"{Path(well.environ['PATH'].split(':')[0])}:/usr/bin:/bin"
    return well


def found(home: Home, **environ: str) -> list[tuple[str, str]]:
    """Message and cure of what doctor finds about keys."""
    report = home.call("doctor", "--json", **environ).json
    return [(one["message"], one["cure"]) for one in report["warnings"] if one["check"] == "keys"]


def write_env(home: Home, text: str) -> None:
    (home.root / ".env").write_text(text)
    (home.root / ".env").chmod(0o600)


def test_a_program_without_key_and_login_is_a_warning(wordy: Home) -> None:
    assert found(wordy) == [
        (
            "claude (needed by the settings): neither a login nor a key was found "
            "(ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN or CLAUDE_CODE_OAUTH_TOKEN)",
            f"log in: run 'claude' once, or 'claude setup-token'; or write ANTHROPIC_API_KEY=... into {wordy.root}/.env",
        )
    ]


def test_a_key_in_the_env_file_is_enough(wordy: Home) -> None:
    write_env(wordy, "CLAUDE_CODE_OAUTH_TOKEN=secret-secret\n")
    assert found(wordy) == []


def test_a_login_is_enough(wordy: Home) -> None:
    mark = Path(wordy.environ["HOME"]) / ".claude/.credentials.json"
    mark.parent.mkdir()
    mark.write_text("{}")
    assert found(wordy) == []


def test_a_key_held_by_a_cloud_is_enough(wordy: Home) -> None:
    assert found(wordy, CLAUDE_CODE_USE_BEDROCK="1") == []


def test_a_key_that_only_this_environment_has_is_a_warning(wordy: Home) -> None:
    assert found(wordy, ANTHROPIC_API_KEY="secret-secret") == [
        (
            "claude (needed by the settings): ANTHROPIC_API_KEY stands in this environment only: "
            "jobs of cron do not see it",
            f"write ANTHROPIC_API_KEY=... into {wordy.root}/.env",
        )
    ]


def test_an_address_is_no_key(wordy: Home) -> None:
    (only,) = found(wordy, ANTHROPIC_BASE_URL="http://127.0.0.1:1")
    assert "neither a login nor a key" in only[0]


def test_an_active_service_without_its_key_is_a_warning(well: Home) -> None:
    (well.root / "config/services.yaml").write_text(SERVICES)
    assert found(well) == [
        (
            "service first: its key FIRST_KEY is not set",
            f"write FIRST_KEY=... into {well.root}/.env, or set active: false for it",
        )
    ]
    write_env(well, "FIRST_KEY=secret-secret\n")
    assert found(well) == []


def test_a_model_asked_over_its_api_needs_a_key_that_is_kept(wordy: Home) -> None:
    wordy.settings("harness: {default: api}\nnotify: {channels: []}\n")
    # What stands in the environment no run that is supervised would get.
    missing = ("api (needed by the settings): its key ANTHROPIC_API_KEY is not kept", "key.py set ANTHROPIC_API_KEY")
    assert missing in found(wordy, ANTHROPIC_API_KEY="sk-dummy-0123456789")
    write_env(wordy, "ANTHROPIC_API_KEY=sk-dummy-0123456789\n")
    assert found(wordy) == []


def test_an_api_without_a_key_needs_none(wordy: Home) -> None:
    wordy.settings("harness: {default: api, api: {key: none}}\nnotify: {channels: []}\n")
    assert found(wordy) == []
