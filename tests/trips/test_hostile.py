"""Hostile and broken files: one clear line each, at once, in little memory, and never a traceback."""

import os
import re
import resource
import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from pipemgr.service.workspace import create

from .conftest import PIPEMGR, Ran, environment

pytestmark = pytest.mark.slow
SECONDS, BYTES = 10, 400 << 20
"""Of processor time, and of address space: what is really used is less by what code is mapped."""
GOOD = files("pipemgr.service").joinpath("samples/pipelines/release.yaml").read_text(encoding="utf-8")
LINE = re.compile(r"[^\n]+?:\d+:\d+: [^\n]+")
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + at)}: &{chr(98 + at)} [{', '.join([f'*{chr(97 + at)}'] * 9)}]\n" for at in range(9)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{chr(98 + at)}: &{chr(98 + at)} {{k: *{chr(97 + at)}, l: *{chr(97 + at)}}}\n" for at in range(20)
)
STAGE = "pipeline: x\nstages:\n  a:\n    "
MANY = 100_000

TEXTS: dict[str, str | bytes] = {
    "empty": "",
    "blank": "\n \n",
    "only a comment": "# nothing\n",
    "null": "~\n",
    "a scalar": "hello\n",
    "a list": "- 1\n- 2\n",
    "binary": bytes(range(256)) * 20,
    "an image": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "NUL bytes": b"pipeline: a\x00b\n",
    "UTF-16": GOOD.encode("utf-16"),
    "Latin-1": "pipeline: café\n".encode("latin-1"),
    "an escape character": "pipeline: \x1b[2J\n",
    "a YAML bomb of lists": BOMB,
    "a YAML bomb of mappings": MERGES,
    "an anchor in itself": "a: &a\n  b: *a\n",
    "deep flow lists": "[" * MANY,
    "deep flow lists, closed": "[" * MANY + "]" * MANY,
    "deep flow mappings": "{a: " * MANY,
    "deep block lists": "- " * MANY + "x\n",
    "deep block mappings": "\n".join(" " * depth + "a:" for depth in range(3000)),
    "duplicate keys": "pipeline: a\npipeline: b\nstages: {}\n",
    "a tag that runs code": '!!python/object/apply:os.system ["id"]\n',
    "a number without end": f"pipeline: 1{'0' * MANY}\n",
    "a key without end": "x" * 4_900_000 + ": 1\n",
    "300,000 keys": "".join(f"k{number}: 1\n" for number in range(300_000)),
    "1,000,000 steps": f"{STAGE}steps:\n" + "    - run: x\n" * 1_000_000,
    "1,000,000 steps in a line": f"{STAGE}steps: [{'a,' * 1_000_000}]\n",
    "a deep expression": f"{STAGE}when: {'(' * MANY}1{')' * MANY}\n    steps: [{{run: x}}]\n",
    "an expression without end": f'{STAGE}steps: [{{run: "${{{{ {"!" * MANY}a }}}}"}}]\n',
    "a circle of 10,000 stages": "pipeline: x\nstages:\n"
    + "".join(f"  s{at}: {{needs: [s{at - 1 if at else 9999}]}}\n" for at in range(10_000)),
    "wrong types at the top": "pipeline: [1]\ntriggers: 5\nvariables: []\nstages: x\nparameters: 3\n",
    "wrong types below": f"{STAGE}steps: {{run: 1}}\n    needs: 4\n    matrix: no\n    timeout: []\n",
    "wrong types of stages": "pipeline: x\nstages: [1, [2]]\n",
    "wrong types of a workflow": "name: [1]\non: {push: 5}\njobs: [1]\n",
    "wrong types of jobs": "on: push\njobs: {a: {steps: {run: 1}, needs: {}, strategy: 5, env: [1], if: []}}\n",
    "too many steps of a workflow": "on: push\njobs:\n  a:\n    steps:\n" + "    - a\n" * 600_000,
    "a deep expression of a workflow": f"on: push\njobs: {{a: {{runs-on: x, if: {'(' * MANY}, steps: []}}}}\n",
}

JOB = "jobs:\n  a:\n    docker: [{image: x}]\n    steps: [x: {p: xxxx}]\nworkflows: {w: {jobs: [a]}}\n"
PARAMETER = "parameters: {p: {type: string}}"
FILTERED = (
    "version: 2.1\njobs: {a: {docker: [{image: x}], steps: [checkout]}}\n"
    "workflows: {w: {jobs: [a: {filters: {branches: {only: [%s]}}}]}}\n"
)
CIRCLECI: dict[str, str] = {
    "a YAML bomb": f"version: 2.1\n{BOMB}{JOB}",
    "a command that calls itself": f"version: 2.1\ncommands: {{x: {{{PARAMETER}, steps: [x: {{p: a}}, x: {{p: a}}]}}}}\n{JOB}",
    "commands that call ten commands that call ten": "version: 2.1\ncommands:\n  c0: {steps: [checkout]}\n"
    + "".join(f"  c{at + 1}: {{steps: [{', '.join([f'c{at}'] * 10)}]}}\n" for at in range(12))
    + f"  x: {{{PARAMETER}, steps: [c12]}}\n{JOB}",
    "a text that doubles with each command": f"version: 2.1\ncommands:\n  c0: {{{PARAMETER}, steps: [run: a]}}\n"
    + "".join(
        f"  c{at + 1}: {{{PARAMETER}, steps: [c{at}: {{p: '{'<< parameters.p >>' * 4}'}}]}}\n"
        for at in range(40)
    )
    + f"  x: {{{PARAMETER}, steps: [c40: {{p: << parameters.p >>}}]}}\n{JOB}",
    "10,000 jobs": "version: 2.1\njobs:\n"
    + "".join(f"  j{at}: {{docker: [{{image: x}}], steps: [checkout]}}\n" for at in range(10_000))
    + f"workflows: {{w: {{jobs: [{', '.join(f'j{at}' for at in range(10_000))}]}}}}\n",
    "a deep condition": f"version: 2.1\nworkflows: {{w: {{when: '{'(' * MANY}', jobs: []}}}}\n",
}
"""What is refused."""
LONG = {
    "templates without an end": FILTERED % "a" + "x: '" + "{{ << " * MANY + "'\n",
    "a pattern without an end": FILTERED % f"'/{'a' * MANY}/'",
    "a deep pattern": FILTERED % f"'/{'(' * 10_000}a{')' * 10_000}/'",
    "a pattern of 20 times 20 times 20": FILTERED % "'/((((a{20}){20}){20}){20}){20}/'",
    "3,000 patterns": FILTERED % ", ".join(f"'/(a|b)+x{at}.*/'" for at in range(3000)),
    "a pattern that takes years": "version: 2.1\njobs: {a: {docker: [{image: x}], steps: [checkout]}}\nworkflows: {w: {when: "
    f"{{matches: {{pattern: '^(a+)+$', value: {'a' * 60}b}}}}, jobs: [a]}}}}\n",
    "keys of caches without an end": "version: 2.1\njobs: {a: {docker: [{image: x}], steps: [restore_cache: {key: '"
    + "{{ checksum << a " * 40_000
    + "'}]}}\nworkflows: {w: {jobs: [a]}}\n",
}
"""What is read, however odd, of CircleCI."""
MATRIX = (
    "on: push\njobs:\n  a:\n    runs-on: ${{ matrix.p0 }}\n    steps: [{run: x}]\n    strategy:\n      matrix:\n"
    + "".join(f"        p{at}: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n" for at in range(9))
)


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))


def run(cwd: Path, *words: str | bytes) -> Ran:
    done = subprocess.run(
        [*PIPEMGR, *words],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        preexec_fn=limited,
        check=False,
    )
    ran = Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in ran.err, ran.err[-2000:]
    assert "\x1b" not in ran.out + ran.err
    return ran


def assert_refused(ran: Ran, lines: str) -> None:
    assert ran.code == 1, ran
    assert lines.strip(), "nothing was said"
    for line in lines.splitlines():
        assert LINE.fullmatch(line), line
        assert len(line) < 1000


@pytest.fixture
def place(tmp_path: Path) -> Path:
    create(tmp_path)
    (tmp_path / "pipelines/hello.yaml").unlink()
    return tmp_path / "pipelines"


def assert_every_command_refuses(file: Path) -> None:
    ran = run(file.parent, "validate", os.fsencode(file.name))
    assert_refused(ran, ran.out)
    for source, target in (("native", "github-actions"), ("github-actions", "native")):
        ran = run(file.parent, "convert", os.fsencode(file.name), "--from", source, "--to", target)
        assert_refused(ran, ran.err)
        assert ran.out == ""
    ran = run(file.parent, "plan")
    assert_refused(ran, ran.err)


@pytest.mark.parametrize("what", TEXTS)
def test_broken_contents(place, what):
    text = TEXTS[what]
    file = place / "x.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert_every_command_refuses(file)


@pytest.mark.parametrize("what", CIRCLECI)
def test_broken_definitions_of_circleci(place, what):
    (place / "x.yaml").write_text(CIRCLECI[what], encoding="utf-8")
    for target in ("native", "github-actions"):
        ran = run(place, "convert", "x.yaml", "--from", "circleci", "--to", target)
        assert_refused(ran, ran.err)
        assert ran.out == ""


@pytest.mark.parametrize("what", LONG)
def test_definitions_of_circleci_that_take_long_elsewhere(place, what):
    (place / "x.yaml").write_text(LONG[what], encoding="utf-8")
    for target in ("native", "github-actions"):
        ran = run(place, "convert", "x.yaml", "--from", "circleci", "--to", target)
        assert ran.code in (0, 3), ran.err[-2000:]
        assert ran.err.splitlines()[-1].startswith(("successful", "partial", "unsupported"))


def test_a_matrix_of_a_thousand_million_cells(place):
    (place / "x.yaml").write_text(MATRIX, encoding="utf-8")
    for target in ("native", "circleci"):
        assert run(place, "convert", "x.yaml", "--from", "github-actions", "--to", target).code in (0, 3)


def sparse(file: Path) -> None:
    with file.open("wb") as opened:
        opened.truncate(100_000_000)


def full(file: Path) -> None:
    with file.open("wb") as opened:
        for _ in range(100):
            opened.write(b"a: b\n" * 200_000)


FILES: dict[str, Callable[[Path], object]] = {
    "100 MB of nothing": sparse,
    "100 MB of text": full,
    "a pipe that nobody writes to": os.mkfifo,
    "a device without end": lambda file: file.symlink_to("/dev/zero"),
    "a circle of links": lambda file: file.symlink_to(file.name),
    "a link to nowhere": lambda file: file.symlink_to("nowhere"),
}


@pytest.mark.parametrize("what", FILES)
def test_files_that_are_none(place, what):
    FILES[what](place / "x.yaml")
    assert_every_command_refuses(place / "x.yaml")


def test_a_missing_file_and_a_folder(place):
    (place / "folder").mkdir()
    for name in ("missing.yaml", "folder"):
        ran = run(place, "validate", name)
        assert_refused(ran, ran.out)
        ran = run(place, "convert", name, "--from", "native", "--to", "github-actions")
        assert_refused(ran, ran.err)


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_file_without_permission(place):
    file = place / "x.yaml"
    file.write_text(GOOD, encoding="utf-8")
    file.chmod(0)
    assert_every_command_refuses(file)


@pytest.mark.parametrize(
    "name", [b"two\nlines.yaml", b"red\x1b[31m.yaml", b"no text \xff\xfe.yaml", "ünï çödé 日本.yaml".encode()]
)
def test_names_can_not_break_the_line_or_the_screen(place, name):
    file = place / os.fsdecode(name)
    file.write_text("pipeline: [\n", encoding="utf-8")
    assert_every_command_refuses(file)
    file.write_text(GOOD, encoding="utf-8")
    ran = run(place, "validate", name)
    assert ran.code == 0
    assert len(ran.err.splitlines()) == 1
    assert run(place, "plan").code == 2


@pytest.mark.parametrize(
    "text",
    [GOOD.replace("\n", "\r\n"), "\ufeff" + GOOD, "\ufeff" + GOOD.replace("\n", "\r\n"), GOOD.rstrip("\n")],
)
def test_line_ends_and_marks_of_other_systems_are_fine(place, text):
    (place / "x.yaml").write_text(text, encoding="utf-8", newline="")
    assert run(place, "validate", "x.yaml").code == 0
    assert run(place, "convert", "x.yaml", "--from", "native", "--to", "github-actions").code == 0
    assert run(place, "plan").code == 2


def test_a_large_but_honest_file_is_read(place):
    stages = "".join(
        f"  s{at}:\n    needs: [{f's{at - 1}' if at else ''}]\n    steps: [{{run: echo {at}}}]\n"
        for at in range(3000)
    )
    (place / "x.yaml").write_text(f"pipeline: x\nstages:\n{stages}", encoding="utf-8")
    assert run(place, "validate", "x.yaml").code == 0
    assert run(place, "convert", "x.yaml", "--from", "native", "--to", "github-actions").code == 0


def test_no_name_leads_out_of_the_folder(place, tmp_path):
    for name in ("../../evil", "/evil", "a/../../../evil", "..", "evil\\u0000", "\\x1b[2Jevil"):
        (place / "x.yaml").write_text(
            f'pipeline: "{name}"\nstages: {{a: {{steps: [{{run: x}}]}}}}\n', "utf-8"
        )
        out = tmp_path / "one/two/out"
        ran = run(place, "convert", "x.yaml", "--from", "native", "--to", "github-actions", "-o", str(out))
        assert ran.code in (0, 1, 3)
        assert run(place, "apply").code in (0, 1)
    state = tmp_path / ".pipemgr/connections/local/pipelines"
    assert all(path.is_relative_to(state) or path.is_relative_to(out) for path in tmp_path.rglob("*.yml"))


def test_problems_of_all_files_come_at_once(place):
    (place / "a.yaml").write_text("pipeline: [\n", encoding="utf-8")
    (place / "b.yaml").write_text("pipeline: b\ntriggers: 1\nstages: 2\n", encoding="utf-8")
    (place / "c.yaml").write_bytes(b"\xff")
    ran = run(place, "plan")
    assert ran.code == 1
    assert [line.split(":")[0] for line in ran.err.splitlines()] == ["a.yaml", "b.yaml", "b.yaml", "c.yaml"]
    ran = run(place, "validate", "a.yaml", "b.yaml", "c.yaml")
    assert [line.split(":")[0] for line in ran.out.splitlines()] == ["a.yaml", "b.yaml", "b.yaml", "c.yaml"]
