"""The reader: every spelling of a thing, what is kept for the same vendor, and what is refused with its place."""

import pytest

from pipemgr.adapter import Fidelity, InvalidPipeline, ParseError, single
from pipemgr.model.definitions import (
    Concurrency,
    Container,
    Data,
    Environment,
    Matrix,
    Parameter,
    Runner,
    Trigger,
)

HEAD = "name: CI\non: push\n"
JOB = "jobs:\n  test:\n    runs-on: ubuntu-latest\n    steps: [{run: make}]\n"


def job(lines: str) -> str:
    return f"{HEAD}jobs:\n  test:\n    runs-on: ubuntu-latest\n    {lines}\n"


def step(lines: str) -> str:
    return job(f"steps:\n      - {lines}")


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("push", [Trigger(event="push")]),
        ("[push, pull_request]", [Trigger(event="push"), Trigger(event="pull_request")]),
        ("{push: }", [Trigger(event="push")]),
        ("{push: {branches: main}}", [Trigger(event="push", branches=("main",))]),
        ("{push: {branches: [main], tags: }}", [Trigger(event="push", branches=("main",), tags=())]),
        ("{push: {paths-ignore: [docs/**]}}", [Trigger(event="push", paths_ignore=("docs/**",))]),
        ("{pull_request: {types: [opened]}}", [Trigger(event="pull_request", types=("opened",))]),
        ("{pull_request_target: }", [Trigger(event="pull_request_target")]),
        (
            "{schedule: [{cron: 0 3 * * *}, {cron: 0 4 * * *, timezone: Asia/Seoul}]}",
            [
                Trigger(event="schedule", cron="0 3 * * *"),
                Trigger(event="schedule", cron="0 4 * * *", timezone="Asia/Seoul"),
            ],
        ),
        ("workflow_dispatch", [Trigger(event="manual")]),
        ("{push: {tide: high}}", [Trigger(event="push", options={"tide": "high"})]),
        ("merge_group", [Trigger(event="merge_queue")]),
        ("{release: {types: [published]}}", [Trigger(event="release", types=("published",))]),
        ("{repository_dispatch: {types: go}}", [Trigger(event="api", types=("go",))]),
        (
            "{workflow_run: {workflows: [CI], types: [completed], branches: [main], branches-ignore: [x]}}",
            [
                Trigger(
                    event="upstream",
                    types=("completed",),
                    branches=("main",),
                    branches_ignore=("x",),
                    options={"pipelines": ["CI"]},
                )
            ],
        ),
        ("{workflow_run: {workflows: CI}}", [Trigger(event="upstream", options={"pipelines": ["CI"]})]),
    ],
)
def test_triggers_in_every_spelling(on: str, expected: list[Trigger], read) -> None:
    assert list(read(f"on: {on}\n{JOB}").pipeline.triggers) == expected


@pytest.mark.parametrize(
    ("on", "value"),
    [
        ("label", {"label": None}),
        ("[workflow_call_me]", {"workflow_call_me": None}),
        ("{issue_comment: {types: [created]}}", {"issue_comment": {"types": ["created"]}}),
        ("{check_run: {types: [created]}}", {"check_run": {"types": ["created"]}}),
    ],
)
def test_other_events_are_kept_word_for_word(on: str, value: Data, read) -> None:
    (trigger,) = read(f"on: {on}\n{JOB}").pipeline.triggers
    assert trigger == Trigger(event="opaque", options={"vendor": "github-actions", "value": value})


def test_inputs_become_parameters(read) -> None:
    pipeline = read(
        "on:\n  workflow_dispatch:\n    inputs:\n"
        "      target: {type: choice, options: [a, b], default: a, required: true, description: Where}\n"
        "      dry: {type: boolean, default: false}\n"
        "      old: {deprecationMessage: gone}\n"
        "      bare:\n" + JOB
    ).pipeline
    assert pipeline.parameters == {
        "target": Parameter(
            type="choice", choices=("a", "b"), default="a", required=True, description="Where"
        ),
        "dry": Parameter(type="boolean", default=False),
        "old": Parameter(),
        "bare": Parameter(),
    }
    kept = pipeline.vendor["github-actions"]["on"]
    assert kept == {"workflow_dispatch": {"inputs": {"old": {"deprecationMessage": "gone"}}}}


@pytest.mark.parametrize(
    ("value", "runner"),
    [
        ("ubuntu-latest", Runner(name="linux")),
        ("[macOS-latest]", Runner(name="macos")),
        ("my-machine", Runner(labels=("my-machine",))),
        ("[self-hosted, linux]", Runner(labels=("self-hosted", "linux"))),
        ("${{ matrix.os }}", Runner(labels=("${{ matrix.os }}",))),
        ("{group: big}", Runner(group="big")),
        ("{group: big, labels: [x, y]}", Runner(group="big", labels=("x", "y"))),
        ("{labels: ubuntu-latest}", Runner(name="linux")),
    ],
)
def test_runners_in_every_form(value: str, runner: Runner, read) -> None:
    text = f"{HEAD}jobs:\n  test:\n    runs-on: {value}\n    steps: [run: make]\n"
    assert read(text).pipeline.stages[0].runner == runner


@pytest.mark.parametrize(
    ("lines", "field", "expected"),
    [
        ("needs: []", "needs", ()),
        ("timeout-minutes: 90", "timeout", "90m"),
        ("timeout-minutes: 120", "timeout", "2h"),
        ("timeout-minutes: 1.5", "timeout", "90s"),
        ("timeout-minutes: ${{ inputs.t }}", "timeout", "${{ parameters.t }}m"),
        ("continue-on-error: true", "allow_failure", True),
        ("continue-on-error: ${{ matrix.x }}", "allow_failure", "${{ matrix.x }}"),
        ("permissions: {}", "permissions", {}),
        ("permissions: read-all", "permissions", {"*": "read"}),
        ("permissions: {contents: write}", "permissions", {"contents": "write"}),
        ("concurrency: one", "concurrency", Concurrency(group="one")),
        (
            "concurrency: {group: '${{ github.ref }}', cancel-in-progress: true}",
            "concurrency",
            Concurrency(group="${{ ref }}", cancel_running=True),
        ),
        ("environment: prod", "environment", Environment(name="prod")),
        ("environment: {name: prod, url: x}", "environment", Environment(name="prod", url="x")),
        ("container: alpine", "container", Container(image="alpine")),
        (
            "container: {image: a, credentials: {username: u, password: '${{ secrets.P }}'}, ports: [80]}",
            "container",
            Container(image="a", username="u", password="${{ secrets.P }}", ports=("80",)),
        ),
        ("env: {A: 1, B: true, C: , D: 1.10, E: '${{ env.A }}'}", "variables",
         {"A": "1", "B": "true", "C": "", "D": "1.1", "E": "${{ variables.A }}"}),
        ("outputs: {v: '${{ steps.a.outputs.v }}'}", "outputs", {"v": "${{ steps.a.outputs.v }}"}),
        ("strategy: {fail-fast: false}", "fail_fast", False),
        ("strategy: {max-parallel: 2}", "max_parallel", 2),
        ("strategy: {matrix: '${{ fromJSON(needs.a.outputs.m) }}'}", "matrix",
         Matrix(expression="${{ from_json(needs.a.outputs.m) }}")),
        ("strategy: {matrix: {os: [a, 1, ~], v: '${{ fromJSON(x) }}', include: [{os: b}], exclude: [{os: a}]}}", "matrix",
         Matrix(axes={"os": ("a", 1, None), "v": "${{ from_json(opaque('github-actions', 'x')) }}"},
                include=({"os": "b"},), exclude=({"os": "a"},))),
        ("services: {db: {image: postgres, options: --x}}", "services", {"db": Container(image="postgres", options="--x")}),
    ],
)  # fmt: skip
def test_parts_of_jobs(lines: str, field: str, expected: object, read) -> None:
    reading = read(job(f"{lines}\n    steps: [run: make]"))
    assert getattr(reading.pipeline.stages[0], field) == expected
    assert reading.findings == ()


def test_absent_is_not_empty(read) -> None:
    stage = read(job("steps: [run: make]")).pipeline.stages[0]
    assert stage.permissions is None
    assert read(job("permissions: {}\n    steps: [run: make]")).pipeline.stages[0].permissions == {}


@pytest.mark.parametrize(
    ("lines", "action", "inputs"),
    [
        ("run: make", "run", {"script": "make"}),
        ("{run: make, shell: bash, working-directory: a}", "run", {"script": "make", "shell": "bash", "directory": "a"}),
        ("{uses: actions/checkout@v7, with: {fetch-depth: 0}}", "checkout", {"depth": 0}),
        ("{uses: actions/upload-artifact@v7, with: {name: w, path: dist}}", "artifact.upload", {"name": "w", "path": "dist"}),
        ("{uses: actions/setup-python@v7, with: {python-version: '3.12'}}", "setup.python", {"version": "3.12"}),
        ("{uses: acme/x@v1, with: {a: 1}}", "opaque",
         {"vendor": "github-actions", "value": {"uses": "acme/x@v1", "with": {"a": 1}}}),
        ("{uses: ./local}", "opaque", {"vendor": "github-actions", "value": {"uses": "./local"}}),
        ("{uses: docker://alpine}", "opaque", {"vendor": "github-actions", "value": {"uses": "docker://alpine"}}),
        ("{parallel: [{run: a}], if: x}", "opaque",
         {"vendor": "github-actions", "value": {"parallel": [{"run": "a"}]}}),
        ("{run: a, shell: 'bash -l {0}'}", "run", {"script": "a", "shell": "bash -l"}),
        ("{run: a, shell: bash}", "run", {"script": "a", "shell": "bash"}),
        ("{run: a, shell: 'bash {0}'}", "run", {"script": "a", "shell": "bash {0}"}),
        ("{run: a, shell: 'perl {0} x'}", "run", {"script": "a", "shell": "perl {0} x"}),
        ("{wait-all: }", "wait", {}),
        ("{wait: a}", "wait", {"steps": "a"}),
        ("{wait: [a, b]}", "wait", {"steps": ["a", "b"]}),
        ("{cancel: a}", "stop", {"steps": "a"}),
    ],
)  # fmt: skip
def test_steps(lines: str, action: str, inputs: Data, read) -> None:
    (found,) = read(step(lines)).pipeline.stages[0].steps
    assert (found.action, found.inputs) == (action, inputs)


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        ("{uses: actions/checkout@v7}", {}),
        ("{uses: actions/checkout@v4}", {"hints": {"uses": "actions/checkout@v4"}}),
        ("{uses: actions/checkout@v7, with: {github-server-url: x}}", {"with": {"github-server-url": "x"}}),
        ("{run: a, background: '${{ x }}'}", {"background": "${{ x }}"}),
        ("{wait-all: true}", {"hints": {"wait-all": True}}),
    ],
)
def test_what_only_github_has_is_kept(lines: str, kept: Data, read) -> None:
    (found,) = read(step(lines)).pipeline.stages[0].steps
    assert found.vendor.get("github-actions", {}) == kept


def test_a_call_of_another_workflow_is_kept(read) -> None:
    text = f"{HEAD}jobs:\n  a:\n    uses: ./.github/workflows/b.yml\n    with: {{x: 1}}\n    secrets: inherit\n    if: always()\n"
    (stage,) = read(text).pipeline.stages
    assert stage.steps == ()
    assert str(stage.when) == "always()"
    assert stage.vendor["github-actions"] == {
        "uses": "./.github/workflows/b.yml",
        "with": {"x": 1},
        "secrets": "inherit",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("success()", "success()"),
        ("${{ success() }}", "success()"),
        ("'${{ !cancelled() }}'", "!canceled()"),
        ("GitHub.SHA == 'x'", "commit == 'x'"),
        ("github.event_name == 'workflow_dispatch'", "trigger == 'manual'"),
        ("\"'push' != github.event_name\"", "'push' != trigger"),
        ("github.event_name == 'issues'", "event.word == 'issues'"),
        ("github.event.action", "event.action"),
        ("contains(github.event.labels.*.name, 'x')", "contains(event.payload.labels.*.name, 'x')"),
        ("contains(github.path, 'x')", "contains(opaque('github-actions', 'github.path'), 'x')"),
        ("github.REF_TYPE == 'tag' && github.ref_name || ''", "tag"),
        ("(github.ref_type == 'tag' && github.ref_name || '') == 'v1'", "tag == 'v1'"),
        ("github.event.inputs.x == 'y'", "event.parameters.x == 'y'"),
        ("github.event.schedule == '0 0 * * *'", "schedule == '0 0 * * *'"),
        ("STARTSWITH(github.ref, 'refs/tags/')", "starts_with(ref, 'refs/tags/')"),
        ("toString(1)", "opaque('github-actions', 'toString(1)')"),
        ("steps['a b'].outputs[matrix.x]", "steps['a b'].outputs[matrix.x]"),
        ("fromJSON(env.X).y[0]", "from_json(variables.X).y[0]"),
        ("true", "true"),
    ],
)
def test_conditions(text: str, expected: str, read) -> None:
    assert str(read(job(f"if: {text}\n    steps: [run: make]")).pipeline.stages[0].when) == expected


def test_text_around_a_template_is_always_true_and_told(read) -> None:
    reading = read(job("if: ${{ failure() }} && github.ref == 'x'\n    steps: [run: make]"))
    assert str(reading.pipeline.stages[0].when) == "format('{0} && github.ref == ''x''', failure())"
    (finding,) = reading.findings
    assert (finding.fidelity, finding.source) == (Fidelity.EQUIVALENT, ".github/workflows/ci.yml:6:5")


def test_a_workflow_without_a_name_is_called_after_its_file(read) -> None:
    pipeline = read(f"on: push\n{JOB}").pipeline
    assert pipeline.name == "ci"
    assert pipeline.vendor["github-actions"] == {"hints": {"unnamed": True}}


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("", "1:1", "needs `on`"),
        (f"{HEAD}", "1:1", "needs `jobs`"),
        (f"{HEAD}jobs: {{}}\n", "3:1", "at least one job"),
        (f"{HEAD}jobs:\n  1a: {{runs-on: x}}\n", "4:3", "can't name a job"),
        (f"{HEAD}jobs:\n  a: {{steps: [run: x]}}\n", "4:3", "no runs-on"),
        (f"{HEAD}jobs:\n  a: {{runs-on: x, steps: []}}\n", "4:3", "no steps"),
        (f"{HEAD}jobs:\n  a: {{runs-on: x, needs: b, steps: [run: x]}}\n", "4:19", "needs 'b', which does not exist"),
        (f"{HEAD}jobs:\n  a: {{runs-on: x, needs: a, steps: [run: x]}}\n", "4:19", "needs itself"),
        (f"{HEAD}jobs: [a]\n", "3:1", "must be a mapping"),
        (step("{name: nothing}"), "7:9", "needs `run` or `uses`"),
        (step("run: ${{ a.. }}"), "7:20", "no valid expression"),
        (job("if: a &&\n    steps: [run: x]"), "6:13", "no valid expression"),
        (job("timeout-minutes: soon\n    steps: [run: x]"), "6:5", "number of minutes"),
        (job("continue-on-error: perhaps\n    steps: [run: x]"), "6:5", "true or false"),
        (job("permissions: all\n    steps: [run: x]"), "6:5", "read-all, write-all"),
        (job("concurrency: {cancel-in-progress: true}\n    steps: [run: x]"), "6:5", "needs a group"),
        (job("environment: {url: x}\n    steps: [run: x]"), "6:5", "needs a name"),
        (job("container: {options: x}\n    steps: [run: x]"), "6:5", "needs an image"),
        (job("strategy: {matrix: linux}\n    steps: [run: x]"), "6:16", "mapping of axes"),
        (f"on: {{workflow_dispatch: {{inputs: {{a: {{type: date}}}}}}}}\n{JOB}", "1:39", "type is one of"),
    ],
)  # fmt: skip
def test_what_makes_no_pipeline_is_refused_with_its_place(text: str, where: str, message: str, read) -> None:
    with pytest.raises(InvalidPipeline, match=message) as caught:
        read(text)
    assert f".github/workflows/ci.yml:{where}" in [place for place, _ in caught.value.problems]


def test_all_problems_are_told_at_once(read) -> None:
    with pytest.raises(InvalidPipeline) as caught:
        read(f"{HEAD}jobs:\n  a: {{needs: b}}\n  b: {{runs-on: x, if: '(', steps: 1}}\n")
    places = {place.partition(":")[2] for place, _ in caught.value.problems}
    assert places == {"4:3", "5:3", "5:25", "5:28"}


@pytest.mark.parametrize("text", ["- a\n", "just words\n", "a: [\n"])
def test_what_is_no_workflow_at_all(text: str, read) -> None:
    with pytest.raises(ParseError):
        read(text)


def test_one_document_at_a_time(read) -> None:
    from pipemgr_github_actions import GitHubActionsReader

    documents = single("a.yml", HEAD + JOB)
    other = single("b.yml", HEAD + JOB)
    twice = documents.model_copy(update={"documents": (*documents, *other)})
    with pytest.raises(ParseError, match="2 documents"):
        GitHubActionsReader().read(twice)


def test_losses_lead_to_lines(read) -> None:
    source = read(
        job(
            "container: {image: a, options: x}\n    timeout-minutes: 5\n    steps:\n      - run: make\n        env: {A: b}"
        )
    ).source
    places = {
        "stages.test.runner": 5,
        "stages.test.container.options": 6,
        "stages.test.timeout": 7,
        "stages.test.steps[0].inputs.script": 9,
        "stages.test.steps[0].variables.A": 10,
        "triggers[0]": 2,
    }
    assert {path: int(source.place(path).split(":")[1]) for path in places} == places
