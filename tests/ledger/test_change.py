"""Entries as canonical text: the hand-written form is the one of RFC 8785, whatever is in it."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from pipemgr.ledger.change import EntryRow, dense, own_event, written
from pipemgr.model.events import Change, Kind
from pipemgr.model.identity import canonical, new_id
from pipemgr.model.ledger import LedgerEntry

texts = st.text(st.characters(exclude_categories=["Cs"]))
ids = st.uuids()
entries = st.builds(
    LedgerEntry,
    id=ids,
    time=st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1)),  # noqa: DTZ001
    kind=st.sampled_from(Kind),
    change=st.sampled_from(Change),
    subject=ids,
    message=texts,
    digest=texts,
    ledger=st.none() | ids,
    step=st.none() | ids,
    inputs=st.lists(ids, max_size=2).map(tuple),
    outputs=st.lists(ids, max_size=2).map(tuple),
    changed=st.lists(texts, max_size=2).map(tuple),
    observer=texts,
    source=st.none() | texts,
    amends=st.none() | ids,
)


def row(entry):
    def text(value):
        return None if value is None else str(value)

    return EntryRow(
        id=str(entry.id),
        time=written(entry.time),
        kind=entry.kind.value,
        change=entry.change.value,
        subject=str(entry.subject),
        message=entry.message,
        digest=entry.digest,
        ledger=text(entry.ledger),
        step=text(entry.step),
        inputs=dense([str(one) for one in entry.inputs]),
        outputs=dense([str(one) for one in entry.outputs]),
        changed=dense(list(entry.changed)),
        observer=entry.observer,
        source=entry.source,
        amends=text(entry.amends),
    )


@given(entries)
def test_the_canonical_text_is_that_of_rfc_8785(entry):
    assert row(entry).canonical().encode() == canonical(entry)


@given(entries)
def test_an_entry_comes_back_from_its_row(entry):
    assert row(entry).entry() == entry


def test_the_event_of_an_entry_has_an_id_of_its_own():
    entry = new_id()
    own = own_event(str(entry))
    assert own != str(entry)
    assert own[:14] + "7" + own[15:] == str(entry)  # the version is all that differs
