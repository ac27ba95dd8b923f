"""Every language that can be written, on pipelines that use every feature together: equal or reported."""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import check_jsonschema
import jsonschema
import pytest
from check_jsonschema.regex_variants import RegexImplementation, RegexVariantName
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipemgr.adapter.capabilities import Capability
from pipemgr.adapter.registry import Registry
from pipemgr.errors import TranslationRefused
from pipemgr.mapping.catalogue import catalogue
from pipemgr.model.definitions import Pipeline
from pipemgr.service.languages import Languages
from pipemgr.testing.likely import likely_pipelines
from pipemgr.testing.trips import differences, round_trip
from pipemgr.translate.base import Dialect
from pipemgr.translate.convert import Conversion, convert, read, write
from pipemgr.translate.document import DocumentSet, single
from pipemgr.translate.edit import edit
from pipemgr.translate.emit import emit
from pipemgr.translate.report import Fidelity, Outcome, Strictness
from pipemgr.translate.yaml import compose

REGISTRY = Registry()
LANGUAGES = Languages(REGISTRY)
_NO_YAML = ("jenkins", "jenkins-job")
"""Groovy and XML: what is written there is held to properties in tests/adapters."""
WRITABLE = [
    name
    for name in LANGUAGES.names()
    if name not in _NO_YAML and (name == "native" or REGISTRY.manifest(name).capabilities[Capability.WRITE])
]
READ_BACK = [name for name in WRITABLE if name not in ("local", "circleci")]
"""Not this machine's, which writes scripts and reads those as the scripts that they are; nor CircleCI's, whose own forms
of things `test_alone` compares one by one."""
STABLE = [name for name in WRITABLE if name != "circleci"]
"""CircleCI's is not: a pipeline for pushes and for a schedule is two workflows there, which are read as two of each
stage."""
FORMS = compose((Path(__file__).parent / "forms.yaml").read_text(encoding="utf-8"), "forms.yaml").plain()
SCHEMAS = {"github-actions": "github-workflows", "local": "github-workflows", "circleci": "circle-ci"}
"""The schema that the vendor (or the schema store, for it) publishes, by language."""
OWN: dict[str, st.SearchStrategy[Any]] = {
    "github-actions": st.sampled_from([{"uses": "acme/do@v1"}, {"uses": "./tool", "with": {"level": 3}}]),
    "circleci": st.sampled_from(["acme/do", {"acme/do": {"level": 3}}]),
}
VENDOR = {"circleci": {"orbs": {"acme": "acme/tools@1.2.3"}}}
PIPELINES = likely_pipelines(catalogue(), OWN, VENDOR)
some = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
fewer = settings(some, max_examples=20)


@cache
def dialect(name: str) -> Dialect:
    return LANGUAGES.get(name)


@cache
def schema(name: str) -> Callable[[Any], list[str]]:
    """What the published schema says against a document."""
    folder = Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor"
    loaded = json.loads((folder / f"{SCHEMAS[name]}.json").read_text(encoding="utf-8"))
    patterns = RegexImplementation(RegexVariantName.default)  # as JavaScript writes them
    keywords = {"pattern": patterns.pattern_keyword, "patternProperties": patterns.patternProperties_keyword}
    validator = jsonschema.validators.extend(jsonschema.validators.validator_for(loaded), keywords)(loaded)

    def problems(data: Any) -> list[str]:
        return [f"{one.json_path}: {one.message}" for one in validator.iter_errors(data)]

    return problems


def accounted(conversion: Conversion) -> bool:
    counts = conversion.report.accounting.model_dump()
    return bool(counts.pop("nodes") == sum(counts.values()))


def plain(documents: DocumentSet) -> Any:
    (document,) = documents.documents
    return compose(document.text, document.path).plain()


def attempted(
    documents: DocumentSet, source: Dialect, target: Dialect, strictness: Strictness
) -> Conversion | None:
    """The conversion; None where it was refused, which only strictness may do, and only for a loss."""
    try:
        return convert(documents, source, target, strictness)
    except TranslationRefused as error:
        lost = error.report.worse_than(Fidelity.EQUIVALENT) if error.report else ()
    assert strictness is Strictness.REFUSE
    assert lost
    return None


@pytest.mark.parametrize("name", READ_BACK)
@some
@given(pipeline=PIPELINES)
def test_what_is_written_comes_back_or_is_told(name: str, pipeline: Pipeline) -> None:
    trip = round_trip(pipeline, dialect(name))
    forms = FORMS.get(name, {})
    strange = [one for one in trip.untold() if not any(re.fullmatch(form, one.path) for form in forms)]
    assert strange == [], trip.writing.documents.documents[0].text
    assert all(finding.what and finding.why for finding in trip.findings)


@pytest.mark.parametrize("name", [name for name in WRITABLE if name in SCHEMAS])
@some
@given(pipeline=PIPELINES)
def test_what_is_written_passes_the_published_schema(name: str, pipeline: Pipeline) -> None:
    documents = write(pipeline, dialect(name)).documents
    assert schema(name)(plain(documents)) == [], documents.documents[0].text


@pytest.mark.parametrize("name", WRITABLE)
@fewer
@given(pipeline=PIPELINES)
def test_conversion_is_deterministic(name: str, pipeline: Pipeline) -> None:
    first, again = write(pipeline, dialect(name)), write(pipeline, dialect(name))
    assert (first.documents, first.findings) == (again.documents, again.findings)


@pytest.mark.parametrize("name", STABLE)
@fewer
@given(pipeline=PIPELINES)
def test_once_is_enough(name: str, pipeline: Pipeline) -> None:
    first = write(pipeline, dialect(name))
    once = convert(first.documents, dialect(name), dialect(name))
    assert once.documents == first.documents
    told = {(one.fidelity, one.what) for one in first.findings}
    worse = {(one.fidelity, one.what) for one in once.report.worse_than(Fidelity.EQUIVALENT)}
    assert worse <= told


@pytest.mark.parametrize("name", WRITABLE)
@fewer
@given(
    pipeline=PIPELINES, comment=st.sampled_from(["# ours\n", "\n", ""]), ends=st.sampled_from(["\n", "\r\n"])
)
def test_what_is_not_edited_stays_byte_by_byte(
    name: str, pipeline: Pipeline, comment: str, ends: str
) -> None:
    (document,) = write(pipeline, dialect(name)).documents
    text = (comment + document.text + comment).replace("\n", ends)
    base = single(document.path, text)
    writing = edit(read(base, dialect(name)).pipeline, dialect(name), base)
    assert writing.documents == base
    assert writing.findings == ()


@pytest.mark.parametrize("name", STABLE)
@fewer
@given(pipeline=PIPELINES, other=PIPELINES)
def test_what_is_edited_says_what_is_wanted(name: str, pipeline: Pipeline, other: Pipeline) -> None:
    base, wanted = (
        read(write(one, dialect(name)).documents, dialect(name)).pipeline for one in (pipeline, other)
    )
    documents = write(base, dialect(name)).documents
    edited = edit(wanted, dialect(name), documents).documents
    assert list(differences(read(edited, dialect(name)).pipeline, wanted)) == []


@pytest.mark.parametrize("source", WRITABLE)
@fewer
@given(pipeline=PIPELINES, target=st.sampled_from(WRITABLE), strictness=st.sampled_from(Strictness))
def test_conversions_tell_everything_and_refuse_when_told_to(
    source: str, pipeline: Pipeline, target: str, strictness: Strictness
) -> None:
    documents = write(pipeline, dialect(source)).documents
    conversion = attempted(documents, dialect(source), dialect(target), strictness)
    if conversion is None:
        return
    assert accounted(conversion)
    assert conversion.report.outcome is not Outcome.FAILED, conversion.report.to_markdown()
    assert all(finding.source for finding in conversion.report.findings)
    for document in conversion.documents:
        assert compose(emit(plain(conversion.documents)), document.path).plain() == plain(
            conversion.documents
        )
    assert not read(conversion.documents, dialect(target)).pipeline.problems()
