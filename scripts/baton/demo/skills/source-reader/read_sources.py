#!/usr/bin/env python3
"""Read every source, find the key phrases around the task's keyword, and note the sentences they stand in."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

PAUSE_SECONDS = 0.13  # a breath for each paragraph, so that there is something to watch
PHRASES = 6
STOP = """
about after all also although and any are because been before best better between bring but came can cannot come comes
could day days did does each every few fewer first for four from get gets goes had has have her his hours how into its
just keep keeps known larger last like link long made make makes many may more most mostly need needs not now off one
only other our out own said same several she should since some such takes than that the their them then there these
they thing this those time times too took two until use used uses was way were what when where which while who whole
why will with year years yet you
"""
STOP_WORDS = frozenset(STOP.split())


def words(text: str) -> list[str]:
    """Return the words of a text, in small letters."""
    return re.findall(r"[a-z]+(?:'[a-z]+)?", text.lower())


def key_phrases(texts: list[str], keyword: str) -> dict[str, int]:
    """Count telling words and pairs of them; pairs weigh twice, and hide the words they are made of."""
    counted: Counter[str] = Counter()
    for text in texts:
        found = [word if len(word) > 2 and word not in STOP_WORDS else "" for word in words(text)]
        counted.update(filter(None, found))
        counted.update(" ".join(pair) for pair in pairwise(found) if all(pair))
    pairs = {phrase for phrase, count in counted.items() if " " in phrase and count > 1}
    hidden = {keyword, *words(keyword)}.union(*(phrase.split() for phrase in pairs))
    rest = {word for word, count in counted.items() if " " not in word and count > 2}
    best = sorted((pairs | rest) - hidden, key=lambda phrase: (-counted[phrase] * (1 + (phrase in pairs)), phrase))
    return {phrase: counted[phrase] for phrase in best[:PHRASES]}


def main() -> None:
    """Write ``research/<task>.md``, then complete the step."""
    shown = subprocess.run(["task.py", "show", os.environ["BATON_TASK"], "--json"], stdout=subprocess.PIPE, check=True)
    task = json.loads(shown.stdout)
    keyword = " ".join(task["keywords"][:1])
    read: list[tuple[str, int, str]] = []  # file, line, sentence
    for source in sorted(Path("sources").iterdir()):
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
            if line and not line.startswith("#"):
                read += [(source.name, number, part) for part in re.split(r"(?<=[.!?])\s+", line.strip())]
                time.sleep(PAUSE_SECONDS)
    spoken = Counter(name for name, _, text in read for word in words(text) if word in words(keyword))
    if not spoken:
        sys.exit(f"none of the sources speaks of '{keyword}'")
    main_source = spoken.most_common(1)[0][0]
    kept = [one for one in read if one[0] == main_source or set(words(keyword)) <= set(words(one[2]))]
    phrases = key_phrases([text for _, _, text in kept], keyword)
    notes = [f"# {keyword}", "", f"{len(kept)} of the {len(read)} sentences in the sources are about it.", ""]
    for phrase, count in phrases.items():
        place = re.compile(rf"\b{phrase}\b", re.IGNORECASE)
        notes += [f"## {phrase} ({count} times)", ""]
        notes += [f"- {name}:{line}: {text}" for name, line, text in kept if place.search(text)]
        notes.append("")
    output = Path(task["pipeline"][task["pipeline_step"]]["output_dir"], f"{task['id']}.md")
    output.parent.mkdir(exist_ok=True)
    output.write_text("\n".join(notes), encoding="utf-8")
    summary = f"{len(phrases)} key phrases in {len(kept)} sentences, mostly from {main_source}"
    os.execvp("complete_step.py", ["complete_step.py", "--output", str(output), "--summary", summary])


if __name__ == "__main__":
    main()
