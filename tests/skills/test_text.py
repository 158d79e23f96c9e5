"""What the offline agents do with text: sentences, phrases, ranking, readability, notes, cuts. Pure functions, all."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "skills"))
from _offline import clauses, notes
from _offline.briefs import brief_from
from _offline.notes import Plan, plan_from
from _offline.outline import Run, best_run, opening_of, parts_of
from _offline.pages import listed, ranges, read_page
from _offline.phrases import distinct, key_phrases, phrase_from
from _offline.ranking import Weights, choose, cosine, lexrank
from _offline.readability import BUILT_IN, MISSING, by_rule, readability, syllables
from _offline.sources import READ_BYTES, Sentence, Trouble, read_sources, source_from
from _offline.text import is_whole, leans_back, paragraphs, sentences, stem, terms, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One is here. Two is there! Is three?", ["One is here.", "Two is there!", "Is three?"]),
        ("Dr. Smith paid 3.50 for it. It was cheap.", ["Dr. Smith paid 3.50 for it.", "It was cheap."]),
        ("L. Pasteur saw it. So did J. Doe.", ["L. Pasteur saw it.", "So did J. Doe."]),
        ("Cool it, e.g. in ice. Then eat.", ["Cool it, e.g. in ice.", "Then eat."]),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ("It is at 4 degrees. 20 grams are enough.", ["It is at 4 degrees.", "20 grams are enough."]),
        ("no end", ["no end"]),
        ("", []),
    ],
)
def test_sentences_end_where_a_reader_says_so(text: str, found: list[str]) -> None:
    assert sentences(text) == found


def test_only_prose_is_left_of_a_markdown_file() -> None:
    page = (
        "---\ntitle: x\n---\n# Head\n\nOne *line*\nand [more](http://x).\n\n| a | b |\n|---|---|\n\n```\ncode.\n```\n"
        "- An item with `code`. [1]\n- Another\n  one.\n\n> Said so.\n\n---\n\n<!-- no -->\nThe snake_case stays."
    )
    assert paragraphs(page) == [
        "One line and more.",
        "An item with code.",
        "Another one.",
        "Said so.",
        "The snake_case stays.",
    ]


@pytest.mark.parametrize(
    ("forms", "shared"),
    [
        (("bake", "bakes", "baked", "baking"), "bak"),
        (("loaf", "loaves", "Loaf's"), "loaf"),
        (("berry", "berries"), "berry"),
        (("cut", "cuts", "cutting"), "cut"),
        (("roll", "rolls", "rolled", "rolling"), "roll"),
        (("need", "needs", "needed"), "need"),
        (("gas",), "gas"),
        (("spring",), "spring"),
    ],
)
def test_the_forms_of_a_word_have_one_stem(forms: tuple[str, ...], shared: str) -> None:
    assert {stem(form) for form in forms} == {shared}


def test_words_and_terms() -> None:
    assert words("The baker's well-known 1,500 loaves, don’t ask") == [
        "the", "baker's", "well-known", "1,500", "loaves", "don't", "ask",
    ]  # fmt: skip
    assert terms("The yeast of the loaves is not there") == ["yeast", "loaf"]


@pytest.mark.parametrize(
    "text",
    [
        "It is sour.",
        "But they rise.",
        "When it is ripe, bake.",
        "The same is true of rye.",
        "For example, salt.",
        "Some of them die.",
    ],
)
def test_a_sentence_that_leans_on_another_is_seen(text: str) -> None:
    assert leans_back(text)


@pytest.mark.parametrize("text", ["Salt slows the yeast.", "When bread cools, it stales.", "The crust is dry."])
def test_a_sentence_that_stands_alone_is_seen(text: str) -> None:
    assert not leans_back(text)


def test_only_whole_sentences_count() -> None:
    assert all(map(is_whole, ["The crust is dry.", '"The crust is dry!"', "Acid helps."]))
    assert not any(map(is_whole, ["the crust is dry.", "The crust is dry", "Dry.", "The crust (is dry."]))


BREAD = [
    "Nobody forgets a sourdough starter.",
    "Heat wakes the sourdough starter in the fridge.",
    "Bakers stir the yeast into warm water.",
    "The yeast, in warm water, eats the sugar.",
    "Sugar is what feeds the yeast, and it rests.",
]


def test_key_phrases_come_back_and_are_nouns() -> None:
    found = {phrase.text: phrase.count for phrase in key_phrases(BREAD)}
    assert found["sourdough starter"] == 2 and found["warm water"] == 2 and found["yeast"] == 3
    assert not {"rests", "fridge", "water", "sugar"} & set(found), "verbs, and what does not come back"


def test_names_keep_their_capital_and_the_commoner_form_is_shown() -> None:
    texts = [
        "They live in eastern Europe.",
        "The loaves of eastern Europe.",
        "Loaves rest; the loaves rest; a loaf too.",
    ]
    assert {"eastern Europe", "loaves"} & {phrase.text for phrase in key_phrases(texts)} == {"eastern Europe"}


def test_of_phrases_that_hold_each_other_one_is_kept_and_hidden_ones_go() -> None:
    found = [phrase_from(text) for text in ("rye bread", "bread", "dark rye bread", "starch", "rye")]
    assert [phrase.text for phrase in distinct(found, 9)] == ["rye bread", "starch"]
    assert [phrase.text for phrase in distinct(found, 1, hidden=found[0].stems)] == ["dark rye bread"]


def test_rare_words_weigh_more_and_likeness_is_between_0_and_1() -> None:
    weights = Weights([terms(text) for text in BREAD])
    assert weights.of("fridg") > weights.of("yeast") > 0
    one, other = (weights.vector(terms(text)) for text in (BREAD[3], BREAD[4]))
    assert cosine(one, one) == pytest.approx(1.0) and 0 < cosine(one, other) < 1
    assert cosine(one, {}) == 0.0 and weights.vector([]) == {}


def test_the_sentence_in_the_middle_of_all_ranks_first() -> None:
    weights = Weights([terms(text) for text in BREAD])
    ranks = lexrank([weights.vector(terms(text)) for text in [*BREAD, "Nothing like them, a comet."]])
    assert max(ranks) == 1.0 and ranks[-1] == min(ranks) and lexrank([]) == []


def test_choosing_prefers_what_is_new_until_it_is_enough() -> None:
    vectors = [{"a": 1.0}, {"a": 1.0}, {"b": 1.0}]
    assert choose([1.0, 0.9, 0.5], vectors, is_enough=lambda chosen: len(chosen) == 2) == [0, 2]
    assert choose([1.0, 0.0, 0.5], vectors, is_enough=lambda chosen: False) == [0, 2]
    barred = choose([1.0, 0.9, 0.5], vectors, is_enough=lambda chosen: False, allowed=lambda place, chosen: place != 0)
    assert barred == [1, 2]


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("bread", 1),
        ("baked", 1),
        ("table", 2),
        ("bubbles", 2),
        ("fermentation", 4),
        ("radio", 3),
        ("being", 2),
        ("the", 1),
        ("wanted", 2),
    ],
)
def test_syllables_are_counted_by_rule(word: str, count: int) -> None:
    assert syllables(word) == count


def test_easy_text_has_more_ease_and_a_lower_grade_than_hard_text() -> None:
    easy = by_rule("The cat sat on the mat. The dog ran to the cat.")
    hard = by_rule(
        "Notwithstanding considerable methodological heterogeneity, institutional stakeholders prioritised it."
    )
    assert easy.ease > 90 > 20 > hard.ease and easy.grade < hard.grade
    assert by_rule("").ease == 100.0
    assert readability("The cat sat on the mat.", library=False).measure == BUILT_IN


@pytest.mark.parametrize(("needs", "measure"), [("", "textstat 9.1"), ("Requires-Dist: nltk\n", MISSING)])
def test_a_library_counts_unless_it_would_fetch_its_dictionary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needs: str, measure: str
) -> None:
    (tmp_path / "textstat.py").write_text(
        "flesch_reading_ease = lambda text: 61.25\nflesch_kincaid_grade = lambda text: 7.0\n"
    )
    (tmp_path / "nltk").mkdir()
    (tmp_path / "nltk/__init__.py").touch()
    (tmp_path / "nltk/data.py").write_text("def find(name):\n    raise LookupError(name)\n")
    (tmp_path / "textstat-9.1.dist-info").mkdir()
    metadata = f"Metadata-Version: 2.1\nName: textstat\nVersion: 9.1\n{needs}"
    (tmp_path / "textstat-9.1.dist-info/METADATA").write_text(metadata)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("textstat", "nltk", "nltk.data"):
        monkeypatch.setitem(sys.modules, name, None)  # so that what is imported here is forgotten at the end
        del sys.modules[name]
    found = readability("The cat sat on the mat. The dog ran to the cat.")
    assert found.measure == measure
    assert (found.ease == 61.2) is (measure != MISSING)


def test_the_library_of_the_extra_measures_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = re.search(r"^textstat==(.+)$", (ROOT / "requirements-readability.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("it asked the network"))
    text = "The cat sat on the mat. Fermentation is the slow part of baking."
    found, own = readability(text), by_rule(text)
    assert found.measure == f"textstat {pinned[1]}"
    assert abs(found.ease - own.ease) < 15, "both are Flesch's formula"


LONG = (
    "A starter that stood in the cold for two months looks grey and smells of solvent, but it is seldom dead, and two "
    "feeds that warm it usually bring it back; the baker has only lost a day."
)


def test_a_long_sentence_is_cut_between_its_clauses_and_no_word_changes() -> None:
    verbs = clauses.verbs_in([LONG, "They bring it. It looks grey."])
    pieces = clauses.cut(LONG, 12, verbs)
    assert pieces == [
        "A starter that stood in the cold for two months looks grey and smells of solvent.",
        "But it is seldom dead.",
        "Two feeds that warm it usually bring it back.",
        "The baker has only lost a day.",
    ]
    assert clauses.cut(LONG, 99, verbs) == [LONG]


def test_a_list_is_not_cut() -> None:
    text = "The line leads through a warm stage, a cool stage in which acid is made, and a last stage for taste."
    assert clauses.cut(text, 8, clauses.verbs_in([text])) == [text]


def test_short_sentences_are_joined_and_names_keep_their_capital() -> None:
    assert clauses.joined("Salt helps.", "The dough rises.", frozenset()) == "Salt helps; the dough rises."
    names = clauses.names_in(["It was Pasteur who saw it."])
    assert clauses.joined("Many looked.", "Pasteur saw.", names) == "Many looked; Pasteur saw."


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("", Plan()),
        (notes.too_short(300, 500), Plan(words=600, longest=40, is_wide=True, did=("aimed at 600 words",))),
        (notes.too_short(300, 900), Plan(words=1008, longest=40, is_wide=True, did=("aimed at 1008 words",))),
        (notes.too_long(900, 400), Plan(words=357, longest=40, is_wide=True, did=("aimed at 357 words",))),
        ("Too short.", Plan(words=900, longest=40, is_wide=True, did=("aimed at 900 words",))),
        (notes.few_sources(1, 4, ["a.md"]), Plan(sources=4, longest=40, is_wide=True, did=("used at least 4 sources",))),
        (notes.few_sections(1, 3), Plan(longest=40, is_wide=True, did=("made at least 3 sections",))),
        (notes.long_sentence("It is.", 50, 35), Plan(longest=35, is_wide=True, did=("no sentence of more than 35 words",))),
        (notes.hard_to_read(30, 50), Plan(longest=30, is_wide=True, did=("no sentence of more than 30 words",))),
        (notes.missing_topics(["salt"]), Plan(longest=40, is_wide=True, topics=("salt",), did=("looked for salt",))),
        ("I do not like it.", Plan(longest=40, is_wide=True)),
    ],
)  # fmt: skip
def test_the_writer_understands_what_the_reviewer_writes(text: str, plan: Plan) -> None:
    assert plan_from(text) == plan


def test_several_notes_are_all_understood() -> None:
    text = (
        f"(1) {notes.too_short(9, 500)} (2) {notes.few_sources(1, 3, [])} (3) {notes.long_sentence('A b c.', 60, 40)}"
    )
    plan = plan_from(text)
    assert (plan.words, plan.sources, plan.longest, len(plan.did)) == (600, 3, 40, 3)


def test_a_page_is_read_back_whoever_wrote_it() -> None:
    page = read_page(
        "# A title\n\nIt begins. It goes on. [1]\n\n## One\n\n- An item is here.\n\n## Empty\n\n"
        "## Sources\n\n1. Rye (`sources/rye.md`): 3\n2. sources/oven-and-crust.md.\n"
    )
    assert page.title == "A title"
    assert page.lead.sentences == ("It begins.", "It goes on.")
    assert [(section.heading, section.sentences) for section in page.sections] == [("One", ("An item is here.",))]
    assert page.sources == ("sources/rye.md", "sources/oven-and-crust.md")
    assert page.count == 9


def test_a_brief_by_another_hand_is_understood_and_the_task_helps_out() -> None:
    brief = brief_from(
        "**Keyword:** *rye bread*\n\n## Key phrases\n\n- starch (5)\n- rye flour: much\n\n## Rest\n- no\n", "x"
    )
    assert brief.keyword.text == "rye bread"
    assert [phrase.text for phrase in brief.phrases] == ["starch", "rye flour"]
    assert brief_from("", "the crust").keyword.stems == ("crust",)
    with pytest.raises(Trouble):
        brief_from("", "...")


def test_words_for_lists_and_ranges() -> None:
    assert [listed(one) for one in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    assert ranges([3, 1, 2, 7, 9, 8, 7]) == "1-3, 7-9"


def scored(text: str, *high: int) -> tuple[Sequence[Sentence], dict[Sentence, float]]:
    """A source of one paragraph, and a score of 1 for the sentences with these numbers."""
    found = source_from("sources/a.md", text).sentences
    return found, {one: float(one.number in high) for one in found}


@pytest.mark.parametrize(
    ("text", "high", "numbers"),
    [
        ("Rye is a grass. It is hardy. The moon is far.", (1, 2), (1, 2)),
        ("The moon is far. Rye is a grass. Rye is hardy.", (2, 3), (2, 3)),
        ("The moon is far. It shines. Rye is a grass.", (2, 3), (1, 2, 3)),
        ("Rye is old. What does rye need? Rye needs acid.", (1, 2), (1, 2, 3)),
        ("Rye is old. Rye is dear. But not everywhere.", (1, 2), (1, 2, 3)),
        ("What does rye need? Rye needs acid. Rye is old.", (2, 3), (1, 2, 3)),
        ("Rye is old. Buy (now. Rye is dear.", (1, 3), None),
        ("Rye is a grass that is as old as bread and grows in the cold.", (1,), (1,)),
        ("Rye is a grass.", (1,), None),
    ],
    ids=[
        "a beginning",
        "a part that needs no beginning",
        "a part that leans on its beginning brings it",
        "a question gets its answer",
        "what limits a claim goes with it",
        "an answer keeps its question",
        "nothing is passed over in silence",
        "one long sentence",
        "one short sentence",
    ],
)
def test_a_run_can_be_understood_without_what_was_left_out(
    text: str, high: tuple[int, ...], numbers: tuple[int, ...] | None
) -> None:
    paragraph, scores = scored(text, *high)
    found = best_run(paragraph, scores, lambda one: True, 0.3)
    assert (tuple(one.number for one in found[0].sentences) if found else None) == numbers


def test_an_introduction_ends_where_a_paragraph_can_be_left() -> None:
    paragraph, _ = scored("Rye is a grass. Many say it is a weed. But they are wrong. It is eaten.")
    assert [len(opening_of(paragraph, least, 40)) for least in (3, 6, 99)] == [1, 3, 4]


def run_of(text: str, place: int = 1) -> Run:
    blank = "Nothing is here.\n\n" * (place - 1)
    found = source_from("sources/a.md", f"# Bread\n\n{blank}{text}\n").sentences
    return Run(sentences=tuple(one for one in found if one.paragraph == place))


def parts(*texts: str, fewest: int = 2) -> list[tuple[str, list[int]]]:
    """The headings of these paragraphs, and how many sentences stand in each paragraph below them."""
    runs = [run_of(text, place) for place, text in enumerate(texts, 1)]
    weights = Weights([one.terms for run in runs for one in run.sentences])
    offered = key_phrases([one.text for run in runs for one in run.sentences])
    found = parts_of(
        runs, weights, phrase_from("bread"), offered=offered, titles={"sources/a.md": "Bread"}, fewest=fewest
    )
    return [(part.heading, [len(paragraph) for paragraph in part.paragraphs]) for part in found]


def test_a_section_is_headed_by_the_question_or_the_statement_it_begins_with() -> None:
    assert parts(
        "Where does the yeast come from? The yeast comes with the grain. A little yeast is in the air.",
        "The crust is the best of it. Heat makes the crust brown. Steam makes the crust shine.",
    ) == [("Where does the yeast come from?", [2]), ("The crust is the best of it", [2])]


def test_a_section_is_headed_by_what_is_told_in_it_where_its_first_sentence_is_no_heading() -> None:
    assert parts(
        "In a warm room the sour yeast grows, and nobody sees the yeast. The yeast eats sugar. All of the yeast is alive.",
        "In a hot oven the crust gets hard, and then the crust cracks. Salt is good for the crust. Cover the crust.",
        fewest=2,
    ) == [("Bread", [3]), ("crust", [3])]


def test_the_sources_own_headings_are_kept() -> None:
    text = (
        "# Bikes\n\n## Brakes\n\nRim brakes are cheap. Disc brakes are strong.\n\n## Gears\n\nGears help. Gears rust.\n"
    )
    found = source_from("sources/a.md", text).sentences
    runs = [Run(sentences=tuple(one for one in found if one.paragraph == place)) for place in (1, 2)]
    weights = Weights([one.terms for one in found])
    assert [part.heading for part in parts_of(runs, weights, phrase_from("bike"), fewest=1)] == ["Brakes", "Gears"]


def test_the_items_of_a_list_are_one_paragraph() -> None:
    text = "Of two kinds:\n\n- Rim brakes are cheap.\n- Drum brakes\n- Disc brakes are strong.\n\nBoth wear out soon.\n"
    found = [(one.paragraph, one.number) for one in source_from("sources/a.md", text).sentences]
    assert found == [(2, 2), (2, 4), (3, 5)]


@pytest.mark.parametrize(
    ("text", "is_read"),
    [
        ("The bread is made of rye and it is dark. " * 9, True),
        ("Das Brot ist aus Roggen und sehr dunkel. " * 9, False),
        ("Das Brot ist dunkel.", True),
    ],
    ids=["English", "German", "too little to tell"],
)
def test_a_source_in_another_language_is_refused_by_name(tmp_path: Path, text: str, is_read: bool) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources/a.md").write_text(text)
    if is_read:
        assert read_sources(tmp_path)[0].path == "sources/a.md"
    else:
        with pytest.raises(Trouble, match=r"^sources/a\.md is not in English"):
            read_sources(tmp_path)


def test_of_a_huge_source_the_beginning_is_read_at_a_word(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources/big.txt").write_text("The dough is warm and soft. " * (READ_BYTES // 20), "utf-8")
    (found,) = read_sources(tmp_path)
    assert found.is_cut and found.title == "Big"
    assert {one.text for one in found.sentences} == {"The dough is warm and soft."}
