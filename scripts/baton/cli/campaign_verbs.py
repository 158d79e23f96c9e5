"""The verbs of ``campaign.py``."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import click
import msgspec

from baton.adapters.workspaces import Workspaces
from baton.cli.amounts import amounts
from baton.cli.caller import check_said, person
from baton.cli.placing import faults_of_services, with_orders
from baton.cli.scope import of_projects, project_of
from baton.cli.script import Answer, script
from baton.cli.tables import table
from baton.cli.targeting import ensure_project, targeted_campaign, targeted_changes
from baton.cli.task_views import pieces_of
from baton.cli.wiring import Wiring
from baton.domain import campaign_commands as commands
from baton.domain.campaigns import Campaign, CampaignStatus
from baton.domain.commands import CancelTask
from baton.domain.errors import AlreadyExists, BatonError, IllegalTransition, InvalidInput
from baton.domain.ids import check_slug
from baton.domain.lineage import listed
from baton.domain.pipelines import wanted_branches
from baton.domain.records import Task
from baton.domain.usage import NOTHING
from baton.domain.written import CampaignFile, campaign_from
from baton.engine.activation import generate
from baton.engine.batches import in_words, summed
from baton.engine.completion import Progress, progress_of
from baton.ports import Damage
from baton.store.documents import load


@script("create", "campaign", example="campaign.py create spring.yaml", id_option="file")
@click.argument("file", type=click.Path())
def create(wiring: Wiring, file: str) -> Answer:
    """Make a campaign from FILE: its pipeline is frozen, its sources are copied into its folder."""
    written = load(file, CampaignFile, None, name="campaign")
    if written is None:
        raise InvalidInput(f"there is no file {file}")
    template = wiring.template(written.pipeline)
    written = targeted_campaign(wiring, written)
    workspaces = wiring.workspaces
    sources = workspaces.check_sources(os.path.dirname(os.path.abspath(file)), written.sources)
    command = campaign_from(written, template, tuple(f"sources/{name}" for _, name in sources), person(wiring.environ))
    wiring.store.prepare()
    with workspaces.alone():
        if wiring.store.campaigns.read(written.slug) is not None:
            raise AlreadyExists(f"there is a campaign '{written.slug}' already", cure="choose another slug")
        snapshot = msgspec.json.format(msgspec.json.encode(template), indent=2) + b"\n"
        is_new = workspaces.make_campaign(written.project, written.slug, sources, snapshot)
        try:
            campaign = wiring.door.campaign(written.slug, command)
        except Exception:
            if is_new:
                workspaces.remove_campaign(written.project, written.slug)
            raise
    for fault in faults_of_services(wiring, campaign.services):
        wiring.warn(f"it cannot be activated so: {fault.message}")
    ensure_project(wiring, campaign.project)
    text = (
        f"Created campaign '{campaign.id}' ({_folder(workspaces, campaign)}).\nNext: activate_campaign.py {campaign.id}"
    )
    return Answer(_view(wiring, campaign), text)


@script("list", "campaigns", example="campaign.py list --status active")
@of_projects
@click.option(
    "--status",
    metavar="S",
    type=click.Choice([status.value for status in CampaignStatus]),
    help="Only those of this status.",
)
def list_(wiring: Wiring, project: str | None, all_projects: bool, status: str | None) -> Answer:
    """List campaigns with their progress."""
    project = project_of(wiring, project, all_projects)
    found = [
        (campaign, progress_of(wiring.door, campaign))
        for campaign in _all(wiring)
        if project in (None, campaign.project) and status in (None, campaign.status)
    ]
    data = [_short(campaign, progress) for campaign, progress in found]
    rows = [
        (d["slug"], d["project"], d["status"], f"{d['progress']['completed']}/{d['progress']['total']}") for d in data
    ]
    return Answer(data, table(("campaign", "project", "status", "done"), rows, empty="No campaigns."))


@script("show", "campaign", example="campaign.py show spring-launch --json", id_option="slug")
@click.argument("slug")
def show(wiring: Wiring, slug: str) -> Answer:
    """Show one campaign: its record, its tasks by status, its progress."""
    campaign = wiring.campaign(check_slug(slug))
    return Answer(_view(wiring, campaign), lambda: _words(wiring, campaign))


@script("update", "campaign", example="campaign.py update spring-launch --notes 'Name every source'", id_option="slug")
@click.argument("slug")
@click.argument("file", type=click.Path(), required=False)
@click.option("--name")
@click.option("--description")
@click.option("--notes")
@click.option(
    "--services", "orders", multiple=True, metavar="CAPABILITY=NAME,...", help="Try these first; CAPABILITY=: no order."
)
def update(wiring: Wiring, slug: str, file: str | None, orders: tuple[str, ...], **words: str | None) -> Answer:
    """Change what FILE and the options name: words, keywords, products, focus_groups, publish, the order of services.

    Tasks that are made later see it; products and publish settings reach the next run of every task.
    """
    said = {name: value for name, value in words.items() if value is not None}
    if "name" in said:
        check_said("--name", said["name"])
    fields: dict[str, Any] = {}
    if file is not None:
        fields |= targeted_changes(wiring, wiring.campaign(check_slug(slug)), file)
    fields |= said
    if orders:
        fields["services"] = with_orders(wiring, wiring.campaign(check_slug(slug)).services, orders)
    if not fields:
        cure = "name a FILE, or add --name, --description, --notes or --services"
        raise InvalidInput("nothing to change is named", cure=cure)
    campaign = wiring.door.campaign(check_slug(slug), commands.UpdateCampaign(by=person(wiring.environ), fields=fields))
    return Answer(_view(wiring, campaign), f"Updated campaign '{slug}'.")


@script("pause", "campaign", example="campaign.py pause spring-launch", id_option="slug")
@click.argument("slug")
def pause(wiring: Wiring, slug: str) -> Answer:
    """Start nothing new of a campaign; what runs finishes its step."""
    campaign = wiring.door.campaign(check_slug(slug), commands.PauseCampaign(by=person(wiring.environ)))
    return Answer(_view(wiring, campaign), f"Paused campaign '{slug}'; what runs finishes its step.")


@script("resume", "campaign", example="campaign.py resume spring-launch", id_option="slug")
@click.argument("slug")
def resume(wiring: Wiring, slug: str) -> Answer:
    """Let a paused campaign go on, and start what is ready."""
    wiring.check_settings()
    campaign = wiring.door.campaign(check_slug(slug), commands.ResumeCampaign(by=person(wiring.environ)))
    started = wiring.dispatch_quietly()
    return Answer(_view(wiring, campaign) | {"dispatched": started}, f"Resumed campaign '{slug}'; started {started}.")


@script("complete", "campaign", example="campaign.py complete spring-launch --cancel-remaining", id_option="slug")
@click.argument("slug")
@click.option("--cancel-remaining", is_flag=True, help="Cancel the tasks that are not finished; their runs are ended.")
def complete(wiring: Wiring, slug: str, cancel_remaining: bool) -> Answer:
    """Close a campaign by hand: its manifest and summary are written."""
    campaign = wiring.campaign(check_slug(slug))
    if campaign.status not in (CampaignStatus.ACTIVE, CampaignStatus.PAUSED, CampaignStatus.IN_REVISION):
        raise IllegalTransition(f"the campaign is {campaign.status}; it cannot be completed")
    campaign = generate(wiring.door, campaign).campaign
    by = person(wiring.environ)
    live = [task for task in campaign.tasks if wiring.store.tasks.is_live(task)]
    if live and not cancel_remaining:
        raise IllegalTransition(
            f"{len(live)} of its tasks are not finished", cure="add --cancel-remaining to cancel them"
        )
    for task in live:
        record = wiring.store.tasks.read(task)
        if record is not None and not record.is_finished:
            wiring.settled(wiring.door.task(task, CancelTask(by=by, reason=f"campaign {slug} was completed by hand")))
    wiring.is_completed(slug, by)
    campaign = wiring.campaign(slug)
    if campaign.status is CampaignStatus.COMPLETED:
        return Answer(_view(wiring, campaign), f"Completed campaign '{slug}'.")
    return Answer(
        _view(wiring, campaign), f"Campaign '{slug}' completes when the runs that are being ended have ended."
    )


@script("extend", "campaign", example="campaign.py extend spring-launch --count 2", id_option="slug")
@click.argument("slug")
@click.option("--count", type=int, default=1, show_default=True, metavar="N", help="How many tasks more.")
def extend(wiring: Wiring, slug: str, count: int) -> Answer:
    """Give a campaign more tasks; a completed one is active again."""
    return extended(wiring, check_slug(slug), count)


def extended(wiring: Wiring, slug: str, count: int) -> Answer:
    """Plan further tasks, make them, and start what is ready."""
    wiring.check_settings()
    command = commands.ExtendCampaign(count=count, by=person(wiring.environ))
    activated = generate(wiring.door, wiring.door.campaign(slug, command))
    started = wiring.dispatch_quietly()
    view = _view(wiring, activated.campaign) | {"created": activated.created, "dispatched": started}
    return Answer(view, f"Made {', '.join(activated.created)}; started {started}.")


VERBS = [create, list_, show, update, pause, resume, complete, extend]


def _all(wiring: Wiring) -> Iterator[Campaign]:
    if not os.path.isdir(wiring.home.in_state("campaigns")):
        return
    yield from sorted(
        (one for one in wiring.store.campaigns.live() if not isinstance(one, Damage)), key=lambda one: one.id
    )


def _short(campaign: Campaign, progress: Progress) -> dict[str, Any]:
    return {
        "slug": campaign.id,
        "project": campaign.project,
        "name": campaign.name,
        "status": campaign.status,
        "progress": {"completed": progress.completed, "total": progress.total, "percent": progress.percent},
    }


def _view(wiring: Wiring, campaign: Campaign) -> dict[str, Any]:
    progress = progress_of(wiring.door, campaign)
    record: dict[str, Any] = msgspec.to_builtins(campaign)
    return (
        record
        | _short(campaign, progress)
        | {
            "tasks": progress.statuses,
            "usage": progress.usage,
            "folder": _folder(wiring.workspaces, campaign),
            **_pieces(wiring, campaign),
            "resources": _resources(wiring, campaign),
        }
    )


def _words(wiring: Wiring, campaign: Campaign) -> str:
    progress = progress_of(wiring.door, campaign)
    statuses = ", ".join(f"{count} {status}" for status, count in sorted(progress.statuses.items())) or "none yet"
    steps = " -> ".join(step.agent or step.label for step in campaign.snapshot.main_steps)
    beside = ", ".join(branch.label for branch in wanted_branches(campaign.snapshot, campaign.deliverables))
    lines = [
        f"{campaign.id}: {campaign.name} ({campaign.status})",
        f"  project   {campaign.project}",
        f"  pipeline  {campaign.pipeline}: {steps}",
        *(
            [f"  products  {', '.join(f'{one.product} ({one.role})' for one in campaign.products)}"]
            * bool(campaign.products)
        ),
        *([f"  readers   {', '.join(campaign.focus_groups)}"] if campaign.focus_groups else []),
        *([f"  publish   {'; '.join(campaign.publish.lines())}"] if campaign.publish is not None else []),
        *([f"  beside    {beside}"] if beside else []),
        f"  tasks     {statuses}",
        f"  done      {progress.completed} of {progress.total} ({progress.percent} %)",
        *([f"  used      {amounts(progress.usage)}"] if progress.usage != NOTHING else []),
        f"  folder    {_folder(wiring.workspaces, campaign)}",
    ]
    if rows := _pieces(wiring, campaign).get("pieces"):
        lines.insert(-1, f"  pieces    {in_words(rows)}")
    if found := _resources(wiring, campaign):
        kinds = sorted(Counter(one["kind"] for one in found).items())
        lines.insert(-1, f"  files     {len(found)}: {', '.join(f'{count} {kind}' for kind, count in kinds)}")
    return "\n".join(lines)


def _pieces(wiring: Wiring, campaign: Campaign) -> dict[str, Any]:
    """How many pieces its batches have made, by step; nothing where there is a task for each."""
    if campaign.generate != "batch":
        return {}
    return {"pieces": summed(row for task in _tasks(wiring, campaign) for row in pieces_of(wiring, task))}


def _resources(wiring: Wiring, campaign: Campaign) -> list[dict[str, Any]]:
    """What its tasks have left so far, file by file."""
    return [one for task in _tasks(wiring, campaign) for one in listed(task)]


def _tasks(wiring: Wiring, campaign: Campaign) -> Iterator[Task]:
    for id in campaign.tasks:
        with suppress(BatonError):  # a damaged record is counted by its status
            task = wiring.store.tasks.read(id)
            if task is not None:
                yield task


def _folder(workspaces: Workspaces, campaign: Campaign) -> str:
    return workspaces.campaign(campaign.project, campaign.id)
