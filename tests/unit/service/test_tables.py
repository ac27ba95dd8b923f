"""The workspace's own mapping tables, and a borrowed language's own things, reach the command line's use cases."""

from pathlib import Path

from pipemgr.config import find
from pipemgr.model.definitions import Pipeline, Stage, Step
from pipemgr.service.runtime import Runtime, languages
from pipemgr.service.workspace import create
from pipemgr.translate.convert import write

ROW = """\
source: [https://acme.example]
checked: 2026-11-23
rows:
  - {call: acme/fetch, action: checkout, version: v1}
"""


def pipeline(*steps: Step) -> Pipeline:
    return Pipeline(name="p", stages=(Stage(id="a", steps=steps),))


def test_the_overlay_of_a_workspace_counts_in_it_and_nowhere_else(tmp_path: Path, monkeypatch) -> None:
    create(tmp_path)
    table = tmp_path / "ours" / "github-actions" / "steps.yaml"
    table.parent.mkdir(parents=True)
    table.write_text(ROW, encoding="utf-8")
    config = tmp_path / "pipemgr.toml"
    config.write_text(
        config.read_text(encoding="utf-8") + '\n[mappings]\noverlay = "ours"\n', encoding="utf-8"
    )

    def written() -> str:
        (document,) = write(pipeline(Step(action="checkout")), languages().get("github-actions")).documents
        return document.text

    elsewhere = tmp_path / "elsewhere"
    monkeypatch.chdir(tmp_path)
    assert "uses: acme/fetch@v1" in written()
    runtime = Runtime(find(tmp_path))
    assert runtime.languages.get("github-actions") is languages().get("github-actions")
    runtime.close()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert "uses: acme/fetch@v1" in written()
    config.unlink()
    assert "uses: actions/checkout@" in written()


def test_a_borrower_keeps_what_only_the_lender_understands(tmp_path: Path) -> None:
    value = {"uses": "acme/unknown@v1"}
    step = Step(action="opaque", inputs={"vendor": "github-actions", "value": value})
    writing = write(pipeline(step), languages().get("local"))
    (document,) = writing.documents
    assert "uses: acme/unknown@v1" in document.text
