"""Plans: three definitions compared as the vendor's language can say them."""

import pytest

from pipemgr.adapter.base import Adapter, Published
from pipemgr.errors import Conflict
from pipemgr.model.definitions import Pipeline, Stage, Step
from pipemgr.plan.apply import Fate, apply
from pipemgr.plan.diff import Moved
from pipemgr.plan.plan import Desired, Verb, change
from pipemgr.translate.convert import write
from pipemgr.translate.document import DocumentSet, single
from pipemgr.translate.native import native_dialect

DIALECT = native_dialect()


def pipeline(script="make"):
    return Pipeline(name="p", stages=(Stage(id="a", steps=(Step(action="run", inputs={"script": script}),)),))


def planned(desired="make", applied=None, live=None):
    def made(script):
        return write(pipeline(script), DIALECT).documents if script else DocumentSet()

    def kept(script):
        return change(
            "c",
            Desired(pipeline=pipeline(script), source="f"),
            dialect=DIALECT,
            applied=None,
            live=DocumentSet(),
        ).wanted

    return change(
        "c",
        Desired(pipeline=pipeline(desired), source="p.yaml"),
        dialect=DIALECT,
        applied=kept(applied) if applied else None,
        live=live if isinstance(live, DocumentSet) else made(live),
    )


@pytest.mark.parametrize(
    ("desired", "applied", "live", "verb", "who"),
    [
        ("1", None, None, Verb.CREATE, Moved.US),
        ("1", "1", "1", Verb.NOTHING, Moved.NOBODY),
        ("2", "1", "1", Verb.UPDATE, Moved.US),
        ("1", "1", "2", Verb.UPDATE, Moved.THEM),
        ("3", "1", "2", Verb.UPDATE, Moved.BOTH),
        ("1", "1", None, Verb.CREATE, Moved.THEM),
        ("1", None, "1", Verb.ADOPT, Moved.NOBODY),
        ("2", "1", "2", Verb.ADOPT, Moved.NOBODY),
    ],
)
def test_what_happens_and_who_moved(desired, applied, live, verb, who):
    made = planned(desired, applied, live)
    assert (made.verb, made.moved) == (verb, who)


def test_an_update_names_what_differs():
    (found,) = planned("make test", "make", "make").differences
    assert (found.path, found.before, found.after) == ("stages.a.steps[0].inputs.script", "make", "make test")


def test_drift_names_what_they_changed():
    (found,) = planned("make", "make", "rm -rf /").drift
    assert found.after == "rm -rf /"


def test_spelling_is_no_difference():
    text = "# by hand\npipeline: p\nstages:\n  a:\n    steps: [{run: {script: 'make'}}]\n"
    assert planned("make", "make", single("p.yaml", text)).verb is Verb.NOTHING


def test_an_update_keeps_the_comments_of_what_is_live():
    text = "# by hand\npipeline: p\nstages:\n  a:\n    steps: [{run: {script: 'make'}}]  # one step\n"
    found = planned("make test", "make", single("p.yaml", text))
    assert found.verb is Verb.UPDATE
    assert [one.text for one in found.documents] == [text.replace("'make'", "'make test'")]
    assert planned("make test", "make test", found.documents).verb is Verb.NOTHING


def test_an_unreadable_live_document_is_replaced_not_fatal():
    assert planned("make", "make", single("p.yaml", "{{{")).verb is Verb.UPDATE


class Vendor(Adapter):
    name = "vendor"

    def __init__(self, error=None):
        self.error = error
        self.calls = []

    def publish(self, ref, documents, *, expected):
        self.calls.append((ref, expected))
        if self.error:
            raise self.error
        return Published(fingerprint="f")


def test_a_change_is_published_against_what_was_expected_and_then_recorded():
    vendor, recorded = Vendor(), []
    made = planned("2", "1", "1")
    done = apply(made, vendor, lambda _one, published: recorded.append(published.fingerprint))
    assert (done.fate, vendor.calls, recorded) == (Fate.PUBLISHED, [("p", made.expected)], ["f"])


def test_nothing_is_published_or_recorded_when_nothing_changed():
    vendor, recorded = Vendor(), []
    done = apply(planned("1", "1", "1"), vendor, lambda *_: recorded.append(1))
    assert (done.fate, vendor.calls, recorded) == (Fate.UNCHANGED, [], [])


def test_what_is_adopted_is_recorded_and_not_published():
    vendor, recorded = Vendor(), []
    done = apply(planned("1", None, "1"), vendor, lambda *_: recorded.append(1))
    assert (done.fate, vendor.calls, recorded) == (Fate.ADOPTED, [], [1])


def test_a_refused_publish_is_an_answer_with_its_remedy_and_is_not_recorded():
    recorded = []
    vendor = Vendor(Conflict("live moved", remedy="plan again"))
    done = apply(planned("2", "1", "1"), vendor, lambda *_: recorded.append(1))
    assert (done.fate, done.error, done.remedy, recorded) == (Fate.FAILED, "live moved", "plan again", [])
