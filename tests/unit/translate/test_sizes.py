"""Sizes of machines that need no word where machines have no sizes."""

from dataclasses import replace
from pathlib import Path

from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import Pipeline, Runner, Stage
from pipemgr.model.support import Answer, Support
from pipemgr.translate.native import native_dialect
from pipemgr.translate.sizes import usual_sizes


def _pipeline(size: str) -> Pipeline:
    return Pipeline(name="x", stages=(Stage(id="s", runner=Runner(name="linux", size=size)),))


def test_a_usual_size_is_left_out_where_there_are_none(tmp_path: Path) -> None:
    head = "source: [https://docs.example]\nchecked: 2026-01-01\n"
    (tmp_path / "runners.yaml").write_text(f"{head}usual: [small]\nrows: []\n", "utf-8")
    acme = replace(native_dialect(), name="acme", foreign=False, tables=Tables.of("acme", tmp_path))
    none = {"runner.size": Answer(support=Support.UNSUPPORTED, note="no sizes")}
    other = replace(native_dialect(), name="other", title="Other", foreign=False, features=none)
    left, (told,) = usual_sizes(_pipeline("small"), acme, other)
    assert left.stages[0].runner == Runner(name="linux")
    assert (told.path, told.why) == ("stages.s.runner.size", "the usual machine of Other is no smaller")
    for kept, target in ((_pipeline("huge"), other), (_pipeline("small"), native_dialect())):
        assert usual_sizes(kept, acme, target) == (kept, ())
    assert usual_sizes(_pipeline("small"), other, other) == (_pipeline("small"), ())
