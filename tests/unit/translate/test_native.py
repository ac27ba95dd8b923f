"""Our own format: what is written is read back, short and long forms mean the same, mistakes have places."""

import re

import pytest
from hypothesis import HealthCheck, given, settings

from pipemgr.errors import InvalidPipeline, ParseError
from pipemgr.mapping.catalogue import catalogue
from pipemgr.model.definitions import Pipeline
from pipemgr.testing.strategies import pipelines
from pipemgr.translate.base import Dialect
from pipemgr.translate.document import DocumentSet, single
from pipemgr.translate.native import native_dialect

FREE = native_dialect()


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(pipelines())
def test_what_is_written_is_read_back(pipeline: Pipeline) -> None:
    writing = FREE.writer.write(pipeline)
    reading = FREE.reader.read(writing.documents)
    assert reading.pipeline == pipeline
    assert reading.pipeline.fingerprint == pipeline.fingerprint
    assert writing.findings == reading.findings == ()
    assert FREE.writer.write(reading.pipeline).documents == writing.documents


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(pipelines(catalogue().inputs(), tuple(catalogue().triggers)))
def test_what_the_catalogue_allows_is_read_back(pipeline: Pipeline) -> None:
    known = catalogue()
    free_names = native_dialect(known.inputs(), known.shorts(), known.triggers)
    assert free_names.reader.read(free_names.writer.write(pipeline).documents).pipeline == pipeline


def read(text: str, dialect: Dialect = FREE) -> Pipeline:
    return dialect.reader.read(single("f.yaml", text)).pipeline


def stage(text: str) -> str:
    return f"pipeline: x\nstages: {{a: {text}}}"


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("pipeline: x\nrunner: linux", "pipeline: x\nrunner: {name: linux}"),
        ("pipeline: x\nconcurrency: g", "pipeline: x\nconcurrency: {group: g}"),
        ("pipeline: x\ntriggers: [push]", "pipeline: x\ntriggers: [push: {}]"),
        ("pipeline: x\ntriggers: [push: ]", "pipeline: x\ntriggers: [push: {}]"),
        ("pipeline: x\ntriggers: [push: {branches: m}]", "pipeline: x\ntriggers: [push: {branches: [m]}]"),
        (
            'pipeline: x\ntriggers: [schedule: "0 3 * * *"]',
            'pipeline: x\ntriggers: [schedule: {cron: "0 3 * * *"}]',
        ),
        (
            "pipeline: x\ntriggers: [opaque: {vendor: v, value: [1]}]",
            "pipeline: x\ntriggers: [opaque: {options: {vendor: v, value: [1]}}]",
        ),
        ("pipeline: x\nparameters: {p: }", "pipeline: x\nparameters: {p: {type: string}}"),
        (
            "pipeline: x\nvariables: {A: 1, B: true, C: }",
            'pipeline: x\nvariables: {A: "1", B: "true", C: ""}',
        ),
        (stage("{container: i}"), stage("{container: {image: i}}")),
        (stage("{services: {db: i}}"), stage("{services: {db: {image: i}}}")),
        (stage("{environment: e}"), stage("{environment: {name: e}}")),
        (stage("{approval: go?}"), stage("{approval: {message: go?}}")),
        (stage("{approval: }"), stage("{approval: {}}")),
        (
            stage("{matrix: {p: [1], exclude: [{p: 1}]}}"),
            stage("{matrix: {axes: {p: [1]}, exclude: [{p: 1}]}}"),
        ),
        (stage("{needs: a2}, a2: {}"), stage("{needs: [a2]}, a2: {}")),
        (stage("{when: true}"), stage("{when: 'true'}")),
        (stage("{steps: [checkout]}"), stage("{steps: [checkout: {}]}")),
        (stage("{steps: [run: make]}"), stage("{steps: [run: {script: make}]}")),
    ],
)
def test_short_and_long_forms_mean_the_same(short: str, long: str) -> None:
    assert read(short) == read(long)


def test_the_short_input_of_an_action_comes_from_the_catalogue(native: Dialect) -> None:
    short, long = stage("{steps: [artifact.upload: dist]}"), stage("{steps: [artifact.upload: {path: dist}]}")
    assert read(short, native) == read(long, native)


def problems(text: str, dialect: Dialect) -> list[tuple[str, str]]:
    with pytest.raises(InvalidPipeline) as caught:
        read(text, dialect)
    assert caught.value.problems
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("pipelin: x", "1:1", "did you mean 'pipeline'?"),
        ("stages: {}", "1:1", "needs the key 'pipeline'"),
        ("pipeline: ''", "1:1", "needs a name"),
        ("pipeline: x\nstage: {}", "2:1", "did you mean 'stages'?"),
        ("pipeline: x\ntriggers: [pull_requst]", "2:12", "did you mean 'pull_request'?"),
        ("pipeline: x\ntriggers:\n  - push: {branch: a}", "3:12", "did you mean 'branches'?"),
        ("pipeline: x\ntriggers: [schedule: ]", "2:12", "'schedule' must be"),
        ("pipeline: x\ntriggers: [opaque: {vendor: v}]", "2:12", "needs the key 'value'"),
        ("pipeline: x\nparameters: {p: {type: chioce}}", "2:18", "did you mean 'choice'?"),
        ("pipeline: x\nstages:\n  1a: {}", "3:3", "can't be the id"),
        (stage("{steps: [chekout]}"), "2:22", "did you mean 'checkout'?"),
        (stage("{steps: [{run: a, tmeout: 3m}]}"), "2:31", "did you mean 'timeout'?"),
        (stage("{steps: [{run: a, checkout: }]}"), "2:22", "one action"),
        (stage("{steps: [{name: a}]}"), "2:22", "needs an action"),
        (stage("{steps: [artifact.upload: {nam: a, path: b}]}"), "2:40", "did you mean 'name'?"),
        (stage("{steps: [artifact.upload: {name: a}]}"), "2:22", "needs 'path'"),
        (stage("{steps: [run]}"), "2:22", "needs 'script'"),
        (stage("{timeout: 20}"), "2:14", "write 90s, 20m, 2h or 1d"),
        (stage("{allow-failure: yes}"), "2:14", "true, false or a ${{ }} template"),
        (stage("{retry: -1}"), "2:14", "0 or more"),
        (stage("{needs: [b]}"), "2:14", "'b', which does not exist"),
        (stage("{needs: [a]}"), "2:14", "needs itself"),
        (stage("{when: '${{ success() }}'}"), "2:21", "without ${{ }}"),
        (stage("{when: success( }"), "2:28", "unexpected 'the end'"),
        (
            stage("{when: succes()}"),
            "2:14",
            "unknown function 'succes' in an expression; did you mean 'success'?",
        ),
        (stage("{variables: {A: '${{ mtrix.os }}'}}"), "2:26", "unknown name 'mtrix.os'"),
        (stage("{when: from_json(varables.x).y}"), "2:14", "did you mean 'variables'?"),
        (stage("{when: 'steps[build.nummer].x'}"), "2:14", "did you mean 'build.number'?"),
        (stage("{steps: [{run: a, directory: b}]}"), "2:31", "write `run: {script: ..., directory: ...}`"),
        (stage("{environment: {url: u}}"), "2:14", "needs the key 'name'"),
        (
            "pipeline: x\nstages:\n  a:\n    steps:\n      - run: |\n          one\n          two ${{ a. }}",
            "7:22",
            "name",
        ),
    ],
)
def test_a_mistake_is_told_at_its_place(native: Dialect, text: str, where: str, says: str) -> None:
    assert any(place == f"f.yaml:{where}" and says in message for place, message in problems(text, native)), (
        problems(text, native)
    )


def test_all_mistakes_are_told_at_once(native: Dialect) -> None:
    text = "pipelin: x\nrunner:\nstages: {a: {timeout: 1, steps: [chekout, 5]}}"
    assert len(problems(text, native)) == 6


@pytest.mark.parametrize("text", ["", "- a", "text", "5"])
def test_a_file_that_is_no_mapping_is_refused(text: str) -> None:
    [(where, message)] = problems(text, FREE)
    assert where == "f.yaml:1:1"
    assert "pipeline: NAME" in message


def test_what_only_the_model_refuses_has_a_place_too() -> None:
    [(where, message)] = problems(
        "pipeline: x\nstages:\n  a:\n    steps:\n      - run: a\n      - Make It: {}", FREE
    )
    assert where == "f.yaml:6:9"
    assert message.startswith("stages.a.steps[1].action: ")


def test_one_file_is_one_pipeline() -> None:
    with pytest.raises(ParseError, match="0 documents"):
        FREE.reader.read(DocumentSet())


def test_the_file_is_named_after_the_pipeline_whatever_its_name() -> None:
    names = {
        name: FREE.writer.write(Pipeline(name=name)).documents.documents[0].path
        for name in ("a b/../c", "...", "é")
    }
    assert names == {
        "a b/../c": "pipelines/a-b-..-c.yaml",
        "...": "pipelines/pipeline.yaml",
        "é": "pipelines/é.yaml",
    }


def test_what_no_file_can_hold_is_refused_by_name() -> None:
    with pytest.raises(InvalidPipeline, match="x can't be written"):
        FREE.writer.write(Pipeline(name="x", variables={"A": "\ud800"}))


def test_all_of_a_good_file_is_accounted_for_as_exact() -> None:
    reading = FREE.reader.read(single("f.yaml", stage("{matrix: {p: [1]}, steps: [run: make, checkout]}")))
    counts = reading.source.accounting()
    assert counts.exact == counts.nodes > 8


def test_model_paths_lead_to_lines() -> None:
    text = "pipeline: x\nstages:\n  a:\n    timeout: 1h\n    steps:\n      - checkout: {}\n      - run: make\n        timeout: 5m\n"
    place = FREE.reader.read(single("f.yaml", text)).source.place
    assert place("stages.a.timeout") == "f.yaml:4:5"
    assert place("stages.a.steps[1].timeout") == "f.yaml:8:9"
    assert place("stages.a.steps[1].inputs.script") == "f.yaml:7:9"
    assert place("name") == "f.yaml:1:1"


@pytest.mark.parametrize(
    "name", ["../../x", ".", "a" * 300, "名" * 300, "new\nline", "/etc/passwd", "\x00", "-.-"]
)
def test_every_name_gives_a_file_below_its_folder(name: str) -> None:
    (document,) = FREE.writer.write(Pipeline(name=name)).documents
    folder, _, file = document.path.partition("/")
    assert folder == "pipelines"
    assert re.fullmatch(r"[\w-][\w.-]*\.yaml", file)
    assert len(file.encode()) <= 120
