"""Whatever happens to the world and to the hub: the ledger ends with the world's history, each event exactly once."""

from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from pipemgr.ledger import open_ledger
from tests.adapters.histories import Mirrored, Unswept


@pytest.mark.slow
@pytest.mark.parametrize("machine", [Mirrored, Unswept])
def test_whatever_happens_the_ledger_has_the_worlds_history(databases, tmp_path, machine):
    def folder() -> Path:
        made = tmp_path / uuid4().hex
        made.mkdir()
        return made

    def url() -> str:
        return databases.copy("migrated", lambda url: open_ledger(url).close())

    here = type("Here", (machine,), {"url": staticmethod(url), "folder": staticmethod(folder)})
    run_state_machine_as_test(
        here,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
