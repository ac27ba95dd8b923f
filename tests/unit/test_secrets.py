"""Secrets are found late, told never."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from pipemgr import secrets
from pipemgr.errors import SecretNotFound
from pipemgr.secrets import MASK, Secret, SecretRef, redact, resolve

WORD = "correct-horse"


class Settings(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)
    token: SecretRef


def test_an_environment_variable(monkeypatch):
    monkeypatch.setenv("TOKEN", WORD)
    assert resolve("env:TOKEN") == WORD


def test_the_first_line_of_a_file(tmp_path):
    file = tmp_path / "token"
    file.write_text(f"{WORD}\r\nsecond\n", encoding="utf-8")
    file.chmod(0o600)
    assert resolve(f"file:{file}") == WORD
    assert resolve("file:token", tmp_path) == WORD


def test_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "token").write_text(WORD, encoding="utf-8")
    (tmp_path / "token").chmod(0o640)
    assert resolve("file:~/token") == WORD


def test_the_first_line_that_a_command_prints(tmp_path):
    script = f"import os; print('{WORD}'); print(os.getcwd())"
    assert resolve(f'cmd:"{sys.executable}" -c "{script}"', tmp_path) == WORD


def test_no_shell_reads_the_command(tmp_path):
    assert resolve("cmd:echo a;touch made $HOME `id`", tmp_path) == "a;touch made $HOME `id`"
    assert list(tmp_path.iterdir()) == []


class Keyring:
    def __init__(self, answer):
        self.answer = answer

    def get_password(self, service, name):
        assert (service, name) == ("ci", "me/and you")
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def keyring(monkeypatch):
    errors = type("errors", (), {"KeyringError": type("KeyringError", (Exception,), {})})

    def install(answer):
        ring = Keyring(errors.KeyringError() if answer == "locked" else answer)
        ring.errors = errors
        monkeypatch.setitem(sys.modules, "keyring", ring)
        monkeypatch.setitem(sys.modules, "keyring.errors", errors)

    return install


def test_the_keyring(keyring):
    keyring(WORD)
    assert resolve("keyring:ci/me/and you") == WORD


@pytest.mark.parametrize(("answer", "words"), [(None, "does not exist"), ("locked", "no open keyring")])
def test_a_keyring_without_it(keyring, answer, words):
    keyring(answer)
    with pytest.raises(SecretNotFound, match=words):
        resolve("keyring:ci/me/and you")


def test_no_keyring_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(SecretNotFound, match="needs the keyring package") as caught:
        resolve("keyring:ci/me")
    assert "pip install 'pipemgr[keyring]'" in caught.value.remedy


FAILURES = {
    "env:NOT_SET_ANYWHERE": "does not exist",
    "env:SET_BUT_EMPTY": "empty value",
    "file:missing": "can't be read",
    "file:.": "can't be read",
    "file:open": "open to everybody",
    "file:binary": "is no text",
    "file:empty": "empty value",
    "cmd:no-such-program-here x": "can't be run",
    "cmd:false": "exit code 1",
    "cmd:true": "empty value",
    "cmd:sh -c 'echo correct-horse; echo correct-horse >&2; exit 2'": "exit code 2",
    "cmd:echo 'open": "open quotation",
    "cmd:sleep 5": "took more than",
}


@pytest.mark.parametrize("reference", FAILURES)
def test_a_failure_names_the_reference_and_the_remedy(reference, tmp_path, monkeypatch):
    monkeypatch.setenv("SET_BUT_EMPTY", "")
    monkeypatch.setattr(secrets, "COMMAND_TIMEOUT", 0.2)
    for name, content, mode in (
        ("open", b"correct-horse", 0o644),
        ("binary", b"\xff\xfe", 0o600),
        ("empty", b"\n", 0o600),
    ):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(mode)
    with pytest.raises(SecretNotFound, match=FAILURES[reference]) as caught:
        resolve(reference, tmp_path)
    assert repr(reference) in caught.value.message
    assert caught.value.remedy
    if reference.startswith("file:"):
        assert WORD not in f"{caught.value}{caught.value.remedy}"


@pytest.mark.parametrize(
    "text", [WORD, "", "env:", "env:A B", "keyring:x", "cmd: ", "vault:x", "https://x/y"]
)
def test_a_secret_in_the_place_of_a_reference_is_refused_and_not_repeated(text):
    with pytest.raises(ValidationError) as caught:
        Settings(token=text)
    assert "reference to a secret" in str(caught.value)
    with pytest.raises(SecretNotFound) as refused:
        resolve(text)
    if text == WORD:
        assert WORD not in f"{caught.value} {refused.value} {refused.value.remedy}"


def test_a_reference_is_text_that_may_be_stored():
    settings = Settings(token="env:TOKEN")
    assert isinstance(settings.token, SecretRef)
    assert (settings.token.scheme, settings.token.target) == ("env", "TOKEN")
    assert settings.model_dump_json() == '{"token":"env:TOKEN"}'
    assert Settings.model_json_schema()["properties"]["token"]["type"] == "string"


def test_a_secret_is_masked_wherever_it_is_represented():
    secret = Secret(WORD)
    assert WORD not in repr(secret)
    assert WORD not in repr({"a": [secret]})
    assert f"Bearer {secret}" == f"Bearer {WORD}"


def test_redaction_takes_the_longest_first():
    assert redact("horse correct-horse-battery", ["correct", "correct-horse-battery"]) == f"horse {MASK}"
    assert redact("a b c", ["a", ""]) == "a b c"


@given(st.lists(st.text("abcdef", min_size=4, max_size=8), max_size=4), st.text("abcdef ", max_size=60))
def test_no_secret_survives_redaction(words, text):
    cleaned = redact(text, words)
    assert [word for word in words if word in cleaned] == []
