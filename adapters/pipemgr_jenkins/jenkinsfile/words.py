"""Words: all that is said of names, texts and conditions between Groovy and the model, in one place.

In: `expression`, `truth`, `text`, `condition`, `conditions`, `bindings`, each for a part (or node) and its `Scope`.
Out: `groovy`, `gstring`, `code`, `when`, each for an expression (or text) and the `Terms` of its place; `secrets`.
"""

from __future__ import annotations

from .condition_writer import when
from .conditions import condition, conditions
from .credentials import bindings, credential, secret
from .expression_writer import condition as test
from .expression_writer import groovy
from .expressions import expression, truth
from .gstrings import code, gstring, secrets
from .phrases import Phrases
from .scope import VENDOR, Scope, Words, hints, own
from .terms import Terms
from .texts import text

__all__ = [
    "VENDOR",
    "Phrases",
    "Scope",
    "Terms",
    "Words",
    "bindings",
    "code",
    "condition",
    "conditions",
    "credential",
    "expression",
    "groovy",
    "gstring",
    "hints",
    "own",
    "secret",
    "secrets",
    "test",
    "text",
    "truth",
    "when",
]
