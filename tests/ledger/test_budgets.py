"""Budgets: one for each credential, shared, and with something left for what is more urgent."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from pipemgr.adapter.http import Purpose
from pipemgr.errors import RateLimited
from pipemgr.ledger.budgets import PATIENCE, RESERVED, SharedBudget

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
RESET = NOW + timedelta(hours=1)


@pytest.fixture
def moment():
    return [NOW]


@pytest.fixture
def budget(ledger, moment):
    return SharedBudget(ledger.engine, "vendor:main", lambda: moment[0])


def row(ledger):
    (one,) = ledger.queries.budgets()
    return one


def taken(budget, purpose, most=1000):
    """How many requests a purpose gets."""
    for count in range(most):
        try:
            budget.take(purpose)
        except RateLimited:
            return count
    return most


def test_every_purpose_has_its_share():
    assert set(RESERVED) == set(Purpose)


def test_what_is_urgent_gets_what_is_left(ledger, budget):
    budget.learn(limit=100, remaining=100, reset_at=RESET)
    assert taken(budget, Purpose.BACKFILL) == 50
    assert taken(budget, Purpose.POLL) == 40
    assert taken(budget, Purpose.LIVE) == 10
    assert (row(ledger).remaining, row(ledger).asked) == (0, 100)


def test_a_refusal_says_why_and_until_when(budget, moment):
    budget.learn(limit=100, remaining=40, reset_at=RESET)
    with pytest.raises(RateLimited, match=r"40 of 100 .* 50 % are kept .* backfill") as caught:
        budget.take(Purpose.BACKFILL)
    assert (caught.value.retry_after, caught.value.where) == (3600.0, "vendor:main")
    budget.learn(remaining=0)
    with pytest.raises(RateLimited, match=r"0 of 100 requests are left$"):
        budget.take(Purpose.LIVE)


def test_it_is_full_again_after_the_reset(ledger, budget, moment):
    budget.learn(limit=10, remaining=0, reset_at=RESET)
    moment[0] = RESET
    assert taken(budget, Purpose.LIVE) == 10
    moment[0] += PATIENCE  # the vendor did not say until when: one more finds out
    budget.take(Purpose.LIVE)
    assert row(ledger).asked == 11


def test_a_block_is_for_everybody(budget, moment):
    budget.learn(blocked_until=NOW + timedelta(seconds=90))
    for purpose in Purpose:
        with pytest.raises(RateLimited, match="left alone until 09:01:30") as caught:
            budget.take(purpose)
        assert caught.value.retry_after == 90
    moment[0] += timedelta(seconds=90)
    budget.take(Purpose.BACKFILL)


def test_an_unknown_limit_only_counts(ledger, budget):
    for purpose in Purpose:
        assert taken(budget, purpose, most=7) == 7
    assert (row(ledger).asked, row(ledger).limit, row(ledger).remaining) == (21, None, None)


def test_the_vendors_word_corrects_ours(ledger, budget):
    budget.learn(limit=100, remaining=100, reset_at=RESET)
    budget.take(Purpose.LIVE)
    budget.learn(remaining=100)  # that request was free
    assert row(ledger).remaining == 100


def test_credentials_have_budgets_of_their_own(ledger, budget):
    budget.learn(limit=1, remaining=0, reset_at=RESET)
    ledger.budgets("vendor:other").take(Purpose.BACKFILL)
    assert [one.credential for one in ledger.queries.budgets()] == ["vendor:main", "vendor:other"]


def test_many_that_ask_at_once_get_no_more_than_there_is(ledger, budget):
    budget.learn(limit=40, remaining=40, reset_at=RESET)
    barrier, got = threading.Barrier(4), []

    def ask():
        barrier.wait()
        got.append(taken(budget, Purpose.LIVE))

    workers = [threading.Thread(target=ask) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(got) == 40


def test_first_requests_at_the_same_time_are_all_counted(ledger):
    budgets = [ledger.budgets("new") for _ in range(4)]
    barrier = threading.Barrier(4)

    def ask(one):
        barrier.wait()
        one.take(Purpose.LIVE)

    workers = [threading.Thread(target=ask, args=(one,)) for one in budgets]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert row(ledger).asked == 4
