"""The author's whole surface: everything that an adapter needs from pipemgr, by one import.

    from pipemgr.adapter import Adapter, AdapterSettings, Node, Reader, Reading, ...

The classes of the model come from `pipemgr.model`. See `adapters/README.md` for how to write an adapter.
"""

from pipemgr.errors import (
    AdapterError,
    AuthenticationFailed,
    BadSettings,
    ConfigurationError,
    Conflict,
    InvalidPipeline,
    NotAllowed,
    NotFound,
    ParseError,
    PipemgrError,
    RateLimited,
    Refused,
    Retryable,
    Unreachable,
    UnsupportedCapability,
)
from pipemgr.mapping.convert import from_vendor, to_vendor
from pipemgr.mapping.elements import ElementRow, RootRow
from pipemgr.mapping.expansion import alike, expand, expand_stage, ignored
from pipemgr.mapping.rows import InputRow, StageRow, StepRow
from pipemgr.mapping.statuses import Statuses
from pipemgr.mapping.tables import Tables
from pipemgr.model.support import Answer, Support
from pipemgr.secrets import MASK, Secret, SecretRef, redact
from pipemgr.translate.base import Dialect, Reader, Reading, Writer, Writing, refuse_problems
from pipemgr.translate.document import Document, DocumentSet, decode, load, single
from pipemgr.translate.emit import emit
from pipemgr.translate.entries import ordered, overlaid, said
from pipemgr.translate.fields import Fields, Kept, mapped, some
from pipemgr.translate.losses import Losses
from pipemgr.translate.matrix import cells
from pipemgr.translate.matrix import expand as cell_by_cell
from pipemgr.translate.node import Node, Source
from pipemgr.translate.patterns import glob_to_regex, globs_to_regex, regex_to_expression, regex_to_globs
from pipemgr.translate.regexes import regex_fits
from pipemgr.translate.report import Fidelity, Finding
from pipemgr.translate.rewriting import rewritten
from pipemgr.translate.vocabulary import Vocabulary
from pipemgr.translate.yaml import compose

from . import junit
from .base import (
    Adapter,
    Connection,
    Cursor,
    Dialects,
    Gap,
    Hints,
    LogChunk,
    PollPage,
    Published,
    ServerInfo,
    Unread,
    Webhook,
)
from .capabilities import Capability
from .http import Budget, Purpose, Session, data, shown
from .manifest import API_VERSION
from .remote import Remote, same
from .repository import Commit, File, Repository
from .settings import AdapterSettings

__all__ = [
    # What an adapter is
    "API_VERSION",
    "Adapter",
    "AdapterSettings",
    "Capability",
    "Connection",
    "Cursor",
    "Dialects",
    "Gap",
    "Hints",
    "LogChunk",
    "PollPage",
    "Published",
    "ServerInfo",
    "Unread",
    "Webhook",
    # Asking a vendor
    "Budget",
    "Purpose",
    "Session",
    "data",
    "junit",
    "shown",
    # Reading a Git repository
    "Commit",
    "File",
    "Remote",
    "Repository",
    "same",
    # What a language is
    "Answer",
    "Dialect",
    "Document",
    "DocumentSet",
    "Fidelity",
    "Fields",
    "Finding",
    "Kept",
    "Losses",
    "Node",
    "Reader",
    "Reading",
    "Source",
    "Statuses",
    "Support",
    "Vocabulary",
    "Writer",
    "Writing",
    "cell_by_cell",
    "cells",
    "compose",
    "decode",
    "emit",
    "glob_to_regex",
    "globs_to_regex",
    "load",
    "mapped",
    "ordered",
    "overlaid",
    "refuse_problems",
    "regex_fits",
    "regex_to_expression",
    "regex_to_globs",
    "rewritten",
    "said",
    "some",
    "single",
    # What a vendor's words mean
    "ElementRow",
    "InputRow",
    "RootRow",
    "StageRow",
    "StepRow",
    "Tables",
    "alike",
    "expand",
    "expand_stage",
    "from_vendor",
    "ignored",
    "to_vendor",
    # Secrets
    "MASK",
    "Secret",
    "SecretRef",
    "redact",
    # What can go wrong
    "AdapterError",
    "AuthenticationFailed",
    "BadSettings",
    "ConfigurationError",
    "Conflict",
    "InvalidPipeline",
    "NotAllowed",
    "NotFound",
    "ParseError",
    "PipemgrError",
    "RateLimited",
    "Refused",
    "Retryable",
    "Unreachable",
    "UnsupportedCapability",
]
