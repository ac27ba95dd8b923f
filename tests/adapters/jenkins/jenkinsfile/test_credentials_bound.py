"""Credentials become secrets by their id and the part that is used, and bindings again."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.model.expressions import Access, Literal
from pipemgr.model.templates import template
from pipemgr.translate.document import Document
from pipemgr_jenkins.jenkinsfile.credentials import bindings, bound, credential, kinds, split
from pipemgr_jenkins.jenkinsfile.scope import Scope
from pipemgr_jenkins.jenkinsfile.tree import grow


def read(code: str) -> Mapping[str, str] | None:
    """The secrets that a list of bindings puts into variables."""
    grown = grow(Document(path="Jenkinsfile", text=f"node {{ withCredentials({code}) {{ sh 'x' }} }}"))
    assert isinstance(grown.root.children, dict)
    node = next(one for one in grown.root.origin.nodes if one.path.endswith(".arguments[0]"))
    found = bindings(node, Scope.of(grown))
    return None if found is None else {name: named(value) for name, value in found.items()}


def named(value: str) -> str:
    (part,) = template(value)
    assert isinstance(part, Access)
    assert isinstance(part.key, Literal)
    return str(part.key.value)


BINDINGS = [
    ("[string(credentialsId: 'x', variable: 'A')]", {"A": "x"}),
    ("[file(credentialsId: 'x', variable: 'A')]", {"A": "x:file"}),
    ("[zip(credentialsId: 'x', variable: 'A')]", {"A": "x:folder"}),
    ("[usernameColonPassword(credentialsId: 'x', variable: 'A')]", {"A": "x:userpass"}),
    (
        "[usernamePassword(credentialsId: 'x', usernameVariable: 'A', passwordVariable: 'B')]",
        {"A": "x:username", "B": "x:password"},
    ),
    (
        "[sshUserPrivateKey(credentialsId: 'x', keyFileVariable: 'A', passphraseVariable: 'B', usernameVariable: 'C')]",
        {"A": "x:key", "B": "x:passphrase", "C": "x:username"},
    ),
    ("[sshUserPrivateKey(credentialsId: 'x', keyFileVariable: 'A')]", {"A": "x:key"}),
    (
        "[certificate(credentialsId: 'x', keystoreVariable: 'A', passwordVariable: 'B')]",
        {"A": "x:keystore", "B": "x:password"},
    ),
    ("[dockerCert(credentialsId: 'x', variable: 'A')]", {"A": "x:certificates"}),
    (
        "[aws(credentialsId: 'x', accessKeyVariable: 'A', secretKeyVariable: 'B')]",
        {"A": "x:access-key", "B": "x:secret-key"},
    ),
    (
        "[string(credentialsId: 'a/b-c', variable: 'A'), file(credentialsId: 'd', variable: 'D')]",
        {"A": "a/b-c", "D": "d:file"},
    ),
]


@pytest.mark.parametrize(("code", "secrets"), BINDINGS)
def test_bindings_both_ways(code: str, secrets: dict[str, str]) -> None:
    assert read(code) == secrets
    assert f"[{', '.join(bound(secrets))}]" == code


@pytest.mark.parametrize(
    ("code", "secrets"),
    [
        ("string(credentialsId: 'x', variable: 'A')", {"A": "x"}),
        ("[[$class: 'StringBinding', credentialsId: 'x', variable: 'A']]", {"A": "x"}),
        (
            "[[$class: 'org.jenkinsci.plugins.credentialsbinding.impl.FileBinding', credentialsId: 'x', variable: 'A']]",
            {"A": "x:file"},
        ),
        (
            "[[$class: 'AmazonWebServicesCredentialsBinding', credentialsId: 'x']]",
            {"AWS_ACCESS_KEY_ID": "x:access-key", "AWS_SECRET_ACCESS_KEY": "x:secret-key"},
        ),
        (
            "[sshUserPrivateKey(credentialsId: 'x', keyFileVariable: 'A', passphraseVariable: '')]",
            {"A": "x:key"},
        ),
        ("[unknown(credentialsId: 'x', variable: 'A')]", None),
        ("[string(credentialsId: \"${x}\", variable: 'A')]", None),
        ("[string(variable: 'A')]", None),
        ("[string(credentialsId: 'x', variable: 'A', more: 'B')]", None),
        ("credentials", None),
    ],
)
def test_other_forms_of_bindings(code: str, secrets: dict[str, str] | None) -> None:
    assert read(code) == secrets


def test_two_variables_for_one_part_are_two_bindings() -> None:
    assert bound({"A": "x", "B": "x"}) == [
        "string(credentialsId: 'x', variable: 'A')",
        "string(credentialsId: 'x', variable: 'B')",
    ]


def test_a_binding_of_several_parts_names_those_that_it_cannot_do_without() -> None:
    assert bound({"PASS": "my-id:password"}) == [
        "usernamePassword(credentialsId: 'my-id', usernameVariable: 'MY_ID_USERNAME', passwordVariable: 'PASS')"
    ]
    assert bound({"P": "k:passphrase"}) == [
        "sshUserPrivateKey(credentialsId: 'k', keyFileVariable: 'K_KEY', passphraseVariable: 'P')"
    ]


@given(
    st.dictionaries(
        st.from_regex(r"[A-Z]{1,3}", fullmatch=True),
        st.tuples(
            st.sampled_from(["a", "b-c", "d:e", "it's"]),
            st.sampled_from(sorted({part for one in kinds().values() for part in one.parts.values()})),
        ),
        min_size=1,
    )
)
def test_whatever_is_bound_reads_as_the_same_secrets(wanted: dict[str, tuple[str, str]]) -> None:
    secrets = {name: f"{identity}:{part}" if part else identity for name, (identity, part) in wanted.items()}
    again = read(f"[{', '.join(bound(secrets))}]")
    assert again is not None
    assert {name: again[name] for name in secrets} == secrets


def test_secrets_have_an_id_and_a_part() -> None:
    assert split("x") == ("x", "")
    assert split("x:username") == ("x", "username")
    assert split("x:y:key") == ("x:y", "key")
    assert split("x:other") == ("x:other", "")
    assert split(":key") == (":key", "")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("credentials('x')", "x"),
        ('credentials("${x}")', None),
        ("other('x')", None),
        ("credentials('x', 'y')", None),
    ],
)
def test_credentials_of_the_environment(code: str, name: str | None) -> None:
    grown = grow(Document(path="Jenkinsfile", text=code))
    assert credential(grown.script.statements[0]) == name
