"""Adapters are found without importing them, and a broken one stops nobody."""

import subprocess
import sys

import pytest

from pipemgr.adapter import manifest
from pipemgr.adapter.registry import Registry
from pipemgr.errors import ConfigurationError, UnknownAdapter


def test_listing_imports_nothing(shelf, imported):
    package = shelf.install("acme")
    registry = Registry()
    assert "acme" in registry.names()
    assert registry.manifest("acme").title == "Acme"
    assert not imported(package)
    assert registry.load("acme").name == "acme"
    assert imported(package)


def test_our_own_adapters_are_listed_without_an_import():
    code = (
        "import sys; from pipemgr.adapter.registry import Registry; r = Registry(); r.names(); r.broken();"
        "print([m for m in sys.modules if m.startswith('pipemgr_') and 'mappings' not in m])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_a_misspelt_name_is_guessed(shelf):
    shelf.install("acme")
    with pytest.raises(UnknownAdapter, match="'acne' is installed") as caught:
        Registry().manifest("acne")
    assert "did you mean 'acme'?" in caught.value.remedy
    assert "installed: " in caught.value.remedy


BROKEN = {
    "no manifest": ({}, "has no adapter.yaml"),
    "no yaml": ("a: [", "adapter.yaml:2"),
    "no mapping": ("- 1\n", "adapter.yaml:1"),
    "empty": ("# nothing\n", "adapter.yaml"),
    "binary": ("a: \x00", "adapter.yaml:1:4"),
    "huge": ("a: " + "x" * 6_000_000, "larger than"),
    "deep": ("[" * 10_000, "nested"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_manifest_is_told_and_stops_nobody(shelf, case):
    manifest, words = BROKEN[case]
    shelf.install("acme")
    shelf.install("bad", manifest=manifest)
    registry = Registry()
    (broken,) = registry.broken()
    assert broken.name == "bad"
    assert words in broken.reason
    assert "acme" in registry.names()
    assert "bad" not in registry.names()
    with pytest.raises(UnknownAdapter, match="can't be used"):
        registry.load("bad")


CHANGES = {
    "another version": (lambda said: said.update(api_version=99), "version 99 of the adapter interface"),
    "a capability too few": (lambda said: said["capabilities"].pop("poll"), "no answer for poll"),
    "a capability too many": (lambda said: said["capabilities"].update(fly="full"), "capabilities.fly"),
    "a feature too few": (lambda said: said["features"].pop("stage.needs"), "no answer for stage.needs"),
    "a feature too many": (
        lambda said: said["features"].update({"stage.fun": "full"}),
        "there is no stage.fun",
    ),
    "no note": (lambda said: said["capabilities"].update(poll="partial"), "a note must explain"),
    "no such answer": (lambda said: said["capabilities"].update(poll="maybe"), "capabilities.poll.support"),
    "another name": (lambda said: said.update(name="good"), "registered as 'bad'"),
    "an unknown key": (lambda said: said.update(colour="red"), "colour"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_an_incomplete_manifest_is_told_with_its_line(shelf, complete, case):
    change, words = CHANGES[case]
    said = {"name": "bad", **complete(probe="full")}
    change(said)
    shelf.install("bad", manifest=said)
    (broken,) = Registry().broken()
    assert words in broken.reason
    assert "adapter.yaml:" in broken.reason


def test_the_line_is_that_of_the_mistake(shelf, complete):
    said = {"name": "bad", **complete(probe="full")}
    package = shelf.install("bad", manifest=said)
    path = shelf.folder / package / "adapter.yaml"
    text = path.read_text(encoding="utf-8").replace("api_version: 1", "api_version: 99")
    path.write_text(text, encoding="utf-8")
    line = text.splitlines().index("api_version: 99") + 1
    (broken,) = Registry().broken()
    assert f"adapter.yaml:{line}:" in broken.reason


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("1/0", "ZeroDivisionError"),
        ("x = 1", "AttributeError"),
        ("class TheAdapter: ...", "no subclass of pipemgr.adapter.Adapter"),
        (
            "from pipemgr.adapter import Adapter\nclass TheAdapter(Adapter): name = 'other'",
            "name must be 'bad'",
        ),
    ],
)
def test_an_import_that_fails_is_told_and_stops_nobody(shelf, code, words):
    shelf.install("acme")
    shelf.install("bad", code=code)
    registry = Registry()
    with pytest.raises(ConfigurationError, match=words):
        registry.load("bad")
    assert [one.name for one in registry.broken()] == ["bad"]
    assert [one.name for one in Registry().try_all()] == ["bad"]
    assert registry.load("acme").name == "acme"


def test_two_of_one_name_are_both_refused(shelf):
    first, second = shelf.install("twin"), shelf.install("twin")
    (broken,) = Registry().broken()
    assert first in broken.origin
    assert second in broken.origin
    assert broken.remedy == "uninstall all but one"


def test_one_that_is_twice_on_the_path_is_one(shelf, tmp_path_factory, monkeypatch):
    package = shelf.install("acme")
    again = tmp_path_factory.mktemp("again")
    info = again / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {package}x\nVersion: 1.0\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(
        f"[pipemgr.adapters]\nacme = {package}:TheAdapter\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(again))
    assert Registry().broken() == ()
    assert "acme" in Registry().names()


def test_a_registered_package_that_is_gone_is_told(shelf):
    shelf.install("gone", value="no_such_package_at_all:X")
    (broken,) = Registry().broken()
    assert "not installed" in broken.reason


def test_a_language_is_borrowed_by_name():
    registry = Registry()
    local = registry.dialect("local")
    assert local.reader is registry.dialect("github-actions").reader
    assert local.writer is not registry.dialect("github-actions").writer
    assert not local.features["stage.services"]
    assert registry.dialect("local") is local


def test_an_adapter_that_leaves_when_imported_is_told(shelf):
    shelf.install("bad", code="raise SystemExit(3)")
    with pytest.raises(ConfigurationError, match="can't be imported: SystemExit: 3"):
        Registry().load("bad")


@pytest.mark.parametrize("value", ["a b c", "..x:A", "sys:A", ":", "nothing_there:A"])
def test_an_entry_point_that_leads_nowhere_stops_nobody(shelf, value):
    shelf.install("acme")
    shelf.install("bad", value=value)
    registry = Registry()
    assert [one.name for one in registry.broken()] == ["bad"]
    assert "acme" in registry.names()


def test_whatever_else_a_manifest_does_stops_nobody(shelf, monkeypatch):
    shelf.install("acme")
    shelf.install("bad")
    read = manifest.read_manifest

    def explode(entry):
        if entry.name == "bad":
            raise RecursionError("deep")
        return read(entry)

    monkeypatch.setattr("pipemgr.adapter.registry.read_manifest", explode)
    assert [(one.name, one.reason) for one in Registry().broken()] == [("bad", "RecursionError('deep')")]
    assert "acme" in Registry().names()


def test_nobody_takes_the_name_of_our_own_language(shelf):
    shelf.install("native")
    (broken,) = Registry().broken()
    assert "pipemgr's own language" in broken.reason


@pytest.mark.parametrize("body", ["raise KeyError(1)", "return None"])
def test_a_language_that_can_not_be_made_is_told(shelf, body):
    made = f"    @classmethod\n    def language(cls, dialects, tables):\n        {body}\n"
    shelf.install(
        "bad",
        code=f"from pipemgr.adapter import Adapter\nclass TheAdapter(Adapter):\n    name = 'bad'\n{made}",
    )
    with pytest.raises(ConfigurationError, match="the language of the adapter 'bad' can't be made"):
        Registry().dialect("bad")
