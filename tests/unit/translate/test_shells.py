"""The shells that read scripts which name none: said where two vendors differ and it matters."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import Container, Defaults, Pipeline, Runner, Stage, Step
from pipemgr.translate.base import Dialect
from pipemgr.translate.native import native_dialect
from pipemgr.translate.scripts import piped
from pipemgr.translate.shells import shells_named

Vendor = Callable[[str, str], Dialect]


@pytest.fixture
def vendor(tmp_path: Path) -> Vendor:
    def make(name: str, shell: str) -> Dialect:
        folder = tmp_path / name
        folder.mkdir()
        head = "source: [https://docs.example]\nchecked: 2026-01-01\n"
        (folder / "runners.yaml").write_text(f"{head}shell: {shell}\nrows: []\n", "utf-8")
        tables = Tables.of(name, folder)
        return replace(native_dialect(), name=name, title=name.title(), foreign=False, tables=tables)

    return make


def _pipeline(*scripts: str, **stage: object) -> Pipeline:
    steps = tuple(Step(action="run", inputs={"script": one}) for one in scripts)
    return Pipeline(name="x", stages=(Stage(id="s", steps=steps, **stage),))


def _defaults(shell: str, **more: str) -> Defaults:
    return Defaults.model_validate({"shell": shell, **more})


def _shell(pipeline: Pipeline) -> str | None:
    defaults = pipeline.stages[0].defaults
    return defaults.shell if defaults else None


@pytest.mark.parametrize(
    ("script", "pipe"),
    [
        ("a | b", True),
        ("a |& b", True),
        ("x=$(a | b)", True),
        ("a || b", False),
        ("a >| b", False),
        ("echo 'a | b' \"| c\" # | d", False),
        ("cat <<'E'\n| x\nE\n", False),
        ("echo ${{ a || b }}", False),
    ],
)
def test_pipes_are_told_from_what_looks_like_them(script: str, pipe: bool) -> None:
    assert piped(script) is pipe


def test_the_default_shell_is_named_where_there_is_a_pipe(vendor: Vendor) -> None:
    acme, other = vendor("acme", "bash"), vendor("other", "bash -e {0}")
    named, findings = shells_named(_pipeline("true", "a | b"), acme, other)
    assert _shell(named) == "bash"
    assert [one.path for one in findings] == ["stages.s.steps[1].inputs.script"]
    assert "Acme reads it with bash" in findings[0].why
    plain = _pipeline("a || b")
    assert shells_named(plain, acme, other) == (plain, ())


@pytest.mark.parametrize(
    ("script", "named"),
    [
        ("if [[ $A == b* ]]; then x; fi", "bash"),
        ("diff <(a) <(b)", "bash"),
        ("  files=(*.py)", "bash"),
        ("echo ${A//x/y}", "bash"),
        ("set -e; source env.sh", "bash"),
        ("if [ $A = b ]; then x; fi", None),
        ("echo ${A:-x} ${B##*/}; . env.sh; resource x", None),
    ],
)
def test_bashs_own_words_name_it_in_a_container(vendor: Vendor, script: str, named: str | None) -> None:
    acme, other = vendor("acme", "bash"), vendor("other", "bash -e {0}")
    boxed, findings = shells_named(_pipeline(script, container=Container(image="a")), acme, other)
    assert _shell(boxed) == named
    assert len(findings) == (named is not None)
    bare = _pipeline(script)
    assert shells_named(bare, acme, other) == (bare, ())


def test_what_was_named_for_others_is_left_out_again(vendor: Vendor) -> None:
    acme = vendor("acme", "bash")
    folder = _defaults("bash", directory="web")
    back, findings = shells_named(_pipeline("a | b", defaults=folder), native_dialect(), acme)
    assert (back.stages[0].defaults, findings) == (Defaults(directory="web"), ())


def test_who_named_a_shell_keeps_it(vendor: Vendor) -> None:
    acme, other = vendor("acme", "bash"), vendor("other", "sh")
    for kept in (
        _pipeline("a | b", defaults=_defaults("zsh")),
        _pipeline("a | b").model_copy(update={"defaults": _defaults("zsh")}),
        _pipeline("a | b", runner=Runner(name="windows-2025")),
    ):
        assert shells_named(kept, acme, other) == (kept, ())


def test_vendors_alike_need_no_name(vendor: Vendor) -> None:
    pipeline = _pipeline("a | b")
    assert shells_named(pipeline, vendor("acme", "bash"), vendor("other", "bash")) == (pipeline, ())


@pytest.mark.parametrize(
    ("ours", "theirs", "named"),
    [
        ("sh -xe {0}", "bash -e {0}", None),
        ("sh -xe {0}", "bash", "sh -xe {0}"),
        ("bash -eo pipefail {0}", "bash", None),
        ("bash", "bash -e {0}", "bash"),
    ],
)
def test_a_pipe_matters_only_where_its_failures_do(
    vendor: Vendor, ours: str, theirs: str, named: str | None
) -> None:
    changed, told = shells_named(_pipeline("a | b"), vendor("a", ours), vendor("b", theirs))
    assert _shell(changed) == named
    assert bool(told) is bool(named)
