"""What is written reads back equal, for every pipeline within what `adapter.yaml` declares."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipemgr.adapter import Tables
from pipemgr.mapping.catalogue import catalogue
from pipemgr.model.definitions import (
    Concurrency,
    Container,
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
from pipemgr.model.expressions import Access, Binary, Call, Expression, Literal, Name, Not, Opaque, parse
from pipemgr_github_actions import GitHubActionsReader, GitHubActionsWriter

TABLES = Tables.of("github-actions")
READER, WRITER = GitHubActionsReader(), GitHubActionsWriter()

ids = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)
own_keys = ids.map("x-{}".format)
plain = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=20).filter(
    lambda text: "${{" not in text and all(ord(one) >= 32 or one in "\n\t" for one in text)
)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | plain
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ids, inner, max_size=3), max_leaves=5
)

# Expressions -------------------------------------------------------------------------------------------

# compared with a word of GitHub's, `event.word` reads back as `trigger` compared with ours
contexts = st.sampled_from(
    [
        row.name
        for row, tree in TABLES.variables.contexts
        if not (row.values or row.name == "event.word" or isinstance(tree, Literal))
    ]
).map(parse)
unknown = st.sampled_from(["github.path.*.name", "job.container", "toString(github.sha)"]).map(
    lambda text: Opaque("github-actions", text)
)
triggered = st.builds(
    lambda operator, word, turned: Binary(
        operator, *((word, Name("trigger")) if turned else (Name("trigger"), word))
    ),
    st.sampled_from(["==", "!="]),
    st.sampled_from(sorted(TABLES.triggers.theirs)).map(Literal),
    st.booleans(),
)
literals: st.SearchStrategy[Expression] = st.builds(
    Literal, st.none() | st.booleans() | st.integers(0, 99) | plain
)


def _larger(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    functions = st.sampled_from(sorted(TABLES.variables.functions.theirs))
    return (
        st.builds(Not, inner)
        | st.builds(Binary, st.sampled_from(["&&", "||", "==", "!=", "<", ">="]), inner, inner)
        | st.builds(lambda name, few: Call(name, tuple(few)), functions, st.lists(inner, max_size=3))
        | st.builds(lambda key: Access(Name("steps"), key), contexts)
    )


keyed = st.builds(
    lambda root, key: Access(Name(root), Literal(key)),
    st.sampled_from(["secrets", "variables", "matrix", "needs"]),
    ids,
)
expressions = st.recursive(literals | contexts | unknown | triggered | keyed, _larger, max_leaves=5)
templates = expressions.map(lambda node: f"${{{{ {node} }}}}")
texts = plain | templates | st.builds("{}{}{}".format, plain, templates, plain)
tables = st.dictionaries(ids, texts, max_size=3)
flags = st.booleans() | templates
durations = st.integers(0, 9999).map("{}s".format) | templates.map("{}m".format)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def vendor(keys: st.SearchStrategy[str] = own_keys) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(keys, values, min_size=1, max_size=2).map(lambda data: {"github-actions": data})


# The model ---------------------------------------------------------------------------------------------

runners = (
    st.sampled_from(sorted(set(TABLES.runners.ours.values()))).map(lambda name: Runner(name=name))
    | st.builds(
        lambda labels: Runner(labels=tuple(labels)), st.lists(own_keys | templates, min_size=1, max_size=3)
    )
    | st.builds(
        lambda group, labels: Runner(group=group, labels=tuple(labels)), texts, st.lists(own_keys, max_size=2)
    )
)
container_fields = {
    "variables": tables,
    "ports": st.lists(texts, max_size=2).map(tuple),
    "volumes": st.lists(texts, max_size=2).map(tuple),
    "options": texts,
    "username": texts,
    "password": texts,
}
containers = st.builds(lambda image, more: Container(image=image, **more), texts, some(**container_fields))
services = st.builds(
    lambda image, more: Container(image=image, **more),
    texts,
    some(**container_fields, command=texts, entrypoint=texts),
)
rows = (
    st.lists(st.dictionaries(ids, values | templates, min_size=1, max_size=2), max_size=2).map(tuple)
    | templates
)
axes = st.dictionaries(
    own_keys, st.lists(values | templates, max_size=3).map(tuple) | templates, min_size=1, max_size=2
)
matrices = st.builds(
    lambda axes, more: Matrix(axes=axes, **more), axes, some(include=rows, exclude=rows)
) | templates.map(lambda text: Matrix(expression=text))
permissions = st.dictionaries(ids, st.sampled_from(["read", "write", "none"]), max_size=2) | st.sampled_from(
    [{"*": "read"}, {"*": "write"}]
)
concurrency = st.builds(Concurrency, group=texts, cancel_running=flags)
defaults = some(shell=texts, directory=texts).map(lambda found: Defaults(**found))
step_fields = some(
    id=ids,
    name=texts,
    when=expressions,
    variables=tables,
    timeout=durations,
    allow_failure=flags,
    background=st.booleans(),
    vendor=vendor(),
)
ACTIONS = {row.action: row for row in TABLES.steps.rows if row.version and not row.note}


@st.composite
def steps(draw: st.DrawFn) -> Step:
    action = draw(st.sampled_from(["run", "opaque", "wait", "stop", *sorted(ACTIONS)]))
    more = draw(step_fields)
    if action in ("wait", "stop"):
        more.pop("background", None)
        one = ids | st.lists(ids, min_size=1, max_size=2) if action == "wait" else ids
        return Step(action=action, inputs={"steps": draw(one)}, **more)
    if action == "run":
        return Step(
            action=action, inputs={"script": draw(texts), **draw(some(shell=texts, directory=texts))}, **more
        )
    if action == "opaque":
        value = draw(
            st.dictionaries(own_keys, values, min_size=1, max_size=2)
            | st.just({"uses": "./here", "with": {"a": 1}})
        )
        more.pop("vendor", None)
        return Step(action=action, inputs={"vendor": "github-actions", "value": value}, **more)
    row = ACTIONS[action]
    needed = [ours for ours in row.inputs if row.input(ours).name in row.defaults]  # type: ignore[union-attr]
    if action == "cache.restore":  # without its path a person has to say it
        needed.append("path")
    needed += ["name"] if action == "artifact.upload" else []  # else the writer finds one
    given = draw(st.lists(st.sampled_from(sorted(row.inputs)), unique=True, max_size=3))
    no_list = (values | texts).filter(lambda value: not isinstance(value, list | dict))  # inputs are texts
    inputs = {name: draw(no_list) for name in {*given, *needed}}
    if action == "tests.publish" and "path" in inputs:  # folders become globs
        inputs["path"] = draw(ids.map("{}/*.xml".format))
    return Step(action=action, inputs=inputs, **more)


@st.composite
def stages(draw: st.DrawFn, name: str, before: list[str]) -> Stage:
    more = draw(
        some(
            name=texts,
            needs=st.lists(st.sampled_from(before), unique=True).map(tuple) if before else st.just(()),
            when=expressions,
            matrix=matrices,
            fail_fast=flags,
            max_parallel=st.integers(1, 99) | templates,
            container=containers,
            services=st.dictionaries(ids, services, max_size=2),
            environment=st.builds(Environment, name=texts, url=st.none() | texts),
            variables=tables,
            defaults=defaults,
            permissions=permissions,
            concurrency=concurrency,
            outputs=tables,
            timeout=durations,
            allow_failure=flags,
            vendor=vendor(),
        )
    )
    return Stage(
        id=name, runner=draw(runners), steps=tuple(draw(st.lists(steps(), min_size=1, max_size=3))), **more
    )


@st.composite
def triggers(draw: st.DrawFn) -> tuple[Trigger, ...]:
    found = []
    for event in draw(st.lists(st.sampled_from(sorted(TABLES.triggers.theirs)), unique=True)):
        filters = {
            field: plain if field in ("cron", "timezone") else st.lists(plain, max_size=2).map(tuple)
            for field in catalogue().triggers[event].filters
        }
        options = st.dictionaries(own_keys, values, max_size=1)
        if event == "upstream":
            options = st.lists(plain, min_size=1, max_size=2).map(lambda names: {"pipelines": names})
        found += [
            Trigger(event=event, options=draw(options), **draw(some(**filters)))
            for _ in range(draw(st.integers(1, 2)) if event == "schedule" else 1)
        ]
    for word in draw(st.lists(own_keys, unique=True, max_size=2)):
        found.append(
            Trigger(event="opaque", options={"vendor": "github-actions", "value": {word: draw(values)}})
        )
    return tuple(found)


def parameters(called: bool) -> st.SearchStrategy[Parameter]:
    kinds = ["string", "boolean", "number", *([] if called else ["choice", "environment"])]
    return st.builds(
        Parameter,
        type=st.sampled_from(kinds),
        description=st.none() | plain,
        default=values,
        choices=st.just(()) if called else st.lists(values, max_size=3).map(tuple),
        required=st.booleans(),
    )


@st.composite
def pipelines(draw: st.DrawFn) -> Pipeline:
    names = draw(st.lists(ids, unique=True, min_size=1, max_size=3))
    started = draw(triggers()) or (Trigger(event="push"),)
    events = {trigger.event for trigger in started}
    inputs = st.dictionaries(ids, parameters("call" in events), max_size=2)
    more = draw(
        some(
            build_name=texts,
            variables=tables,
            defaults=defaults,
            permissions=permissions,
            concurrency=concurrency,
            vendor=vendor(),
        )
    )
    return Pipeline(
        name=draw(plain.filter(bool)),
        triggers=started,
        parameters=draw(inputs) if events & {"manual", "call"} else {},
        stages=tuple(draw(stages(name, names[:at])) for at, name in enumerate(names)),
        **more,
    )


@settings(max_examples=150)
@given(pipelines())
def test_what_is_written_reads_back_equal(pipeline: Pipeline) -> None:
    writing = WRITER.write(pipeline)
    assert writing.findings == ()
    reading = READER.read(writing.documents)
    assert reading.pipeline == pipeline
    # only the invented keys, events and types are told
    assert all(one.why.startswith("GitHub does not know it") for one in reading.findings)
    counts = reading.source.accounting()
    assert counts.nodes == counts.exact + counts.equivalent > 0
