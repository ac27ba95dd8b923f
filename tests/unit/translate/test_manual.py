"""What a person must provide: machines that a matrix names."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import Matrix, Pipeline, Runner, Stage, Step
from pipemgr.translate.base import Dialect
from pipemgr.translate.manual import manual
from pipemgr.translate.native import native_dialect


def _vendor(folder: Path, name: str, **labels: str) -> Dialect:
    (folder / name).mkdir()
    rows = "".join(f"  - {{runner: {runner}, label: {label}}}\n" for label, runner in labels.items())
    head = "source: [https://docs.example]\nchecked: 2026-01-01\n"
    (folder / name / "runners.yaml").write_text(f"{head}rows:\n{rows}", "utf-8")
    tables = Tables.of(name, folder / name)
    return replace(native_dialect(), name=name, title=name.title(), foreign=False, tables=tables)


@pytest.mark.parametrize(
    ("label", "needed"),
    [("penguin", []), ("Penguin", []), ("tux", []), ("apple", ["labels apple"]), ("gpu", ["labels gpu"])],
)
def test_machines_that_both_vendors_host_need_nobody(tmp_path: Path, label: str, needed: list[str]) -> None:
    source = _vendor(tmp_path, "source", penguin="linux", apple="macos")
    target = _vendor(tmp_path, "target", tux="linux", glass="windows")
    matrix = Matrix(axes={"os": (label,)})
    steps = (Step(action="run", inputs={"script": "make"}),)
    stage = Stage(id="a", matrix=matrix, runner=Runner(labels=("${{ matrix.os }}",)), steps=steps)
    needs = manual(Pipeline(name="p", stages=(stage,)), target, source)
    assert [one.name for one in needs] == needed
