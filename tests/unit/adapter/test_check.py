"""What an adapter declares is what it does."""

import pytest

from pipemgr.adapter.base import Adapter
from pipemgr.adapter.capabilities import Capability
from pipemgr.adapter.check import NEEDS, VERBS, check
from pipemgr.adapter.registry import Registry
from pipemgr.errors import UnknownAdapter, UnsupportedCapability
from pipemgr.mapping.tables import Tables


@pytest.mark.parametrize("name", ["github-actions", "local"])
def test_our_own_adapters_are_what_they_declare(name):
    assert check(name) == ()


def test_a_strangers_adapter_may_be_as_good(shelf):
    shelf.install("acme")
    assert check("acme", Registry()) == ()


def subjects(problems):
    return [(problem.subject, problem.message) for problem in problems]


def test_declared_but_not_done(shelf, complete):
    shelf.install("acme", manifest={"name": "acme", **complete(probe="full", snapshot="full")})
    assert subjects(check("acme", Registry())) == [("snapshot", "declared full, but snapshot() is not there")]


def test_done_but_not_declared(shelf, complete):
    shelf.install("acme", manifest={"name": "acme", **complete()})
    assert subjects(check("acme", Registry())) == [
        ("probe", "declared not_implemented, but probe() is there")
    ]


def test_a_capability_without_what_it_needs(shelf, complete):
    shelf.install("acme", manifest={"name": "acme", **complete(probe="full", live_logs="full")})
    assert subjects(check("acme", Registry())) == [("live_logs", "means nothing without logs")]


def test_a_setting_without_a_description(shelf):
    shelf.install(
        "acme",
        code="""
        from pipemgr.adapter import Adapter, AdapterSettings

        class Own(AdapterSettings):
            host: str = "x"

        class TheAdapter(Adapter):
            name = "acme"
            Settings = Own

            def probe(self): ...
        """,
    )
    assert subjects(check("acme", Registry())) == [("Own.host", "has no description")]


def test_a_reader_that_cannot_be_made(shelf, complete):
    shelf.install(
        "acme",
        code="""
        from pipemgr.adapter import Adapter

        class TheAdapter(Adapter):
            name = "acme"

            @classmethod
            def reader(cls, tables): raise RuntimeError("no table")

            @classmethod
            def writer(cls, tables): ...
        """,
        manifest={"name": "acme", **complete(read="full", write="full")},
    )
    ((subject, message),) = subjects(check("acme", Registry()))
    assert subject == "language"
    assert "no table" in message


def test_no_readme(shelf):
    shelf.install("acme", readme=False)
    assert subjects(check("acme", Registry())) == [("README.md", "is not there")]


def test_an_import_that_fails_is_a_problem(shelf):
    shelf.install("acme", code="import nothing_of_this_name")
    ((subject, message),) = subjects(check("acme", Registry()))
    assert subject == "import"
    assert "nothing_of_this_name" in message


def test_an_unknown_name_is_an_error():
    with pytest.raises(UnknownAdapter):
        check("nobody")


def test_every_verb_of_an_adapter_answers_to_a_capability():
    verbs = {name for name, one in vars(Adapter).items() if not name.startswith("_") and callable(one)}
    verbs |= {name for name, one in vars(Adapter).items() if isinstance(one, classmethod)}
    assert verbs - {"Settings"} == {method for methods in VERBS.values() for method in methods}


def test_every_capability_is_proven_or_hangs_on_one_that_is():
    assert set(Capability) == {*VERBS, *NEEDS}


def test_the_base_refuses_by_name():
    class Acme(Adapter):
        name = "acme"

    with pytest.raises(UnsupportedCapability, match="the acme adapter cannot read documents") as caught:
        Acme.reader(Tables.of("acme"))
    assert "pipemgr adapter show acme" in caught.value.remedy
