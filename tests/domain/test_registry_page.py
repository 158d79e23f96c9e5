"""The page about services that agents read."""

from __future__ import annotations

import msgspec

from baton.domain.registry_page import HEAD, page_of
from baton.domain.services import Registry

WRITTEN = {
    "categories": {
        "late": {"sort_order": 2, "services": [{"name": "asleep", "active": False}]},
        "seo": {
            "display_name": "SEO",
            "scope": "research",
            "required": True,
            "sort_order": 1,
            "services": [
                {"name": "second", "priority": 2, "mcp_server": "npx seo", "cost": 0.01},
                {
                    "name": "first",
                    "priority": 1,
                    "display_name": "The first\none",
                    "script": "services/x",
                    "usage": "WORD...",
                    "use_cases": ["volumes", "questions"],
                    "cost": "$1 a query",
                    "docs_url": "https://example.com",
                    "api_key_env": "FIRST_KEY",
                },
                {"name": "third", "priority": 3, "script": "services/y", "cost": 0},
                {"name": "off", "active": False},
            ],
        },
    }
}
SAID = """
## seo

SEO (research, required)

1. **first**: The first one; `run_service.py seo -- WORD...`; use cases: volumes, questions; cost: $1 a query; \
see https://example.com
2. **second**: MCP server `npx seo`, if your program has it; cost: $0.01 an answer
3. **third**: `run_service.py seo`; cost: free

Switched off: off.

## late

No active service: you cannot use it now.
Switched off: asleep.
"""


def test_categories_and_services_stand_in_the_order_in_which_they_are_tried() -> None:
    assert page_of(msgspec.convert(WRITTEN, Registry)) == HEAD + SAID


def test_a_home_without_services_says_so() -> None:
    assert page_of(Registry()) == HEAD + "\nThere are no services in this home.\n"
