"""Tables: look-ups both ways, the order of the layers, and mistakes told with their line."""

from pathlib import Path

import pytest

from pipemgr.errors import MappingError
from pipemgr.mapping.catalogue import catalogue
from pipemgr.mapping.convert import from_vendor, to_vendor
from pipemgr.mapping.tables import Tables
from pipemgr.model.expressions import parse

HEAD = "source: [https://acme.example/docs]\nchecked: 2026-11-23\n"


def write(folder: Path, name: str, rows: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + rows, encoding="utf-8")


def test_steps_both_ways() -> None:
    steps = Tables.of("github-actions").steps
    row = steps.read("actions/checkout")
    assert row is not None
    assert row.action == "checkout"
    assert steps.write("checkout") is row
    depth = row.input("depth")
    assert depth is not None
    assert depth.name == "fetch-depth"
    assert row.input("no-such") is None
    assert steps.read("acme/unknown") is None
    assert steps.write("no.such") is None


def test_an_alias_is_read_and_not_written() -> None:
    steps = Tables.of("github-actions").steps
    alias, written = steps.read("dorny/test-reporter"), steps.write("tests.publish")
    assert alias is not None
    assert written is not None
    assert alias.action == written.action
    assert written.call == "mikepenz/action-junit-report"


def test_triggers_runners_and_variables_both_ways() -> None:
    tables = Tables.of("github-actions")
    assert tables.triggers.theirs["manual"] == "workflow_dispatch"
    assert tables.triggers.ours["workflow_dispatch"] == "manual"
    assert tables.runners.theirs["linux"] == "ubuntu-latest"
    assert tables.runners.ours["macos-latest"] == "macos"
    assert tables.runners.ours["ubuntu-24.04-arm"] == "ubuntu-24.04-arm", "a write-only row is not read"
    assert tables.variables.functions.theirs["canceled"] == "cancelled"
    assert tables.variables.environment.ours["GITHUB_SHA"] == "commit"
    assert ("commit", parse("github.sha")) in [(row.name, tree) for row, tree in tables.variables.contexts]


def test_a_vendor_without_tables_has_empty_ones() -> None:
    tables = Tables.of("acme")
    assert not tables
    assert not tables.has("steps")
    assert tables.steps.rows == ()
    assert tables.runners.theirs == {}
    assert tables.variables.contexts == ()


def test_tables_are_read_once() -> None:
    assert Tables.of("github-actions") is Tables.of("github-actions")
    assert Tables.of("github-actions").steps is Tables.of("github-actions").steps


def test_later_layers_win_row_by_row(tmp_path: Path) -> None:
    own, overlay = tmp_path / "own", tmp_path / "overlay"
    write(
        own,
        "steps.yaml",
        "rows:\n  - {call: actions/checkout, action: checkout, version: v1}\n  - {call: own/one, action: cache, version: v1}\n",
    )
    write(
        overlay,
        "github-actions/steps.yaml",
        "rows:\n  - {call: actions/cache, action: cache, version: v99}\n",
    )
    steps = Tables.of("github-actions", own, overlay).steps
    checkout, cache, one = (steps.read(call) for call in ("actions/checkout", "actions/cache", "own/one"))
    assert checkout is not None
    assert checkout.version != "v1", "what is shipped wins over the adapter's own"
    assert cache is not None
    assert cache.version == "v99", "the overlay wins over what is shipped"
    assert one is not None, "rows of no other layer stay"


def test_a_team_maps_its_own_action_to_its_own_name(tmp_path: Path) -> None:
    write(
        tmp_path,
        "catalogue/actions.yaml",
        "rows:\n  - {name: acme.deploy, description: Deploy., inputs: {to: {description: Where to.}}}\n",
    )
    write(
        tmp_path,
        "github-actions/steps.yaml",
        "rows:\n  - {call: acme/deploy, action: acme.deploy, version: v2, inputs: {to: target}}\n",
    )
    row = Tables.of("github-actions", overlay=tmp_path).steps.read("acme/deploy")
    assert row is not None
    assert row.action == "acme.deploy"
    assert "acme.deploy" in catalogue(tmp_path).actions
    assert "acme.deploy" not in catalogue().actions


@pytest.mark.parametrize(
    ("file", "rows", "line", "message"),
    [
        ("steps.yaml", "rows:\n  - {call: a/b, action: no.such}\n", 4, "catalogue has no 'no.such'"),
        (
            "steps.yaml",
            "rows:\n  - call: a/b\n    action: cache\n    inputs: {bogus: x}\n",
            4,
            "no input bogus",
        ),
        ("steps.yaml", "rows:\n  - {action: cache}\n", 4, "either a call or a run"),
        ("steps.yaml", "rows:\n  - call: a/b\n    action: cache\n    verison: v1\n", 6, "verison"),
        ("steps.yaml", "rows:\n  - call: a/b\n    call: a/c\n", 5, "stands twice"),
        ("triggers.yaml", "rows:\n  - {trigger: tide, word: tide}\n", 4, "catalogue has no 'tide'"),
        ("runners.yaml", "rows:\n  - {runner: abacus, label: x}\n", 4, "catalogue has no 'abacus'"),
        ("variables.yaml", "functions:\n  - {name: frob, word: x}\n", 4, "catalogue has no 'frob'"),
        ("statuses.yaml", "rows:\n  - {word: ok, kinds: [run], state: done}\n", 4, "state"),
        ("statuses.yaml", "rows: [\n", 4, "not valid YAML"),
    ],
)
def test_mistakes_are_told_with_their_line(
    file: str, rows: str, line: int, message: str, tmp_path: Path
) -> None:
    write(tmp_path, f"acme/{file}", rows)
    with pytest.raises(MappingError, match=message) as caught:
        getattr(Tables("acme", overlay=tmp_path), file.removesuffix(".yaml"))
    assert caught.value.where is not None
    assert caught.value.where.startswith(f"acme/{file}:")
    assert abs(int(caught.value.where.rpartition(":")[2]) - line) <= 1


def test_words_such_as_on_and_yes_are_strings(tmp_path: Path) -> None:
    write(tmp_path, "acme/statuses.yaml", "rows:\n  - {word: yes, kinds: [on], state: queued}\n")
    assert Tables("acme", overlay=tmp_path).statuses.words("on") == {"yes"}


@pytest.mark.parametrize(
    ("convert", "ours", "theirs"),
    [
        ("same", "x", "x"),
        ("not", True, False),
        ("yes-no", True, "yes"),
        ("yes-no", False, "no"),
        ("lines", ["a", "b"], "a\nb"),
        ("commas", ["a", "b"], "a,b"),
    ],
)
def test_values_change_both_ways(convert: str, ours: object, theirs: object) -> None:
    assert to_vendor(ours, convert) == theirs  # type: ignore[arg-type]
    assert from_vendor(theirs, convert) == ours  # type: ignore[arg-type]


@pytest.mark.parametrize("convert", ["not", "yes-no", "lines", "commas"])
def test_a_template_stays_as_it_is(convert: str) -> None:
    assert to_vendor("${{ a }}", convert) == "${{ a }}"  # type: ignore[arg-type]
    assert from_vendor("${{ a }}", convert) == "${{ a }}"  # type: ignore[arg-type]
