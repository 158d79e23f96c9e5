"""Text as the offline agents see it: the paragraphs of a Markdown file, their sentences, the words in those.

English only: sentence ends, stop words and endings of words are those of English. No sentence is ever reworded here.
"""

from __future__ import annotations

import re
from functools import cache


def word_set(text: str) -> frozenset[str]:
    """Return the words of a list that is written as a text."""
    return frozenset(text.split())


WORD = re.compile(r"[^\W_]+(?:['’.,-][^\W_]+)*")
_FENCE = re.compile(r"^\s*(```|~~~)")
_NO_PROSE = re.compile(r"^\s*(#{1,6}(\s|$)|\||<!--|[-*_=](\s*[-*_=]){2,}\s*$|\[[^\]]+\]:)")
_HEADING = re.compile(r"\s*(#{1,6})\s+(.+)$")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,3}[.)])\s+")
_INLINE = (
    (re.compile(r"!\[[^\]]*\]\([^)]*\)"), ""),  # pictures
    (re.compile(r"\[([^\]]+)\]\([^)]*\)"), r"\1"),  # links
    (re.compile(r"\[\^?[\d,\s]+\]"), ""),  # notes
    (re.compile(r"</?[a-zA-Z][^>]*>"), ""),  # tags
    (re.compile(r"(\*\*|__|`)(.+?)\1"), r"\2"),
    (re.compile(r"(?<!\w)([*_])(\S.*?)\1(?!\w)"), r"\2"),
    (re.compile(r"\s+"), " "),
)
_END = re.compile(r"[.!?…]+[\"'”’)\]]*\s+(?=[\"'“‘(]*(\S))")
_ABBREVIATIONS = word_set("e.g i.e dr mr mrs ms prof st vs fig vol ca approx jr sr pp ed cf al")
_IRREGULAR = {"loaves": "loaf", "leaves": "leaf", "halves": "half", "knives": "knife", "mice": "mouse", "men": "man"}
_VOWEL = re.compile(r"[aeiouy]")
STOP_WORDS = word_set(
    """
    a about above across after afterwards again against all almost alone along already also although always am among an
    and another any anybody anyone anything are around as at away be became because become becomes been before being
    below beneath beside besides between beyond both but by can cannot could did do does doing done down during each
    either else enough even every everything far few fewer for from full further give given gives gave go goes gone had
    has have having he hence her here him his how however i if in instead into is it its itself just least less let lets
    like likely little made make makes making many may me mean means might more most mostly much must my near nearly
    neither never no nobody none nor not nothing now of off often on once one only onto or other others our out over own
    per perhaps quite rather really same shall she should since so some somebody someone something sometimes somewhat
    soon still such than that the their them themselves then there therefore these they this those though through thus
    to together too toward towards two under until up upon us use used uses using usually very was we well went were
    what whatever when whenever where wherever whether which while who whoever whole whom whose why will with within
    without would yes yet you your
    """
)
# A sentence that begins with one of these leans on the one before it.
_LEANS = word_set(
    """
    it its they their them this that these those he she his her such both so but and or then thus hence therefore
    however instead otherwise also too yet still neither either another others nor here
    """
)
_LEANING_STARTS = re.compile(
    r"(the (same|others?|rest|result|latter|former|first|second|third|two|three)|for (example|instance)|as a result"
    r"|there are (two|three|four|five|several|many)|on the other hand|in (return|addition|contrast|turn)|at the same"
    r"|(one|some|most|all|few|each|none|many) of (them|its?|their|these|those)|only then|once there|no wonder|less|more"
    r"|not (only|in|at|so)|with (the|it)|without (it|them|this)|(on|after|by) the (first|second|third))\b",
    re.IGNORECASE,
)
# A sentence in the middle of a paragraph that has one of these tells about what was said just before it.
_REFERRING = word_set("too also therefore then such besides instead either again meanwhile afterwards else even still")
_FOLLOWING_STARTS = re.compile(
    r"(the|then|after|soon|later|meanwhile|within|during|until|once|often|usually|sometimes|together|next|finally|only"
    r"|even|in (this|that|these|those|such)|another|as (long|soon))\b",
    re.IGNORECASE,
)
_CONTRAST = re.compile(r"(but|yet|however|still|nevertheless|though|on the other hand|instead|only)\b", re.IGNORECASE)
_PRONOUN_SOON = re.compile(
    r"(when|if|once|because|since|after|before|while|until|as|where|although|in|on|at|with|without|from|for|by|under|"
    r"during|among|of|to|most|some|few|all|what)\s+(it|its|they|their|them|this|these|those|he|she|his|her|that|such)\b",
    re.IGNORECASE,
)


def paragraphs(markdown: str) -> list[str]:
    """Return the prose of a Markdown or plain text: one line a paragraph or list item, without marks.

    Front matter, headings, tables, code, comments and rules are left out.
    """
    return [text for _, text, _ in blocks(markdown)]


def blocks(markdown: str) -> list[tuple[str, str, bool]]:
    """Return the heading that each paragraph stands under, the paragraph, and whether it is an item of a list.

    The page's title counts as no heading.
    """
    found: list[tuple[str, str, bool]] = []
    lines: list[str] = []
    is_item = False
    fence = heading = ""
    for line in [*_without_front_matter(markdown.replace("\r\n", "\n").split("\n")), ""]:
        mark = _FENCE.match(line)
        if fence or mark:
            fence = "" if mark and mark[1] == fence else fence or (mark[1] if mark else "")
            line = ""
        line = line.lstrip("> ") if line.lstrip().startswith(">") else line
        item = _ITEM.match(line)
        if not line.strip() or item or _NO_PROSE.match(line):
            text = _plain(" ".join(lines))
            found += [(heading, text, is_item)] if text else []
            lines, is_item = [line[item.end() :]] if item else [], item is not None
            if match := _HEADING.match(line):
                heading = _plain(match[2].rstrip("# ")) if len(match[1]) > 1 else ""
        else:
            lines.append(line.strip())
    if lines and (text := _plain(" ".join(lines))):
        found.append((heading, text, is_item))
    return found


def sentences(paragraph: str) -> list[str]:
    """Split a paragraph at the ends of its sentences; abbreviations, initials and numbers do not end one."""
    found: list[str] = []
    start = 0
    for match in _END.finditer(paragraph):
        before = paragraph[start : match.start()].split()
        last = before[-1].lstrip("(\"'“‘").lower() if before else ""
        is_initial = len(last) == 1 and last.isalpha() and last != "i" and match[0][0] == "."
        if match[1].islower() or is_initial or (match[0][0] == "." and last in _ABBREVIATIONS):
            continue
        found.append(paragraph[start : match.end()].strip())
        start = match.end()
    rest = paragraph[start:].strip()
    return [*found, rest] if rest else found


def is_whole(sentence: str) -> bool:
    """Tell whether this can stand in an article: begun with a capital, ended, long enough, its brackets closed."""
    first = sentence.lstrip("\"'“‘(")[:1]
    is_closed = sentence.count("(") == sentence.count(")") and sentence.count('"') % 2 == 0
    is_ended = sentence.rstrip("\"'”’)").endswith((".", "!", "?"))
    return bool(first) and not first.islower() and is_closed and is_ended and len(words(sentence)) >= 2


def leans_back(sentence: str) -> bool:
    """Tell whether a sentence needs the one before it to be understood: it begins with 'it', 'but', 'in return'..."""
    found = words(sentence)
    if not found:
        return True
    first = found[0]
    return first in _LEANS or bool(_LEANING_STARTS.match(sentence)) or bool(_PRONOUN_SOON.match(sentence))


def follows_on(sentence: str) -> bool:
    """Tell whether a sentence in the middle of a paragraph is likely to be about what stands before it."""
    return leans_back(sentence) or bool(_FOLLOWING_STARTS.match(sentence)) or refers(sentence)


def refers(sentence: str) -> bool:
    """Tell whether a sentence has a word by which it points at what was said: 'too', 'therefore', 'as well'."""
    return not _REFERRING.isdisjoint(words(sentence)) or sentence.rstrip(".!").endswith("as well")


def takes_back(sentence: str) -> bool:
    """Tell whether a sentence limits the one before it: that one must not be told without it."""
    return bool(_CONTRAST.match(sentence.lstrip("\"'“‘(")))


def words(text: str) -> list[str]:
    """Return the words of a text in small letters, numbers among them."""
    return [word.lower().replace("’", "'") for word in WORD.findall(text)]


@cache
def stem(word: str) -> str:
    """Return what the forms of a word share: bakes, baked and baking are ``bak``. Rough, and the same for all texts."""
    word = word.lower().replace("’", "'").removesuffix("'s")
    word = _IRREGULAR.get(word, word)
    if len(word) > 4 and word.endswith("ies"):
        word = f"{word[:-3]}y"
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        start = word.removesuffix(ending)
        if start != word and len(start) > 2 and _VOWEL.search(start) and not start.endswith("e"):
            # 'cutting' is 'cut', but 'rolling' is 'roll'.
            word = start[:-1] if start[-1] == start[-2] and start[-1] not in "lsz" else start
            break
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def terms(text: str) -> list[str]:
    """Return the stems of the words that tell something, in their order."""
    return [stem(word) for word in words(text) if word not in STOP_WORDS and len(word) > 1]


def key(sentence: str) -> str:
    """Return what is left of a sentence when case, marks and spaces are not looked at: to find it again."""
    return " ".join(words(sentence))


def _without_front_matter(lines: list[str]) -> list[str]:
    if lines[0].rstrip() != "---":
        return lines
    ends = [number for number, line in enumerate(lines) if number and line.rstrip() == "---"]
    return lines[ends[0] + 1 :] if ends else lines


def _plain(text: str) -> str:
    for pattern, put in _INLINE:
        text = pattern.sub(put, text)
    return text.strip()
