"""``transfer.py``: pipelines, services and campaigns from home to home, whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import Home, campaign, template, tree

from baton.store import strict_yaml
from baton.store.plain_yaml import as_yaml

NASTY = [
    "no",
    "012",
    "1e5",
    "0x1F",
    "2026-11-21",
    "12:30",
    "null",
    "~",
    "- a",
    "a: b",
    "# no comment",
    "",
    " a ",
    "tab\t",
    "ä\u2028ö",
    "=",
    "<<",
]
SERVICES = """\
# mine
categories:
  seo:
    display_name: SEO
    services:
      - {name: first, api_key_env: FIRST_KEY, priority: 1, config: {depth: 3}}
      - {name: second}
"""


@pytest.fixture
def full(home: Home) -> Home:
    """A home with a pipeline, two services, and two campaigns."""
    (home.root / "config/services.yaml").write_text(SERVICES)
    source = home.file("brief.md", "# Brief\n\ntext  \n\n---\nnull\n")
    home.make_campaign("spring", sources=[source], seed_keywords=NASTY[:3], notes="Two\nlines: yes\n")
    home.make_campaign("autumn", generate="batch", services={"seo": ["second"]}, skills=["-x"])
    home.ok("activate_campaign", "autumn")
    return home


@pytest.fixture
def other(tmp_path: Path) -> Home:
    home = Home(tmp_path / "other/home")
    (home.root / "config/services.yaml").unlink()
    return home


def exported(home: Home, name: str, *words: str) -> str:
    path = str(home.root.parent / name)
    home.ok("transfer", "export", path, *words)
    return path


def facts(home: Home, slug: str) -> dict[str, Any]:
    left_out = {
        "history",
        "created_at",
        "updated_at",
        "version",
        "status",
        "planned",
        "activated_at",
        "created_by",
        "generated",
    }
    return {key: value for key, value in home.campaign(slug).items() if key not in left_out}


@pytest.mark.parametrize("name", ["all.yaml", "all.json"])
def test_everything_comes_over_and_comes_over_again_the_same(full: Home, other: Home, name: str) -> None:
    path = exported(full, name)
    made = other.ok("transfer", "import", path, "--json").json["made"]

    assert made == {
        "pipelines": ["my-line"], "services": ["first", "second"], "projects": ["acme"], "campaigns": ["autumn", "spring"],
    }  # fmt: skip
    for slug in ("spring", "autumn"):
        assert facts(other, slug) == facts(full, slug)
        assert (other.campaign(slug)["status"], other.campaign(slug)["planned"]) == ("planning", [])
    sources = "projects/acme/campaigns/spring/sources/brief.md"
    assert (other.root / sources).read_bytes() == (full.root / sources).read_bytes()
    assert other.ok("service", "list", "--json").json == full.ok("service", "list", "--json").json
    assert (
        other.ok("pipeline", "show", "my-line", "--json").json == full.ok("pipeline", "show", "my-line", "--json").json
    )
    assert Path(exported(other, f"again-{name}")).read_bytes() == Path(path).read_bytes()
    assert Path(path).read_text().startswith("{" if name == "all.json" else "baton_export: 1\npipelines:\n- slug: ")
    other.ok("activate_campaign", "spring")


def test_what_is_named_is_exported_alone(full: Home) -> None:
    path = exported(full, "some.json", "--campaign", "spring", "--service", "second")
    found = json.loads(Path(path).read_text())
    assert [one["written"]["slug"] for one in found["campaigns"]] == ["spring"]
    assert "pipelines" not in found
    assert [one["name"] for one in found["services"]["categories"]["seo"]["services"]] == ["second"]


def test_a_campaign_brings_the_pipeline_that_it_froze(full: Home, other: Home) -> None:
    (full.root / "config/pipelines/my-line.yaml").unlink()
    path = exported(full, "some.yaml", "--campaign", "spring")
    other.ok("transfer", "import", path)
    assert other.campaign("spring")["snapshot"] == full.campaign("spring")["snapshot"]


def test_a_project_comes_over_with_its_products_and_focus_groups(full: Home, other: Home) -> None:
    bread = "{slug: bread, name: Bread, project: acme, context: {features: [crust]}}"
    full.ok("product", "create", full.file("p.yaml", bread))
    group = "{name: Home bakers, product: bread, project: acme, fears: [burns]}"
    full.ok("focus_group", "create", full.file("g.yaml", group))
    full.ok("product", "create", full.file("q.yaml", "{slug: old, name: Old, project: acme}"))
    full.ok("product", "archive", "old", "--project", "acme")
    full.make_campaign("targeted", products=["bread"], focus_groups=["Home bakers"])

    other.ok("transfer", "import", exported(full, "some.yaml", "--campaign", "targeted"))

    for script, name in (("product", "bread"), ("product", "old"), ("focus_group", "home-bakers")):
        shown = [home.ok(script, "show", name, "--project", "acme", "--json").json for home in (full, other)]
        assert shown[0] == shown[1]
    assert facts(other, "targeted") == facts(full, "targeted")


def test_a_campaign_for_what_its_project_has_not_is_refused(full: Home, other: Home) -> None:
    full.ok("product", "create", full.file("p.yaml", "{slug: bread, name: Bread, project: acme}"))
    full.make_campaign("targeted", products=["bread"])
    other.make_campaign("mine")
    before = tree(other.root)
    path = exported(full, "some.yaml", "--campaign", "targeted")
    done = other.call("transfer", "import", path, "--skip-existing", "--json")
    assert done.refusal == (1, "invalid_input")
    assert "'bread', which project 'acme' has not" in done.error["message"]
    assert tree(other.root) == before


def test_what_is_here_is_refused_and_nothing_is_made(full: Home, other: Home) -> None:
    path = exported(full, "all.yaml")
    other.make_campaign("spring")
    before = tree(other.root)
    done = other.call("transfer", "import", path, "--json")
    assert done.refusal == (1, "already_exists")
    assert "campaign 'spring'" in done.error["message"]
    assert tree(other.root) == before


def test_what_is_here_and_says_the_same_is_no_reason_to_refuse(full: Home, other: Home) -> None:
    (other.root / "config/services.yaml").write_text(SERVICES)
    other.ok("pipeline", "create", other.file("my-line.json", template()))
    done = other.ok("transfer", "import", exported(full, "all.yaml"), "--json").json
    assert done["made"] == {"pipelines": [], "services": [], "projects": ["acme"], "campaigns": ["autumn", "spring"]}
    assert done["skipped"] == {
        "pipelines": ["my-line"],
        "services": ["first", "second"],
        "projects": [],
        "campaigns": [],
    }
    assert (other.root / "config/services.yaml").read_text() == SERVICES


@pytest.mark.parametrize("what", ["pipeline", "service"])
def test_what_is_here_and_says_something_else_is_refused(full: Home, other: Home, what: str) -> None:
    if what == "service":
        (other.root / "config/services.yaml").write_text(SERVICES.replace("depth: 3", "depth: 4"))
    else:
        other.ok("pipeline", "create", other.file("my-line.json", template(name="Mine")))
    done = other.call("transfer", "import", exported(full, "all.yaml"), "--json")
    assert done.refusal == (1, "already_exists")


def test_what_is_here_is_passed_over_when_asked(full: Home, other: Home) -> None:
    path = exported(full, "all.yaml")
    other.make_campaign("spring", name="Mine")
    (other.root / "config/services.yaml").write_text(
        "# mine\ncategories: {seo: {services: [{name: first, priority: 7}]}}\n"
    )
    done = other.ok("transfer", "import", path, "--skip-existing", "--json").json
    assert done["made"] == {"pipelines": [], "services": ["second"], "projects": [], "campaigns": ["autumn"]}
    assert done["skipped"] == {
        "pipelines": ["my-line"],
        "services": ["first"],
        "projects": ["acme"],
        "campaigns": ["spring"],
    }
    assert other.campaign("spring")["name"] == "Mine"
    services = other.ok("service", "list", "--json").json
    assert [(one["name"], one["priority"]) for one in services] == [("first", 7), ("second", 10)]
    assert (other.root / "config/services.yaml.before-import").read_text().startswith("# mine\n")
    again = other.ok("transfer", "import", path, "--skip-existing", "--json").json
    assert not any(again["made"].values())


def test_a_dry_run_says_the_same_and_changes_nothing(full: Home, other: Home) -> None:
    path = exported(full, "all.yaml")
    other.ok("task", "list")
    other.ok("check_pipeline")
    before = tree(other.root)
    dry = other.ok("transfer", "import", path, "--dry-run", "--json").json
    assert tree(other.root) == before
    assert other.ok("transfer", "import", path, "--json").json == dry | {"dry_run": False}


# -- what is refused ----------------------------------------------------------------------------------------------


def bundle(**fields: Any) -> dict[str, Any]:
    return {"baton_export": 1} | fields


def entry(**fields: Any) -> dict[str, Any]:
    written = {key: value for key, value in campaign(**fields).items() if key != "sources"}
    return {"written": written, "snapshot": template(), "sources": {}}


def with_source(name: str, text: str = "x") -> dict[str, Any]:
    made = entry()
    return made | {"sources": {name: text}, "written": made["written"] | {"sources": [name]}}


ONE = {"services": [{"name": "x"}]}
LOST = {"agent": "alpha", "expects": [{"file": "x", "schema": "gone.json"}]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", ""),
        ("{", ""),
        (bundle(baton_export=2), "another Baton made it"),
        (bundle(tasks=[]), "unknown key"),
        (bundle(pipelines=[template(), template()]), "is there twice"),
        (bundle(campaigns=[entry(), entry()]), "is there twice"),
        (bundle(campaigns=[entry(pipeline="other")]), "is of pipeline"),
        (bundle(campaigns=[entry() | {"sources": {"a.md": "x"}}]), "are not those that 'written' names"),
        (bundle(campaigns=[with_source("../a.md")]), "not the name of a file"),
        (bundle(campaigns=[with_source("a.md", " ")]), "is empty"),
        (bundle(campaigns=[entry(deliverables={"moon": True})], pipelines=[template(slug="content-draft")]), "content-draft"),
        (bundle(services={"categories": {"a": ONE, "b": ONE}}), "listed in a and again in b"),
        (bundle(pipelines=[template(main_steps=[])]), "none of the steps has an agent"),
        (bundle(pipelines=[template(main_steps=[LOST])]), "gone.json"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_and_leaves_nothing(other: Home, content: Any, said: str) -> None:
    other.ok("check_pipeline")
    before = tree(other.root)
    path = other.file("x.json" if isinstance(content, dict) else "x.yaml", content)
    done = other.call("transfer", "import", path, "--json")
    assert done.code == 1 and said in done.error["message"], done
    assert tree(other.root) == before


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_failing_disk_takes_back_what_was_made_before_a_record_is(
    full: Home, other: Home, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = exported(
        full, "all.json", "--pipeline", "my-line", "--service", "first", "--service", "second", "--campaign", "spring"
    )
    (other.root / "config/services.yaml").write_text("categories: {}\n")
    other.ok("check_pipeline")
    before = tree(other.root)
    links, renames, fired = os.link, os.rename, []

    def fail(call: Any) -> Any:
        def called(*words: Any) -> Any:
            if "/config/" in str(words[1]) or "/campaigns/" in str(words[1]):
                fired.append(words[1])
                if len(fired) == number:
                    raise OSError(28, "No space left on device")
            return call(*words)

        return called

    with monkeypatch.context() as broken:
        broken.setattr("os.link", fail(links))
        broken.setattr("os.rename", fail(renames))
        done = other.call("transfer", "import", path, "--json")
    assert (done.refusal, len(fired) >= number) == ((1, "disk_full"), True)
    left = {name: found for name, found in tree(other.root).items() if not name.startswith("projects/")}
    assert left == {name: found for name, found in before.items() if not name.startswith("projects/")}
    assert [path for path in (other.root / "projects").rglob("*") if path.is_file()] == []


def test_a_key_in_a_text_is_not_exported_unasked(full: Home) -> None:
    (full.root / ".env").write_text("FIRST_KEY=0123456789abcdef\n")
    full.ok("campaign", "update", "spring", "--notes", "the key is 0123456789abcdef")
    path = str(full.root.parent / "all.yaml")
    done = full.call("transfer", "export", path, "--json")
    assert (done.refusal, os.path.exists(path)) == ((1, "invalid_input"), False)
    full.ok("transfer", "export", path, "--with-secrets")


@pytest.mark.parametrize("words", [["--campaign", "nobody"], ["--pipeline", "content-draft"], ["--service", "nobody"]])
def test_what_is_not_here_cannot_be_exported(full: Home, words: list[str]) -> None:
    path = str(full.root.parent / "x.yaml")
    done = full.call("transfer", "export", path, *words, "--json")
    assert (done.code, os.path.exists(path)) == (1, False)
    assert done.error["code"].endswith("_not_found")


@pytest.mark.parametrize("name", ["x.txt", "x"])
def test_a_file_of_another_kind_is_refused(full: Home, name: str) -> None:
    assert full.call("transfer", "export", str(full.root.parent / name), "--json").refusal == (2, "invalid_input")


def test_an_export_writes_over_nothing(full: Home) -> None:
    path = full.file("x.yaml", "mine")
    assert full.call("transfer", "export", path, "--json").refusal == (1, "already_exists")
    assert Path(path).read_text() == "mine"


def test_a_damaged_campaign_is_named_not_left_out(full: Home) -> None:
    (full.state / "campaigns/spring.json").write_text("{half")
    done = full.call("transfer", "export", str(full.root.parent / "x.yaml"), "--json")
    assert done.code == 1 and "spring" in done.error["message"]


@pytest.mark.parametrize(
    "text", [*NASTY, "many\nlines\n", "trailing \nblanks", "x" * 300, "\U0001f600", "'quotes\"", "%", "@a", "a #b"]
)
def test_any_text_is_read_from_yaml_as_it_was(text: str) -> None:
    data = {"text": text, "list": [text, 1, 1.5, True, None], text or "key": {}}
    assert strict_yaml.parse(as_yaml(data, "x.yaml", 1 << 20), "x.yaml").data == data
