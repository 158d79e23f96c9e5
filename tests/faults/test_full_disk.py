"""A full disk, of blocks and of inodes: every script says it, nothing is damaged, and all work goes on with room again.

Each script meets a file system of 96 KB that is full to the last page, and one on which no file can be made.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tests.cli.homes import ROOT, base_environ, run
from tests.cli.test_failing_disk import why_not


@pytest.mark.skipif(bool(why_not()), reason=why_not())
@pytest.mark.parametrize("what", ["blocks", "inodes"])
def test_every_script_says_that_the_disk_is_full_and_damages_nothing(tmp_path: Path, what: str) -> None:
    words = ["unshare", "-m", sys.executable, "-m", "tests.faults.full_disk", tmp_path / "home", what]
    done = run(*words, environ=base_environ(PYTHONPATH=f"{ROOT}:{ROOT}/scripts"), cwd=ROOT)

    assert done.code == 0, done
    wrong = json.loads(done.out)
    assert not wrong, "\n".join(wrong)
