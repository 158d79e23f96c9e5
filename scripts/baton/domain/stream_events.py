"""The events of one streaming run: their ids, what is told twice and what is not, what a finished run keeps of them.

An id is a place in the run: a ``text_delta`` counts its characters, every other event counts one. So any number is a
cursor, in the middle of a piece too, and pieces may be joined without a listener missing or seeing anything twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from baton.domain.records import Task
from baton.domain.run_statuses import RunStatus, error_of, failed_at, status_of
from baton.domain.statuses import TaskStatus, UnitStatus

StreamEvent = dict[str, Any]

STEP_START = "step_start"
TEXT_DELTA = "text_delta"
STEP_COMPLETE = "step_complete"
PIPELINE_COMPLETE = "pipeline_complete"
ERROR = "error"
ENDS = frozenset({PIPELINE_COMPLETE, ERROR})
# Power loss may take what was shown last of a step: whoever goes on in another boot leaves more room than that can be.
ROOM = 1_000_000_000


def size_of(event: Mapping[str, Any]) -> int:
    """Return how many places an event takes."""
    return len(event["text"]) if event["type"] == TEXT_DELTA else 1


def since(event: StreamEvent, cursor: int) -> StreamEvent | None:
    """Return what of an event lies behind the cursor: all, the end of its text, or nothing."""
    if event["id"] <= cursor:
        return None
    if event["type"] != TEXT_DELTA or event["id"] - len(event["text"]) >= cursor:
        return event
    return {**event, "text": event["text"][cursor - event["id"] :]}


class Progress(Struct):
    """What a run's events say so far: where its listeners are. ``text``: what they have of the step that is open."""

    last_id: int = 0
    last: StreamEvent | None = None
    open_step: int | None = None
    open_boot: str = ""
    text: str = ""
    completed: set[int] = set()
    end: StreamEvent | None = None

    def take(self, event: StreamEvent) -> None:
        """Take the next event."""
        self.last_id, self.last = event["id"], event
        match event["type"]:
            case "step_start":
                self.open_step, self.open_boot, self.text = event["step"], event.get("boot", ""), ""
                self.completed.discard(event["step"])
            case "text_delta":
                self.text += event["text"]
            case "step_complete":
                self.open_step, self.text = None, ""
                self.completed.add(event["step"])
            case "pipeline_complete" | "error":
                self.open_step, self.text, self.end = None, "", event


def progress_of(events: Iterable[StreamEvent]) -> Progress:
    """Return what these events say."""
    progress = Progress()
    for event in events:
        progress.take(event)
    return progress


class Replay:
    """Holds back what listeners have already: a step that is done again mostly begins with the same words.

    As long as the new text says what was shown, it is not shown again. Where it differs, or ends before, the step begins
    anew for listeners, too.
    """

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._fresh = ""

    def take(self, text: str) -> tuple[bool, str]:
        """Take a piece of the new text: tell whether the step has to begin anew, and what is to be shown then."""
        if self._shown == self._fresh:
            return False, text
        before = len(self._fresh)
        self._fresh += text
        if self._shown.startswith(self._fresh):
            return False, ""
        if self._fresh.startswith(self._shown):
            new, self._fresh = self._fresh[max(before, len(self._shown)) :], self._shown
            return False, new
        whole, self._shown, self._fresh = self._fresh, "", ""
        return True, whole


def untold(task: Task, progress: Progress, outputs: Mapping[int, str]) -> list[StreamEvent]:
    """Return what the record says and the events do not, without ids: what a dead supervisor could not tell.

    ``outputs`` are the texts of completed steps by number.
    """
    told: list[StreamEvent] = []
    for unit in task.pipeline:
        if unit.status is UnitStatus.COMPLETED and unit.step is not None and unit.step not in progress.completed:
            if progress.open_step != unit.step:
                told.append({"type": STEP_START, "step": unit.step, "agent": unit.agent, "attempt": unit.attempts})
            output = outputs.get(unit.step, "")
            rest = _rest(progress.text if progress.open_step == unit.step else "", output)
            if rest is None:
                told.append({"type": STEP_START, "step": unit.step, "agent": unit.agent, "attempt": unit.attempts})
                rest = output
            if rest:
                told.append({"type": TEXT_DELTA, "step": unit.step, "text": rest})
            told.append({"type": STEP_COMPLETE, "step": unit.step, "output": output, "at": unit.completed_at})
    end = end_of(task, outputs)
    if end is not None and (told or progress.end is None or _sign(progress.end) != _sign(end)):
        told.append(end)
    return told


def end_of(task: Task, outputs: Mapping[int, str]) -> StreamEvent | None:
    """Return the event that ends the run as it is now; ``None`` while it goes on."""
    if task.status is TaskStatus.COMPLETED:
        last = max(outputs, default=None)
        final = outputs[last] if last is not None else ""
        return {"type": PIPELINE_COMPLETE, "final_output": final, "at": task.completed_at}
    if status_of(task) is RunStatus.FAILED:
        return {"type": ERROR, "step": task.current.step, "message": error_of(task), "at": failed_at(task)}
    return None


def compacted(events: Iterable[StreamEvent]) -> list[StreamEvent]:
    """Return the events of an ended run, each step's text in one piece, without the text of beginnings that led nowhere.

    Ids stay: a joined piece has the id of its last part.
    """
    kept: list[StreamEvent] = []
    for event in events:
        last = kept[-1] if kept else None
        follows_text = last is not None and last["type"] == TEXT_DELTA
        if follows_text and event["type"] == TEXT_DELTA and event["id"] - len(event["text"]) == kept[-1]["id"]:
            kept[-1] = {**event, "text": kept[-1]["text"] + event["text"]}
            continue
        if follows_text and event["type"] == STEP_START:
            kept.pop()
        kept.append(event)
    return kept


def numbered(drafts: Sequence[StreamEvent], last_id: int, now: str) -> list[StreamEvent]:
    """Give events their ids, behind the last one, and a time where they have none; long keys come last."""
    events: list[StreamEvent] = []
    for draft in drafts:
        last_id += size_of(draft)
        events.append({"id": last_id, "at": draft.get("at") or now, **{k: v for k, v in draft.items() if k != "at"}})
    return events


def _rest(shown: str, output: str) -> str | None:
    """Return what is missing of the output behind what was shown; ``None`` when something else was shown."""
    return output[len(shown) :] if output.startswith(shown) else None


def _sign(end: Mapping[str, Any]) -> tuple[Any, ...]:
    return end["type"], end["at"]
