"""The verbs of ``task.py`` that change a task."""

from __future__ import annotations

import os

import click
import msgspec

from baton.cli.caller import check_said, person
from baton.cli.schemas import steps_with_schemas
from baton.cli.script import Answer, script
from baton.cli.targeting import targeted_task
from baton.cli.wiring import Wiring
from baton.domain import commands as c
from baton.domain.errors import InvalidInput, InvalidWord
from baton.domain.ids import check_id
from baton.domain.priorities import rank_of
from baton.domain.records import Task
from baton.domain.written import TaskFile, task_from
from baton.engine.creation import create_task, free_id
from baton.store.documents import load


@script("create", "task", example="task.py create fix-header.yaml", id_option="file")
@click.argument("file", type=click.Path())
def create(wiring: Wiring, file: str) -> Answer:
    """Make a task from FILE, and start it if it is ready."""
    wiring.check_settings()
    written = load(file, TaskFile, None, name="task")
    if written is None:
        raise InvalidInput(f"there is no file {file}")
    if written.repo is not None and not os.path.isdir(written.repo):
        raise InvalidInput(f"repo: {written.repo} is not a folder")
    campaign = wiring.campaign(written.campaign) if written.campaign is not None else None
    if campaign is not None:
        if written.project not in (None, campaign.project):
            raise InvalidInput(
                f"project: campaign '{campaign.id}' belongs to '{campaign.project}', not to '{written.project}'",
                cure="leave project out",
            )
        written = msgspec.structs.replace(written, project=written.project or campaign.project)
    written = targeted_task(wiring, written)
    template = wiring.template(written.pipeline) if isinstance(written.pipeline, str) else None
    if not isinstance(written.pipeline, str):
        line = steps_with_schemas(wiring.home, written.pipeline, f"{file}: pipeline")
        written = msgspec.structs.replace(written, pipeline=line)
    if written.services:
        from baton.cli.placing import faults_of_services  # start-up: few tasks ask for an order of services

        for fault in faults_of_services(wiring, written.services):
            raise fault
    by = person(wiring.environ)
    wiring.store.prepare()
    id = written.id or free_id(wiring.store, written.title)
    task = create_task(wiring.door, task_from(written, template, id, campaign, by), by)
    wiring.dispatch_quietly()
    return Answer(task, f"Created task '{task.id}': {task.title}")


@script("assign", "task", example="task.py assign spring-001 ana ben", id_option="task")
@click.argument("task")
@click.argument("names", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take the names off instead.")
def assign(wiring: Wiring, task: str, names: tuple[str, ...], remove: bool) -> Answer:
    """Put people or agents on a task's list of assignees."""
    return _listed(wiring, task, "assignees", names, remove=remove)


@script("subscribe", "task", example="task.py subscribe spring-001 ana", id_option="task")
@click.argument("task")
@click.argument("names", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take the names off instead.")
def subscribe(wiring: Wiring, task: str, names: tuple[str, ...], remove: bool) -> Answer:
    """Put people or agents on a task's list of subscribers: messages of its comments, block and end name them."""
    return _listed(wiring, task, "subscribers", names, remove=remove)


@script("label", "task", example="task.py label spring-001 seo urgent-fix", id_option="task")
@click.argument("task")
@click.argument("names", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take the labels off instead.")
def label(wiring: Wiring, task: str, names: tuple[str, ...], remove: bool) -> Answer:
    """Put labels on a task."""
    return _listed(wiring, task, "labels", names, remove=remove)


@script("prioritize", "task", example="task.py prioritize spring-001 urgent", id_option="task")
@click.argument("task")
@click.argument("priority")
def prioritize(wiring: Wiring, task: str, priority: str) -> Answer:
    """Give a task a priority: urgent, high, medium, low, or a number (lower first)."""
    try:
        value = int(priority) if priority.isdecimal() else priority
        rank_of(value)
    except ValueError as error:
        raise InvalidWord(str(error)) from None
    changed = _update(wiring, task, {"priority": value})
    return Answer(changed, f"Task '{task}' has priority {changed.priority}.")


@script("comment", "task", example="task.py comment spring-001 'Looks good to me'", id_option="task")
@click.argument("task")
@click.argument("text")
def comment(wiring: Wiring, task: str, text: str) -> Answer:
    """Leave words on a task's time line."""
    check_said("the comment", text)
    changed = wiring.door.task(check_id(task), c.Comment(by=person(wiring.environ), text=text.strip()))
    return Answer(changed, f"Commented on task '{task}'.")


@script("block", "task", example="task.py block spring-001 --reason 'Waiting for the new logo'", id_option="task")
@click.argument("task")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is shown wherever the task is.")
def block(wiring: Wiring, task: str, reason: str) -> Answer:
    """Keep a task from being dispatched; a run that is going on is ended."""
    command = c.BlockTask(by=person(wiring.environ), reason=check_said("--reason", reason))
    return _asked(wiring, wiring.door.task(check_id(task), command), "blocked")


@script("unblock", "task", example="task.py unblock spring-001", id_option="task")
@click.argument("task")
def unblock(wiring: Wiring, task: str) -> Answer:
    """Restore the status from before the block, with fresh attempts."""
    wiring.check_settings()
    changed = wiring.door.task(check_id(task), c.UnblockTask(by=person(wiring.environ)))
    wiring.dispatch_quietly()
    return Answer(changed, f"Task '{task}' is {changed.status} again.")


@script("cancel", "task", example="task.py cancel spring-001 --reason 'Not needed any more'", id_option="task")
@click.argument("task")
@click.option("--reason", default="cancelled by hand", metavar="TEXT", show_default=True)
def cancel(wiring: Wiring, task: str, reason: str) -> Answer:
    """End a task for good; a run that is going on is ended first."""
    command = c.CancelTask(by=person(wiring.environ), reason=reason)
    return _asked(wiring, wiring.door.task(check_id(task), command), "cancelled")


@script("retry", "task", example="task.py retry spring-001", id_option="task")
@click.argument("task")
def retry(wiring: Wiring, task: str) -> Answer:
    """Try a task again now: unblocked, with fresh attempts and no back-off."""
    wiring.check_settings()
    changed = wiring.door.task(check_id(task), c.RetryTask(by=person(wiring.environ)))
    wiring.dispatch_quietly()
    return Answer(changed, f"Task '{task}' is tried again.")


@script("publish", "task", example="task.py publish spring-001 https://acme.example/blog/rye", id_option="task")
@click.argument("task")
@click.argument("url")
def publish(wiring: Wiring, task: str, url: str) -> Answer:
    """Note where a task's piece was published; the address must lie on its campaign's site, if that names one."""
    from baton.domain.publishing import check_published  # start-up: other verbs need none of it

    record = wiring.task(check_id(task))
    settings = wiring.campaign(record.campaign).publish if record.campaign is not None else None
    command = c.PublishTask(by=person(wiring.environ), url=check_published(url, settings))
    changed = wiring.door.task(task, command)
    return Answer(changed, f"Task '{task}' is published: {url}")


@script("delete", "task", example="task.py delete spring-001", id_option="task")
@click.argument("task")
def delete(wiring: Wiring, task: str) -> Answer:
    """Remove a task nobody works on; its id is never used again."""
    changed = wiring.door.task(check_id(task), c.DeleteTask(by=person(wiring.environ)))
    return Answer({"deleted": changed.id}, f"Deleted task '{task}'.")


@script(
    "start again",
    "branches of task",
    name="retrigger",
    example="task.py retrigger spring-001 'Hero image'",
    id_option="task",
)
@click.argument("task")
@click.argument("labels", nargs=-1, metavar="[LABEL]...")
@click.option("--all", "also_done", is_flag=True, help="Those that were completed or cleared, too.")
def retrigger(wiring: Wiring, task: str, labels: tuple[str, ...], also_done: bool) -> Answer:
    """Start branches again that failed or wait, with fresh attempts; all of them, or those named."""
    wiring.check_settings()
    command = c.RetriggerBranches(by=person(wiring.environ), labels=labels, also_done=also_done)
    changed = wiring.door.task(check_id(task), command)
    wiring.dispatch_quietly()
    return Answer(changed, f"Task '{task}' waits for branches {', '.join(changed.pending_branches) or 'no more'}.")


@script("clear", "branches of task", name="clear", example="task.py clear spring-001 'Hero image'", id_option="task")
@click.argument("task")
@click.argument("labels", nargs=-1, required=True, metavar="LABEL...")
def clear(wiring: Wiring, task: str, labels: tuple[str, ...]) -> Answer:
    """Do without branches: the convergence step waits for them no longer, and what runs of them is ended."""
    changed = wiring.door.task(check_id(task), c.ClearBranches(by=person(wiring.environ), labels=labels))
    wiring.dispatch_quietly()
    return Answer(changed, f"Task '{task}' does without {', '.join(labels)}.")


CHANGING = [create, assign, subscribe, label, prioritize, comment, block, unblock, cancel, retry, publish, delete]
BRANCHING = [retrigger, clear]


def _update(wiring: Wiring, task: str, fields: dict[str, object]) -> Task:
    return wiring.door.task(check_id(task), c.UpdateTask(by=person(wiring.environ), fields=fields))


def _listed(wiring: Wiring, task: str, field: str, names: tuple[str, ...], *, remove: bool) -> Answer:
    if any(not name.strip() or "\n" in name for name in names):
        raise InvalidWord("a name is empty or has a line break")

    def command(found: Task | None) -> c.UpdateTask | None:
        if found is None:
            return None
        before: tuple[str, ...] = getattr(found, field)
        kept = tuple(name for name in before if not (remove and name in names))
        added = () if remove else tuple(dict.fromkeys(name for name in names if name not in before))
        return c.UpdateTask(by=person(wiring.environ), fields={field: (*kept, *added)})

    wiring.task(check_id(task))
    changed = wiring.door.task(task, command)
    return Answer(changed, f"Task '{task}' has {field} {', '.join(getattr(changed, field)) or 'none'}.")


def _asked(wiring: Wiring, task: Task, participle: str) -> Answer:
    """Say what became of a wish: done, or as soon as the run has ended."""
    task = wiring.settled(task)
    wiring.dispatch_quietly()
    if task.asked is None:
        return Answer(task, f"Task '{task.id}' is {task.status}.")
    return Answer(task, f"Task '{task.id}' will be {participle} when run {task.leases[0].run} has ended.")
