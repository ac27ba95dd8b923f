"""Configuration: `pipemgr.toml`, found and checked, every mistake with its line.

Paths in the file start at the file's folder. `PIPEMGR_CONFIG` names another file, `PIPEMGR_LEDGER_URL` another
database. `python -m pipemgr.config` prints the JSON Schema, which is kept in `config.schema.json`.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Annotated, Any, Final, Literal, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    WithJsonSchema,
    field_validator,
)

from pipemgr.errors import BadSettings, ConfigurationError, NoWorkspace
from pipemgr.model.definitions import seconds
from pipemgr.secrets import SecretRef

FILE_NAME: Final = "pipemgr.toml"
STATE: Final = ".pipemgr"
CONFIG_VARIABLE: Final = "PIPEMGR_CONFIG"
LEDGER_VARIABLE: Final = "PIPEMGR_LEDGER_URL"
_SQLITE: Final = "sqlite:///"

Key = tuple[str, ...]
Settings = TypeVar("Settings", bound=BaseModel)


def _span(value: Any) -> Any:
    length = seconds(value) if isinstance(value, str) else None
    if length is None:
        raise ValueError("write a span of time as text, such as 90s, 20m, 2h or 1d")
    return length


Span = Annotated[
    float, BeforeValidator(_span), WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?[smhd]$"})
]
"""A span of time in seconds; written `90s`, `20m`, `2h` or `1d`."""


class Section(BaseModel):
    """Base of all tables of the file: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class LedgerConfig(Section):
    """Where everything that happened is kept."""

    url: str = Field(
        f"{_SQLITE}{STATE}/ledger.db",
        description="Address of the database: sqlite:///PATH or postgresql://USER@HOST/NAME, without a password.",
    )
    password: SecretRef | None = Field(None, description="Where the database's password is.")
    signing_key: Path | None = Field(
        None, description="PEM file of the private Ed25519 key that checkpoints are signed with."
    )
    public_key: Path | None = Field(
        None, description="PEM file of the public key that `pipemgr ledger verify` checks signatures with."
    )
    blobs: Path | None = Field(
        None, description="Folder of the logs (.pipemgr/blobs); workers on several machines must share it."
    )

    @field_validator("url")
    @classmethod
    def _no_password(cls, url: str) -> str:
        if "\0" in url:
            raise ValueError("this is no address of a database")
        try:
            has_password = bool(urlsplit(url).password)
        except ValueError:
            raise ValueError("this is no address of a database") from None
        if has_password:
            raise ValueError('keep the password out of the address: password = "env:NAME"')
        return url


class DefinitionsConfig(Section):
    """Where pipelines are defined."""

    files: tuple[str, ...] = Field(
        ("pipelines/*.yaml",), description="Globs of definition files, relative to this file's folder."
    )

    @field_validator("files")
    @classmethod
    def _inside(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        for glob in files:
            path = PurePath(glob)
            if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in glob:
                raise ValueError(
                    f"{glob!r} can't be used: name files relative to this one, in its folder or below"
                )
        return files


class ConnectionConfig(Section):
    """A vendor to publish to and to observe."""

    adapter: str = Field(description="Name of the adapter; `pipemgr adapter list` prints them.")
    pipelines: tuple[str, ...] = Field(("*",), description="Names or globs of the pipelines published there.")
    poll_every: Span = Field(
        60.0,
        description="How often to look for builds when nothing runs.",
        gt=0,
        json_schema_extra={"default": "60s"},
    )
    poll_running: Span = Field(
        10.0, description="How often to look while a build runs.", gt=0, json_schema_extra={"default": "10s"}
    )
    poll_idle: Span = Field(
        300.0,
        description="How rarely at most, when nothing happens for long.",
        gt=0,
        json_schema_extra={"default": "5m"},
    )
    history: Span = Field(
        30 * 86_400.0,
        description="How far back builds are read, and looked for again when something may have been missed.",
        ge=0,
        json_schema_extra={"default": "30d"},
    )
    history_every: Span = Field(
        86_400.0,
        description="How often the past is walked through again.",
        gt=0,
        json_schema_extra={"default": "1d"},
    )
    storm: int = Field(
        1000,
        description="More new builds than this in one poll are not taken without asking.",
        gt=0,
    )
    logs: Literal["all", "failed", "none"] = Field(
        "all", description="Whose logs are kept: of all builds, of those that did not end well, or none."
    )
    settings: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="What the adapter needs; `pipemgr adapter show NAME` prints the keys.",
    )


class PollingConfig(Section):
    """Who polls, when it is more than one command at a time."""

    workers: int = Field(4, description="How many connections one process polls at once.", gt=0, le=64)
    broker: str | None = Field(
        None,
        description="Address of the broker of `pipemgr worker` and `pipemgr beat`, without a password: "
        "redis://HOST/0 or amqp://USER@HOST//.",
    )
    broker_password: SecretRef | None = Field(None, description="Where the broker's password is.")


class RetentionConfig(Section):
    """How long things are kept; the entries of the ledger are kept for ever."""

    logs: Span | None = Field(
        None,
        description="How long the texts of logs are kept after their build; unless given, for ever.",
        json_schema_extra={"default": None},
    )
    builds: Span | None = Field(
        None,
        description="How long builds are kept after their end; unless given, for ever.",
        json_schema_extra={"default": None},
    )


class MappingsConfig(Section):
    """Tables of vendors' words."""

    overlay: Path | None = Field(None, description="A folder of your own tables, laid over those of pipemgr.")


class TranslationConfig(Section):
    """How translation treats loss."""

    strictness: Literal["report", "warn", "refuse"] = Field(
        "warn", description="What a loss leads to: it is in the report, printed as well, or refused."
    )


class Config(Section):
    """pipemgr.toml as a whole."""

    ledger: LedgerConfig = LedgerConfig()
    definitions: DefinitionsConfig = DefinitionsConfig()
    connections: dict[str, ConnectionConfig] = Field(default_factory=dict, description="Connections by name.")
    polling: PollingConfig = PollingConfig()
    retention: RetentionConfig = RetentionConfig()
    mappings: MappingsConfig = MappingsConfig()
    translation: TranslationConfig = TranslationConfig()

    @field_validator("connections")
    @classmethod
    def _plain_names(cls, connections: dict[str, ConnectionConfig]) -> dict[str, ConnectionConfig]:
        for name in connections:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name):
                raise ValueError(
                    f"{name!r} is no name for a connection: use up to 64 letters, digits, - _ and ."
                )
        return connections


@dataclass(frozen=True)
class Workspace:
    """A folder with a configuration, its pipelines and what pipemgr keeps about them."""

    path: Path
    """The configuration file."""
    config: Config
    lines: dict[Key, int] = field(default_factory=dict, repr=False)
    """The line of each key in the file."""

    @property
    def root(self) -> Path:
        """The folder of the configuration file; relative paths start there."""
        return self.path.parent

    @property
    def state(self) -> Path:
        """The folder of what pipemgr keeps here; made when first asked for, and hidden from version control.

        Raises `ConfigurationError` when it can't be made.
        """
        folder = self.root / STATE
        try:
            folder.mkdir(exist_ok=True)
            if not (hidden := folder / ".gitignore").exists():
                hidden.write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(
                f"can't be written: {error.strerror}",
                where=str(folder),
                remedy="allow it, or move the workspace",
            ) from None
        return folder

    @property
    def overlay(self) -> Path | None:
        """The folder of the user's own tables; raises `ConfigurationError` when there is none of that name."""
        overlay = self.config.mappings.overlay
        if overlay is None:
            return None
        folder = self.root / overlay
        if not folder.is_dir():
            line = self.lines.get(("mappings", "overlay"), 1)
            raise ConfigurationError(
                f"mappings.overlay: there is no folder {folder}",
                where=f"{self.path}:{line}",
                remedy="make it, or leave the key out",
            )
        return folder

    @property
    def ledger_url(self) -> str:
        """The address of the database as its driver wants it, with the password: not for printing.

        Raises `SecretNotFound` when the password's reference leads nowhere.
        """
        ledger = self.config.ledger
        url = os.environ.get(LEDGER_VARIABLE) or ledger.url
        path, mark, query = url.removeprefix(_SQLITE).partition("?")
        if url.startswith(_SQLITE) and path and path != ":memory:":
            return f"{_SQLITE}{self.state.parent / path}{mark}{query}"
        return _with_password(url, ledger.password.resolve(self.root)) if ledger.password else url

    def settings(self, connection: str, kind: type[Settings]) -> Settings:
        """The settings of a connection as its adapter's class; raises `BadSettings` with every line."""
        place = ("connections", connection, "settings")
        try:
            return kind.model_validate(self.config.connections[connection].settings)
        except ValidationError as error:
            message, where = _told(error, kind, self.path, self.lines, place)
            raise BadSettings(
                message,
                where=where,
                remedy=f"`pipemgr adapter show {self.config.connections[connection].adapter}` prints the keys",
            ) from None


def find(start: Path) -> Workspace:
    """The workspace that `start` lies in: the nearest folder upwards with a pipemgr.toml.

    Raises `ConfigurationError` where there is none, or where it is wrong.
    """
    if named := os.environ.get(CONFIG_VARIABLE):
        return load(Path(named))
    start = start.absolute()
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return load(folder / FILE_NAME)
    raise NoWorkspace(
        f"there is no {FILE_NAME} here or above", where=str(start), remedy="make a workspace: pipemgr init"
    )


def load(path: Path) -> Workspace:
    """The workspace of a configuration file; raises `ConfigurationError` with `file:line` of every mistake."""
    path = path.absolute()
    text = _text(path)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(error, path) from None
    except RecursionError:
        raise ConfigurationError("nested too deeply", where=str(path)) from None
    lines = _lines(text)
    try:
        return Workspace(path, Config.model_validate(data), lines)
    except ValidationError as error:
        message, where = _told(error, Config, path, lines)
        remedy = "`pipemgr schema config` describes every key"
        raise ConfigurationError(message, where=where, remedy=remedy) from None


def schema() -> dict[str, Any]:
    """The JSON Schema of pipemgr.toml."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Config.model_json_schema(),
        "title": FILE_NAME,
    }


def schema_text() -> str:
    """The JSON Schema as it is kept in `config.schema.json`."""
    return json.dumps(schema(), indent=2) + "\n"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError("not UTF-8 text", where=str(path), remedy="save the file as UTF-8") from None
    except OSError as error:
        remedy = "make a workspace: pipemgr init"
        raise ConfigurationError(f"can't be read: {error.strerror}", where=str(path), remedy=remedy) from None


def _no_toml(error: tomllib.TOMLDecodeError, path: Path) -> ConfigurationError:
    match = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", str(error), re.DOTALL)
    message, line, column = match.groups() if match else (str(error), None, None)
    where = f"{path}:{line}:{column}" if line else str(path)
    return ConfigurationError(
        f"not valid TOML: {message}", where=where, remedy="https://toml.io describes it"
    )


def _with_password(url: str, password: str) -> str:
    scheme, mark, rest = url.partition("://")
    user, at, host = rest.rpartition("@")
    if not at:
        raise ConfigurationError(
            "the ledger has a password but its url names no user: scheme://USER@HOST/NAME"
        )
    return f"{scheme}{mark}{user}:{quote(password, safe='')}@{host}"


# Where in the file ---------------------------------------------------------------------------------------

_HEADER = re.compile(r"\s*\[{1,2}([^\[\]]+)\]{1,2}\s*(?:#.*)?")
_ENTRY = re.compile(r"""\s*((?:[\w.-]|"[^"]*"|'[^']*'|\s)+?)\s*=""")


def _lines(text: str) -> dict[Key, int]:
    """The line of each table and key; good enough for messages, since tomllib keeps no places."""
    found: dict[Key, int] = {}
    table: Key = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            table = _path(header[1])
            found.setdefault(table, number)
        elif entry := _ENTRY.match(line):
            found.setdefault((*table, *_path(entry[1])), number)
    return found


def _path(text: str) -> Key:
    """The parts of a dotted key."""
    try:
        data: Any = tomllib.loads(f"{text} = 0")
    except tomllib.TOMLDecodeError:
        return (text,)
    parts: list[str] = []
    while isinstance(data, dict):
        key, data = next(iter(data.items()))
        parts.append(key)
    return tuple(parts)


def _told(
    error: ValidationError, model: type[BaseModel], path: Path, lines: dict[Key, int], prefix: Key = ()
) -> tuple[str, str]:
    """All mistakes in one message, and the place of the first one."""
    told = []
    for one in error.errors(include_url=False, include_input=False):
        below = tuple(map(str, one["loc"]))
        place = (*prefix, *below)
        line = next((lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in lines), 1)
        told.append((line, f"{'.'.join(place)}: {_reason(one, model, below)}"))
    told.sort()
    first, *rest = told
    more = "".join(f"\n{path}:{line}: {message}" for line, message in rest)
    return first[1] + more, f"{path}:{first[0]}"


def _reason(error: Any, model: type[BaseModel], place: Key) -> str:
    match error["type"]:
        case "extra_forbidden":
            known = _keys(model, place[:-1])
            close = difflib.get_close_matches(place[-1], known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known) or 'none'}"
            return f"no such key; {hint}"
        case "missing":
            return "this key is needed"
        case "tuple_type":
            return "must be a list"
    return str(error["msg"]).removeprefix("Value error, ")


def _keys(model: Any, place: Key) -> list[str]:
    """The keys that the table at `place` may have."""
    for part in place:
        schema_of = model.model_fields.get(part) if hasattr(model, "model_fields") else None
        kind = schema_of.annotation if schema_of is not None else model
        model = kind.__args__[1] if getattr(kind, "__origin__", None) is dict else kind
    return list(getattr(model, "model_fields", ()))


if __name__ == "__main__":
    print(schema_text(), end="")  # noqa: T201 - this is what it is for
