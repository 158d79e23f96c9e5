#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline ad writer: headlines and texts for search, social and business networks, each within its limit."""

import os
import sys
from dataclasses import dataclass

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.append(os.path.join(os.environ.get("PATH", "").rpartition(":")[2], "..", "skills"))
from _offline.articles import Article, Choice
from _offline.lines import Piece, gaps_of, head_of, short_lines, sources_of
from _offline.pages import numbered
from _offline.sources import Trouble
from _offline.step import Step, run

LEAST = 20


@dataclass(frozen=True, kw_only=True)
class Format:
    """One kind of text in an ad: how long it may be, how many are wanted, whether it is a line or a passage."""

    name: str
    most: int
    wanted: int
    is_line: bool = False


FORMATS = {
    "Search": (
        Format(name="Headline", most=30, wanted=8, is_line=True),
        Format(name="Description", most=90, wanted=4),
    ),
    "Facebook and Instagram": (
        Format(name="Headline", most=40, wanted=2, is_line=True),
        Format(name="Primary text", most=125, wanted=2),
    ),
    "LinkedIn": (
        Format(name="Headline", most=70, wanted=1, is_line=True),
        Format(name="Introduction", most=150, wanted=1),
    ),
}


def page_of(article: Article, path: str, task: str) -> str:
    """Return the page with the ads."""
    choice = Choice(article)
    made: dict[tuple[str, str], list[Piece]] = {}
    lines_made: list[str] = []
    # What has the least room chooses first.
    for network, form in sorted(((n, f) for n, forms in FORMATS.items() for f in forms), key=lambda one: one[1].most):
        pieces: list[Piece] = []
        if form.is_line:
            for text in short_lines(article, choice, form.most, form.wanted + len(lines_made)):
                if text not in lines_made and len(pieces) < form.wanted:
                    pieces.append(Piece(name=f"{form.name} {len(pieces) + 1}", text=text, most=form.most))
            lines_made += [piece.text for piece in pieces]
        else:
            for number in range(1, form.wanted + 1):
                passage = choice.take(form.most, least=LEAST)
                if passage:
                    name = f"{form.name} {number}"
                    pieces.append(Piece(name=name, text=passage.text, most=form.most, sources=passage.sources))
        made[network, form.name] = pieces
    if not any(piece.sources for pieces in made.values() for piece in pieces):
        raise Trouble("the draft has no sentence that is short enough for an ad")
    lines, missing = head_of("Ads", article, path, task), []
    for network, forms in FORMATS.items():
        lines += [f"## {network}", ""]
        for form in forms:
            pieces = made[network, form.name]
            lines += [line for piece in pieces for line in piece.lines()]
            few = f"{network}: {len(pieces)} of {form.wanted} of the kind '{form.name}'; nothing else is short enough"
            missing += [few] if len(pieces) < form.wanted else []
    return "\n".join([*lines, *gaps_of(missing), *sources_of(choice.sources)])


def work(step: Step) -> None:
    """Write the ads of each piece, then complete the step."""
    step.hand_in_each(_made)


def _made(piece: Step) -> tuple[str, str]:
    page = page_of(piece.text(), piece.article, piece.task)
    return page, f"Ads: {numbered(page.count('```text'), 'text')} from `{piece.article}`"


if __name__ == "__main__":
    run(work)
