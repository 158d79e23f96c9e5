"""What a real agent program makes of each trouble that its provider may be in, and what Baton makes of that.

Captured streams say what it was once (``tests/adapters/captured_cases.yaml``); here a new version says what it is now.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.real_clis.acts import Act, Drop, Fail, Refuse, Trouble
from tests.real_clis.homes import CliHome
from tests.real_clis.model_server import ModelServer
from tests.real_clis.programs import PROGRAMS, bin_of

pytestmark = [pytest.mark.real_clis, pytest.mark.long, pytest.mark.timeout(240)]

ACTS: dict[str, Act] = {trouble.value: Refuse(trouble=trouble) for trouble in Trouble}
ACTS |= {"dropped": Drop(), "cut": Drop(is_begun=True), "failed": Fail(trouble=Trouble.OVERLOADED)}
KINDS = {
    "auth": "auth",
    "forbidden": "auth",
    "credit": "credit",
    "rate_limit": "rate_limit",
    "overloaded": "overloaded",
    "server": "server",
    "too_long": "context_too_long",
    "model": "model_unknown",
    "dropped": "transport",
    "cut": "transport",
    "failed": "overloaded",
}
# What else they make of it. Claude Code asks again, for an answer at once, and gets one.
OTHERWISE = {
    ("claude", "cut"): "no_report",
    ("claude", "failed"): "no_report",
    ("gemini", "failed"): "transport",
}
# What OpenCode tries again, it tries for 90 seconds, and cannot be told otherwise.
TRIED_LONG = {"credit", "overloaded", "server", "dropped", "cut", "failed"}
CASES = [(name, act) for name in PROGRAMS for act in ACTS if name != "opencode" or act not in TRIED_LONG]


@pytest.mark.parametrize(("name", "act"), CASES)
def test_a_trouble_of_the_provider_is_recognised(name: str, act: str, tmp_path: Path) -> None:
    program = PROGRAMS[name]
    if bin_of(program) is None:
        pytest.skip(f"{name.upper()} IS NOT INSTALLED: scripts/test --real-clis={name} --long")
    with ModelServer(lambda request: ACTS[act]) as server:
        home = CliHome(tmp_path, program, server.url, max_attempts=1)
        home.make_campaign("spring", {"writer": "drafts/spring-001.md"})
        ended = home.start("invoke_agent.py", "writer", "spring-001")
        ended.wait(timeout=200)
        left = home.end()
    assert (home.runs("spring-001")[0]["kind"], ended.returncode) == (OTHERWISE.get((name, act), KINDS[act]), 1)
    assert server.requests
    assert not left, f"the test left processes: {left}"
