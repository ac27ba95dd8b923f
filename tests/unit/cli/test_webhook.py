"""`pipemgr webhook receive`: verified, taken once, and only a hint."""

import io
import sys

import pytest

from pipemgr.adapter.capabilities import Capability
from pipemgr.service import webhooks

BODY = b'{"action": "done",\r\n "n": "\xc3\xbc\xff"}'
WORDS = ("webhook", "receive", "toy", "-H", "X-Signature: good", "--header", "X-Delivery: 17")


@pytest.fixture
def hooked(cli, toy, toybox, monkeypatch):
    """Runs a command with a body on its standard input."""

    def run(*words, body=BODY):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(body)))
        return cli(*words, at=toybox)

    return run


def test_a_webhook_is_taken_once(hooked, toy):
    said = hooked(*WORDS)
    assert (said.code, said.out) == (0, "taken: build 17 for toy\n")
    assert toy.asked == [("receive", {"x-signature": "good", "x-delivery": "17"}, BODY)]
    again = hooked(*WORDS, "--json")
    assert again.json["status"] == "duplicate"


def test_it_makes_the_connection_due(hooked, toy, cli, toybox):
    cli("poll", at=toybox)
    assert "next poll: due now" not in cli("connection", "show", "toy", at=toybox).out
    hooked(*WORDS)
    assert "next poll: due now" in cli("connection", "show", "toy", at=toybox).out


def test_a_wrong_signature_is_refused(hooked, toy):
    said = hooked("webhook", "receive", "toy", "-H", "X-Signature: bad", "-H", "X-Delivery: 17")
    assert said.code == 1
    assert said.err.startswith("error: toy: its signature is wrong")
    assert hooked(*WORDS).out.startswith("taken")


def test_what_is_no_webhook(hooked, toy, monkeypatch):
    assert hooked("webhook", "receive", "toy", "-H", "nonsense").code == 2
    assert hooked("webhook", "receive", "nope").err.startswith("error: no connection 'nope'")
    toy.lacking = {Capability.WEBHOOKS: "toys are never called"}
    assert "cannot take webhooks: toys are never called" in hooked(*WORDS).err
    toy.lacking = {}
    monkeypatch.setattr(webhooks, "LARGEST", 5)
    assert "which no vendor sends" in hooked(*WORDS).err
