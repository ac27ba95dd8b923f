"""Reading CircleCI definitions: what each part of the language becomes."""

from typing import Any

import pytest

from pipemgr.adapter import Reading, single
from pipemgr.errors import InvalidPipeline, ParseError
from pipemgr.model.definitions import Pipeline, Stage, Step
from pipemgr_circleci.reader import CircleCIReader

HEAD = "version: 2.1\n"
BOX = "docker: [{image: a}]"


def read(text: str) -> Reading:
    return CircleCIReader().read(single(".circleci/config.yml", text))


def pipeline(text: str) -> Pipeline:
    return read(text).pipeline


def only(steps: str, more: str = "") -> Stage:
    """The stage of a job with these steps, written on one line."""
    text = f"{HEAD}{more}\njobs:\n  build:\n    {BOX}\n    steps: {steps}\n"
    (stage,) = pipeline(text).stages
    return stage


def step(text: str, more: str = "") -> Step:
    (found,) = only(f"[{text}]", more).steps
    return found


def problems(text: str) -> dict[str, str]:
    with pytest.raises(InvalidPipeline) as caught:
        read(text)
    return {place.partition(":")[2]: message for place, message in caught.value.problems}


def data(stage: Any) -> Any:
    return stage.data()


# Steps -------------------------------------------------------------------------------------------------


def test_run_is_a_text_or_a_mapping() -> None:
    assert step("run: make") == step("run: {command: make}") == Step(action="run", inputs={"script": "make"})


def test_run_takes_all_that_circleci_gives_it() -> None:
    found = step(
        "run: {name: N, command: c, shell: /bin/zsh, working_directory: d, background: true, when: always, "
        "environment: {A: 1, B: true, C: null}, no_output_timeout: 1h30m, max_auto_reruns: 2}"
    )
    assert data(found) == {
        "action": "run",
        "name": "N",
        "inputs": {"script": "c", "shell": "/bin/zsh", "directory": "d"},
        "background": True,
        "when": "always()",
        "variables": {"A": "1", "B": "true", "C": ""},
        "idle-timeout": "90m",
        "vendor": {"circleci": {"max_auto_reruns": 2}},
    }


@pytest.mark.parametrize(
    ("word", "condition"), [("always", "always()"), ("on_fail", "failure()"), ("on_success", None)]
)
def test_when_of_a_step_is_a_condition(word: str, condition: str | None) -> None:
    found = step(f"run: {{command: c, when: {word}}}").when
    assert (str(found) if found is not None else None) == condition


def test_artifacts_and_test_results_are_stored_after_failures_too() -> None:
    assert str(step("store_artifacts: {path: p}").when) == "always()"
    assert str(step("store_test_results: {path: p}").when) == "always()"


@pytest.mark.parametrize(
    ("written", "duration"),
    [("90", "90s"), ("20m", "20m"), ("1h30m", "90m"), ("2h", "2h"), ("1.5m", "90s"), ("10s", "10s")],
)
def test_timeouts_are_spans_of_time(written: str, duration: str) -> None:
    assert step(f"run: {{command: c, no_output_timeout: {written}}}").idle_timeout == duration


def test_environment_may_be_a_list() -> None:
    found = step('run: {command: c, environment: [A=1, {B: 2}, "C=x=y"]}')
    assert found.variables == {"A": "1", "B": "2", "C": "x=y"}


def test_cache_keys_have_our_templates() -> None:
    key = 'v1-{{ .Branch }}-{{ checksum "a.lock" }}-{{ .Revision }}-{{ arch }}-{{ .Environment.CIRCLE_TAG }}-{{ .Environment.X }}'
    found = step(f"save_cache: {{key: '{key}', paths: [a, b]}}")
    assert found.inputs == {
        "key": "v1-${{ branch }}-${{ hash_files('a.lock') }}-${{ commit }}-${{ runner.os }}-${{ runner.arch }}"
        "-${{ tag }}-${{ variables.X }}",
        "path": "a\nb",
    }


def test_a_restored_cache_says_where_it_comes_from_and_what_its_keys_begin() -> None:
    stage = only("[restore_cache: {keys: [v1-x, v1-]}, save_cache: {key: v1-x, paths: [p]}]")
    assert stage.steps[0].inputs == {"key": "v1-x", "restore-keys": "v1-", "path": "p"}
    stage = only("[restore_cache: {key: v1-}, save_cache: {key: v1-x, paths: [p]}]")
    assert stage.steps[0].inputs == {"key": "v1-", "restore-keys": "v1-", "path": "p"}


def test_workspaces_are_handed_on() -> None:
    assert step("persist_to_workspace: {root: r, paths: [a]}").inputs == {"root": "r", "path": "a"}
    assert step("attach_workspace: {at: /tmp}").action == "workspace.restore"


def test_steps_may_stand_in_lists_of_steps() -> None:
    assert [one.inputs["script"] for one in only("[steps: [run: a, run: b], [run: c]]").steps] == [
        "a",
        "b",
        "c",
    ]


def test_unknown_orb_commands_are_kept_word_for_word() -> None:
    found = step("x/do: {a: << pipeline.number >>, b: [1]}", "orbs: {x: acme/x@volatile}")
    assert found.inputs == {"vendor": "circleci", "value": {"x/do": {"a": "<< pipeline.number >>", "b": [1]}}}


def test_known_orb_commands_say_what_they_do() -> None:
    found = step("n/install: {node-version: '20'}", "orbs: {n: circleci/node@5}")
    assert found.inputs["value"] == {"n/install": {"node-version": "20"}}
    assert found.inputs["steps"]


# Texts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("<< pipeline.git.branch >>", "${{ branch }}"),
        ("<<pipeline.git.revision>>-x", "${{ commit }}-x"),
        ("<< pipeline.parameters.a-b >>", "${{ parameters.a-b }}"),
        ('<< pipeline.git.branch == "main" and 10 or 1 >>', "${{ branch == 'main' && 10 || 1 }}"),
        ("<< pipeline.git.branch.is_default >>", "${{ branch == repository.default_branch }}"),
        ("<< pipeline.schedule.name >>", "${{ opaque('circleci', 'pipeline.schedule.name') }}"),
        ("\\<< parameters.x >>", "<< parameters.x >>"),
        ("cat <<EOF", "cat <<EOF"),
        ("a <<b>> c", "a <<b>> c"),
        ("${{ x }}", "${{ '${{' }} x }}"),
    ],
)
def test_texts_have_our_templates(theirs: str, ours: str) -> None:
    assert step(f"run: '{theirs}'").inputs["script"] == ours


def test_version_2_has_no_templates() -> None:
    found = pipeline(f"version: 2\njobs:\n  build:\n    {BOX}\n    steps: [run: 'a << b >> \\<<']\n")
    assert found.stages[0].steps[0].inputs["script"] == "a << b >> \\<<"


def test_version_2_executes_build_on_the_branches_that_it_names() -> None:
    text = (
        f"version: 2\njobs:\n  build: {{{BOX}, branches: {{only: [master, /f-.*/]}}, steps: [deploy: x]}}\n"
    )
    found = pipeline(text)
    assert found.name == "config"
    assert found.triggers[0].branches == ("master", "f-**")
    assert found.stages[0].steps[0].data() == {
        "action": "run",
        "inputs": {"script": "x"},
        "vendor": {"circleci": {"hints": {"step": "deploy"}}},
    }
    assert read(text).findings == ()


# Where jobs run ----------------------------------------------------------------------------------------


def job(text: str) -> Stage:
    (stage,) = pipeline(f"{HEAD}jobs:\n  build: {{{text}, steps: [checkout]}}\n").stages
    return stage


def test_the_first_image_is_the_container_and_others_are_services() -> None:
    found = job(
        "docker: [{image: a}, {image: 'x/postgres:16'}, {image: 'postgres:15'}, {image: r, name: cache}]"
    )
    assert found.container is not None
    assert found.container.image == "a"
    assert {name: one.image for name, one in found.services.items()} == {
        "postgres": "x/postgres:16",
        "postgres-2": "postgres:15",
        "cache": "r",
    }
    assert found.vendor["circleci"]["hints"] == {"unnamed-services": ["postgres", "postgres-2"]}


def test_credentials_of_images_are_secrets() -> None:
    found = job("docker: [{image: a, auth: {username: bob, password: $PASS}}]").container
    assert found is not None
    assert (found.username, found.password) == ("bob", "${{ secrets.PASS }}")


@pytest.mark.parametrize(
    ("text", "runner"),
    [
        ("docker: [{image: a}], resource_class: large", {"name": "linux", "size": "large"}),
        ("docker: [{image: a}], resource_class: arm.large", {"name": "linux-arm", "size": "arm.large"}),
        ("machine: true", {"name": "linux"}),
        ("machine: {enabled: true}", {"name": "linux"}),
        ("machine: {image: 'linux-cuda-12:default'}", {"name": "linux"}),
        ("machine: {image: 'windows-server-2019:x'}", {"name": "windows"}),
        (
            "machine: {image: 'ubuntu-2404:current'}, resource_class: large",
            {"name": "ubuntu-24.04", "size": "large"},
        ),
        (
            "machine: {image: 'ubuntu-2204:x'}, resource_class: arm.medium",
            {"name": "ubuntu-22.04-arm"},
        ),
        ("machine: true, resource_class: acme/big", {"labels": ["acme/big"]}),
        ("docker: [{image: a}], resource_class: acme/k8s", {"labels": ["acme/k8s"]}),
    ],
)
def test_machines_are_runners(text: str, runner: Any) -> None:
    assert data(job(text).runner) == runner


def test_xcode_is_chosen_by_a_step() -> None:
    found = job("macos: {xcode: 16.2.0}")
    assert found.runner is not None
    assert found.runner.name == "macos-15"
    assert found.steps[0] == Step(action="setup.xcode", inputs={"version": "16.2.0"})


def test_an_executor_gives_what_the_job_does_not_say() -> None:
    text = (
        f"{HEAD}executors:\n  e: {{parameters: {{v: {{type: string}}}}, docker: [{{image: 'a:<< parameters.v >>'}}],"
        " environment: {A: e, B: e}, shell: e}\n"
        "jobs:\n  build: {executor: {name: e, v: '1'}, shell: j, environment: {B: j}, steps: [checkout]}\n"
    )
    (found,) = pipeline(text).stages
    assert found.container is not None
    assert found.container.image == "a:1"
    assert found.variables == {"A": "e", "B": "j"}
    assert found.defaults is not None
    assert found.defaults.shell == "j"
    assert read(text).source.unread() == ()


# What is wrong -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("version: 3\njobs: {build: {machine: true, steps: []}}", "1:1", "version '3' is none"),
        ("jobs: {build: {machine: true, steps: []}}", "1:1", "needs its `version`"),
        (f"{HEAD}jobs: {{x: {{machine: true, steps: []}}}}", "1:1", "no workflow and no job `build`"),
        (f"{HEAD}jobs:\n  build: {{machine: true}}", "3:3", "has no `steps`"),
        (f"{HEAD}jobs:\n  build: {{steps: []}}", "3:3", "has no place to run"),
        (f"{HEAD}jobs:\n  build:\n    machine: true\n    steps:\n      -run: x", "5:5", "steps are a list"),
        (f"{HEAD}jobs:\n  build: {{machine: true, steps: [nope]}}", "3:34", "no step and no command 'nope'"),
        (f"{HEAD}workflows: {{a: {{jobs: [b]}}}}", "2:24", "no job 'b'"),
        (f"{HEAD}workflows: {{a: {{}}}}", "2:13", "has no `jobs`"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, place: str, message: str) -> None:
    found = problems(text)
    assert place in found
    assert message in found[place]


def test_a_misspelt_key_is_kept_and_told() -> None:
    reading = read(f"{HEAD}jobs:\n  build: {{machine: true, environments: {{A: b}}, steps: [checkout]}}")
    (finding,) = reading.findings
    assert "write 'environment'" in finding.remedy
    assert finding.source == ".circleci/config.yml:3:26"


@pytest.mark.parametrize("text", ["[]", "text", "a: 'b", ""])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        read(text)
