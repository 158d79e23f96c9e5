"""The steps of a streaming run, from a pipeline's template: checked whole before anything is made of them."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from baton.domain.errors import InvalidInput
from baton.domain.pipelines import Step, Template, units_of
from baton.domain.records import Unit
from baton.domain.stream_runs import HARNESS, output_folder, unknown_names


def run_units(template: Template, variables: dict[str, str], skill_body: Callable[[str], str]) -> tuple[Unit, ...]:
    """Return a run's units. ``skill_body`` says what an agent's skill tells it, for a step without instructions.

    Refused is what a prompt cannot be: a step that nobody does or another harness runs, branches, a ``{{name}}`` that no
    variable has.
    """
    if template.parallel_branches:
        raise InvalidInput(
            f"pipeline '{template.slug}' has parallel_branches: in a streaming run steps come one after another",
            cure="choose a pipeline of main_steps alone",
        )
    steps = [_prompt(number, step, skill_body) for number, step in enumerate(template.main_steps)]
    unknown = [
        (number, name) for number, step in enumerate(steps) for name in unknown_names(step.instructions, variables)
    ]
    if unknown:
        number, name = unknown[0]
        shown = name if name.isprintable() else repr(name)
        raise InvalidInput(
            f"step {number} says {{{{{shown}}}}}, and there is no variable '{shown}'",
            cure=f"add --var '{shown}=TEXT'",
            unknown=list(dict.fromkeys(name for _, name in unknown)),
        )
    units = units_of(tuple(steps), harness=HARNESS)
    return tuple(structs.replace(unit, output_dir=output_folder(number)) for number, unit in enumerate(units))


def _prompt(number: int, step: Step, skill_body: Callable[[str], str]) -> Step:
    """Return a step with its instructions, where it may be one of a streaming run."""
    if step.agent is None:
        raise InvalidInput(f"step {number} has no agent", cure="give it a name, like 'agent: summarizer'")
    if step.harness not in (None, HARNESS):
        raise InvalidInput(
            f"step {number} is for the harness '{step.harness}', and a streaming run's is '{HARNESS}'",
            cure="choose another pipeline, or leave harness out",
        )
    instructions = step.instructions if step.instructions.strip() else skill_body(step.agent)
    return structs.replace(step, instructions=instructions)
