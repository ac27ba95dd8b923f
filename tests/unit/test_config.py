"""pipemgr.toml: found from anywhere below, and every mistake told with its line."""

import json
from pathlib import Path

import jsonschema
import pytest
from pydantic import Field

import pipemgr.config
from pipemgr.adapter.settings import AdapterSettings, SecretRef
from pipemgr.config import find, load, schema, schema_text
from pipemgr.errors import BadSettings, ConfigurationError, SecretNotFound

FULL = """
[ledger]
url = "postgresql+psycopg://me@db.example/ledger?sslmode=require"
password = "env:LEDGER_PASSWORD"
signing_key = "key.pem"

[definitions]
files = ["ci/*.yaml", "more/**/*.yml"]

[connections.ours]
adapter = "local"
pipelines = ["web-*", "api"]
poll_every = "5m"
[connections.ours.settings]
host = "x"
token = "env:TOKEN"

[mappings]
overlay = "tables"

[translation]
strictness = "refuse"
"""


class Settings(AdapterSettings):
    host: str = Field(description="x")
    token: SecretRef | None = Field(None, description="x")


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    monkeypatch.delenv("PIPEMGR_CONFIG", raising=False)
    monkeypatch.delenv("PIPEMGR_LEDGER_URL", raising=False)


@pytest.fixture
def write(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "pipemgr.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_an_empty_file_is_a_workspace(write, tmp_path):
    workspace = load(write(""))
    assert workspace.root == tmp_path
    assert workspace.config.definitions.files == ("pipelines/*.yaml",)
    assert workspace.config.connections == {}
    assert workspace.overlay is None
    assert workspace.ledger_url == f"sqlite:///{tmp_path}/.pipemgr/ledger.db"


def test_every_key_is_read(write, tmp_path, monkeypatch):
    monkeypatch.setenv("LEDGER_PASSWORD", "p@ss/wo:rd")
    workspace = load(write(FULL))
    ours = workspace.config.connections["ours"]
    assert (ours.adapter, ours.pipelines, ours.poll_every) == ("local", ("web-*", "api"), 300.0)
    (tmp_path / "tables").mkdir()
    assert workspace.overlay == tmp_path / "tables"
    assert workspace.config.translation.strictness == "refuse"
    assert workspace.config.ledger.signing_key == Path("key.pem")
    expected = "postgresql+psycopg://me:p%40ss%2Fwo%3Ard@db.example/ledger?sslmode=require"
    assert workspace.ledger_url == expected
    assert "p@ss" not in repr(workspace)
    settings = workspace.settings("ours", Settings)
    assert (settings.host, settings.token) == ("x", "env:TOKEN")


def test_it_is_found_from_below(write, tmp_path):
    path = write("")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find(below).path == path
    (tmp_path / "a" / "pipemgr.toml").write_text("", encoding="utf-8")
    assert find(below).root == tmp_path / "a"


def test_the_environment_may_name_another(write, tmp_path, monkeypatch):
    path = write("")
    monkeypatch.setenv("PIPEMGR_CONFIG", str(path))
    assert find(Path("/")).path == path
    monkeypatch.setenv("PIPEMGR_CONFIG", str(tmp_path / "missing.toml"))
    with pytest.raises(ConfigurationError, match=r"missing\.toml: can't be read"):
        find(Path("/"))


def test_the_environment_may_name_another_ledger(write, monkeypatch):
    monkeypatch.setenv("PIPEMGR_LEDGER_URL", "postgresql://other/db")
    assert load(write("")).ledger_url == "postgresql://other/db"


@pytest.mark.parametrize(
    ("url", "ends"),
    [
        ("sqlite:///x.db", "{root}/x.db"),
        ("sqlite:////srv/x.db?mode=ro", "/srv/x.db?mode=ro"),
        ("sqlite://", ""),
        ("sqlite:///:memory:", ":memory:"),
    ],
)
def test_paths_of_sqlite_start_at_the_file(write, tmp_path, url, ends):
    given = load(write(f'[ledger]\nurl = "{url}"\n')).ledger_url
    assert given == (url if url == "sqlite://" else "sqlite:///" + ends.format(root=tmp_path))


def test_without_a_workspace_the_remedy_is_init(tmp_path):
    with pytest.raises(ConfigurationError, match=r"no pipemgr\.toml here or above") as caught:
        find(tmp_path)
    assert "pipemgr init" in caught.value.remedy


MISTAKES = {
    "[ledger]\nurll = 'x'\n": (2, "ledger.urll: no such key; did you mean 'url'?"),
    "[leger]\n": (1, "leger: no such key; did you mean 'ledger'?"),
    "\n[connections.a]\nadapter='local'\npolls = 3\n": (4, "connections.a.polls: no such key"),
    "[connections.a]\n\n": (1, "connections.a.adapter: this key is needed"),
    "[connections.a]\nadapter = 'x'\npoll_every = 5\n": (3, "write a span of time as text"),
    "[connections.a]\nadapter = 'x'\npoll_every = '5 parsecs'\n": (3, "write"),
    "[connections.a]\nadapter = 'x'\npoll_every = '0s'\n": (3, "greater than 0"),
    "[connections.a]\nadapter = 'x'\npipelines = 'all'\n": (3, "must be a list"),
    "[connections.'a/b']\nadapter = 'x'\n": (1, "no name for a connection"),
    f"[connections.{'a' * 65}]\nadapter = 'x'\n": (1, "up to 64 letters"),
    "\n[definitions]\nfiles = ['a/*', '../../etc/*']\n": (3, "'../../etc/*' can't be used"),
    "[definitions]\nfiles = ['a/../../b']\n": (2, "can't be used"),
    "[definitions]\nfiles = ['/etc/*']\n": (2, "can't be used"),
    "[definitions]\nfiles = ['']\n": (2, "can't be used"),
    '[definitions]\nfiles = ["a\\u0000b"]\n': (2, "can't be used"),
    '[ledger]\nurl = "sqlite:///a\\u0000b"\n': (2, "no address of a database"),
    "[translation]\nstrictness = 'lax'\n": (2, "'report', 'warn' or 'refuse'"),
    "[ledger]\npassword = 'hunter2'\n": (2, "must be a reference to a secret"),
    "[ledger]\n# a comment\nurl = 'postgresql://me:hunter2@db/x'\n": (3, "keep the password out"),
    "ledger.url = 3\n": (1, "ledger.url: "),
    "[connections]\na = {adaptor = 'x', adapter = 'y'}\n": (2, "did you mean 'adapter'?"),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_with_its_line_and_without_secrets(write, text):
    line, words = MISTAKES[text]
    path = write(text)
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    assert caught.value.where == f"{path}:{line}"
    assert words in caught.value.message
    assert "hunter2" not in f"{caught.value}"
    assert caught.value.remedy


def test_all_mistakes_are_told_at_once(write):
    path = write("[ledger]\nurll = 1\n[definitions]\nfile = []\n")
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    first, second = str(caught.value).splitlines()
    assert first.startswith(f"{path}:2: ledger.urll")
    assert second.startswith(f"{path}:4: definitions.file")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[ledger\n", "not valid TOML"),
        (b"a = 1\na = 2\n", "not valid TOML"),
        (b"a = '\xff'\n", "not UTF-8"),
        (b"a = \x00\n", "not valid TOML"),
    ],
)
def test_what_is_no_toml_is_told(tmp_path, content, words):
    path = tmp_path / "pipemgr.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=words) as caught:
        load(path)
    assert str(path) in caught.value.where


def test_settings_are_told_with_their_line(write):
    path = write(
        "[connections.a]\nadapter = 'acme'\n[connections.a.settings]\nhots = 'x'\ntoken = 'hunter2'\n"
    )
    with pytest.raises(BadSettings) as caught:
        load(path).settings("a", Settings)
    text = str(caught.value)
    assert f"{path}:4: connections.a.settings.hots: no such key; did you mean 'host'?" in text
    assert f"{path}:5: connections.a.settings.token" in text
    assert "hunter2" not in text
    assert "pipemgr adapter show acme" in caught.value.remedy


def test_a_password_that_leads_nowhere(write, monkeypatch):
    monkeypatch.delenv("LEDGER_PASSWORD", raising=False)
    with pytest.raises(SecretNotFound, match="env:LEDGER_PASSWORD"):
        load(write(FULL)).ledger_url  # noqa: B018 - reading it is the act


def test_a_folder_of_tables_that_is_not_there(write):
    with pytest.raises(ConfigurationError, match="there is no folder") as caught:
        load(write("\n[mappings]\noverlay = 'nowhere'\n")).overlay  # noqa: B018 - reading it is the act
    assert caught.value.where.endswith("pipemgr.toml:3")


def test_a_password_without_a_user(write, monkeypatch):
    monkeypatch.setenv("P", "x")
    workspace = load(write('[ledger]\nurl = "postgresql://db/x"\npassword = "env:P"\n'))
    with pytest.raises(ConfigurationError, match="names no user"):
        workspace.ledger_url  # noqa: B018 - reading it is the act


def test_the_state_folder_hides_itself(write, tmp_path):
    state = load(write("")).state
    assert state == tmp_path / ".pipemgr"
    assert (state / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_a_state_folder_that_cannot_be_made(write, tmp_path):
    (tmp_path / ".pipemgr").write_text("a file", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="can't be written"):
        load(write("")).state  # noqa: B018 - reading it is the act


def test_the_published_schema_is_the_generated_one():
    path = Path(pipemgr.config.__file__).with_name("config.schema.json")
    assert path.read_text(encoding="utf-8") == schema_text(), (
        "python -m pipemgr.config > pipemgr/config.schema.json"
    )


def test_the_schema_agrees_with_the_reader():
    import tomllib

    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(tomllib.loads(FULL), schema())
    for text in ("[ledger]\nurll = 'x'\n", "[connections.a]\n", "[translation]\nstrictness = 'lax'\n"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(tomllib.loads(text), json.loads(schema_text()))
