"""The pages say what the code does: scripts in README's table, state machines in DESIGN, links that lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.diagrams import DESIGN, with_generated

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
SCRIPTS = sorted(path.name for path in (ROOT / "scripts").glob("*.py"))


def test_every_script_stands_in_the_table_of_the_readme() -> None:
    table = README.partition("## Scripts")[2].partition("## Where files lie")[0]
    named = set(re.findall(r"`([a-z_]+\.py)", table))
    assert named == set(SCRIPTS)


def test_every_verb_in_the_table_is_one_of_its_script() -> None:
    table = README.partition("## Scripts")[2].partition("## Where files lie")[0]
    for script, cell in re.findall(r"\| `((?:campaign|task|pipeline)\.py)` \| ([^|]*) \|", table):
        verbs = {verb.split()[0] for verb in re.findall(r"`([a-z-]+[^`]*)`", cell)}
        shown = subprocess.run(
            [sys.executable, ROOT / "scripts" / script, "--help"], capture_output=True, text=True, check=True
        ).stdout
        listed = set(re.findall(r"^  ([a-z-]+)  ", shown.partition("Commands:")[2], re.MULTILINE))
        assert verbs == listed, script


def test_the_state_machines_in_the_design_are_those_of_the_tables() -> None:
    text = DESIGN.read_text()
    assert with_generated(text) == text, "run: python -m tests.diagrams --write"


@pytest.mark.parametrize("page", ["README.md", "docs/DESIGN.md", "CHANGELOG.md"])
def test_links_to_files_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("http") or ((ROOT / page).parent / target).exists(), target


def test_the_campaign_of_ones_own_in_the_readme_runs_as_it_is_typed(tmp_path: Path) -> None:
    part = README.partition("## A campaign of your own")[2].partition("## Scripts")[0]
    blocks = re.findall(r"```\n(.*?)```", part, re.DOTALL)
    assert len(blocks) == 3
    typed = "\n".join(["set -e", *blocks]).replace("~/baton-home", f"{tmp_path}/baton-home")
    typed = typed.replace("scripts/", f"{ROOT}/scripts/")
    wait = (
        f'for i in $(seq 300); do {ROOT}/scripts/campaign.py show hello --json | grep -q \'"status":"completed"\' '
        "&& exit 0; sleep 0.1; done; exit 1"
    )
    done = subprocess.run(
        ["/bin/sh", "-c", f"{typed}\n{wait}"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "BATON_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    made = tmp_path / "baton-home/projects/acme/campaigns/hello/drafts"
    assert sorted(path.read_text() for path in made.iterdir()) == [
        "Hello from task hello-001\n",
        "Hello from task hello-002\n",
    ]
