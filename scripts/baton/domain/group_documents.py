"""A document about focus groups, read: headings with fields below them, or a table. Pure text; nothing is guessed.

What is taken for a group: a heading (no field's own) below which a field stands, as a heading, in bold, or as ``Field:``.
"""

from __future__ import annotations

import csv
import re

from msgspec import Struct

from baton.domain.errors import InvalidInput
from baton.domain.group_fields import (
    MARKS,
    NAME_WORDS,
    NUMBER_WORDS,
    FoundGroup,
    check_found,
    field_of,
    is_strength,
    plain,
    split_cell,
)

_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*$")
_NUMBERED = re.compile(r"(?:focus group|group|audience|persona)?\s*#?(\d+)\s*[.):-]\s+(.+)", re.IGNORECASE)
_LABEL = re.compile(r"(?:[-*+]\s+)?(?:\*\*|__)?([^:*_`(]{2,40}?)(?:\*\*|__)?\s*:(?:\*\*|__)?(?:\s+(.*)|$)")
_BOLD = re.compile(r"(?:[-*+]\s+)?(?:\*\*|__)([^*_]{2,40})(?:\*\*|__)\s*$")
_ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+(.*)")
_RULE = re.compile(r"\s*\|?\s*:?-{3,}:?\s*(\|\s*:?-{3,}:?\s*)*\|?\s*")
_AGENTS = re.compile(r"^# Audience(?: profiles)?: .+\n\s*\n- Task: `", re.MULTILINE)


class Document(Struct, frozen=True, kw_only=True):
    """What a document holds. ``is_researched``: agents of an audience pipeline wrote it."""

    groups: list[FoundGroup]
    is_researched: bool = False


def read_document(text: str, name: str) -> Document:
    """Return the groups of a document, in its order. Raises ``InvalidInput`` for one that cannot be used."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise InvalidInput(f"{name}: there is nothing in it", cure="name a document with focus groups")
    if "\0" in text:
        raise InvalidInput(f"{name}: is no text", cure="save it as Markdown or CSV")
    if name.lower().endswith((".csv", ".tsv")):
        return Document(groups=check_found(_from_rows(_csv_rows(text, name), name), name))
    table = _pipe_table(text)
    groups = _from_rows(table, name) if table else _from_headings(text)
    return Document(groups=check_found(groups, name), is_researched=_AGENTS.search(text) is not None)


# -- headings -----------------------------------------------------------------------------------------------------


def _from_headings(text: str) -> list[FoundGroup]:
    """Read headings. Each line with a field belongs to the nearest heading above that is no field itself."""
    groups: list[FoundGroup] = []
    here: FoundGroup | None = None  # the heading we stand under, not yet known to be a group's
    field: str | None = None
    field_level = 0
    is_code = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith(("```", "~~~")):
            is_code = not is_code
            continue
        if is_code:
            continue
        if heading := _HEADING.match(line):
            level, words = len(heading[1]), heading[2]
            label, _, rest = words.partition(":")
            found = field_of(label)
            if found is not None and here is not None and level > here.level:
                field, field_level, here.is_bulleted = found, level, False
                _note(groups, here)
                if rest and not is_strength(rest):
                    here.say(found, rest)
            elif field is not None and here is not None and field_level and level > field_level:
                continue  # a heading inside a field
            else:
                here, field, field_level = _heading_group(words, level, number), None, 0
            continue
        if here is None or not line.strip():
            continue
        # Below a field's own heading a word and a colon are what is said; only bold type begins another field there.
        is_plain = field_level > 0 and "**" not in line and "__" not in line
        before, field = field, _read_line(line, here, field, groups, is_inner=is_plain or line[:1].isspace())
        field_level = field_level if field == before else 0
    # A heading with groups below it is about all of them.
    levels = [*(group.level for group in groups[1:]), 0]
    return [group for group, next_level in zip(groups, levels, strict=False) if next_level <= group.level]


def _read_line(
    line: str, here: FoundGroup, field: str | None, groups: list[FoundGroup], *, is_inner: bool
) -> str | None:
    """Read one line under a heading; return the field that the next line belongs to. ``is_inner``: it begins none."""
    stripped = line.strip()
    bold, label = _BOLD.fullmatch(stripped), _LABEL.fullmatch(stripped)
    word = bold[1] if bold else label[1] if label else ""
    rest = (label[2] or "") if label and not bold else ""
    found = field_of(word) if word and not is_inner else None
    if found is not None:
        _note(groups, here)
        here.is_bulleted = stripped.startswith(("- ", "* ", "+ "))
        if not is_strength(rest):
            here.say(found, rest)
        return found
    if word and not is_inner and plain(word) in MARKS:
        _note(groups, here)
        return None
    if (bold or (label and here.is_bulleted)) and not is_inner:
        here.ignored.append(plain(word))
        return None
    if field is None:
        return None
    item = _ITEM.fullmatch(line)
    if item is None and here.said.get(field) and line[:1].isspace():
        here.said[field][-1] += f" {stripped}"  # the item goes on
    else:
        here.say(field, item[1] if item else stripped)
    return field


def _heading_group(words: str, level: int, line: int) -> FoundGroup:
    numbered = _NUMBERED.fullmatch(words)
    name = numbered[2] if numbered else re.sub(r"^(?:focus group|audience|persona)\s*:\s*", "", words, flags=re.I)
    name = re.sub(r"[*_`]+", "", name).strip()
    number = int(numbered[1][:6]) if numbered else None
    return FoundGroup(name=name, line=line, level=level, number=number, said={}, ignored=[])


def _note(groups: list[FoundGroup], here: FoundGroup) -> None:
    if not any(one is here for one in groups):
        groups.append(here)


# -- tables -------------------------------------------------------------------------------------------------------

Row = tuple[int, list[str]]


def _csv_rows(text: str, name: str) -> list[Row]:
    first = text.lstrip().split("\n", 1)[0]
    delimiter = max(("\t", ";", ","), key=first.count)
    reader = csv.reader((f"{line}\n" for line in text.split("\n")), delimiter=delimiter, strict=True)
    try:
        return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InvalidInput(f"{name}:{reader.line_num}: is not valid CSV: {error}", cure="export it once more") from None


def _pipe_table(text: str) -> list[Row]:
    """Return the rows of the first Markdown table that has a column for names; none where there is no such table."""
    lines = text.split("\n")
    for place, line in enumerate(lines[1:], 1):
        if "|" in line and _RULE.fullmatch(line) and "|" in lines[place - 1]:
            heads = _cells(lines[place - 1])
            if not any(plain(head) in NAME_WORDS for head in heads):
                continue
            rows = [(place, heads)]
            for number, row in enumerate(lines[place + 1 :], place + 2):
                if "|" not in row:
                    break
                rows.append((number, _cells(row)))
            return rows
    return []


def _cells(line: str) -> list[str]:
    line = line.strip().removeprefix("|")
    line = line[:-1] if line.endswith("|") and not line.endswith("\\|") else line
    return [cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", line)]


def _from_rows(rows: list[Row], where: str) -> list[FoundGroup]:
    if not rows:
        return []
    heads = [plain(head) for head in rows[0][1]]
    names = [place for place, head in enumerate(heads) if head in NAME_WORDS]
    fields = {place: found for place, head in enumerate(heads) if (found := field_of(head)) is not None}
    if not names or not fields:
        what = "'name'" if not names else "a field (overview, pain points, fears, ...)"
        raise InvalidInput(
            f"{where}:{rows[0][0]}: the table has no column for {what}; it has {', '.join(heads)[:200]}",
            cure="name its columns in the first row, one row for each group",
        )
    known = {names[0], *fields} | {place for place, head in enumerate(heads) if head in NUMBER_WORDS}
    ignored = [head for place, head in enumerate(heads) if place not in known and head]
    groups = []
    for line, cells in rows[1:]:
        if len(cells) > len(heads):
            raise InvalidInput(
                f"{where}:{line}: the row has {len(cells)} cells, the table has {len(heads)} columns",
                cure="put a text that has the separator in it into quotes (CSV), or write \\| (Markdown)",
            )
        cells += [""] * (len(heads) - len(cells))
        name = " ".join(re.sub(r"[*_`]+", "", cells[names[0]]).split())
        if not name:
            raise InvalidInput(f"{where}:{line}: the row has no name", cure="give the group a name, or remove the row")
        group = FoundGroup(name=name, line=line, said={}, ignored=list(ignored))
        for place, head in enumerate(heads):
            if head in NUMBER_WORDS and cells[place].strip().isdecimal():
                group.number = int(cells[place].strip()[:6])
        for place, field in fields.items():
            for item in split_cell(cells[place]):
                group.say(field, item)
        groups.append(group)
    return groups
