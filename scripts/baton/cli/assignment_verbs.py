"""The verbs of ``assignment.py`` that change an assignment: made by people, used by people and PM agents."""

from __future__ import annotations

import os

import click

from baton.cli.assigned import (
    assignment_data,
    assignment_named,
    job_from,
    jobs_from,
    key_of,
    rules_for,
    said,
    status_word,
    who,
)
from baton.cli.assignment_worktrees import clean, id_for
from baton.cli.caller import check_said, token_of
from baton.cli.script import Answer, script
from baton.cli.wiring import Wiring
from baton.domain import commands as c
from baton.domain.assignments import Act, ActKind, Alignment, NewJob, Rules
from baton.domain.errors import IllegalTransition, InvalidInput, InvalidWord
from baton.domain.ids import check_id
from baton.domain.priorities import rank_of
from baton.domain.records import Task
from baton.engine.assigning import Wanted, act_on, create_assignment, inserted_by, namespace_for, title_of


@script("create", "assignment", example="assignment.py create 'Make the login page load in under a second' --repo .")
@click.argument("north_star", required=False, metavar="[NORTH_STAR]")
@click.option("--file", "path", metavar="F", type=click.Path(), help="The north star from a file; - is standard input.")
@click.option("--id", metavar="ID", help="By default made of the title.")
@click.option("--title", metavar="T", help="By default the first line of the north star.")
@click.option("--namespace", metavar="N", help="By default the name of the repo's folder.")
@click.option("--repo", metavar="DIR", type=click.Path(), help="The folder its jobs work in.")
@click.option("--worktree", is_flag=True, help="In a worktree and on a branch of its own, baton/<id>; needs --repo.")
@click.option("--independent", is_flag=True, help="May run beside the namespace's others.")
@click.option(
    "--priority", metavar="P", default="10", show_default=True, help="Lower first; or urgent, high, medium, low."
)
@click.option("--jobs", metavar="JSON", help="What it begins with, in place of a plan: like insert-job --jobs.")
def create(
    wiring: Wiring,
    north_star: str | None,
    path: str | None,
    id: str | None,
    title: str | None,
    namespace: str | None,
    repo: str | None,
    worktree: bool,
    independent: bool,
    priority: str,
    jobs: str | None,
) -> Answer:
    """Make an assignment, and start its first job. NORTH_STAR is its full intent, which never changes."""
    wiring.check_settings()
    star = _north_star(north_star, path)
    folder = os.path.abspath(repo) if repo is not None else None
    if folder is not None and not os.path.isdir(folder):
        raise InvalidInput(f"--repo: {repo} is not a folder")
    space = check_id(namespace or namespace_for(folder), "namespace")
    id = id_for(wiring, id, title or title_of(star), folder, worktree=worktree)
    wanted = Wanted(
        north_star=star,
        by=who(wiring),
        rules=rules_for(wiring, space),
        namespace=space,
        title=title,
        id=id,
        repo=folder,
        independent=independent,
        priority=_priority(priority),
        jobs=jobs_from(wiring, jobs) if jobs is not None else (),
    )
    wiring.store.prepare()
    task = create_assignment(wiring.door, wanted, worktree=worktree)
    wiring.dispatch_quietly()
    return _done(wiring, task, f"Created assignment '{task.id}' in namespace {space}: {task.title}")


@script(
    "insert",
    "job into assignment",
    name="insert-job",
    example="assignment.py insert-job --type implement --context 'Add the cache'\n"
    """assignment.py insert-job --jobs '[{"type": "review", "harness": "codex"}, {"type": "review"}]'""",
    id_option="assignment",
)
@click.argument("assignment", required=False)
@click.option("--type", "type_", metavar="T", help="The job's type: an agent.")
@click.option("--context", metavar="TEXT", default="", help="What is wanted of it; - reads standard input.")
@click.option("--harness", metavar="H", help="Which agent program; by default as the settings say for its type.")
@click.option("--model", metavar="M", help="Which model.")
@click.option(
    "--jobs", metavar="JSON", help="A list of {type, context, harness, model}: several run at once, as a group."
)
@click.option("--after", metavar="JOB", help="Behind this job; by default behind your own last one, or at the end.")
@click.option("--key", metavar="K", help="The same key again inserts nothing.")
def insert_job(
    wiring: Wiring,
    assignment: str | None,
    type_: str | None,
    context: str,
    harness: str | None,
    model: str | None,
    jobs: str | None,
    after: str | None,
    key: str | None,
) -> Answer:
    """Insert a job, or a group of jobs that run at once. A PM's count when its run has ended well.

    A TYPE is plan, implement, refine, review, uat, verify, research, document, retrospect, chat, or any agent's name.
    """
    if (jobs is None) == (type_ is None):
        raise InvalidWord("say either --type or --jobs", cure="see assignment.py insert-job --help")
    if jobs is not None and (context or harness or model):
        raise InvalidWord("with --jobs, context, harness and model stand in each of them")
    many: tuple[NewJob, ...] = (
        jobs_from(wiring, jobs) if jobs is not None else (job_from(wiring, type_ or "", context, harness, model),)
    )
    task = assignment_named(wiring, assignment)
    act = Act(kind=ActKind.INSERT, jobs=many, after=key_of(task, after), key=key)
    token = token_of(task.id, wiring.environ)
    task = act_on(wiring.door, task.id, act, who(wiring), token=token, rules=None)
    keys = inserted_by(task, act, token)
    if token is None:
        wiring.dispatch_quietly()
    when = "" if token is None else "; it counts when your run has ended well"
    data = {"assignment": task.id, "jobs": keys, "applied": token is None}
    return Answer(data, f"Inserted {', '.join(keys)} into '{task.id}'{when}.")


@script(
    "update", "assignment", example="assignment.py update --artifacts 'docs/plan.md: the plan'", id_option="assignment"
)
@click.argument("assignment", required=False)
@click.option("--artifacts", multiple=True, metavar="LINE", help="'path: description'; a path again replaces its line.")
@click.option("--decisions", multiple=True, metavar="TEXT", help="A decision and why; appended.")
@click.option(
    "--status", type=click.Choice(["active", "blocked", "complete"]), help="The same as unblock, block, complete."
)
@click.option("--reason", metavar="TEXT", help="Why it is blocked, or the summary of its end.")
@click.option("--priority", metavar="P", help="A number, lower first; or urgent, high, medium, low.")
def update(
    wiring: Wiring,
    assignment: str | None,
    artifacts: tuple[str, ...],
    decisions: tuple[str, ...],
    status: str | None,
    reason: str | None,
    priority: str | None,
) -> Answer:
    """Add artifacts and decisions, or change its status or priority."""
    if not (artifacts or decisions or status or priority):
        raise InvalidWord("there is nothing to change", cure="see assignment.py update --help")
    task = assignment_named(wiring, assignment)
    token = token_of(task.id, wiring.environ)
    for decision in decisions:
        check_said("--decisions", decision)
    steps = []
    if priority is not None:
        if token is not None:
            raise IllegalTransition("a job's run cannot change the priority", cure="leave it to a person")
        steps.append(c.UpdateTask(by=who(wiring), fields={"priority": _priority(priority)}))
    if artifacts or decisions or steps:
        act = Act(kind=ActKind.UPDATE, artifacts=artifacts, decisions=decisions)
        rules = _rules(wiring, task) if token is None else None
        task = act_on(wiring.door, task.id, act, who(wiring), token=token, rules=rules, steps=steps)
    if status == "active":
        return _unblock(wiring, task)
    if status == "blocked":
        return _block(wiring, task, reason or "")
    if status == "complete":
        return _complete(wiring, task, reason)
    return _done(wiring, task, f"Updated '{task.id}'.")


@script(
    "complete", "assignment", example="assignment.py complete --summary 'Login loads in 0.6 s'", id_option="assignment"
)
@click.argument("assignment", required=False)
@click.option("--summary", metavar="TEXT", help="What was achieved.")
def complete(wiring: Wiring, assignment: str | None, summary: str | None) -> Answer:
    """Complete it: its north star is reached. Jobs that still wait are skipped."""
    return _complete(wiring, assignment_named(wiring, assignment), summary)


@script("block", "assignment", example="assignment.py block --reason 'Which of the two APIs?'", id_option="assignment")
@click.argument("assignment", required=False)
@click.option("--reason", required=True, metavar="TEXT", help="What a person must do or answer.")
def block(wiring: Wiring, assignment: str | None, reason: str) -> Answer:
    """Stop it until a person unblocks it. A PM looks first then."""
    return _block(wiring, assignment_named(wiring, assignment), reason)


@script("unblock", "assignment", example="assignment.py unblock fix-login", id_option="assignment")
@click.argument("assignment")
def unblock(wiring: Wiring, assignment: str) -> Answer:
    """Let it go on, as a person. Answer its PM before that, with task.py comment."""
    return _unblock(wiring, assignment_named(wiring, assignment))


@script(
    "judge",
    "assignment",
    name="align",
    example="assignment.py align aligned --notes 'On course'",
    id_option="assignment",
)
@click.argument("alignment", type=click.Choice([one.value for one in Alignment]))
@click.option("--assignment", metavar="A", help="By default the one that you work on.")
@click.option("--notes", metavar="TEXT", help="Why.")
def align(wiring: Wiring, alignment: str, assignment: str | None, notes: str | None) -> Answer:
    """Judge, as its guardian, whether it leads to its north star. Misaligned blocks it."""
    task = assignment_named(wiring, assignment)
    act = Act(kind=ActKind.ALIGN, alignment=Alignment(alignment), text=notes)
    token = token_of(task.id, wiring.environ)
    task = act_on(wiring.door, task.id, act, who(wiring), token=token, rules=None)
    return _done(wiring, task, f"'{task.id}' is {alignment}.")


CHANGING = [create, insert_job, update, complete, block, unblock, align, clean]


def _complete(wiring: Wiring, task: Task, summary: str | None) -> Answer:
    token = token_of(task.id, wiring.environ)
    act = Act(kind=ActKind.COMPLETE, text=summary)
    task = act_on(wiring.door, task.id, act, who(wiring), token=token, rules=None)
    wiring.dispatch_quietly()
    return _done(wiring, task, f"'{task.id}' {_will('is complete', 'will be complete', token)}.")


def _block(wiring: Wiring, task: Task, reason: str) -> Answer:
    token = token_of(task.id, wiring.environ)
    act = Act(kind=ActKind.BLOCK, text=check_said("--reason", reason))
    task = act_on(wiring.door, task.id, act, who(wiring), token=token, rules=None)
    task = wiring.settled(task) if token is None else task
    wiring.dispatch_quietly()
    return _done(wiring, task, f"'{task.id}' {_will('is blocked', 'will be blocked', token)}.")


def _unblock(wiring: Wiring, task: Task) -> Answer:
    wiring.check_settings()
    if token_of(task.id, wiring.environ) is not None:
        raise IllegalTransition("a job's run cannot unblock its assignment", cure="a person does that")
    act = Act(kind=ActKind.UPDATE)
    by = who(wiring)
    steps = [c.UnblockTask(by=by)]
    task = act_on(wiring.door, task.id, act, by, token=None, rules=_rules(wiring, task), steps=steps)
    wiring.dispatch_quietly()
    return _done(wiring, task, f"'{task.id}' is {status_word(task)} again.")


def _rules(wiring: Wiring, task: Task) -> Rules:
    assert task.assignment is not None
    return rules_for(wiring, task.assignment.namespace)


def _done(wiring: Wiring, task: Task, text: str) -> Answer:
    return Answer(assignment_data(wiring, task), text)


def _will(now: str, later: str, token: int | None) -> str:
    return now if token is None else f"{later} when your run has ended well"


def _north_star(text: str | None, path: str | None) -> str:
    if (text is None) == (path is None):
        raise InvalidWord("say the north star, or --file", cure="see assignment.py create --help")
    if path is not None and path != "-":
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except UnicodeDecodeError:
            raise InvalidInput(f"{path} is not UTF-8 text") from None
        except OSError as error:
            raise InvalidInput(f"{path} cannot be read: {error.strerror}") from None
    star = said(text if text is not None else "-", "the north star")
    if not star:
        raise InvalidWord("the north star is empty", cure="say what is to be reached, as fully as you can")
    return star


def _priority(word: str) -> str | int:
    try:
        value = int(word) if word.isdecimal() else word
        rank_of(value)
    except ValueError as error:
        raise InvalidWord(str(error)) from None
    return value
