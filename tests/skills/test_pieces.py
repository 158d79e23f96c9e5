"""The pieces of a batch, agent by agent: each is made like the output of a task of its own, in the folder of its step."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from _offline import notes
from _offline.pages import read_page
from _offline.text import key
from tests.skills.alone import BESIDE, CREW, Alone


def made(alone: Alone, folder: str) -> list[str]:
    """The names of the pieces of a step."""
    return sorted(file.name for file in (alone.workspace / folder / "x-001").iterdir())


def batch(alone: Alone, count: int, **fields: Any) -> None:
    alone.copy_sources()
    alone.record |= {"pieces": count} | fields


def test_a_batch_of_one_is_a_folder_with_one_piece(alone: Alone) -> None:
    batch(alone, 1)
    for name in CREW:
        assert alone.run(name).returncode == 0, name
    for folder in ("research", "drafts", "reviewed", "final"):
        assert made(alone, folder) == ["01-rye-bread.md"]


def test_pieces_about_one_keyword_look_at_it_from_different_sides(alone: Alone) -> None:
    batch(alone, 3)
    for name in ("keyword-researcher", "content-writer"):
        assert alone.run(name).returncode == 0, name
    drafts = [alone.workspace / "drafts/x-001" / name for name in made(alone, "drafts")]
    assert [draft.name for draft in drafts] == [f"0{number}-rye-bread.md" for number in (1, 2, 3)]
    pages = [read_page(draft.read_text("utf-8")) for draft in drafts]
    said = [{key(sentence) for sentence in page.sentences} for page in pages]
    shares = [len(one & other) / len(one | other) for one, other in combinations(said, 2)]
    assert max(shares) < 0.3, shares
    assert all(page.sources for page in pages)


def test_more_pieces_than_the_sources_give_are_refused_and_nothing_is_written(alone: Alone) -> None:
    batch(alone, 9)
    said = alone.refusal("keyword-researcher")
    assert said == (
        "the sources give 4 different articles on these keywords, and 9 are asked for: ask for fewer, give more "
        "keywords, or add sources"
    )
    assert not (alone.workspace / "research").exists()


def test_a_step_before_that_left_too_few_pieces_is_named(alone: Alone) -> None:
    batch(alone, 2)
    alone.write("research/x-001/01-rye.md", "- Keyword: rye\n")
    assert alone.refusal("content-writer") == "research/x-001 holds 1 of 2 pieces: the step before left too few"


def test_pieces_keep_the_names_that_the_step_before_gave_them(alone: Alone) -> None:
    batch(alone, 2)
    for name in ("a-rye.md", "b-crust.md"):
        alone.write(f"research/x-001/{name}", f"- Keyword: {'rye' if 'rye' in name else 'crust'}\n")
    assert alone.run("content-writer").returncode == 0
    assert made(alone, "drafts") == ["a-rye.md", "b-crust.md"]
    assert (alone.workspace / "drafts/x-001/b-crust.md").read_text().startswith("# Crust")
    assert alone.called()[:3] == ["complete_step.py", "--output", "drafts/x-001"]


@pytest.mark.parametrize("name", BESIDE)
def test_who_makes_something_of_a_draft_makes_it_of_each(alone: Alone, name: str) -> None:
    batch(alone, 2)
    for agent in ("keyword-researcher", "content-writer"):
        assert alone.run(agent).returncode == 0
    alone.branch(name, "assets")
    assert alone.run(name).returncode == 0
    drafts = made(alone, "drafts")
    assert len(drafts) == 2 and made(alone, "assets") == drafts
    for piece in drafts:
        assert f"`drafts/x-001/{piece}`" in (alone.workspace / "assets/x-001" / piece).read_text()


def test_a_card_lies_beside_the_folder_of_the_pieces(alone: Alone) -> None:
    batch(alone, 1)
    for agent in ("keyword-researcher", "content-writer"):
        assert alone.run(agent).returncode == 0
    alone.branch("image-director", "assets")
    assert alone.run("image-director").returncode == 0
    cards = [path.relative_to(alone.workspace) for path in alone.workspace.rglob("*.svg")]
    assert cards == [Path("assets/x-001.01-rye-bread.svg")]
    outputs = [word for word in alone.called() if word.startswith("assets")]
    assert outputs == ["assets/x-001", "assets/x-001.01-rye-bread.svg"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["", ""]),
        ("Make it longer.", ["Make it longer.", "Make it longer."]),
        (notes.of_pieces({"b.md": "(1) Longer."}), ["", "(1) Longer."]),
        ("All: shorter. a.md: more sources. b.md: mend it.", ["All: shorter. more sources.", "All: shorter. mend it."]),
    ],
)
def test_notes_go_to_the_piece_that_they_name_else_to_all(text: str, found: list[str]) -> None:
    assert [notes.for_piece(text, name, ["a.md", "b.md"]) for name in ("a.md", "b.md")] == found
