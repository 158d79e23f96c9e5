"""Memory stands in the prompts of steps and of heartbeats, and a supervisor that lives long sees it as it is now."""

from __future__ import annotations

from pathlib import Path

from tests.engine.homes import ScratchHome


def remember(home: ScratchHome, agent: str, text: str) -> None:
    folder = home.root / "memory/WORKING"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{agent}.md").write_text(text)


def test_a_steps_prompt_has_working_memory_and_lessons_and_names_other_pages(home: ScratchHome) -> None:
    home.agent("writer", "true")
    home.task("t-1", "writer")
    remember(home, "writer", "- short titles\n")
    pages = home.root / "memory/long-term"
    pages.mkdir()
    (pages / "LESSONS_LEARNED.md").write_text("## everybody\n- British spelling\n## editor\n- not mine\n")
    (pages / "STYLE.md").write_text("# Style\n")
    assert home.invoke("writer", "t-1").code == 0
    [prompt] = home.prompts("t-1")
    assert "\n## Your working memory\n" in prompt and "\n> - short titles\n" in prompt
    assert "\n## Lessons learned\n" in prompt and "\n> - British spelling\n" in prompt and "not mine" not in prompt
    assert f"More to read, if you need it: `{pages}/STYLE.md`." in prompt


def test_a_prompt_without_memory_says_that_it_is_empty_and_has_no_empty_parts(home: ScratchHome) -> None:
    home.agent("writer", "true")
    home.task("t-1", "writer")
    assert home.invoke("writer", "t-1").code == 0
    [prompt] = home.prompts("t-1")
    assert f"`{home.root}/memory/WORKING/writer.md`, and is empty." in prompt
    assert (
        "## Your working memory" not in prompt and "## Lessons learned" not in prompt and "More to read" not in prompt
    )


def test_a_heartbeats_prompt_has_memory_too(home: ScratchHome) -> None:
    home.agent("helper", "true")
    remember(home, "helper", "- look at Fridays\n")
    assert home.run("invoke_agent.py", "helper", "--heartbeat", "--json").code == 0
    [prompt] = Path(home.root / "logs/helper").glob("*.prompt.md")
    assert "\n> - look at Fridays\n" in prompt.read_text()


def test_what_one_run_leaves_the_next_run_of_the_same_supervisor_is_given(home: ScratchHome) -> None:
    home.agent("writer", 'memory.py note "learned in $BATON_TASK"')
    home.task("t-1", "writer")
    home.task("t-2", "writer")
    home.serve()
    assert "> - learned in t-1\n" in home.prompts("t-2")[0]
