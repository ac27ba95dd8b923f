"""Where scripts find the services beside their container: told where two vendors differ."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import Container, Pipeline, Stage, Step
from pipemgr.translate.base import Dialect
from pipemgr.translate.native import native_dialect
from pipemgr.translate.report import Fidelity
from pipemgr.translate.services import addresses

DATABASE = {"db": Container(image="postgres:18")}


@pytest.fixture
def vendors(tmp_path: Path) -> dict[str, Dialect]:
    made = {}
    for place in ("localhost", "name"):
        (tmp_path / place).mkdir()
        head = "source: [https://docs.example]\nchecked: 2026-01-01\n"
        (tmp_path / place / "runners.yaml").write_text(f"{head}services: {place}\nrows: []\n", "utf-8")
        tables = Tables.of(place, tmp_path / place)
        made[place] = replace(native_dialect(), name=place, foreign=False, tables=tables)
    return made


def _pipeline(script: str = "make", **stage: object) -> Pipeline:
    step = Step(action="run", inputs={"script": script})
    box = {"container": Container(image="a"), "services": DATABASE}
    return Pipeline(name="x", stages=(Stage(id="s", steps=(step,), **{**box, **stage}),))


def test_a_service_that_moves_away_is_told(vendors: dict[str, Dialect]) -> None:
    (found,) = addresses(_pipeline(), vendors["localhost"], vendors["name"])
    assert (found.fidelity, found.path, found.what) == (
        Fidelity.APPROXIMATE,
        "stages.s.services",
        "the address of db",
    )
    for asked in (
        _pipeline("psql -h localhost"),
        _pipeline(variables={"URL": "postgres://127.0.0.1:5432/x"}),
    ):
        (found,) = addresses(asked, vendors["localhost"], vendors["name"])
        assert found.fidelity is Fidelity.MANUAL


def test_what_stays_where_it_is_is_not(vendors: dict[str, Dialect]) -> None:
    here, named = vendors["localhost"], vendors["name"]
    assert addresses(_pipeline(), named, here) == ()
    assert addresses(_pipeline(container=None), here, named) == ()
    assert addresses(_pipeline(services={}), here, named) == ()
    assert addresses(_pipeline(), here, native_dialect()) == ()
