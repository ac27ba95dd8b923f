"""What a build leaves behind: artifacts with their stage and content, and the cases of its test reports."""

import pytest

from pipemgr.adapter import NotFound
from pipemgr.model.runs import TestCounts

KEEPING = """
jobs:
  make:
    runs-on: ubuntu-latest
    steps:
      - run: |
          mkdir -p "$PIPEMGR_ARTIFACTS/bin" && printf 'one' > "$PIPEMGR_ARTIFACTS/bin/app"
          sleep 1
  check:
    needs: make
    runs-on: ubuntu-latest
    steps:
      - run: |
          sleep 1
          mkdir -p "$PIPEMGR_REPORTS"
          echo '<testsuite name="s"><testcase name="a"/><testcase name="b"><failure message="no"/></testcase></testsuite>' > "$PIPEMGR_REPORTS/good.xml"
          echo 'no xml' > "$PIPEMGR_REPORTS/bad.xml"
          sleep 1
"""


def test_artifacts_name_their_stage_and_can_be_read_and_reports_have_cases(local):
    build = local.run(KEEPING)
    assert build.status.good
    makers = {one.name: one.stage for one in build.artifacts}
    assert makers == {"bin/app": "make", "reports/good.xml": "check", "reports/bad.xml": "check"}
    assert b"".join(local.adapter.download(build.ref, "bin/app")) == b"one"
    with pytest.raises(NotFound):
        list(local.adapter.download(build.ref, "../request.json"))
    report = local.adapter.tests(build.ref)
    assert report is not None
    assert report.counts == TestCounts(passed=1, failed=1, errors=1)
    (bad,) = (one for one in report.cases if one.result == "error")
    assert "bad.xml:1" in bad.message


def test_a_build_without_reports_has_no_tests(local):
    build = local.run("jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{run: 'true'}]\n")
    assert local.adapter.tests(build.ref) is None
