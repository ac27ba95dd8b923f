"""What the writer of this machine adds to the language it borrows."""

import pytest

from pipemgr.adapter import Fidelity
from pipemgr.adapter.registry import Registry
from pipemgr.model.definitions import Pipeline, Runner, Stage, Step, Trigger

RUN = Step(action="run", inputs={"script": "true"})


def write(stage: Stage):
    known = stage.model_copy(update={"runner": Runner(name="linux")})
    pipeline = Pipeline(name="x", triggers=(Trigger(event="manual"),), stages=(known,))
    return Registry().dialect("local").writer.write(pipeline)


@pytest.mark.parametrize(("said", "kept"), [("2s", 1), ("60s", 1), ("61s", 2), ("1.5m", 2), ("2h", 120)])
def test_timeouts_are_whole_minutes(said: str, kept: int) -> None:
    step = RUN.model_copy(update={"timeout": said})
    for stage in (Stage(id="a", timeout=said), Stage(id="a", steps=(step,))):
        assert f"timeout-minutes: {kept}\n" in write(stage).documents.documents[0].text


def test_a_rounded_timeout_is_a_finding_with_its_path() -> None:
    step = RUN.model_copy(update={"timeout": "2s"})
    findings = write(Stage(id="a", steps=(step, step), timeout="1m")).findings
    assert [(finding.fidelity, finding.path, finding.what) for finding in findings] == [
        (Fidelity.APPROXIMATE, "stages.a.steps[0].timeout", "timeout 2s"),
        (Fidelity.APPROXIMATE, "stages.a.steps[1].timeout", "timeout 2s"),
    ]


def test_a_whole_or_calculated_timeout_is_kept_without_a_word() -> None:
    found = write(Stage(id="a", timeout="${{ parameters.long }}m", steps=(RUN,)))
    assert "timeout-minutes: ${{ inputs.long }}\n" in found.documents.documents[0].text
    assert found.findings == ()


def test_steps_are_named_after_their_action() -> None:
    text = write(Stage(id="a", steps=(Step(action="checkout"),))).documents.documents[0].text
    assert "name: checkout" in text
