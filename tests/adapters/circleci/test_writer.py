"""Writing CircleCI definitions: what each part of a pipeline becomes."""

from typing import Any

import pytest
import yaml

from pipemgr.adapter import Fidelity, Writing
from pipemgr.model.definitions import Pipeline
from pipemgr_circleci.writer import CircleCIWriter

PUSH = [{"event": "push", "branches": ["**"]}]


def write(**pipeline: Any) -> Writing:
    return CircleCIWriter().write(Pipeline.model_validate({"name": "ci", "triggers": PUSH, **pipeline}))


def config(**pipeline: Any) -> Any:
    (document,) = write(**pipeline).documents.documents
    assert document.path == ".circleci/config.yml"
    return yaml.safe_load(document.text)


def stage(**more: Any) -> Any:
    found = {"id": "build", "runner": {"name": "linux"}, "steps": [run("make")], **more}
    return {key: value for key, value in found.items() if value is not None}


def run(script: str, **more: Any) -> Any:
    inputs = {"script": script, **{key: more.pop(key) for key in ("shell", "directory") if key in more}}
    return {"action": "run", "inputs": inputs, **more}


def job(**more: Any) -> Any:
    (found,) = config(stages=[stage(**more)])["jobs"].values()
    return found


def steps(*several: Any, **more: Any) -> Any:
    return job(steps=list(several), **more)["steps"]


def invoked(*stages: Any, **pipeline: Any) -> Any:
    (workflow,) = config(stages=list(stages), **pipeline)["workflows"].values()
    return workflow["jobs"]


def told(fidelity: Fidelity, **pipeline: Any) -> list[str]:
    return [one.what for one in write(**pipeline).findings if one.fidelity is fidelity]


# Scripts -----------------------------------------------------------------------------------------------


def test_a_script_alone_is_written_in_short() -> None:
    assert steps(run("make")) == [{"run": "make"}]


def test_a_script_says_all_that_circleci_knows() -> None:
    said = run("make", directory="web", name="Make", variables={"A": "1"}, background=True, when="always()")
    assert steps(said) == [
        {
            "run": {
                "name": "Make",
                "environment": {"A": "1"},
                "working_directory": "web",
                "background": True,
                "when": "always",
                "command": "make",
            }
        }
    ]


@pytest.mark.parametrize(
    ("script", "written"),
    [
        ("echo ${{ secrets.KEY }}", "echo $KEY"),
        ("echo ${{ secrets.KEY }}s", "echo ${KEY}s"),
        ("echo '${{ secrets.KEY }}'", "echo ''\"$KEY\"''"),
        ('echo "it\'s ${{ secrets.KEY }}"', 'echo "it\'s $KEY"'),
        ("echo it\\'s ${{ secrets.KEY }} # don't\necho '${{ secrets.KEY }}'", None),
        ("echo ${{ branch }}", "echo << pipeline.git.branch >>"),
        (
            "cat <<EOF\n${{ secrets.KEY }}'\nEOF\necho ${{ secrets.KEY }}",
            "cat \\<<EOF\n$KEY'\nEOF\necho $KEY",
        ),
        ("echo ${{ workspace }}", "echo ${CIRCLE_WORKING_DIRECTORY/#\\~/$HOME}"),
        ("echo ${{ repository.name }}", "echo << pipeline.git.repo_owner >>/<< pipeline.git.repo_name >>"),
        ("echo ${{ matrix.none || 'x' }}", "echo x"),
        (
            "echo ${{ runner.os }} ${{ format('{0}-{1}', 'a', commit) }}",
            "echo Linux a-<< pipeline.git.revision >>",
        ),
    ],
)
def test_values_come_from_the_compiler_or_the_environment(script: str, written: str | None) -> None:
    expected = written or "echo it\\'s $KEY # don't\necho ''\"$KEY\"''"
    assert steps(run(script)) == [{"run": expected}]


def test_what_is_known_is_written_as_it_is_in_the_variables_of_a_step() -> None:
    step = run("make", variables={"TOOL": "uv@${{ variables.VERSION }}"})
    (found,) = steps(step, variables={"VERSION": ">=0.10"})
    assert found["run"]["environment"] == {"TOOL": "uv@>=0.10"}


def test_nothing_is_put_where_the_shell_replaces_nothing() -> None:
    script = "cat <<'EOF'\n${{ secrets.KEY }}\nEOF\n"
    assert "${{ secrets.KEY }}" in told(Fidelity.DROPPED, stages=[stage(steps=[run(script)])])


@pytest.mark.parametrize(
    ("shell", "machine", "written"),
    [
        ("bash", "linux", "/bin/bash -eo pipefail"),
        ("bash {0}", "linux", "bash"),
        ("sh", "linux", "/bin/sh -e"),
        ("python {0}", "linux", "python"),
        ("pwsh", "windows", "pwsh.exe"),
        ("bash", "windows", "bash.exe -eo pipefail"),
        (None, "windows", None),
    ],
)
def test_shells_have_circlecis_names(shell: str | None, machine: str, written: str | None) -> None:
    (found,) = steps(run("make", **({"shell": shell} if shell else {})), runner={"name": machine})
    assert (found["run"]["shell"] if isinstance(found["run"], dict) else None) == written


def test_each_shell_reads_the_environment_in_its_own_way() -> None:
    script = "echo ${{ secrets.KEY }}"
    assert steps(run(script), runner={"name": "windows"}) == [{"run": "echo $env:KEY"}]


def test_a_step_that_may_fail_ends_well() -> None:
    assert steps(run("make", **{"allow-failure": True})) == [{"run": "trap 'exit 0' EXIT\nmake"}]


def test_a_folder_that_only_a_run_knows_is_entered_by_the_script() -> None:
    assert steps(run("make", directory="${{ secrets.DIR }}")) == [{"run": 'cd "${DIR}"\nmake'}]


# Conditions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "filters"),
    [
        ("branch == 'main'", 'pipeline.git.branch == "main"'),
        ("ref == 'refs/heads/main'", 'pipeline.git.branch == "main"'),
        ("starts_with(ref, 'refs/tags/v')", 'pipeline.git.tag starts-with "v"'),
        ("ref_type == 'tag'", 'pipeline.git.tag != ""'),
        ("branch == repository.default_branch", "pipeline.git.branch.is_default == true"),
        (
            "trigger == 'push' && !(branch == 'a')",
            'pipeline.event.name == "push" and pipeline.git.branch != "a"',
        ),
        ("(branch == 'a' || branch == 'b') && parameters.x", None),
        ("matches(branch, 'v[0-9]+')", "pipeline.git.branch matches /^v[0-9]+$/"),
        ("ends_with(branch, '/x.y')", r"pipeline.git.branch matches /^.*\/x\.y$/"),
        (
            'contains(from_json(\'["a", "b"]\'), branch)',
            'pipeline.git.branch == "a" or pipeline.git.branch == "b"',
        ),
    ],
)
def test_conditions_on_what_is_built_are_filters(condition: str, filters: str | None) -> None:
    both = '(pipeline.git.branch == "a" or pipeline.git.branch == "b") and pipeline.parameters.x'
    (found,) = invoked(stage(when=condition), parameters={"x": {"type": "boolean"}})
    assert found == {"build": {"filters": filters or both}}


def test_steps_with_the_same_condition_stand_in_one_when_step() -> None:
    only = "branch == 'main' && parameters.deploy"
    found = steps(run("a", when=only), run("b", when=only), run("c"))
    condition = {
        "and": [{"equal": ["main", "<< pipeline.git.branch >>"]}, "<< pipeline.parameters.deploy >>"]
    }
    assert found == [{"when": {"condition": condition, "steps": [{"run": "a"}, {"run": "b"}]}}, {"run": "c"}]


def test_what_only_a_run_can_tell_is_tested_by_the_script() -> None:
    assert steps(run("a", when="secrets.KEY != ''")) == [{"run": '[ "${KEY}" != "" ] || exit 0\na'}]


def test_a_job_that_only_a_run_can_tell_to_be_wanted_halts() -> None:
    first, _ = steps(run("a"), when="secrets.KEY != ''")
    assert first["run"]["command"] == '[ "${KEY}" != "" ] || circleci-agent step halt'


def test_what_is_known_of_the_machine_is_decided() -> None:
    assert steps(run("a", when="runner.os == 'Windows'"), run("b", when="runner.os == 'Linux'")) == [
        {"run": "b"}
    ]


@pytest.mark.parametrize(
    ("condition", "requires"),
    [
        (None, [["a", "b"]]),
        ("always()", [[{"a": "terminal"}, {"b": "terminal"}]]),
        ("!canceled()", [[{"a": ["success", "failed", "not_run"]}, {"b": ["success", "failed", "not_run"]}]]),
        ("always() && needs.a.result == 'failure'", [[{"a": "failed"}, {"b": "terminal"}]]),
        ("failure()", [[{"a": "failed"}, {"b": "terminal"}], [{"a": "terminal"}, {"b": "failed"}]]),
        ("always() && contains(needs.*.result, 'failure')", [[{"a": "failed"}, {"b": "terminal"}]] * 1),
    ],
)
def test_conditions_on_results_are_statuses(condition: str | None, requires: list[Any]) -> None:
    needy = stage(id="c", needs=["a", "b"], when=condition)
    found = invoked(stage(id="a"), stage(id="b"), needy)[2:]
    assert [one["c"]["requires"] for one in found][: len(requires)] == requires


def test_what_requires_cannot_say_is_told() -> None:
    odd = stage(id="c", needs=["a", "b"], when="always() && needs.a.result == needs.b.result")
    findings = write(stages=[stage(id="a"), stage(id="b"), odd]).findings
    assert [one.fidelity for one in findings if one.path == "stages.c.when"] == [Fidelity.DROPPED]


def test_others_go_on_behind_a_stage_that_may_fail() -> None:
    found = invoked(stage(id="a", **{"allow-failure": True}), stage(id="b", needs=["a"]))
    assert found[1] == {"b": {"requires": [{"a": ["success", "failed"]}]}}


# Triggers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("triggers", "when"),
    [
        ([{"event": "push", "branches": ["**"]}], None),
        ([{"event": "push", "branches": ["main"]}], 'pipeline.git.branch == "main"'),
        ([{"event": "push", "branches": ["main"]}, {"event": "pull_request"}], None),
        (
            [{"event": "push", "branches-ignore": ["main"]}],
            'pipeline.git.branch != "" and pipeline.git.branch != "main"',
        ),
        ([{"event": "manual"}], 'pipeline.event.name == "api"'),
        ([{"event": "release"}], 'pipeline.event.name == "api"'),
        ([{"event": "pull_request", "types": ["closed"]}], 'pipeline.event.name == "pull_request"'),
        ([{"event": "push", "branches": ["release/**"]}], 'pipeline.git.branch starts-with "release/"'),
    ],
)
def test_triggers_are_conditions_of_the_workflow(triggers: list[Any], when: str | None) -> None:
    (workflow,) = config(triggers=triggers, stages=[stage()])["workflows"].values()
    assert workflow.get("when") == when


def test_jobs_say_that_tags_start_them() -> None:
    found = invoked(stage(), triggers=[{"event": "push"}])
    assert found == [{"build": {"filters": {"tags": {"only": "/.*/"}}}}]


def test_a_schedule_has_a_workflow_of_its_own() -> None:
    triggers = [*PUSH, {"event": "schedule", "cron": "0 3 * * *"}]
    nightly = stage(id="nightly", when="trigger == 'schedule' && schedule == '0 3 * * *' && branch == 'dev'")
    workflows = config(triggers=triggers, stages=[stage(), nightly])["workflows"]
    assert workflows["ci"]["jobs"] == ["build"]
    scheduled = workflows["ci-scheduled"]
    assert scheduled["triggers"] == [
        {"schedule": {"cron": "0 3 * * *", "filters": {"branches": {"only": ["main"]}}}}
    ]
    assert scheduled["jobs"] == ["build", {"nightly": {"filters": 'pipeline.git.branch == "dev"'}}]


def test_groups_are_workflows_unless_they_wait_for_one_another() -> None:
    apart = [stage(id="a", group="one"), stage(id="b", group="two")]
    assert list(config(stages=apart)["workflows"]) == ["one", "two"]
    bound = [stage(id="a", group="one"), stage(id="b", group="two", needs=["a"])]
    assert list(config(stages=bound)["workflows"]) == ["ci"]


def test_jobs_of_one_workflow_have_names_of_their_own() -> None:
    apart = [stage(id="a", name="x", group="one"), stage(id="b", name="x", group="two")]
    assert [one["jobs"] for one in config(stages=apart)["workflows"].values()] == [
        [{"a": {"name": "x"}}],
        [{"b": {"name": "x"}}],
    ]
    bound = [apart[0], {**apart[1], "needs": ["a"]}]
    assert config(stages=bound)["workflows"]["ci"]["jobs"] == [
        {"a": {"name": "x"}},
        {"b": {"requires": ["x"]}},
    ]
    assert [one for one in told(Fidelity.EQUIVALENT, stages=bound) if "name x" in one]


def test_choices_are_texts_and_so_is_the_one_that_is_usual() -> None:
    parameters = {"level": {"type": "choice", "choices": [0, 1], "default": 0}}
    written = config(stages=[stage()], parameters=parameters)["parameters"]["level"]
    assert (written["enum"], written["default"]) == (["0", "1"], "0")


# Jobs --------------------------------------------------------------------------------------------------


def test_equal_places_are_one_executor() -> None:
    found = config(stages=[stage(id="a"), stage(id="b"), stage(id="c", runner={"name": "windows"})])
    assert list(found["executors"]) == ["linux"]
    assert [one.get("executor") for one in found["jobs"].values()] == ["linux", "linux", None]


def test_services_are_containers_beside_the_first() -> None:
    services = {"db": {"image": "postgres:17", "ports": ["5432:5432", "1:2"]}}
    found = job(container={"image": "a", "username": "${{ secrets.USER }}"}, services=services)
    assert found["docker"] == [
        {"image": "a", "auth": {"username": "$USER"}},
        {"image": "postgres:17", "name": "db"},
    ]


def test_machines_of_ones_own_have_a_resource_class() -> None:
    found = job(runner={"labels": ["acme/big"]})
    assert (found["machine"], found["resource_class"]) == (True, "acme/big")


def test_variables_from_secrets_are_set_by_the_first_step() -> None:
    first, _ = steps(run("make"), variables={"A": "it's ${{ secrets.B }}", "B": "${{ secrets.B }}", "C": "c"})
    assert first["run"]["command"] == "echo 'export A=\"it'\\''s ${B}\"' >> \"$BASH_ENV\""


def test_a_matrix_declares_what_its_job_is_given() -> None:
    text = stage(matrix={"axes": {"py": ["3.12", "3.13"], "n": [1, 2]}, "exclude": [{"py": "3.12", "n": 2}]})
    found = config(stages=[{**text, "steps": [run("t ${{ matrix.py }}")]}])
    assert found["jobs"]["build"]["parameters"] == {"py": {"type": "string"}, "n": {"type": "integer"}}
    assert found["jobs"]["build"]["steps"] == [{"run": "t << parameters.py >>"}]
    (entry,) = found["workflows"]["ci"]["jobs"]
    assert entry["build"]["matrix"]["exclude"] == [{"py": "3.12", "n": 2}]


def test_what_a_matrix_cannot_say_is_one_call_a_cell() -> None:
    rows = {"axes": {"py": ["3.12"]}, "include": [{"py": "3.13", "extra": True}]}
    found = invoked(stage(matrix=rows), stage(id="after", needs=["build"]))
    names = ["build-3-12", "build-3-13-true"]
    assert [one["build"]["name"] for one in found[:2]] == names
    assert found[2] == {"after": {"requires": names}}


def test_a_matrix_of_machines_chooses_executors() -> None:
    found = config(
        stages=[stage(matrix={"axes": {"os": ["linux", "macos"]}}, runner={"labels": ["${{ matrix.os }}"]})]
    )
    assert found["jobs"]["build"]["executor"] == "<< parameters.os >>"
    assert list(found["executors"]) == ["linux", "macos"]


def test_an_approval_with_work_behind_it_is_a_job_of_its_own() -> None:
    found = invoked(stage(id="a"), stage(id="b", needs=["a"], approval={}))
    assert found[1:] == [
        {"approve-b": {"type": "approval", "requires": ["a"]}},
        {"b": {"requires": ["approve-b"]}},
    ]


# Files -------------------------------------------------------------------------------------------------


def test_a_cache_is_restored_now_and_saved_at_the_end() -> None:
    cache = {
        "action": "cache",
        "inputs": {"path": "~/.npm", "key": "${{ branch }}-${{ hash_files('a.lock') }}", "restore-keys": "x"},
    }
    key = '{{ .Branch }}-{{ checksum "a.lock" }}'
    assert steps(cache, run("make")) == [
        {"restore_cache": {"keys": [key, "x"]}},
        {"run": "make"},
        {"save_cache": {"key": key, "paths": ["~/.npm"]}},
    ]


def test_an_artifact_that_nobody_fetches_is_stored_only() -> None:
    upload = {"action": "artifact.upload", "inputs": {"name": "site", "path": "dist"}}
    assert steps(upload) == [{"store_artifacts": {"path": "dist", "destination": "site"}}]


def test_an_artifact_that_a_stage_fetches_goes_by_the_workspace() -> None:
    upload = {"action": "artifact.upload", "inputs": {"name": "site", "path": "dist/*.whl"}}
    download = {"action": "artifact.download", "inputs": {"name": "site", "path": "in"}}
    found = config(stages=[stage(steps=[upload]), stage(id="b", needs=["build"], steps=[download, download])])
    made, fetched = (one["steps"] for one in found["jobs"].values())
    assert [next(iter(one)) for one in made] == ["run", "store_artifacts", "persist_to_workspace"]
    assert [next(iter(one)) for one in fetched] == ["attach_workspace", "run", "run"]


def test_a_checkout_does_by_git_what_it_does_not_by_itself() -> None:
    checkout = {"action": "checkout", "inputs": {"submodules": "recursive", "path": "src", "lfs": True}}
    first, second = steps(checkout)
    assert first == {"checkout": {"path": "src"}}
    assert second["run"]["working_directory"] == "src"
    assert second["run"]["command"].splitlines()[-1] == "git lfs pull"


# What is CircleCI's own --------------------------------------------------------------------------------


def test_what_only_circleci_understands_is_written_as_it_is() -> None:
    value = {"slack/notify": {"event": "fail"}}
    opaque = {"action": "opaque", "inputs": {"vendor": "circleci", "value": value}}
    found = config(
        stages=[stage(steps=[opaque])], vendor={"circleci": {"orbs": {"slack": "circleci/slack@4.1"}}}
    )
    assert found["jobs"]["build"]["steps"] == [value]
    assert found["orbs"] == {"slack": "circleci/slack@4.1"}


def test_a_job_of_an_orb_is_called_with_its_parameters() -> None:
    kept = {"circleci": {"job": "acme/ship", "parameters": {"level": 3}}}
    found = config(stages=[stage(id="acme-ship", steps=[], runner=None, vendor=kept)])
    assert "jobs" not in found
    assert found["workflows"]["ci"]["jobs"] == [{"acme/ship": {"level": 3}}]


def test_what_a_cache_depends_on_is_summed_up_once_for_restoring_and_saving() -> None:
    cache = {"action": "cache", "inputs": {"path": "x", "key": "a-${{ hash_files('**/*.lock') }}"}}
    first, restore, save = steps(cache)
    key = 'a-{{ checksum "/tmp/cache-key-1" }}'
    assert first["run"]["command"].endswith("> /tmp/cache-key-1")
    assert (restore["restore_cache"]["key"], save["save_cache"]["key"]) == (key, key)


def test_globs_that_only_a_run_knows_come_from_the_environment() -> None:
    cache = {"action": "cache.restore", "inputs": {"path": "x", "key": "a-${{ hash_files(secrets.WHERE) }}"}}
    assert "ls-files -z ':(glob)'\"${WHERE}\" |" in steps(cache)[0]["run"]["command"]
