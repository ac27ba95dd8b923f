"""Whatever a pipeline says: its Jenkinsfile is one that Jenkins takes, and scripts come back letter by letter."""

from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipemgr.adapter.registry import Registry
from pipemgr.mapping.catalogue import catalogue
from pipemgr.model.definitions import Pipeline, Stage, Step
from pipemgr.testing.likely import likely_pipelines
from pipemgr.testing.strategies import pipelines
from pipemgr.translate.base import Dialect
from pipemgr.translate.convert import read, write
from pipemgr.translate.document import single

OWN = {
    "jenkins": st.sampled_from(
        ["acme 'x'", "acme(level: 3)", "def x = 1\necho x", "lock('y') {\n    acme()\n}"]
    )
}
LIKELY = likely_pipelines(catalogue(), OWN, {})
SCRIPTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.text(
    "ab'\"\\$`{}\n\r\t#/%!", min_size=1, max_size=30
)
some = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@cache
def jenkins() -> Dialect:
    return Registry().dialect("jenkins")


def again(pipeline: Pipeline) -> Pipeline:
    return read(write(pipeline, jenkins()).documents, jenkins()).pipeline


@given(
    script=SCRIPTS.filter(lambda text: "${{" not in text), name=SCRIPTS.filter(lambda text: "${{" not in text)
)
def test_scripts_and_labels_come_back_letter_by_letter(script: str, name: str) -> None:
    step = Step(action="run", inputs={"script": script}, name=name)
    (stage,) = again(Pipeline(name="p", stages=(Stage(id="a", workspace="main", steps=(step,)),))).stages
    assert [(one.inputs["script"], one.name) for one in stage.steps] == [(script, name)]


@given(value=SCRIPTS.filter(lambda text: "${{" not in text))
def test_texts_of_sections_come_back_letter_by_letter(value: str) -> None:
    stage = Stage(
        id="a", workspace="main", variables={"A": value}, steps=(Step(action="run", inputs={"script": "a"}),)
    )
    found = again(Pipeline(name="p", variables={"B": value}, stages=(stage,)))
    assert found.variables == {"B": value}
    assert found.stages[0].variables == {"A": value}


@some
@given(pipeline=LIKELY)
def test_every_jenkinsfile_is_one_that_jenkins_takes(pipeline: Pipeline) -> None:
    writing = write(pipeline, jenkins())
    read(writing.documents, jenkins())
    assert all(one.what and one.why for one in writing.findings)
    assert write(pipeline, jenkins()) == writing


@some
@given(pipeline=pipelines())
def test_strange_pipelines_too(pipeline: Pipeline) -> None:
    read(write(pipeline, jenkins()).documents, jenkins())


def test_the_file_is_named_as_jenkins_looks_for_it() -> None:
    (document,) = write(Pipeline(name="p", stages=(Stage(id="a"),)), jenkins()).documents
    assert document == single("Jenkinsfile", document.text).documents[0]
