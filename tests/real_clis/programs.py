"""The agent programs that are really run: which version, where it is told of the played model, and which key it gets.

What is set here is what an operator would set for a provider of one's own: keys in ``.env``, settings in
``config/baton.yaml``, and files of the program in HOME.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# It must occur nowhere else: Copilot CLI blots out its key wherever it prints it.
KEY = "zzq-no-key-9731"
MODEL = "played-model"
INSTALLED = "BATON_REAL_CLIS"
"""The variable that says of each program that may be run where it is: a JSON object, a folder by name."""
PATH = "/usr/local/bin:/usr/bin:/bin"
URL = "{url}"
"""Stands for the address of the model server."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """One agent program, called ``name``. ``dotenv``, ``settings``, ``files`` (below HOME) and ``model`` lead it to the
    played model; ``passes`` are variables to be let through to it.
    """

    name: str
    package: str
    version: str
    dotenv: dict[str, str]
    settings: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    passes: dict[str, str] = field(default_factory=dict)
    model: str = MODEL

    @property
    def spec(self) -> str:
        """What npm is asked for."""
        return f"{self.package}@{self.version}"


CODEX_PROVIDER = {
    "model_provider": "played",
    "model_providers.played.name": "played",
    "model_providers.played.base_url": f"{URL}/v1",
    "model_providers.played.env_key": "CODEX_API_KEY",
    "model_providers.played.wire_api": "responses",
    "model_providers.played.request_max_retries": 1,
    "model_providers.played.stream_max_retries": 1,
}
OPENCODE_PROVIDER = {
    "provider": {
        "played": {
            "npm": "@ai-sdk/openai-compatible",
            "name": "played",
            "options": {"baseURL": f"{URL}/v1", "apiKey": "{env:OPENAI_API_KEY}"},
            "models": {MODEL: {"name": MODEL, "limit": {"context": 128_000, "output": 8_000}}},
        }
    },
    "enabled_providers": ["played"],
}
PROGRAMS = {
    program.name: program
    for program in (
        Program(
            name="claude",
            package="@anthropic-ai/claude-code",
            version="2.1.329",
            dotenv={"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": URL},
        ),
        Program(
            name="codex",
            package="@openai/codex",
            version="0.169.0",
            dotenv={"CODEX_API_KEY": KEY},
            settings={
                "extra_args": [
                    word for key, value in CODEX_PROVIDER.items() for word in ("-c", f"{key}={json.dumps(value)}")
                ]
            },
        ),
        Program(
            name="gemini",
            package="@google/gemini-cli",
            version="0.61.0",
            dotenv={"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": URL},
        ),
        Program(
            name="opencode",
            package="opencode-ai",
            version="1.18.33",
            dotenv={"OPENAI_API_KEY": KEY},
            files={".config/opencode/opencode.json": json.dumps(OPENCODE_PROVIDER)},
            passes={"OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1"},
            model=f"played/{MODEL}",
        ),
        Program(
            name="copilot",
            package="@github/copilot",
            version="1.0.102",
            dotenv={
                "COPILOT_PROVIDER_API_KEY": KEY,
                "COPILOT_PROVIDER_BASE_URL": f"{URL}/v1",
                "COPILOT_PROVIDER_TYPE": "openai",
                "COPILOT_MODEL": MODEL,
                "COPILOT_OFFLINE": "true",
            },
        ),
    )
}


def filled(text: str, url: str) -> str:
    """Put the address of the model server into a text."""
    return text.replace(URL, url)


def bin_of(program: Program) -> str | None:
    """The folder in which a program can be started, if it is installed and may be run."""
    found: dict[str, str] = json.loads(os.environ.get(INSTALLED) or "{}")
    return found.get(program.name)


def environ_for(folder: str, user: Path, temporary: Path) -> dict[str, str]:
    """An environment made from nothing: a HOME of its own, and a PATH on which the program is found first."""
    node = os.path.dirname(shutil.which("node") or "/usr/bin/node")
    return {"PATH": f"{folder}:{PATH}:{node}", "HOME": str(user), "TMPDIR": str(temporary), "LANG": "C.UTF-8"}
