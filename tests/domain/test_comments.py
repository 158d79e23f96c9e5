"""The comments that whoever works on a task next is told."""

from __future__ import annotations

from tests.builders import NOW, after, block, task

from baton.domain import commands as c
from baton.domain.comments import Comment, last_comments


def test_the_last_five_comments_are_told_oldest_first() -> None:
    commented = after(task(), block(), *(c.Comment(by="ann", text=f"n {number}") for number in range(7)))
    assert last_comments(commented) == [Comment(at=NOW, by="ann", text=f"n {number}") for number in range(2, 7)]


def test_a_task_nobody_spoke_about_has_none() -> None:
    assert last_comments(task()) == []


def test_a_long_comment_is_cut() -> None:
    (told,) = last_comments(after(task(), c.Comment(by="ann", text="x" * 3_000)))
    assert told.text == "x" * 1_997 + "..."
