"""GitHub's own mapping pages for CircleCI as cases: what we make of each input, next to what the page makes of it.

A page's output is a fragment; it is equal where all that it says is in our job, whatever the version of an action.
Everything else stands in a table with the reason, and with what our job must say in its place.
"""

# ruff: noqa: T201 - the figures are printed
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipemgr.adapter.registry import Registry
from pipemgr.translate.convert import Conversion, convert
from pipemgr.translate.document import Document, DocumentSet
from pipemgr.translate.report import Fidelity

pytestmark = pytest.mark.corpus

FOLDER = "pairs/gh-actions-importer-docs"
JOB = {"docker": [{"image": "cimg/base:stable"}], "steps": ["checkout"]}


@dataclass(frozen=True)
class Differs:
    """Why ours is not the page's, and what ours says."""

    why: str
    says: tuple[str, ...]


def differs(why: str, *says: str) -> Differs:
    return Differs(why, says)


PIN = "the page pins actions of a runtime that GitHub no longer has"
LOGIN = (
    "the page logs in with key names that newer versions of the orb no longer take; ours takes what is there"
)
DOCKERIZE = "the page writes a composite action or the same script in more steps; ours is one script"
SLACK = (
    "the page calls a third party's webhook action; ours calls Slack's own with the token that the orb uses"
)
CASES: dict[str, Differs] = {
    "Executors__Docker#0": differs("a shell variable is no value there; ours is a secret", "${{ secrets.DOCKERHUB_PASSWORD }}"),
    "Orbs__AwsCli__Default#0": differs("the orb's executor has another image since version 2", "cimg/base:current"),
    "Orbs__AwsEcr__BuildAndPushImage#0": differs(f"{PIN}; {LOGIN}", "tar -C", "aws ecr get-login-password", "aws ecr create-repository", "docker buildx build -e example", "--push"),
    "Orbs__AwsEcr__CreateRepo#0": differs("ours leaves a repository alone that is there, as the orb does", '--repository-name "my-repo-name"', "scanOnPush=true"),
    "Orbs__AwsEcr__Default#0": differs("the page's machine is retired; the orb's executor is newer", "ubuntu-22.04"),
    "Orbs__AwsEcr__EcrLogin#0": differs(f"{PIN}; {LOGIN}", "aws ecr get-login-password", "docker login"),
    "Orbs__AwsS3__Sync#0": differs(f"{PIN}; {LOGIN}", 'aws s3 sync "copy/from" "copy/to" -sse'),
    "Orbs__Cypress__WriteWorkspace#0": differs(f"{PIN}; ours keeps paths and modes of files", "workspace.tar", ".cache/Cypress"),
    "Orbs__Docker__Dockerlint#0": differs("dockerlint is no longer kept up; hadolint checks the same", "hadolint/hadolint-action", "MyDockerfile"),
    "Orbs__Docker__InstallDockerTools#0": differs(DOCKERIZE, "dockerize/path", "https://goss.rocks/install"),
    "Orbs__Docker__InstallDockerTools#1": differs(DOCKERIZE, "dockerize/path", "https://goss.rocks/install"),
    "Orbs__Docker__InstallDockerize#0": differs(DOCKERIZE, "dockerize-linux-amd64"),
    "Orbs__Docker__InstallDockerize#2": differs(DOCKERIZE, "dockerize-linux-amd64"),
    "Orbs__Docker__InstallGoss#0": differs("the folder may belong to root: ours installs with sudo", 'GOSS_VER="v1.0" GOSS_DST="my/path"'),
    "Orbs__Docker__Pull#0": differs("ours is one script, as in the orb", "my-image,my-other-image", "|| true"),
    "Orbs__Docker__UpdateDescription#0": differs("the page adds a composite action; ours is a script", "full_description", "MYREADME.md", "${{ secrets.DOCKER_PASS }}"),
    "Orbs__Docker__UpdateDescription#2": differs("the page uses an address for logins that is gone, and env.$DOCKER_LOGIN, which is no expression", "full_description", "${{ secrets.DOCKER_LOGIN }}"),
    "Orbs__Heroku__Default#0": differs("the orb's executor has the newest image; ours leaves out the page's root user", "cimg/base:current"),
    "Orbs__Heroku__Install#0": differs("the same in one line", "cli-assets.heroku.com/install.sh"),
    "Orbs__Heroku__JobPushDockerImage#0": differs(f"{PIN}; ours gives the key to each step", "heroku maintenance:on", "heroku container:push", "heroku container:release", "running pre-deploy command", "heroku maintenance:off"),
    "Orbs__Node__InstallPackages#0": differs(f"{PIN}; ours keeps the folder that the orb keeps", "**/yarn.lock", "my-custom-command"),
    "Orbs__Node__Run#0": differs(f"{PIN}; the page leaves out `setup` and the installation, and keeps a cache where the orb keeps none", "setup step!", "npm ci", "npm run npm-script"),
    "Orbs__Node__Test#0": differs(f"{PIN}; the page leaves out `setup` and the installation, and keeps a cache where the orb keeps none", "setup step!", "npm ci", "npm run test"),
    "Orbs__Python__Default#0": differs("the image is the orb's, not Docker's own", "cimg/python"),
    "Orbs__Python__InstallPackages#0": differs(f"{PIN}; the page's cache has no path", "**/Pipfile.lock", "pipenv install -f file:///path/to/archive/", "my-path"),
    "Orbs__Ruby__InstallDeps#0": differs("the page leaves out the version, the folder and the cache", "gem install bundler -v 1.2.3", "bundle install", "my-working-dir"),
    "Orbs__Ruby__InstallDeps#1": differs("the page assumes a version of Ruby; the job's image has one", "gem install bundler -v 1.2.3", "bundle install", "my-working-dir"),
    "Orbs__Ruby__RspecTest#0": differs("ours also publishes the results, as the orb does", "bundle exec rspec", "my/path/results.xml", "report_paths"),
    "Orbs__Ruby__RubocopCheck#0": differs("ours also keeps the results, as the orb does", 'rubocop "my-check-path"', "actions/upload-artifact"),
    "Orbs__Slack__Notify#0": differs(SLACK, "slackapi/slack-github-action", "failure()", "my-channel", "startsWith"),
    "Orbs__Slack__Notify#2": differs(SLACK, "slackapi/slack-github-action", "failure()", "my-channel", "continue-on-error: true"),
    "Orbs__Slack__OnHold#0": differs(SLACK, "slackapi/slack-github-action", "SLACK_DEFAULT_CHANNEL"),
    "Orbs__Slack__OnHold#2": differs(SLACK, "slackapi/slack-github-action", "continue-on-error: true"),
    "Steps__StoreTestResults#0": differs("the page only keeps the files; ours publishes them as test results", "mikepenz/action-junit-report", "my-artifact"),
}  # fmt: skip
EQUAL = {"Executors__Macos#0", "Orbs__Go__ModDownload#0", "Steps__StoreArtifacts#0", "Triggers__Schedule#0"}
NOT_APPLICABLE = {
    "Orbs__Docker__InstallDockerize#1": "the composite action that the page adds, of its own making",
    "Orbs__Docker__UpdateDescription#1": "the composite action that the page adds, of its own making",
    "Orbs__Go__ModDownloadCache#0": "the page's input is no valid configuration (wrong indentation)",
    "Orbs__Go__Test#0": "the page's input is no valid configuration (a job without a name)",
    "Orbs__Slack__Notify#1": "the composite action that the page adds, of its own making",
    "Orbs__Slack__OnHold#1": "the composite action that the page adds, of its own making",
}


def pages(corpus: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted((corpus / FOLDER).glob("circle_ci__*.pairs.json")):
        for at, pair in enumerate(json.loads(file.read_text(encoding="utf-8"))):
            yield f"{file.name.removeprefix('circle_ci__').removesuffix('.pairs.json')}#{at}", pair


def config(code: str) -> str:
    """The page's fragment as a whole configuration: with a workflow, versions of orbs, and their right names."""
    for step in ("store_artifacts", "store_test_results"):
        code = code.replace(f"- {step}\n", f"- {step}:\n")
    given = yaml.load(code, yaml.BaseLoader)  # noqa: S506 - strings only
    if "docker" in given or "macos" in given:
        given = {"jobs": {"job": {**given, "steps": ["checkout"]}}}
    elif "steps" in given:
        given = {"jobs": {"job": {**JOB, "steps": given["steps"]}}}
    elif "triggers" in given:
        schedule = {**given["triggers"][0]["schedule"], "filters": {"branches": {"only": "main"}}}
        given = {
            "jobs": {"job": JOB},
            "workflows": {"w": {"triggers": [{"schedule": schedule}], "jobs": ["job"]}},
        }
    orbs = dict(_orb(alias, orb) for alias, orb in given.get("orbs", {}).items())
    for workflow in given.get("workflows", {}).values():
        if isinstance(workflow["jobs"], dict):
            workflow["jobs"] = [{name: value} for name, value in workflow["jobs"].items()]
    whole = {"version": "2.1", "workflows": {"w": {"jobs": list(given.get("jobs", {}))}}, **given}
    return yaml.safe_dump({**whole, **({"orbs": orbs} if orbs else {})}, sort_keys=False)


def _orb(alias: str, orb: str) -> tuple[str, str]:
    name = orb.partition("@")[0]
    if name == "circleci/ruby":
        return "ruby", "circleci/ruby@1.0.0"
    return alias, f"{'circleci/aws-ecr' if alias == 'aws-ecr' else name}@1.0.0"


def converted(code: str) -> Conversion:
    registry = Registry()
    documents = DocumentSet(documents=(Document(path=".circleci/config.yml", text=config(code)),))
    return convert(documents, registry.dialect("circleci"), registry.dialect("github-actions"))


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every scalar with the keys that lead to it, without list positions, `steps` and versions of actions."""
    match value:
        case dict():
            for key, inner in value.items():
                yield from leaves(inner, path if key in ("steps", "on") else (*path, key))
        case list():
            for inner in value:
                yield from leaves(inner, path)
        case _:
            text = str(value).strip()
            yield path, text.partition("@")[0] if path[-1:] == ("uses",) else text


def equal(theirs: str, ours: str) -> bool:
    """Whether ours says all that theirs says; some of the pages' outputs are no YAML."""
    workflow = yaml.load(ours, yaml.BaseLoader)  # noqa: S506 - strings only
    said = set(leaves([workflow["on"], *workflow["jobs"].values()]))
    try:
        return set(leaves(yaml.load(theirs, yaml.BaseLoader))) <= said  # noqa: S506 - strings only
    except yaml.YAMLError:
        return False


def test_each_case_of_the_pages_is_in_one_table(corpus: Path) -> None:
    found = {name for name, _ in pages(corpus)}
    assert found == CASES.keys() | EQUAL | NOT_APPLICABLE.keys()
    assert len(found) == len(CASES) + len(EQUAL) + len(NOT_APPLICABLE)


def test_what_applies_is_equal_or_differs_for_its_reason(corpus: Path) -> None:
    counts: Counter[str] = Counter()
    for name, pair in pages(corpus):
        if name in NOT_APPLICABLE:
            counts["not applicable"] += 1
            continue
        made = converted(pair["input"]["code"])
        lost = [finding for finding in made.report.findings if finding.fidelity is Fidelity.DROPPED]
        assert lost == [], f"{name}: {lost}"
        ours = made.documents.documents[0].text
        same = equal(pair["output"]["code"], ours)
        assert same == (name in EQUAL), f"{name}: {'is equal now' if same else 'differs'}\n{ours}"
        missing = [text for text in CASES[name].says if text not in ours] if name in CASES else []
        assert missing == [], f"{name} lacks {missing}\n{ours}"
        counts["equal" if same else "differs"] += 1
    print(f"\n{counts['equal'] + counts['differs']} applied: {dict(counts)}")


@pytest.mark.parametrize("name", sorted({"Orbs__Go__ModDownloadCache#0", "Orbs__Go__Test#0"}))
def test_what_is_no_configuration_is_refused_with_its_place(name: str, corpus: Path) -> None:
    made = converted(dict(pages(corpus))[name]["input"]["code"])
    assert made.report.outcome == "failed"
    assert all(finding.source for finding in made.report.findings)
