"""What agents lack of the services that they declare."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from baton.domain.availability import Lack, ServiceStatus, faults_of_orders, lacks_of, refuse_required, status_of
from baton.domain.errors import ServicesMissing
from baton.domain.services import Registry
from baton.domain.skills import Skill


def registry(**categories: Any) -> Registry:
    return msgspec.convert({"categories": categories}, Registry)


def skill(**fields: Any) -> Skill:
    return Skill(name="needy", description="x", folder="/x", shipped=False, **fields)


SOME = registry(
    search={"services": [{"name": "finder"}, {"name": "other", "active": False}]},
    images={"services": [{"name": "painter", "active": False}]},
    video={},
    must={"required": True},
)


@pytest.mark.parametrize(
    ("fields", "lacking", "status"),
    [
        ({}, [], "enabled"),
        ({"requires": ("search",)}, [], "enabled"),
        ({"requires": ("images",)}, [("images", True)], "disabled"),
        (
            {"optional": ("images", "video", "nothing")},
            [("images", False), ("video", False), ("nothing", False)],
            "degraded",
        ),
        (
            {"requires": ("search", "nothing"), "optional": ("video",)},
            [("nothing", True), ("video", False)],
            "disabled",
        ),
        ({"optional": ("must",)}, [("must", True)], "disabled"),
        ({"requires": ("images",), "optional": ("images",)}, [("images", True)], "disabled"),
    ],
)
def test_what_is_missing_decides_how_an_agent_stands(
    fields: dict[str, Any], lacking: list[tuple[str, bool]], status: str
) -> None:
    found = lacks_of(skill(**fields), SOME)
    assert [(lack.capability, lack.required) for lack in found] == lacking
    assert status_of(found) == ServiceStatus(status)


def test_the_cure_names_a_service_that_sleeps_else_the_registry() -> None:
    cures = [lack.cure for lack in lacks_of(skill(optional=("images", "video")), SOME)]
    assert cures == ["switch one on: service.py toggle painter --on", "add a service to config/services.yaml"]


def test_the_first_required_one_is_refused_and_the_others_are_told() -> None:
    found = lacks_of(skill(requires=("images",), optional=("video",)), SOME)
    with pytest.raises(ServicesMissing) as refused:
        refuse_required(found)
    assert refused.value.message == "needy requires the capability 'images', and no active service offers it"
    assert refuse_required(found[1:]) == ("needy works without the capability 'video': no active service offers it",)


def test_all_orders_that_cannot_be_followed_are_found() -> None:
    faults = faults_of_orders(SOME, {"search": ("other",), "images": (), "nothing": ("finder",), "video": ("finder",)})
    assert [fault.message for fault in faults] == [
        "the order for 'search' names 'other', which is not active",
        "there is no capability 'nothing'",
        "the order for 'video' names 'finder', but it belongs to 'search'",
    ]


def test_a_lack_says_itself() -> None:
    lack = Lack(agent="a", capability="b", required=True, reason="none is there", cure="x")
    assert lack.sentence == "a requires the capability 'b', and none is there"
