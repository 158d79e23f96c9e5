"""``run_service.py``: the chain in turn, each attempt in the log, the answer on stdout, and nothing left running.

The real script is started: in this process it would become the parent of what others here leave behind.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import Done, Home, tree, wait_for

OK = '#!/bin/sh\necho answer of $BATON_SERVICE: "$@"\n'


def put(home: Home, *services: str, capability: str = "seo", **programs: str) -> None:
    """Write a registry of one category, and the programs of its services."""
    folder = home.root / "config/services"
    folder.mkdir(exist_ok=True)
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    lines = "".join(f"      - {service}\n" for service in services)
    (home.root / "config/services.yaml").write_text(f"categories:\n  {capability}:\n    services:\n{lines}")


def told(home: Home) -> list[dict[str, Any]]:
    return [event["data"] for event in home.events() if event["type"] == "service_attempted"]


def statuses(home: Home) -> list[tuple[str, str]]:
    return [(one["service"], one["status"]) for one in told(home)]


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


# -- the chain ----------------------------------------------------------------------------------------------------


def test_the_first_service_that_succeeds_gives_the_answer(home: Home) -> None:
    put(
        home,
        "{name: broken, script: services/broken, priority: 1}",
        "{name: limited, script: services/limited, priority: 2}",
        "{name: works, script: services/works, priority: 3, cost: 0}",
        "{name: spare, script: services/works, priority: 4}",
        broken="#!/bin/sh\necho half an answer\necho out of order >&2\nexit 3\n",
        limited="#!/bin/sh\necho 429 >&2\nexit 75\n",
        works=OK,
    )

    done = home.run("run_service", "seo", "--", "rye bread", "--limit", "2")

    assert (done.code, done.out) == (0, "answer of works: rye bread --limit 2\n")
    assert done.err == (
        "run_service.py: warning: broken: failed: exit code 3: out of order\n"
        "run_service.py: warning: limited: rate limited: come back later: 429\n"
    )
    keys = ("service", "status", "exit_code", "message", "cost_usd", "list_price_usd")
    assert [tuple(one[key] for key in keys) for one in told(home)] == [
        ("broken", "failed", 3, "exit code 3: out of order", None, None),
        ("limited", "rate_limited", 75, "come back later: 429", None, None),
        ("works", "success", 0, "", None, 0.0),
    ]
    assert all(one["duration_seconds"] > 0 and one["capability"] == "seo" for one in told(home))


def test_in_json_the_answer_stands_beside_its_attempts(home: Home) -> None:
    put(home, "{name: works, script: services/works, use_cases: [volumes]}", works=OK)
    done = home.run("run_service", "seo", "--use-case", "volumes", "--json", "--", "x")
    attempt = done.json["attempts"][0]
    assert (done.code, done.json["attempts"]) == (0, [attempt])
    assert done.json == {
        "service": "works",
        "capability": "seo",
        "use_case": "volumes",
        "output": "answer of works: x\n",
        "attempts": [attempt],
    }
    assert (attempt["status"], attempt["exit_code"], told(home)[0]["use_case"]) == ("success", 0, "volumes")


def test_when_none_answers_it_says_why_each_did_not(home: Home) -> None:
    put(
        home,
        "{name: broken, script: services/broken}",
        "{name: gone, script: services/gone}",
        "{name: poor, script: services/broken, api_key_env: POOR_KEY}",
        "{name: wordless}",
        broken="#!/bin/sh\nkill -SEGV $$\n",
    )
    done = home.run("run_service", "seo", "--json")
    assert done.refusal == (1, "service_failed")
    assert [(one["service"], one["status"], one["message"]) for one in done.error["attempts"]] == [
        ("broken", "failed", "it was ended by SIGSEGV"),
        (
            "gone",
            "failed",
            f"the script 'services/gone' of service gone does not exist: {home.root}/config/services/gone",
        ),
        ("poor", "failed", "its key POOR_KEY is not set"),
        ("wordless", "failed", "it has no script"),
    ]
    assert statuses(home) == [(name, "failed") for name in ("broken", "gone", "poor", "wordless")]


def test_when_all_are_rate_limited_it_is_busy(home: Home) -> None:
    limited = "#!/bin/sh\nexit 75\n"
    put(home, "{name: a, script: services/x}", "{name: b, script: services/x}", x=limited)
    done = home.run("run_service", "seo", "--json")
    assert done.refusal == (75, "rate_limited")
    assert statuses(home) == [("a", "rate_limited"), ("b", "rate_limited")]


def test_an_mcp_server_is_passed_over_and_is_no_attempt(home: Home) -> None:
    put(
        home,
        "{name: server, mcp_server: npx seo, priority: 1}",
        "{name: works, script: services/works, priority: 2}",
        works=OK,
    )
    done = home.run("run_service", "seo")
    assert (done.code, statuses(home)) == (0, [("works", "success")])
    assert "server is passed over: it is an MCP server" in done.err
    put(home, "{name: server, mcp_server: npx seo}")
    assert home.call("run_service", "seo", "--json").refusal == (1, "service_not_found")


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (["nothing"], (1, "service_not_found")),
        (["seo", "--use-case", "weather"], (1, "service_not_found")),
        (["seo", "--campaign", "nope"], (1, "campaign_not_found")),
        (["seo", "--task", "nope"], (1, "task_not_found")),
        (["../x"], (2, "invalid_input")),
    ],
)
def test_what_cannot_be_asked_is_refused_and_leaves_nothing(
    home: Home, words: list[str], refusal: tuple[int, str]
) -> None:
    put(home, "{name: works, script: services/works, use_cases: [volumes]}", works=OK)
    before = tree(home.root)
    assert home.call("run_service", *words, "--json").refusal == refusal
    assert tree(home.root) == before


def test_a_registry_with_two_services_of_one_name_calls_nobody(home: Home) -> None:
    put(home, "{name: x, script: services/x}", "{name: x, script: services/x}", x="#!/bin/sh\ntouch called\n")
    done = home.run("run_service", "seo", "--json")
    assert done.refusal == (1, "invalid_input")
    assert (told(home), "service x is listed in seo and again in seo" in done.error["message"]) == ([], True)


# -- the order ----------------------------------------------------------------------------------------------------


def three(home: Home) -> None:
    names = ("one", "two", "three")
    put(home, *(f"{{name: {name}, script: services/x, priority: {place}}}" for place, name in enumerate(names)), x=OK)


def answered_by(done: Done) -> str:
    assert done.code == 0, done
    return done.out.split()[2].rstrip(":")


def test_a_campaign_and_before_it_a_task_say_their_order(home: Home) -> None:
    three(home)
    home.make_campaign(services={"seo": ["two"]})
    home.make_task("own", campaign="spring", services={"seo": ["three"]})
    home.make_task("plain", campaign="spring")
    assert answered_by(home.run("run_service", "seo")) == "one"
    assert answered_by(home.run("run_service", "seo", "--campaign", "spring")) == "two"
    assert answered_by(home.run("run_service", "seo", "--task", "plain")) == "two"
    assert answered_by(home.run("run_service", "seo", "--task", "own")) == "three"
    assert home.ok("resolve_service", "seo", "--task", "own").json["name"] == "three"


def test_inside_a_run_its_task_says_the_order_and_the_log_knows_them(home: Home) -> None:
    three(home)
    home.make_campaign(services={"seo": ["two"]})
    home.make_task("t-1", campaign="spring")
    inside = {"BATON_TASK": "t-1", "BATON_RUN": "r-1", "BATON_AGENT": "alpha"}
    assert answered_by(home.run("run_service", "seo", **inside)) == "two"
    (event,) = [event for event in home.events() if event["type"] == "service_attempted"]
    assert (event["task"], event["campaign"], event["run"], event["data"]["agent"]) == ("t-1", "spring", "r-1", "alpha")
    assert home.ok("resolve_service", "seo", **inside).json["name"] == "two"
    line = home.ok("task", "timeline", "t-1").out
    assert "alpha asked two (seo): success after" in line


@pytest.mark.parametrize(
    ("name", "said"),
    [("asleep", "names 'asleep', which is not active"), ("nobody", "names 'nobody', but there is no such service")],
)
def test_an_override_that_names_what_cannot_be_used_makes_no_task_and_asks_nobody(
    home: Home, name: str, said: str
) -> None:
    put(home, "{name: works, script: services/works}", "{name: asleep, active: false}", works=OK)
    before = tree(home.root)
    file = home.file("x.json", {"title": "x", "pipeline": [{"agent": "alpha"}], "services": {"seo": [name]}})
    done = home.call("task", "create", file, "--json")
    assert (done.refusal, said in done.error["message"]) == ((1, "invalid_input"), True)
    assert tree(home.root) == before
    home.make_campaign(services={"seo": [name]})
    done = home.run("run_service", "seo", "--campaign", "spring", "--json")
    assert (done.refusal, said in done.error["message"], told(home)) == ((1, "invalid_input"), True, [])


# -- what a program is given, and gives ---------------------------------------------------------------------------


def test_a_program_gets_its_own_key_and_little_else(home: Home, tmp_path: Path) -> None:
    (home.root / ".env").write_text("SEO_KEY=seo-s3cr3t\nOTHER_KEY=other-s3cr3t\nTELEGRAM_BOT_TOKEN=x\n")
    service = "{name: works, script: services/works, api_key_env: SEO_KEY, use_cases: [volumes], config: {region: at}}"
    put(home, service, works=f"#!/bin/sh\nenv > {tmp_path}/env\npwd > {tmp_path}/cwd\n")
    inside = {"BATON_TASK": "t-1", "BATON_RUN": "r-1", "BATON_LEASE": "7", "BATON_AGENT": "alpha", "MINE": "x"}
    home.make_task()
    assert home.run("run_service", "seo", "--use-case", "volumes", **inside).code == 0
    found = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert found.pop("BATON_SERVICE_REPORT").startswith("/")
    assert found["PATH"].split(":")[-1].endswith("/scripts")
    assert {name: value for name, value in found.items() if name not in ("PATH", "PWD", "_", "SHLVL", "OLDPWD")} == {
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "SEO_KEY": "seo-s3cr3t",
        "BATON_HOME": str(home.root),
        "BATON_PYTHON": home.environ["BATON_PYTHON"],
        "BATON_SERVICE": "works",
        "BATON_SERVICE_CONFIG": '{"region":"at"}',
        "BATON_CAPABILITY": "seo",
        "BATON_USE_CASE": "volumes",
        "BATON_TASK": "t-1",
        "BATON_RUN": "r-1",
    }
    assert (tmp_path / "cwd").read_text() == "/\n"


def test_a_key_is_never_printed_or_logged(home: Home) -> None:
    program = "#!/bin/sh\necho key is $SEO_KEY\necho bad $SEO_KEY >&2\nexit $1\n"
    put(home, "{name: works, script: services/works, api_key_env: SEO_KEY}", works=program)
    good = home.run("run_service", "seo", "--json", "--", "0", SEO_KEY="s3cr3t-canary")
    bad = home.run("run_service", "seo", "--", "1", SEO_KEY="s3cr3t-canary")
    assert (good.json["output"], bad.code) == ("key is ***\n", 1)
    assert "bad ***" in bad.err
    assert "canary" not in good.out + good.err + bad.out + bad.err + json.dumps(home.events())


def test_what_a_program_reports_as_its_cost_is_counted_and_nothing_is_left_of_the_report(
    home: Home, tmp_path: Path
) -> None:
    program = '#!/bin/sh\necho "{\\"cost_usd\\": 0.25}" > "$BATON_SERVICE_REPORT"\nexit ${1:-0}\n'
    put(home, "{name: paid, script: services/paid, cost: 9}", paid=program)
    (tmp_path / "tmp").mkdir()
    for word in ("0", "1"):
        home.run("run_service", "seo", "--", word, TMPDIR=str(tmp_path / "tmp"))
    put(home, "{name: listed, script: services/works, cost: 0.01}", works=OK)
    home.run("run_service", "seo")
    put(home, '{name: vague, script: services/works, cost: "a cent or so"}', works=OK)
    home.run("run_service", "seo")
    assert [(one["cost_usd"], one["list_price_usd"]) for one in told(home)] == [
        (0.25, None), (0.25, None), (None, 0.01), (None, None),
    ]  # fmt: skip
    assert list((tmp_path / "tmp").iterdir()) == []
    found = {one["service"]: one for one in home.ok("cost", "--json").json["services"]}
    money = ("calls", "cost_usd", "list_price_usd", "unpriced_calls")
    assert {name: tuple(row[key] for key in money) for name, row in found.items()} == {
        "paid": (2, 0.5, None, 0),
        "listed": (1, None, 0.01, 0),
        "vague": (1, None, None, 1),
    }
    assert found["paid"]["statuses"] == {"success": 1, "failed": 1}
    rows = [line.split() for line in home.ok("cost").out.splitlines()]
    assert ["paid", "2", "1", "success,", "1", "failed", "$0.50"] in rows
    assert ["vague", "1", "1", "success", "1", "of", "unknown", "cost"] in rows
    assert home.ok("cost", "--json").json["total"]["runs"] == 0


def test_health_tells_how_the_last_calls_ended(home: Home) -> None:
    put(home, "{name: works, script: services/works}", works="#!/bin/sh\nexit $1\n")
    for word in ("0", "75", "2"):
        home.run("run_service", "seo", "--", word)
    (found,) = home.ok("service", "health", "--json").json["services"]
    assert found["attempts"] == {"success": 1, "failed": 1, "timeout": 0, "rate_limited": 1}
    assert (found["last"]["status"], found["last"]["message"]) == ("failed", "exit code 2")


def test_an_answer_that_never_ends_is_no_answer(home: Home) -> None:
    put(
        home,
        "{name: loud, script: services/loud, priority: 1}",
        "{name: works, script: services/works, priority: 2}",
        loud="#!/bin/sh\nexec cat /dev/zero\n",
        works=OK,
    )
    done = home.run("run_service", "seo")
    assert (done.code, "loud: failed: it printed more than 8 MB" in done.err) == (0, True)


# -- nothing is left ----------------------------------------------------------------------------------------------

# It leaves a child that has left its session and its environment, and never ends by itself.
CLINGING = """\
#!/bin/sh
setsid -f env -i sh -c 'echo $$ > {folder}/stray; exec sleep 600'
while [ ! -s {folder}/stray ]; do sleep 0.01; done
echo $$ > {folder}/leader
{then}
"""


def pids(folder: Path) -> list[int]:
    return [int((folder / name).read_text()) for name in ("stray", "leader")]


def test_a_late_program_is_ended_with_all_that_it_started_and_the_next_is_asked(home: Home, tmp_path: Path) -> None:
    put(
        home,
        "{name: slow, script: services/slow, timeout: 700ms, priority: 1}",
        "{name: works, script: services/works, priority: 2}",
        slow=CLINGING.format(folder=tmp_path, then="exec sleep 600"),
        works=OK,
    )
    done = home.run("run_service", "seo")
    assert (done.code, statuses(home)) == (0, [("slow", "timeout"), ("works", "success")])
    assert "slow: timeout: it had not answered within 0.7 s" in done.err
    assert [is_gone(pid) for pid in pids(tmp_path)] == [True, True]


def test_what_a_program_leaves_behind_when_it_has_answered_is_ended(home: Home, tmp_path: Path) -> None:
    put(home, "{name: works, script: services/works}", works=CLINGING.format(folder=tmp_path, then="echo done"))
    assert home.run("run_service", "seo").out == "done\n"
    assert [is_gone(pid) for pid in pids(tmp_path)] == [True, True]


def test_a_call_that_is_cut_off_ends_its_program_and_is_logged(home: Home, tmp_path: Path) -> None:
    put(home, "{name: slow, script: services/slow}", slow=CLINGING.format(folder=tmp_path, then="exec sleep 600"))
    process = home.start("run_service", "seo")
    wait_for((tmp_path / "leader").exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 128 + signal.SIGTERM
    assert [is_gone(pid) for pid in pids(tmp_path)] == [True, True]
    assert [(one["status"], one["message"]) for one in told(home)] == [("failed", "it was cut off (SystemExit)")]


def test_a_program_ends_when_whoever_called_it_is_killed(home: Home, tmp_path: Path) -> None:
    slow = f"#!/bin/sh\necho $$ > {tmp_path}/new\nmv {tmp_path}/new {tmp_path}/leader\nexec sleep 600\n"
    put(home, "{name: slow, script: services/slow}", slow=slow)
    process = home.start("run_service", "seo")
    wait_for((tmp_path / "leader").exists)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)
    assert wait_for(lambda: is_gone(int((tmp_path / "leader").read_text())))


# -- from inside a run, and what ships ----------------------------------------------------------------------------


def test_an_agent_asks_from_inside_its_run(home: Home) -> None:
    put(home, "{name: works, script: services/works, api_key_env: SEO_KEY}", works="#!/bin/sh\necho $SEO_KEY | wc -c\n")
    (home.root / ".env").write_text("SEO_KEY=s3cr3t-canary\n")
    home.agent(
        "alpha",
        '#!/bin/sh\n[ -z "$SEO_KEY" ] || exit 9\nmkdir -p research\n'
        "run_service.py seo > research/$BATON_TASK.md && echo asked\n",
    )
    home.make_task(agents=["alpha"])
    home.wake()
    done = home.run("invoke_agent", "alpha", "t-1")
    assert done.code == 0, done
    (event,) = [event for event in home.events() if event["type"] == "service_attempted"]
    record = home.record()
    assert (event["task"], event["run"], event["data"]["agent"]) == (
        "t-1",
        record["pipeline"][0]["result"]["run"],
        "alpha",
    )
    text = (home.root / "projects/default/tasks/t-1/research/t-1.md").read_text()
    assert text == "14\n"


def test_the_prompt_names_the_page_and_the_agents_capabilities(home: Home) -> None:
    home.agent(
        "alpha", '#!/bin/sh\nmkdir -p research; cp "$BATON_PROMPT_FILE" research/$BATON_TASK.md\n', optional="seo"
    )
    put(home, "{name: works, script: services/works}", works=OK)
    home.make_task(agents=["alpha"])
    home.wake()
    assert home.run("invoke_agent", "alpha", "t-1").code == 0
    prompt = (home.root / "projects/default/tasks/t-1/research/t-1.md").read_text()
    page = home.root / "memory/long-term/SERVICE_REGISTRY.md"
    assert f"`{page}` tells which there are" in prompt
    assert "Made for you: seo." in prompt
    assert "1. **works**: `run_service.py seo`" in page.read_text()


def test_a_prompt_says_nothing_of_services_where_there_are_none(home: Home) -> None:
    home.agent("alpha", '#!/bin/sh\nmkdir -p research; cp "$BATON_PROMPT_FILE" research/$BATON_TASK.md\n')
    (home.root / "config/services.yaml").unlink()
    home.make_task(agents=["alpha"])
    home.wake()
    assert home.run("invoke_agent", "alpha", "t-1").code == 0
    prompt = (home.root / "projects/default/tasks/t-1/research/t-1.md").read_text()
    assert ("SERVICE_REGISTRY" in prompt, "## Services" in prompt) == (False, False)


def test_a_broken_registry_does_not_hold_up_a_run(home: Home) -> None:
    (home.root / "config/services.yaml").write_text("categories: [")
    home.make_task(agents=["alpha"])
    home.wake()
    done = home.run("invoke_agent", "alpha", "t-1")
    assert (done.code, "SERVICE_REGISTRY.md is not up to date" in done.err) == (0, True)


def test_the_shipped_services_answer_offline(home: Home, tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources/rye.md").write_text("# Rye\n\nRye needs acid.\n\nWheat has gluten, which holds the gas.\n")
    words = ["--folder", str(tmp_path / "sources"), "gluten"]
    found = json.loads(home.run("run_service", "source_search", "--", *words).out)
    assert [(one["source"], one["paragraph"]) for one in found["results"]] == [("sources/rye.md", 2)]
    found = json.loads(home.run("run_service", "readability", "--", str(tmp_path / "sources/rye.md")).out)
    assert (found["files"][0]["words"], found["files"][0]["sentences"]) == (10, 2)
