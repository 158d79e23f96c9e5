"""The demo of assignments as a newcomer sees it: a PM decides, work is sent back, the user's checkout is not touched."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.acceptance.demos import DEMO, PATIENCE_SECONDS, WIDTH, Place, Told

LINE = ["plan", "pm", "implement", "pm", "review", "review", "pm", "refine", "pm", "verify", "pm"]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return Told(Place(tmp_path_factory.mktemp("assignment")), "--assignment")


def test_it_ends_in_its_time_and_leaves_nothing(told: Told) -> None:
    assert (told.code, told.err) == (0, ""), told.out
    assert told.seconds < 2 * told.promised_seconds
    assert told.left == ([], [])


def test_in_a_pipe_there_are_plain_lines_of_a_hundred_columns(told: Told) -> None:
    assert not re.search(r"[^\n\x20-\x7e]", told.out)
    long = [line for line in told.out.splitlines() if len(line) > WIDTH and "/baton-demo-" not in line]
    assert long == []


def test_the_pm_decides_behind_every_job(told: Told) -> None:
    part = told.part("Watch")
    jobs = re.findall(r"^   \d+\.\d s +(j\d+) (\w+): ", part, re.MULTILINE)
    # Of the two reviews either may end first.
    assert [type for _, type in jobs] == LINE and {key for key, _ in jobs} == {f"j{n}" for n in range(1, 12)}
    assert re.findall(r" pm: (\w+)", part) == ["Inserted"] * 4 + ["Completed"]


def test_one_of_two_reviewers_finds_fault_and_the_work_is_sent_back_once(told: Told) -> None:
    part = " ".join(told.part("Two reviewed it").replace("   | ", " ").split())
    assert "CHANGES NEEDED: shares() does not raise the ValueError that it promises" in part
    assert "APPROVED: test_shares_come_to_the_whole_amount fails without the change" in part
    assert "what came: ZeroDivisionError" in part
    assert "sent back as j8, by j7: Settle these findings" in part
    assert "it raises ValueError; held by test_shares_refuses_people_below_1" in part


def test_two_work_at_the_same_time(told: Told) -> None:
    bars = re.findall(r"^   j\d+ +(\w+) ( *)(=+)", told.part("Who worked when"), re.MULTILINE)
    assert [type for type, _, _ in bars] == LINE
    (_, first, first_bar), (_, second, second_bar) = bars[4:6]
    assert max(len(first), len(second)) < min(len(first + first_bar), len(second + second_bar))


def test_the_tests_fail_before_and_pass_on_the_branch_alone_until_it_is_merged(told: Told) -> None:
    failed = r"\| AssertionError: 999 != 1000\n   \| FAILED \(failures=1\)"
    assert re.search(failed, told.part("A small repository"))
    changed = told.part("What has changed")
    assert re.search(
        rf"worktrees/till-1 && python3 -m unittest\n   \| OK\n.*/till && [^\n]*\n.*{failed}", changed, re.DOTALL
    )
    assert "| -    return [amount // people] * people\n" in changed
    assert re.search(r"git merge --quiet baton/till-1\n.*unittest\n   \| OK\n", told.part("You like it"))


def test_the_users_checkout_stands_as_it_stood(told: Told) -> None:
    lines = told.part("Your own checkout").splitlines()
    assert re.fullmatch(r"   \| ## \w+", lines[-2]) and lines[-1] == "   |  M README.md"


def test_what_is_not_merged_is_kept_and_then_cleared_up(told: Told) -> None:
    part = " ".join(told.part("You like it").split())
    assert "is kept: 2 commits on baton/till-1 not merged" in part
    assert part.endswith("and the branch baton/till-1 are gone.")


def test_the_check_at_the_end_finds_nothing_lost_or_left(told: Told) -> None:
    part = told.part("Check that nothing was lost")
    assert re.search(r"^   runs +11 in the log, 11 records, and they agree: all completed$", part, re.MULTILINE)
    assert "   decided      5 times, by the PM, once behind each job or group of jobs\n" in part
    assert part.endswith("   last sweep   finds nothing to do")


@pytest.mark.parametrize("words", [("--campaign", "x.yaml"), ("--agent", "claude", "--yes")])
def test_what_it_does_not_go_with_is_refused(words: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, DEMO, "--assignment", *words],
        env=Place(tmp_path).environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 2
    assert "--assignment is shown offline" in done.stderr


def test_without_git_it_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (tmp_path / "bin").mkdir()
    for name in ("sh", "cp", "readlink", "env", "cat", "dirname"):
        (tmp_path / "bin" / name).symlink_to(f"/bin/{name}")
    place.environment["PATH"] = str(tmp_path / "bin")
    told = Told(place, "--assignment")
    assert (told.code, told.err) == (1, "demo: cannot go on without the program git\ninstall git\n")
    assert told.left == ([], [])
