#!/usr/bin/env python3
"""Turn a reader's notes into a draft: a section for each key phrase, made of the sources' own sentences."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path

PAUSE_SECONDS = 0.38  # a breath for each section, so that there is something to watch
SENTENCES = 5  # in a section, at most
NOTE = re.compile(r"- (?P<source>[^:]+):(?P<line>\d+): (?P<text>.+)")


def sections(notes: str) -> dict[str, list[tuple[str, int, str]]]:
    """Return the noted sentences (source, line, text) under each key phrase."""
    found: dict[str, list[tuple[str, int, str]]] = {}
    phrase = ""
    for line in notes.splitlines():
        if line.startswith("## "):
            phrase = line.removeprefix("## ").rpartition(" (")[0]
            found[phrase] = []
        elif (note := NOTE.fullmatch(line)) and phrase:
            found[phrase].append((note["source"], int(note["line"]), note["text"]))
    return found


def main() -> None:
    """Write ``drafts/<task>.md``, then complete the step."""
    shown = subprocess.run(["task.py", "show", os.environ["BATON_TASK"], "--json"], stdout=subprocess.PIPE, check=True)
    task = json.loads(shown.stdout)
    here = task["pipeline_step"]
    notes = Path(task["pipeline"][here - 1]["result"]["outputs"][0]).read_text(encoding="utf-8")
    draft = [notes.splitlines()[0], ""]
    used: set[str] = set()
    for phrase, found in sections(notes).items():
        time.sleep(PAUSE_SECONDS)
        fresh = [one for one in found if one[2] not in used][:SENTENCES]
        if not fresh:
            continue
        used.update(text for _, _, text in fresh)
        sources = dict.fromkeys(name for name, _, _ in fresh)  # each once, in the order of the sentences
        draft += [f"## {phrase}", "", " ".join(text for _, _, text in fresh), "", f"Sources: {', '.join(sources)}", ""]
    output = Path(task["pipeline"][here]["output_dir"], f"{task['id']}.md")
    output.parent.mkdir(exist_ok=True)
    output.write_text("\n".join(draft), encoding="utf-8")
    parts = sum(line.startswith("## ") for line in draft)
    summary = f"{len(used)} sentences in {parts} sections"
    os.execvp("complete_step.py", ["complete_step.py", "--output", str(output), "--summary", summary])


if __name__ == "__main__":
    main()
