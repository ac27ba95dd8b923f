"""Polling finds every attempt, and asks once when nothing happened."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipemgr.adapter import AuthenticationFailed, PollPage, RateLimited, Unreachable
from pipemgr.model.runs import BuildRef
from pipemgr.model.status import Result
from pipemgr.testing.fakes.github import GitHub
from pipemgr.testing.fakes.world import Run, World
from pipemgr_github_actions import GitHubActionsAdapter

from .conftest import Connect

CI = "acme/shop:ci.yml"


def ran(world: World, pipeline: str = CI, count: int = 1, seconds: float = 60) -> list[Run]:
    runs = []
    for _ in range(count):
        world.tick(seconds)
        run = world.start(pipeline)
        world.begin(run)
        world.finish(run)
        runs.append(run)
    return runs


def cycle(adapter: GitHubActionsAdapter, cursor: Any = None) -> tuple[list[PollPage], Any]:
    pages = [adapter.poll(cursor or {})]
    while pages[-1].more:
        assert pages[-1].cursor != cursor
        cursor = pages[-1].cursor
        pages.append(adapter.poll(cursor))
    return pages, pages[-1].cursor


def found(pages: list[PollPage]) -> set[BuildRef]:
    return {ref for page in pages for ref in page.seen}


def refs(runs: list[Run]) -> set[BuildRef]:
    return {
        BuildRef(pipeline=run.pipeline, build=str(run.id), attempt=one.number)
        for run in runs
        for one in run.attempts
    }


def test_a_cycle_in_which_nothing_happened_costs_one_request_that_is_free(
    world: World, github: GitHub, adapter: GitHubActionsAdapter
) -> None:
    ran(world, count=30)
    _, cursor = cycle(adapter)
    before, spent = len(github.calls), github.spent
    pages, again = cycle(adapter, cursor)
    assert [call.status for call in github.asked(before)] == [304]
    assert github.spent == spent
    assert found(pages) == set()
    assert again == cursor


def test_what_is_new_since_is_found_over_many_pages(world: World, adapter: GitHubActionsAdapter) -> None:
    ran(world, count=5)
    _, cursor = cycle(adapter)
    fresh = ran(world, count=350, seconds=1)
    pages, cursor = cycle(adapter, cursor)
    assert found(pages) >= refs(fresh)
    assert len(pages) == 4
    assert cycle(adapter, cursor)[0][0].seen == ()
