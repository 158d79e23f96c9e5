"""What a file that a task left is: its size, its digest, and the title that it gives itself."""

from __future__ import annotations

import hashlib
import os
from typing import Any

TITLE_LOOK = 4096
TITLE_LIMIT = 200


def describe_file(root: str, path: str) -> dict[str, Any] | None:
    """Return path, sha256, size and title of a file that a task left; ``None`` when it is gone or is no file."""
    digest = hashlib.sha256()
    size = 0
    title = ""
    place = os.path.join(root, path)
    try:
        if not os.path.isfile(place):
            return None
        with open(place, "rb") as file:
            while part := file.read(1 << 20):
                title = title if size else _title(part[:TITLE_LOOK])
                digest.update(part)
                size += len(part)
    except OSError:
        return None
    title = title or os.path.splitext(os.path.basename(path))[0]
    return {"path": path, "sha256": digest.hexdigest(), "bytes": size, "title": title}


def _title(head: bytes) -> str:
    """Return the first heading of a text, if it begins with one; nothing for what is no text."""
    for line in head.decode("utf-8", "replace").splitlines():
        if line.startswith("# "):
            return line[2:].strip()[:TITLE_LIMIT]
    return ""
