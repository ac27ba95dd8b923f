"""Paths below the folder that a job works in."""

from typing import Any

import pytest

from pipemgr.model.definitions import Step
from pipemgr_circleci.places import restored, settled


@pytest.mark.parametrize(
    ("path", "folder", "below"),
    [
        ("~/project/out", "~/project", "out"),
        ("~/project/out/", "~/project", "out/"),
        ("/home/circleci/project", "~/project", "."),
        ("~/repo/a", "/home/circleci/repo", "a"),
        ("/go/src/x/out", "/go/src/x", "out"),
        ("~/projects/out", "~/project", "~/projects/out"),
        ("~/project/../x", "~/project", "~/project/../x"),
        ("out", "~/project", "out"),
        ("~/project", "~/project/build", "~/project"),
        ("~/.npm\n~/project/x", "~/project", "~/.npm\nx"),
        ("~/project/x", "${{ parameters.folder }}", "~/project/x"),
    ],
)
def test_a_path_is_said_from_the_folder_on_and_comes_back(path: str, folder: str, below: str) -> None:
    step = Step(action="artifact.upload", inputs={"path": path})
    assert settled(step, folder).inputs == {"path": below}
    assert restored(settled(step, folder)).inputs == {"path": path}


def test_a_path_that_was_edited_since_stays_as_it_is_now() -> None:
    step = settled(Step(action="artifact.upload", inputs={"path": "~/project/out"}), "~/project")
    edited = step.model_copy(update={"inputs": {"path": "other"}})
    assert restored(edited).inputs == {"path": "other"}


def test_scripts_stay_and_steps_for_other_vendors_are_settled_too() -> None:
    script = Step(action="run", inputs={"script": "ls ~/project"})
    assert settled(script, "~/project") == script
    steps: Any = [
        {"action": "run", "inputs": {"script": "make", "directory": "~/project/app"}},
        {"action": "checkout"},
    ]
    opaque = Step(action="opaque", inputs={"vendor": "circleci", "value": "x/y", "steps": steps})
    found = settled(opaque, "~/project").inputs
    assert found["steps"] == [
        {"action": "run", "inputs": {"script": "make", "directory": "app"}},
        {"action": "checkout"},
    ]
    assert found["value"] == "x/y"
