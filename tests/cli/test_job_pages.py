"""The prompts that jobs of every type really get, with the facts that the engine has, under a guardian."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.homes import SETTINGS, Home, wait_for

from baton.adapters.prompts import SHIPPED
from baton.domain.assignments import JOB_TYPES
from baton.engine.job_facts import TEXT_LIMIT

GROUP = '[{"type": "research", "context": "Which one?"}, {"type": "uat"}, {"type": "document"}, {"type": "chat"}]'
KEEP = "#!/bin/sh\nmkdir -p $BATON_HOME/told\ncp $BATON_PROMPT_FILE $BATON_HOME/told/$BATON_AGENT.$BATON_STEP.md\n"
DONE = KEEP + 'complete_step.py --summary "$BATON_AGENT is done"\n'
PLAN = KEEP + 'complete_step.py --summary "$(seq 2000)"\n'
GUARDIAN = KEEP + "assignment.py align uncertain --notes 'is the page wanted?'\ncomplete_step.py --summary uncertain\n"
# What it does the first time, the second, the third, the fourth, the fifth.
PM = (
    KEEP
    + f"""\
case $(ls $BATON_HOME/told | grep -c '^pm') in
1) assignment.py update --artifacts 'plan.md: the plan' --decisions 'Cents only'; assignment.py insert-job --jobs '{GROUP}' ;;
2) assignment.py insert-job --type implement ;;
3) assignment.py insert-job --type review; assignment.py insert-job --type refine ;;
4) ;;
5) assignment.py insert-job --type verify ;;
*) assignment.py complete --summary 'all is there' ;;
esac
complete_step.py --summary 'pm is done'
"""
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[str]]]:
    """The prompts of one whole assignment, by type, in their order."""
    home = Home(tmp_path_factory.mktemp("pages") / "home")
    home.settings(SETTINGS.replace("backoff_max", "max_attempts: 1, backoff_max") + "assignments: {guardian: true}\n")
    for type in JOB_TYPES:
        home.agent(type, DONE, completes="agent")
    home.agent("plan", PLAN, completes="agent")
    home.agent("pm", PM, completes="agent")
    home.agent("guardian", GUARDIAN, completes="agent")
    home.agent("implement", KEEP + "echo cannot >&2\nexit 3\n", completes="agent")
    home.wake()
    home.ok("assignment", "create", "Make a page.\n\nAnd nothing else.", "--id", "page")
    wait_for(lambda: home.record("page")["status"] in ("completed", "blocked"), 90)
    home.settle()
    assert home.record("page")["status"] == "completed", home.record("page")["blocked"]
    found: dict[str, list[str]] = {}
    for path in sorted((home.root / "told").iterdir(), key=lambda path: int(path.name.split(".")[1])):
        found.setdefault(path.name.split(".")[0], []).append(path.read_text())
    yield found


def test_every_type_has_got_a_prompt_of_its_own_with_nothing_left_unfilled(told: dict[str, list[str]]) -> None:
    assert set(told) == set(JOB_TYPES)
    for type, pages in told.items():
        for page in pages:
            assert page.startswith("This is job `j") and f"of one assignment: **{type}**" in page
            assert "> Make a page.\n>\n> And nothing else.\n" in page
            assert not re.search(r"\n{3,}|\{[%{#]|\bNone\b", page), page


def test_a_long_report_is_shortened_for_the_pm_with_the_way_to_the_whole(told: dict[str, list[str]]) -> None:
    first = told["pm"][0]
    assert "> 1\n> 2\n" in first and "> 2000\n" not in first
    assert re.search(
        r"\nShortened\. The whole: `[^`]*/logs/plan/r-[^`]*\.result\.md`, or `assignment\.py job j1`\n", first
    )


def test_what_a_prompt_says_of_the_length_of_reports_is_so() -> None:
    assert f"its first {TEXT_LIMIT:,} characters are shown" in (Path(SHIPPED) / "job.md.j2").read_text()


def test_the_pm_sees_each_member_of_a_group_and_what_it_was_asked(told: dict[str, list[str]]) -> None:
    second = told["pm"][1]
    heads = re.findall(r"^### j\d+: (\w+), completed$", second, re.MULTILINE)
    assert heads[1:] == ["research", "uat", "document", "chat"]
    assert "It was asked: Which one?\n" in second


def test_what_the_pm_writes_down_is_told_to_later_jobs_and_the_doubts_of_the_guardian_to_the_pm(
    told: dict[str, list[str]],
) -> None:
    research = told["research"][0]
    assert "- plan.md: the plan\n" in research and "- Cents only (j2)\n" in research
    assert "The guardian holds the last decision to be **uncertain**: is the page wanted?\n" in told["pm"][1]


def test_a_retrospect_is_told_what_failed_and_the_pm_both(told: dict[str, list[str]]) -> None:
    (page,) = told["retrospect"]
    assert re.search(r"## The job that failed\n\n### j\d+: implement, failed", page)
    assert "exit code 3\n" in page and "cannot" in page
    assert re.findall(r"^### j\d+: (\w+), (\w+)", told["pm"][2], re.MULTILINE)[1:] == [
        ("implement", "failed"),
        ("retrospect", "completed"),
    ]


def test_a_pm_is_told_what_waits_behind_it(told: dict[str, list[str]]) -> None:
    assert re.search(r"\*\*Go on\*\*: j\d+ waits behind you already\.", told["pm"][3])


def test_a_guardian_sees_what_was_decided(told: dict[str, list[str]]) -> None:
    first, *_, last = told["guardian"]
    assert re.search(r"- Next: j\d+, research:\n\n> Which one\?\n\n- Next: j\d+, uat:\n", first)
    assert "- Decided: Cents only\n" in first
    assert "- The assignment is complete:\n\n> all is there\n" in last
