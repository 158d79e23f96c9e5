"""The services that ship: a check of English texts by rule, and a search in sources. Programs, started as they are."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.skills.campaigns import EXAMPLE, SKILLS

sys.path.insert(0, str(SKILLS))
from _offline.search import excerpt_of, passages_of, search
from _offline.slips import long_sentences, passive_count, slips_in
from _offline.text import stem, words

SERVICES = SKILLS / "_offline/services"
SOURCES = EXAMPLE / "sources"


def run(name: str, *arguments: str, cwd: Path | str = "/", **environ: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": "/usr/bin:/bin", "BATON_PYTHON": sys.executable, **environ}
    program = str(SERVICES / f"{name}.py")
    return subprocess.run([program, *arguments], cwd=cwd, env=environ, capture_output=True, text=True, check=False)


def answer(name: str, *arguments: str, cwd: Path | str = "/", **environ: str) -> Any:
    done = run(name, *arguments, cwd=cwd, **environ)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


# -- readability --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("This is is odd.", [("repeated word", "is is")]),
        ("He said that that was so.", []),
        ("It took a hour, an university and a apple.", [("article", "a hour"), ("article", "an university"),
                                                        ("article", "a apple")]),
        ("It is an honest European, a unit, a one-off, an umbrella, a user, an uncle and an unimportant owl.", []),
        ("It could of been alot.", [("spelling", "could of"), ("spelling", "alot")]),
        ("Well , it went on .", [("spacing", "l ,"), ("spacing", "n .")]),
        ("Rye,wheat and 1,000 loaves.", [("spacing", "Rye,wheat")]),
        ("See the oven (below.", [("pair", "See the oven (below.")]),
        ("it begins so. Then it goes on.", [("capital", "it begins so.")]),
        ("- bread\n- salt\n", []),
        ("```\nthis this is code\n```\n\nFine.", []),
    ],
)  # fmt: skip
def test_slips_are_found_by_rule(text: str, found: list[tuple[str, str]]) -> None:
    assert [(slip.kind, slip.text) for slip in slips_in(text)] == found


def test_a_slip_says_where_it_is_and_what_to_write() -> None:
    (slip,) = slips_in("# Title\n\nFirst.\n\nThe the second.\n")
    assert (slip.paragraph, slip.hint) == (2, "write 'The' once")


def test_long_sentences_come_with_the_longest_first() -> None:
    text = f"Short. {'Word ' * 30}word. {'Word ' * 40}word.\n\n{'Word ' * 29}word."
    assert [(one.paragraph, one.count) for one in long_sentences(text)] == [(1, 41), (1, 31)]


def test_sentences_that_look_passive_are_counted() -> None:
    assert passive_count("The bread was baked. It was slowly eaten. She bakes it. It is red.") == 2


def test_the_example_texts_are_measured_and_hardly_a_slip_is_found_in_them() -> None:
    files = sorted(map(str, SOURCES.iterdir()))
    found = answer("readability", *files)["files"]
    assert [one["file"] for one in found] == files
    assert all(40 < one["reading_ease"] < 100 and one["words"] > 300 for one in found)
    assert sum(one["slips"]["count"] for one in found) <= 2


def test_it_says_how_it_is() -> None:
    assert answer("readability", "--health")["language"] == "en"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"# Only a title\n", "has no prose in it"),
        (b"Der Teig ruht eine Stunde, dann kommt er in den heissen Ofen. " * 9, "is not in English"),
        (b"a " * 1_000_001, "is larger than 2000000 bytes"),
    ],
)
def test_what_cannot_be_checked_is_said_and_fails(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "x.md"
    if content is not None:
        path.write_bytes(content)
    done = run("readability", str(path))
    assert (done.returncode, done.stdout, said in done.stderr) == (1, "", True)


def test_without_a_file_it_is_wrong_usage() -> None:
    assert [run("readability", *given).returncode for given in ([], ["--nosuch"])] == [2, 2]


# -- search -------------------------------------------------------------------------------------------------------


def test_the_passage_that_tells_most_comes_first() -> None:
    found = answer("source_search", "acid", "rye", "--limit", "3", cwd=EXAMPLE)
    assert (found["query"], found["passed_over"], len(found["results"])) == ("acid rye", [], 3)
    scores = [one["score"] for one in found["results"]]
    assert scores == sorted(scores, reverse=True)
    assert all("acid" in one["excerpt"].lower() or "rye" in one["excerpt"].lower() for one in found["results"])


def test_words_are_found_in_all_their_forms() -> None:
    texts = passages_of("a.md", "She bakes bread.\n\nHe walks.\n\nBaking takes an hour.\n")
    assert [hit.passage.number for hit in search(texts, "baked", 5)] == [1, 3]


def test_a_rare_word_counts_more_than_a_common_one() -> None:
    texts = passages_of("a.md", "\n\n".join(["Bread is good bread."] * 9 + ["The phytase of bread."]))
    assert search(texts, "bread phytase", 1)[0].passage.number == 10


def test_a_heading_helps_its_paragraphs() -> None:
    texts = passages_of("a.md", "## Salt\n\nIt takes salt.\n\n## Water\n\nIt takes salt.\n")
    assert [(hit.passage.heading, hit.passage.number) for hit in search(texts, "salt", 2)] == [
        ("Salt", 1),
        ("Water", 2),
    ]


@pytest.mark.parametrize("query", ["", "?!", "nothing-of-that"])
def test_what_is_nowhere_is_not_found(query: str) -> None:
    assert search(passages_of("a.md", "Rye bread.\n"), query, 5) == []


def test_a_query_of_words_that_say_nothing_is_still_a_query() -> None:
    assert [hit.passage.number for hit in search(passages_of("a.md", "Rye.\n\nThe and of.\n"), "of the", 5)] == [2]


def test_in_random_texts_every_hit_has_a_wanted_word_and_none_is_missed() -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    vocabulary = ["rye", "wheat", "salt", "water", "oven", "crust", "dough", "starter"]
    for _ in range(50):
        texts = [" ".join(chance.choices(vocabulary, k=chance.randint(1, 30))) for _ in range(20)]
        query = chance.sample(vocabulary, 2)
        passages = passages_of("a.md", "\n\n".join(texts))
        found = {hit.passage.number for hit in search(passages, " ".join(query), 100)}
        assert found == {number for number, text in enumerate(texts, 1) if set(query) & set(text.split())}


def test_an_excerpt_is_the_part_that_has_most_of_the_words() -> None:
    text = "Filler words go on. " * 20 + "Here rye meets acid in the dough. " + "More filler follows here. " * 20
    found = excerpt_of(text, {stem(word): None for word in words("rye acid")})
    assert ("rye meets acid" in found, found[:4], found[-4:], len(found) < 300) == (True, "... ", " ...", True)


def test_a_short_paragraph_is_shown_whole() -> None:
    assert excerpt_of("Rye.", {"rye": None}) == "Rye."


def test_what_is_no_text_is_passed_over_and_named(tmp_path: Path) -> None:
    (tmp_path / "sources/deep").mkdir(parents=True)
    (tmp_path / "sources/deep/a.txt").write_text("Rye bread.")
    (tmp_path / "sources/b.md").write_bytes(b"\xff rye")
    (tmp_path / "sources/c.pdf").write_bytes(b"rye")
    found = answer("source_search", "rye", cwd=tmp_path)
    assert [(one["source"], one["paragraph"]) for one in found["results"]] == [("sources/deep/a.txt", 1)]
    assert found["passed_over"] == [
        {"source": "sources/b.md", "reason": "not UTF-8 text"},
        {"source": "sources/c.pdf", "reason": "no text file"},
    ]


def test_elsewhere_it_looks_in_the_workspace_of_the_run(tmp_path: Path) -> None:
    found = answer("source_search", "phytase", cwd=tmp_path, BATON_WORKSPACE=str(EXAMPLE))
    assert found["results"]


@pytest.mark.parametrize("given", [[], ["x", "--limit", "0"], ["x", "--limit", "101"], ["--nosuch"]])
def test_a_search_for_nothing_is_wrong_usage(given: list[str]) -> None:
    assert run("source_search", *given).returncode == 2


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = run("source_search", "x", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "there is no folder sources: name one with --folder\n")


def test_a_search_in_a_thousand_long_texts_takes_seconds_at_most() -> None:
    texts = [one for number in range(1000) for one in passages_of(f"{number}.md", "Rye bread needs acid. " * 50)]
    assert len(search(texts, "rye acid", 100)) == 100
