"""Settings, names and orders: what holds for any input."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipemgr_circleci import CircleCIAdapter
from pipemgr_circleci.builds import ordered
from pipemgr_circleci.logs import Place
from pipemgr_circleci.settings import CLOUD, canonical
from pipemgr_circleci.steps import moment, text

GIVEN: dict[str, Any] = {"token": "env:CIRCLE_TOKEN", "projects": ["gh/acme/shop"]}
ROWS = st.lists(
    st.fixed_dictionaries(
        {"id": st.uuids().map(str), "created_at": st.datetimes().map(lambda at: f"{at:%FT%TZ}")}
    ),
    unique_by=lambda row: row["id"],
)


@given(ROWS, st.data())
def test_attempts_are_only_ever_added(rows: list[dict[str, str]], data: st.DataObject) -> None:
    """What is made later changes no number; neither does the order of the vendor's list, nor one without an id."""
    known = ordered(rows)
    last = known[-1]["created_at"] if known else ""
    later = [row for row in data.draw(ROWS) if row["created_at"] > last]
    mixed = data.draw(st.permutations([*rows, *later, {"id": None, "created_at": "2026-01-01T00:00:00Z"}]))
    assert ordered(mixed)[: len(known)] == known
    assert len(ordered(mixed)) == len({row["id"] for row in rows + later})


@pytest.mark.parametrize(
    ("written", "slug"),
    [
        ("github/acme/shop", "gh/acme/shop"),
        ("bitbucket/acme/shop", "bb/acme/shop"),
        ("gh/acme/shop", "gh/acme/shop"),
        ("circleci/8fY2kQ/Rq71Za", "circleci/8fY2kQ/Rq71Za"),
    ],
)
def test_a_slug_has_one_spelling(written: str, slug: str) -> None:
    assert canonical(written) == canonical(slug) == slug


@pytest.mark.parametrize(
    "wrong",
    [
        {"projects": []},
        {"projects": ["acme/shop"]},
        {"projects": ["gh/acme/"]},
        {"url": "circleci.com"},
        {"url": "https://me:secret@circleci.com"},
        {"url": "https://circleci.com/?circle-token=x"},
        {"api": "v1"},
        {"token": "CCIPAT_the_token_itself"},
        {"colour": "green"},
    ],
    ids=str,
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValidationError, ValueError)):
        CircleCIAdapter.Settings.model_validate(GIVEN | wrong)


@pytest.mark.parametrize(
    ("more", "modern"),
    [
        ({}, True),
        ({"url": f"{CLOUD}/"}, True),
        ({"api": "v2"}, False),
        ({"url": "https://circleci.example.com"}, False),
        ({"url": "https://circleci.example.com", "api": "v3"}, True),
    ],
    ids=str,
)
def test_v3_is_used_where_it_is(more: dict[str, Any], modern: bool) -> None:
    assert CircleCIAdapter.Settings.model_validate(GIVEN | more).modern is modern


@given(st.text())
def test_any_text_is_a_time_or_none(said: str) -> None:
    found = moment(said)
    assert found is None or found.tzinfo is not None


@given(st.text(), st.integers(0), st.integers(0), st.integers(0))
def test_a_log_s_name_leads_back_to_its_place(job: str, number: int, execution: int, step: int) -> None:
    assert Place.of(f"{job}#{number}/{execution}.{step}") == (number, execution, step)


def test_output_is_its_messages_in_order() -> None:
    assert (
        text([{"type": "out", "message": "a\r\n"}, {"type": "err", "message": "b"}, {"message": None}])
        == "a\r\nb"
    )
