"""Whatever happens to builds, to CircleCI and to the hub: the ledger ends with CircleCI's history."""

from pathlib import Path

import pytest
from hypothesis import Phase

from pipemgr.adapter import Adapter, Connection
from pipemgr.adapter.guard import Guarded
from pipemgr.adapter.registry import Registry
from pipemgr.model.runs import BuildRef
from pipemgr.testing.fakes.circleci import CircleCI
from pipemgr.testing.fakes.circleci_shapes import identity
from pipemgr.testing.fakes.world import Attempt, Run, World
from pipemgr_circleci import CircleCIAdapter
from tests.adapters.histories import NAME, Histories, tell_histories

TOKEN = "CCIPAT_a-made-up-token"
SETTLED = 10
"""Seconds after which a workflow keeps its number: it is told only when no older one can turn up."""


class CircleCIHistories(Histories):
    """The machine over a fake CircleCI."""

    pipelines = ("gh/acme/shop", "gh/acme/api")
    api = "v3"
    server: CircleCI

    def connect(self, world: World) -> Adapter:
        """An adapter that speaks to the fake."""
        self.server = self.stack.enter_context(CircleCI(world, token=TOKEN))
        folder, registry = type(self).folder(), Registry()
        place = Connection(NAME, folder, folder, registry.dialect, registry.tables("circleci"))
        configured = {
            "url": self.server.url,
            "token": "env:CIRCLE_TOKEN",
            "projects": list(self.pipelines),
            "api": self.api,
        }
        return Guarded(CircleCIAdapter, place, CircleCIAdapter.Settings.model_validate(configured))

    def ref(self, run: Run, attempt: Attempt) -> BuildRef:
        """A pipeline by its id, a workflow by its place."""
        return BuildRef(pipeline=run.pipeline, build=identity("pipeline", run.id), attempt=attempt.number)

    def fail(self, times: int) -> None:
        """A gateway that does not reach it."""
        self.server.fail(status=502, times=times)

    def drain(self) -> None:
        """CircleCI is well again, and some seconds pass."""
        self.server.faults.clear()
        self.world.tick(SETTLED)
        super().drain()
        assert self.server.wrong == []


class OldHistories(CircleCIHistories):
    """The same without API v3, as on a Server."""

    api = "v2"


@pytest.mark.slow
@pytest.mark.parametrize("machine", [CircleCIHistories, OldHistories])
def test_whatever_happens_the_ledger_has_the_vendors_history(
    machine: type[CircleCIHistories], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIRCLE_TOKEN", TOKEN)

    # To shrink would take minutes.
    tell_histories(machine, tmp_path, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
