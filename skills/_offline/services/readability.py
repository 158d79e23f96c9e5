#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""A service: how easily English texts read, which sentences are long, and common slips, by rule. Works offline.

``readability.py FILE...`` prints one JSON document, ``readability.py --health`` what it measures with.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))
from _offline.readability import readability
from _offline.slips import LONG_WORDS, long_sentences, passive_count, slips_in
from _offline.text import STOP_WORDS, paragraphs, sentences, words

MOST_BYTES = 2_000_000
MOST_LISTED = 50
FEW_WORDS, ENGLISH = 30, 0.2


def main(arguments: Sequence[str]) -> int:
    """Check the files; return the exit code."""
    if arguments == ["--health"]:
        _print({"measure": readability("All is well.").measure, "language": "en"})
        return 0
    if not arguments or any(word.startswith("-") for word in arguments):
        return _refuse("name files with English text: readability.py FILE...", 2)
    try:
        found = [report_of(path, _read(path)) for path in arguments]
    except ValueError as error:
        return _refuse(str(error), 1)
    _print({"files": found})
    return 0


def report_of(path: str, text: str) -> dict[str, Any]:
    """Return what there is to say of one text; ``ValueError`` when it is not in English."""
    prose = " ".join(paragraphs(text))
    spoken = words(prose)
    if not spoken:
        raise ValueError(f"{path} has no prose in it")
    if len(spoken) >= FEW_WORDS and sum(word in STOP_WORDS for word in spoken) < ENGLISH * len(spoken):
        raise ValueError(f"{path} is not in English, and this service knows no other language")
    measured = readability(prose)
    said = [sentence for paragraph in paragraphs(text) for sentence in sentences(paragraph)]
    slips, long = slips_in(text), long_sentences(text)
    return {
        "file": path,
        "words": len(spoken),
        "sentences": len(said),
        "words_a_sentence": round(len(spoken) / max(1, len(said)), 1),
        "reading_ease": measured.ease,
        "grade": measured.grade,
        "measure": measured.measure,
        "passive_sentences": passive_count(text),
        "long_sentences": {
            "more_than": LONG_WORDS,
            "count": len(long),
            "longest": [asdict(one) for one in long[:MOST_LISTED]],
        },
        "slips": {"count": len(slips), "first": [asdict(one) for one in slips[:MOST_LISTED]]},
    }


def _read(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None
    if len(data) > MOST_BYTES:
        raise ValueError(f"{path} is larger than {MOST_BYTES} bytes: check it in parts")
    return text


def _print(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def _refuse(words: str, code: int) -> int:
    sys.stderr.write(f"{words}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
