"""Reading what CircleCI definitions define once and use often: parameters, commands, orbs; and what nodes become."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.adapter import Fidelity, Reading, compose, single
from pipemgr.errors import DefinitionError, InvalidPipeline
from pipemgr.model.expressions import ExpressionError
from pipemgr_circleci.conditions import unanchored
from pipemgr_circleci.reader import CircleCIReader
from pipemgr_circleci.syntax import parse

COMMAND = """version: 2.1
commands:
  c:
    parameters:
      p: {type: %s}
    steps:
      - run: echo "<< parameters.p >>"
jobs:
  build:
    machine: true
    steps:
      - c: {p: %s}
"""


def read(text: str) -> Reading:
    return CircleCIReader().read(single(".circleci/config.yml", text))


def problems(text: str) -> dict[str, str]:
    with pytest.raises(InvalidPipeline) as caught:
        read(text)
    return {place.partition(":")[2]: message for place, message in caught.value.problems}


def scripts(text: str) -> list[str]:
    return [str(step.inputs["script"]) for stage in read(text).pipeline.stages for step in stage.steps]


# Parameters --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("string", "a b", "a b"),
        ("string", "''", ""),
        ("string", "<< pipeline.number >>", "${{ build.number }}"),
        ("boolean", "true", "true"),
        ("integer", "3", "3"),
        ("enum, enum: [x, y]", "y", "y"),
        ("env_var_name", "TOKEN", "TOKEN"),
    ],
)
def test_arguments_are_filled_in(kind: str, value: str, text: str) -> None:
    assert scripts(COMMAND % (kind, value)) == [f'echo "{text}"']


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("string", "1", "of type string, and this is a number"),
        ("string", "[a]", "of type string, and this is a sequence"),
        ("boolean", "'true'", "of type boolean, and this is a string"),
        ("integer", "1.5", "of type integer, and this is a number"),
        ("enum, enum: [x, y]", "z", "one of x, y, not 'z'"),
        ("env_var_name", "a-b", "can't be the name of an environment variable"),
        ("steps", "x", "of type steps, and this is a string"),
        ("colour", "x", "'colour' is no type of parameter"),
    ],
)
def test_arguments_of_a_wrong_type_are_told_at_their_place(kind: str, value: str, message: str) -> None:
    found = problems(COMMAND % (kind, value))
    assert any(message in one for one in found.values())
    assert {"12:13", "5:11"} & set(found)


def test_a_parameter_without_default_must_be_given() -> None:
    text = COMMAND.replace("- c: {p: %s}", "- c") % "string"
    assert problems(text)["12:9"] == "the command 'c' needs the parameter 'p', which has no default"


def test_an_unknown_parameter_is_told_where_it_is_used() -> None:
    text = (COMMAND % ("string", "x")).replace("parameters.p", "parameters.q")
    assert problems(text) == {"7:22": "there is no parameter 'q' here (there are: p)"}


def test_values_that_are_no_text_keep_their_type() -> None:
    text = """version: 2.1
jobs:
  j:
    parameters: {n: {type: integer}, e: {type: boolean}}
    machine: true
    parallelism: << parameters.n >>
    steps: [run: {command: x, background: << parameters.e >>}]
workflows: {w: {jobs: [j: {n: 3, e: true}]}}
"""
    (stage,) = read(text).pipeline.stages
    assert stage.parallelism == 3
    assert stage.steps[0].background is True


def test_parameters_stand_in_expressions() -> None:
    text = COMMAND % ("string", "main")
    text = text.replace('"<< parameters.p >>"', '<< pipeline.git.branch == parameters.p and "y" or "n" >>')
    assert scripts(text) == ["echo ${{ branch == 'main' && 'y' || 'n' }}"]


def test_conditions_on_parameters_are_decided() -> None:
    text = """version: 2.1
commands:
  c:
    parameters: {on: {type: boolean, default: false}, v: {type: string, default: ""}}
    steps:
      - when: {condition: << parameters.on >>, steps: [run: "on"]}
      - unless: {condition: << parameters.on >>, steps: [run: "off"]}
      - when: {condition: {and: [<< parameters.v >>, {not: {equal: [b, << parameters.v >>]}}]}, steps: [run: v]}
jobs: {build: {machine: true, steps: [c, c: {on: true}, c: {v: b}, c: {v: a}]}}
"""
    assert scripts(text) == ["off", "on", "off", "off", "v"]
    assert read(text).findings == ()


def test_steps_that_no_use_executes_are_told() -> None:
    text = "version: 2.1\njobs: {build: {machine: true, steps: [checkout, when: {condition: false, steps: [run: x]}]}}\n"
    (finding,) = read(text).findings
    assert finding.fidelity is Fidelity.EQUIVALENT
    assert "never executed" in finding.what


# Commands, orbs ----------------------------------------------------------------------------------------

ORB = """version: 2.1
orbs:
  o:
    orbs: {inner: {commands: {say: {parameters: {w: {type: string}}, steps: [run: << parameters.w >>]}}}}
    executors: {box: {docker: [{image: i}]}}
    commands:
      both: {parameters: {s: {type: steps, default: []}}, steps: [inner/say: {w: first}, steps: << parameters.s >>, own]}
      own: {steps: [run: "of the orb"]}
    jobs:
      j: {executor: box, steps: [own]}
commands: {own: {steps: [run: mine]}}
jobs: {build: {machine: true, steps: [o/both: {s: [own, run: given]}]}}
workflows: {w: {jobs: [build, o/j]}}
"""


def test_names_mean_what_is_defined_where_they_are_written() -> None:
    assert scripts(ORB) == ["first", "mine", "given", "of the orb", "of the orb"]
    job = read(ORB).pipeline.stages[1]
    assert (job.id, job.container.image if job.container else None) == ("o-j", "i")
    assert read(ORB).pipeline.vendor == {}


def test_a_command_that_calls_itself_is_told() -> None:
    text = "version: 2.1\ncommands: {c: {steps: [c]}}\njobs: {build: {machine: true, steps: [c]}}\n"
    assert "calls itself" in next(iter(problems(text).values()))


def test_orbs_that_only_circleci_knows_are_imported_again() -> None:
    text = """version: 2.1
orbs: {x: acme/x@1, node: circleci/node@5, never: acme/never@dev:a}
jobs: {build: {machine: true, steps: [x/do, node/install]}}
"""
    reading = read(text)
    assert reading.pipeline.vendor["circleci"]["hints"] == {
        "orbs": {"x": "acme/x@1", "node": "circleci/node@5", "never": "acme/never@dev:a"}
    }
    told = [one.what for one in reading.findings]
    assert told == ["the import of the orb 'x'"]


def test_what_nothing_uses_is_kept_and_told() -> None:
    text = "version: 2.1\nx: &x 1\ncommands: {c: {steps: [checkout]}}\njobs: {build: {machine: true, steps: [checkout]}, j: {machine: true}}\n"
    reading = read(text)
    assert {one.fidelity for one in reading.findings} == {Fidelity.EQUIVALENT}
    assert reading.pipeline.vendor["circleci"]["hints"] == {
        "commands": {"c": {"steps": ["checkout"]}},
        "jobs": {"j": {"machine": True}},
        "top": {"x": 1},
    }


# What nodes become -------------------------------------------------------------------------------------


def fed(text: str) -> dict[str, str]:
    """The model path of each scalar, by the value that stands there."""
    return {str(node.value): node.model for node in read(text).source.nodes if node.children is None}


def test_nodes_lead_to_what_they_became() -> None:
    text = """version: 2.1
jobs:
  j:
    docker: [{image: img}, {image: svc, name: s}]
    environment: {A: env}
    steps: [checkout, run: {name: nam, command: com, environment: {B: var}}]
workflows: {w: {jobs: [j: {context: ctx, filters: {branches: {only: bra}}}]}}
"""
    found = fed(text)
    assert found["img"] == "stages.j.container.image"
    assert found["svc"] == "stages.j.services.s.image"
    assert found["env"] == "stages.j.variables.A"
    assert found["checkout"] == "stages.j.steps[0]"
    assert found["nam"] == "stages.j.steps[1].name"
    assert found["com"] == "stages.j.steps[1].inputs.script"
    assert found["var"] == "stages.j.steps[1].variables.B"
    assert found["ctx"] == "stages.j.contexts"
    assert found["bra"].startswith("stages.j.when")


def test_of_several_uses_the_first_is_what_a_node_became() -> None:
    text = """version: 2.1
commands: {c: {parameters: {p: {type: string}}, steps: [run: << parameters.p >>, run: same]}}
jobs:
  j: {machine: true, steps: [checkout, c: {p: one}]}
  k: {machine: true, steps: [c: {p: two}]}
workflows: {w: {jobs: [j, k, k: {name: again}]}}
"""
    found = fed(text)
    assert found["same"] == "stages.j.steps[2].inputs.script"
    assert found["one"] == "stages.j.steps[1].inputs.script"
    assert found["two"] == "stages.k.steps[0].inputs.script"


def test_an_axis_leads_to_the_matrix() -> None:
    text = """version: 2.1
jobs: {j: {parameters: {v: {type: string}}, machine: true, steps: [run: << parameters.v >>]}}
workflows: {w: {jobs: [j: {matrix: {parameters: {v: [one, two]}, alias: all}}]}}
"""
    found = fed(text)
    assert found["one"] == "stages.all.matrix.axes.v[0]"
    assert found["two"] == "stages.all.matrix.axes.v[1]"


# Any input ---------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        "pipeline.git.branch",
        "matrix.x",
        "and",
        "or",
        "not",
        "==",
        "!=",
        "<",
        "(",
        ")",
        '"a"',
        "/a.b/",
        "3",
        "true",
        "starts-with",
        "matches",
        "x",
        "'",
        "\\",
    ]
)


@given(st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=30))
def test_expressions_are_parsed_or_refused(text: str) -> None:
    offset = 0
    try:
        parse(text)
    except ExpressionError as error:
        offset = error.offset
    assert 0 <= offset <= len(text)


@pytest.mark.parametrize(
    ("pattern", "bare"),
    [("^a$", "a"), ("a", "a"), ("^a|b$", "^a|b$"), ("^(a|b)$", "(a|b)"), (r"a\$", r"a\$"), (r"a\\$", r"a\\")],
)
def test_anchors_that_say_nothing_are_taken_off(pattern: str, bare: str) -> None:
    assert unanchored(pattern) == bare


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(0, 3)
    | st.sampled_from(
        [
            "checkout",
            "run",
            "a",
            "b",
            "<< parameters.p >>",
            "<< matrix.p >>",
            "2.1",
            "build",
            "main",
            "/x.*/",
            "approval",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "jobs",
                    "steps",
                    "run",
                    "command",
                    "machine",
                    "docker",
                    "image",
                    "build",
                    "workflows",
                    "requires",
                    "filters",
                    "branches",
                    "only",
                    "matrix",
                    "parameters",
                    "p",
                    "type",
                    "default",
                    "when",
                    "condition",
                    "executor",
                    "commands",
                    "orbs",
                    "name",
                    "triggers",
                    "schedule",
                    "cron",
                    "alias",
                    "exclude",
                    "environment",
                    "job-groups",
                    "xcode",
                    "macos",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(
    st.fixed_dictionaries(
        {"jobs": VALUES, "workflows": VALUES},
        optional={
            "commands": VALUES,
            "orbs": VALUES,
            "executors": VALUES,
            "parameters": VALUES,
            "job-groups": VALUES,
        },
    )
)
def test_any_definition_is_read_or_refused_with_places(data: object) -> None:
    text = json.dumps({"version": 2.1, **data})  # type: ignore[dict-item]
    told: tuple[tuple[str, str], ...] = ()
    reading = None
    try:
        reading = read(text)
    except InvalidPipeline as error:
        told = error.problems
    except DefinitionError as error:
        told = ((str(error.where), error.message),)
    assert (reading is None) == bool(told)
    assert all(re.fullmatch(r".+:\d+:\d+", place) and message for place, message in told)
    if reading is not None:
        counts = reading.source.accounting().model_dump()
        assert counts.pop("nodes") == sum(counts.values()) == len(compose(text, "x").origin.nodes)
