"""Keys, events and types that GitHub does not know are told, with what was probably meant; they are kept."""

import pytest

from pipemgr.adapter import Fidelity, compose
from pipemgr_github_actions.keys import tell_strange_keys

HEAD = "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n"


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        (f"{HEAD}    step: []\n", "key 'step'", "did you mean 'steps'?"),
        (f"{HEAD}    steps: [{{run: a, shel: b}}]\n", "key 'shel'", "did you mean 'shell'?"),
        (f"{HEAD}    steps: [{{parallel: [{{runs: a}}]}}]\n", "key 'runs'", "did you mean 'run'?"),
        (f"{HEAD}    container: {{image: a, command: b}}\n", "key 'command'", "known here: image, cred"),
        (f"{HEAD}    permissions: {{content: read}}\n", "key 'content'", "did you mean 'contents'?"),
        ("on: pushed\n", "event 'pushed'", "did you mean 'push'?"),
        ("on: [push, pull-request]\n", "event 'pull-request'", "did you mean 'pull_request'?"),
        ("on: {release: {type: [published]}}\n", "key 'type'", "did you mean 'types'?"),
        ("on: {release: {types: publish}}\n", "type 'publish' of release", "did you mean"),
        ("on: {release: {types: [a-b-c]}}\n", "type 'a-b-c' of release", "known here: created"),
        ("on: {fork: {types: [x]}}\n", "key 'types'", "known here: nothing"),
        ("on: {workflow_call: {inputs: {a: {typ: string}}}}\n", "key 'typ'", "did you mean 'type'?"),
        ("on: {schedule: [{cron: x, time-zone: y}]}\n", "key 'time-zone'", "did you mean 'timezone'?"),
        ("concurrency: {group: a, cancel-in-process: true}\n", "key 'cancel-in-process'", "did you mean"),
    ],
)
def test_strange_keys_are_told(text: str, what: str, remedy: str) -> None:
    root = compose(text, "a.yml")
    tell_strange_keys(root, "workflow")
    (finding,) = root.origin.findings
    assert finding.fidelity is Fidelity.EQUIVALENT
    assert finding.what == what
    assert finding.remedy.startswith(remedy)


def test_what_github_knows_is_not_told(read) -> None:
    text = (
        "on: {push: {tags: [a]}, schedule: [{cron: '0 3 * * *'}], repository_dispatch: {types: [mine]}}\n"
        "cache-mode: read\nconcurrency: {group: a, queue: max}\n"
        "jobs:\n  test:\n    runs-on: {group: a, labels: [b]}\n    snapshot: {image-name: a}\n"
        "    environment: {name: a, deployment: false}\n    services: {db: {image: a, command: b}}\n"
        "    env: {ANY: thing}\n    permissions: {models: read, id-token: write}\n"
        "    strategy: {matrix: {any: [1], include: [{thing: 2}]}}\n"
        "    steps: [{run: a, background: true}, {wait-all: }, {uses: a/b@v1, with: {any: thing}}]\n"
    )
    assert read(text).findings == ()
