"""Stages of declarative pipelines: what blocks, parallel branches and matrices become."""

from textwrap import dedent, indent

import pytest

from pipemgr.errors import InvalidPipeline, ParseError
from pipemgr.model.definitions import Pipeline, Stage
from pipemgr.translate.document import Document, DocumentSet, single
from pipemgr_jenkins.reader import JenkinsReader


def pipeline(text: str) -> Pipeline:
    return JenkinsReader().read(single("Jenkinsfile", dedent(text))).pipeline


def stages(text: str, *, agent: str = "any", more: str = "") -> dict[str, Stage]:
    """The stages of a pipeline with these stages in it, by their ids."""
    body = indent(dedent(text), "        ")
    found = pipeline(f"pipeline {{\n    agent {agent}\n    stages {{\n{body}\n    }}\n{more}\n}}\n")
    return {one.id: one for one in found.stages}


def leaf(name: str, *sections: str) -> str:
    return f"stage('{name}') {{ {' ; '.join(sections)}\nsteps {{ sh 'make' }} }}"


# Order -------------------------------------------------------------------------------------------------


def test_each_stage_waits_for_the_one_before() -> None:
    found = stages(f"{leaf('One')}\n{leaf('Two')}\n{leaf('Three')}")
    assert {name: one.needs for name, one in found.items()} == {
        "one": (),
        "two": ("one",),
        "three": ("two",),
    }


def test_what_follows_branches_waits_for_the_last_stage_of_each() -> None:
    text = f"""
        stage('Both') {{
            parallel {{
                {leaf("A")}
                stage('B') {{ stages {{
                    {leaf("B1")}
                    {leaf("B2")}
                }} }}
            }}
        }}
        {leaf("After")}
    """
    found = stages(text, agent="none")
    assert found["after"].needs == ("a", "b2")
    assert found["b2"].needs == ("b1",)
    assert found["a"].needs == found["b1"].needs == ()
    assert [found[name].group for name in ("a", "b1", "b2", "after")] == ["Both", "Both/B", "Both/B", None]


def test_names_become_ids_that_no_two_stages_have() -> None:
    text = f"""
        {leaf("Build & Test (x64)")}
        {leaf("build-test-x64")}
        {leaf("日本")}
        {leaf("1st")}
    """
    found = stages(text)
    assert list(found) == ["build-test-x64", "build-test-x64-2", "stage", "stage-1st"]
    assert found["stage"].name == "日本"


# Conditions --------------------------------------------------------------------------------------------


def test_a_stage_behind_one_that_may_be_left_out_goes_on() -> None:
    found = stages(
        f"{leaf('One', 'when { branch chr }'.replace('chr', repr('main')))}\n{leaf('Two')}\n{leaf('Three')}"
    )
    assert str(found["one"].when) == "branch == 'main'"
    assert str(found["two"].when) == str(found["three"].when) == "!failure() && !canceled()"


def test_what_a_block_asks_holds_for_each_stage_inside() -> None:
    text = f"""
        stage('Block') {{
            when {{ branch 'main' }}
            stages {{
                {leaf("In")}
                {leaf("Other", "when { environment name: 'X', value: 'y' }")}
            }}
        }}
    """
    found = stages(text)
    assert str(found["in"].when) == "branch == 'main'"
    assert str(found["other"].when) == "branch == 'main' && variables.X == 'y'"


# What blocks hand down -----------------------------------------------------------------------------------


def test_variables_of_all_levels_come_together() -> None:
    text = f"""
        stage('Block') {{
            environment {{ A = 'block'
                B = 'block' }}
            stages {{
                {leaf("In", "environment { B = 'stage' }")}
            }}
        }}
    """
    found = stages(text)
    assert found["in"].variables == {"A": "block", "B": "stage"}


def test_a_variable_that_names_itself_means_the_one_around() -> None:
    text = f"""
        stage('Block') {{
            environment {{ PATH = "/x:${{env.PATH}}" }}
            stages {{
                {leaf("In", 'environment { PATH = "/y:${env.PATH}" }')}
            }}
        }}
    """
    assert stages(text)["in"].variables == {"PATH": "/y:/x:${{ variables.PATH }}"}


def test_a_time_limit_of_a_block_is_one_of_its_stages() -> None:
    text = f"""
        stage('Block') {{
            options {{ timeout(time: 2, unit: 'HOURS') }}
            stages {{
                {leaf("Long")}
                {leaf("Short", "options { timeout(time: 5, unit: 'MINUTES') }")}
            }}
        }}
    """
    found = stages(text)
    assert (found["long"].timeout, found["short"].timeout) == ("2h", "5m")


def test_a_person_is_asked_once_for_a_block() -> None:
    text = f"""
        stage('Block') {{
            input {{ message 'Sure?' }}
            stages {{
                {leaf("First")}
                {leaf("Second")}
            }}
        }}
    """
    found = stages(text)
    assert found["first"].approval is not None
    assert found["first"].approval.message == "Sure?"
    assert found["second"].approval is None


# Places ------------------------------------------------------------------------------------------------


def test_stages_on_the_same_agent_share_its_workspace() -> None:
    text = f"""
        {leaf("Main")}
        {leaf("Own", "agent { label 'special' }")}
        stage('Block') {{
            agent {{ label 'special' }}
            stages {{ {leaf("In")} }}
        }}
    """
    found = stages(text)
    assert [one.workspace for one in found.values()] == ["main", None, "Block"]
    assert found["own"].runner is not None
    assert found["own"].runner.labels == ("special",)


def test_a_container_on_the_same_node_keeps_the_workspace() -> None:
    found = stages(leaf("In", "agent { docker { image 'node:22'\nreuseNode true } }"))
    assert found["in"].workspace == "main"
    assert found["in"].container is not None
    assert found["in"].container.image == "node:22"


@pytest.mark.parametrize(
    ("registry", "image"),
    [
        ("https://registry.example/v2", "registry.example/team/tool:1"),
        ("https://index.docker.io/v1/", "team/tool:1"),
    ],
)
def test_images_are_named_with_their_registry(registry: str, image: str) -> None:
    found = stages(leaf("In", f"agent {{ docker {{ image 'team/tool:1'\nregistryUrl '{registry}' }} }}"))
    assert found["in"].container is not None
    assert found["in"].container.image == image


@pytest.mark.parametrize(
    ("label", "labels", "kept"),
    [("big && red", ("big", "red"), None), ("big || red", None, "big || red"), ("!slow", None, "!slow")],
)
def test_labels_that_all_hold_are_a_list(
    label: str, labels: tuple[str, ...] | None, kept: str | None
) -> None:
    one = stages(leaf("In", f"agent {{ label '{label}' }}"), agent="none")["in"]
    assert (one.runner.labels if one.runner else None) == labels
    assert one.vendor.get("jenkins", {}).get("agent", {}).get("label") == kept  # type: ignore[union-attr]


def test_a_pod_gives_the_default_container_and_what_serves_beside_it() -> None:
    pod = """
        spec:
          containers:
            - {name: tool, image: 'tool:1', command: [sleep], args: ['99d']}
            - {name: other, image: 'other:1', command: [cat], tty: true}
            - {name: db, image: 'postgres:17'}
    """
    agent = f"agent {{ kubernetes {{ defaultContainer 'tool'\nyaml '''{pod}''' }} }}"
    one = stages(leaf("In", agent), agent="none")["in"]
    assert one.container is not None
    assert (one.container.image, one.container.command) == ("tool:1", None)
    assert list(one.services) == ["db"]


def test_yaml_that_is_none_stays_jenkins_own_affair() -> None:
    one = stages(leaf("In", "agent { kubernetes { yaml '{a: [' } }"), agent="none")["in"]
    assert one.container is None
    assert one.vendor["jenkins"]["agent"] == {"kind": "kubernetes", "yaml": "{a: ["}


# The source code -----------------------------------------------------------------------------------------


def test_the_first_stage_of_a_workspace_fetches_the_source_code() -> None:
    found = stages(f"{leaf('One')}\n{leaf('Two')}\n{leaf('Own', 'agent { label ' + repr('x') + ' }')}")
    assert [[step.action for step in one.steps] for one in found.values()] == [
        ["checkout", "run"],
        ["run"],
        ["checkout", "run"],
    ]


def test_where_the_first_stage_may_be_left_out_fetching_is_a_stage_of_its_own() -> None:
    found = stages(f"{leaf('One', 'when { buildingTag() }')}\n{leaf('Two')}")
    assert list(found) == ["checkout", "one", "two"]
    assert found["one"].needs == ("checkout",)
    assert [step.action for step in found["two"].steps] == ["run"]


def test_nothing_is_fetched_where_the_definition_says_so() -> None:
    more = "    options { skipDefaultCheckout() }"
    found = stages(f"{leaf('One')}\n{leaf('Own', 'agent { label ' + repr('x') + ' }')}", more=more)
    assert {step.action for one in found.values() for step in one.steps} == {"run"}


def test_without_a_machine_nothing_is_fetched() -> None:
    found = stages(leaf("One"), agent="none")
    assert [step.action for step in found["one"].steps] == ["run"]


# Matrices ------------------------------------------------------------------------------------------------


MATRIX = """
    stage('Cells') {
        matrix {
            axes {
                axis { name 'OS'
                    values 'a', 'b', 'c' }
                axis { name 'V'
                    values '1', '2' }
            }
            excludes {
                exclude {
                    axis { name 'OS'
                        notValues 'a' }
                    axis { name 'V'
                        values '2' }
                }
            }
            agent { label "${OS}-box" }
            stages {
                stage('One') { steps { sh 'one' } }
                stage('Two') { steps { sh 'two' } }
            }
        }
    }
"""


def test_a_matrix_is_one_of_each_stage_inside() -> None:
    found = stages(MATRIX, agent="none")
    one, two = found["one"], found["two"]
    assert one.matrix is not None
    assert one.matrix == two.matrix
    assert one.matrix.axes == {"OS": ("a", "b", "c"), "V": ("1", "2")}
    assert one.matrix.exclude == ({"OS": "b", "V": "2"}, {"OS": "c", "V": "2"})
    assert one.workspace == two.workspace == "Cells"
    assert one.runner is not None
    assert one.runner.labels == ("${{ matrix.OS }}-box",)
    assert one.variables["V"] == "${{ matrix.V }}"
    assert (one.fail_fast, two.needs) == (False, ("one",))


# Post ----------------------------------------------------------------------------------------------------


def test_post_of_a_stage_is_done_in_jenkins_order() -> None:
    post = "post { cleanup { sh 'c' }\nfailure { sh 'f' }\nalways { sh 'a' }\nunsuccessful { sh 'u' } }"
    steps = stages(f"stage('One') {{ steps {{ sh 'make' }}\n{post} }}")["one"].steps[2:]
    assert [(str(step.when), step.inputs["script"]) for step in steps] == [
        ("always()", "a"),
        ("failure()", "f"),
        ("failure() || canceled()", "u"),
        ("always()", "c"),
    ]


def test_post_of_the_pipeline_is_a_stage_for_each_condition() -> None:
    more = "post { failure { sh 'f' }\nalways { sh 'a' } }"
    found = stages(leaf("One"), more=more)
    assert list(found) == ["one", "post-always", "post-failure"]
    assert found["post-failure"].needs == ("one", "post-always")
    assert (found["post-always"].group, found["post-always"].workspace) == ("post", "main")
    assert str(found["post-failure"].when) == "failure()"


# What is no definition -------------------------------------------------------------------------------------


def test_all_problems_are_told_at_once_in_the_order_of_lines() -> None:
    text = "pipeline {\n  agent any\n  options { timeout() }\n  stages {\n    stage('A') { }\n  }\n}\n"
    with pytest.raises(InvalidPipeline) as caught:
        pipeline(text)
    places = [place for place, _ in caught.value.problems]
    assert len(places) >= 2
    assert places == sorted(places)


def test_a_definition_is_one_document() -> None:
    with pytest.raises(ParseError, match="0 documents"):
        JenkinsReader().read(DocumentSet())
    two = DocumentSet(documents=(Document(path="a", text=""), Document(path="b", text="")))
    with pytest.raises(ParseError, match="2 documents"):
        JenkinsReader().read(two)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("Jenkinsfile", "Jenkinsfile"),
        ("ci/nightly.Jenkinsfile", "nightly"),
        ("Jenkinsfile.release", "Jenkinsfile.release"),
    ],
)
def test_the_file_names_the_pipeline(path: str, name: str) -> None:
    text = "pipeline { agent any\nstages { stage('A') { steps { sh 'a' } } } }"
    assert JenkinsReader().read(single(path, text)).pipeline.name == name


def test_a_name_is_never_an_expression() -> None:
    """What other vendors would work out is a plain text on Jenkins."""
    (one,) = stages(leaf("a ${{ secrets.X }}")).values()
    assert one.name == "a ${{ '${{' }} secrets.X }}"


def test_too_many_stages_are_refused() -> None:
    with pytest.raises(ParseError, match="more than 1,000 stages"):
        stages("\n".join(leaf(f"s{at}") for at in range(1001)))
