"""The writer: text that looks hand-written, own tables for other targets, and every loss told."""

import re
from pathlib import Path

import pytest

from pipemgr.adapter import Fidelity, Tables
from pipemgr.adapter.registry import Registry
from pipemgr.model.definitions import Container, Matrix, Parameter, Pipeline, Runner, Stage, Step, Trigger
from pipemgr.translate.convert import write as write_for
from pipemgr_github_actions import GitHubActionsWriter

RUN = Step(action="run", inputs={"script": "make\nmake check\n"})


def pipeline(*stages: Stage, **more: object) -> Pipeline:
    given = {"triggers": (Trigger(event="push"),), "stages": stages or (stage(),), **more}
    return Pipeline(name="Web Shop", **given)  # type: ignore[arg-type]


def stage(*steps: Step, **more: object) -> Stage:
    return Stage(**{"id": "test", "runner": Runner(name="linux"), "steps": steps or (RUN,), **more})  # type: ignore[arg-type]


def text_of(writing) -> str:
    (document,) = writing.documents
    return document.text


def test_the_usual_order_and_style(write) -> None:
    first = stage(
        Step(action="checkout", inputs={"depth": 0}),
        Step(
            action="run",
            name="Test",
            id="t",
            inputs={"script": "make\nmake check\n", "shell": "bash"},
            variables={"CI": "1"},
        ),
        name="Test it",
        matrix=Matrix(axes={"os": ("a", "b")}),
        fail_fast=False,
        when="branch == 'main'",
        timeout="20m",
    )
    writing = write(pipeline(first, permissions={}, variables={"A": "b"}))
    assert text_of(writing) == (
        "name: Web Shop\n"
        "on: push\n"
        "permissions: {}\n"
        "env:\n  A: b\n"
        "\n"
        "jobs:\n"
        "  test:\n"
        "    name: Test it\n"
        "    if: github.ref_name == 'main'\n"
        "    runs-on: ubuntu-latest\n"
        "    strategy:\n      fail-fast: false\n      matrix:\n        os: [a, b]\n"
        "    timeout-minutes: 20\n"
        "    steps:\n"
        "      - uses: actions/checkout@v7\n        with:\n          fetch-depth: 0\n"
        "      - name: Test\n        id: t\n        run: |\n          make\n          make check\n        shell: bash\n"
        '        env:\n          CI: "1"\n'
    )
    assert writing.findings == ()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("Web Shop", "web-shop"),
        ("Größe & Preis", "grosse-preis"),
        ("../../etc", "etc"),
        ("日本", "pipeline"),
        ("a.b_c", "a.b_c"),
    ],
)
def test_the_file_is_called_after_the_pipeline(name: str, path: str, write) -> None:
    expected = path.replace("grosse", "groe")  # ß has no plain letter of its own
    (document,) = write(pipeline().model_copy(update={"name": name})).documents
    assert document.path == f".github/workflows/{expected}.yml"


@pytest.mark.parametrize(
    ("triggers", "expected"),
    [
        (("push",), "on: push\n"),
        (("push", "pull_request"), "on: [push, pull_request]\n"),
        (("manual",), "on: workflow_dispatch\n"),
    ],
)
def test_events_without_filters_are_short(triggers: tuple[str, ...], expected: str, write) -> None:
    assert expected in text_of(write(pipeline(triggers=tuple(Trigger(event=one) for one in triggers))))


def test_the_authors_pin_stays_as_long_as_the_action_does(write) -> None:
    vendor = {"github-actions": {"hints": {"uses": "actions/checkout@v4"}}}
    assert "actions/checkout@v4" in text_of(write(pipeline(stage(Step(action="checkout", vendor=vendor)))))
    changed = Step(action="cache.save", inputs={"path": "a", "key": "k"}, vendor=vendor)
    text = text_of(write(pipeline(stage(changed))))
    assert "actions/checkout" not in text
    assert "actions/cache/save@v6" in text


def test_an_alias_is_written_back_as_it_was(write) -> None:
    vendor = {"github-actions": {"hints": {"uses": "dorny/test-reporter@v2"}}}
    step = Step(action="tests.publish", inputs={"path": "r.xml"}, vendor=vendor)
    assert "uses: dorny/test-reporter@v2\n        with:\n          path: r.xml\n" in text_of(
        write(pipeline(stage(step)))
    )


def test_a_secret_that_an_action_needs_is_a_task(write) -> None:
    writing = write(pipeline(stage(Step(action="ssh.keys"))))
    (task,) = [one for one in writing.findings if one.kind]
    assert (task.fidelity, task.kind, task.what) == (Fidelity.MANUAL, "secret", "secret SSH_PRIVATE_KEY")


def test_what_an_action_needs_is_filled_in(write) -> None:
    text = text_of(write(pipeline(stage(Step(action="setup.java", inputs={"version": "21"})))))
    assert 'java-version: "21"\n          distribution: temurin\n' in text


@pytest.mark.parametrize(
    ("made", "fidelity", "path", "what"),
    [
        (pipeline(stage(Step(action="no.such"))), Fidelity.DROPPED, "stages.test.steps[0]", "action no.such"),
        (
            pipeline(stage(Step(action="checkout", inputs={"bogus": 1}))),
            Fidelity.DROPPED,
            "stages.test.steps[0].inputs.bogus",
            "input bogus of checkout",
        ),
        (
            pipeline(stage(Step(action="run", inputs={"script": "x", "bogus": 1}))),
            Fidelity.DROPPED,
            "stages.test.steps[0].inputs.bogus",
            "input bogus of run",
        ),
        (
            pipeline(stage(Step(action="opaque", inputs={"vendor": "acme", "value": 1}))),
            Fidelity.DROPPED,
            "stages.test.steps[0]",
            "an opaque step",
        ),
        (pipeline(stage(when="opaque('acme', 'x y')")), Fidelity.DROPPED, "stages.test.when", "x y"),
        (pipeline(stage(when="frob(1)")), Fidelity.DROPPED, "stages.test.when", "function frob()"),
        (pipeline(stage(when="weather == 'fine'")), Fidelity.DROPPED, "stages.test.when", "weather"),
        (pipeline(stage(name="${{ trigger }}")), Fidelity.APPROXIMATE, "stages.test.name", "trigger"),
        (pipeline(stage(steps=())), Fidelity.EQUIVALENT, "stages.test.steps", "a stage without steps"),
        (pipeline(stage(runner=None)), Fidelity.EQUIVALENT, "stages.test.runner", "no runner is named"),
        (pipeline(stage(runner=Runner(name="abacus"))), Fidelity.MANUAL, "stages.test.runner", "runner abacus"),
        (pipeline(stage(timeout="${{ matrix.t }}h")), Fidelity.DROPPED, "stages.test.timeout", "timeout ${{ matrix.t }}h"),
        (pipeline(stage(permissions={"*": "read", "a": "write"})), Fidelity.DROPPED, "stages.test.permissions", "a right for all scopes beside others"),
        (pipeline(stage(container=Container(image="a", command="b"))), Fidelity.DROPPED, "stages.test.container.command", "command"),
        (pipeline(triggers=(Trigger(event="tide"),)), Fidelity.DROPPED, "triggers[0]", "trigger tide"),
        (
            pipeline(triggers=(Trigger(event="opaque", options={"vendor": "acme", "value": 1}),)),
            Fidelity.DROPPED,
            "triggers[0]",
            "an opaque trigger",
        ),
        (pipeline(triggers=()), Fidelity.EQUIVALENT, "triggers", "no trigger"),
        (pipeline(parameters={"a": Parameter()}), Fidelity.APPROXIMATE, "parameters", "parameters without a manual trigger"),
        (
            pipeline(triggers=(Trigger(event="push", branches=("a",)), Trigger(event="push", tags=("b",)))),
            Fidelity.EQUIVALENT,
            "triggers[1]",
            "a second push",
        ),
        (
            pipeline(triggers=(Trigger(event="push", branches=("a",)), Trigger(event="push", paths=("b",)))),
            Fidelity.DROPPED,
            "triggers[1]",
            "a second push",
        ),
    ],
)  # fmt: skip
def test_every_loss_is_told(made: Pipeline, fidelity: Fidelity, path: str, what: str, write) -> None:
    findings = [(one.fidelity, one.path, one.what) for one in write(made).findings]
    assert (fidelity, path, what) in findings
    assert all(one.why for one in write(made).findings)


def test_other_vendors_do_not_miss_hints() -> None:
    dialect = Registry().dialect("github-actions")
    other = Step(action="checkout", vendor={"acme": {"hints": {"pin": 1}}})
    told = Step(action="checkout", vendor={"acme": {"hints": {"pin": 1}, "depth": 2}})
    assert write_for(pipeline(stage(other)), dialect).findings == ()
    (finding,) = write_for(pipeline(stage(told)), dialect).findings
    assert "depth" in finding.what
    assert "hints" not in finding.what


def test_another_target_writes_the_language_with_its_own_steps() -> None:
    writer = GitHubActionsWriter().with_tables(Tables.of("local"))
    upload = Step(
        action="artifact.upload", inputs={"path": "dist/*", "if-missing": "error"}, variables={"A": "b"}
    )
    writing = writer.write(pipeline(stage(Step(action="checkout"), upload, Step(action="container.login"))))
    text = text_of(writing)
    assert "uses: actions/checkout@v7" in text
    assert "uses: actions/upload-artifact" not in text
    assert "INPUT_PATH: dist/*\n          INPUT_IF_MISSING: error\n          A: b\n" in text
    dropped = [one for one in writing.findings if one.fidelity is Fidelity.DROPPED]
    assert [(one.what, one.path) for one in dropped] == [("action container.login", "stages.test.steps[2]")]
    assert "local" in dropped[0].why


def test_a_users_overlay_maps_a_teams_action_without_code(tmp_path: Path) -> None:
    head = "source: [https://acme.example]\nchecked: 2026-11-23\nrows:\n"
    (tmp_path / "github-actions").mkdir()
    (tmp_path / "github-actions" / "steps.yaml").write_text(
        head + "  - {call: acme/fetch, action: checkout, version: v1, inputs: {ref: commitish}}\n",
        encoding="utf-8",
    )
    writer = GitHubActionsWriter(Tables.of("github-actions", overlay=tmp_path))
    text = text_of(writer.write(pipeline(stage(Step(action="checkout", inputs={"ref": "x"})))))
    assert "uses: acme/fetch@v1\n        with:\n          commitish: x\n" in text


@pytest.mark.parametrize(
    "name", ["../../x", ".", "a" * 300, "名" * 300, "new\nline", "/etc/passwd", "\x00", "-.-"]
)
def test_every_name_gives_a_file_below_its_folder(name: str) -> None:
    (document,) = GitHubActionsWriter().write(pipeline().model_copy(update={"name": name})).documents
    assert re.fullmatch(r"\.github/workflows/[A-Za-z0-9_][\w.-]{0,110}\.yml", document.path)


def test_artifacts_without_a_name_get_one_where_there_are_several(write) -> None:
    def keep(*paths: str, **more: object) -> Stage:
        steps = [Step(action="artifact.upload", inputs={"path": path}) for path in paths]
        return stage(*steps, **more)

    (document,) = write(pipeline(keep("a"))).documents
    assert "name: test\n" not in document.text
    two = write(pipeline(keep("a", "b"), keep("c", id="other", matrix=Matrix(axes={"os": ("x",)}))))
    names = re.findall(r"          name: (.*)", text_of(two))
    assert names == ["test", "test-2", "other-${{ strategy.job-index }}"]
    assert [one.fidelity for one in two.findings] == [Fidelity.EQUIVALENT] * 3
    old = {"github-actions": {"hints": {"uses": "actions/upload-artifact@v3"}}}
    pinned = Step(action="artifact.upload", inputs={"path": "a"}, vendor=old)
    assert "name: test\n" not in text_of(write(pipeline(stage(pinned, pinned))))


def test_a_runner_that_says_nothing_but_its_size_is_none(write) -> None:
    assert "runs-on: ubuntu-latest\n" in text_of(write(pipeline(stage(runner=Runner(size="large")))))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("tag != ''", "github.ref_type == 'tag'"),
        ("tag == ''", "github.ref_type != 'tag'"),
        ("tag == 'v1'", "github.ref == 'refs/tags/v1'"),
        ("starts_with(tag, 'v')", "startsWith(github.ref, 'refs/tags/v')"),
        ("contains(tag, 'v')", "contains(github.ref_type == 'tag' && github.ref_name || '', 'v')"),
        ("branch == 'main' && tag == ''", "github.ref_name == 'main' && github.ref_type != 'tag'"),
    ],
)
def test_questions_about_tags_and_back(ours: str, theirs: str, read, write) -> None:
    text = text_of(write(pipeline(stage(when=ours))))
    assert f"    if: {theirs}\n" in text
    assert str(read(text).pipeline.stages[0].when) == ours


def test_what_only_others_know_leaves_nothing_in_a_text(write) -> None:
    lost = "a ${{ opaque('acme', 'x') }} b ${{ null }}"
    writing = write(pipeline(stage(Step(action="run", inputs={"script": lost}))))
    assert "run: a  b ${{ null }}\n" in text_of(writing)
    assert [one.fidelity for one in writing.findings] == [Fidelity.DROPPED]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("junit", "junit/**/*.xml"),
        ("./build/test results/", "./build/test results/**/*.xml"),
        ("junit/*.xml", None),
        ("junit/a.XML", None),
        ("${{ matrix.x }}", None),
        (["a", "b.xml"], "|-\n            a/**/*.xml\n            b.xml"),
    ],
)
def test_folders_of_reports_become_globs(ours: object, theirs: str | None, write) -> None:
    writing = write(pipeline(stage(Step(action="tests.publish", inputs={"path": ours}))))
    assert f"report_paths: {theirs or ours}\n" in text_of(writing)
    assert [one.fidelity for one in writing.findings] == ([Fidelity.EQUIVALENT] if theirs else [])
