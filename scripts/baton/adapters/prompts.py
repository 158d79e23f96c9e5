"""Prompts: Jinja2 templates, the home's own in the place of the shipped one of the same name."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment

from baton.domain.errors import InvalidInput

# What a template that is well formed can still raise when it is filled.
FAILURES = (TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
SHIPPED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "prompt_templates")


class JinjaPrompts:
    """Renders the templates of one home; an unknown name in a template is an error, never silence."""

    def __init__(self, own: str) -> None:
        self._environment = SandboxedEnvironment(
            loader=FileSystemLoader([own, SHIPPED]),
            undefined=StrictUndefined,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["quoted"] = quoted

    def render(self, name: str, facts: Mapping[str, Any]) -> str:
        """Fill the template ``<name>.md.j2``."""
        file = f"{name}.md.j2"
        try:
            return self._environment.get_template(file).render(facts)
        except TemplateNotFound as error:
            raise InvalidInput(f"there is no prompt template {error.message or file}") from None
        except TemplateSyntaxError as error:
            raise InvalidInput(
                f"the prompt template {error.filename or file}:{error.lineno} is not valid: {error.message}",
                cure="mend it, or remove it to use the shipped one",
            ) from None
        except FAILURES as error:
            raise InvalidInput(
                f"the prompt template {_place(error) or file} failed: {error}", cure="mend it, or remove it"
            ) from None


def quoted(text: str) -> str:
    """Return a text that somebody else wrote as a quotation, so that no line of it looks like one of the template's."""
    return "\n".join(f"> {line}".rstrip() for line in str(text).strip().splitlines())


def _place(error: BaseException) -> str:
    """Where in a template an error came up: Jinja gives its frames the template's file and line."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(".j2")]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
