"""Scripts that only Windows reads run on Windows."""

from dataclasses import replace
from typing import Any

import pytest

from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import Pipeline
from pipemgr.translate.windows import on_windows


@pytest.mark.parametrize(
    ("shells", "more", "runner"),
    [
        (["cmd", "powershell"], {}, "windows"),
        (["cmd", None], {}, "windows"),
        ([None], {}, None),
        (["pwsh"], {}, None),
        ([], {}, None),
        ([None], {"defaults": {"shell": "cmd"}}, "windows"),
        (["cmd"], {"runner": {"name": "linux"}}, "linux"),
        (["cmd"], {"container": {"image": "x"}}, None),
    ],
)
def test_where_a_stage_runs(
    poor: Any, shells: list[str | None], more: dict[str, Any], runner: str | None
) -> None:
    steps = [
        {"action": "run", "inputs": {"script": "x", **({"shell": one} if one else {})}} for one in shells
    ]
    whole = Pipeline.model_validate({"name": "x", "stages": [{"id": "s", "steps": steps, **more}]})
    target = replace(poor(), tables=Tables.of("github-actions"))
    made, findings = on_windows(whole, target)
    found = made.stages[0].runner
    read = [step.inputs.get("shell") for step in made.stages[0].steps]
    assert read == [one or ("bash" if found and "defaults" not in more else None) for one in shells]
    assert (found.name if found else None) == runner
    assert [one.path for one in findings] == ["stages.s.runner"] * (runner == "windows")
    assert on_windows(whole, poor()) == (whole, ())


def test_a_script_for_whichever_system_there_is_decides_nothing(poor: Any) -> None:
    step = {"action": "run", "inputs": {"script": "x", "shell": "cmd"}, "when": "runner.os == 'Windows'"}
    whole = Pipeline.model_validate({"name": "x", "stages": [{"id": "s", "steps": [step]}]})
    assert on_windows(whole, replace(poor(), tables=Tables.of("github-actions"))) == (whole, ())
