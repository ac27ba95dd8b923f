"""Keys of caches: names of files that hold values, and texts that only look like templates."""

import pytest

from pipemgr.model.definitions import Pipeline, Stage, Step
from pipemgr.translate.document import single
from pipemgr.translate.report import Fidelity
from pipemgr_circleci.keys import read_key
from pipemgr_circleci.reader import CircleCIReader
from pipemgr_circleci.writer import CircleCIWriter

CONFIG = """version: 2.1
parameters: {p: {type: string, default: go.sum}}
jobs:
  build:
    docker: [{image: cimg/base:current}]
    steps:
      - restore_cache: {key: '%s'}
      - save_cache: {key: '%s', paths: [x]}
"""


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ('v1-{{ checksum "<< pipeline.parameters.p >>" }}', "v1-${{ hash_files(parameters.p) }}"),
        (
            '{{ checksum "a/<< pipeline.parameters.p >>.x" }}-b',
            "${{ hash_files(format('a/{0}.x', parameters.p)) }}-b",
        ),
    ],
)
def test_a_file_whose_name_is_a_value_is_summed_up_both_ways(theirs: str, ours: str) -> None:
    pipeline = CircleCIReader().read(single("c.yml", CONFIG % (theirs, theirs))).pipeline
    assert [step.inputs["key"] for step in pipeline.stages[0].steps] == [ours, ours]
    (written,) = CircleCIWriter().write(pipeline).documents
    assert theirs in written.text


def test_a_checksum_without_a_value_is_read_as_ever() -> None:
    assert read_key('a-{{ checksum "f" }}-${{ commit }}', {}) == "a-${{ hash_files('f') }}-${{ commit }}"


def test_a_text_that_looks_like_a_template_stays_a_text() -> None:
    step = Step(action="cache.save", inputs={"key": "k-{{ .Environment.TOKEN }}", "path": "x"})
    writing = CircleCIWriter().write(Pipeline(name="x", stages=(Stage(id="s", steps=(step,)),)))
    (document,) = writing.documents
    assert "{{ .Environment" not in document.text
    assert [one.what for one in writing.findings if one.fidelity is Fidelity.APPROXIMATE] == ["{{ in a key"]
