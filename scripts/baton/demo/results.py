"""What the demo shows when the work is done: who worked when, what was sent back, the files, the news, the checks."""

from __future__ import annotations

import textwrap
import time
from collections import Counter, defaultdict
from typing import Any

from baton.demo import evidence
from baton.demo.loopback import Telegram
from baton.demo.scene import Scene
from baton.demo.scratch import DemoFailed
from baton.demo.timeline import timeline

ARTICLE_LINES = 8
SHOWN = 3
TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens")
END_SECONDS = 60.0
SLOW_PAUSE_SECONDS = 0.1


def show(scene: Scene, telegram: Telegram, *, is_example: bool) -> None:
    """Show all of it; ``is_example``: the campaign that is shipped, of which more is known beforehand."""
    if scene.board.blocked:
        task, reason = next(iter(scene.board.blocked.items()))
        raise DemoFailed(f"task {task} is blocked: {reason}")
    _await_the_end(scene)
    records = scene.records()
    _timeline(scene, records)
    _sent_back(scene, records, is_promised=is_example and scene.agents.name == "offline")
    _files(scene, records)
    _news(scene, telegram)
    _checks(scene, records)


def _await_the_end(scene: Scene) -> None:
    """Wait until the campaign is completed too, which is a commit of its own, and the last supervisor has ended."""
    end = time.monotonic() + END_SECONDS
    while not scene.journal.of("campaign_completed") or scene.home.processes():
        if time.monotonic() > end:
            raise DemoFailed(f"campaign {scene.slug} was not completed within {END_SECONDS:g} s of its last task")
        time.sleep(SLOW_PAUSE_SECONDS)
        scene.journal.news()
    scene.look_at_campaign(scene.slug)


def _timeline(scene: Scene, records: list[dict[str, Any]]) -> None:
    scene.screen.step("All is done, without another word from us. Who worked when:")
    labels = [step.get("label") or step["agent"] for step in scene.steps]
    units = {unit["key"]: label for record in records for label, unit in record["branches"].items()}
    for line in timeline(scene.journal, scene.tasks, labels, units, scene.killed, scene.screen.width - 3):
        scene.screen.say(("", f"   {line}"))


def _sent_back(scene: Scene, records: list[dict[str, Any]], *, is_promised: bool) -> None:
    asked = scene.journal.of("revision_requested")
    if not asked:
        if is_promised:
            raise DemoFailed("one draft should have been sent back")
        scene.screen.step("Nothing was sent back.")
        return
    scene.screen.step("What was sent back, and why.")
    for event in asked[:SHOWN]:
        task, data = event["task"], event["data"]
        done = [one for one in scene.journal.of("step_completed", task) if one["data"]["step"] == data["to_step"]]
        before = [one for one in done if one["version"] < event["version"]]
        after = [one for one in done if one["version"] > event["version"]]
        scene.screen.command(f"scripts/task.py show {task}")
        scene.screen.item("before", _said(before[-1:]))
        scene.screen.item("sent back", f"by {data['by']}: {data['notes']}", "bold")
        scene.screen.item("after", _said(after[:1]))
    if len(asked) > SHOWN:
        scene.screen.note(f"and {len(asked) - SHOWN} more")
    scored = [record for record in records if record["quality_score"] is not None]
    if scored:
        scores = ", ".join(f"{record['id']} {record['quality_score']:g}" for record in scored)
        scene.screen.item("quality", f"{scores}; the most is 100")


def _said(events: list[dict[str, Any]]) -> str:
    return next((str(event["data"].get("summary") or "(no summary)") for event in events), "(not done)")


def _files(scene: Scene, records: list[dict[str, Any]]) -> None:
    screen, folder = scene.screen, scene.folder
    screen.step("What they have written; manifest.json names each file with its task, step and SHA-256.")
    place = f"$BATON_HOME/{folder.relative_to(scene.home.path)}"
    screen.command(f"find {place} -type f")
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and name.parts[0] != "sources":
            found[f"{name.parent}/" if name.parent.parts else "./"].append(f"{name.name} ({path.stat().st_size:,})")
    order = [f"{step.get('output_dir')}/" for step in scene.steps]
    for parent in sorted(found, key=lambda one: order.index(one) if one in order else len(order)):
        screen.item(parent, ", ".join(found[parent]) + " bytes")
    article = folder / records[0]["pipeline"][-1]["result"]["outputs"][0]
    screen.step(f"How {article.relative_to(folder)} begins.")
    screen.command(f"head {place}/{article.relative_to(folder)}")
    count = 0
    for number, paragraph in enumerate(article.read_text("utf-8", "replace").strip().split("\n\n")):
        screen.note(f"\n{paragraph}" if number else paragraph, lead="| ")
        count += 1 + len(textwrap.wrap(paragraph, screen.width - 5))
        if count > ARTICLE_LINES:
            break


def _news(scene: Scene, telegram: Telegram) -> None:
    scene.screen.step("One more sweep sends the rest of the news.")
    scene.sweep(1)
    if not any(f"Campaign {scene.slug} is completed" in text for text in telegram.texts):
        raise DemoFailed("no message arrived which says that the campaign is completed")
    scene.screen.note("This has arrived at the stand-in for Telegram:")
    for text in telegram.texts:
        scene.screen.note(text, lead="| ")


def _checks(scene: Scene, records: list[dict[str, Any]]) -> None:
    scene.screen.step("Check that nothing was lost, doubled or left behind.")
    records = [*records, scene.campaign, scene.project()]
    scene.journal.news()
    events = evidence.log_is_state(scene.journal, records)
    ends = evidence.runs(scene.home.path, scene.journal)
    if ends["interrupted"] < len(scene.killed):
        raise DemoFailed("the killed run should have ended as interrupted")
    files = evidence.manifest(scene.folder)
    evidence.nothing_is_held(scene.home, records)
    again = scene.home.json("check_pipeline.py")
    if again["found"] or again["errors"]:
        raise DemoFailed(f"the last sweep should have found nothing to do, and found {again}")
    told = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in ends.most_common())
    facts = {
        "log = state": f"{events} events; the histories of {len(scene.tasks)} tasks, the campaign and its project agree",
        "runs": f"{ends.total()} in the log, {ends.total()} records, and they agree: {told}",
        "files": f"{len(files)} of {len(files)} are as manifest.json says",
        "left behind": "no process, no lock, no lease, no slot, no half-done commit",
        "last sweep": "finds nothing to do",
    }
    for name, fact in facts.items():
        scene.screen.item(name, fact, "good")
    used: Counter[str] = Counter()
    for event in scene.journal.of("run_ended"):
        usage = event["data"].get("usage") or {}
        used.update({name: usage[name] for name in (*TOKENS, "cost_usd") if name in usage})
    amounts = [f"{used[name]:,.0f} {name.replace('_', ' ')}" for name in TOKENS if used[name]]
    if used:
        money = f"{used['cost_usd']:,.2f} dollars by list prices" if used["cost_usd"] else "of unknown cost"
        scene.screen.item("used", f"{money}: {', '.join(amounts)}")
