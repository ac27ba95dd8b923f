"""Languages: known by name, and guessed by where a file lies."""

import pytest

from pipemgr.errors import UnknownAdapter
from pipemgr.service.runtime import languages


def test_our_own_comes_first():
    assert languages().names()[0] == "native"
    assert set(languages().names()) >= {"github-actions", "local"}


def test_an_unknown_one_names_the_known():
    with pytest.raises(UnknownAdapter, match="no language 'nope' is installed") as caught:
        languages().get("nope")
    assert "native, circleci, github-actions" in (caught.value.remedy or "")


@pytest.mark.parametrize(
    ("path", "language"),
    [
        (".github/workflows/ci.yml", "github-actions"),
        (".github/workflows/ci.yaml", "github-actions"),
        ("./.github/workflows/ci.yml", "github-actions"),
        ("/srv/project/.github/workflows/ci.yml", "github-actions"),
        ("project/.github/workflows/ci.yml", "github-actions"),
        ("x.github/workflows/ci.yml", "native"),
        (".github/workflows/ci.txt", "native"),
        (".github/workflow/ci.yml", "native"),
        ("pipelines/hello.yaml", "native"),
        ("Makefile", "native"),
        ("", "native"),
    ],
)
def test_a_language_is_guessed_by_the_place(path, language):
    assert languages().guess(path) == language


def test_the_folder_of_the_user_counts(tmp_path, monkeypatch):
    place = tmp_path / ".github/workflows"
    place.mkdir(parents=True)
    monkeypatch.chdir(place)
    assert languages().guess("ci.yml") == "github-actions"
    assert languages().guess("../../pipelines/ci.yml") == "native"


def test_foreign_documents_are_found_where_their_vendors_keep_them(tmp_path):
    for name in (".github/workflows/b.yml", ".github/workflows/a.yaml", "pipelines/x.yaml", ".github/x.yml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [(path.name, language) for path, language in languages().foreign(tmp_path)]
    assert sorted(found) == [("a.yaml", "github-actions"), ("b.yml", "github-actions")]


def test_nobody_claims_our_own_files(monkeypatch):
    greedy = (
        languages()._registry.manifest("github-actions").model_copy(update={"documents": ("**", "*.yaml")})
    )
    monkeypatch.setitem(languages()._registry._manifests, "github-actions", greedy)
    assert languages().guess("pipelines/hello.yaml") == "native"
    assert languages().guess("elsewhere/hello.yaml") == "github-actions"


@pytest.mark.parametrize(
    ("path", "text", "language"),
    [
        ("Jenkinsfile", "", "jenkins"),
        ("ci/Jenkinsfile", "", "jenkins"),
        ("ci/Jenkinsfile.nightly", "", "jenkins"),
        ("jobs/deploy.jenkinsfile", "", "jenkins"),
        ("jobs/deploy/config.xml", "", "jenkins-job"),
        ("build.groovy", "// ours\npipeline {\n  agent any\n}\n", "jenkins"),
        ("build.groovy", "#!/usr/bin/env groovy\nnode {}", "jenkins"),
        ("build.groovy", "// ours\nnode('linux') {\n  sh 'make'\n}\n", "jenkins"),
        ("build.groovy", "@Library('acme') _\nbuildPlugin()", "jenkins"),
        ("build.groovy", "class Pipeline {}", "native"),
        ("deploy.xml", "<?xml version='1.1'?>\n<project>\n</project>", "jenkins-job"),
        ("pom.xml", "<?xml version='1.0'?>\n<project xmlns='http://maven.apache.org/POM/4.0.0'>", "native"),
        ("odd.yaml", "pipeline {\n}", "native"),
    ],
)
def test_a_language_is_guessed_by_the_text_where_the_place_says_nothing(path, text, language):
    assert languages().guess(path, text) == language
