"""Real workflows, all of them: read or refused with a place, accounted for, written back the same, and valid.

The comparison with the source goes by plain YAML, so it does not trust the reader.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipemgr.adapter.registry import Registry
from pipemgr.mapping.catalogue import catalogue
from pipemgr.model.expressions import parse
from pipemgr.model.templates import template
from pipemgr.translate.base import Dialect
from pipemgr.translate.between import carried
from pipemgr.translate.convert import Conversion, convert, read
from pipemgr.translate.document import DocumentSet, load
from pipemgr.translate.names import Names
from pipemgr.translate.native import native_dialect
from pipemgr.translate.report import Outcome

pytestmark = pytest.mark.corpus


@pytest.fixture(scope="module")
def workflows(corpus: Path) -> dict[str, DocumentSet]:
    files = sorted((corpus / "definitions" / "gha").glob("*.y*ml"))
    assert len(files) >= 100
    return {
        file.name: DocumentSet(documents=(load(file, f".github/workflows/{file.name.split('__')[-1]}"),))
        for file in files
    }


@pytest.fixture(scope="module")
def github() -> Dialect:
    return Registry().dialect("github-actions")


@pytest.fixture(scope="module")
def native() -> Dialect:
    known = catalogue()
    names = Names(known.contexts, known.functions)
    return native_dialect(known.inputs(), known.shorts(), known.triggers, names)


@pytest.fixture(scope="module")
def written(workflows: dict[str, DocumentSet], github: Dialect) -> dict[str, Conversion]:
    return {name: convert(documents, github, github) for name, documents in workflows.items()}


def complete(conversion: Conversion) -> bool:
    counts = conversion.report.accounting.model_dump()
    return bool(counts.pop("nodes") == sum(counts.values()))


def test_every_workflow_is_read_or_refused_with_its_place(written: dict[str, Conversion]) -> None:
    for name, conversion in written.items():
        assert complete(conversion), name
        for finding in conversion.report.findings:
            assert re.fullmatch(r".+:\d+:\d+", finding.source), (name, finding)
    outcomes = Counter(conversion.report.outcome for conversion in written.values())
    print(f"\nworkflows to GitHub Actions: {dict(outcomes)}")  # noqa: T201 - the numbers are the point
    assert outcomes[Outcome.SUCCESSFUL] == len(written)


def test_what_is_written_reads_back_equal(written: dict[str, Conversion], github: Dialect) -> None:
    differ = [
        name
        for name, conversion in written.items()
        if conversion.documents and read(conversion.documents, github).pipeline != conversion.pipeline
    ]
    assert differ == []


def test_our_own_format_holds_all_of_it(
    workflows: dict[str, DocumentSet], github: Dialect, native: Dialect
) -> None:
    outcomes: Counter[str] = Counter()
    for name, documents in workflows.items():
        conversion = convert(documents, github, native)
        outcomes[conversion.report.outcome] += 1
        assert complete(conversion), name
        if conversion.documents:
            assert conversion.pipeline is not None
            there = carried(
                conversion.pipeline, github, native
            ).pipeline  # variables that GitHub gives are named
            assert read(conversion.documents, native).pipeline == there, name
            back = convert(conversion.documents, native, github)
            assert read(back.documents, github).pipeline == carried(there, native, github).pipeline, name
    print(f"\nworkflows to our own format: {dict(outcomes)}")  # noqa: T201 - the numbers are the point
    assert outcomes[Outcome.SUCCESSFUL] == len(workflows)


def test_composite_actions_are_read_and_written_again(corpus: Path, github: Dialect) -> None:
    files = sorted((corpus / "definitions" / "gha-composite").glob("*.y*ml"))
    assert files
    for file in files:
        conversion = convert(DocumentSet(documents=(load(file, file.name),)), github, github)
        assert conversion.report.outcome == Outcome.SUCCESSFUL, (file.name, conversion.report)
        assert complete(conversion), file.name
        assert read(conversion.documents, github).pipeline == conversion.pipeline, file.name


def test_what_is_written_is_valid(corpus: Path, written: dict[str, Conversion], tmp_path: Path) -> None:
    for name, conversion in written.items():
        for document in conversion.documents:
            (tmp_path / name).write_text(document.text, encoding="utf-8")
    ours = invalid(sorted(tmp_path.iterdir()))
    assert ours <= invalid([corpus / "definitions" / "gha" / name for name in sorted(ours)])


def invalid(files: list[Path]) -> set[str]:
    """The names of the files that GitHub's published schema refuses."""
    if not files:
        return set()
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
        "-o",
        "json",
    ]
    done = subprocess.run(
        [*command, *map(str, files)], capture_output=True, text=True, check=False, timeout=250
    )
    answer = json.loads(done.stdout)
    found = [*answer["errors"], *answer["parse_errors"]]
    return {Path(error["filename"]).name for error in found}


# The source and what is written, compared as plain YAML ------------------------------------------------


class Loader(yaml.SafeLoader):
    """YAML with `on` as a string."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - overrides the library's own
        first: [(tag, pattern) for tag, pattern in rows if not tag.endswith(":bool")]
        for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def test_nothing_but_spelling_changes(
    workflows: dict[str, DocumentSet], written: dict[str, Conversion]
) -> None:
    changed = []
    for name, documents in workflows.items():
        before, after = (
            normal(yaml.load(next(iter(one)).text, Loader))  # noqa: S506 - a safe loader
            for one in (documents, written[name].documents)
        )
        changed += [(name, *difference) for difference in differences(before, after)]
    assert changed == []


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            yield from differences(before.get(key, "(absent)"), after.get(key, "(absent)"), f"{path}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for at, pair in enumerate(zip(before, after, strict=True)):
            yield from differences(*pair, f"{path}[{at}]")
    elif before != after:
        yield path, before, after


def normal(workflow: Any) -> Any:
    """A workflow in one spelling, where GitHub takes several."""
    data = scalars(workflow)
    data["on"] = events(data["on"])
    data["jobs"] = {name: job(one) for name, one in data["jobs"].items()}
    return shortened(data, concurrency="group")


def scalars(value: Any, key: str = "") -> Any:
    match value:
        case dict():
            return {name: scalars(one, name) for name, one in value.items()}
        case list():
            return [scalars(one, key) for one in value]
        case None:
            return None
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.15g}"
    return expression(str(value), condition=key == "if")


def expression(text: str, *, condition: bool) -> str:
    if condition and text.startswith("${{") and text.endswith("}}") and text.count("${{") == 1:
        text = text[3:-2]
    if condition and "${{" in text:
        whole, parts = "", []
        for part in template(text):
            whole += part if isinstance(part, str) else f"{{{len(parts)}}}"
            parts += [] if isinstance(part, str) else [str(part)]
        quoted = whole.replace("'", "''")
        return f"format('{quoted}', {', '.join(parts)})".lower()
    if condition:
        return str(parse(text)).lower()
    if "${{" not in text:
        return text
    parts = [part if isinstance(part, str) else f"${{{{ {part} }}}}".lower() for part in template(text)]
    return "".join(parts)


def events(on: Any) -> dict[str, Any]:
    if not isinstance(on, dict):
        return dict.fromkeys([on] if isinstance(on, str) else on)
    return {word: event(one) for word, one in on.items()}


def event(spec: Any) -> Any:
    if not isinstance(spec, dict):
        return spec
    lists = ("types", "branches", "paths", "tags")
    found = {key: [one] if key in lists and isinstance(one, str) else one for key, one in spec.items()}
    if "inputs" in found:
        inputs = {name: {"type": "string", **(one or {})} for name, one in found["inputs"].items()}
        found["inputs"] = {
            name: {key: value for key, value in one.items() if (key, value) != ("required", "false")}
            for name, one in inputs.items()
        }
    return {key: one for key, one in found.items() if one != {}} or None


def job(data: dict[str, Any]) -> dict[str, Any]:
    found = shortened(data, container="image", environment="name", concurrency="group")
    if isinstance(found.get("runs-on"), list) and len(found["runs-on"]) == 1:
        found["runs-on"] = found["runs-on"][0]
    if isinstance(found.get("runs-on"), str):
        found["runs-on"] = found["runs-on"].lower()
    if isinstance(found.get("needs"), str):
        found["needs"] = [found["needs"]]
    return found


def shortened(data: dict[str, Any], **only: str) -> dict[str, Any]:
    found = dict(data)
    for key, one in only.items():
        value = found.get(key)
        if isinstance(value, dict) and value.get("cancel-in-progress") == "false":
            value = {name: entry for name, entry in value.items() if name != "cancel-in-progress"}
        found |= (
            {key: value[one] if isinstance(value, dict) and list(value) == [one] else value}
            if key in found
            else {}
        )
    return found
