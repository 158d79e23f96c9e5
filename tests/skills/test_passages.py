"""What the offline agents take from a draft, and whom they find in sources: pure functions, all."""

from __future__ import annotations

import sys

import pytest
from tests.skills.campaigns import SKILLS

sys.path.insert(0, str(SKILLS))
from _offline.articles import Article, Choice, is_pointing
from _offline.audiences import around, groups_in, told_of
from _offline.lines import URL, hashtags, lowered, place_of, short_lines, spoken_length
from _offline.phrases import phrase_from
from _offline.sources import Source, source_from

DRAFT = """\
# Tea: leaves, water and time

Green tea is dried soon after picking. Black tea is left to oxidise first. [1]

## How hot should the water be?

Water for green tea has about 70 degrees. Boiling water makes green tea bitter. Black tea needs boiling water. [2]

Bottled water is dear. [1]

## Tea keeps for a year

*Words of the editor.*

Tea in a tin keeps its taste for a year. It loses taste in a glass jar. [1, 2]

## Sources

1. Tea (`sources/tea.md`): sentences 1-5
2. Water (`sources/water.md`): sentences 1-4
"""
SOURCES = [
    source_from("sources/tea.md", "# Tea\n\nGreen tea is dried soon after picking. Bottled water is dear.\n"),
    source_from("sources/water.md", "# Water\n\nWater for green tea has about 70 degrees.\n"),
]


@pytest.fixture
def article() -> Article:
    return Article(DRAFT, SOURCES, "green tea")


def test_passages_are_the_drafts_own_without_asides_and_sources(article: Article) -> None:
    assert article.title == "Tea: leaves, water and time"
    assert article.sources == {"sources/tea.md": "Tea", "sources/water.md": "Water"}
    texts = [one.text for one in article.passages]
    assert "Tea in a tin keeps its taste for a year. It loses taste in a glass jar." in texts
    assert not [text for text in texts if "editor" in text or "sentences 1" in text or text.startswith("It loses")]


def test_a_passage_names_the_source_that_has_it_else_those_of_its_paragraph(article: Article) -> None:
    found = {one.text: one.sources for one in article.passages}
    assert found["Water for green tea has about 70 degrees."] == ("sources/water.md",)
    assert found["Boiling water makes green tea bitter."] == ("sources/water.md",)
    assert found["Tea in a tin keeps its taste for a year. It loses taste in a glass jar."] == tuple(article.sources)


def test_what_was_taken_is_not_taken_again_and_its_sources_are_remembered(article: Article) -> None:
    choice = Choice(article)
    taken = []
    while passage := choice.take(200):
        taken += [one.text for one in passage.sentences]
    assert len(taken) == len(set(taken)) >= 6
    assert choice.sources == article.sources
    assert all(choice.is_used(text) for text in taken)


@pytest.mark.parametrize("most", [30, 45, 80])
def test_nothing_is_taken_that_is_longer_than_there_is_room(article: Article, most: int) -> None:
    choice = Choice(article)
    while passage := choice.take(most, least=20):
        assert 20 <= len(passage.text) <= most


def test_below_a_heading_that_asks_the_answer_comes_first(article: Article) -> None:
    heading = "How hot should the water be?"
    choice = Choice(article)
    found = [choice.take(50, heading=heading) for _ in range(2)]
    assert found[0] is not None and found[0].text == "Water for green tea has about 70 degrees."
    assert found[1] is not None and found[1].heading == heading
    assert article.can_stand_under(heading, [found[0]]) and not article.can_stand_under(heading, [found[1]])
    assert article.can_stand_under("Tea keeps for a year", [found[1]])
    assert Choice(article).take(30, heading=heading) is None, "the answer is longer"


@pytest.mark.parametrize(
    "sentence",
    [
        "Both are stirred in.",
        "Water creeps outwards until both are alike, and the crust turns soft.",
        "Few come from the air.",
        "The crumb dries as well.",
    ],
)
def test_a_sentence_that_points_at_another_one_is_seen(sentence: str) -> None:
    assert is_pointing(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Both yeast and bacteria need sugar.",
        "Sugar and acids are made, and a crust needs both to brown.",
        "Few bakers weigh salt.",
        "Acid works as well as salt does.",
    ],
)
def test_a_sentence_that_says_what_it_means_is_seen(sentence: str) -> None:
    assert not is_pointing(sentence)


def test_short_lines_fit_and_differ(article: Article) -> None:
    lines = short_lines(article, Choice(article), 40, 9)
    assert lines and max(map(len, lines)) <= 40 and len(set(lines)) == len(lines)
    assert "Boiling water makes green tea bitter" in lines


def test_a_line_joins_the_keyword_only_with_what_title_or_headings_are_about() -> None:
    draft = """# Rye: starch, and all it does

Rye is full of the starch that feeds us. Bakers mix the starch with salt. The starch, in warm water, binds the loaf.
Bakers weigh the loaf with care. The loaf of rye is dark.
"""
    article = Article(draft, [], "rye")
    assert {"starch", "loaf"} <= {phrase.text for phrase in article.phrases}
    joined = [line for line in short_lines(article, Choice(article), 20, 20) if line.startswith("Rye and ")]
    assert joined == ["Rye and starch"]


def test_a_heading_that_asks_is_no_line_where_no_answer_can_stand_alone() -> None:
    draft = "# Tea\n\nTea is a plant.\n\n## Why is tea bitter?\n\nThey pick it late. Leaves of tea turn bitter then.\n"
    lines = short_lines(Article(draft, [], "tea"), Choice(Article(draft, [], "tea")), 60, 9)
    assert not [line for line in lines if "bitter?" in line]
    answered = draft.replace("They pick it late.", "Late leaves give a strong cup.")
    lines = short_lines(Article(answered, [], "tea"), Choice(Article(answered, [], "tea")), 60, 9)
    assert "Why is tea bitter?" in lines


def test_a_line_is_about_the_section_that_it_comes_from(article: Article) -> None:
    assert place_of("Green tea: how hot should the water be?", article) == "How hot should the water be?"
    assert place_of("Boiling water makes green tea bitter", article) == "How hot should the water be?"
    assert place_of("Something else", article) is None


def test_names_keep_their_capital_after_a_colon() -> None:
    names = frozenset({"Germany"})
    found = [lowered(one, names) for one in ("Germany bakes", "Tea keeps", "I bake", "pH matters", "")]
    assert found == ["Germany bakes", "tea keeps", "I bake", "pH matters", ""]


def test_hashtags_are_words_in_one_and_none_comes_twice() -> None:
    phrases = [phrase_from(text) for text in ("rye bread", "Rye Bread", "wholemeal flour", "a")]
    assert hashtags(phrases, 3) == ["#RyeBread", "#WholemealFlour"]


def test_a_link_counts_as_its_network_counts_it() -> None:
    assert spoken_length(f"Read: {URL}") == len("Read: ") + 23


def voices() -> list[Source]:
    return [
        source_from(
            "sources/a.md",
            "Nurses want bread at six. Nurses like it fresh. Pilots are few. Others want cake. The loaf is like stone.\n\n"
            "Teachers fear mondays. Numbers like these are rare. Teachers say so. What do teachers eat?\n",
        )
    ]


def test_groups_are_words_for_people_that_come_twice_and_those_asked_for_come_first() -> None:
    found = [(group.name, len(group.sentences)) for group in groups_in(voices(), ["pilots"])]
    assert found == [("pilots", 1), ("Teachers", 3)]


def test_who_is_only_people_is_told_last() -> None:
    text = "People buy bread. People eat bread. People like bread. Teachers eat. Teachers drink.\n"
    assert [group.name for group in groups_in([source_from("a", text)])] == ["Teachers", "People"]


def test_what_is_said_of_a_group_goes_under_its_field() -> None:
    (group,) = groups_in(voices(), ["nurses"])[:1]
    assert [one.text for one in told_of(group, "Core desires")] == [
        "Nurses want bread at six.",
        "Nurses like it fresh.",
    ]
    assert told_of(group, "Fears") == []
    text = "Bakers like me read a lot. Bakers like bread.\n"
    (group,) = groups_in([source_from("a", text)])
    assert [one.text for one in told_of(group, "Core desires")] == ["Bakers like bread."]


def test_around_a_group_are_its_whole_paragraphs() -> None:
    group = next(one for one in groups_in(voices()) if one.name == "Teachers")
    assert {one.paragraph for one in around(group, voices())} == {2} and len(around(group, voices())) == 4


def test_names_of_files_are_no_phrases_for_readers() -> None:
    draft = "# Tea\n\nRead the docs/tea.md first. The docs/tea.md, in short, is good. "
    draft += "Open the green cup. The green cup, in short, is full.\n"
    assert [phrase.text for phrase in Article(draft, [], "tea").phrases] == ["green cup"]
