"""Reading CircleCI workflows: graph, conditions, triggers, matrices and groups."""

from typing import Any

import pytest

from pipemgr.adapter import Reading, single
from pipemgr.errors import InvalidPipeline
from pipemgr.model.definitions import Pipeline, Stage
from pipemgr_circleci.reader import CircleCIReader

BOX = "machine: true, steps: [checkout]"
JOBS = f"""version: 2.1
parameters:
  go: {{type: boolean, default: false}}
jobs:
  a: {{{BOX}}}
  b: {{{BOX}}}
  c: {{{BOX}}}
"""


def read(text: str) -> Reading:
    return CircleCIReader().read(single(".circleci/config.yml", text))


def problems(text: str) -> dict[str, str]:
    with pytest.raises(InvalidPipeline) as caught:
        read(text)
    return dict(caught.value.problems)


def pipeline(workflows: str, head: str = JOBS) -> Pipeline:
    return read(f"{head}workflows:\n{workflows}").pipeline


def stages(workflows: str, head: str = JOBS) -> dict[str, Stage]:
    return {stage.id: stage for stage in pipeline(workflows, head).stages}


def when(stage: Stage) -> str | None:
    return None if stage.when is None else str(stage.when)


def triggers(workflows: str) -> list[Any]:
    return [one.data() for one in pipeline(workflows).triggers]


# The graph ---------------------------------------------------------------------------------------------


def test_one_workflow_names_the_pipeline_and_several_are_groups() -> None:
    assert pipeline("  w: {jobs: [a]}\n").name == "w"
    found = pipeline("  w: {jobs: [a]}\n  x: {jobs: [a, b: {requires: [a]}]}\n")
    assert found.name == "config"
    assert [(one.id, one.group, one.needs) for one in found.stages] == [
        ("a", "w", ()),
        ("a-x", "x", ()),
        ("b", "x", ("a-x",)),
    ]


def test_names_are_ids_where_they_can_be() -> None:
    found = stages("  w: {jobs: [a: {name: Build it}, b: {requires: [Build it], name: 2nd}]}\n")
    assert [(one.id, one.name, one.needs) for one in found.values()] == [
        ("Build-it", "Build it", ()),
        ("_2nd", "2nd", ("Build-it",)),
    ]


def test_a_job_that_is_used_twice_has_numbers_for_names() -> None:
    found = stages("  w: {jobs: [a, a, b: {requires: [a-2]}, c: {requires: [a]}]}\n")
    assert found["b"].needs == ("a-w",)
    assert found["c"].needs == ("a", "a-w")


@pytest.mark.parametrize(
    ("statuses", "condition"),
    [
        ("success", None),
        ("[success]", None),
        ("failed", "always() && needs.a.result == 'failure'"),
        ("[canceled, failed]", "always() && (needs.a.result == 'failure' || needs.a.result == 'cancelled')"),
        ("not_run", "always() && needs.a.result == 'skipped'"),
        ("terminal", "always()"),
        ("[success, failed, canceled, unauthorized, not_run]", "always()"),
    ],
)
def test_statuses_are_conditions(statuses: str, condition: str | None) -> None:
    found = stages(f"  w: {{jobs: [a, b: {{requires: [a: {statuses}]}}]}}\n")["b"]
    assert found.needs == ("a",)
    assert when(found) == condition


def test_a_status_beside_a_plain_name_asks_for_success_of_that() -> None:
    found = stages("  w: {jobs: [a, b, c: {requires: [a, b: failed]}]}\n")["c"]
    assert when(found) == "always() && needs.a.result == 'success' && needs.b.result == 'failure'"


def test_approvals_are_stages_that_wait() -> None:
    found = stages("  w: {jobs: [hold: {type: approval}, a: {requires: [hold]}]}\n")
    assert found["hold"].approval is not None
    assert found["hold"].steps == ()
    assert found["a"].needs == ("hold",)


def test_groups_of_jobs_wait_and_are_waited_for_as_one() -> None:
    head = JOBS + "job-groups:\n  g: {jobs: [a, b: {requires: [a]}]}\n"
    found = stages("  w: {jobs: [c, g: {requires: [c]}, c: {name: last, requires: [g]}]}\n", head)
    assert {one.id: one.needs for one in found.values()} == {
        "c": (),
        "a": ("c",),
        "b": ("a",),
        "last": ("b",),
    }


def test_what_an_invocation_says_besides() -> None:
    found = stages(
        "  w: {jobs: [a: {context: [x, y], serial-group: deploy, override-with: o/j, "
        "pre-steps: [run: before], post-steps: [run: after]}]}\n"
    )["a"]
    assert found.contexts == ("x", "y")
    assert found.concurrency is not None
    assert found.concurrency.group == "deploy"
    assert found.vendor == {"circleci": {"override-with": "o/j"}}
    assert [one.inputs.get("script") for one in found.steps] == ["before", None, "after"]


# Conditions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        ("{branches: {only: main}}", "branch == 'main'"),
        ("{branches: {only: [main, /v.*/]}}", "branch == 'main' || matches(branch, 'v.*')"),
        ("{branches: {ignore: main}}", "branch != 'main'"),
        ("{branches: {ignore: [main, /v.*/]}}", "branch != 'main' && !matches(branch, 'v.*')"),
        ("{branches: {only: main, ignore: /.*/}}", "branch == 'main'"),
        ("{branches: {only: /.*/}}", None),
        ("{branches: {only: /^docs$/}}", "branch == 'docs'"),
        ("{branches: {only: /a\\/b.*/}}", "matches(branch, 'a/b.*')"),
        ('pipeline.git.branch == "x" and not pipeline.parameters.go', "branch == 'x' && !parameters.go"),
        ('pipeline.git.branch starts-with "r/"', "starts_with(branch, 'r/')"),
    ],
)
def test_filters_of_one_of_several_jobs_are_its_condition(filters: str, condition: str | None) -> None:
    found = stages(f"  w: {{jobs: [a, b: {{filters: {quoted(filters)}}}]}}\n")["b"]
    assert when(found) == condition


def quoted(filters: str) -> str:
    return filters if filters.startswith("{") else "'" + filters + "'"


@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        ("{}", "tag == ''"),
        ("{tags: {only: /.*/}}", None),
        ("{tags: {only: /v.*/}}", "tag == '' || matches(tag, 'v.*')"),
        ("{tags: {ignore: beta}}", "tag == '' || tag != 'beta'"),
        ("{branches: {ignore: /.*/}, tags: {only: /v.*/}}", "matches(tag, 'v.*')"),
        ("{branches: {ignore: /.*/}, tags: {only: /.*/}}", "tag != ''"),
        ("{branches: {only: main}}", "tag == '' && branch == 'main'"),
        ("{branches: {only: main}, tags: {only: x}}", "tag == '' && branch == 'main' || tag == 'x'"),
        ("{branches: {only: main}, tags: {only: /.*/}}", "tag == '' && branch == 'main' || tag != ''"),
    ],
)
def test_where_tags_count_filters_speak_of_both(filters: str, condition: str | None) -> None:
    text = f"  w: {{jobs: [a: {{filters: {{tags: {{only: z}}}}}}, b: {{filters: {filters}}}]}}\n"
    assert when(stages(text)["b"]) == condition


@pytest.mark.parametrize(
    ("said", "condition"),
    [
        ("when: << pipeline.parameters.go >>", "parameters.go"),
        ("unless: << pipeline.parameters.go >>", "!parameters.go"),
        ("when: true", None),
        ("when: false", "false"),
        ("when: {and: [<< pipeline.parameters.go >>, true]}", "parameters.go"),
        (
            "when: {or: [<< pipeline.parameters.go >>, {equal: [7, << pipeline.number >>]}]}",
            "parameters.go || build.number == 7",
        ),
        ("when: {not: {equal: [a, << pipeline.id >>, b]}}", "!(build.id == 'a' && build.id == 'b')"),
        ("when: {equal: [scheduled_pipeline, << pipeline.trigger_source >>]}", "trigger == 'schedule'"),
        ("when: {not: {equal: [api, << pipeline.trigger_source >>]}}", "trigger != 'manual'"),
        ("when: {matches: {pattern: '^r.*$', value: << pipeline.id >>}}", "matches(build.id, 'r.*')"),
        (
            "when: pipeline.number > 3 or pipeline.id matches /^a|b$/",
            "build.number > 3 || matches(build.id, '^a|b$')",
        ),
    ],
)
def test_conditions_of_workflows_are_those_of_their_stages(said: str, condition: str | None) -> None:
    assert when(stages(f"  w:\n    {said}\n    jobs: [a]\n")["a"]) == condition


# Triggers ----------------------------------------------------------------------------------------------

MANUAL = {"event": "manual"}


@pytest.mark.parametrize(
    ("workflow", "push"),
    [
        ("{jobs: [a]}", {"branches": ["**"]}),
        ("{jobs: [a: {filters: {tags: {only: /.*/}}}]}", {}),
        ("{jobs: [a: {filters: {tags: {only: /v.*/}}}, b]}", {}),
        ("{jobs: [a: {filters: {branches: {only: main}}}]}", {"branches": ["main"]}),
        ("{jobs: [a: {filters: {branches: {ignore: [x, /y.*/]}}}]}", {"branches-ignore": ["x", "y**"]}),
        ("{jobs: [a: {filters: {branches: {ignore: /.*/}, tags: {only: /v.*/}}}]}", {"tags": ["v**"]}),
        ("{when: 'pipeline.git.branch == \"main\"', jobs: [a]}", {"branches": ["main"]}),
        (
            '{when: \'pipeline.git.branch != "" and not (pipeline.git.branch == "x")\', jobs: [a]}',
            {"branches-ignore": ["x"]},
        ),
        (
            '{when: \'pipeline.git.branch starts-with "r/" or pipeline.git.tag == "t"\', jobs: [a]}',
            {"branches": ["r/**"], "tags": ["t"]},
        ),
    ],
)
def test_what_all_jobs_share_is_the_triggers(workflow: str, push: dict[str, Any]) -> None:
    assert triggers(f"  w: {workflow}\n") == [{"event": "push", **push}, MANUAL]


def test_what_triggers_say_is_no_condition_any_more() -> None:
    found = stages("  w: {when: 'pipeline.git.branch == \"main\" and pipeline.parameters.go', jobs: [a]}\n")[
        "a"
    ]
    assert when(found) == "parameters.go"


def test_a_workflow_for_starts_by_hand_has_no_other_trigger() -> None:
    assert triggers("  w: {when: {equal: [api, << pipeline.trigger_source >>]}, jobs: [a]}\n") == [MANUAL]


def test_schedules_are_triggers_and_conditions() -> None:
    text = (
        "  w: {jobs: [a]}\n  n:\n    triggers: [schedule: {cron: '0 0 * * *', filters: {branches: {only: main}}}]\n"
        "    jobs: [b]\n"
    )
    assert triggers(text) == [
        {"event": "push", "branches": ["**"]},
        MANUAL,
        {"event": "schedule", "cron": "0 0 * * *"},
    ]
    found = stages(text)
    assert when(found["a"]) == "trigger != 'schedule'"
    assert when(found["b"]) == "trigger == 'schedule' && schedule == '0 0 * * *' && branch == 'main'"


def test_schedules_alone_start_nothing_at_pushes() -> None:
    text = "  n: {triggers: [schedule: {cron: '1 2 * * *'}], jobs: [b]}\n"
    assert triggers(text) == [{"event": "schedule", "cron": "1 2 * * *"}]


# Matrices ----------------------------------------------------------------------------------------------

MATRIX = """version: 2.1
executors:
  e: {docker: [{image: x}]}
  f: {machine: true}
jobs:
  m:
    parameters: {v: {type: string}, n: {type: integer, default: 1}, e: {type: executor, default: e}, s: {type: boolean, default: false}}
    executor: << parameters.e >>
    steps: [run: echo << parameters.v >> << parameters.n >>, when: {condition: << parameters.s >>, steps: [run: more]}]
  last: {machine: true, steps: [checkout]}
"""


def test_a_matrix_is_one_stage_with_axes() -> None:
    found = stages("  w: {jobs: [m: {n: 2, matrix: {parameters: {v: [a, b]}, exclude: [{v: a}]}}]}\n", MATRIX)
    stage = found["m"]
    assert stage.matrix is not None
    assert stage.matrix.data() == {"axes": {"v": ["a", "b"]}, "exclude": [{"v": "a"}]}
    assert stage.steps[0].inputs["script"] == "echo ${{ matrix.v }} 2"


def test_an_axis_may_decide_whether_a_step_is_executed() -> None:
    found = stages("  w: {jobs: [m: {v: x, matrix: {parameters: {s: [true, false]}}}]}\n", MATRIX)["m"]
    assert str(found.steps[1].when) == "matrix.s"


def test_an_axis_that_decides_where_a_job_runs_is_written_out() -> None:
    text = "  w: {jobs: [m: {v: x, matrix: {parameters: {e: [e, f], n: [1, 2]}}}, last: {requires: [m]}]}\n"
    found = stages(text, MATRIX)
    assert list(found) == ["m-e", "m-f", "last"]
    assert found["m-e"].container is not None
    assert found["m-f"].container is None
    assert found["last"].needs == ("m-e", "m-f")
    assert all(one.matrix is not None for name, one in found.items() if name != "last")


def test_one_execution_of_a_matrix_can_be_waited_for_only_with_all() -> None:
    text = f"{MATRIX}workflows:\n  w: {{jobs: [m: {{matrix: {{parameters: {{v: [a, b]}}}}}}, last: {{requires: [m-b]}}]}}\n"
    reading = read(text)
    assert reading.pipeline.stages[1].needs == ("m",)
    (finding,) = (one for one in reading.findings if one.fidelity.value == "approximate")
    assert finding.what == "requires m-b"


def test_values_of_axes_are_checked_like_arguments() -> None:
    text = f"{MATRIX}workflows:\n  w: {{jobs: [m: {{v: x, matrix: {{parameters: {{n: [1, two]}}}}}}]}}\n"
    assert "of type integer" in next(iter(problems(text).values()))


# Mistakes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("workflow", "message"),
    [
        ("{jobs: [a: {requires: [z]}]}", "no job 'z' in this workflow"),
        ("{jobs: [a: {requires: [a]}]}", "requires itself"),
        ("{jobs: [a: {requires: [b]}, b: {requires: [a]}]}", "needs itself, by way of a -> b -> a"),
        ("{jobs: [a, b: {requires: [a: done]}]}", "'done' is no status"),
        ("{jobs: {a: {}}}", "the jobs of a workflow are a list"),
        ("{jobs: [a: {filters: {paths: x}}]}", "filters are `branches`, `tags`"),
        ("{jobs: [a: {filters: 'x == 1'}]}", "'x' is no value that expressions know"),
        ("{jobs: [a: {filters: 'pipeline.number =='}]}", "no valid expression"),
        ("{jobs: [a: {other: 1}]}", "has no parameter 'other'"),
        ("{triggers: [push], jobs: [a]}", "a trigger of a workflow is a `schedule`"),
        ("{triggers: [schedule: {}], jobs: [a]}", "needs a `cron`"),
        ("{when: [x], jobs: [a]}", "must be a condition"),
        ("{when: {xor: [x]}, jobs: [a]}", "a condition is one of"),
        ("{when: {and: []}, jobs: [a]}", "needs at least one value"),
    ],
)
def test_mistakes_in_workflows_are_told(workflow: str, message: str) -> None:
    assert any(message in one for one in problems(f"{JOBS}workflows:\n  w: {workflow}\n").values())
