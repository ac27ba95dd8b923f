"""Pipelines become Jenkinsfiles as a person would write them: sections, steps and what is told of them."""

import re
from typing import Any

import pytest
import yaml

from pipemgr.adapter.registry import Registry
from pipemgr.mapping.catalogue import catalogue
from pipemgr.model.definitions import Pipeline
from pipemgr.translate.base import Dialect, Writing
from pipemgr.translate.convert import read, write
from pipemgr.translate.document import single
from pipemgr.translate.native import native_dialect
from pipemgr.translate.report import Fidelity
from pipemgr_jenkins.jenkinsfile.posts import ORDER

JENKINS: Dialect = Registry().dialect("jenkins")
KNOWN = catalogue()
NATIVE: Dialect = native_dialect(KNOWN.inputs(), KNOWN.shorts(), KNOWN.triggers)


def pipeline(text: str) -> Pipeline:
    """A pipeline in our own format; without a name it is `p`."""
    head = "" if text.lstrip().startswith("pipeline:") else "pipeline: p\n"
    return read(single("p.yaml", head + text), NATIVE).pipeline


def writing(text: str) -> Writing:
    found = write(pipeline(text), JENKINS)
    read(found.documents, JENKINS)  # what Jenkins would refuse is refused
    return found


def written(text: str) -> str:
    return writing(text).documents.documents[0].text


def told(text: str, path: str) -> list[tuple[Fidelity, str]]:
    return [(one.fidelity, one.why) for one in writing(text).findings if one.path == path]


def section(text: str, name: str) -> str:
    """The lines of the first section of a name, without its indent."""
    lines = text.split("\n")
    at = next(
        at for at, line in enumerate(lines) if line.strip().startswith(f"{name} {{") or line.strip() == name
    )
    margin = len(lines[at]) - len(lines[at].lstrip())
    end = next(to for to in range(at, len(lines)) if to > at and lines[to] == " " * margin + "}")
    return "\n".join(line[margin:] for line in lines[at : end + 1])


def job(steps: str, more: str = "") -> str:
    return f"stages:\n  build:\n    workspace: main\n{more}    steps:\n{steps}"


def test_a_small_pipeline() -> None:
    text = written("stages:\n  build:\n    workspace: main\n    steps: [checkout, run: make]\n")
    assert text == (
        "pipeline {\n    agent any\n    stages {\n        stage('build') {\n"
        "            steps {\n                sh 'make'\n            }\n        }\n    }\n}\n"
    )


# Agents --------------------------------------------------------------------------------------------------------


def test_stages_that_share_a_workspace_share_an_agent() -> None:
    text = written(
        "stages:\n  a: {workspace: main, runner: {labels: [x, y]}, steps: [run: a]}\n"
        "  b: {workspace: main, needs: [a], runner: {labels: [x, y]}, steps: [run: b]}\n"
    )
    assert text.count("agent") == 1
    assert "label 'x && y'" in section(text, "agent")


def test_stages_of_their_own_have_agents_of_their_own() -> None:
    text = written("stages:\n  a: {steps: [run: a]}\n  b: {needs: [a], steps: [run: b]}\n")
    assert "\n    agent none\n" in text
    assert text.count("agent any") == 2


def test_containers_are_agents() -> None:
    image = (
        "{image: 'ghcr.io/acme/tool:1', volumes: ['/a:/b'], username: me, password: '${{ secrets.TOKEN }}'}"
    )
    text = written(f"stages:\n  a:\n    container: {image}\n    steps: [run: a]\n")
    assert section(text, "docker") == (
        "docker {\n    image 'ghcr.io/acme/tool:1'\n    args '-v /a:/b'\n"
        "    registryUrl 'https://ghcr.io'\n    registryCredentialsId 'ghcr.io-registry'\n}"
    )


def test_a_container_within_a_workspace_uses_its_machine() -> None:
    text = written(
        "stages:\n  a: {workspace: main, steps: [run: a]}\n"
        "  b: {workspace: main, needs: [a], container: {image: node}, steps: [run: b]}\n"
    )
    assert section(text, "docker") == "docker {\n    image 'node'\n    reuseNode true\n}"


def test_services_live_around_the_steps() -> None:
    text = written(
        "stages:\n  a:\n    container: node\n    services:\n"
        "      db: {image: postgres, variables: {A: b}}\n    steps: [run: a]\n"
    )
    assert section(text, "script") == (
        "script {\n    docker.image('postgres').withRun('-e A=b') { db ->\n"
        "        docker.image('node').inside(\"--link ${db.id}:db\") {\n            sh 'a'\n        }\n    }\n}"
    )


# The source code -----------------------------------------------------------------------------------------------


def test_what_jenkins_fetches_by_itself_is_not_said() -> None:
    assert "checkout" not in written(job("      - checkout\n      - run: make\n"))


def test_a_stage_that_fetches_nothing_says_so() -> None:
    text = written("stages:\n  a: {steps: [checkout, run: a]}\n  b: {steps: [run: b]}\n")
    assert text.count("skipDefaultCheckout()") == 1
    assert section(text[text.index("stage('b')") :], "options") == "options {\n    skipDefaultCheckout()\n}"


def test_a_pipeline_that_fetches_nothing_says_so_once() -> None:
    text = written("stages:\n  a: {steps: [run: a]}\n  b: {steps: [run: b]}\n")
    assert section(text, "options") == "options {\n    skipDefaultCheckout()\n}"


def test_another_commit_is_fetched_by_name() -> None:
    text = written(job("      - checkout: {ref: v1, submodules: recursive}\n"))
    assert "checkout scmGit(" in text
    assert "branches: [[name: 'v1']]" in text
    assert "submodule(parentCredentials: true, recursiveSubmodules: true)" in text


# Graphs and conditions ------------------------------------------------------------------------------------------


def test_stages_side_by_side() -> None:
    text = written(
        "stages:\n  a: {steps: [run: a]}\n  b: {needs: [a], steps: [run: b]}\n  c: {needs: [a], steps: [run: c]}\n"
    )
    assert "stage('b, c') {\n            parallel {\n                stage('b') {" in text


def test_a_stage_that_waits_for_more_is_told() -> None:
    text = "stages:\n  a: {}\n  b: {}\n  c: {needs: [a]}\n  d: {needs: [a, b]}\n"
    ((fidelity, why),) = told(text, "stages.c.needs")
    assert fidelity is Fidelity.APPROXIMATE
    assert "waits for b too" in why


def test_a_condition_is_that_of_all_that_need_the_stage() -> None:
    text = written(
        "stages:\n  a: {when: \"branch == 'main'\", steps: [run: a]}\n  b: {needs: [a], steps: [run: b]}\n"
    )
    assert text.count("branch 'main'") == 2


def test_what_jenkins_means_by_itself_is_not_said() -> None:
    text = written(
        "stages:\n  a: {when: \"branch == 'main'\", steps: [run: a]}\n"
        "  b: {needs: [a], when: '!failure() && !canceled()', steps: [run: b]}\n"
    )
    assert text.count("when {") == 1


def test_conditions_are_looked_at_before_a_machine_is_taken() -> None:
    text = written("stages:\n  a: {when: \"branch == 'main'\", steps: [run: a]}\n")
    assert section(text, "when") == "when {\n    beforeAgent true\n    branch 'main'\n}"


def test_a_last_stage_after_failures_is_post() -> None:
    text = written(
        "stages:\n  a: {steps: [run: a]}\n  tell: {needs: [a], when: failure(), steps: [run: tell]}\n"
    )
    assert (
        section(text, "post")
        == "post {\n    failure {\n        node {\n            sh 'tell'\n        }\n    }\n}"
    )


def test_what_post_can_not_ask_is_told() -> None:
    text = (
        "stages:\n  a: {}\n  b: {}\n"
        "  tell: {needs: [a], when: \"always() && needs.a.result == 'failure'\", steps: [run: tell]}\n"
    )
    ((fidelity, why),) = told(text, "stages.tell.when")
    assert fidelity is Fidelity.APPROXIMATE
    assert "post (failure)" in why
    ((_, why),) = told(text, "stages.tell.needs")
    assert why.endswith("also by b")


def test_a_stage_after_failures_that_others_need_is_told() -> None:
    text = "stages:\n  a: {}\n  b: {needs: [a], when: always()}\n  c: {needs: [b], when: success()}\n"
    assert [one for one, _ in told(text, "stages.b.when")] == [Fidelity.APPROXIMATE]


# Matrices --------------------------------------------------------------------------------------------------------


MATRIX = (
    "stages:\n  test:\n    matrix:\n      os: [linux, mac]\n      my-tool: [1, 2]\n"
    "      exclude: [{os: mac, my-tool: 2}]\n    fail-fast: true\n"
    "    steps: [run: 'go ${{ matrix.my-tool }}']\n"
)


def test_a_matrix() -> None:
    text = written(MATRIX)
    assert "failFast true" in text
    assert section(text, "axes").count("axis {") == 2
    assert re.search(r"name 'MY_TOOL'\s+values 1, 2\n", text)
    assert 'sh "go ${env.MY_TOOL}"' in text


def test_a_matrix_beside_other_stages_is_branches() -> None:
    text = written(MATRIX + "  lint: {steps: [run: lint]}\n")
    assert "matrix {" not in text
    assert "stage('test (linux, 1)')" in text
    assert "sh 'go 1'" in text


# Steps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("run: make", "sh 'make'"),
        ("{name: Build it, run: make}", "sh label: 'Build it', script: 'make'"),
        ("{run: {script: dir, shell: cmd}}", "bat 'dir'"),
        ("{run: {script: ls, shell: pwsh}}", "pwsh 'ls'"),
        ("{run: {script: print(1), shell: python}}", "sh '''#!/usr/bin/env python"),
        ("{run: {script: make, directory: sub}}", "dir('sub') {\n    sh 'make'\n}"),
        ("{run: make, timeout: 90s}", "timeout(time: 90, unit: 'SECONDS') {\n    sh 'make'\n}"),
        (
            "{run: make, allow-failure: true}",
            "catchError(buildResult: 'SUCCESS', stageResult: 'UNSTABLE') {\n    sh 'make'\n}",
        ),
        (
            "{run: make, when: \"branch == 'x'\"}",
            "script {\n    if (env.BRANCH_NAME == 'x') {\n        sh 'make'\n    }\n}",
        ),
        ("{run: make, variables: {A: b}}", "withEnv(['A=b']) {\n    sh 'make'\n}"),
        (
            "{run: make, variables: {A: '${{ secrets.S }}'}}",
            "withCredentials([string(credentialsId: 'S', variable: 'A')]) {\n    sh 'make'\n}",
        ),
        (
            "{run: make, variables: {U: \"${{ secrets['x:username'] }}\", P: \"${{ secrets['x:password'] }}\"}}",
            (
                "withCredentials([usernamePassword(credentialsId: 'x', usernameVariable: 'U', passwordVariable: 'P')]) {\n"
                "    sh 'make'\n}"
            ),
        ),
        ("{tests.publish: 'r/*.xml'}", "junit "),
        (
            "{artifact.upload: {path: dist/}}",
            "archiveArtifacts artifacts: 'dist/**', allowEmptyArchive: true",
        ),
    ],
)
def test_steps(step: str, expected: str) -> None:
    text = section(written(job(f"      - {step}\n")), "steps")
    inner = "\n".join(line.removeprefix("    ") for line in text.split("\n")[1:-1])
    assert inner.startswith(expected)


def test_neighbours_share_what_is_around_them() -> None:
    steps = "      - run: {script: a, directory: x}\n      - run: {script: b, directory: x}\n      - run: c\n"
    assert section(written(job(steps)), "steps") == (
        "steps {\n    dir('x') {\n        sh 'a'\n        sh 'b'\n    }\n    sh 'c'\n}"
    )


def test_limits_are_never_shared() -> None:
    steps = "      - {run: a, timeout: 1m}\n      - {run: b, timeout: 1m}\n"
    assert written(job(steps)).count("timeout(") == 2


def test_secrets_are_never_part_of_a_string() -> None:
    text = written(job("      - run: \"echo '${{ secrets.S }}' ${{ branch }}\"\n"))
    assert "withCredentials([string(credentialsId: 'S', variable: 'S')])" in text
    assert "sh \"echo ''\\\"\\${S}\\\"'' ${env.BRANCH_NAME}\"" in text


def test_last_steps_that_go_by_the_end_are_post() -> None:
    steps = "      - run: a\n      - {run: b, when: always()}\n      - {run: c, when: failure()}\n"
    text = written(job(steps))
    assert section(text, "steps") == "steps {\n    sh 'a'\n}"
    assert section(text, "post") == (
        "post {\n    always {\n        sh 'b'\n    }\n    failure {\n        sh 'c'\n    }\n}"
    )


def test_steps_between_that_are_always_executed_stand_in_finally() -> None:
    steps = "      - run: a\n      - {run: b, when: always()}\n      - run: c\n"
    assert section(written(job(steps)), "steps") == (
        "steps {\n    script {\n        try {\n            sh 'a'\n        } finally {\n"
        "            sh 'b'\n        }\n    }\n    sh 'c'\n}"
    )


def test_artifacts_that_later_stages_fetch_are_stashed() -> None:
    text = written(
        "stages:\n  a: {steps: [artifact.upload: {name: out, path: build/out/}]}\n"
        "  b: {needs: [a], steps: [artifact.download: {name: out, path: in}]}\n"
    )
    assert "dir('build/out') {\n                    stash name: 'out', allowEmpty: true" in text
    assert "dir('in') {\n                    unstash 'out'" in text


def test_an_artifact_that_nobody_keeps_is_told() -> None:
    text = "stages:\n  a: {steps: [artifact.download: other]}\n"
    assert [one for one, _ in told(text, "stages.a.steps[0]")] == [Fidelity.DROPPED]


def test_values_that_scripts_hand_on_become_variables() -> None:
    text = written(
        "stages:\n  a:\n    variables: {OUT: '${{ files.outputs }}'}\n    outputs: {v: '${{ steps.x.outputs.v }}'}\n"
        "    steps: [{id: x, run: 'echo v=1 >> $OUT'}, {run: 'use ${{ steps.x.outputs.v }}'}]\n"
        "  b: {needs: [a], steps: [run: 'use ${{ needs.a.outputs.v }}']}\n"
    )
    assert 'withEnv(["OUT=${env.WORKSPACE_TMP}/outputs-x"])' in text
    assert "env.A_X_V = outputsX['v']" in text
    assert 'sh "use ${env.A_X_V}"' in text
    assert "env.A_V = env.A_X_V" in text
    assert 'sh "use ${env.A_V}"' in text


# Other sections --------------------------------------------------------------------------------------------------


def test_schedules_with_a_time_zone_stand_last() -> None:
    text = written(
        "triggers:\n  - schedule: {cron: 0 4 * * *, timezone: Europe/Paris}\n  - schedule: {cron: H 3 * * *}\n"
        "stages: {a: {}}\n"
    )
    assert "cron('''H 3 * * *\nTZ=Europe/Paris\n0 4 * * *''')" in text


def test_what_starts_builds_of_every_project_is_not_said() -> None:
    assert "triggers" not in written("triggers: [push, pull_request, manual]\nstages: {a: {}}\n")


def test_a_pipeline_that_only_people_start_is_told() -> None:
    ((fidelity, why),) = told("triggers: [manual]\nstages: {a: {}}\n", "triggers")
    assert fidelity is Fidelity.EQUIVALENT
    assert "push, pull_request" in why
    text = written("triggers: [manual]\nstages: {a: {}}\n")
    assert section(text, "when") == "when {\n    beforeAgent true\n    triggeredBy 'UserIdCause'\n}"


def test_parameters() -> None:
    text = written(
        "parameters:\n  A: {default: x, description: What}\n  B: {type: boolean, default: true}\n"
        "  C: {type: choice, choices: [one, two], default: two}\nstages: {a: {}}\n"
    )
    assert section(text, "parameters") == (
        "parameters {\n    string(name: 'A', defaultValue: 'x', description: 'What')\n"
        "    booleanParam(name: 'B', defaultValue: true)\n    choice(name: 'C', choices: ['two', 'one'])\n}"
    )


def test_limits_and_retries_are_options() -> None:
    text = written("timeout: 2h\nstages: {a: {timeout: 30m, retry: 2, steps: [run: a]}}\n")
    assert "timeout(time: 2, unit: 'HOURS')" in text
    assert "timeout(time: 30, unit: 'MINUTES')\n                retry(3)" in text


def test_credentials_of_a_stage_stand_in_its_environment() -> None:
    text = written("stages:\n  a:\n    variables: {A: '${{ secrets.S }}', B: x}\n    steps: [run: a]\n")
    assert section(text, "environment") == "environment {\n    A = credentials('S')\n    B = 'x'\n}"


def test_a_person_is_asked_by_input() -> None:
    text = written("stages:\n  a: {approval: {message: Ship it?}, steps: [run: a]}\n")
    assert section(text, "input") == "input {\n    message 'Ship it?'\n}"


@pytest.mark.parametrize("name", ["it's", 'a "b" $c', "back\\slash"])
def test_names_of_any_kind(name: str) -> None:
    found = write(Pipeline.model_validate({"name": "p", "stages": [{"id": "a", "name": name}]}), JENKINS)
    assert read(found.documents, JENKINS).pipeline.stages[0].name == name


def test_stages_of_the_same_name_are_told_apart() -> None:
    text = written("stages:\n  a: {name: X}\n  b: {name: X}\n")
    assert "stage('X')" in text
    assert "stage('X (2)')" in text


def test_what_only_jenkins_understands_is_written_as_it_was() -> None:
    value = "lock('x') {\n    echo 'y'\n}"
    step: dict[str, Any] = {"action": "opaque", "inputs": {"vendor": "jenkins", "value": value}}
    data = {"name": "p", "stages": [{"id": "a", "workspace": "main", "steps": [step]}]}
    text = write(Pipeline.model_validate(data), JENKINS).documents.documents[0].text
    assert section(text, "steps") == "steps {\n    lock('x') {\n        echo 'y'\n    }\n}"


def test_groovy_that_is_no_step_stands_in_a_script() -> None:
    step: dict[str, Any] = {"action": "opaque", "inputs": {"vendor": "jenkins", "value": "def x = 1\necho x"}}
    data = {"name": "p", "stages": [{"id": "a", "workspace": "main", "steps": [step]}]}
    text = write(Pipeline.model_validate(data), JENKINS).documents.documents[0].text
    assert section(text, "script") == "script {\n    def x = 1\n    echo x\n}"


def test_methods_stand_before_the_pipeline() -> None:
    step: dict[str, Any] = {
        "action": "opaque",
        "inputs": {"vendor": "jenkins", "value": "def f() { 1 }\nf()"},
    }
    data = {"name": "p", "stages": [{"id": "a", "workspace": "main", "steps": [step]}]}
    text = write(Pipeline.model_validate(data), JENKINS).documents.documents[0].text
    assert text.startswith("def f() { 1 }\n\npipeline {")


def test_a_name_in_a_comment_stays_in_it() -> None:
    """Groovy turns `\\u000a` into the end of a line before it looks for comments."""
    step = {"artifact.upload": {"path": "d", "name": "n"}, "name": "a \\u000a error('b')\nc"}
    text = written(yaml.safe_dump({"stages": {"build": {"steps": [step]}}}))
    [comment] = [line.strip() for line in text.split("\n") if "//" in line]
    assert comment == "// a \\ u000a error('b') c"


def test_a_name_with_the_mark_of_expressions_is_a_name() -> None:
    text = written("stages:\n  a: {name: \"a ${{ '${{' }} b }}\", steps: [run: a]}\n")
    assert "stage('a ${{ b }}')" in text


def test_every_section_of_post_is_written_as_it_was() -> None:
    sections = "\n".join(f"{word} {{ echo '{word}' }}" for word in ORDER)
    text = (
        f"pipeline {{\nagent any\nstages {{ stage('a') {{ steps {{ sh 'x' }}\npost {{ {sections} }} }} }}\n"
        f"post {{ {sections} }} }}\n"
    )
    found = read(single("Jenkinsfile", text), JENKINS).pipeline
    again = write(found, JENKINS)
    assert not again.findings
    assert read(again.documents, JENKINS).pipeline == found


# What must not be lost -----------------------------------------------------------------------------------------


def test_a_stage_for_a_failure_that_others_follow_is_not_executed_after_a_success() -> None:
    stages = "{a: {}, undo: {needs: [a], when: failure()}, b: {needs: [undo]}}"
    text = written(f"stages: {stages}\n")
    asks = "expression { currentBuild.currentResult == 'FAILURE' }"
    assert text.count(asks) == 2
    ((fidelity, _),) = told(f"stages: {stages}\n", "stages.undo.when")
    assert fidelity is Fidelity.APPROXIMATE


def test_the_end_of_a_block_that_is_none_is_done_at_the_end_of_the_pipeline() -> None:
    stages = "{a: {}, z: {group: gone/post, needs: [a], when: always(), steps: [{run: tidy}]}}"
    text = written(f"stages: {stages}\n")
    assert "always {\n            node {\n                sh 'tidy'" in text
    ((fidelity, why),) = told(f"stages: {stages}\n", "stages.z.group")
    assert (fidelity, "gone" in why) == (Fidelity.APPROXIMATE, True)


def test_a_stage_that_only_fetches_says_so_and_is_read_back() -> None:
    text = written("stages: {a: {steps: [checkout]}, b: {needs: [a], steps: [{run: b}]}}\n")
    assert "checkout scm" in text
    assert "Nothing to do" not in text
    again = read(single("Jenkinsfile", text), JENKINS).pipeline
    assert [[step.action for step in stage.steps] for stage in again.stages] == [["checkout"], ["run"]]


def test_another_machine_in_a_shared_folder_is_told() -> None:
    stages = "{a: {workspace: main, runner: {labels: [x]}}, b: {needs: [a], workspace: main, runner: {labels: [y]}}}"
    ((fidelity, why),) = told(f"stages: {stages}\n", "stages.b.runner")
    assert (fidelity, "same machine" in why) == (Fidelity.APPROXIMATE, True)


def test_values_of_several_lines_that_scripts_hand_on_are_told() -> None:
    script = 'echo "x<<END" >> $OUT'
    text = (
        "stages: {a: {variables: {OUT: '${{ files.outputs }}'}, outputs: {x: '${{ steps.s.outputs.x }}'}, "
        f"steps: [{{id: s, run: '{script}'}}]}}, b: {{needs: [a], steps: [{{run: 'echo ${{{{ needs.a.outputs.x }}}}'}}]}}}}\n"
    )
    ((fidelity, why),) = told(text, "stages.a.steps[0].inputs.script")
    assert (fidelity, "several lines" in why) == (Fidelity.APPROXIMATE, True)


def test_what_is_lost_leaves_nothing_behind() -> None:
    text = written(
        "stages: {a: {when: \"branch == 'x' && event.payload.a && event.payload.b\", "
        "steps: [{run: make, when: \"branch == 'x' && event.payload.a\", variables: {V: 'x:${{ event.payload.a }}'}}]}}\n"
    )
    assert section(text, "when") == "when {\n    beforeAgent true\n    expression { false }\n}"
    assert "if (false)" in text
    assert "withEnv(['V=x:'])" in text
    text = written("stages: {a: {steps: [{run: \"echo ${{ null || 'x' }}\"}]}}\n")
    assert "sh \"echo ${'x'}\"" in text or "sh 'echo x'" in text
