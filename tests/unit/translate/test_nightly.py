"""Schedules on branches where the target starts none."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import Pipeline, Stage
from pipemgr.translate.base import Dialect
from pipemgr.translate.native import native_dialect
from pipemgr.translate.nightly import schedules


@pytest.fixture
def vendors(tmp_path: Path) -> dict[str, Dialect]:
    made = {}
    for where in ("branches", "default-branch"):
        (tmp_path / where).mkdir()
        head = "source: [https://docs.example]\nchecked: 2026-01-01\n"
        (tmp_path / where / "triggers.yaml").write_text(f"{head}schedules: {where}\nrows: []\n", "utf-8")
        tables = Tables.of(where, tmp_path / where)
        made[where] = replace(native_dialect(), name=where, title=where, foreign=False, tables=tables)
    return made


def _told(vendors: dict[str, Dialect], when: str) -> list[str]:
    pipeline = Pipeline(name="x", stages=(Stage.model_validate({"id": "s", "when": when}),))
    found = schedules(pipeline, vendors["branches"], vendors["default-branch"])
    assert schedules(pipeline, vendors["default-branch"], vendors["branches"]) == ()
    assert schedules(pipeline, vendors["branches"], native_dialect()) == ()
    return [one.what for one in found]


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("trigger == 'schedule' && branch == 'dev'", ["a schedule on dev"]),
        ("trigger == 'schedule' && (branch == 'main' || branch == 'dev')", ["a schedule on dev, main"]),
        ("trigger == 'schedule' && branch == 'main'", []),
        ("trigger == 'schedule'", []),
        ("trigger != 'schedule' && branch == 'dev'", []),
        ("branch == 'dev'", []),
    ],
)
def test_only_the_default_branch_is_built_by_schedules(
    vendors: dict[str, Dialect], when: str, told: list[str]
) -> None:
    assert _told(vendors, when) == told
