"""Golden pairs: what a document is read as, what is written again, and what the report says.

A case is a folder `<vendor>/<case>/`:

- `source.*` with `pipeline.yaml` (our own format), `written.*` and `report.yaml`: read, and write what was read;
- `source.*` with `refused.txt`: the reader refuses it, with these problems;
- `pipeline.yaml` with `written.*` and `report.yaml`: write a pipeline that comes from elsewhere. An outcome of
  `unsupported` is as good as any other expectation.

`PIPEMGR_RECORD=1` writes what is there now; look at the difference before you keep it. Without it a missing file
fails.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from pipemgr.adapter.registry import Registry
from pipemgr.errors import InvalidPipeline
from pipemgr.mapping.catalogue import catalogue
from pipemgr.model.definitions import Pipeline
from pipemgr.translate.base import Dialect
from pipemgr.translate.convert import convert, read
from pipemgr.translate.document import DocumentSet, single
from pipemgr.translate.emit import emit
from pipemgr.translate.names import Names
from pipemgr.translate.native import native_dialect
from pipemgr.translate.yaml import compose

HERE = Path(__file__).parent
RECORD = bool(os.environ.get("PIPEMGR_RECORD"))
CASES = sorted(path for path in HERE.glob("*/*") if path.is_dir() and not path.name.startswith("_"))


@pytest.fixture(scope="module")
def native() -> Dialect:
    known = catalogue()
    names = Names(known.contexts, known.functions)
    return native_dialect(known.inputs(), known.shorts(), known.triggers, names)


def name(case: Path) -> str:
    return f"{case.parent.name}/{case.name}"


def source(case: Path) -> Path | None:
    return next(iter(sorted(case.glob("source.*"))), None)


def expect(path: Path, text: str) -> None:
    """The text is what the golden file says."""
    if RECORD:
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"{path} is missing: PIPEMGR_RECORD=1 writes it"
    assert text == path.read_text(encoding="utf-8")


def same(path: Path, pipeline: Pipeline, native: Dialect) -> None:
    """The pipeline is what the golden file defines, however that is written."""
    if RECORD:
        (document,) = native.writer.write(pipeline).documents
        path.write_text(document.text, encoding="utf-8")
    assert path.is_file(), f"{path} is missing: PIPEMGR_RECORD=1 writes it"
    assert pipeline == read(documents(path), native).pipeline


def documents(path: Path) -> DocumentSet:
    return single(path.name, path.read_text(encoding="utf-8"))


def shown(report: Any) -> str:
    findings = [
        {"fidelity": one.fidelity.value, "source": one.source, "what": one.what, "why": one.why}
        for one in report.findings
    ]
    counts = report.accounting.model_dump()
    assert counts.pop("nodes") == sum(counts.values())
    return emit({"outcome": report.outcome.value, "findings": findings, "accounting": counts})


def test_there_are_cases() -> None:
    assert len(CASES) >= 10


@pytest.mark.parametrize("case", CASES, ids=name)
def test_case(case: Path, native: Dialect) -> None:
    dialect = Registry().dialect(case.parent.name)
    document = source(case)
    if (case / "refused.txt").exists():
        assert document is not None
        with pytest.raises(InvalidPipeline) as caught:
            read(documents(document), dialect)
        expect(
            case / "refused.txt", "".join(f"{place}: {message}\n" for place, message in caught.value.problems)
        )
        return
    if document is not None:
        conversion = convert(documents(document), dialect, dialect)
        assert conversion.pipeline is not None, conversion.report.to_markdown()
        same(case / "pipeline.yaml", conversion.pipeline, native)
    else:
        conversion = convert(documents(case / "pipeline.yaml"), native, dialect)
    (written,) = conversion.documents
    expect(case / f"written{Path(written.path).suffix or '.txt'}", written.text)
    expect(case / "report.yaml", shown(conversion.report))


@pytest.mark.parametrize("case", CASES, ids=name)
def test_golden_files_hold_together(case: Path) -> None:
    """What was written says the same as what was read, by the reader's own account."""
    written = next(iter(sorted(case.glob("written.*"))), None)
    if written is None or source(case) is None:
        assert (case / "refused.txt").exists() or (case / "pipeline.yaml").exists()
        return
    dialect = Registry().dialect(case.parent.name)
    again = single((source(case) or written).name, written.read_text(encoding="utf-8"))
    first = documents(source(case) or written)
    assert read(again, dialect).pipeline == read(first, dialect).pipeline


@pytest.mark.parametrize("case", [case for case in CASES if (case / "report.yaml").exists()], ids=name)
def test_reports_account_for_every_node(case: Path) -> None:
    document = source(case) or case / "pipeline.yaml"
    if document.suffix in (".yml", ".yaml"):
        nodes = compose(document.read_text(encoding="utf-8"), document.name).origin.nodes
    else:
        nodes = read(documents(document), Registry().dialect(case.parent.name)).source.nodes
    report = compose((case / "report.yaml").read_text(encoding="utf-8"), "report.yaml").plain()
    assert sum(report["accounting"].values()) == len(nodes)
