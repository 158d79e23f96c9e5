"""Versions of what a task's units make: a revision leaves ``name.v2.md`` beside ``name.md``, never over it.

A version belongs to a *round*: everything up to the first revision is round 0, and each revision begins another one.
Within one round steps that share a file's name work on the same version; what an earlier round left stays.
"""

from __future__ import annotations

from msgspec import structs

from baton.domain.evidence import TASK, Expectation, place_of
from baton.domain.records import Result, Task, Unit


def base_output(task: Task, unit: Unit) -> str:
    """Return where a unit writes its first version by default, relative to the workspace.

    A file; of a batch the folder of its pieces.
    """
    unit = original_of(task, unit)
    if unit.job is not None:
        return f"{task.id}.{unit.key}.md"
    name = task.id if unit.step is not None or unit.output_dir else f"{task.id}.{unit.key}"
    place = f"{unit.output_dir}/{name}" if unit.output_dir else name
    return place if task.pieces is not None else f"{place}.md"


def original_of(task: Task, unit: Unit) -> Unit:
    """Return the unit whose work this one does again; most units are their own."""
    return unit if unit.redoes is None else task.unit(unit.redoes)


def versioned(path: str, version: int) -> str:
    """Return the name of a version of a file: the first bears its plain name, the second is ``name.v2.md``."""
    if version == 1:
        return path
    stem, ending = _parted(path)
    return f"{stem}.v{version}{ending}"


def results_of(unit: Unit) -> tuple[Result, ...]:
    """Return what the unit has left, version by version, oldest first."""
    return unit.earlier if unit.result is None else (*unit.earlier, unit.result)


def next_version(task: Task, unit: Unit) -> int:
    """Return the version that the unit makes when it is worked on now."""
    mine = original_of(task, unit)
    base = base_output(task, mine)
    peers = [one for one in task.units() if one.redoes is None and base_output(task, one) == base]
    made = [(result.version, result.round, one.key) for one in peers for result in results_of(one)]
    if not made:
        return 1
    latest = max(version for version, _, _ in made)
    by_peers = {key for version, round, key in made if version == latest and round == task.revision_count}
    # Another step of this round has begun this version, and this one goes on with it, as in the first round.
    return latest if by_peers and mine.key not in by_peers else latest + 1


def output_of(task: Task, unit: Unit) -> str:
    """Return where the unit writes by default: settled when it was first granted in its round."""
    return unit.output or versioned(base_output(task, unit), next_version(task, unit))


def version_of(task: Task, unit: Unit) -> int:
    """Return the version that the unit is making, or would make."""
    return unit.version if unit.output is not None else next_version(task, unit)


def round_of(task: Task, unit: Unit) -> int:
    """Return the round that the unit is worked on in. One that was begun before a revision elsewhere stays in its own."""
    return unit.round if unit.output is not None else task.revision_count


def expected_of(task: Task, unit: Unit) -> tuple[Expectation, ...]:
    """Return what the unit must leave: of a later version the files bear the version's name, too."""
    version = version_of(task, unit)
    base = base_output(task, unit)
    if version == 1:
        return unit.expects

    def renamed(one: Expectation) -> Expectation:
        if one.file is None:
            return one
        place = place_of(one.file, task.id)
        return structs.replace(one, file=versioned(place, version)) if TASK in one.file or place == base else one

    return tuple(map(renamed, unit.expects))


def copies_of(task: Task, unit: Unit) -> tuple[tuple[str, str], ...]:
    """Return each file that the unit has left in earlier versions, and the name of a copy that no agent will write.

    An agent may write over an earlier version all the same; what was there then stays under the second name. None in a
    repository, which keeps its own versions.
    """
    if task.repo is not None:
        return ()
    results = results_of(original_of(task, unit))
    return tuple((path, copy_name(path, result.version)) for result in results for path in result.outputs)


def copy_name(path: str, version: int) -> str:
    """Return the name under which what was in a file as this version is kept: ``name.v1.md``."""
    stem, ending = _parted(path)
    mark = f".v{version}"
    return f"{stem}{mark}{ending}" if not stem.endswith(mark) else f"{stem}.old{ending}"


def listed(task: Task, unit: Unit) -> list[str]:
    """Return the files of each version that the unit has left, oldest first."""
    return [path for result in results_of(unit) for path in result.outputs]


def _parted(path: str) -> tuple[str, str]:
    """Part a path before its ending; the dot that a hidden file's name begins with is none."""
    folder, slash, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    return (f"{folder}{slash}{stem}", f"{dot}{ending}") if stem else (path, "")
