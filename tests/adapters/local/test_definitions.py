"""Publishing: whole or not at all, and never over somebody else's change."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from pipemgr.adapter import Conflict, DocumentSet, Refused, single


def workflow(text, name="ci"):
    return single(f".github/workflows/{name}.yml", text)


ONE = "jobs:\n  a: {runs-on: linux, steps: [{run: echo 1}]}\n"
TWO = ONE.replace("1", "2")


def test_what_is_published_is_fetched(local):
    assert not local.adapter.fetch("ci")
    documents = workflow(ONE)
    published = local.adapter.publish("ci", documents, expected=None)
    assert published.fingerprint == documents.fingerprint
    assert local.adapter.fetch("ci") == documents
    assert local.adapter.pipelines() == ("ci",)


def test_every_byte_comes_back(local):
    documents = single(".github/workflows/x.yml", "# größe 🎉\r\nname: a\r\n\r\nb:  |\n  c \n")
    local.adapter.publish("ci", documents, expected=None)
    assert local.adapter.fetch("ci") == documents


@pytest.mark.parametrize(
    "name", ["../../out", "ü/ö ✓", ".hidden", "..", "a%2Fb", "con  fig", "🎉" * 20, "\n"]
)
def test_any_name_is_a_name(local, name):
    local.adapter.publish(name, workflow(ONE), expected=None)
    assert local.adapter.pipelines() == (name,)
    assert local.adapter.fetch(name) == workflow(ONE)
    inside = local.adapter.store.state.resolve()
    written = list(local.adapter.directory.rglob("*.yml"))
    assert [path for path in written if not path.resolve().is_relative_to(inside)] == []
    assert len(written) == 1


@pytest.mark.parametrize("name", ["", "x" * 300])
def test_names_that_no_folder_can_have_are_refused(local, name):
    with pytest.raises(Refused, match="no name for a pipeline"):
        local.adapter.publish(name, workflow(ONE), expected=None)


@pytest.mark.parametrize("path", ["/etc/x.yml", "../x.yml", "a/../../x.yml"])
def test_documents_stay_in_their_folder(local, path):
    with pytest.raises(Refused, match="leads out"):
        local.adapter.publish("ci", single(path, "x"), expected=None)


def test_a_change_since_the_plan_is_a_conflict(local):
    local.adapter.publish("ci", workflow(ONE), expected=None)
    with pytest.raises(Conflict):
        local.adapter.publish("ci", workflow(TWO), expected=None)
    with pytest.raises(Conflict):
        local.adapter.delete("ci", expected=workflow(TWO).fingerprint)
    assert local.adapter.fetch("ci") == workflow(ONE)
    local.adapter.publish("ci", workflow(TWO), expected=workflow(ONE).fingerprint)
    assert local.adapter.fetch("ci") == workflow(TWO)


def test_publishing_what_is_there_is_no_conflict(local):
    local.adapter.publish("ci", workflow(ONE), expected=None)
    local.adapter.publish("ci", workflow(ONE), expected="sha256:whatever")
    assert local.adapter.fetch("ci") == workflow(ONE)


def test_an_edit_by_hand_is_seen(local):
    local.adapter.publish("ci", workflow(ONE), expected=None)
    (file,) = local.adapter.store.state.rglob("ci.yml")
    file.write_bytes(file.read_bytes() + b"# \xff\n")
    assert local.adapter.fetch("ci").fingerprint != workflow(ONE).fingerprint


def test_a_renamed_document_replaces_the_old_one(local):
    local.adapter.publish("ci", workflow(ONE), expected=None)
    local.adapter.publish("ci", workflow(ONE, "other"), expected=workflow(ONE).fingerprint)
    assert local.adapter.fetch("ci") == workflow(ONE, "other")


def test_deleting_leaves_nothing(local):
    local.adapter.publish("ci", workflow(ONE), expected=None)
    local.adapter.delete("ci", expected=workflow(ONE).fingerprint)
    assert local.adapter.pipelines() == ()
    assert not local.adapter.fetch("ci")
    local.adapter.delete("ci", expected=workflow(ONE).fingerprint)


def test_of_eight_who_planned_on_nothing_one_wins(local):
    def publish(number: int) -> DocumentSet | None:
        documents = workflow(ONE.replace("1", str(number)))
        try:
            local.adapter.publish("ci", documents, expected=None)
        except Conflict:
            return None
        return documents

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(publish, range(8)))
    (winner,) = (one for one in results if one)
    assert local.adapter.fetch("ci") == winner


def test_the_state_folder_is_hidden_from_version_control_and_copies(local):
    local.adapter.publish("ci", workflow(ONE), expected=None)
    assert (local.adapter.store.state / ".gitignore").read_text(encoding="utf-8") == "*\n"
    left = [path for path in local.adapter.store.state.rglob("*") if path.name.startswith(".part")]
    assert left == []


def test_a_live_definition_that_is_no_workflow_cannot_start(local):
    for text, words in (("a: [", "broken"), ("- 1\n", "no jobs"), ("", "no jobs"), ("jobs: {}\n", "no jobs")):
        local.adapter.publish("ci", single("x.yml", text), expected=local.adapter.fetch("ci").fingerprint)
        with pytest.raises(Refused, match=words):
            local.adapter.start("ci", {})


def test_a_probe_says_who_is_there(local, make):
    found = local.adapter.probe()
    assert found.name == "act"
    assert found.version[0].isdigit()
    with pytest.raises(Refused, match="does not exist"):
        make(directory="nowhere").adapter.probe()
