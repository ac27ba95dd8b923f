"""What became of a job: vendors make ids of names, a cell of a matrix may be a job, a workflow may have its copy."""

from __future__ import annotations

import re
from collections.abc import Mapping


def identifier(name: str) -> str:
    """A name as an id."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")


def owned(one: str, names: Mapping[str, str]) -> str | None:
    """Whose part `one` is: the owner of the same name, or of the longest that it begins with."""
    fitting = [name for name in names if name and (one == name or one.startswith(f"{name}-"))]
    return names[max(fitting, key=len)] if fitting else None
