"""Table files in: YAML becomes checked rows, and every mistake is told with its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import ValidationError

from pipemgr.errors import MappingError
from pipemgr.model.base import Value

Place = tuple[str | int, ...]
Table = TypeVar("Table", bound=Value)

PACKAGE: Final = "pipemgr_mappings"


def shipped(folder: str) -> Traversable:
    """A folder of the tables that come with pipemgr; it need not exist."""
    return files(PACKAGE).joinpath(folder)


_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_BASE):  # type: ignore[misc]
    """YAML with true and false as the only booleans and no dates: tables hold vendors' words, such as `on`."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - overrides the library's own class attribute
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":timestamp"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"true|false"), list("tf"))


def load(path: Traversable | Path, model: type[Table], catalogue: object = None) -> Table:
    """The table in a file, checked against `model`; neutral names must be in `catalogue`, if one is given.

    Raises `MappingError` with `file:line` for what is no YAML, a key that stands twice, or a row that does not
    fit.
    """
    name = _shown(path)
    loader = _Loader(path.read_text(encoding="utf-8"))
    try:
        node = loader.get_single_node()
        lines = dict(_lines(node, (), name)) if node is not None else {}
        data = loader.construct_document(node) if node is not None else {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise MappingError(
            f"not valid YAML: {error.problem}", where=f"{name}:{mark.line + 1 if mark else 1}"
        ) from None
    finally:
        loader.dispose()
    try:
        return model.model_validate(data, context=catalogue)
    except ValidationError as error:
        raise _clear(error, lines, name) from None


def _shown(path: Traversable | Path) -> str:
    """The last two parts of the path: the vendor and the kind of table."""
    return "/".join(Path(str(path)).parts[-2:])


def _lines(node: yaml.Node, place: Place, name: str) -> Iterator[tuple[Place, int]]:
    """Every place in a document and its line, counted from 1."""
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for at, child in enumerate(node.value):
            yield from _lines(child, (*place, at), name)
    elif isinstance(node, yaml.MappingNode):
        seen: set[Hashable] = set()
        for key, child in node.value:
            if key.value in seen:
                raise MappingError(
                    f"the key {key.value!r} stands twice", where=f"{name}:{key.start_mark.line + 1}"
                )
            seen.add(key.value)
            yield from _lines(child, (*place, key.value), name)


def _clear(error: ValidationError, lines: dict[Place, int], name: str) -> MappingError:
    """The first mistake, with the line of the innermost place that the file has."""
    first = error.errors(include_url=False)[0]
    place: Place = first["loc"]
    inner = next((place[:end] for end in range(len(place), -1, -1) if place[:end] in lines), ())
    at = ".".join(map(str, place))
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return MappingError(
        f"{at}: {first['msg'].removeprefix('Value error, ')}{more}",
        where=f"{name}:{lines.get(inner, 1)}",
        remedy="mappings/README.md describes the tables; schema/ has a JSON Schema of each for editors",
    )


Row = TypeVar("Row")


def layered(layers: Iterator[tuple[Row, ...]], key: Callable[[Row], Hashable]) -> tuple[Row, ...]:
    """The rows of all layers; a later layer's row takes the place of an earlier one with the same key."""
    rows: dict[Any, Row] = {}
    for layer in layers:
        rows.update((key(row), row) for row in layer)
    return tuple(rows.values())
