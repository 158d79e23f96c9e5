#!/usr/bin/env python3
"""Turn a draft into an article: a title, a line of figures, the sources at the end; and score it."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import time
from pathlib import Path

PAUSE_SECONDS = 0.3  # a breath for each section, so that there is something to watch
WORDS_A_MINUTE = 220


def reading_ease(text: str) -> float:
    """Return the Flesch reading ease, 0 to 100; syllables are counted as groups of vowels."""
    words = re.findall(r"[a-z']+", text.lower())
    sentences = max(1, len(re.findall(r"[.!?]", text)))
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", word.removesuffix("e")))) for word in words)
    ease = 206.835 - 1.015 * len(words) / sentences - 84.6 * syllables / max(1, len(words))
    return round(min(100.0, max(0.0, ease)), 1)


def main() -> None:
    """Write ``final/<task>.md``, then complete the step."""
    shown = subprocess.run(["task.py", "show", os.environ["BATON_TASK"], "--json"], stdout=subprocess.PIPE, check=True)
    task = json.loads(shown.stdout)
    steps, here = task["pipeline"], task["pipeline_step"]
    notes, draft = (Path(step["result"]["outputs"][0]).read_text(encoding="utf-8") for step in steps[here - 2 : here])
    phrases = [line[3:].rpartition(" (")[0] for line in notes.splitlines() if line.startswith("## ")]
    topic, *parts = re.split(r"^#+ ", draft, flags=re.MULTILINE)[1:]
    body: list[str] = []
    sources: dict[str, None] = {}
    for part in parts:
        time.sleep(PAUSE_SECONDS)
        heading, text, named = (line for line in part.splitlines() if line)
        body += [f"## {heading.capitalize()}", "", text, ""]
        sources |= dict.fromkeys(named.removeprefix("Sources: ").split(", "))
    text = " ".join(body[2::4])
    count = len(text.split())
    title = f"{topic.strip().capitalize()}: {', '.join(phrases[:3])}"
    minutes = math.ceil(count / WORDS_A_MINUTE)
    figures = f"*{count} words, {minutes} minute{'s' * (minutes > 1)} to read, {len(parts)} sections*"
    article = [f"# {title}", "", figures, "", *body, "## Sources", "", *(f"- {name}" for name in sources), ""]
    output = Path(steps[here]["output_dir"], f"{task['id']}.md")
    output.parent.mkdir(exist_ok=True)
    output.write_text("\n".join(article), encoding="utf-8")
    quality = round(100 * sum(phrase in text.lower() for phrase in phrases) / max(1, len(phrases)))
    words = ["complete_step.py", "--output", str(output), "--summary", f"{title} ({count} words)"]
    words += ["--quality-score", str(quality), "--readability-score", str(reading_ease(text))]
    os.execvp(words[0], words)


if __name__ == "__main__":
    main()
