#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""The offline social writer: posts made of passages of the draft, each within the limit of its network.

It takes sentences as they are and rewords nothing; a passage that does not fit is left out, never cut off.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.append(os.path.join(os.environ.get("PATH", "").rpartition(":")[2], "..", "skills"))
from _offline.articles import Article, Choice, Passage
from _offline.lines import URL, Piece, gaps_of, hashtags, head_of, sources_in, sources_of, spoken_length
from _offline.pages import numbered
from _offline.sources import Trouble
from _offline.step import Step, run

X_LIMIT, X_POSTS = 280, 3
LINKEDIN_LIMIT, LINKEDIN_PASSAGES, LINKEDIN_FIRST = 1300, 3, 200
FACEBOOK_LIMIT = 500
LEAST = 60
TAGS = 3
HINT = f"Link: put the article's address where `{URL}` stands; it counts as 23 characters"


def posts_of(article: Article) -> tuple[list[Piece], Choice]:
    """Return the posts, the shortest kind first, and what they were taken from."""
    choice = Choice(article)
    posts = []
    for number in range(1, X_POSTS + 1):
        passage = choice.take(X_LIMIT - len("\n\n") - spoken_length(URL), least=LEAST)
        posts += [_post(f"X, post {number}", [passage.text], [passage], X_LIMIT)] if passage else []
    passage = choice.take(FACEBOOK_LIMIT - len("\n\n") - spoken_length(URL), least=LEAST)
    posts += [_post("Facebook", [passage.text], [passage], FACEBOOK_LIMIT)] if passage else []
    tags = " ".join(hashtags([article.keyword, *article.phrases], TAGS))
    room = LINKEDIN_LIMIT - spoken_length(f"\n\n{URL}\n\n{tags}")
    taken: list[Passage] = []
    for _ in range(LINKEDIN_PASSAGES):
        # Of a longer post only the beginning is shown before a click.
        most = min(room, LINKEDIN_FIRST) if not taken else room - 2
        passage = choice.take(most, least=LEAST, same_section=bool(taken)) if most > LEAST else None
        if passage:
            taken.append(passage)
            room -= len(passage.text) + 2
    if taken:
        posts.append(_post("LinkedIn", [one.text for one in taken], taken, LINKEDIN_LIMIT, tags))
    return posts, choice


def page_of(article: Article, path: str, task: str) -> str:
    """Return the page of posts."""
    posts, choice = posts_of(article)
    if not posts:
        raise Trouble("the draft has no sentence that could be a post: each leans on another, or is too long")
    wanted = [*(f"X, post {number}" for number in range(1, X_POSTS + 1)), "Facebook", "LinkedIn"]
    missing = [name for name in wanted if name not in {post.name for post in posts}]
    lines = [*head_of("Social posts", article, path, task, HINT), "## Posts", ""]
    lines += [line for post in posts for line in post.lines()]
    lines += gaps_of([f"{name}: no passage is left that fits and was not used" for name in missing])
    return "\n".join([*lines, *sources_of(choice.sources)])


def _post(name: str, texts: list[str], passages: list[Passage], most: int, tags: str = "") -> Piece:
    text = "\n\n".join([*texts, URL, *filter(None, [tags])])
    return Piece(name=name, text=text, most=most, sources=sources_in(passages))


def work(step: Step) -> None:
    """Write the posts of each piece, then complete the step."""
    step.hand_in_each(_made)


def _made(piece: Step) -> tuple[str, str]:
    page = page_of(piece.text(), piece.article, piece.task)
    return page, f"{numbered(page.count('```text'), 'post')} from `{piece.article}`"


if __name__ == "__main__":
    run(work)
