"""Translation per file, against bare PyYAML on the same text in the same run.

First our own format; then the hosted vendors' real files where `PIPEMGR_CORPUS` names them, else workflows of our tests
and what becomes of them: how many are read, written and converted a second, and the memory that the largest one takes.
"""

import os
import statistics
import time
import tracemalloc
from pathlib import Path

import yaml

from pipemgr.adapter.registry import Registry
from pipemgr.errors import DefinitionError
from pipemgr.mapping.catalogue import catalogue
from pipemgr.translate.convert import convert, read, write
from pipemgr.translate.document import single
from pipemgr.translate.emit import emit
from pipemgr.translate.native import native_dialect
from pipemgr.translate.yaml import compose

SAMPLE = Path(__file__).parents[1] / "translation" / "executed"
FOLDERS = {"github-actions": "gha", "circleci": "circleci"}
PATHS = {"github-actions": ".github/workflows/ci.yml", "circleci": ".circleci/config.yml"}

STAGE = """\
  {name}:
    needs: [{before}]
    matrix: {{python: ["3.11", "3.12"], os: [linux, windows]}}
    container: python:${{{{ matrix.python }}}}
    environment: {{name: staging, url: "https://example/${{{{ branch }}}}"}}
    when: branch == 'main' && (success() || parameters.force)
    timeout: 20m
    variables: {{TOKEN: "${{{{ secrets.TOKEN }}}}", MODE: fast}}
    steps:
      - checkout: {{depth: 0}}
      - name: Test on ${{{{ matrix.os }}}}
        run: |
          pip install -r requirements.txt
          pytest -q --junitxml=report-${{{{ matrix.python }}}}.xml
      - tests.publish: {{path: report.xml}}
        when: always()
      - artifact.upload: {{name: wheel, path: dist/*.whl}}
"""


def text(stages):
    head = "pipeline: bench\ntriggers:\n  - push: {branches: [main]}\nrunner: linux\nstages:\n  s0: {}\n"
    return head + "".join(STAGE.format(name=f"s{at}", before=f"s{at - 1}") for at in range(1, stages + 1))


def milliseconds(action, rounds):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def run(quick):
    return own_format(5 if quick else 50) + [row for name in FOLDERS for row in vendor(name, quick)]


def vendor(name, quick):
    """Rows about the files of one vendor."""
    registry = Registry()
    here, there = (registry.dialect(one) for one in (name, next(one for one in FOLDERS if one != name)))
    texts = real(name, here) if os.environ.get("PIPEMGR_CORPUS") else sample(name, registry)
    documents = [single(PATHS[name], text) for text in (texts[:10] if quick else texts)]
    data = [yaml.load(one.documents[0].text, yaml.CSafeLoader) for one in documents]
    pipelines = [read(one, here).pipeline for one in documents]
    rounds = 1 if quick else 5

    def per_second(action, things):
        return milliseconds(lambda: [action(one) for one in things], rounds) / 1000

    load = per_second(lambda one: yaml.load(one.documents[0].text, yaml.CSafeLoader), documents)
    dump = per_second(lambda one: yaml.dump(one, Dumper=yaml.CSafeDumper, sort_keys=False), data)
    both, kind = "load and dump", "real" if os.environ.get("PIPEMGR_CORPUS") else "own"
    actions = [
        ("read", lambda one: read(one, here), documents, load, "load"),
        ("written again", lambda one: write(one, here), pipelines, dump, "dump"),
        (f"converted to {there.name}", lambda one: convert(one, here, there), documents, load + dump, both),
    ]
    rows = []
    for what, action, things, rival, against in actions:
        took = per_second(action, things)
        rows.append(
            {
                "name": f"translate: {kind} {name} files {what}",
                "value": len(things) / took,
                "unit": "files/s",
                "ratio": took / rival,
                "against": f"yaml.{against}, C ({len(things) / rival:,.0f} files/s)",
            }
        )
    return [*rows, memory(f"translate: the largest {kind} {name} file", documents, here, there)]


def real(name, dialect):
    """The texts of the real files that can be read."""
    folder = Path(os.environ["PIPEMGR_CORPUS"]) / "definitions" / FOLDERS[name]
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.y*ml"))]
    return [text for text in texts if readable(text, name, dialect)]


def readable(text, name, dialect):
    try:
        yaml.load(text, yaml.CSafeLoader)
        read(single(PATHS[name], text), dialect)
    except (DefinitionError, yaml.YAMLError):
        return False
    return True


def sample(name, registry):
    """Workflows of the tests, or what becomes of them."""
    source, target = registry.dialect("github-actions"), registry.dialect(name)
    made = [
        convert(single(PATHS["github-actions"], path.read_text(encoding="utf-8")), source, target)
        for path in sorted(SAMPLE.glob("*.yml"))
    ]
    return [one.documents.documents[0].text for one in made if one.documents]


def memory(name, documents, here, there):
    """What converting the largest file takes at most, beside loading and dumping it."""
    largest = max(documents, key=lambda one: len(one.documents[0].text))
    text = largest.documents[0].text
    convert(largest, here, there)

    def peak(action):
        tracemalloc.start()
        action()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found / 1e6

    ours = peak(lambda: convert(largest, here, there))
    rival = peak(lambda: yaml.dump(yaml.load(text, yaml.CSafeLoader), Dumper=yaml.CSafeDumper))
    size = len(text.encode()) / 1000
    return {
        "name": f"{name} ({size:.0f} KB) converted: memory",
        "value": ours,
        "unit": "MB",
        "ratio": ours / rival,
        "against": f"yaml.load and dump, C ({rival:.2f} MB)",
    }


def own_format(rounds):
    names = catalogue()
    native = native_dialect(names.inputs(), names.shorts(), names.triggers)
    source = text(32)  # about 25 KB: a large workflow
    documents, data = single("bench.yaml", source), yaml.load(source, yaml.CSafeLoader)
    pipeline = native.reader.read(documents).pipeline
    load = milliseconds(lambda: yaml.load(source, yaml.CSafeLoader), rounds)
    dump = milliseconds(lambda: yaml.dump(data, Dumper=yaml.CSafeDumper, sort_keys=False), rounds)
    actions = [
        ("nodes of a 25 KB file", lambda: compose(source, "bench.yaml"), load, "yaml.load, CSafeLoader"),
        ("read and check it", lambda: native.reader.read(documents), load, "yaml.load, CSafeLoader"),
        ("its data as text", lambda: emit(data), dump, "yaml.dump, CSafeDumper"),
        ("write it", lambda: native.writer.write(pipeline), dump, "yaml.dump, CSafeDumper"),
        ("convert it, with report", lambda: convert(documents, native, native), load + dump, "load and dump"),
    ]
    rows = []
    for name, action, rival, against in actions:
        took = milliseconds(action, rounds)
        rows.append(
            {
                "name": f"translate: {name}",
                "value": took,
                "unit": "ms",
                "ratio": took / rival,
                "against": f"{against} ({rival:.1f} ms)",
            }
        )
    return rows
