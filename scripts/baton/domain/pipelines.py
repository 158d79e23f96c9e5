"""Pipeline templates: what people write, strictly typed, and the units a task gets from one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from msgspec import Struct

from baton.domain.errors import InvalidInput
from baton.domain.evidence import MOST_EXPECTED, WrittenExpectation, kept
from baton.domain.harness_names import HARNESSES, is_harness
from baton.domain.ids import check_agent, check_id, check_slug
from baton.domain.records import Unit
from baton.domain.statuses import TaskStatus
from baton.domain.times import parse_duration

T = TypeVar("T")

LONGEST_SECONDS = 36_500 * 86_400.0
MOST_ATTEMPTS = 1_000
LONGEST_LABEL = 100
# Words of the file format whose rooms come later: refused by name, never half obeyed.
NOT_BUILT_IN_STEP = ("gates", "review")
STATUSES_OF_STEPS = frozenset(
    {
        TaskStatus.RESEARCHED,
        TaskStatus.BRIEFED,
        TaskStatus.DRAFTED,
        TaskStatus.REVIEWED,
        TaskStatus.HUMANIZED,
        TaskStatus.IN_PROGRESS,
    }
)


class Step(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One step of a template. ``timeout`` is a duration; ``agent`` null is a step that completes by itself."""

    agent: str | None
    label: str = ""
    model: str | None = None
    harness: str | None = None
    description: str = ""
    instructions: str = ""
    output_dir: str | None = None
    task_status: TaskStatus | None = None
    timeout: str | None = None
    max_attempts: int | None = None
    gates: Any = None
    review: Any = None
    expects: tuple[WrittenExpectation, ...] = ()

    def __post_init__(self) -> None:
        refuse_unbuilt(self, NOT_BUILT_IN_STEP, "a step")
        if self.agent is not None:
            checked("agent", check_agent, self.agent)
        if self.harness is not None and not is_harness(self.harness):
            raise ValueError(f"harness {self.harness!r} is not one of {', '.join(HARNESSES)}")
        if self.timeout is not None:
            seconds = checked("timeout", parse_duration, self.timeout)
            if not 0 < seconds <= LONGEST_SECONDS:
                raise ValueError(f"timeout {self.timeout} is not between 0s and {LONGEST_SECONDS / 86_400:g}d")
        if self.max_attempts is not None and self.max_attempts < 1:
            raise ValueError("max_attempts must be at least 1")
        if self.max_attempts is not None and self.max_attempts > MOST_ATTEMPTS:
            raise ValueError(f"max_attempts must be at most {MOST_ATTEMPTS}")
        if self.task_status is not None and self.task_status not in STATUSES_OF_STEPS:
            raise ValueError(f"task_status {self.task_status.value!r} is not one a step can stand for")
        if self.output_dir is not None:
            check_folder(self.output_dir)
        if self.expects and self.agent is None:
            raise ValueError("expects in a step without an agent: nobody could leave it")
        if len(self.expects) > MOST_EXPECTED:
            raise ValueError(f"expects must have at most {MOST_EXPECTED} entries")


class Branch(Step, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One branch of a template: it begins when the step ``trigger_after_step`` (from 0) has completed.

    ``deliverable`` is what it makes: a campaign that does not want it does without the branch.
    """

    trigger_after_step: int
    deliverable: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.agent is None:
            raise ValueError("a branch must have an agent")
        if not self.label.strip() or len(self.label) > LONGEST_LABEL or not self.label.isprintable():
            raise ValueError(f"a branch must have a label of 1 to {LONGEST_LABEL} printable characters")
        if self.task_status is not None:
            raise ValueError("task_status in a branch is not supported: only the main line moves the task")
        if self.deliverable is not None:
            checked("deliverable", check_id, self.deliverable)


class OnComplete(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens when a campaign on this pipeline is complete."""

    telegram: bool = True
    summary: bool = True
    manifest: bool = True


class Template(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pipeline template; a campaign freezes a copy of it, its snapshot."""

    slug: str
    name: str
    description: str = ""
    main_steps: tuple[Step, ...]
    parallel_branches: tuple[Branch, ...] = ()
    convergence_step: int | None = None
    on_complete: OnComplete = OnComplete()

    def __post_init__(self) -> None:
        checked("slug", check_slug, self.slug, "pipeline")
        check_steps(self.main_steps, "main_steps")
        check_branches(self.parallel_branches, self.convergence_step, len(self.main_steps))


def check_steps(steps: tuple[Step, ...], key: str) -> None:
    """Refuse steps that give nobody anything to do; ``key`` is where they are written."""
    if not any(step.agent for step in steps):
        raise ValueError(f"{key}: none of the steps has an agent")


def check_branches(branches: tuple[Branch, ...], convergence_step: int | None, step_count: int) -> None:
    """Refuse branches that begin after no step, bear one label twice, or join the line before they begin."""
    labels = [branch.label for branch in branches]
    for branch in branches:
        where = f"parallel_branches: '{branch.label}'"
        if labels.count(branch.label) > 1:
            raise ValueError(f"{where} is there twice; labels must differ")
        if not 0 <= branch.trigger_after_step < step_count:
            raise ValueError(f"{where}: trigger_after_step {branch.trigger_after_step} is not one of the main_steps")
        if convergence_step is not None and branch.trigger_after_step >= convergence_step:
            raise ValueError(
                f"convergence_step {convergence_step} comes before '{branch.label}' can be done: "
                f"it begins after step {branch.trigger_after_step}"
            )
    if convergence_step is None:
        return
    if not branches:
        raise ValueError("convergence_step without parallel_branches: there is nothing to wait for")
    if not 0 < convergence_step < step_count:
        raise ValueError(f"convergence_step {convergence_step} is not one of the main_steps after the first")


def units_of(
    steps: tuple[Step, ...], *, harness: str | None = None, model: str | None = None, pieces: int | None = None
) -> tuple[Unit, ...]:
    """Return the units of a new task; a campaign's harness and model fill in where a step names none.

    ``pieces`` is how many a task for a whole batch makes.
    """
    return tuple(_unit(step, f"s{number + 1}", number, harness, model, pieces) for number, step in enumerate(steps))


def branches_of(
    template: Template,
    wanted: Mapping[str, bool],
    *,
    harness: str | None = None,
    model: str | None = None,
    pieces: int | None = None,
) -> dict[str, Unit]:
    """Return the branches of a new task by label: those that are ``wanted``."""
    return {
        branch.label: _unit(branch, f"b{place + 1}", None, harness, model, pieces)
        for place, branch in enumerate(wanted_branches(template, wanted))
    }


def wanted_branches(template: Template, wanted: Mapping[str, bool]) -> tuple[Branch, ...]:
    """Return the branches of a template without those whose deliverable is switched off."""
    return tuple(branch for branch in template.parallel_branches if wanted.get(branch.deliverable or "", True))


def _unit(step: Step, key: str, number: int | None, harness: str | None, model: str | None, pieces: int | None) -> Unit:
    return Unit(
        step=number,
        key=key,
        agent=step.agent,
        label=step.label,
        model=step.model or model,
        harness=step.harness or harness,
        description=step.description or step.label,
        instructions=step.instructions,
        output_dir=step.output_dir,
        task_status=step.task_status,
        timeout=step.timeout,
        max_attempts=step.max_attempts,
        expects=kept(step.expects, pieces),
        trigger_after_step=step.trigger_after_step if isinstance(step, Branch) else None,
        deliverable=step.deliverable if isinstance(step, Branch) else None,
    )


def check_folder(path: str) -> None:
    """Refuse an output folder that is absolute, empty, or leads out of the workspace."""
    parts = path.split("/")
    if not path or path.startswith("/") or ".." in parts or "\0" in path or "\n" in path:
        raise ValueError(f"output_dir {path!r} must be a path inside the workspace")


def refuse_unbuilt(value: Any, names: tuple[str, ...], where: str) -> None:
    """Refuse keys of the format whose feature is not built yet; an empty value asks for nothing and passes."""
    for name in names:
        if getattr(value, name) not in (None, [], {}, ""):
            raise ValueError(f"{name} in {where} is not supported yet")


def checked(key: str, check: Callable[..., T], *arguments: Any) -> T:
    """Run a check; raise what it refuses as ``ValueError`` that names the key: to that alone msgspec adds the place."""
    try:
        return check(*arguments)
    except InvalidInput as error:
        raise ValueError(f"{key}: {error.message}") from error
