"""Baton's scripts, as an offline agent calls them: asked again while busy, and a refusal told in one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from _offline.sources import Trouble

BUSY = 75
TRIES = 5
PAUSE_SECONDS = 1.0


def answer(script: str, *words: str) -> Any:
    """Run a script and return the document it answers with; it is asked again while it is busy."""
    for _ in range(TRIES):
        try:
            done = subprocess.run(
                [script, *words], stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", check=False
            )
        except OSError as error:
            raise Trouble(
                f"{script} cannot be started: {error.strerror}; the scripts' folder must be on PATH"
            ) from None
        if done.returncode != BUSY:
            break
        time.sleep(PAUSE_SECONDS)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = None
    if done.returncode or not isinstance(answer, dict):
        refusal = answer.get("error") if isinstance(answer, dict) else None
        said = refusal.get("message") if isinstance(refusal, dict) else done.stderr.strip() or done.stdout.strip()
        raise Trouble(f"{script} answered with exit code {done.returncode}: {said or 'nothing'}")
    return answer


def say(text: str) -> None:
    """Say a line to whoever reads the run's log."""
    sys.stdout.write(f"{text}\n")
