"""The agents beside the main line and those for audiences, each alone: what it takes, how it ends, what it refuses."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree

import pytest
from tests.skills.alone import AUDIENCE, BESIDE, Alone
from tests.skills.campaigns import SKILLS

sys.path.insert(0, str(SKILLS))
from _offline.step import UNHEEDED

FOLDERS = {
    "image-director": "assets/images",
    "social-writer": "assets/social",
    "content-repurposer": "assets/email",
    "landing-page-writer": "landing-pages",
    "email-writer": "assets/email/sequences",
    "ad-writer": "ads",
}
DRAFT = """\
# Rye bread: starch & "water" <in short>

Rye bread is dark, moist and heavy. It keeps for more than a week in a linen bag, while a white roll is stale by the
evening. [1]

## What holds a rye dough together?

Starch holds a rye dough together, since its proteins form hardly any gluten. A rye dough is sticky and cannot be kneaded like
a dough of wheat. Bakers fill it into a tin with wet hands. [1]

## Rye bread needs acid

A sourdough starter makes the dough sour within 12 hours. Acid stops the enzymes of the grain, which would turn the crumb into
paste. Bread with less than a fifth of rye flour can be raised with yeast alone. [1]

## Sources

1. Rye, the grain of the north (`sources/rye.md`): sentences 1-9
"""
LEANING = "# Rye bread\n\nIt is dark. But it keeps. They bake it in tins.\n\n## Sources\n\n1. Rye (`sources/rye.md`)\n"


@pytest.fixture
def drafted(alone: Alone) -> Alone:
    alone.copy_sources()
    alone.write("drafts/x-001.md", DRAFT)
    return alone


@pytest.mark.parametrize("name", BESIDE)
def test_as_a_branch_it_completes_the_branch_with_its_file(drafted: Alone, name: str) -> None:
    drafted.branch(name, FOLDERS[name])
    done = drafted.run(name)
    assert (done.returncode, done.stderr) == (0, "")
    script, *called = drafted.called()
    assert (script, called[:2]) == ("complete_branch.py", ["--output", f"{FOLDERS[name]}/x-001.md"])
    assert called[-2:] == ["--summary", done.stdout.rstrip("\n")]
    page = (drafted.workspace / FOLDERS[name] / "x-001.md").read_text()
    assert page.partition("\n")[0].endswith(': Rye bread: starch & "water" <in short>')
    assert "- Article: `drafts/x-001.md`\n" in page and page.count("(`sources/rye.md`)") >= 1


@pytest.mark.parametrize("name", BESIDE)
def test_as_a_step_after_the_article_it_works_on_that_and_completes_the_step(drafted: Alone, name: str) -> None:
    drafted.write("final/x-001.md", DRAFT.replace("dark, moist", "dark, firm").replace(" [1]", ""))
    drafted.step(name, FOLDERS[name])
    assert drafted.run(name).returncode == 0
    assert drafted.called()[:3] == ["complete_step.py", "--output", f"{FOLDERS[name]}/x-001.md"]
    page = (drafted.workspace / FOLDERS[name] / "x-001.md").read_text()
    assert "- Article: `final/x-001.md`\n" in page and "dark, moist" not in page


def test_a_branch_takes_the_draft_that_its_step_has_named(drafted: Alone) -> None:
    drafted.write("drafts/other.md", DRAFT.replace("# Rye bread:", "# Another one:"))
    drafted.record["pipeline"][1]["result"] = {"outputs": ["drafts/other.md"]}
    drafted.branch("social-writer", "assets/social")
    assert drafted.run("social-writer").returncode == 0
    assert (drafted.workspace / "assets/social/x-001.md").read_text().startswith("# Social posts: Another one:")


@pytest.mark.parametrize("name", [*BESIDE, "serp-analyzer", "audience-researcher"])
def test_notes_that_nobody_here_can_heed_are_said_to_be_left(drafted: Alone, name: str) -> None:
    drafted.branch(name, "x", notes="Make it funnier")
    done = drafted.run(name)
    assert done.returncode == 0 and done.stdout.rstrip("\n").endswith(UNHEEDED)


def test_a_branch_without_a_folder_writes_a_file_of_its_own(drafted: Alone) -> None:
    drafted.branch("ad-writer", None)
    assert drafted.run("ad-writer").returncode == 0
    assert drafted.called()[1:3] == ["--output", "x-001.b1.md"]
    assert (drafted.workspace / "x-001.b1.md").read_text().startswith("# Ads: ")


@pytest.mark.parametrize("name", BESIDE)
def test_left_no_draft_it_says_so_and_fails(alone: Alone, name: str) -> None:
    alone.copy_sources()
    alone.branch(name, FOLDERS[name])
    assert alone.refusal(name) == "drafts/x-001.md is not there: the step that should have written it left nothing"


@pytest.mark.parametrize("name", BESIDE)
def test_a_draft_without_a_sentence_gives_nothing(alone: Alone, name: str) -> None:
    alone.copy_sources()
    alone.write("drafts/x-001.md", "# Rye bread\n\n## Sources\n\n1. Rye (`sources/rye.md`)\n")
    alone.branch(name, FOLDERS[name])
    assert alone.refusal(name) == "the draft has no sentences: there is nothing to take from it"


@pytest.mark.parametrize("name", BESIDE)
def test_a_draft_of_which_nothing_can_stand_alone_is_refused_and_leaves_nothing(alone: Alone, name: str) -> None:
    alone.copy_sources()
    alone.write("drafts/x-001.md", LEANING)
    alone.branch(name, FOLDERS[name])
    assert alone.refusal(name).startswith("the draft has no ")
    assert not (alone.workspace / FOLDERS[name]).exists()


def test_a_title_with_marks_is_a_title_on_the_card_too(drafted: Alone) -> None:
    drafted.branch("image-director", "assets/images")
    assert drafted.run("image-director").returncode == 0
    assert drafted.called()[3:5] == ["--output", "assets/images/x-001.svg"]
    card = ElementTree.fromstring((drafted.workspace / "assets/images/x-001.svg").read_text())
    assert card.findtext("{http://www.w3.org/2000/svg}title") == 'Rye bread: starch & "water" <in short>'


@pytest.mark.parametrize("title", ["Rye", "Rye bread " * 12, "Donaudampfschifffahrtsgesellschaft" * 3])
def test_a_title_fits_on_the_card_however_long_it_is(drafted: Alone, title: str) -> None:
    drafted.write("drafts/x-001.md", DRAFT.replace('Rye bread: starch & "water" <in short>', title.strip()))
    drafted.branch("image-director", "assets/images")
    assert drafted.run("image-director").returncode == 0
    card = ElementTree.fromstring((drafted.workspace / "assets/images/x-001.svg").read_text())
    lines = list(card.iter("{http://www.w3.org/2000/svg}text"))
    assert 1 <= len(lines) <= 3 and all(one.text for one in lines)
    widths = [0.58 * float(one.get("font-size", 0)) * len(one.text or "") for one in lines]
    assert max(widths) <= 1200 - 2 * 90
    assert min(float(one.get("y", 0)) for one in lines) > 0 and max(float(one.get("y", 0)) for one in lines) < 560


def test_below_a_folder_for_videos_the_repurposer_writes_a_script_with_its_times(drafted: Alone) -> None:
    drafted.branch("content-repurposer", "assets/video")
    assert drafted.run("content-repurposer").returncode == 0
    page = (drafted.workspace / "assets/video/x-001.md").read_text()
    assert page.startswith("# Video script: Rye bread")
    times = re.findall(r"^### (?:Opening|Part \d), (\d+):(\d\d) to (\d+):(\d\d)$", page, re.MULTILINE)
    spans = [(60 * int(a) + int(b), 60 * int(c) + int(d)) for a, b, c, d in times]
    assert len(spans) >= 2 and spans[0][0] == 0
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]], "no gap and no overlap"
    assert page.count("- On screen: ") == len(spans)


@pytest.mark.parametrize("name", AUDIENCE)
def test_without_sources_an_agent_for_audiences_says_so_and_fails(alone: Alone, name: str) -> None:
    alone.step(name, "x")
    assert alone.refusal(name).startswith("the folder sources/ is missing: ")


def test_sources_that_speak_of_nobody_are_no_audience(alone: Alone) -> None:
    alone.write("sources/moon.md", "The moon has no air at all. The moon is far away.\n")
    alone.step("audience-researcher", "x")
    assert alone.refusal("audience-researcher").startswith("the sources speak of no group of people: ")


def test_a_keyword_that_no_page_has_is_told(alone: Alone) -> None:
    alone.write("sources/moon.md", "The moon has no air at all. The moon is far away.\n")
    alone.step("serp-analyzer", "x")
    assert alone.refusal("serp-analyzer").startswith("no page speaks of 'rye bread': ")


def test_research_that_names_no_group_cannot_be_enriched(alone: Alone) -> None:
    alone.copy_sources()
    alone.write("research/x-001.md", "# Audience\n\nNobody was found.\n")
    alone.step("audience-enricher", "briefs")
    assert alone.refusal("audience-enricher").startswith("the research names no group under a heading '### 1. Name'")


def test_a_group_that_a_person_has_added_gets_its_profile(alone: Alone) -> None:
    alone.write("sources/a.md", "Nurses want bread at six in the morning. Nurses fear that nothing is left.\n")
    alone.write("research/x-001.md", "# Audience\n\n### 1. Nurses\n\n### 2. Pilots\n")
    alone.step("audience-enricher", "briefs")
    assert alone.run("audience-enricher").returncode == 0
    page = (alone.workspace / "briefs/x-001.md").read_text()
    assert "### Core desires: weak\n\n- Nurses want bread at six in the morning. (`sources/a.md`, sentence 1)\n" in page
    assert "### Fears: weak\n\n- Nurses fear that nothing is left. (`sources/a.md`, sentence 2)\n" in page
    assert "## 2. Pilots\n\n- Proof: 0 sentences, 0 sources\n" in page
    assert "- Pilots, fears: What are they afraid of" in page
