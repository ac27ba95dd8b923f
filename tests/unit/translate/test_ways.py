"""Reading and writing: whatever a stranger's reader or writer does, a user is told what it was about."""

from dataclasses import replace
from typing import Any

import pytest

from pipemgr.errors import LanguageFault, ParseError
from pipemgr.model.definitions import Pipeline
from pipemgr.translate.base import Reader, Reading, Writer, Writing
from pipemgr.translate.convert import convert
from pipemgr.translate.document import DocumentSet, single
from pipemgr.translate.native import native_dialect
from pipemgr.translate.report import Outcome
from pipemgr.translate.ways import read, write

NATIVE = native_dialect()


class _Breaks(Reader, Writer):
    def __init__(self, error: BaseException | None) -> None:
        self.error = error

    def _break(self) -> Any:
        if self.error is None:
            return "no answer at all"
        raise self.error

    def read(self, documents: DocumentSet) -> Reading:
        return self._break()  # type: ignore[no-any-return]

    def write(self, pipeline: Pipeline) -> Writing:
        return self._break()  # type: ignore[no-any-return]


FAULTS = [KeyError("x"), RecursionError("deep"), AssertionError(), None]


@pytest.mark.parametrize("error", FAULTS, ids=repr)
def test_a_fault_is_told_with_the_adapter_the_file_and_what_to_do(error: Exception | None) -> None:
    broken = replace(NATIVE, name="acme", reader=_Breaks(error), writer=_Breaks(error))
    for way, role in ((lambda: read(single("f.yaml", ""), broken), "reader"), (_write(broken), "writer")):
        with pytest.raises(LanguageFault, match=f"the {role} of acme broke down") as caught:
            way()
        assert caught.value.where in ("f.yaml", None)
        assert "acme adapter" in str(caught.value.remedy)


def _write(dialect: Any) -> Any:
    return lambda: write(Pipeline(name="x"), dialect)


def test_a_conversion_that_breaks_down_is_a_report() -> None:
    broken = replace(NATIVE, name="acme", reader=_Breaks(KeyError("x")), writer=_Breaks(KeyError("x")))
    for source, target in ((broken, NATIVE), (NATIVE, broken)):
        report = convert(single("f.yaml", "pipeline: x"), source, target).report
        [finding] = report.findings
        assert (report.outcome, finding.what) == (Outcome.FAILED, "a fault of an adapter")
        assert finding.source == "f.yaml:1:1"
        assert finding.remedy


def test_what_is_said_on_purpose_stays_as_it_is() -> None:
    broken = replace(NATIVE, reader=_Breaks(ParseError("no", where="f.yaml:1:1")))
    with pytest.raises(ParseError, match="no"):
        read(single("f.yaml", ""), broken)


def test_somebody_who_interrupts_is_heard() -> None:
    with pytest.raises(KeyboardInterrupt):
        read(single("f.yaml", ""), replace(NATIVE, reader=_Breaks(KeyboardInterrupt())))
