"""Hypothesis strategies for definitions that a person might write: every feature, in combinations that mean something.

`strategies` finds what breaks parsers; this finds what breaks translations. Names come from the catalogue, so a new
action, trigger, context or function takes part as soon as it has a row. Needs Hypothesis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import JsonValue

from pipemgr.mapping.catalogue import Catalogue
from pipemgr.mapping.rows import Input, TriggerKind
from pipemgr.model.definitions import (
    OPAQUE,
    Approval,
    Concurrency,
    Container,
    Data,
    Defaults,
    Environment,
    Matrix,
    Parameter,
    Pipeline,
    Runner,
    Stage,
    Step,
    Trigger,
)

from .scopes import Scope, one_of, some

Draw = Callable[[SearchStrategy[Any]], Any]
Own = Mapping[str, SearchStrategy[JsonValue]]
"""By vendor: values of opaque steps that only it understands."""

_NAMES: Final = (
    "build",
    "test",
    "lint",
    "deploy",
    "unit_tests",
    "integration-tests",
    "publish",
    "docs",
    "e2e",
)
_TITLES: Final = (
    "Build",
    "Unit tests",
    "Deploy to production",
    "lint & format",
    "Publish: images",
    "#1",
    "100%",
)
_SCRIPTS: Final = (
    "make",
    "npm ci",
    "npm ci\nnpm test",
    "echo \"it's $HOME\"",
    'set -eu\n\nif [ -n "$CI" ]; then\n  make check\nfi\n',
    "printf '%s\\n' \"a: b # c\"",
    "python -m pytest --junitxml=out/report.xml",
    "echo '{{ curly }}' << EOF\ntext\nEOF",
)  # fmt: skip
_BRANCHES: Final = ("main", "release/*", "feature/**", "develop", "v[0-9]+", "hot-fix")
_TAGS: Final = ("v*", "v1.*", "nightly")
_PATHS: Final = ("src/**", "**/*.py", "docs/**", "package.json")
_CRONS: Final = ("0 2 * * *", "*/15 8-17 * * 1-5", "30 4 1 * *")
_VALUES: Final = ("production", "1", "true", "", "https://example.com/?a=b&c=d", "with space", "a: b", "0755")
_SCOPES: Final = ("contents", "packages", "checks", "pull-requests")
_AXES: Final[Mapping[str, tuple[JsonValue, ...]]] = {
    "version": ("3.11", "3.12", "3.13"),
    "node": (20, 22, 24),
    "os": ("ubuntu-24.04", "windows-2025", "macos-15"),
    "debug": (True, False),
}
_IMAGES: Final = ("postgres:17", "redis", "cimg/base:2025.01", "ghcr.io/acme/tool:1.2", "node:22-slim")


def _maybe(draw: Draw, one: SearchStrategy[Any], default: Any = None) -> Any:
    """A value of `one`, most often the default."""
    return draw(one) if draw(st.integers(0, 3)) == 0 else default


# Parts of stages -------------------------------------------------------------------------------------------


def _matrices() -> SearchStrategy[Matrix]:
    axes = st.fixed_dictionaries(
        {}, optional={name: some(*values, least=1, most=3) for name, values in _AXES.items()}
    )
    return axes.filter(bool).flatmap(_with_rows)


def _with_rows(axes: Mapping[str, tuple[JsonValue, ...]]) -> SearchStrategy[Matrix]:
    cell = st.fixed_dictionaries({name: one_of(*values) for name, values in axes.items()})
    extra = st.tuples(cell, one_of({}, {"extra": "yes"}, {"os": "windows-11-arm"})).map(
        lambda two: {**two[0], **two[1]}
    )
    rows = st.lists(extra, max_size=1).map(tuple)
    without = st.lists(cell, max_size=1).map(tuple)
    return st.builds(
        lambda include, exclude: Matrix(axes=dict(axes), include=include, exclude=exclude), rows, without
    )


def _containers(scope: Scope, *, service: bool) -> SearchStrategy[Container]:
    optional: dict[str, SearchStrategy[Any]] = {
        "variables": scope.tables(*_VALUES),
        "ports": some("5432", "8080:80"),
        "volumes": some("/cache:/cache"),
        "options": one_of("--cpus 1", "--health-cmd pg_isready"),
    }
    if service:
        optional |= {"command": one_of("redis-server --appendonly yes"), "entrypoint": one_of("/start")}
    login = st.just({"username": "robot", "password": "${{ secrets.REGISTRY_PASSWORD }}"})
    given = st.fixed_dictionaries({"image": one_of(*_IMAGES)}, optional=optional)
    return st.builds(
        lambda one, more: Container(**one, **more), given, st.one_of(st.just({}), st.just({}), login)
    )


def _runners(scope: Scope) -> SearchStrategy[Runner]:
    named = one_of(*scope.known.runners).map(lambda name: Runner(name=name))
    sized = st.builds(Runner, name=one_of("linux", "linux-arm"), size=one_of("large", "2xlarge"))
    labelled = some("self-hosted", "gpu", least=1).map(lambda labels: Runner(labels=labels))
    grouped = st.just(Runner(group="big-machines"))
    by_axis = [st.just(Runner(labels=("${{ matrix.os }}",)))] if "os" in scope.axes else []
    return st.one_of(named, named, sized, labelled, grouped, *by_axis)


# Steps -----------------------------------------------------------------------------------------------------


def _input(one: Input, scope: Scope) -> SearchStrategy[JsonValue]:
    match one.type:
        case "boolean":
            return st.booleans()
        case "number":
            return st.integers(0, 30)
        case "lines":
            text = scope.texts("dist", "out/*.xml", "~/.cache")
            return st.one_of(text, st.lists(text, min_size=1, max_size=2))
    return scope.texts("main", "22", "3.12", "name-1", ".", "v1,v2", "${{ hash_files('**/*.lock') }}")


def _inputs(known: Mapping[str, Input], scope: Scope) -> SearchStrategy[dict[str, JsonValue]]:
    needed = {name: _input(one, scope) for name, one in known.items() if one.required}
    rest = [name for name, one in known.items() if not one.required]
    chosen = some(*rest) if rest else st.just(())
    return chosen.flatmap(
        lambda names: st.fixed_dictionaries(
            {**needed, **{name: _input(known[name], scope) for name in names}}
        )
    )


def _actions(scope: Scope, own: Own) -> SearchStrategy[tuple[str, dict[str, Any]]]:
    script = st.fixed_dictionaries(
        {"script": scope.texts(*_SCRIPTS)},
        optional={"shell": one_of("bash", "sh"), "directory": scope.texts("web", "./app")},
    )
    actions = scope.known.actions
    names = sorted(name for name, one in actions.items() if not one.built_in)
    known = one_of(*names).flatmap(
        lambda name: st.tuples(st.just(name), _inputs(actions[name].inputs, scope))
    )
    run = st.tuples(st.just("run"), script)
    return st.one_of(run, run, known, known, *(_opaque(vendor, values) for vendor, values in own.items()))


def _opaque(vendor: str, values: SearchStrategy[JsonValue]) -> SearchStrategy[tuple[str, dict[str, Any]]]:
    steps = one_of([{"action": "run", "inputs": {"script": "make"}}], [{"action": "checkout"}])
    data = st.fixed_dictionaries({"vendor": st.just(vendor), "value": values}, optional={"steps": steps})
    return st.tuples(st.just(OPAQUE), data)


@st.composite
def _steps(draw: Draw, scope: Scope, own: Own) -> tuple[Step, ...]:
    found: list[Step] = []
    ids: tuple[str, ...] = ()
    for at in range(draw(st.integers(1, 4))):
        here = replace(scope, steps=ids, inner=True)
        action, inputs = draw(_actions(here, own))
        data: dict[str, Any] = {"action": action, "inputs": inputs}
        if action != OPAQUE:
            data |= draw(_step_fields(here, runs=action == "run"))
        if draw(st.booleans()):
            data["id"] = f"step{at}"
            ids = (*ids, data["id"])
        found.append(Step(**data))
    return tuple(found)


def _step_fields(scope: Scope, *, runs: bool) -> SearchStrategy[dict[str, Any]]:
    chosen: dict[str, SearchStrategy[Any]] = {
        "name": scope.texts(*_TITLES),
        "when": scope.conditions(),
        "variables": scope.tables(*_VALUES),
        "timeout": one_of("90s", "20m", "2h"),
        "allow_failure": one_of(True, False),
    }
    if runs:
        chosen |= {"idle_timeout": one_of("10m", "30m"), "background": one_of(True, False)}
    return some(*chosen, most=2).flatmap(
        lambda names: st.fixed_dictionaries({name: chosen[name] for name in names})
    )


# Stages and pipelines --------------------------------------------------------------------------------------


def _stage_fields(scope: Scope) -> dict[str, SearchStrategy[Any]]:
    """A strategy for each field of a stage but those that the graph and the matrix decide."""
    return {
        "name": scope.texts(*_TITLES),
        "when": scope.conditions(),
        "parallelism": one_of(2, 4),
        "runner": _runners(scope),
        "container": _containers(scope, service=False),
        "services": st.dictionaries(one_of("db", "cache"), _containers(scope, service=True), max_size=2),
        "environment": st.builds(
            Environment, name=one_of("production", "staging"), url=one_of(None, "https://x.example")
        ),
        "approval": st.builds(Approval, message=one_of("", "Really?")),
        "variables": scope.tables(*_VALUES),
        "defaults": st.builds(Defaults, shell=one_of(None, "bash"), directory=one_of("web", "app/")),
        "contexts": some("aws", "org-wide"),
        "permissions": st.dictionaries(one_of(*_SCOPES), one_of("read", "write"), max_size=2),
        "concurrency": st.builds(
            Concurrency, group=scope.texts("deploy", "one"), cancel_running=st.booleans()
        ),
        "outputs": st.just({"version": "1.0"}),
        "timeout": one_of("30m", "1h"),
        "retry": st.integers(1, 3),
        "allow_failure": st.just(True),
        "group": one_of("ci", "release/linux"),
    }


@st.composite
def _stages(draw: Draw, scope: Scope, own: Own) -> tuple[Stage, ...]:
    found: list[Stage] = []
    workspaces = draw(one_of((None,), (None,), ("main", "main", None), ("main", "docs")))
    for name in draw(some(*_NAMES, least=1, most=4)):
        earlier = [one.id for one in found]
        needs = draw(some(*earlier)) if earlier else ()
        matrix = _maybe(draw, _matrices())
        axes = tuple(matrix.axes) if matrix else ()
        outer = replace(scope, needs=needs)
        inner = replace(outer, axes=axes)
        fields = _stage_fields(inner) | {"when": outer.conditions()}
        data = {key: draw(fields[key]) for key in draw(some(*fields, most=4))}
        if matrix:
            data |= {
                "matrix": matrix,
                "fail_fast": draw(one_of(None, True, False)),
                "max_parallel": draw(one_of(None, 2)),
            }
        data["workspace"] = draw(one_of(*workspaces))
        found.append(Stage(id=name, needs=needs, steps=draw(_steps(inner, own)), **data))
    return tuple(found)


def _trigger(kind: TriggerKind) -> SearchStrategy[Trigger]:
    globs = {"branches": _BRANCHES, "tags": _TAGS, "paths": _PATHS}
    wanted: dict[str, SearchStrategy[Any]] = {}
    for name, values in globs.items():
        allowed = [one for one in (name, f"{name}_ignore") if one in kind.filters]
        if allowed:
            wanted[name] = st.tuples(one_of(*allowed), some(*values, least=1))
    if "types" in kind.filters:
        wanted["types"] = st.tuples(st.just("types"), some("opened", "synchronize", least=1))
    needed = {"cron": st.tuples(st.just("cron"), one_of(*_CRONS))} if "cron" in kind.filters else {}
    if needed:
        wanted["timezone"] = st.tuples(st.just("timezone"), one_of("Europe/Berlin"))
    given = st.fixed_dictionaries(needed, optional=wanted)
    return given.map(lambda filters: Trigger(event=kind.name, **dict(filters.values())))


def _parameters() -> SearchStrategy[Parameter]:
    about: dict[str, SearchStrategy[Any]] = {
        "description": one_of("Where to deploy", "Really?"),
        "required": st.booleans(),
    }
    typed = st.one_of(
        st.fixed_dictionaries({"type": st.just("string")}, optional={"default": one_of("", "main", "a: b")}),
        st.fixed_dictionaries({"type": st.just("boolean")}, optional={"default": st.booleans()}),
        st.fixed_dictionaries({"type": st.just("number")}, optional={"default": st.integers(0, 9)}),
        st.fixed_dictionaries(
            {"type": st.just("choice"), "choices": st.just(("blue", "green"))},
            optional={"default": st.just("green")},
        ),
    )
    return st.builds(
        lambda one, more: Parameter(**one, **more), typed, st.fixed_dictionaries({}, optional=about)
    )


@st.composite
def likely_pipelines(
    draw: Draw, known: Catalogue, own: Own | None = None, vendor: Mapping[str, Data] | None = None
) -> Pipeline:
    """Pipelines that a person might write with the catalogue's names.

    `own` are steps that only one vendor knows, and `vendor` what pipelines keep for a vendor, so that these work.
    """
    kinds = [kind for name, kind in sorted(known.triggers.items()) if name != OPAQUE]
    triggers = [draw(_trigger(kind)) for kind in draw(some(*kinds, least=1, most=3))]
    parameters = _maybe(
        draw, st.dictionaries(one_of("target", "dry_run", "level"), _parameters(), max_size=2), {}
    )
    if parameters and all(one.event != "manual" for one in triggers):
        triggers.append(Trigger(event="manual"))
    outer = Scope(known, tuple(parameters))
    fields = {
        key: one
        for key, one in _stage_fields(outer).items()
        if key in ("runner", "defaults", "permissions", "concurrency")
    }
    fields |= {"build_name": outer.texts("Build it"), "timeout": one_of("90m", "3h")}
    variables = _maybe(draw, outer.tables(*_VALUES), {})
    inner = Scope(known, tuple(parameters), variables=tuple(variables))
    return Pipeline(
        name=draw(one_of("CI", "Build and test", "release", "nightly: all")),
        triggers=tuple(triggers),
        parameters=parameters,
        variables=variables,
        stages=draw(_stages(inner, own or {})),
        vendor=dict(vendor or {}),
        **{key: draw(fields[key]) for key in draw(some(*fields))},
    )
