"""Each thing that a pipeline can say, alone in a small pipeline: written and read back, or told."""

import re
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from pipemgr.adapter.capabilities import Capability
from pipemgr.adapter.registry import Registry
from pipemgr.mapping.catalogue import catalogue
from pipemgr.mapping.rows import Input
from pipemgr.service.languages import Languages
from pipemgr.testing.trips import Difference, round_trip
from pipemgr.translate.document import single
from pipemgr.translate.emit import emit
from pipemgr.translate.yaml import compose

REGISTRY = Registry()
LANGUAGES = Languages(REGISTRY)
LANGUAGES_READ_BACK = [
    name
    for name in LANGUAGES.names()
    if name == "native" or (REGISTRY.manifest(name).capabilities[Capability.WRITE] and name != "local")
]
DATABASE: Final = {
    "image": "postgres:17", "variables": {"A": "b"}, "ports": ["5432:5432"], "volumes": ["/a:/b"], "options": "--cpus 1",
    "username": "robot", "password": "${{ secrets.PASSWORD }}", "command": "serve", "entrypoint": "/start",
}  # fmt: skip
TWO: Final = {"matrix": {"version": ["1", "2"]}}
PARAMETERS: Final[dict[str, Any]] = {
    "text": {"default": "x", "description": "A text."},
    "none": {},
    "flag": {"type": "boolean", "default": True},
    "number": {"type": "number", "default": 3},
    "choice": {"type": "choice", "choices": ["a", "b"], "default": "b"},
    "place": {"type": "environment"},
    "needed": {"required": True},
}
WHOLE: Final[dict[str, dict[str, Any]]] = {
    "build-name": {"build-name": "Build it"},
    "variables": {"variables": {"A": "b"}},
    "runner": {"runner": "linux-arm"},
    "defaults": {"defaults": {"shell": "bash", "directory": "app"}},
    "permissions": {"permissions": {"contents": "read"}},
    "no permissions": {"permissions": {}},
    "concurrency": {"concurrency": "one"},
    "cancelling": {"concurrency": {"group": "one", "cancel-running": True}},
    **{f"parameter {name}": {"parameters": {name: one}} for name, one in PARAMETERS.items()},
}
TRIGGERS: Final[dict[str, list[Any]]] = {
    "branches": [{"push": {"branches": ["main", "release/*"]}}],
    "branches-ignore": [{"push": {"branches-ignore": ["main"]}}],
    "tags": [{"push": {"tags": ["v*"]}}],
    "tags-ignore": [{"push": {"tags-ignore": ["v*"]}}],
    "branches and tags": [{"push": {"branches": ["main"], "tags": ["v*"]}}],
    "paths": [{"push": {"paths": ["src/**"]}}],
    "paths-ignore": [{"push": {"paths-ignore": ["docs/**"]}}],
    "types": [{"pull_request": {"types": ["opened"]}}],
    "push and schedule": ["push", {"schedule": "0 3 * * *"}],
    "timezone": [{"schedule": {"cron": "0 3 * * *", "timezone": "Europe/Berlin"}}],
    "nothing": [],
    **{name: [{name: {"cron": "0 3 * * *"} if name == "schedule" else {}}] for name in catalogue().triggers if name != "opaque"},
}  # fmt: skip
STAGE: Final[dict[str, dict[str, Any]]] = {
    "name": {"name": "Build it!"},
    "on a branch": {"when": "branch == 'main'"},
    "on a tag": {"when": "starts_with(tag, 'v')"},
    "always": {"when": "always()"},
    "after a failure": {"when": "failure()"},
    "after one failure": {"when": "needs.first.result == 'failure'"},
    "by both": {"when": "branch == 'main' || failure()"},
    "matrix": TWO,
    "matrix of one": {"matrix": {"version": ["1"]}},
    "matrix used": TWO | {"steps": [{"run": "make ${{ matrix.version }}"}]},
    "include": {"matrix": {"version": ["1", "2"], "include": [{"version": "3"}]}},
    "exclude": {
        "matrix": {"version": ["1", "2"], "os": ["a", "b"], "exclude": [{"version": "1", "os": "a"}]}
    },
    "matrix at run time": {"matrix": "${{ from_json(config.MATRIX) }}"},
    "fail-fast": TWO | {"fail-fast": True},
    "no fail-fast": TWO | {"fail-fast": False},
    "max-parallel": TWO | {"max-parallel": 1},
    "parallelism": {"parallelism": 3},
    "runner labels": {"runner": {"labels": ["gpu"]}},
    "runner group": {"runner": {"group": "big"}},
    "runner size": {"runner": {"name": "linux", "size": "large"}},
    **{f"runner {name}": {"runner": name} for name in catalogue().runners},
    "container": {"container": DATABASE},
    "services": {"services": {"database": DATABASE}},
    "environment": {"environment": {"name": "production", "url": "https://shop.example"}},
    "approval": {"approval": {"message": "Really?"}},
    "variables of a stage": {"variables": {"A": "b", "B": "${{ branch }}"}},
    "defaults of a stage": {"defaults": {"shell": "bash", "directory": "app"}},
    "contexts": {"contexts": ["deploy"]},
    "permissions of a stage": {"permissions": {"contents": "read"}},
    "concurrency of a stage": {"concurrency": {"group": "one", "cancel-running": True}},
    "outputs": {"outputs": {"version": "1"}},
    "timeout of a stage": {"timeout": "1h"},
    "retry": {"retry": 2},
    "allow-failure of a stage": {"allow-failure": True},
    "group": {"group": "ci/linux"},
    "no steps": {"steps": []},
}
STEP: Final[dict[str, dict[str, Any]]] = {
    "id": {"id": "make"},
    "name of a step": {"name": "Make it"},
    "when it failed": {"when": "failure()"},
    "whatever happens": {"when": "always()"},
    "step on a branch": {"when": "branch == 'main'"},
    "variables of a step": {"variables": {"A": "b"}},
    "timeout": {"timeout": "20m"},
    "idle-timeout": {"idle-timeout": "20m"},
    "background": {"background": True},
    "allow-failure": {"allow-failure": True},
    "bash": {"run": {"script": "make", "shell": "bash"}},
    "sh": {"run": {"script": "make", "shell": "sh"}},
    "directory": {"run": {"script": "make", "directory": "app"}},
}


def file(whole: dict[str, Any], stage: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
    """A pipeline of two stages with something more in it."""
    first = {"runner": "linux", "steps": ["checkout"]}
    second = {"needs": ["first"], "runner": "linux", "steps": [{"run": "make"} | step]} | stage
    return {
        "pipeline": "small",
        "triggers": ["push", "manual"],
        **whole,
        "stages": {"first": first, "second": second},
    }


def value(one: Input) -> Any:
    return {"boolean": not one.default, "number": 3}.get(one.type, "x")


def actions() -> dict[str, dict[str, Any]]:
    found = {}
    for name, action in catalogue().actions.items():
        if not action.built_in:
            needed = {key: value(one) for key, one in action.inputs.items() if one.required}
            found[f"action {name}"] = {"steps": [{name: needed}]}
    return found


CASES: Final[dict[str, dict[str, Any]]] = {
    **{name: file(one, {}, {}) for name, one in WHOLE.items()},
    **{f"trigger {name}": file({"triggers": one}, {}, {}) for name, one in TRIGGERS.items()},
    **{name: file({}, one, {}) for name, one in (STAGE | actions()).items()},
    **{name: file({}, {}, one) for name, one in STEP.items()},
}
FORMS: Final[dict[str, dict[str, str]]] = compose(
    (Path(__file__).parent / "forms.yaml").read_text(encoding="utf-8"), "forms.yaml"
).plain()
JENKINS: Final[dict[str, tuple[str, ...]]] = {
    "what a script starts around steps is read as a script that only Jenkins understands": ("services",),
}
KNOWN: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "circleci": {
        "what makes jobs of their own comes back as stages, and no finding says so": ("approval", "include", "name"),
        "a schedule is read as a condition on it": (
            "trigger push and schedule", "trigger schedule", "trigger timezone",
        ),
        "a macOS machine is told by its Xcode, which is read as a step": tuple(
            f"runner {name}" for name in catalogue().runners if name.startswith("macos")
        ),
        "caches, artifacts and reports are written as other steps, and no finding says so": (
            "action artifact.download", "action artifact.upload", "action cache", "action tests.publish",
        ),
        "a failure of anything before is read as one of the stages that are needed": ("after a failure",),
        "what lets a script fail is read as a part of the script": ("allow-failure",),
        "ports of the first image are open, and no finding says so": ("container",),
    },
    "jenkins": JENKINS,
    "jenkins-job": JENKINS,
}  # fmt: skip
"""By language and reason: what comes back in another form that patterns of paths can't tell, or is not told yet."""
NAMES: Final = frozenset({"jenkins", "jenkins-job"})
"""Languages that have names of stages only."""


@cache
def known(name: str) -> dict[str, str]:
    return {case: why for why, cases in KNOWN.get(name, {}).items() for case in cases}


@pytest.mark.parametrize("name", LANGUAGES_READ_BACK)
@pytest.mark.parametrize("case", CASES)
def test_it_comes_back_or_is_told(name: str, case: str, request: pytest.FixtureRequest) -> None:
    if case in known(name):
        request.applymarker(pytest.mark.xfail(strict=True, reason=known(name)[case]))
    pipeline = LANGUAGES.native.reader.read(single("small.yaml", emit(CASES[case]))).pipeline
    trip = round_trip(pipeline, LANGUAGES.get(name))
    untold = trip.untold(names=name in NAMES)
    assert [str(one) for one in untold if not is_form(name, one)] == []


def is_form(name: str, one: Difference) -> bool:
    """Whether a language only says it in its own form."""
    return any(re.fullmatch(form, text) for form in FORMS.get(name, {}) for text in (one.path, str(one)))


def test_every_known_case_exists() -> None:
    assert {case for name in KNOWN for case in known(name)} <= CASES.keys()
    assert KNOWN.keys() <= {*LANGUAGES_READ_BACK}
