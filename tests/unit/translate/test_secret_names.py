"""Secrets get names that the target takes, and files are made where it only keeps texts."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.mapping.tables import Tables
from pipemgr.mapping.variables import SecretNames
from pipemgr.model.definitions import Pipeline
from pipemgr.translate.base import Dialect
from pipemgr.translate.convert import convert
from pipemgr.translate.document import single
from pipemgr.translate.secret_names import asked, created, kept, new_name

RULE = SecretNames(pattern="[A-Za-z_][A-Za-z0-9_]*", reserved=("ACME_",), folder="/tmp")
FILES = """
source: [https://acme.example]
checked: 2026-11-23
secrets: [ACME_TOKEN]
secret-names: {pattern: "[A-Za-z_][A-Za-z0-9_]*", reserved: [ACME_], folder: "${{ runner.temp }}"}
"""


@pytest.fixture
def strict(poor: Any, tmp_path: Any) -> Dialect:
    """A target that restricts names."""
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "variables.yaml").write_text(FILES, encoding="utf-8")
    dialect: Dialect = replace(poor(name="acme"), tables=Tables.of("acme", overlay=tmp_path))
    return dialect


def pipeline(given: dict[str, str], **more: Any) -> Pipeline:
    step = {"action": "run", "inputs": {"script": "make"}, "variables": given}
    return Pipeline.model_validate({"name": "x", "stages": [{"id": "s", "steps": [step]}], **more})


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("TOKEN", "TOKEN"),
        ("npm_token", "npm_token"),
        ("my-id:username", "MY_ID_USERNAME"),
        ("7zip", "SECRET_7ZIP"),
        ("acme_token", "SECRET_ACME_TOKEN"),
        ("---", "SECRET"),
    ],
)
def test_a_name_stays_where_it_will_do(name: str, new: str) -> None:
    assert new_name(name, RULE) == new


@given(st.text(min_size=1))
def test_every_name_becomes_one_that_is_taken(name: str) -> None:
    new = new_name(name, RULE)
    assert re.fullmatch(RULE.pattern, new)
    assert not new.upper().startswith(RULE.reserved)
    assert new_name(new, RULE) == new


def test_two_parts_are_two_secrets() -> None:
    assert created("hub:userpass", RULE) == ("HUB_USERNAME", "HUB_PASSWORD")
    assert created("hub:userpass", None) == ("hub:userpass",)


def test_secrets_are_asked_for_by_their_new_names(strict: Dialect) -> None:
    made = kept(
        pipeline(
            {"A": "${{ secrets['my-id'] }}", "B": "-${{ secrets['my.id'] }}", "C": "${{ secrets.MY_ID }}"}
        ),
        strict,
    )
    assert made.pipeline.stages[0].steps[0].variables == {
        "A": "${{ secrets.MY_ID_2 }}",
        "B": "-${{ secrets.MY_ID_3 }}",
        "C": "${{ secrets.MY_ID }}",
    }
    assert [(one.what, one.path) for one in made.findings] == [
        ("secret my-id", "stages.s.steps[0].variables.A"),
        ("secret my.id", "stages.s.steps[0].variables.B"),
    ]
    assert kept(made.pipeline, strict).pipeline == made.pipeline


def test_user_and_password_are_put_together(strict: Dialect) -> None:
    made = kept(pipeline({"A": "Basic ${{ secrets['hub:userpass'] }}"}), strict).pipeline
    text = "Basic ${{ secrets.HUB_USERNAME }}:${{ secrets.HUB_PASSWORD }}"
    assert made.stages[0].steps[0].variables == {"A": text}


def test_a_file_is_written_before_it_is_asked_for(strict: Dialect) -> None:
    whole = pipeline({"A": "${{ secrets['kube:file'] }}"}, variables={"B": "${{ secrets['git:key'] }}"})
    made = kept(whole, strict)
    key, file, step = made.pipeline.stages[0].steps
    assert made.pipeline.variables == {}
    assert (key.variables["SECRET"], file.variables["SECRET"]) == (
        "${{ secrets.GIT_KEY }}",
        "${{ secrets.KUBE_FILE }}",
    )
    assert step.variables == {
        "A": "${{ runner.temp }}/secrets/kube_file",
        "B": "${{ runner.temp }}/secrets/git_key",
    }
    assert file.variables["SECRET_FILE"] == step.variables["A"]
    assert [made.moved.path(f"stages.s.steps[{at}]") for at in range(3)] == [
        "stages.s",
        "stages.s",
        "stages.s.steps[0]",
    ]
    assert set(asked(made.pipeline)) == {"GIT_KEY", "KUBE_FILE"}


def test_who_takes_any_name_gets_any(poor: Any) -> None:
    whole = pipeline({"A": "${{ secrets['kube:file'] }}"})
    assert kept(whole, poor()).pipeline is whole


def test_people_are_told_both_names(strict: Dialect, native: Dialect) -> None:
    text = (
        "pipeline: x\nstages:\n  s:\n    steps: [{run: make, variables: {A: \"${{ secrets['my-id'] }}\"}}]\n"
    )
    findings = convert(single("f.yaml", text), native, strict).report.findings
    remedies = [one.remedy for one in findings if one.kind == "secret"]
    assert remedies == ["create the secret MY_ID in Elsewhere, with what my-id holds"]


def test_what_every_build_has_keeps_its_name(strict: Dialect) -> None:
    whole = pipeline({"A": "${{ secrets.ACME_TOKEN }}", "B": "${{ secrets['my-id'] }}"})
    made = kept(whole, strict).pipeline
    assert made.stages[0].steps[0].variables == {
        "A": "${{ secrets.ACME_TOKEN }}",
        "B": "${{ secrets.MY_ID }}",
    }
