"""Every table that comes with pipemgr fits its schema, is sorted, names its source and hangs together."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import pipemgr_mappings
from pipemgr.mapping import schema
from pipemgr.mapping.catalogue import catalogue
from pipemgr.mapping.loader import load
from pipemgr.mapping.tables import Tables

ROOT = Path(pipemgr_mappings.__file__).parent
TABLES = sorted(ROOT.glob("*/*.yaml"))
VENDORS = sorted({path.parent.name for path in TABLES} - {"catalogue"})


def kind(path: Path) -> str:
    return f"catalogue-{path.stem}" if path.parent.name == "catalogue" else path.stem


def data(path: Path) -> dict[str, Any]:
    return yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506 - strings only


def names(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def test_there_are_tables() -> None:
    assert {"github-actions", "local"} <= set(VENDORS)


@pytest.mark.parametrize("path", TABLES, ids=names)
def test_every_table_is_checked_against_its_kind_and_the_catalogue(path: Path) -> None:
    table = load(path, schema.FILES[kind(path)], catalogue())
    assert table.checked >= date(2026, 1, 1)
    assert all(table.source)


@pytest.mark.parametrize("path", [path for path in TABLES if path.parent.name in VENDORS], ids=names)
def test_vendors_tables_name_the_vendors_own_pages(path: Path) -> None:
    assert any(page.startswith("https://") for page in data(path)["source"])


@pytest.mark.parametrize("path", TABLES, ids=names)
def test_rows_are_sorted(path: Path) -> None:
    tables = {key: value for key, value in data(path).items() if key not in ("source", "checked", "version")}
    tables.pop("usual", [])  # from the smallest up
    for rows in (rows for rows in tables.values() if isinstance(rows, list)):
        if all(isinstance(row, str) for row in rows):
            assert rows == sorted(rows)
            continue
        keys: list[Any] = [
            next(row[key] for key in ("word", "call", "action", "name", "variable", "text") if key in row)
            for row in rows
            if not {"trigger", "runner", "image", "element", "root"} & row.keys()
        ]
        if path.stem == "elements":
            keys = [row.get("element") or row["root"] for row in rows]
        elif path.stem == "steps":
            local = path.parent.name == "local"
            keys = [(0, row["call"]) if "call" in row and not local else (1, row["action"]) for row in rows]
        elif path.stem in ("triggers", "runners") and path.parent.name != "catalogue":
            keys = [row.get("image") or row[path.stem.removesuffix("s")] for row in rows]
        assert keys == sorted(keys)


@pytest.mark.parametrize("name", sorted(schema.FILES))
def test_schemas_are_those_of_the_rows(name: str) -> None:
    file = ROOT / "schema" / f"{name}.json"
    assert file.read_text(encoding="utf-8") == schema.text(name), "run: python -m pipemgr.mapping.schema"
    jsonschema.Draft202012Validator.check_schema(json.loads(file.read_text(encoding="utf-8")))


def test_no_schema_is_left_over() -> None:
    assert {path.stem for path in (ROOT / "schema").glob("*")} == set(schema.FILES)


@pytest.mark.parametrize("path", TABLES, ids=names)
def test_files_fit_their_json_schema(path: Path) -> None:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    plain = json.loads(json.dumps(loaded, default=str))
    jsonschema.validate(plain, schema.schema(kind(path)))


def test_every_action_is_built_in_or_some_vendor_writes_it() -> None:
    written = {
        row.action for vendor in VENDORS for row in Tables.of(vendor).steps.rows if row.version or row.run
    }
    missing = {name for name, action in catalogue().actions.items() if not action.built_in} - written
    assert missing == set()


def test_a_built_in_action_needs_no_row() -> None:
    rows = {
        row.action for vendor in VENDORS for row in Tables.of(vendor).steps.rows if row.version or row.run
    }
    assert not {name for name, action in catalogue().actions.items() if action.built_in} & rows


@pytest.mark.parametrize("vendor", VENDORS)
def test_two_way_rows_lead_back(vendor: str) -> None:
    tables = Tables.of(vendor)
    for row in tables.steps.rows:
        if row.call is not None:
            assert tables.steps.read(row.call) is row
            theirs = [found.name for ours in row.inputs if (found := row.input(ours))]
            assert len(theirs) == len(set(theirs)), f"{row.call} has two inputs of ours for one of theirs"
    for ours, theirs_word in tables.triggers.theirs.items():
        assert tables.triggers.ours[theirs_word] == ours


def test_no_word_of_the_catalogue_hides_another() -> None:
    contexts = catalogue().contexts
    inner = {name for name in contexts if "." in name}
    assert {name for name in inner if name.partition(".")[0] in contexts} == set()
