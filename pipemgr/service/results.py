"""Results of tests: counts and cases as the ledger has them, or, where it has none, as their vendor tells them."""

from __future__ import annotations

from dataclasses import dataclass

from pipemgr.adapter.capabilities import Capability
from pipemgr.errors import AdapterError
from pipemgr.ingest.attempts import TESTS_TYPE
from pipemgr.ledger.views import InstanceView
from pipemgr.model.runs import TestCase, TestCounts, TestReport

from .asking import answer
from .runtime import Runtime


@dataclass(frozen=True)
class Tested:
    """How the tests of an attempt ended; `note` says why there are no cases beside the counts."""

    counts: TestCounts | None
    cases: tuple[TestCase, ...] = ()
    note: str = ""


def tests(runtime: Runtime, view: InstanceView) -> Tested:
    """How the tests of an attempt ended.

    Raises `AdapterError` when its vendor must be asked, for there are no counts in the ledger, and that fails.
    """
    snapshot, connection = view.snapshot(), view.build.connection
    kept = next((one.digest for one in snapshot.artifacts if one.media_type == TESTS_TYPE), None)
    if kept:
        return Tested(snapshot.tests, _kept(runtime, kept).cases)
    said = answer(runtime, connection, Capability.TESTS)
    if not said:
        return Tested(snapshot.tests, note=f"{connection} tells no test cases: {said.note}")
    try:
        report = runtime.adapter(connection).tests(snapshot.ref)
    except AdapterError as error:
        if snapshot.tests is None:
            raise
        return Tested(snapshot.tests, note=f"the cases can't be read: {error}")
    return Tested(report.counts, report.cases) if report else Tested(snapshot.tests)


def _kept(runtime: Runtime, digest: str) -> TestReport:
    with runtime.ledger.blobs.open(digest) as file:
        return TestReport.model_validate_json(file.read())


def summary(counts: TestCounts) -> str:
    """`12 passed, 1 failed`."""
    told = {name: getattr(counts, name) for name in ("passed", "failed", "errors", "skipped")}
    return ", ".join(f"{number:,} {name}" for name, number in told.items() if number) or "no test cases"
