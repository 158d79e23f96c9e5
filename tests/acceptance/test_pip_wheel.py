"""Where pip's own wheel is looked for, and which one is taken: as pip itself would."""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path

import pytest
from tests.acceptance.checkouts import Index

from baton import pip_wheel

pytest_plugins = ["tests.acceptance.installing"]


def test_a_variable_comes_before_the_file_that_PIP_CONFIG_FILE_names(tmp_path: Path) -> None:
    settings = tmp_path / "pip.conf"
    settings.write_text("[global]\nindex-url = https://file/simple\nextra-index-url = https://a/simple\n https://b/s\n")
    environment = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(settings), "PIP_INDEX_URL": "https://variable/simple"}
    found = pip_wheel.sources(environment).indexes
    assert found == ["https://variable/simple", "https://a/simple", "https://b/s"]
    assert pip_wheel.sources({**environment, "PIP_NO_INDEX": "true"}).indexes == []


@pytest.mark.parametrize("as_json", [False, True], ids=["html", "json"])
def test_wheel_is_taken_from_an_index_only_with_the_hash_it_names(index: Index, tmp_path: Path, as_json: bool) -> None:
    index.as_json = as_json
    environment = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index.url}
    found = pip_wheel.fetch(tmp_path, pip_wheel.sources(environment))
    assert found.read_bytes() == next(index.wheels.glob("pip-*.whl")).read_bytes()
    found.unlink()
    index.lies = True
    with pytest.raises(pip_wheel.WheelNotFound, match="sha256 differs"):
        pip_wheel.fetch(tmp_path, pip_wheel.sources(environment))
    assert list(tmp_path.iterdir()) == []


def test_log_in_of_an_index_is_used_for_its_files_and_never_shown(index: Index, tmp_path: Path) -> None:
    index.login = "Basic " + base64.b64encode(b"me:pass word").decode()
    environment = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index.url.replace("//", "//me:pass%20word@")}
    assert pip_wheel.fetch(tmp_path, pip_wheel.sources(environment)).exists()
    index.login = "Basic another"
    with pytest.raises(pip_wheel.WheelNotFound) as caught:
        pip_wheel.fetch(tmp_path, pip_wheel.sources(environment))
    assert re.fullmatch(rf"no wheel of pip at {re.escape(index.url)}/pip/: Unauthorized", str(caught.value))


def test_plain_http_is_refused_as_pip_refuses_it(tmp_path: Path) -> None:
    environment = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://index.invalid/simple"}
    with pytest.raises(pip_wheel.WheelNotFound, match="not https, and not a trusted-host"):
        pip_wheel.fetch(tmp_path, pip_wheel.sources(environment))


@pytest.mark.parametrize("kind", ["html", "json"])
def test_newest_release_for_this_python_is_taken(tmp_path: Path, kind: str) -> None:
    offered = [
        ("pip-9.0-py2.py3-none-any.whl", "", None),
        ("pip-24.1-py3-none-any.whl", ">=3.8", None),
        ("pip-24.10-py3-none-any.whl", "", "broken"),
        ("pip-25.0b1-py3-none-any.whl", "", None),
        ("pip-99.0-py3-none-any.whl", ">=3.99", None),
        ("pip-24.9.tar.gz", "", None),
        ("piper-99-py3-none-any.whl", "", None),
    ]
    page = tmp_path / f"page.{kind}"
    if kind == "json":
        rows = [
            {"url": name, "requires-python": python, "yanked": yanked or False, "hashes": {}}
            for name, python, yanked in offered
        ]
        page.write_text(json.dumps({"files": rows}))
    else:
        for name, python, yanked in offered:
            more = f' data-yanked="{yanked}"' if yanked else ""
            with page.open("a") as file:
                file.write(f'<a href="{name}" data-requires-python="{python.replace(">", "&gt;")}"{more}>{name}</a>\n')
    for name, _, _ in offered:
        (tmp_path / name).write_text(name)
    target = tmp_path / "target"
    target.mkdir()
    looked = pip_wheel.Sources(indexes=[], find_links=[str(page)], certificates=None, trusted_hosts=[])
    assert pip_wheel.fetch(target, looked).read_text() == "pip-24.1-py3-none-any.whl"


def test_folder_of_wheels_is_a_source(tmp_path: Path) -> None:
    for version in ("9.0", "24.1"):
        (tmp_path / f"pip-{version}-py3-none-any.whl").write_text(version)
    target = tmp_path / "target"
    target.mkdir()
    looked = pip_wheel.Sources(indexes=[], find_links=[str(tmp_path)], certificates=None, trusted_hosts=[])
    assert pip_wheel.fetch(target, looked).read_text() == "24.1"
