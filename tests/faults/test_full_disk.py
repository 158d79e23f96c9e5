"""A full disk, of blocks and of inodes: every script says it, nothing is damaged, and all work goes on with room again.

Each verb that changes something meets a file system of 128 KB that is full to the last page, and one on which no file can
be made.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest
from tests.cli.homes import ALWAYS_JSON, FOR_PEOPLE, ROOT, VERBS, base_environ, run
from tests.cli.test_failing_disk import why_not
from tests.faults.full_disk_cases import CASES

ONLY_LOOK = {
    "check", "follow", "health", "job", "jobs", "list", "preflight", "queue", "ready", "show", "steps", "timeline",
    "validate",
}  # fmt: skip
# They write nothing into the home themselves, or as another verb does.
LEFT_OUT = {
    ("notify",): "sends, and writes nothing",
    ("serve_runs",): "asks stream_run for all it writes",
    ("call_model",): "needs a model that answers",
    ("assignment", "clean"): "git writes, in the user's repository",
    ("stream_run", "retry"): "needs a model that has failed; it writes what start writes",
}


@pytest.mark.skipif(bool(why_not()), reason=why_not())
@pytest.mark.parametrize("what", ["blocks", "inodes"])
def test_every_script_says_that_the_disk_is_full_and_damages_nothing(tmp_path: Path, what: str) -> None:
    words = ["unshare", "-m", sys.executable, "-m", "tests.faults.full_disk", tmp_path / "home", what]
    done = run(*words, environ=base_environ(PYTHONPATH=f"{ROOT}:{ROOT}/scripts"), cwd=ROOT)

    assert done.code == 0, done
    wrong = json.loads(done.out)
    assert not wrong, "\n".join(wrong)


def test_every_verb_that_changes_something_is_tried() -> None:
    every = {(script,) for script in (*ALWAYS_JSON, *FOR_PEOPLE)}
    every |= {(script, verb) for script, verbs in VERBS.items() for verb in verbs if verb not in ONLY_LOOK}
    tried = {tuple(shlex.split(case.words)[: 1 + (shlex.split(case.words)[0] in VERBS)]) for case in CASES}
    assert every - tried == LEFT_OUT.keys()
