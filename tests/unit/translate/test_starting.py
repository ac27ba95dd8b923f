"""Builds that a definition does not want, where the target builds everything: their stages are left out."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import Pipeline, Trigger
from pipemgr.model.expressions import parse
from pipemgr.translate.base import Dialect
from pipemgr.translate.conditions import conjuncts
from pipemgr.translate.native import native_dialect
from pipemgr.translate.report import Fidelity
from pipemgr.translate.starting import by_hand, only_where_started, pushes_told

ALWAYS = ("push", "pull_request", "manual")
EVENTS = ("push", "pull_request", "manual", "schedule", "upstream", "release", "call", "api", "merge_queue")


@pytest.fixture(scope="module")
def eager(tmp_path_factory: pytest.TempPathFactory) -> Dialect:
    """A vendor that starts builds whatever a definition says."""
    folder: Path = tmp_path_factory.mktemp("eager")
    head = "source: [https://docs.example]\nchecked: 2026-01-01\n"
    text = f"{head}always: [{', '.join(ALWAYS)}]\nrows: []\n"
    (folder / "triggers.yaml").write_text(text, "utf-8")
    tables = Tables.of("eager", folder)
    return replace(native_dialect(), name="eager", title="Eager", foreign=False, tables=tables)


def _pipeline(triggers: list[dict[str, Any]], when: str | None = None) -> Pipeline:
    stage = {"id": "s", "steps": [{"action": "run"}], **({"when": when} if when else {})}
    return Pipeline.model_validate({"name": "x", "triggers": triggers, "stages": [stage]})


def _push(**filters: list[str]) -> dict[str, Any]:
    return {"event": "push", **{name.replace("_", "-"): globs for name, globs in filters.items()}}


def _when(eager: Dialect, triggers: list[dict[str, Any]], when: str | None = None) -> str:
    pipeline, _ = only_where_started(_pipeline(triggers, when), eager)
    return str(pipeline.stages[0].when)


CHANGE = "pull_request.number != ''"
MAIN = _push(branches=["main"])
PULL, MANUAL = {"event": "pull_request"}, {"event": "manual"}


@pytest.mark.parametrize(
    ("triggers", "when"),
    [
        ([MAIN], "branch == 'main'"),
        ([MAIN, PULL], f"branch == 'main' || {CHANGE}"),
        ([MAIN, PULL, MANUAL], f"branch == 'main' || {CHANGE} || trigger == 'manual'"),
        ([MAIN, {"event": "schedule", "cron": "1 2 * * *"}], "branch == 'main' || trigger == 'schedule'"),
        ([_push(branches=["main", "dev"])], "branch == 'main' || branch == 'dev'"),
        ([_push(branches=["release/*"])], "matches(branch, 'release/[^/]+')"),
        ([_push(branches=["release/**"])], "matches(branch, 'release/(?:.+/)?[^/]+')"),
        ([_push(branches=["v*"])], "tag == '' && matches(branch, 'v[^/]*')"),
        ([_push(branches=["**"]), {**PULL, "branches": ["main"]}], f"pull_request.number == '' || {CHANGE} && pull_request.target == 'main'"),
        ([_push(branches=["*", "!wip"])], "tag == '' && matches(branch, '[^/]+') && branch != 'wip'"),
        ([_push(branches_ignore=["wip"])], "tag == '' && branch != 'wip'"),
        ([_push(tags=["v*"])], "matches(tag, 'v[^/]*')"),
        ([_push(tags_ignore=["v0"])], "tag != '' && tag != 'v0'"),
        ([_push(branches=["main"], tags=["v1"])], "branch == 'main' || tag == 'v1'"),
        ([_push(), {**PULL, "branches": ["main"]}], f"pull_request.number == '' || {CHANGE} && pull_request.target == 'main'"),
        ([PULL], CHANGE),
        ([{**PULL, "types": ["closed"]}], "trigger == 'manual'"),
        ([MANUAL], "trigger == 'manual'"),
        ([{"event": "call"}], "trigger == 'upstream'"),
        ([{"event": "release"}], "tag != ''"),
        ([{"event": "merge_queue"}], "trigger == 'manual'"),
    ],
)  # fmt: skip
def test_stages_are_left_out_of_builds_that_no_trigger_wants(
    eager: Dialect, triggers: list[dict[str, Any]], when: str
) -> None:
    assert _when(eager, triggers) == when


@pytest.mark.parametrize(
    "triggers",
    [
        [],
        [_push()],
        [_push(), PULL],
        [_push(), MANUAL],
        [_push(paths=["a"])],
    ],
)
def test_nothing_changes_where_every_push_is_wanted(eager: Dialect, triggers: list[dict[str, Any]]) -> None:
    pipeline = _pipeline(triggers)
    assert only_where_started(pipeline, eager) == (pipeline, ())


@pytest.mark.parametrize(
    ("own", "when"),
    [
        ("branch == 'main'", "branch == 'main'"),
        ("ref == 'refs/heads/main'", "ref == 'refs/heads/main'"),
        ("trigger == 'pull_request'", "trigger == 'pull_request'"),
        ("trigger == 'manual'", "trigger == 'manual'"),
        ("trigger == 'push'", "branch == 'main' && trigger == 'push'"),
        (f"{CHANGE} && branch != 'x'", f"{CHANGE} && branch != 'x'"),
        ("always()", f"(branch == 'main' || {CHANGE} || trigger == 'manual') && always()"),
        ("failure() || x", f"(branch == 'main' || {CHANGE} || trigger == 'manual') && (failure() || x)"),
    ],
)
def test_conditions_of_stages_hold_as_well(eager: Dialect, own: str, when: str) -> None:
    assert _when(eager, [MAIN, PULL, MANUAL], own) == when


def test_filters_and_triggers_that_are_missing_are_told(eager: Dialect) -> None:
    pipeline, findings = only_where_started(_pipeline([MAIN]), eager)
    assert [(one.fidelity, one.path) for one in findings] == [
        (Fidelity.EQUIVALENT, "triggers[0].branches"),
        (Fidelity.EQUIVALENT, "triggers"),
    ]
    assert pipeline.triggers == tuple(Trigger(event=one) for one in ALWAYS)
    _, findings = only_where_started(_pipeline([MAIN, {**PULL, "types": ["closed"]}, MANUAL]), eager)
    assert [(one.fidelity, one.path) for one in findings] == [
        (Fidelity.EQUIVALENT, "triggers[0].branches"),
        (Fidelity.DROPPED, "triggers[1].types"),
    ]


@pytest.mark.parametrize("filters", [{"branches": ["**"]}, {"branches": ["**"], "tags": ["**"]}])
def test_every_branch_is_what_is_built_anyway(eager: Dialect, filters: dict[str, list[str]]) -> None:
    pipeline, findings = only_where_started(_pipeline([_push(**filters)]), eager)
    assert pipeline == _pipeline([_push()])
    assert [one.path for one in findings] == [f"triggers[0].{name}" for name in filters]


def test_others_start_only_what_they_are_told_to() -> None:
    pipeline = _pipeline([MAIN])
    assert only_where_started(pipeline, native_dialect()) == (pipeline, ())
    assert pushes_told(_pipeline([MAIN], "trigger == 'push'"), native_dialect()).stages[0].when == parse(
        "trigger == 'push'"
    )


def test_what_nothing_starts_any_more_is_started_by_hand(eager: Dialect) -> None:
    before, left = _pipeline([{"event": "opaque", "options": {"vendor": "x"}}]), _pipeline([])
    assert by_hand(before, left, eager).triggers == (Trigger(event="manual"),)
    assert by_hand(left, left, eager) == left
    assert by_hand(before, left, native_dialect()) == left


@pytest.mark.parametrize(
    ("triggers", "own", "when"),
    [
        ([MAIN, PULL], "trigger == 'push'", "pull_request.number == ''"),
        ([MAIN, MANUAL], "trigger == 'push'", "pull_request.number == '' && trigger != 'manual'"),
        ([MAIN, MANUAL], "trigger != 'push'", f"{CHANGE} || trigger == 'manual'"),
        ([MAIN], "trigger == 'schedule'", "trigger == 'schedule'"),
    ],
)
def test_a_push_is_what_nothing_else_started(
    eager: Dialect, triggers: list[dict[str, Any]], own: str, when: str
) -> None:
    assert str(pushes_told(_pipeline(triggers, own), eager).stages[0].when) == when


@given(
    events=st.lists(st.sampled_from(EVENTS), min_size=1, unique=True),
    branches=st.none() | st.lists(st.sampled_from(["main", "a/*", "**", "v*", "!b"]), min_size=1),
    own=st.sampled_from([None, "always()", "branch == 'main'", "x || y", "trigger == 'push'"]),
)
def test_what_a_stage_asks_is_kept_and_asking_twice_changes_nothing(
    eager: Dialect, events: list[str], branches: list[str] | None, own: str | None
) -> None:
    triggers = [
        {"event": one, **({"branches": branches} if one == "push" and branches else {})} for one in events
    ]
    pipeline = _pipeline(triggers, own)
    made, _ = only_where_started(pipeline, eager)
    (stage,) = made.stages
    if own is not None:
        assert stage.when is not None
        assert set(conjuncts(parse(own))) <= set(conjuncts(stage.when))
    assert only_where_started(made, eager) == (made, ())
