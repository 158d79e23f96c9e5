"""Documents about focus groups: headings and tables, as people and agents write them."""

from __future__ import annotations

from typing import Any

import pytest

from baton.domain.errors import InvalidInput
from baton.domain.group_documents import read_document

HEADINGS = """\
# Our audiences

Some words: these are no fields.

## Overview

About all of them.

## Focus Group 1: Busy parents

**Nickname:** The Jugglers
**Overview:** They have no time.
They want quick bread.

**Pain points**
- no time
- too sour
  even for children
- **Fears:** that it fails

### Core desires
1. warm bread (`sources/letters.md`, sentence 3)
2. Goals: praise

```
## Not a group
- Fears: code
```

## 2) *Retired* bakers

- Pain Points:
  - hard crust
  - cost: too high
- Fears: n/a
- Also known for: patience

**Shoe size**
- 42

## Notes

- Nothing here: at all
"""


def said(text: str, name: str = "groups.md") -> list[dict[str, Any]]:
    return [group.fields() for group in read_document(text, name).groups]


def refusal(text: str, name: str = "groups.md") -> str:
    with pytest.raises(InvalidInput) as refused:
        said(text, name)
    return refused.value.message


def test_each_heading_with_fields_below_it_is_a_group() -> None:
    assert said(HEADINGS) == [
        {
            "name": "Busy parents",
            "nickname": "The Jugglers",
            "overview": "They have no time. They want quick bread.",
            "core_desires": ("warm bread", "Goals: praise"),
            "pain_points": ("no time", "too sour even for children"),
            "fears": ("that it fails",),
        },
        {"name": "Retired bakers", "pain_points": ("hard crust", "cost: too high")},
    ]


def test_numbers_lines_and_words_that_are_no_field_are_told() -> None:
    found = read_document(HEADINGS, "groups.md").groups
    assert [(group.number, group.line, group.ignored) for group in found] == [
        (1, 9, []),
        (2, 30, ["also known for", "shoe size"]),
    ]


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("### Pain points: strong", "pain_points"),
        ("#### 	Core Desires", "core_desires"),
        ("### emotional_triggers", "emotional_triggers"),
        ("### Language", "language_patterns"),
        ("**Beliefs**", "beliefs"),
        ("__Objections:__", "objections"),
        ("- Hooks:", "hooks"),
        ("Demographics:", "demographics"),
    ],
)
def test_a_field_is_known_however_it_is_marked(heading: str, field: str) -> None:
    assert said(f"## Bakers\n\n{heading}\n\n- one\n- two\n") == [{"name": "Bakers", field: ("one", "two")}]


@pytest.mark.parametrize("nothing", ["", "-", "n/a", "not known", "Unknown", "TBD", "**none**"])
def test_what_says_nothing_is_missing(nothing: str) -> None:
    assert said(f"## Bakers\n\n- Fears: {nothing}\n- Hooks: why?\n") == [{"name": "Bakers", "hooks": ("why?",)}]


def test_a_document_with_other_line_ends_and_a_mark_at_its_beginning_is_read() -> None:
    assert said("\ufeff# Bakers\r\n\r\n- Fears: flat loaves\r\n") == [{"name": "Bakers", "fears": ("flat loaves",)}]


def test_a_heading_beside_a_group_is_no_field_of_it() -> None:
    assert said("## Bakers\n- Fears: flat loaves\n## Language\nEnglish\n") == [
        {"name": "Bakers", "fears": ("flat loaves",)}
    ]


def test_what_audience_agents_wrote_is_known_as_research() -> None:
    text = "# Audience profiles: Bread\n\n- Task: `bread-001`\n\n## 1. Bakers\n\n### Fears: weak\n\n- flat loaves\n"
    assert read_document(text, "x.md").is_researched
    assert not read_document(HEADINGS, "x.md").is_researched


def test_a_group_of_which_only_the_proof_is_told_is_a_group() -> None:
    text = (
        "## Groups\n\n### 1. Restaurants\n\n- Spoken of: in no source\n\n## Gaps\n\n- Restaurants: nothing on fears\n"
    )
    assert said(text) == [{"name": "Restaurants"}]


TABLE = """\
Some words before it.

| No | Audience | Pains | Hooks | Colour |
|---:|:---------|-------|-------|--------|
| 3 | **Bakers** | x<br>y; z | q \\| r | red |
| | Shops | | | |

| not | this |
|---|---|
| a | b |
"""


def test_each_row_of_a_table_is_a_group() -> None:
    found = read_document(TABLE, "x.md").groups
    assert [group.fields() for group in found] == [
        {"name": "Bakers", "pain_points": ("x", "y", "z"), "hooks": ("q | r",)},
        {"name": "Shops"},
    ]
    assert [(group.number, group.ignored) for group in found] == [(3, ["colour"]), (None, ["colour"])]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_may_be_csv_with_any_usual_separator(separator: str) -> None:
    rows = (("name", "fears", "core desires"), ("Bakers", '"flat\nloaves"', '"a, b"'), ("Shops", "", "c"))
    text = "".join(separator.join(row) + "\n" for row in rows)
    assert said(text, "x.csv") == [
        {"name": "Bakers", "core_desires": ("a, b",), "fears": ("flat", "loaves")},
        {"name": "Shops", "core_desires": ("c",)},
    ]


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("", "x.md", "x.md: there is nothing in it"),
        (" \n\n", "x.csv", "x.csv: there is nothing in it"),
        ("a\0b", "x.md", "x.md: is no text"),
        ("# Bread\n\nA text about bread.\n", "x.md", "x.md: no focus group was found in it"),
        ("## **\n- Fears: x\n", "x.md", "x.md:1: a group has no name"),
        ("name,fears\n", "x.csv", "x.csv: no focus group was found in it"),
        ("## A\n- Fears: x\n## a\n- Fears: y\n", "x.md", "x.md:3: group 'a' stands there twice, first on line 1"),
        ("who,fears\nA,x\n", "x.csv", "x.csv:1: the table has no column for 'name'; it has who, fears"),
        ("name,size\nA,1\n", "x.csv", "x.csv:1: the table has no column for a field (overview, pain points, fears, ...)"),
        ("name,fears\n ,x\n", "x.csv", "x.csv:2: the row has no name"),
        ("name,fears\nA,x,y\n", "x.csv", "x.csv:2: the row has 3 cells, the table has 2 columns"),
        ('name,fears\nA,"x\n', "x.csv", "x.csv:3: is not valid CSV: unexpected end of data"),
        (f"## A\n- Fears: {'x' * 2001}\n", "x.md", "line 1: group 'A': fears is 2001 characters long, 2000 are kept"),
        (f"## {'A' * 201}\n- Fears: x\n", "x.md", "x.md:1: the name of a group is longer than 200 characters"),
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_used_is_refused_with_the_place(text: str, name: str, message: str) -> None:
    assert message in refusal(text, name)


def test_more_items_than_are_kept_are_refused() -> None:
    items = "".join(f"- fear {number}\n" for number in range(61))
    assert refusal(f"## A\n\n**Fears**\n{items}") == "line 1: group 'A': fears has 61 items, 60 are kept"
