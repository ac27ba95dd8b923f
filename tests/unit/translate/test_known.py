"""The values of variables that are made of one another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.model.expressions import parse
from pipemgr.translate.known import Known


def asks(*names: str) -> str:
    return "".join(f"${{{{ variables.{name} }}}}" for name in names)


@pytest.mark.parametrize(
    ("own", "outer", "values"),
    [
        ({"A": "1", "B": f"x{asks('A')}"}, {}, {"A": "1", "B": "x1"}),
        ({"B": f"x{asks('A')}", "A": "1"}, {}, {"B": "x1", "A": "1"}),
        ({"A": f"x{asks('A')}"}, {}, {"A": f"x{asks('A')}"}),
        ({"A": f"x{asks('A')}"}, {"A": "1"}, {"A": "x1"}),
        ({"A": f"x{asks('A', 'A')}"}, {"A": f"y{asks('A')}"}, {"A": f"xy{asks('A')}y{asks('A')}"}),
        ({"A": f"x{asks('B')}", "B": f"y{asks('A')}"}, {}, {"A": f"xy{asks('A')}", "B": f"y{asks('A')}"}),
        ({"A": "${{ format('{0}', variables.A) }}"}, {}, {"A": "${{ format('{0}', variables.A) }}"}),
        ({"A": asks("B")}, {"B": "${{ opaque('acme', 'b') }}"}, {"A": asks("B")}),
        ({"A": "${{ no }", "B": asks("A")}, {}, {"A": "${{ no }", "B": "${{ '${{' }} no }"}),
    ],
)
def test_each_is_worked_out_once(own: dict[str, str], outer: dict[str, str], values: dict[str, str]) -> None:
    known = Known(own, Known(outer))
    assert known.texts() == values
    assert known.texts() == values


def test_what_would_become_very_long_stays_as_it_was_said() -> None:
    doubling = {f"V{at}": asks(f"V{at - 1}", f"V{at - 1}") for at in range(1, 100)}
    values = Known({"V0": "0123456789", **doubling}).texts()
    assert max(map(len, values.values())) <= 10_000
    assert len(values) == 100


@given(st.dictionaries(st.sampled_from("ABCDE"), st.lists(st.sampled_from("ABCDE"), max_size=3)))
def test_whatever_names_whatever_comes_to_an_end(names: dict[str, list[str]]) -> None:
    known = Known({name: f"<{asks(*others)}>" for name, others in names.items()})
    assert known.texts().keys() == names.keys()
    known.expression(parse("variables.A == variables.B"))
