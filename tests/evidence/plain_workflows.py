"""Workflows compared as plain YAML, in one spelling where GitHub takes several: it does not trust our reader."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from tests.translation.test_corpus_github_actions import Loader, differences, normal


def unequal(before: str, after: str) -> Iterator[str]:
    """What differs between two workflows."""
    one, two = (normal(yaml.load(text, Loader)) for text in (before, after))  # noqa: S506 - a safe loader
    for path, left, right in differences(one, two):
        yield f"{path}: {str(left)[:80]!r}, then {str(right)[:80]!r}"
