"""Single values put into what people wrote: they are there afterwards, and nothing else has changed."""

from __future__ import annotations

import random
from typing import Any

import pytest

from baton.domain.errors import InvalidInput
from baton.store.strict_yaml import parse
from baton.store.yaml_edits import edited

LINE = """\
# The line of the house.
slug: my-line   # never change it
name: "My line"
main_steps:
  # first
  - {agent: alpha, output_dir: research}  # quick
  - agent: beta      # slow
    model: sonnet    # dear
    instructions: |
      Be brief.

      Be good.
  - agent: gamma
    label: >-
      Write
      it
  - {agent: delta}
"""


def changed(text: str, values: dict[Any, Any], name: str = "x.yaml") -> str:
    return edited(text.encode(), name, values).decode()


@pytest.mark.parametrize(
    ("path", "value", "before", "after"),
    [
        (("slug",), "other", "slug: my-line   # never", "slug: other   # never"),
        (("name",), "No: really", 'name: "My line"', 'name: "No: really"'),
        (("main_steps", 1, "model"), "opus", "model: sonnet    # dear", "model: opus    # dear"),
        (("main_steps", 1, "model"), None, "model: sonnet    # dear", "model: null    # dear"),
        (("main_steps", 0, "model"), "opus", "{agent: alpha, output", "{agent: alpha, model: opus, output"),
        (("main_steps", 3, "model"), "opus", "{agent: delta}", "{agent: delta, model: opus}"),
        (("main_steps", 2, "model"), "1.5", "- agent: gamma\n", '- agent: gamma\n    model: "1.5"\n'),
        (("main_steps", 1, "instructions"), "x", "|\n      Be brief.\n\n      Be good.\n", "x\n"),
        (("main_steps", 2, "label"), "x", ">-\n      Write\n      it\n", "x\n"),
    ],
)
def test_a_value_changes_where_it_stands_and_nothing_else(path: Any, value: Any, before: str, after: str) -> None:
    assert changed(LINE, {path: value}) == LINE.replace(before, after)


def test_several_values_change_at_once() -> None:
    values = {("slug",): "a", ("main_steps", 1, "model"): "b", ("main_steps", 2, "model"): "c"}
    found = parse(changed(LINE, values), "x").data
    assert (found["slug"], [step.get("model") for step in found["main_steps"]]) == ("a", [None, "b", "c", None])


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("a:\nb: 1\n", "a: x\nb: 1\n"),
        ("a:   # nothing yet\nb: 1\n", "a: x   # nothing yet\nb: 1\n"),
        ("b: 1", "b: 1\na: x"),
        ("b: 1\r\nc: 2\r\n", "b: 1\r\na: x\r\nc: 2\r\n"),
        ("b: [1]\nc: [2]\n", "a: x\nb: [1]\nc: [2]\n"),
        ("{b: [1]}\n", "{a: x, b: [1]}\n"),
        ("\ufeffa: ä\n", "a: x\n"),
    ],
)
def test_odd_shapes_are_met(text: str, after: str) -> None:
    edited_text = edited(text.encode(), "x.yaml", {("a",): "x"}).decode()
    # Line ends stay those of the file, but for the one that an absent last one needs.
    assert edited_text == after


def test_json_stays_json() -> None:
    assert changed('{"a": 1,\t"b": [true]}', {("a",): "x"}, "x.json") == '{\n  "a": "x",\n  "b": [\n    true\n  ]\n}\n'


def test_what_is_not_valid_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"x\.yaml:1"):
        changed("a: [", {("a",): "x"})


def test_a_value_that_cannot_be_put_in_without_touching_more_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"x\.yaml: a cannot be changed here without touching more"):
        changed("? a\nb: 1\n", {("a",): "x"})


def test_random_documents_hold_what_was_meant_and_keep_their_comments() -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(200):
        steps = [
            chance.choice(
                [
                    f"  - {{agent: a{number}, model: m}} # c{number}\n",
                    f"  - agent: a{number} # c{number}\n    model: 'm'\n",
                    f"  # c{number}\n  - label: 'x # y'\n    agent: a{number}\n",
                    f'  - {{"agent": "a{number}"}}\n  # c{number}\n',
                ]
            )
            for number in range(chance.randint(1, 6))
        ]
        text = "steps:\n" + "".join(steps)
        chosen = [number for number in range(len(steps)) if chance.random() < 0.6]
        value = chance.choice(["opus", None, "a: b", "true", "012", "ü # x", '"'])

        after = changed(text, {("steps", number, "model"): value for number in chosen})

        found, was = parse(after, "x").data["steps"], parse(text, "x").data["steps"]
        assert found == [one | {"model": value} if number in chosen else one for number, one in enumerate(was)]
        assert all(f"# c{number}" in after for number in range(len(steps)))
