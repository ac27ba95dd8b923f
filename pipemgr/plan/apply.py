"""Applying a plan: publish each change, and write down what was published."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from pipemgr.adapter.base import Adapter, Published
from pipemgr.errors import PipemgrError
from pipemgr.model.base import Value

from .plan import Change, Verb


class Fate(StrEnum):
    """What became of a change."""

    PUBLISHED = "published"
    ADOPTED = "adopted"
    UNCHANGED = "unchanged"
    FAILED = "failed"


class Applied(Value):
    """The result of one change; `error` and `remedy` are set when it failed."""

    connection: str
    pipeline: str
    fate: Fate
    url: str | None = None
    error: str = ""
    remedy: str = ""


def apply(change: Change, adapter: Adapter, record: Callable[[Change, Published], None]) -> Applied:
    """Make one change, then have it recorded.

    A crash between the two is harmless: live then is as wanted, and the next plan adopts it. A failure is an
    answer, not an exception, so that one refused pipeline does not stop the others.
    """
    try:
        published = _publish(change, adapter)
        if change.verb is not Verb.NOTHING:
            record(change, published)
    except PipemgrError as error:
        return _applied(change, Fate.FAILED, error=str(error), remedy=error.remedy or "")
    return _applied(change, _FATES[change.verb], url=published.url)


_FATES = {
    Verb.CREATE: Fate.PUBLISHED,
    Verb.UPDATE: Fate.PUBLISHED,
    Verb.ADOPT: Fate.ADOPTED,
    Verb.NOTHING: Fate.UNCHANGED,
}


def _publish(change: Change, adapter: Adapter) -> Published:
    if change.verb in (Verb.CREATE, Verb.UPDATE):
        return adapter.publish(change.pipeline, change.documents, expected=change.expected)
    return Published(fingerprint=change.expected or "")


def _applied(
    change: Change, fate: Fate, *, url: str | None = None, error: str = "", remedy: str = ""
) -> Applied:
    return Applied(
        connection=change.connection,
        pipeline=change.pipeline,
        fate=fate,
        url=url,
        error=error,
        remedy=remedy,
    )
