"""Checks of the state: records, quarantine, the stop file, the last sweep, the clock, what dead runs left, the log."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator

import msgspec

from baton.cli.checks import WARNING, Finding, Patient, listed, note, passed, warning
from baton.cli.looking import SWEEP_LATE_SECONDS, quarantined, sweep_age
from baton.cli.paint import lasting
from baton.domain.statuses import FailureKind
from baton.domain.times import seconds_between
from baton.engine.cures import cure_of_park
from baton.store.files import names_in

# A clock may be set by a little while programs run.
JUMP_SECONDS = 2.0
LOG_BYTES = 256 << 20


def records(patient: Patient) -> Iterator[Finding]:
    """Every record can be read."""
    cures = {
        "damaged": "check_pipeline.py sets it aside; then put a good copy from a backup in its place",
        "newer": "update this checkout: git pull",
        "unreadable": "check the disk, and the owner and the mode of the home",
    }
    for damage in patient.survey.damage:
        is_project = damage.kind == "project" and damage.is_damaged
        path = patient.home.in_state("projects", f"{damage.id}.json")
        yield warning(
            damage.reason,
            f"mend {path}, or put a good copy from a backup in its place" if is_project else cures[damage.state],
        )
    yield passed(f"{patient.survey.live} live tasks")


def quarantine(patient: Patient) -> Iterator[Finding]:
    """Nothing lies in quarantine."""
    for one in quarantined(patient.home):
        folder = patient.home.in_state("quarantine", f"{one.kind}s")
        yield warning(
            f"{one.kind} '{one.id}' is in quarantine: {one.reason or 'no reason was written'}",
            f"mend {folder}/{one.id}.json and move it back to {patient.home.in_state(f'{one.kind}s')}, or remove it",
        )


def stop(patient: Patient) -> Iterator[Finding]:
    """The home is not stopped."""
    if patient.wiring.config.is_stopped():
        path = patient.home.stop_file
        yield warning(f"{path} exists: nothing new is started", f"to go on: rm {shlex.quote(path)}")


def parked(patient: Patient) -> Iterator[Finding]:
    """No harness is parked. One that waits for a person is tried again by the next run, if its key is not missing."""
    from baton.cli.checks.keys import harness_keys  # start-up: few harnesses are parked

    parking = patient.wiring.parking
    for one in parking.now().values():
        said = f": {one.what} ({one.reason})" if one.reason else f": {one.what}"
        if one.until is not None:
            yield note(f"harness {one.harness} is parked until {one.until}{said}")
            continue
        lacks = one.kind is FailureKind.AUTH and any(
            finding.level == WARNING for finding in harness_keys(patient, one.harness, one.harness)
        )
        if not lacks and parking.try_again(one.harness):
            yield note(f"harness {one.harness} was parked since {one.since}{said}; the next run tries it again")
        else:
            yield warning(
                f"harness {one.harness} is parked since {one.since}{said}",
                f"log in, or set its key; then: {cure_of_park(one.harness)}",
            )


def sweep(patient: Patient) -> Iterator[Finding]:
    """The last sweep was not long ago."""
    age = sweep_age(patient.home, patient.wiring.clock.now())
    cure = "see what is said of cron; by hand: check_pipeline.py"
    if age is None and patient.survey.live:
        yield warning("no sweep has run here yet, and there are live tasks", cure)
    elif age is not None and age > SWEEP_LATE_SECONDS:
        yield warning(f"the last sweep was {lasting(age)} ago; one should run each minute", cure)
    else:
        yield passed("none yet" if age is None else f"{lasting(age)} ago")


def clock(patient: Patient) -> Iterator[Finding]:
    """The wall clock is not behind what has been written."""
    now = patient.wiring.clock.now()
    tail = patient.wiring.store.log.tail(1)
    newest = max(str(tail[0].get("at", "")) if tail else "", patient.survey.newest_at)
    ahead = seconds_between(now, newest) if newest else 0.0
    if ahead > JUMP_SECONDS:
        yield warning(
            f"the clock has jumped back: it is {now}, and the newest entry of the state is {lasting(ahead)} ahead",
            "set the clock (timedatectl set-ntp true); Baton goes on, but its times will not be true until then",
        )
    else:
        yield passed(now)


def dead_runs(patient: Patient) -> Iterator[Finding]:
    """No process of a run is left whose supervisor is gone."""
    slots = [slot for slot in patient.wiring.store.slots.states() if slot.supervised]
    alive = {slot.facts.get("run") for slot in slots}
    # A run that has just been spawned stands in its record, and not yet in its slot.
    instances = {slot.facts.get("instance") for slot in slots}
    alive |= {run for run, holder in patient.survey.runs.items() if holder.instance in instances}
    found = []
    for pid in filter(str.isdigit, os.listdir(patient.machine.proc)):
        try:
            names = dict(part.partition("=")[::2] for part in patient.read(pid, "environ").split("\0"))
        except OSError:
            continue
        run = names.get("BATON_RUN")
        if run and names.get("BATON_HOME") == patient.home.root and run not in alive and int(pid) != os.getpid():
            found.append(f"{pid} (run {run})")
    if found:
        yield note(f"processes of runs whose supervisor is gone: {listed(found, 5)}; the next sweep ends them")


def log(patient: Patient) -> Iterator[Finding]:
    """Every line of the event log can be read."""
    left, lines = LOG_BYTES, 0
    folder = patient.home.in_state("events")
    for name in sorted((name for name in names_in(folder) if name.endswith(".ndjson")), reverse=True):
        if left <= 0:
            yield note(f"only the newest {LOG_BYTES >> 20} MB of the event log were read")
            break
        path = os.path.join(folder, name)
        left -= os.path.getsize(path)
        with open(path, "rb") as file:
            # What stands behind the last newline is still being written.
            told = [_is_event(line) for line in file if line.endswith(b"\n")]
        lines += len(told)
        if not all(told):
            yield warning(
                f"{told.count(False)} of {len(told)} lines of {path} are damaged; they are passed over",
                "nothing has to be done, the records are the truth; if the disk is failing, dmesg says so",
            )
    yield passed(f"{lines} lines")


def _is_event(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
