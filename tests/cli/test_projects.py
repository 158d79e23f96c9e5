"""``project.py``, ``product.py``, ``focus_group.py``; what campaigns target; one project does not see another's tasks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cli.homes import LINE, Home, template, tree

PROJECT = {"slug": "bakery", "name": "The Bakery", "description": "Bread by hand"}
PRODUCT = {
    "project": "bakery",
    "slug": "loaf",
    "name": "Sourdough loaf",
    "description": "A loaf with a crust",
    "context": {"what_it_is": "Rye and wheat", "features": ["48 hours"], "website": "https://bakery.example"},
    "brand_voice": {"tone": "warm", "preferred_words": "crust, crumb", "avoided_words": ["artisan"]},
}
GROUP = {"product": "loaf", "name": "Home bakers", "pain_points": ["sticky dough"], "demographics": {"age": "30-60"}}
DOCUMENT = "## 1. Home bakers\n\n- Fears: flat loaves\n\n## 2. Restaurants\n\n- Hooks: Out of bread?\n- Size: 4\n"
NOTHING = "nickname, category, overview, psychographics, core desires, beliefs, objections, emotional triggers"


@pytest.fixture
def stocked(home: Home) -> Home:
    """A home with a project, a product and a focus group."""
    home.ok("project", "create", home.file("p.json", PROJECT))
    home.ok("product", "create", home.file("loaf.json", PRODUCT))
    home.ok("focus_group", "create", home.file("g.json", GROUP))
    return home


def add_mill(home: Home) -> None:
    """A second project, with a product and a group of its own."""
    home.ok("project", "create", home.file("m.json", {"slug": "mill", "name": "The Mill"}))
    home.ok("product", "create", home.file("flour.json", {"project": "mill", "slug": "flour", "name": "Flour"}))
    home.ok("focus_group", "create", home.file("k.json", {"product": "flour", "name": "Millers"}))


def add_campaigns(home: Home) -> None:
    """A campaign with a task in each of two projects, and a task of a third."""
    home.make_campaign("spring", project="bakery", target_article_count=1)
    home.make_campaign("autumn", project="mill", target_article_count=1)
    for slug in ("spring", "autumn"):
        home.ok("activate_campaign", slug, "--no-dispatch")
    home.make_task("loose", project="press")


def record(home: Home, slug: str = "bakery") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home.state / f"projects/{slug}.json").read_text())
    return found


# -- records ------------------------------------------------------------------------------------------------------


def test_a_project_a_product_and_a_focus_group_are_made_from_files(stocked: Home) -> None:
    found = record(stocked)
    assert (found["name"], found["description"], found["status"]) == ("The Bakery", "Bread by hand", "active")
    loaf = found["products"]["loaf"]
    assert loaf["context"]["features"] == ["48 hours"]
    assert loaf["brand_voice"]["preferred_words"] == ["crust", "crumb"]
    group = found["focus_groups"]["home-bakers"]
    assert (group["product"], group["number"], group["source"]) == ("loaf", 1, "manual")
    assert group["demographics"] == ["age: 30-60"]
    assert [event["type"] for event in stocked.events()] == ["project_created", "product_added", "focus_group_added"]


def test_a_file_may_be_yaml(home: Home) -> None:
    text = 'slug: bakery\nname: The Bakery\nappearance: {icon: "🍞", colour: "#aa5500"}\n'
    found = home.ok("project", "create", home.file("p.yaml", text), "--json").json
    assert (found["id"], found["appearance"]) == ("bakery", {"icon": "🍞", "colour": "#aa5500"})


def test_show_tells_what_there_is(stocked: Home) -> None:
    project = stocked.ok("project", "show", "bakery").out
    product = stocked.ok("product", "show", "loaf").out
    group = stocked.ok("focus_group", "show", "home bakers").out
    assert "  product   loaf: Sourdough loaf\n    readers 1 home-bakers: Home bakers\n" in project
    assert "    preferred words crust; crumb\n" in product
    assert "  pain points         sticky dough\n" in group
    assert f"  not known: {NOTHING}" not in group  # fears and hooks are missing, too
    assert "  not known: nickname, category, overview, psychographics, core desires, fears," in group


def test_lists_tell_archived_ones_only_when_asked(stocked: Home) -> None:
    stocked.ok("focus_group", "archive", "home-bakers")
    stocked.ok("product", "archive", "loaf")
    stocked.ok("project", "archive", "bakery")
    for script, slug in (("project", "bakery"), ("product", "loaf"), ("focus_group", "home-bakers")):
        assert stocked.ok(script, "list", "--json").json == []
        (one,) = stocked.ok(script, "list", "--all", "--json").json
        assert (one["slug"], one["status"]) == (slug, "archived")


def test_what_was_archived_can_be_taken_out_again(stocked: Home) -> None:
    before = record(stocked)
    for script, slug in (("focus_group", "home-bakers"), ("product", "loaf"), ("project", "bakery")):
        stocked.ok(script, "archive", slug)
    refused = stocked.call("product", "update", "loaf", "--name", "x", "--json")
    for script, slug in (("project", "bakery"), ("product", "loaf"), ("focus_group", "home-bakers")):
        stocked.ok(script, "unarchive", slug)
    after = record(stocked)

    assert refused.refusal == (1, "illegal_transition")
    assert refused.error["message"] == "the project is archived; its products cannot be changed"
    changing = ("version", "updated_at", "history", "products", "focus_groups")
    assert {key: after[key] for key in after if key not in changing} == {
        key: before[key] for key in before if key not in changing
    }
    assert after["products"]["loaf"]["status"] == after["focus_groups"]["home-bakers"]["status"] == "active"


def test_an_update_changes_what_it_names_in_a_file_and_by_options(stocked: Home) -> None:
    more = {"brand_voice": {"tone": "dry"}, "context": {"pricing": "6 euros"}}
    stocked.ok("product", "update", "loaf", stocked.file("more.json", more), "--name", "Loaf")
    stocked.ok("focus_group", "update", "home-bakers", "--nickname", "The patient")
    stocked.ok("project", "update", "bakery", "--description", "")
    found = record(stocked)
    loaf = found["products"]["loaf"]
    assert (loaf["name"], loaf["brand_voice"]["tone"], loaf["context"]["pricing"]) == ("Loaf", "dry", "6 euros")
    assert (loaf["brand_voice"]["avoided_words"], loaf["context"]["features"]) == (["artisan"], ["48 hours"])
    assert (found["focus_groups"]["home-bakers"]["nickname"], found["description"]) == ("The patient", "")


@pytest.mark.parametrize(
    ("script", "words", "written", "code", "message"),
    [
        ("project", ("create",), {"slug": "x"}, "invalid_input", "x.json: the key 'name' is missing"),
        ("project", ("create",), PROJECT, "already_exists", "there is a project 'bakery' already (active)"),
        ("project", ("create",), PROJECT | {"colour": 1}, "invalid_input", "x.json:1: colour: unknown key"),
        ("product", ("create",), PRODUCT, "already_exists", "project 'bakery' has a product 'loaf' already"),
        ("product", ("create",), PRODUCT | {"project": "mil"}, "project_not_found", "there is no project 'mil'"),
        ("product", ("create",), {"slug": "x"}, "invalid_input", "x.json: the key 'name' is missing"),
        ("focus_group", ("create",), {"name": "X"}, "invalid_input", "x.json: the key 'product' is missing"),
        ("focus_group", ("create",), GROUP, "already_exists", "has a focus group 'home-bakers' already"),
        ("focus_group", ("create",), GROUP | {"product": "loav"}, "product_not_found", "has no product 'loav'"),
        ("focus_group", ("create",), GROUP | {"fear": "x"}, "invalid_input", "fear: unknown key"),
        ("project", ("update", "bakery"), {"status": "archived"}, "invalid_input", "status: is not changed by a file"),
        ("project", ("update", "bakery"), {"slug": "mill"}, "invalid_input", "slug: it is 'bakery'"),
        ("product", ("update", "loaf"), {"project": "mill"}, "invalid_input", "project: it is 'bakery'"),
        ("product", ("update", "loaf"), {}, "invalid_input", "nothing to change is named"),
        ("focus_group", ("update", "home-bakers"), {"product": "x"}, "invalid_input", "product: it is 'loaf'"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_obeyed_leaves_nothing_behind(
    stocked: Home, script: str, words: tuple[str, ...], written: dict[str, Any], code: str, message: str
) -> None:
    before = record(stocked)
    done = stocked.call(script, *words, stocked.file("x.json", written), "--json")
    assert done.refusal == (1, code)
    assert message in done.error["message"]
    assert record(stocked) == before


def test_the_nearest_known_key_is_named(stocked: Home) -> None:
    done = stocked.call("focus_group", "create", stocked.file("x.json", GROUP | {"pain_point": "x"}), "--json")
    assert done.error["cure"] == "did you mean 'pain_points'?"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("project", "show", "bakry"), "there is no project 'bakry'"),
        (("product", "show", "loav"), "project 'bakery' has no product 'loav'"),
        (("focus_group", "show", "bakers"), "project 'bakery' has no focus group 'bakers'"),
    ],
)
def test_what_is_not_there_is_named_with_the_nearest(stocked: Home, words: tuple[str, ...], message: str) -> None:
    done = stocked.call(*words, "--json")
    assert done.code == 1
    assert done.error["message"] == message
    assert done.error["cure"].startswith("did you mean '")


def test_an_option_is_checked_as_a_file_is(stocked: Home) -> None:
    done = stocked.call("product", "update", "loaf", "--name", " ", "--json")
    assert done.refusal == (2, "invalid_input")
    assert done.error["message"] == "--name must be one line that is not empty"


def test_one_slug_in_two_projects_asks_which(stocked: Home) -> None:
    add_mill(stocked)
    stocked.ok("product", "create", stocked.file("x.json", {"project": "mill", "slug": "loaf", "name": "Mill loaf"}))
    done = stocked.call("product", "show", "loaf", "--json")
    said = stocked.ok("product", "show", "loaf", "--json", "--project", "mill").json
    by_default = stocked.ok("product", "show", "loaf", "--json", BATON_PROJECT="mill").json
    assert done.error["message"] == "2 projects have a product 'loaf': bakery, mill"
    assert said["name"] == by_default["name"] == "Mill loaf"


def test_a_damaged_project_is_named_and_left_where_it_is(stocked: Home) -> None:
    path = stocked.state / "projects/bakery.json"
    path.write_bytes(path.read_bytes()[:-9])
    before = path.read_bytes()
    swept = stocked.ok("check_pipeline").json
    damaged = stocked.ok("status", "--json").json["damaged"]
    refused = stocked.call("project", "show", "bakery", "--json")
    warned = [one["message"] for one in stocked.call("doctor", "--json").json["warnings"] if "bakery" in one["message"]]

    assert (path.read_bytes(), swept["quarantined"]) == (before, 0)
    assert [(one["kind"], one["id"], one["state"]) for one in damaged] == [("project", "bakery", "damaged")]
    assert refused.refusal == (1, "state_damaged")
    assert refused.error["cure"] == "mend state/projects/bakery.json, or restore it from a backup"
    assert len(warned) == 1


# -- imports ------------------------------------------------------------------------------------------------------


def test_an_import_adds_and_completes_groups_and_names_what_is_missing(stocked: Home) -> None:
    file = stocked.file("groups.md", DOCUMENT)
    found = stocked.ok("focus_group", "import", file, "--product", "loaf", "--json").json
    assert (found["created"], found["updated"], found["unchanged"]) == (["restaurants"], ["home-bakers"], [])
    bakers, restaurants = found["groups"]
    assert "fears" not in bakers["missing"]
    assert bakers["missing"][:4] == ["nickname", "category", "overview", "psychographics"]
    assert (restaurants["number"], restaurants["ignored"]) == (2, ["size"])
    assert found["warnings"][-1] == "restaurants: no field is called size; passed over"
    kept = record(stocked)["focus_groups"]
    assert (kept["home-bakers"]["pain_points"], kept["home-bakers"]["fears"]) == (["sticky dough"], ["flat loaves"])
    assert (kept["restaurants"]["source"], kept["restaurants"]["last_enriched"]) == ("uploaded", None)


def test_an_import_says_it_in_words_and_again_changes_nothing(stocked: Home) -> None:
    file = stocked.file("groups.md", DOCUMENT)
    first = stocked.ok("focus_group", "import", file, "--product", "loaf").out
    before = record(stocked)
    again = stocked.ok("focus_group", "import", file, "--product", "loaf").out
    assert first.startswith("Read 2 focus groups for product 'loaf' of project 'bakery': 1 new, 1 changed.\n")
    assert "warning: restaurants: nothing on nickname, category, overview, demographics" in first
    assert again.startswith("Read 2 focus groups for product 'loaf' of project 'bakery': 0 new, 0 changed.\n")
    assert record(stocked) == before


def test_research_by_hand_may_be_said_to_be_that(stocked: Home) -> None:
    file = stocked.file("groups.csv", "name,fears\nShops,waste\n")
    stocked.ok("focus_group", "import", file, "--product", "loaf", "--source", "researched")
    shops = record(stocked)["focus_groups"]["shops"]
    assert (shops["source"], shops["last_enriched"]) == ("researched", shops["updated_at"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.md", "", "there is nothing in it"),
        ("x.md", "# Bread\n", "no focus group was found in it"),
        ("x.md", b"\xff\xfe\x00", "is not UTF-8 text"),
        ("x.docx", b"PK\x03\x04\x00\x00", "is no text"),
        ("x.csv", "name,fears\nA,x\nA,y\n", "group 'A' stands there twice"),
        ("x.md", "## New\n- Fears: x\n" * 2, "stands there twice"),
        ("x.md", "y" * ((1 << 20) + 1), "the file is larger than 1048576 bytes"),
    ],
    ids=["empty", "no group", "no UTF-8", "an office file", "twice in a table", "twice", "too large"],
)
def test_a_document_that_cannot_be_used_leaves_nothing_behind(
    stocked: Home, name: str, content: str | bytes, message: str
) -> None:
    before = tree(stocked.root)
    done = stocked.call("focus_group", "import", stocked.file(name, content), "--product", "loaf", "--json")
    assert done.refusal == (1, "invalid_input")
    assert message in done.error["message"]
    assert tree(stocked.root) == before


def test_a_document_that_is_not_there_or_a_folder_is_said(stocked: Home) -> None:
    missing = stocked.call("focus_group", "import", str(stocked.root / "none.md"), "--product", "loaf", "--json")
    folder = stocked.call("focus_group", "import", str(stocked.root), "--product", "loaf", "--json")
    assert missing.error["message"] == f"there is no file {stocked.root}/none.md"
    assert folder.code == 1


# -- campaigns ----------------------------------------------------------------------------------------------------


def test_a_campaign_keeps_products_in_roles_and_groups_by_slug(stocked: Home) -> None:
    stocked.ok("product", "create", stocked.file("k.json", {"project": "bakery", "slug": "knife", "name": "Knife"}))
    wanted = ["loaf", {"product": "knife", "role": "upsell"}]
    publish = {"site": "https://bakery.example/blog", "author": "Ann"}
    stocked.make_campaign(project="bakery", products=wanted, focus_groups=["Home Bakers"], publish=publish)
    found = stocked.campaign()
    assert found["products"] == [{"product": "loaf", "role": "main"}, {"product": "knife", "role": "upsell"}]
    assert found["focus_groups"] == ["home-bakers"]
    assert found["publish"] == {"place": "", "format": "", "notes": ""} | publish
    told = stocked.ok("campaign", "show", "spring").out
    assert "  products  loaf (main), knife (upsell)\n  readers   home-bakers\n  publish   site: https" in told


def test_a_new_campaign_makes_its_projects_record_once(home: Home) -> None:
    home.make_campaign("spring", project="bakery")
    home.make_campaign("summer", project="bakery")
    found = record(home)
    assert (found["name"], found["version"], found["status"]) == ("bakery", 1, "active")
    (listed,) = home.ok("project", "list", "--json").json
    assert (listed["slug"], listed["campaigns"]) == ("bakery", 2)


def test_a_project_that_is_older_than_its_record_is_listed_and_can_be_made(home: Home) -> None:
    home.make_campaign("spring", project="bakery")
    (home.state / "projects/bakery.json").unlink()
    (listed,) = home.ok("project", "list", "--json").json
    assert (listed["slug"], listed["products"], listed["campaigns"]) == ("bakery", 0, 1)
    home.ok("project", "create", home.file("p.json", PROJECT))


def test_in_a_project_without_groups_any_word_may_stand_for_readers(home: Home) -> None:
    home.make_campaign(focus_groups=["people who bake"])
    assert home.campaign()["focus_groups"] == ["people who bake"]


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"focus_groups": ["Millers"]}, "invalid_input", "focus group 'Millers' is of project 'mill', not of 'bakery'"),
        ({"products": ["flour"]}, "invalid_input", "product 'flour' is of project 'mill', not of 'bakery'"),
        ({"focus_groups": ["home-baker"]}, "focus_group_not_found", "project 'bakery' has no focus group 'home-baker'"),
        ({"products": ["loav"]}, "product_not_found", "project 'bakery' has no product 'loav'"),
        ({"project": "new", "focus_groups": ["home-bakers"]}, "invalid_input", "is of project 'bakery', not of 'new'"),
        ({"project": "new", "products": ["bun"]}, "invalid_input", "products: project 'new' has no product 'bun'"),
        ({"products": [{"product": "loaf", "role": "side"}]}, "invalid_input", "invalid enum value 'side'"),
        ({"products": ["loaf", "loaf"]}, "invalid_input", "'loaf' is named twice"),
        ({"publish": {"url": "x"}}, "invalid_input", "publish.url: unknown key"),
        ({"publish": {"site": "x"}}, "invalid_input", "publish.site: 'x' is not an address"),
    ],
)  # fmt: skip
def test_a_campaign_that_targets_what_it_cannot_leaves_nothing_behind(
    stocked: Home, fields: dict[str, Any], code: str, message: str
) -> None:
    add_mill(stocked)
    stocked.ok("pipeline", "create", stocked.file("my-line.json", template()))
    written = {"project": "bakery", "slug": "spring", "name": "Spring", "pipeline": "my-line"} | fields
    before = tree(stocked.root)
    done = stocked.call("campaign", "create", stocked.file("spring.json", written), "--json")
    assert done.refusal == (1, code)
    assert message in done.error["message"]
    assert tree(stocked.root) == before


@pytest.mark.parametrize(
    ("script", "slug", "fields"),
    [
        ("project", "bakery", {}),
        ("product", "loaf", {"products": ["loaf"]}),
        ("focus_group", "home-bakers", {"focus_groups": ["home-bakers"]}),
    ],
)
def test_what_is_archived_cannot_be_targeted_by_a_new_campaign(
    stocked: Home, script: str, slug: str, fields: dict[str, Any]
) -> None:
    stocked.make_campaign("before", project="bakery", **fields)
    stocked.ok(script, "archive", slug)
    written = {"project": "bakery", "slug": "spring", "name": "Spring", "pipeline": "my-line"} | fields
    done = stocked.call("campaign", "create", stocked.file("spring.json", written), "--json")
    assert done.refusal == (1, "illegal_transition")
    assert f"'{slug}' is archived" in done.error["message"]
    assert done.error["cure"].startswith(f"{script}.py unarchive {slug}")
    # What is under way goes on.
    assert stocked.ok("activate_campaign", "before").json["created"] == ["before-001", "before-002"]


def test_what_a_campaign_targets_can_be_changed_while_it_goes_on(stocked: Home) -> None:
    add_mill(stocked)
    stocked.make_campaign(project="bakery", focus_groups=["home-bakers"])
    stocked.ok("focus_group", "create", stocked.file("s.json", {"product": "loaf", "name": "Shops"}))
    stocked.ok("focus_group", "archive", "home-bakers")
    more = {"products": [{"product": "loaf", "role": "addon"}], "focus_groups": ["shops", "home-bakers"]}
    more |= {"publish": {"author": "Ann"}, "seed_keywords": ["rye"]}
    stocked.ok("campaign", "update", "spring", stocked.file("more.json", more), "--notes", "be brief")
    found = stocked.campaign()
    again = stocked.file("again.json", {"publish": None, "products": []})
    stocked.ok("campaign", "update", "spring", again)

    assert found["products"] == [{"product": "loaf", "role": "addon"}]
    assert (found["focus_groups"], found["notes"]) == (["shops", "home-bakers"], "be brief")
    assert (found["publish"]["author"], found["seed_keywords"]) == ("Ann", ["rye"])
    assert (stocked.campaign()["publish"], stocked.campaign()["products"]) == (None, [])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"products": ["flour"]}, "product 'flour' is of project 'mill', not of 'bakery'"),
        ({"focus_groups": ["Millers"]}, "focus group 'Millers' is of project 'mill', not of 'bakery'"),
        ({"focus_groups": ["home-baker"]}, "project 'bakery' has no focus group 'home-baker'"),
        ({"name": " "}, "name: must not be empty"),
        ({"pipeline": "x"}, "pipeline: unknown key"),
        ({}, "nothing to change is named"),
    ],
)
def test_a_change_of_a_campaign_that_cannot_be_made_leaves_it_as_it_was(
    stocked: Home, fields: dict[str, Any], message: str
) -> None:
    add_mill(stocked)
    stocked.make_campaign(project="bakery")
    before = stocked.campaign()
    done = stocked.call("campaign", "update", "spring", stocked.file("x.json", fields), "--json")
    assert done.code == 1
    assert message in done.error["message"]
    assert stocked.campaign() == before


def test_a_home_from_before_there_were_projects_gets_their_folder(home: Home) -> None:
    (home.state / "projects").rmdir()
    home.ok("project", "create", home.file("p.json", PROJECT))
    assert record(home)["name"] == "The Bakery"


def test_groups_that_are_added_at_once_are_numbered_each(stocked: Home) -> None:
    files = [stocked.file(f"{name}.json", {"product": "loaf", "name": name}) for name in ("a", "b", "c", "d")]
    running = [stocked.start("focus_group", "create", file) for file in files]
    ends = [process.communicate(timeout=60) and process.returncode for process in running]
    assert ends == [0, 0, 0, 0]
    numbers = [group["number"] for group in record(stocked)["focus_groups"].values()]
    assert sorted(numbers) == [1, 2, 3, 4, 5]


def test_a_task_by_hand_is_checked_as_a_campaign_is(stocked: Home) -> None:
    add_mill(stocked)
    made = stocked.make_task("t-1", project="bakery", focus_groups=["Home Bakers"])
    steps = [{"agent": "alpha"}]
    strange = {"title": "T", "pipeline": steps, "project": "bakery", "focus_groups": ["Millers"]}
    refused = stocked.call("task", "create", stocked.file("t.json", strange), "--json")
    stocked.ok("project", "archive", "bakery")
    shelved = stocked.call("task", "create", stocked.file("t.json", strange | {"focus_groups": []}), "--json")
    assert made["focus_groups"] == ["home-bakers"]
    assert refused.error["message"] == "focus_groups: focus group 'Millers' is of project 'mill', not of 'bakery'"
    assert shelved.refusal == (1, "illegal_transition")


# -- prompts ------------------------------------------------------------------------------------------------------


def test_what_a_campaign_targets_reaches_the_prompts_of_its_agents(stocked: Home) -> None:
    publish = {"site": "https://bakery.example/blog"}
    targets = {"project": "bakery", "products": ["loaf"], "focus_groups": ["home-bakers"], "publish": publish}
    stocked.make_campaign(target_article_count=1, **targets)
    stocked.ok("activate_campaign", "spring", "--no-dispatch")
    stocked.ok("product", "update", "loaf", stocked.file("v.json", {"brand_voice": {"avoided_words": "gluten"}}))
    stocked.wake()
    stocked.run("invoke_agent", "alpha", "spring-001")
    stocked.settle()
    (prompt,) = (stocked.root / "logs/alpha").glob("*.prompt.md")
    text = prompt.read_text()
    assert "- For these readers: Home bakers\n- To be published: site: https://bakery.example/blog\n" in text
    assert "- **Sourdough loaf** (`loaf`, main product): A loaf with a crust\n  - what it is: Rye and wheat\n" in text
    assert "    - words to use: crust; crumb\n    - words to avoid: gluten\n" in text
    assert "- **Home bakers** (`home-bakers`, readers of `loaf`)\n  - demographics: age: 30-60\n" in text


def test_a_run_whose_product_cannot_be_told_blocks_with_the_reason(stocked: Home) -> None:
    stocked.make_campaign(project="bakery", products=["loaf"], target_article_count=1)
    stocked.ok("activate_campaign", "spring", "--no-dispatch")
    (stocked.state / "projects/bakery.json").unlink()
    stocked.wake()
    stocked.run("invoke_agent", "alpha", "spring-001")
    stocked.settle()
    blocked = stocked.record("spring-001")["blocked"]
    assert "project 'bakery' has no record, and its campaign is for loaf" in blocked["reason"]


# -- publishing ---------------------------------------------------------------------------------------------------


def test_a_piece_is_published_on_its_campaigns_site(home: Home) -> None:
    home.make_campaign(publish={"site": "https://bakery.example/blog"}, target_article_count=1)
    home.ok("activate_campaign", "spring", "--no-dispatch")
    elsewhere = home.call("task", "publish", "spring-001", "https://mill.example/rye", "--json")
    for agent in LINE:
        home.complete("spring-001", agent)
    home.ok("task", "publish", "spring-001", "https://bakery.example/blog/rye")
    home.ok("task", "publish", "spring-001", "https://bakery.example/blog/rye")

    assert elsewhere.error["message"].endswith("is not on the campaign's site https://bakery.example/blog")
    assert (home.record("spring-001")["status"], home.record("spring-001")["published_url"]) == (
        "completed",
        "https://bakery.example/blog/rye",
    )
    assert (home.state / "archive/tasks/spring-001.json").exists()
    assert "  published https://bakery.example/blog/rye\n" in home.ok("task", "show", "spring-001").out
    assert home.told("spring-001").count("task_published") == 1
    manifest = json.loads((home.root / "projects/acme/campaigns/spring/manifest.json").read_text())
    assert manifest["publish"]["site"] == "https://bakery.example/blog"


# -- projects apart -----------------------------------------------------------------------------------------------

LISTS = (("task", "list"), ("task", "ready"), ("campaign", "list"), ("why",))


def ids(answer: list[dict[str, Any]]) -> set[str]:
    return {one.get("id") or one.get("slug") or one["task"] for one in answer}


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_a_list_of_one_project_has_nothing_of_another(home: Home, words: tuple[str, ...]) -> None:
    add_campaigns(home)
    home.wake()  # under the stop file nothing is ready
    own, other = ({"spring"}, {"autumn"}) if "campaign" in words else ({"spring-001"}, {"autumn-001"})
    everything = own | other | (set() if "campaign" in words else {"loose"})
    script, *rest = words

    said = [
        ids(home.ok(script, *rest, "--json", *more, **environ).json)
        for more, environ in (
            (("--project", "bakery"), {}),
            ((), {"BATON_PROJECT": "bakery"}),
            ((), {"BATON_RUN": "r-1", "BATON_TASK": "spring-001"}),
            (("--project", "mill"), {"BATON_PROJECT": "bakery"}),
            (("--all-projects",), {"BATON_PROJECT": "bakery"}),
            ((), {}),
        )
    ]

    assert said == [own, own, own, other, everything, everything]


def test_a_status_of_one_project_has_nothing_of_another(home: Home) -> None:
    add_campaigns(home)
    home.ok("task", "block", "autumn-001", "--reason", "no flour")
    everything = home.ok("status", "--json").json
    own = home.ok("status", "--json", "--project", "bakery").json
    other = home.ok("status", "--json", BATON_PROJECT="mill").json

    assert (everything["project"], everything["tasks"]) == (None, {"backlog": 2, "blocked": 1})
    assert (own["project"], own["tasks"], own["blocked"], own["failures"]) == ("bakery", {"backlog": 1}, [], [])
    assert [one["slug"] for one in own["campaigns"]] == ["spring"]
    assert {one["task"] for one in own["waiting"]} == {"spring-001"}
    assert (other["tasks"], [one["task"] for one in other["blocked"]]) == ({"blocked": 1}, ["autumn-001"])
    assert [one["task"] for one in other["failures"]] == ["autumn-001"]
    assert "autumn" not in home.ok("status", "--project", "bakery").out


def test_places_in_line_are_the_whole_homes(home: Home) -> None:
    add_campaigns(home)
    home.settings("harness: {default: script}\nconcurrency: {agents: 1}\n")
    home.wake()
    for task in ("autumn-001", "loose"):
        home.ok("task", "prioritize", task, "urgent")
    (waiting,) = home.ok("status", "--json", "--project", "bakery").json["waiting"]
    assert waiting["place"] == 2


def test_costs_of_one_project_have_nothing_of_another(live: Home) -> None:
    live.stop()
    add_campaigns(live)
    live.ok("task", "block", "autumn-001", "--reason", "no flour")
    live.wake()
    for task in ("spring-001", "loose"):
        live.run("invoke_agent", "alpha", task)
    live.settle()
    runs = {
        project: live.ok("cost", "--json", "--project", project).json["total"]["runs"]
        for project in ("bakery", "mill", "press")
    }
    total = live.ok("cost", "--json").json["total"]["runs"]
    assert (runs["mill"], runs["bakery"] + runs["press"]) == (0, total)
    assert runs["bakery"] >= 1 <= runs["press"]
    assert ", project mill: 0 runs" in live.ok("cost", "--project", "mill").out


def test_with_one_project_nothing_is_told_of_projects(home: Home) -> None:
    home.make_campaign("spring", project="bakery")
    home.ok("activate_campaign", "spring", "--no-dispatch")
    listed = home.ok("task", "list").out
    status = home.ok("status").out
    home.make_campaign("autumn", project="mill")
    home.ok("activate_campaign", "autumn", "--no-dispatch")
    assert "project" not in listed.splitlines()[0]
    assert "bakery" not in listed + status
    assert home.ok("task", "list").out.splitlines()[0].split()[:2] == ["task", "project"]
    assert "  spring  bakery  active" in home.ok("status").out


def test_who_names_a_campaign_sees_its_tasks_wherever_it_belongs(home: Home) -> None:
    add_campaigns(home)
    found = home.ok("task", "list", "--campaign", "autumn", "--json", BATON_PROJECT="bakery").json
    assert ids(found) == {"autumn-001"}


def test_a_task_of_another_project_can_be_shown_by_whoever_names_it(home: Home) -> None:
    add_campaigns(home)
    assert home.ok("task", "show", "autumn-001", "--json", BATON_PROJECT="bakery").json["id"] == "autumn-001"
    assert home.ok("why", "autumn-001", "--json", BATON_PROJECT="bakery").json["task"] == "autumn-001"


@pytest.mark.parametrize(
    ("words", "environ", "message"),
    [
        (("--project", "A b"), {}, "'A b' is not a valid project id"),
        ((), {"BATON_PROJECT": "../x"}, "'../x' is not a valid project (in BATON_PROJECT) id"),
        (("--project", "a", "--all-projects"), {}, "--project and --all-projects do not go together"),
    ],
)
def test_a_project_that_cannot_be_one_is_refused(
    home: Home, words: tuple[str, ...], environ: dict[str, str], message: str
) -> None:
    done = home.call("task", "list", "--json", *words, **environ)
    assert done.refusal == (2, "invalid_input")
    assert done.error["message"] == message
