"""What expressions of likely pipelines may ask for at one place, and texts and conditions made of that.

Needs Hypothesis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from pipemgr.mapping.catalogue import Catalogue
from pipemgr.model.expressions import Binary, Expression, Not, parse

VARIABLES: Final = ("NODE_ENV", "REGISTRY", "RETRIES", "PYTHONUNBUFFERED", "APP_URL")
_SECRETS: Final = ("NPM_TOKEN", "DEPLOY_KEY", "REGISTRY_PASSWORD")
_COMPARED: Final = {
    "branch": ("main", "develop", "release/1.0"),
    "tag": ("", "v1.0.0"),
    "trigger": ("push", "pull_request", "schedule", "manual"),
    "runner.os": ("Linux", "macOS"),
}
"""Contexts that conditions ask for, and what they are compared with."""
_PATTERNS: Final = ("v\\d+", "release/.*", "(main|develop)", "feature-[a-z]+")
_OPEN: Final = frozenset(
    {"matrix", "needs", "parameters", "secrets", "config", "steps", "variables", "stages", "services"}
)
"""Contexts of which only what the pipeline itself names has a meaning."""
_IN_STEPS: Final = ("runner.", "stage.status", "workspace")
"""Beginnings of contexts that only steps can ask for."""


def some(*values: Any, least: int = 0, most: int = 2) -> SearchStrategy[tuple[Any, ...]]:
    """Some of the values, each once."""
    return st.lists(st.sampled_from(values), min_size=least, max_size=most, unique=True).map(tuple)


def one_of(*values: Any) -> SearchStrategy[Any]:
    """One of the values."""
    return st.sampled_from(values)


@dataclass(frozen=True)
class Scope:
    """What expressions may ask for at one place of a pipeline."""

    known: Catalogue
    parameters: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    inner: bool = False
    """Whether it is a step's."""

    def lookups(self) -> tuple[str, ...]:
        """Everything that gives a text here."""
        plain = (
            name
            for name in self.known.contexts
            if name not in _OPEN and (self.inner or not name.startswith(_IN_STEPS))
        )
        return (
            *plain,
            *(f"parameters.{name}" for name in self.parameters),
            *(f"matrix.{name}" for name in self.axes),
            *(f"needs.{name}.outputs.version" for name in self.needs),
            *(f"steps.{name}.outputs.version" for name in self.steps),
            *(f"variables.{name}" for name in self.variables),
            *(f"config.{name}" for name in ("REGION",)),
            *(f"secrets.{name}" for name in _SECRETS if self.inner),
        )

    def texts(self, *plain: str) -> SearchStrategy[str]:
        """A text as it is, and now and then with a template in it."""
        lookup = st.sampled_from(self.lookups()).map(lambda name: f"${{{{ {name} }}}}")
        templated = st.tuples(one_of("", "x-", "a/"), lookup, one_of("", "-y", " done")).map("".join)
        return st.one_of(one_of(*plain), one_of(*plain), templated)

    def tables(self, *values: str) -> SearchStrategy[dict[str, str]]:
        """Environment variables."""
        return st.dictionaries(one_of(*VARIABLES), self.texts(*values), max_size=2)

    def _leaves(self) -> SearchStrategy[str]:
        asked = {name: words for name, words in _COMPARED.items() if name in self.lookups()}
        found = [
            st.builds("{} {} '{}'".format, st.just(name), one_of("==", "!="), one_of(*words))
            for name, words in asked.items()
        ]
        found.append(one_of("success()", "failure()", "always()", "!canceled()"))
        found.append(
            one_of("starts_with(branch, 'release/')", "ends_with(branch, '-rc')", "contains(branch, 'fix')")
        )
        if "matches" in self.known.functions:
            found.append(
                st.builds(
                    "matches({}, '{}')".format,
                    one_of(*sorted(asked.keys() & {"branch", "tag"})),
                    one_of(*_PATTERNS),
                )
            )
        if self.needs:
            results = one_of("success", "failure", "skipped")
            found.append(st.builds("needs.{}.result == '{}'".format, one_of(*self.needs), results))
        found += [
            one_of(*(f"{context}.{name}" for name in names))
            for context, names in (("parameters", self.parameters), ("matrix", self.axes))
            if names
        ]
        if self.steps:
            found.append(one_of(*(f"steps.{name}.outcome == 'failure'" for name in self.steps)))
        return st.one_of(found)

    def conditions(self) -> SearchStrategy[Expression]:
        """A condition."""
        joined: SearchStrategy[Expression] = st.recursive(
            self._leaves().map(parse),
            lambda below: st.one_of(
                st.builds(Binary, one_of("&&", "||"), below, below), st.builds(Not, below)
            ),
            max_leaves=3,
        )
        return joined
