"""Translation per file: our format read, checked and written, against bare PyYAML on the same text in the same run."""

import statistics
import time

import yaml

from pipemgr.mapping.catalogue import catalogue
from pipemgr.translate.convert import convert
from pipemgr.translate.document import single
from pipemgr.translate.emit import emit
from pipemgr.translate.native import native_dialect
from pipemgr.translate.yaml import compose

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
    rounds = 5 if quick else 50
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
