"""What docs/converting.md shows of tables is true."""

import re
from pathlib import Path

from pipemgr.mapping.tables import Tables
from pipemgr.service.languages import Languages
from pipemgr.service.runtime import registry
from pipemgr.service.translation import translate
from pipemgr.translate.report import Fidelity, Outcome, Strictness

TEXT = (Path(__file__).parents[2] / "docs" / "converting.md").read_text(encoding="utf-8")


def test_the_rows_of_the_example_are_taken(tmp_path: Path) -> None:
    example, _ = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    folder = tmp_path / "github-actions"
    folder.mkdir()
    (folder / "steps.yaml").write_text(example, encoding="utf-8")
    steps = Tables.of("github-actions", None, tmp_path).steps
    known, expanded = steps.read("acme/fetch-code"), steps.read("acme/deploy")
    assert known is not None
    assert known.action == "checkout"
    assert steps.write("checkout") == known
    assert expanded is not None
    assert expanded.steps


def test_the_rows_for_a_library_are_taken(tmp_path: Path) -> None:
    _, example = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "words" / "jenkins").mkdir(parents=True)
    (tmp_path / "words" / "jenkins" / "steps.yaml").write_text(example, encoding="utf-8")
    file = tmp_path / "Jenkinsfile"
    file.write_text("node {\n  acmeDeploy('staging')\n  acmeDeploy target: 'prod', dry: true\n}\n", "utf-8")
    known = Languages(registry(tmp_path / "words"), tmp_path / "words")
    made = translate(str(file), known, "jenkins", "github-actions", Strictness.REPORT)
    text = made.documents.documents[0].text
    assert "run: ./deploy staging\n" in text
    assert "run: ./deploy prod --dry\n" in text


def test_every_word_of_the_report_is_explained() -> None:
    told = set(re.findall(r"^\| (\w+) \|", TEXT, re.MULTILINE))
    assert {*Fidelity, *Outcome} <= told
    assert all(
        f"`{word}`" in TEXT or f"--strictness {word}" in TEXT for word in Strictness if word != "report"
    )
