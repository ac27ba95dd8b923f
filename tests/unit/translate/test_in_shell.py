"""Values put together by a shell."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.model.definitions import Defaults, Stage, Step
from pipemgr.translate.in_shell import exporting, handing_step, in_quotes

PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=20).filter(
    lambda text: "{{" not in text
)
PATHS = frozenset({"PATH"})


def shell(script: str, **variables: str) -> str:
    environment = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(["sh", "-eu", "-c", script], env=environment, capture_output=True, check=True)
    return done.stdout.decode()


@given(before=PLAIN, value=PLAIN, after=PLAIN)
def test_the_shell_puts_together_what_is_said(before: str, value: str, after: str) -> None:
    said, more = in_quotes("X", f"{before}${{{{ variables.OTHER }}}}{after}${{{{ branch }}}}")
    assert list(more.values()) == ["${{ branch }}"]
    variables = dict.fromkeys(more, "main") | {"OTHER": value}
    assert shell(f"printf '%s' {said}", **variables) == f"{before}{value}{after}main"


def test_what_the_shell_does_not_know_is_handed_to_it() -> None:
    assert in_quotes("X", "a ${{ branch }}") == ('"$X"', {"X": "a ${{ branch }}"})
    assert in_quotes("X", "${{ no }") == ('"$X"', {"X": "${{ no }"})


def test_values_go_to_all_steps_that_follow(tmp_path: Path) -> None:
    step = handing_step(
        {"PATH": "/x:${{ variables.PATH }}", "ALSO": "${{ variables.PATH }}!", "ONE": "${{ branch }}"}
    )
    environment = tmp_path / "environment"
    variables = {**step.variables, "ONE": "main", "ENVIRONMENT": str(environment)}
    shell(str(step.inputs["script"]), **variables)
    lines = environment.read_text(encoding="utf-8").splitlines()
    path = f"/x:{os.environ['PATH']}"
    assert [line for line in lines if "END_OF_VALUE" not in line] == [path, f"{path}!", "main"]


@pytest.mark.parametrize(
    ("script", "shell", "after"),
    [
        ("make", None, 'export PATH="/x:$PATH"\nmake'),
        ("#!/bin/sh\nmake", "bash", '#!/bin/sh\nexport PATH="/x:$PATH"\nmake'),
        ("make", "pwsh", "make"),
    ],
)
def test_a_script_sets_its_own_for_shells_that_do_it_so(script: str, shell: str | None, after: str) -> None:
    step = Step(action="run", inputs={"script": script}, variables={"PATH": "/x:${{ variables.PATH }}"})
    stage = Stage(id="x", defaults=Defaults(shell=shell) if shell else None)
    made = exporting(step, stage, PATHS)
    assert made.inputs["script"] == after
    assert bool(made.variables) == (after == script)


def test_other_steps_stay_as_they_are() -> None:
    step = Step(action="run", inputs={"script": "make"}, variables={"A": "${{ variables.B }}", "C": "d"})
    assert exporting(step, Stage(id="x"), PATHS) is step
