"""``campaign.py preflight``: what stands in the way of a campaign before it is activated."""

from __future__ import annotations

import click

from baton.cli.placing import Preflight, preflight
from baton.cli.script import Answer, script
from baton.cli.tables import columns
from baton.cli.wiring import Wiring
from baton.domain.availability import Readiness, status_of
from baton.domain.ids import check_slug


@script(
    "look at",
    "campaign",
    name="preflight",
    example="campaign.py preflight spring-launch\ncampaign.py preflight spring-launch && activate_campaign.py spring-launch",
    id_option="slug",
)
@click.argument("slug")
def preflight_campaign(wiring: Wiring, slug: str) -> Answer:
    """Say whether a campaign is ready, degraded (an agent does without a service) or blocked; blocked exits with 1.

    Looks at the agents of its line and branches, the services that they require or may use, and the order of services
    that it asks for. Changes nothing, and calls nobody.
    """
    campaign = wiring.campaign(check_slug(slug))
    found = preflight(wiring, campaign)
    answer = {"campaign": campaign.id, **found.as_json()}
    return Answer(answer, _words(campaign.id, found), exit_code=1 if found.status is Readiness.BLOCKED else 0)


def _words(slug: str, found: Preflight) -> str:
    rows = [[f"  {agent}", status_of(lacks).value] for agent, lacks in found.missing.items()]
    lines = [f"{slug} is {found.status}", *(line.rstrip() for line in (columns(rows) if rows else []))]
    for fault in found.faults:
        lines += [f"blocked: {fault.message}", *([f"  {fault.cure}"] if fault.cure else [])]
    lines += [f"degraded: {warning}" for warning in found.warnings()]
    return "\n".join(lines)
