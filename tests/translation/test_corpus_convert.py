"""Real files of both hosted vendors, all of them: what `make evidence` prints, held to its thresholds.

Each test is a row or two of that table; what falls short stands in the message, by file and reason.
"""

from collections.abc import Iterator

import pytest

from tests.evidence import converting, reading, round_trips, validity
from tests.evidence.figures import Figure

pytestmark = [pytest.mark.corpus, pytest.mark.slow, pytest.mark.usefixtures("corpus")]


def missed(figures: Iterator[Figure]) -> list[str]:
    """The rows that do not reach their goals."""
    return [" ".join((*one.cells(), *one.short)) for one in figures if one.reached is False]


def test_all_are_read_or_refused_and_accounted_for() -> None:
    assert missed(reading.figures()) == []


def test_what_is_written_again_is_equal() -> None:
    assert missed(round_trips.figures()) == []


def test_what_is_written_is_valid() -> None:
    assert missed(validity.figures()) == []


def test_conversions_keep_nodes_graph_triggers_and_conditions() -> None:
    assert missed(converting.figures()) == []
