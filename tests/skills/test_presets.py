"""The presets with branches, and audience-discovery: run to their end by the shipped agents, offline; the files are read."""

from __future__ import annotations

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.skills.alone import BESIDE, agent
from tests.skills.campaigns import SKILLS, Ran

sys.path.insert(0, str(SKILLS))
from _offline.articles import Article
from _offline.lines import URL, spoken_length
from _offline.pages import read_page
from _offline.text import key, sentences, words

KEYWORDS = {"bread-001": "sourdough starter", "bread-002": "rye bread", "bread-003": "bread crust"}
# What each branch of launch-package writes, and its agent.
BRANCHES = {
    "Hero image": ("image-director", "assets/images"),
    "Social posts": ("social-writer", "assets/social"),
    "Email excerpt": ("content-repurposer", "assets/email"),
    "Landing page": ("landing-page-writer", "landing-pages"),
    "Email sequence": ("email-writer", "assets/email/sequences"),
    "Ads": ("ad-writer", "ads"),
}
SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True, kw_only=True)
class Copied:
    """One text of a page that people copy: its name, what is said about its length and where it comes from."""

    name: str
    text: str
    count: int
    most: int | None
    sources: tuple[str, ...]

    @property
    def sentences(self) -> list[str]:
        """What is said in it, without its link and its hashtags."""
        told = [part for part in self.text.split("\n\n") if URL not in part and not part.startswith("#")]
        return [one for part in told for one in sentences(part)]


def copied(page: str) -> list[Copied]:
    """The texts of a page, in their order."""
    box = r"^### (.+)\n\n```text\n((?:(?!```).*\n)+)```\n\n- Characters: (\d+)(?: of (\d+))?\n(?:- From: (.+)\n)?"
    return [
        Copied(
            name=name,
            text=text.rstrip("\n"),
            count=int(count),
            most=int(most) if most else None,
            sources=tuple(re.findall(r"`(.+?)`", origin)),
        )
        for name, text, count, most, origin in re.findall(box, page, re.MULTILINE)
    ]


def part_of(page: str, heading: str) -> str:
    """What stands below a heading of the second level, up to the next one."""
    return page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def not_in(draft: str, told: list[str]) -> list[str]:
    """The sentences that the draft does not have, word for word."""
    whole = f" {key(' '.join(read_page(draft).sentences))} "
    return [one for one in told if f" {key(one)} " not in whole]


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    found = Ran(tmp_path_factory.mktemp("launch"), {"pipeline": "launch-package"})
    yield found
    found.end()


# -- launch-package -----------------------------------------------------------------------------------------------


def test_all_branches_are_done_before_the_last_step_begins(launched: Ran) -> None:
    for record in launched.tasks.values():
        assert record["status"] == "completed" and record["pending_branches"] == []
        done = {label: (one["agent"], one["status"]) for label, one in record["branches"].items()}
        assert done == {label: (name, "completed") for label, (name, _) in BRANCHES.items()}
        last = record["pipeline"][-1]
        assert last["agent"] == "humanizer"
        assert max(one["completed_at"] for one in record["branches"].values()) <= last["started_at"]
    assert not launched.events("agent_crashed")


def test_each_time_a_branch_is_done_it_leaves_a_version_of_its_own(launched: Ran) -> None:
    done: dict[tuple[str, str], list[str]] = {(task, label): [] for task in launched.tasks for label in BRANCHES}
    for event in launched.events("branch_completed"):
        done[event["task"], event["data"]["branch"]].append(event["data"]["outputs"][0])
    for (task, label), outputs in done.items():
        folder = BRANCHES[label][1]
        names = [task] + [f"{task}.v{number}" for number in range(2, len(outputs) + 1)]
        assert outputs == [f"{folder}/{name}.md" for name in names]
        assert outputs[-1] == launched.path(folder, task)
        assert [path for path in outputs if not (launched.folder / path).is_file()] == []


def test_a_draft_that_is_sent_back_makes_its_branches_do_their_work_again(launched: Ran) -> None:
    sent_back = {event["task"] for event in launched.events("revision_requested")}
    assert sent_back and set(launched.tasks) - sent_back, "some drafts are sent back, some are not"
    done: dict[str, int] = {}
    for event in launched.events("branch_completed"):
        done[event["task"]] = done.get(event["task"], 0) + 1
    assert {task for task, count in done.items() if count > len(BRANCHES)} <= sent_back
    for task in sent_back:
        written = launched.tasks[task]["pipeline"][1]["completed_at"]
        assert all(one["started_at"] >= written for one in launched.tasks[task]["branches"].values())


@pytest.mark.parametrize("label", [label for label in BRANCHES if label != "Hero image"])
def test_what_a_branch_says_stands_in_the_draft_and_fits(launched: Ran, label: str) -> None:
    for task in launched.tasks:
        draft, page = launched.text("drafts", task), launched.text(BRANCHES[label][1], task)
        found = copied(page)
        assert found and [one.count for one in found] == [spoken_length(one.text) for one in found]
        assert [one.name for one in found if one.most is not None and one.count > one.most] == []
        told = [sentence for one in found if one.sources for sentence in one.sentences]
        assert told and not_in(draft, told) == []
        assert len({key(one) for one in told}) == len(told), "no sentence twice"


def test_what_is_invented_would_be_seen(launched: Ran) -> None:
    assert not_in(launched.text("drafts", "bread-002"), ["Rye bread is made on the moon."]) != []


@pytest.mark.parametrize("label", list(BRANCHES))
def test_a_branch_names_the_article_and_sources_that_the_draft_has(launched: Ran, label: str) -> None:
    titles = {source.path: source.title for source in launched.sources}
    for task, keyword in KEYWORDS.items():
        draft, page = read_page(launched.text("drafts", task)), launched.text(BRANCHES[label][1], task)
        assert page.startswith(f"# {page[2:].partition(':')[0]}: {draft.title}\n\n- Task: `{task}`\n")
        assert f"- Article: `{launched.path('drafts', task)}`\n- Keyword: {keyword}\n" in page
        listed = re.findall(r"^- (.+) \(`(.+)`\)$", part_of(page, "Sources"), re.MULTILINE)
        assert listed and all(titles[path] == title for title, path in listed)
        assert {path for _, path in listed} <= set(draft.sources)
        assert {path for one in copied(page) for path in one.sources} <= {path for _, path in listed}


def test_the_posts_are_five_that_lead_to_the_article(launched: Ran) -> None:
    for task in launched.tasks:
        posts = copied(launched.text("assets/social", task))
        assert [(one.name, one.most) for one in posts] == [
            ("X, post 1", 280),
            ("X, post 2", 280),
            ("X, post 3", 280),
            ("Facebook", 500),
            ("LinkedIn", 1300),
        ]
        assert all(one.text.count(URL) == 1 for one in posts)
        assert re.fullmatch(r"#\w+( #\w+){0,2}", posts[-1].text.rpartition("\n")[2])
        assert len(posts[-1].text.partition("\n")[0]) <= 200


def test_the_excerpt_is_one_to_be_sent(launched: Ran) -> None:
    for task in launched.tasks:
        *subjects, preview, body = copied(launched.text("assets/email", task))
        assert len(subjects) == 3 and {one.most for one in subjects} == {50}
        assert len({key(one.text) for one in subjects}) == 3
        assert 35 <= preview.count <= 110
        assert 80 <= sum(len(words(one)) for one in body.sentences) <= 150
        assert body.text.endswith(f"\n\nRead the article: {URL}")


def test_the_mails_are_three_with_a_subject_a_preview_and_a_text(launched: Ran) -> None:
    for task in launched.tasks:
        page = launched.text("assets/email/sequences", task)
        assert re.findall(r"^## Mail .+$", page, re.MULTILINE) == [
            f"## Mail {number}, day {day}" for number, day in ((1, 0), (2, 3), (3, 7))
        ]
        mails = copied(page)
        assert [one.name for one in mails] == ["Subject", "Preview", "Body"] * 3
        for body in mails[2::3]:
            assert 40 <= sum(len(words(one)) for one in body.sentences) <= 140
            assert body.text.count(URL) == 1


def test_a_question_in_a_subject_line_is_answered_in_the_mail(launched: Ran) -> None:
    asked = 0
    for task in launched.tasks:
        article = Article(launched.text("drafts", task), launched.sources, KEYWORDS[task])
        answers = {one.sentences[0].text: one.sentences[1].text for one in article.passages if one.is_question}
        mails = copied(launched.text("assets/email/sequences", task))
        for subject, body in zip(mails[::3], mails[2::3], strict=True):
            if subject.text in answers:
                asked += 1
                assert body.text.startswith(answers[subject.text])
    assert asked, "the example's drafts ask at least one question"


def test_the_landing_page_can_be_published_as_it_is(launched: Ran) -> None:
    button = f"[Read the article]({URL})"
    for task in launched.tasks:
        text, draft = launched.text("landing-pages", task), launched.text("drafts", task)
        page = part_of(text, "Page")
        title, description = copied(text)
        assert (title.most, description.most) == (60, 155) and description.count >= 60
        assert page.count(button) == 2 and "```" not in page
        (headline,) = re.findall(r"^# (.+)$", page, re.MULTILINE)
        assert len(headline) <= 60
        plain = re.sub(r"\*\*(.+?)\*\*|^[#-]+ .*$|^\[Read.*$", r"\1", page, flags=re.MULTILINE)
        told = [one for line in plain.splitlines() for one in sentences(line)]
        assert not_in(draft, told) == [] and len({key(one) for one in told}) == len(told)
        assert key(description.text) not in {key(one) for one in told}
        assert 3 <= len(re.findall(r"^### ", page, re.MULTILINE)) <= 6
        assert 150 <= len(words(page)) <= 450


def test_below_a_heading_that_asks_stands_the_answer(launched: Ran) -> None:
    asked = 0
    for task in launched.tasks:
        draft, page = launched.text("drafts", task), launched.text("landing-pages", task)
        for heading in re.findall(r"^### (.+\?)$", page, re.MULTILINE):
            asked += 1
            first = sentences(page.partition(f"### {heading}\n\n")[2].partition("\n")[0])[0]
            assert f"## {heading}\n\n{first}" in draft
    assert asked, "the example's drafts have such a heading"


def test_the_ads_have_texts_for_three_networks_and_say_what_is_missing(launched: Ran) -> None:
    wanted = {"Search": (8, 4), "Facebook and Instagram": (2, 2), "LinkedIn": (1, 1)}
    for task, keyword in KEYWORDS.items():
        page = launched.text("ads", task)
        for network, counts in wanted.items():
            found = copied(part_of(page, network) + "\n")
            heads = [one.text for one in found if one.name.startswith("Headline")]
            texts = [one for one in found if not one.name.startswith("Headline")]
            assert len(texts) == counts[1]
            assert len(set(heads)) == len(heads) >= min(5, counts[0])
            gap = f"- {network}: {len(heads)} of {counts[0]} of the kind 'Headline'; nothing else is short enough\n"
            assert (len(heads) < counts[0]) == (gap in page)
        assert keyword in page.lower().partition("## search")[2].partition("### description")[0]


def test_the_hero_image_has_three_ideas_and_a_card_with_the_title(launched: Ran) -> None:
    for task, keyword in KEYWORDS.items():
        draft, page = launched.text("drafts", task), launched.text("assets/images", task)
        ideas = re.findall(r"^- Says: (.+) \(`.+`\)\n- Prompt: (.+)\n- Alt text: (.+)$", page, re.MULTILINE)
        assert len(ideas) == len({says for says, _, _ in ideas}) == 3
        for says, prompt, alt in ideas:
            assert not_in(draft, sentences(says)) == []
            shown = re.split(r", | and ", re.search(r" of (.+?), as a photograph", prompt)[1])  # type: ignore[index]
            assert shown[0] == keyword and [one for one in shown if one.lower() not in draft.lower()] == []
            assert keyword in alt.lower() and len(alt) <= 125
        _, path = launched.outputs("assets/images", task)
        card = ElementTree.fromstring((launched.folder / path).read_text("utf-8"))
        title = read_page(draft).title
        assert (card.get("width"), card.get("height"), card.findtext(f"{SVG}title")) == ("1200", "630", title)
        lines = [one.text or "" for one in card.iter(f"{SVG}text")]
        assert key(" ".join(lines)) == key(title)
        assert all(float(one.get("font-size", 0)) >= 32 for one in card.iter(f"{SVG}text"))


def test_the_manifest_lists_what_the_branches_made(launched: Ran) -> None:
    listed = {one["path"] for one in json.loads((launched.folder / "manifest.json").read_text())["files"]}
    made = {path for event in launched.events("branch_completed") for path in event["data"]["outputs"]}
    assert len(made) >= len(KEYWORDS) * (len(BRANCHES) + 1), "a file of each branch, and a card"
    assert made - listed == set()


def test_the_same_draft_gives_the_same_files_again(launched: Ran) -> None:
    # Each agent was a process of its own, with another hash seed than this one.
    for task, keyword in KEYWORDS.items():
        path = launched.path("drafts", task)
        article = Article(launched.text("drafts", task), launched.sources, keyword)
        for name, folder in BRANCHES.values():
            module, more = agent(name), []
            if name == "image-director":
                more = launched.outputs(folder, task)[1:]
                assert module.card_of(article) == (launched.folder / more[0]).read_text("utf-8")
            make = module.excerpt_of if name == "content-repurposer" else module.page_of
            assert make(article, path, task, *more) == launched.text(folder, task)
    assert {name for name, _ in BRANCHES.values()} == set(BESIDE)


# -- full-content-production, and what is wanted of it ------------------------------------------------------------


def test_what_is_not_wanted_is_not_made_and_the_rest_is(tmp_path: Path) -> None:
    changes = {
        "pipeline": "full-content-production",
        "target_article_count": "1",
        "seed_keywords": "[rye bread]",
        "deliverables": "{social_posts: false, hero_image: true}",
    }
    ran = Ran(tmp_path, changes)
    ran.end()
    (record,) = ran.tasks.values()
    done = {label: one["status"] for label, one in record["branches"].items()}
    assert done == {"Hero image": "completed", "Email excerpt": "completed"}
    assert sorted(path.name for path in (ran.folder / "assets").iterdir()) == ["email", "images"]
    assert ran.text("assets/email", "bread-001").startswith("# Email excerpt: Rye bread")
    assert "<title>Rye bread" in (ran.folder / ran.outputs("assets/images", "bread-001")[1]).read_text()
    assert ran.text("final", "bread-001").startswith("# Rye bread")
    assert record["status"] == "completed"


# -- audience-discovery -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def discovered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    found = Ran(tmp_path_factory.mktemp("audience"), example="bread-buyers")
    yield found
    found.end()


TASK = "bread-buyers-001"
PLACE = r"^- (.+) \(`(.+)`, sentence (\d+)\)$"


def misplaced(ran: Ran, page: str) -> list[str]:
    """The statements of a page that do not stand where it says."""
    known = {(one.source, one.number): one.text for source in ran.sources for one in source.sentences}
    found = re.findall(PLACE, page, re.MULTILINE)
    return [text for text, source, number in found if known.get((source, int(number))) != text]


def test_audience_discovery_goes_to_its_end(discovered: Ran) -> None:
    record = discovered.tasks[TASK]
    assert (record["status"], [step["agent"] for step in record["pipeline"]]) == (
        "completed",
        ["serp-analyzer", "audience-researcher", "audience-enricher"],
    )
    outputs = [step["result"]["outputs"] for step in record["pipeline"]]
    assert outputs == [[f"{folder}/{TASK}.md"] for folder in ("research/serp", "research", "briefs")]
    assert not discovered.events("agent_crashed")


@pytest.mark.parametrize("folder", ["research/serp", "research", "briefs"])
def test_every_statement_stands_where_it_is_said_to(discovered: Ran, folder: str) -> None:
    page = discovered.text(folder, TASK)
    assert len(re.findall(PLACE, page, re.MULTILINE)) >= 5 and misplaced(discovered, page) == []
    assert misplaced(discovered, "- Invented. (`sources/survey.md`, sentence 1)\n") == ["Invented."]


def test_the_pages_are_compared_and_nothing_is_said_about_places(discovered: Ran) -> None:
    page = discovered.text("research/serp", TASK)
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \| (\d+) \| (\d+) \| (\d+) \|$", page, re.MULTILINE)
    assert [(path, title, int(count)) for path, title, count, _, _ in rows] == [
        (source.path, source.title, source.count) for source in discovered.sources
    ]
    assert "| crust | 3 | 5 |" in page
    assert "- How do you make the crust so dark? (`sources/reviews.md`" in page
    assert "- Not known: places in results, search volumes and dates" in page


def test_groups_that_are_asked_for_come_first_and_others_are_found(discovered: Ran) -> None:
    page = discovered.text("research", TASK)
    names = re.findall(r"^### \d\. (.+)$", page, re.MULTILINE)
    assert names[:2] == ["beginners", "restaurants"] and {"Customers", "Parents"} <= set(names[2:]) <= {
        "Customers", "Parents", "Children", "Visitors", "People",
    }  # fmt: skip
    parents = page.partition(". Parents\n")[2].partition("\n### ")[0]
    assert "**Core desires**\n\n- Parents need bread that is still soft on the third day." in parents
    assert "**Pain points**\n\n- Many parents complain about that" in parents
    assert re.search(r"^- Parents: nothing on .*fears", part_of(page, "Gaps"), re.MULTILINE)


def test_a_profile_has_every_field_with_its_strength_and_a_question_where_nothing_is_known(discovered: Ran) -> None:
    research, page = discovered.text("research", TASK), discovered.text("briefs", TASK)
    fields = list(agent("audience-enricher").ASK)
    profiles = re.split(r"^## \d\. ", page.partition("\n## Questions to ask\n")[0], flags=re.MULTILINE)[1:]
    assert [one.partition("\n")[0] for one in profiles] == re.findall(r"^### \d\. (.+)$", research, re.MULTILINE)
    questions = part_of(page, "Questions to ask")
    for profile in profiles:
        name = profile.partition("\n")[0]
        found = re.findall(r"^### (.+): (strong|weak|no proof)\n\n(.+)$", profile, re.MULTILINE)
        assert [field for field, _, _ in found] == fields
        assert all((strength == "no proof") == (first == "- not known") for _, strength, first in found)
        asked = [field for field, strength, _ in found if strength == "no proof"]
        assert re.findall(rf"^- {name}, (.+?): .+\?$", questions, re.MULTILINE) == [field.lower() for field in asked]


def test_what_the_audience_agents_wrote_becomes_focus_groups(discovered: Ran) -> None:
    product = discovered.example / "product.yaml"
    product.write_text("project: bakery\nslug: sourdough\nname: Sourdough loaf\n")
    discovered.answer("product.py", "create", str(product))
    found, profiles = (
        discovered.answer("focus_group.py", "import", str(discovered.folder / path), "--product", "sourdough")
        for path in (discovered.path("research", TASK), discovered.path("briefs", TASK))
    )

    assert found["created"] == profiles["updated"] == ["beginners", "restaurants", *found["created"][2:]]
    assert [one["ignored"] for one in profiles["groups"]] == [[]] * len(profiles["groups"])
    beginners = discovered.answer("focus_group.py", "show", "beginners")
    assert (beginners["number"], beginners["source"]) == (1, "researched")
    assert beginners["last_enriched"] == beginners["updated_at"] > beginners["created_at"]
    assert beginners["missing"] == [
        "nickname", "category", "demographics", "beliefs", "objections", "emotional_triggers",
    ]  # fmt: skip
    page = discovered.text("briefs", TASK)
    assert all(f"- {item} (`sources/" in page for item in beginners["fears"] + beginners["core_desires"])
    assert f"- {beginners['language_patterns'][0]}: " in page
