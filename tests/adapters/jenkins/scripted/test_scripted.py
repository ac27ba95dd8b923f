"""Scripted pipelines: the usual shapes become stages, and nothing of what is done is lost or done twice."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.adapter.registry import Registry
from pipemgr.errors import DefinitionError, InvalidPipeline
from pipemgr.model.definitions import Pipeline, Stage
from pipemgr.translate.base import Dialect, Reading
from pipemgr.translate.convert import convert, read
from pipemgr.translate.document import single
from pipemgr_jenkins.groovy.parser import parse
from pipemgr_jenkins.jenkinsfile.tree import grow


def dialect(name: str = "jenkins") -> Dialect:
    return Registry().dialect(name)


JENKINS = dialect()


def reading(text: str) -> Reading:
    return read(single("Jenkinsfile", text), JENKINS)


def pipeline(text: str) -> Pipeline:
    return reading(text).pipeline


def stages(text: str) -> dict[str, Stage]:
    return {one.id: one for one in pipeline(text).stages}


def does(stage: Stage) -> list[str]:
    return [str(one.inputs.get("script") or one.inputs.get("value") or one.action) for one in stage.steps]


def before(found: Pipeline) -> list[str]:
    """The code before the pipeline."""
    kept: Any = found.vendor.get("jenkins", {})
    return [*kept.get("hints", {}).get("before", []), *kept.get("before", [])]


def rewritten(text: str) -> str:
    found = convert(single("Jenkinsfile", text), JENKINS, JENKINS)
    assert len(found.documents.documents) == 1, found.report.findings
    return found.documents.documents[0].text


def findings(text: str) -> set[str]:
    return {one.what for one in reading(text).source.findings}


# Shapes -----------------------------------------------------------------------------------------------------


def test_stages_in_a_machine_share_its_folder_and_follow_one_another() -> None:
    found = stages("node('linux && x86') {\n stage('A b') { sh 'a' }\n stage('C') { sh 'c' } }")
    assert [(one.id, one.name, one.needs, one.workspace) for one in found.values()] == [
        ("a-b", "A b", (), "main"),
        ("c", "C", ("a-b",), "main"),
    ]
    assert all(one.runner and one.runner.labels == ("linux", "x86") for one in found.values())


def test_a_machine_in_a_stage_is_the_stages_own() -> None:
    found = stages("stage('A') { node('x') { sh 'a' } }\nstage('B') { echo 'b' }")
    assert found["a"].runner
    assert found["a"].runner.labels == ("x",)
    assert [one.workspace for one in found.values()] == [None, None]
    assert found["b"].vendor["jenkins"]["hints"] == {"agent": "none"}


def test_stages_without_a_block_go_on_to_the_next() -> None:
    found = stages("node {\n stage 'A'\n sh '1'\n sh '2'\n stage 'B'\n sh '3'\n}")
    assert {name: does(one) for name, one in found.items()} == {"a": ["1", "2"], "b": ["3"]}


def test_steps_outside_of_stages_are_in_the_stage_beside_them() -> None:
    found = stages("node { checkout scm\n stage('A') { sh 'a' }\n junit 'x.xml' }")
    assert [one.action for one in found["a"].steps] == ["checkout", "run", "tests.publish"]


def test_steps_beside_a_stage_that_may_be_left_out_are_a_stage_of_their_own() -> None:
    found = stages("node { sh '1'\n if (env.BRANCH_NAME == 'main') { stage('A') { sh '2' } }\n sh '3' }")
    assert [(does(one), str(one.when or "")) for one in found.values()] == [
        (["1"], ""),
        (["2"], "branch == 'main'"),
        (["3"], "!failure() && !canceled()"),
    ]


def test_otherwise_is_the_opposite_condition() -> None:
    found = stages("if (params.A == 'x') { stage('A') { echo 'a' } } else { stage('B') { echo 'b' } }")
    assert str(found["a"].when) == "parameters.A == 'x'"
    assert "parameters.A != 'x'" in str(found["b"].when)


def test_an_early_end_leaves_the_rest_to_the_other_case() -> None:
    found = stages("if (env.TAG_NAME == 'v1') { sh 'a'\n return }\nnode { stage('B') { sh 'b' } }")
    first, second = found.values()
    assert (does(first), str(first.when)) == (["a"], "tag == 'v1'")
    assert (does(second), "tag != 'v1'" in str(second.when)) == (["b"], True)


@pytest.mark.parametrize(
    "text",
    [
        "stage('T') { parallel a: { sh '1' }, b: { node('w') { sh '2' } }, failFast: true }",
        "stage('T') { parallel([failFast: true, a: { sh '1' }, b: { node('w') { sh '2' } }]) }",
        "stage('T') { def m = [:]\n m['a'] = { sh '1' }\n m.b = { node('w') { sh '2' } }\n parallel m }",
    ],
)
def test_branches_are_stages_side_by_side(text: str) -> None:
    found = pipeline("node { stage('S') { sh '0' }\n" + text + "\nstage('E') { sh '3' } }")
    assert [(one.id, one.needs, one.group, does(one)) for one in found.stages] == [
        ("s", (), None, ["0"]),
        ("a", ("s",), "T", ["1"]),
        ("b", ("s",), "T", ["2"]),
        ("e", ("a", "b"), None, ["3"]),
    ]
    assert [one.workspace for one in found.stages] == ["main", "main", None, "main"]
    if "failFast" in text:
        assert found.vendor["jenkins"]["blocks"] == {"T": {"failFast": True}}


def test_what_is_done_after_failures_and_at_the_end_is_what_post_does() -> None:
    text = "node { try { stage('A') { sh 'a' } } catch (e) { sh 'c'\n throw e } finally { deleteDir() } }"
    found = stages(text)
    assert [(one.id, str(one.when or ""), one.group) for one in found.values()] == [
        ("a", "", None),
        ("post-failure", "failure()", "post"),
        ("post-cleanup", "always()", "post"),
    ]
    assert does(found["post-failure"]) == ["c"]
    assert "a failure that is caught" not in findings(text)
    assert "a failure that is caught" in findings(text.replace("throw e", ""))
    assert "what is done after a failure" in findings(text.replace("sh 'c'", 'echo "${e}"'))


def test_what_follows_an_end_comes_behind_a_block_with_that_end() -> None:
    written = rewritten("node { try { stage('A') { sh 'a' } } finally { sh 'f' }\n stage('B') { sh 'b' } }")
    places = [written.index(one) for one in ("sh 'a'", "post {", "sh 'f'", "stage('B')")]
    assert places == sorted(places)


def test_a_finally_in_a_stage_is_steps_that_are_always_done() -> None:
    found = stages("node { stage('A') { try { sh 'a' } finally { sh 'f' } } }")
    assert [(one.inputs["script"], str(one.when or "")) for one in found["a"].steps] == [
        ("a", ""),
        ("f", "always()"),
    ]


def test_branches_that_are_collected_outside_are_stages() -> None:
    text = "def m = [:]\nm['a'] = { node('x') { sh '1' } }\nm['b'] = { sh '2' }\ntimestamps { stage('T') { parallel m } }"
    assert [(one.id, one.group) for one in pipeline(text).stages] == [("a", "T"), ("b", "T")]
    assert before(pipeline(text)) == []


def test_a_question_before_all_else_is_the_stages_approval() -> None:
    found = stages("stage('A') { input 'Really?'\n node('x') { sh 'a' } }")
    assert found["a"].approval is not None
    assert found["a"].approval.message == "Really?"
    assert does(found["a"]) == ["a"]


def test_properties_are_options_parameters_and_triggers() -> None:
    found = pipeline(
        "properties([parameters([booleanParam(name: 'A', defaultValue: true)]), disableConcurrentBuilds(),\n"
        " pipelineTriggers([cron('H 4 * * *'), pollSCM('H/5 * * * *')]), buildDiscarder(logRotator(numToKeepStr: '5'))])\n"
        "node { stage('B') { sh 'b' } }"
    )
    assert found.parameters["A"].default is True
    assert found.concurrency is not None
    assert [one.event for one in found.triggers] == ["push", "pull_request", "manual", "schedule"]
    assert found.vendor["jenkins"]["hints"]["options"] == ["buildDiscarder(logRotator(numToKeepStr: '5'))"]


def test_what_is_around_stages_is_handed_down_to_them() -> None:
    found = pipeline(
        "timestamps { timeout(time: 2, unit: 'HOURS') { node('x') {\n"
        "withEnv(['A=b']) { withCredentials([string(credentialsId: 'tok', variable: 'T')]) {\n"
        " stage('S') { timeout(5) { sh '1' } }\n stage('T') { lock('l') { sh '2' } } } } } } }"
    )
    first, second = found.stages
    assert str(found.timeout) == "2h"
    assert found.vendor["jenkins"]["hints"]["options"] == ["timestamps()"]
    assert dict(first.variables) == {"A": "b", "T": "${{ secrets.tok }}"} or "tok" in first.variables["T"]
    assert str(first.timeout) == "5m"
    assert second.concurrency is not None
    assert second.concurrency.group == "l"


def test_docker_images_are_containers_in_the_same_folder() -> None:
    text = (
        "node('x') { stage('A') { sh '0' }\n docker.image('m:3').inside('-v /m') { stage('B') { sh '1' } } }"
    )
    found = stages(text)
    assert found["b"].container is not None
    assert (found["b"].container.image, found["b"].workspace) == ("m:3", "main")
    assert "reuseNode true" in rewritten(text)


def test_unknown_blocks_around_stages_are_put_around_their_steps() -> None:
    found = stages("node { custom(1) { stage('A') { sh 'a' }\n stage('B') { sh 'b' } } }")
    for name, one in found.items():
        (step,) = one.steps
        assert step.inputs["steps"] == [{"action": "run", "inputs": {"script": name}}]
        assert f"custom(1) {{\n        sh '{name}'\n    }}" in str(step.inputs["value"])


def test_variables_that_stages_share_are_declared_before_the_pipeline() -> None:
    text = "node { def a\n def v = sh(returnStdout: true, script: 'v')\n stage('A') { a = tool 'x' }\n stage('B') { sh \"${a} ${v}\" } }"
    found = pipeline(text)
    assert before(found) == ["def a", "def v"]
    assert "v = sh(returnStdout: true, script: 'v')" in does(found.stages[0])[0]
    assert "def v = sh" not in rewritten(text)


def test_variables_of_one_stage_stay_in_it() -> None:
    found = pipeline("node { stage('A') { def x = 1\n echo \"${x}\" }\n stage('B') { sh 'b' } }")
    assert before(found) == []
    assert "def x = 1" in does(found.stages[0])[0]


def test_what_ends_a_stage_early_stays_in_one_piece() -> None:
    found = stages("node { stage('A') { sh '1'\n def x = f()\n if (x) { return }\n sh '2' } }")
    assert len(found["a"].steps) == 2
    assert "def x = f()\n" in does(found["a"])[1]
    assert "sh '2'" in does(found["a"])[1]


def test_stages_made_in_loops_are_told_and_kept() -> None:
    text = "node { stage('A') { sh 'a' }\n for (x in ['1', '2']) { stage(x) { sh x } } }"
    found = stages(text)
    assert [len(one.steps) for one in found.values()] == [1, 1]
    assert "for (x in ['1', '2'])" in does(found["steps"])[0]
    assert "stages made while it runs" in findings(text)


def test_branches_made_while_it_runs_stay_with_what_makes_them() -> None:
    found = stages("def b = [:]\nfor (x in ['1']) { b[x] = { node { sh x } } }\nparallel b")
    (step,) = found["steps"].steps
    assert "def b = [:]" in str(step.inputs["value"])
    assert "parallel b" in str(step.inputs["value"])


def test_a_call_of_a_library_is_a_stage() -> None:
    found = stages("@Library('x') _\nbuildPlugin(useContainerAgent: true)")
    assert list(found) == ["buildplugin"]
    assert does(found["buildplugin"]) == ["buildPlugin(useContainerAgent: true)"]


def test_methods_of_the_file_are_the_stages_in_them() -> None:
    text = "def all() { stage('A') { node('x') { sh 'a' } } }\nall()\nstage('B') { echo 'b' }"
    assert list(stages(text)) == ["a", "b"]
    assert before(pipeline(text)) == ["def all() { stage('A') { node('x') { sh 'a' } } }"]
    assert does(stages("def f() { stage('A') { echo 'a' }\n f() }\nf()")["f"]) == ["f()"]


def test_a_file_that_only_defines_things_is_no_pipeline() -> None:
    with pytest.raises(InvalidPipeline, match="nothing is executed"):
        reading("class X { }\ndef f() { sh 'a' }")
    with pytest.raises(InvalidPipeline, match="the file is empty"):
        reading("// nothing\n")


# Whatever the script ------------------------------------------------------------------------------------------


@st.composite
def scripts(draw: st.DrawFn) -> str:
    """A script of steps with numbers, in all shapes."""
    number = count()
    shapes = [
        "sh 'K{n}K'", "sh 'K{n}K'", "def v{n} = f('K{n}K')", 'echo "${{v0}} K{n}K"', "x = 'K{n}K'",
        "stage('s{n}') {{ {0} }}", "stage('same') {{ {0} }}", "stage 'open{n}'", "node('l{n}') {{ {0} }}", "node {{ {0} }}",
        "parallel a: {{ {0} }}, b: {{ {1} }}", "parallel([a{n}: {{ {0} }}, failFast: true])",
        "try {{ {0} }} catch (e) {{ {1} }} finally {{ {2} }}", "try {{ {0} }} finally {{ {1} }}",
        "if (env.BRANCH_NAME == 'b{n}') {{ {0} }} else {{ {1} }}", "if (x) {{ {0}\nreturn }}", "if (y) {{ return }}",
        "withEnv(['A{n}=b']) {{ {0} }}", "timestamps {{ {0} }}", "timeout(5) {{ {0} }}", "custom({n}) {{ {0} }}",
        "retry(2) {{ {0} }}", "docker.image('i').inside {{ {0} }}", "for (i in z) {{ {0} }}", "lock('r') {{ {0} }}",
        "def m{n} = [:]\nm{n}.k = {{ {0} }}\nm{n}['l'] = {{ {1} }}\nparallel m{n}", "z.each {{ {0} }}",
    ]  # fmt: skip

    def block(depth: int) -> str:
        size = draw(st.integers(0 if depth else 1, 3))
        return "\n".join(statement(depth) for _ in range(size))

    def statement(depth: int) -> str:
        shape = draw(st.sampled_from(shapes if depth < 4 else shapes[:5]))
        n = next(number)
        return shape.format(*(block(depth + 1) for _ in range(shape.count("{{"))), n=n)

    return block(0)


def marks(text: str) -> list[str]:
    """The numbered steps of a script, in the order they stand there."""
    return re.findall(r"K\d+K", text)


@given(scripts())
def test_all_that_is_done_is_done_once_and_all_is_told(text: str) -> None:
    script = parse(text, "Jenkinsfile")
    if not any("K" in script.text(one) for one in script.statements):
        return
    found = reading(text)
    assert [one.what for one in found.source.unread()] == []
    said: list[str] = []
    for stage in found.pipeline.stages:
        for step in stage.steps:
            said += marks(str({**step.inputs, "steps": None}))
    outside = " ".join(before(found.pipeline))
    assert sorted(said + marks(outside)) == sorted(marks(text))
    ids = [one.id for one in found.pipeline.stages]
    assert len(set(ids)) == len(ids)


@given(scripts())
def test_what_is_written_again_is_declarative_and_does_the_same(text: str) -> None:
    if text.count("parallel") > 1:  # declarative pipelines have no branches in branches: those are drawn anew
        return
    try:
        written = rewritten(text)
    except DefinitionError:
        return
    again = grow(single("Jenkinsfile", written).documents[0])
    assert again.declarative
    assert sorted(marks(written)) == sorted(marks(text))


@pytest.mark.corpus
def test_real_scripts_become_pipelines_and_nothing_is_left_unread(corpus: Path) -> None:
    seen: dict[str, Any] = {}
    for path in sorted((corpus / "definitions" / "jenkinsfile").iterdir()):
        text = path.read_bytes().decode()
        if not grow(single("Jenkinsfile", text).documents[0]).declarative:
            found = reading(text)
            seen[path.name] = [one.what for one in found.source.unread()]
            assert found.pipeline.stages, path.name
    assert len(seen) > 30
    assert {name: one for name, one in seen.items() if one} == {}


@pytest.mark.parametrize(
    "text",
    [
        "if (x) { return }\n" * 2000 + "sh 'a'",
        "try {" * 20 + "stage('a') { sh 'x' }" + "} finally { sh 'y' }" * 20,
        "".join(f"def m{n}() {{ stage('s') {{ sh 'x' }}\nm{n + 1}()\nm{n + 1}() }}\n" for n in range(30))
        + "m0()",
        "parallel m\n" * 500,
    ],
    ids=["ends", "tries", "methods", "maps"],
)
def test_hostile_scripts_end_soon(text: str) -> None:
    assert len(pipeline(text).stages) < 1000


def test_what_a_finding_is_about_is_there() -> None:
    text = "stage('A') { sh '1' }\nstage('A') { node { for (x in y) { stage(x) { sh '2' } } } }"
    found = reading(text)
    (told,) = found.source.findings
    assert told.path == "stages.a-2.steps"
    assert [one.id for one in found.pipeline.stages] == ["a", "a-2"]
