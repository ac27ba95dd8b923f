"""The relay: every event, in order, at least once; the sink decides what to do with it."""

import io
import json
import threading
from datetime import UTC, datetime
from uuid import UUID

import pytest

from pipemgr.events.relay import follow, relay
from pipemgr.events.sinks import JsonLines
from pipemgr.model.events import Event


class Outbox:
    """Stands in for the queries of a ledger."""

    def __init__(self, count=0):
        self.all = [event(number + 1) for number in range(count)]

    def events(self, after, limit):
        return tuple(one for one in self.all if one.sequence > after)[:limit]


def event(sequence):
    return Event(
        sequence=sequence,
        id=UUID(int=sequence),
        name="build.updated",
        subject="b",
        time=datetime(2026, 1, 1, tzinfo=UTC),
        data={"name": "é"},
        changed=("name",),
    )


def numbers(events):
    return [one.sequence for one in events]


@pytest.mark.parametrize("page", [1, 3, 1000])
def test_following_reads_all_there_is_page_by_page(monkeypatch, page):
    monkeypatch.setattr("pipemgr.events.relay.PAGE", page)
    assert numbers(follow(Outbox(7))) == [1, 2, 3, 4, 5, 6, 7]
    assert numbers(follow(Outbox(7), 5)) == [6, 7]
    assert numbers(follow(Outbox())) == []


def test_following_waits_for_new_events_until_it_is_stopped():
    outbox, stop = Outbox(1), threading.Event()
    events = follow(outbox, poll_seconds=0.001, stop=stop)
    assert next(events).sequence == 1
    timer = threading.Timer(0.02, lambda: outbox.all.append(event(2)))
    timer.start()
    assert next(events).sequence == 2
    timer.join()
    stop.set()
    assert numbers(events) == []


def test_relaying_goes_on_from_the_number_it_returned():
    outbox, stream = Outbox(5), io.StringIO()
    cursor = relay(outbox, [JsonLines(stream)], limit=3)
    assert cursor == 3
    cursor = relay(outbox, [JsonLines(stream)], cursor)
    assert relay(outbox, [JsonLines(stream)], cursor) == 5
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["sequence"] for line in lines] == ["1", "2", "3", "4", "5"]
    assert lines[0]["type"] == "build.updated"
    assert lines[0]["data"] == {"object": {"name": "é"}, "changed": ["name"]}


def test_a_sink_that_fails_sees_the_same_events_again():
    class Broken:
        def send(self, events):
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        relay(Outbox(2), [Broken()])
    taken = []

    class Whole:
        def send(self, events):
            taken.extend(events)

    relay(Outbox(2), [Whole()])
    assert numbers(taken) == [1, 2]
