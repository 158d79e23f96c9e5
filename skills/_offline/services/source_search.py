#!/bin/sh
''''exec "${BATON_PYTHON:-python3}" "$0" "$@" # '''  # fmt: skip

"""A service: the best passages for some words in the campaign's sources, ranked, with excerpts. Works offline.

``source_search.py WORD... [--limit N] [--folder DIR]`` prints one JSON document. DIR is ``sources`` in the working
directory, else in the workspace of the run. ``source_search.py --health`` says that it can work.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))
from _offline.search import Passage, passages_of, search

KINDS = (".md", ".markdown", ".txt")
MOST_BYTES = 20_000_000
"""So much is read of all sources together; what is left out is named."""
MOST_HITS = 100


def main(arguments: Sequence[str]) -> int:
    """Search; return the exit code."""
    parser = argparse.ArgumentParser(prog="source_search.py", description="Search in the campaign's sources.")
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--limit", type=int, default=5, metavar="N", help="how many passages at most (default 5)")
    parser.add_argument("--folder", metavar="DIR", help="where the texts are (default: sources)")
    parser.add_argument("--health", action="store_true", help="say whether it can work")
    asked = parser.parse_args(arguments)
    if asked.health:
        _print({"ranking": "BM25", "kinds": list(KINDS)})
        return 0
    if not asked.words or not 1 <= asked.limit <= MOST_HITS:
        parser.error(f"name at least one word, and a limit from 1 to {MOST_HITS}")
    folder = Path(asked.folder) if asked.folder else folder_here()
    if not folder.is_dir():
        sys.stderr.write(f"there is no folder {folder}: name one with --folder\n")
        return 1
    passages, passed_over = read(folder)
    query = " ".join(asked.words)
    results = [
        {
            "source": hit.passage.source,
            "heading": hit.passage.heading or None,
            "paragraph": hit.passage.number,
            "score": hit.score,
            "excerpt": hit.excerpt,
        }
        for hit in search(passages, query, asked.limit)
    ]
    _print({"query": query, "passages": len(passages), "results": results, "passed_over": passed_over})
    return 0


def folder_here() -> Path:
    """Return the folder of sources: in the working directory, else in the run's workspace."""
    here = Path("sources")
    workspace = os.environ.get("BATON_WORKSPACE")
    return Path(workspace) / "sources" if workspace and not here.is_dir() else here


def read(folder: Path) -> tuple[list[Passage], list[dict[str, str]]]:
    """Return the passages of the texts in a folder, and which files were passed over, and why."""
    passages: list[Passage] = []
    passed_over: list[dict[str, str]] = []
    left = MOST_BYTES
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = (Path(folder.name) / path.relative_to(folder)).as_posix()
        if path.suffix.lower() not in KINDS:
            passed_over.append({"source": name, "reason": "no text file"})
            continue
        try:
            data = path.read_bytes() if path.stat().st_size <= left else None
            text = data.decode("utf-8-sig") if data is not None else None
        except (OSError, UnicodeDecodeError) as error:
            reason = "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error.strerror)
            passed_over.append({"source": name, "reason": reason})
            continue
        if data is None or text is None:
            passed_over.append({"source": name, "reason": f"more than {MOST_BYTES} bytes in all"})
            continue
        left -= len(data)
        passages += passages_of(name, text)
    return passages, passed_over


def _print(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
