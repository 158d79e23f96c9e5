"""The crew that ships: every skill is whole and tells the truth about the scripts; offline it makes three articles."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from tests.cli.homes import module
from tests.skills.alone import CREW, PROGRAMS, Alone, agent
from tests.skills.campaigns import EXAMPLE, SCRIPTS, SKILLS, Ran, environ

from baton.store.skills import list_skills, script_path

sys.path.insert(0, str(SKILLS))
from _offline.briefs import brief_from
from _offline.notes import LONGEST_SENTENCE, plan_from
from _offline.pages import Page, read_page
from _offline.sources import Source, read_sources
from _offline.text import key, sentences

PLACES = ("", "baton")
SHIPPED = {*PROGRAMS, "orchestrator", "baton-protocol"}
KEYWORDS = ("sourdough starter", "rye bread", "bread crust")
TASKS = ("bread-001", "bread-002", "bread-003")


# -- the skills ---------------------------------------------------------------------------------------------------


def skill_text(name: str) -> str:
    return (SKILLS / name / "SKILL.md").read_text("utf-8")


def test_every_shipped_skill_can_be_read_and_none_is_broken(tmp_path: Path) -> None:
    found, problems = list_skills(str(tmp_path), str(SKILLS), None)
    assert problems == []
    assert {skill.name for skill in found} == SHIPPED


def test_shipped_skills_leave_the_harness_to_the_settings_and_say_who_they_are(tmp_path: Path) -> None:
    for skill in list_skills(str(tmp_path), str(SKILLS), None)[0]:
        assert (skill.harness, skill.model, skill.shipped) == (None, None, True)
        assert skill.role and skill.level in ("specialist", "lead", "orchestrator")
        assert re.search(r"\b(Use|Read) it\b", skill.description), skill.name
        if skill.name in PROGRAMS:
            assert script_path(skill) == str(SKILLS / skill.name / PROGRAMS[skill.name])


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_skill_says_what_to_read_to_write_to_check_how_to_end_and_what_never_to_do(name: str) -> None:
    text = skill_text(name)
    headings = re.findall(r"^## (?:\d\. )?(.+)$", text, re.MULTILINE)
    wanted = {
        "baton-protocol": ("Read before you write", "Working memory", "Write your result", "End", "check", "Never"),
        "orchestrator": ("Look", "Judge", "Act", "Report", "Check yourself", "End", "Never"),
    }.get(name, ("Read", "Write", "Check yourself", "End", "Never", "Offline"))
    missing = [want for want in wanted if not any(want in heading for heading in headings)]
    assert not missing
    assert 60 <= text.count("\n") <= 140
    assert len(re.findall(r"^\d+\. ", text, re.MULTILINE)) >= 8, "a checklist has numbers"
    assert "complete_step.py" in text and "release_lock.py" in text and "`state/`" in text
    assert "complete_branch.py" in text or name in {*CREW, "orchestrator"}


def front_matter(name: str) -> dict[str, Any]:
    found = yaml.safe_load(skill_text(name).split("---\n")[1])
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_skill_keeps_the_rules_of_agent_skills(name: str) -> None:
    found, body = front_matter(name), skill_text(name).split("---\n", 2)[2]
    assert {"name", "description"} <= set(found)
    assert set(found) <= {"name", "description", "license", "compatibility", "metadata", "allowed-tools"}
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", found["name"]) and len(found["name"]) <= 64
    assert found["name"] == name
    assert 1 <= len(found["description"]) <= 1024
    assert all(isinstance(text, str) for pair in found.get("metadata", {}).items() for text in pair)
    assert body.count("\n") < 500 and len(body) / 3.5 < 5000, "the advice: under 500 lines and 5000 tokens"


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_skill_names_only_paths_and_scripts_that_exist(name: str) -> None:
    text = skill_text(name)
    named = set(re.findall(r"\b[a-z_]+\.py\b", text)) - {PROGRAMS.get(name)}
    assert named and not [
        script for script in named if not any((SCRIPTS / place / script).exists() for place in PLACES)
    ]
    assert not [other for other in re.findall(r"skill `([a-z-]+)`", text) if other not in SHIPPED]


def command_lines(name: str) -> list[list[str]]:
    """Every command of ours in a skill, as words; what stands for something is put in."""
    text = skill_text(name)
    blocks = "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).splitlines()
    lines = [line for line in [*re.findall(r"`([^`\n]+)`", text), *blocks] if re.match(r"[a-z_]+\.py\b", line)]
    meant = [re.sub(r"\[(.*?)\]", r"\1", line).replace("<task>", "x-001").replace("<path>", "x.md") for line in lines]
    words = [shlex.split(re.sub(r"(--to-step) N\b", r"\1 1", line), comments=True) for line in meant]
    return [found for found in words if found[0] not in PROGRAMS.values()]


# Named as a script, with nothing after it: no call.
MENTIONED = {(script,) for script in ("invoke_agent.py", "activate_campaign.py")}


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_every_command_line_in_a_skill_is_one_that_its_script_takes(name: str) -> None:
    lines = [line for line in command_lines(name) if tuple(line) not in MENTIONED]
    assert any(line[0] == "complete_step.py" for line in lines)
    for script, *words in lines:
        command = module(script.removesuffix(".py")).command
        context = click.Context(command)
        try:
            while isinstance(command, click.Group):
                _, found, words = command.resolve_command(context, words)
                assert found is not None
                command = found
            command.make_context(script, list(words))
        except click.ClickException as error:
            pytest.fail(f"{shlex.join([script, *words])}: {error.format_message()}")


def test_a_command_line_that_no_script_takes_is_seen() -> None:
    for words in (["--note", "x"], ["--to-step", "N"]):
        with pytest.raises(click.UsageError):
            module("request_revision").command.make_context("x", words)


def test_the_reviewers_table_says_what_its_offline_agent_measures() -> None:
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", skill_text("content-reviewer"), re.MULTILINE))
    own = agent("content-reviewer")
    assert rows["length without the list of sources"].startswith(f"{own.LEAST_WORDS} to {own.MOST_WORDS:,} words")
    assert rows["sections with a heading"] == f"{own.LEAST_SECTIONS} to {own.MOST_SECTIONS}"
    assert rows["sources used"].startswith(f"{own.LEAST_SOURCES} or more")
    assert "in {} to {} % of the sentences".format(*own.KEYWORD_SHARES) in rows["keyword"]
    assert rows["phrases of the brief"].startswith(f"at least {own.LEAST_TOPICS:.0%}".replace("%", " %"))
    assert rows["longest sentence"] == f"{LONGEST_SENTENCE} words or fewer"
    assert rows["reading ease (Flesch)"].startswith(f"{own.LEAST_EASE:g} or more")


def test_the_example_is_long_enough_to_matter() -> None:
    found = read_sources(EXAMPLE)
    assert 4 <= len(found) <= 6 and all(600 <= source.count <= 1200 for source in found)
    assert len({key(one.text) for source in found for one in source.sentences}) == sum(
        len(one.sentences) for one in found
    )


def test_the_orchestrator_does_not_claim_to_keep_watching() -> None:
    text = " ".join(skill_text("orchestrator").split())
    assert "Nobody calls you when there is nothing new to judge" in text and "never say or write that you keep" in text


# -- a campaign of the example, offline ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    found = Ran(tmp_path_factory.mktemp("crew"), own=("humanizer",))
    yield found
    found.end()


def test_all_three_tasks_go_through_the_whole_line(ran: Ran) -> None:
    for task, record in ran.tasks.items():
        assert record["status"] == "completed"
        assert [step["agent"] for step in record["pipeline"]] == list(CREW)
        draft = f"drafts/{task}.v2.md" if record["revision_count"] else f"drafts/{task}.md"
        outputs = [step["result"]["outputs"] for step in record["pipeline"]]
        assert outputs == [[f"research/{task}.md"], [draft], [f"reviewed/{task}.md"], [f"final/{task}.md"]]
        assert record["quality_score"] >= 80 and record["readability_score"] >= 50
        assert all(len(step["failures"]) == 0 for step in record["pipeline"])
    assert not ran.events("agent_crashed")


def test_a_weak_first_draft_is_sent_back_once_with_notes_and_its_second_version_is_accepted(ran: Ran) -> None:
    asked = ran.events("revision_requested")
    assert 1 <= len(asked) <= 3 and len({event["task"] for event in asked}) == len(asked)
    for event in asked:
        record = ran.tasks[event["task"]]
        assert (event["data"]["to_step"], event["data"]["by"]) == (1, "content-reviewer")
        assert record["revision_count"] == 1
        assert re.match(r"\(1\) .+ (at least|at most|say something)", event["data"]["notes"])
        assert plan_from(event["data"]["notes"]).did, "the writer understands what the reviewer writes"
        assert "on the notes:" in record["pipeline"][1]["result"]["summary"]
        assert "- Verdict: accepted\n" in ran.text("reviewed", event["task"])
        assert (ran.folder / f"drafts/{event['task']}.md").read_text("utf-8") != ran.text("drafts", event["task"])
    untouched = [record for record in ran.tasks.values() if not record["revision_count"]]
    assert untouched, "a good first draft is not sent back"


def test_the_articles_are_small_articles(ran: Ran) -> None:
    for task, keyword in zip(TASKS, KEYWORDS, strict=True):
        article = ran.text("final", task)
        page = read_page(article)
        assert page.title.lower().startswith(keyword)
        assert 3 <= len(page.sections) <= 5 and 450 <= page.count <= 1200
        assert re.search(r"^\*In short: .+[.!?] .+[.!?]\*$", article, re.MULTILINE)
        assert re.search(r"^\*\d+ words, \d minutes? to read\.\*$", article, re.MULTILINE)
        assert not re.search(r"\[\d", article), "the marks of sources are the draft's"
        assert max(len(sentence.split()) for sentence in page.sentences) <= 60


def test_the_articles_are_different_ones(ran: Ran) -> None:
    found = [{key(sentence) for sentence in read_page(ran.text("final", task)).sentences} for task in TASKS]
    shares = [len(one & other) / len(one | other) for one, other in combinations(found, 2)]
    assert max(shares) < 0.3, shares


def test_an_article_names_its_sources_and_no_others(ran: Ran) -> None:
    known = {source.path: source.title for source in ran.sources}
    for task in TASKS:
        draft, article = read_page(ran.text("drafts", task)), ran.text("final", task)
        assert len(draft.sources) >= 3 and set(draft.sources) <= set(known)
        listed = re.findall(r"^- (.+) \(`(.+)`\)$", article.partition("## Sources")[2], re.MULTILINE)
        assert listed == [(known[path], path) for path in draft.sources]


def strange(page: Page, sources: list[Source]) -> list[str]:
    """The sentences of a page that no source has, whole or cut."""
    whole = "\n".join(f" {key(one.text)} " for source in sources for one in source.sentences)
    return [one for one in page.sentences for part in one.split("; ") if f" {key(part)} " not in whole]


def test_no_sentence_comes_from_nowhere(ran: Ran) -> None:
    assert strange(read_page("# T\n\nThe moon is made of rye bread.\n"), ran.sources), "what is invented is seen"
    for task in TASKS:
        assert strange(read_page(ran.text("drafts", task)), ran.sources) == []
        article = ran.text("final", task)
        figures = re.search(r"^\*(\d+ words, \d minutes? to read\.)\*$", article, re.MULTILINE)
        assert figures is not None
        found = strange(read_page(article.replace("*In short: ", "*")), ran.sources)
        assert found == [figures[1]]


def test_the_same_campaign_gives_the_same_files_again(ran: Ran) -> None:
    # Each agent was a process of its own, with another hash seed than this one.
    researcher, writer, reviewer, humanizer = map(agent, CREW)
    for number, task in enumerate(TASKS, 1):
        record, keyword = ran.tasks[task], KEYWORDS[number - 1]
        wanted = researcher.Wanted(
            task=task,
            title=record["title"],
            keywords=[keyword],
            wishes=record["brief"],
            number=number,
            others=[other for other in KEYWORDS if other != keyword],
        )
        research = researcher.brief_of(wanted, ran.sources)
        assert research == ran.text("research", task)
        brief = brief_from(research, keyword)
        draft = writer.Draft(brief, ran.sources, plan_from(record["rejection_notes"] or "")).page()
        assert draft == ran.text("drafts", task)
        review = reviewer.review_of(draft, brief, ran.sources)
        assert reviewer.report_of(review, ran.path("drafts", task), "accepted") == ran.text("reviewed", task)
        page = humanizer.edited(draft, ran.sources)
        assert humanizer.article_of(page, ran.sources) == ran.text("final", task)


def test_a_brief_has_what_the_skill_asks_for(ran: Ran) -> None:
    asked = re.search(r"```markdown\n(.*?)```", skill_text("keyword-researcher"), re.DOTALL)
    assert asked is not None
    for task, keyword in zip(TASKS, KEYWORDS, strict=True):
        brief = ran.text("research", task)
        assert re.findall(r"^## .+$", brief, re.MULTILINE) == re.findall(r"^## .+$", asked[1], re.MULTILINE)
        assert f"- Keyword: {keyword}\n" in brief
        read = brief_from(brief, "")
        assert read.keyword.text == keyword and len(read.phrases) >= 5 and len(read.others) == 2
        assert brief.count("?") >= 1 and brief.count("(`sources/") >= 10


# -- one agent alone, the scripts being stand-ins -----------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(CREW))
def test_without_sources_an_agent_says_so_and_fails(alone: Alone, name: str) -> None:
    assert alone.refusal(name).startswith("the folder sources/ is missing: ")


@pytest.mark.parametrize(
    ("file", "data", "said"),
    [
        ("note.pdf", b"%PDF", "the folder sources/ holds no .md or .txt file"),
        ("a.md", b" \n", "sources/a.md is empty"),
        ("a.md", b"\xff\xfe\x00A", "sources/a.md is not UTF-8 text"),
        ("a.txt", b"a\0b", "sources/a.txt is not a text file"),
        ("a.md", b"# Only\n\n- a list\n", "sources/a.md has no sentences in it"),
        ("a.md", b"The moon has no air at all. The moon is far away.", "no source speaks of 'rye bread'"),
        ("a.md", b"Rye bread is dark and moist. It keeps well.", "the sources say too little about 'rye bread'"),
    ],
    ids=["another kind", "empty", "binary", "a zero byte", "no sentences", "another subject", "too short"],
)
def test_a_source_that_is_of_no_use_is_named(alone: Alone, file: str, data: bytes, said: str) -> None:
    alone.write(f"sources/{file}", data)
    assert alone.refusal("keyword-researcher").startswith(said)


@pytest.mark.parametrize(
    ("name", "missing"),
    [("content-writer", "research"), ("content-reviewer", "drafts"), ("humanizer", "reviewed")],
)
def test_an_agent_that_was_left_nothing_says_what_is_missing(alone: Alone, name: str, missing: str) -> None:
    alone.copy_sources()
    assert alone.refusal(name).startswith(f"{missing}/x-001.md is not there")


def test_started_by_hand_an_agent_says_who_starts_it() -> None:
    done = subprocess.run(
        [SKILLS / "humanizer/offline_humanizer.py"], env=environ(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "started by invoke_agent.py" in done.stderr


def test_a_busy_script_is_asked_again_and_a_refusal_is_told(alone: Alone) -> None:
    alone.copy_sources()
    alone.stand_in("complete_step.py", f"mkdir {alone.root}/once 2>/dev/null && exit 75; echo '{{}}'")
    assert alone.run("keyword-researcher").returncode == 0
    alone.stand_in("complete_step.py", """echo '{"error": {"message": "the lease is gone"}}'; exit 1""")
    assert alone.refusal("keyword-researcher") == "complete_step.py answered with exit code 1: the lease is gone"


def weak_draft(count: int = 30) -> str:
    """A draft with sections and a source, too short."""
    text = "Rye bread is everyday food in the north. " * (count // 8)
    return f"# Rye bread\n\nRye bread is dark.\n\n## Rye\n\n{text}\n\n## Sources\n\n1. Rye (`sources/rye.md`)\n"


def test_a_first_draft_with_faults_goes_back_to_the_writer_and_a_second_one_is_accepted_with_remarks(
    alone: Alone,
) -> None:
    alone.copy_sources()
    alone.write("drafts/x-001.md", weak_draft(160))
    assert alone.run("content-reviewer").returncode == 0
    script, *words = alone.called()
    assert (script, words[:3]) == ("request_revision.py", ["--to-step", "1", "--notes"])
    assert "write at least 500 words" in words[3] and "use at least 3 sources, for example" in words[3]
    assert "- Verdict: sent back\n" in (alone.workspace / "reviewed/x-001.md").read_text()
    (alone.root / "called").unlink()
    alone.record["pipeline"][1]["revisions"] = 1
    assert alone.run("content-reviewer").returncode == 0
    script, *words = alone.called()
    assert script == "complete_step.py" and "--quality-score" in words and "--readability-score" in words
    assert "- Verdict: accepted with remarks\n" in (alone.workspace / "reviewed/x-001.md").read_text()


TEA = (
    "# Tea\n\nTea is made from the leaves of one plant. Green tea is dried soon after picking. Black tea is left to "
    "oxidise first. Water for green tea should be cooler than for black tea.\n"
)
BIKES = """\
# Choosing a bicycle

## Frame

The frame decides how comfortable a bicycle is. A frame that is too large makes the rider stretch. A small frame puts
weight on the hands of the rider. Measure the inside leg in socks, from the floor up.

| inside leg | frame |
| --- | --- |
| 75 cm | 50 cm |

## Brakes

There are two common kinds of brakes:

- Rim brakes press two pads against the rim of the wheel. They are light, cheap and easy to mend.
- Disc brakes press on a steel disc at the hub. They work as well in rain as in the dry.
- Coaster brakes

Disc brakes cost more than rim brakes. A bicycle for all weathers is better with disc brakes. Pads wear out on both.

## Gears

Hub gears need little care, because they are closed. Derailleur gears are lighter and offer more steps. A bicycle for
the city does well with seven gears. In the mountains a rider wants more of them.
"""


def test_sources_too_thin_for_an_article_are_told_by_the_writer_with_figures(alone: Alone) -> None:
    alone.write("sources/tea.md", TEA)
    alone.write("research/x-001.md", "- Keyword: tea\n\n## Key phrases\n\n- green tea\n")
    said = alone.refusal("content-writer")
    assert re.match(r"the sources give \d+ words on 'tea', and an article needs 100: add sources", said)


def test_a_page_of_lists_and_tables_becomes_an_article_under_its_own_headings(alone: Alone) -> None:
    alone.write("sources/bikes.md", BIKES)
    alone.record |= {"title": "Choosing a bicycle", "keywords": []}
    for name in CREW:
        assert alone.run(name).returncode == 0, name
    article = (alone.workspace / "final/x-001.md").read_text()
    page = read_page(article)
    assert page.title.startswith("Bicycle")
    assert {section.heading for section in page.sections} <= {"Frame", "Brakes", "Gears"} and len(page.sections) >= 2
    assert "Rim brakes press two pads" in article and "Coaster" not in article and "75 cm" not in article


def test_what_is_no_article_is_never_accepted(alone: Alone) -> None:
    alone.copy_sources()
    alone.write("drafts/x-001.md", "I could not find anything, sorry.\n")
    alone.record["pipeline"][1]["revisions"] = 2
    assert alone.run("content-reviewer").returncode == 0
    script, *words = alone.called()
    assert script == "request_revision.py" and words[3].startswith("This is no article yet")


def test_the_humanizer_takes_the_draft_that_the_review_names(alone: Alone) -> None:
    alone.copy_sources()
    alone.write("drafts/other.md", weak_draft().replace("# Rye bread", "# The other one"))
    alone.write("reviewed/x-001.md", "# Review\n\n- Draft: `drafts/other.md`\n- Verdict: accepted\n")
    assert alone.run("humanizer").returncode == 0
    assert (alone.workspace / "final/x-001.md").read_text().startswith("# The other one\n")


def test_sentences_are_read_the_same_by_all(ran: Ran) -> None:
    for source in ran.sources:
        for one in source.sentences:
            assert sentences(one.text) == [one.text]


# -- a batch: one task for three articles -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    found = Ran(tmp_path_factory.mktemp("batch"), changes={"generate": "batch"})
    yield found
    found.end()


def articles_of(batch: Ran) -> dict[str, str]:
    folder = batch.folder / batch.path("final", "bread-001")
    return {file.name: file.read_text("utf-8") for file in sorted(folder.iterdir())}


def test_a_batch_of_three_is_made_offline_and_every_step_makes_three(batch: Ran) -> None:
    record = batch.tasks["bread-001"]
    assert list(batch.tasks) == ["bread-001"] and record["status"] == "completed"
    assert [(row["agent"], row["done"], row["total"]) for row in record["progress"]] == [(name, 3, 3) for name in CREW]
    names = [f"{n:02}-{keyword.replace(' ', '-')}.md" for n, keyword in enumerate(KEYWORDS, 1)]
    assert list(articles_of(batch)) == names
    for folder in ("research", "drafts", "reviewed", "final"):
        assert sorted(file.name for file in (batch.folder / batch.path(folder, "bread-001")).iterdir()) == names
    assert not batch.events("agent_crashed")


def test_the_pieces_of_a_batch_are_the_articles_that_three_tasks_make(batch: Ran, ran: Ran) -> None:
    assert list(articles_of(batch).values()) == [ran.text("final", task) for task in TASKS]


def test_only_the_pieces_that_the_reviewer_names_are_written_again(batch: Ran, ran: Ran) -> None:
    (asked,) = batch.events("revision_requested")
    weak = {number for number, task in enumerate(TASKS) if ran.tasks[task]["revision_count"]}
    names = list(articles_of(batch))
    assert {name for name in names if f"{name}: (1) " in asked["data"]["notes"]} == {names[number] for number in weak}
    first, second = (batch.folder / "drafts" / folder for folder in ("bread-001", "bread-001.v2"))
    changed = {name for name in names if (first / name).read_text() != (second / name).read_text()}
    assert changed == {names[number] for number in weak} and len(changed) < len(names)
