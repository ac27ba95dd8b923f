"""Jobs of Jenkins from definitions, against jenkins-job-builder in the same run: the time that one job takes.

Each job has two parameters, two triggers, a Git repository, two shell steps, an archive and a JUnit report. Both sides
begin with YAML texts and end with the text of each `config.xml`; neither speaks to a server. They take turns, and the best
round of each counts.
"""

import gc
import logging
import tempfile
import time
from pathlib import Path

from jenkins_jobs.config import JJBConfig
from jenkins_jobs.loader import load_files
from jenkins_jobs.registry import ModuleRegistry
from jenkins_jobs.roots import Roots
from jenkins_jobs.xml_config import XmlJobGenerator

from pipemgr.adapter.registry import Registry
from pipemgr.mapping.catalogue import catalogue
from pipemgr.translate.convert import convert, read, write
from pipemgr.translate.document import single
from pipemgr.translate.native import native_dialect

OURS = """\
pipeline: shop-{n}
triggers:
  - push: {{branches: [main], options: {{poll: H/15 * * * *}}}}
  - schedule: {{cron: H 2 * * *}}
parameters:
  TARGET: {{description: Where to, default: staging-{n}}}
  FORCE: {{type: boolean, default: false}}
stages:
  build:
    runner: {{labels: [linux]}}
    steps:
      - checkout: {{repository: "https://git.example.org/shop-{n}.git", depth: 0, clean: false, tags: true}}
      - run: |
          set -e
          make build-{n}
      - run: make test > "log-{n}.txt" && echo 'done'
      - artifact.upload: {{path: "dist/*.tar.gz", if-missing: error}}
        when: always()
      - tests.publish: {{path: "reports/*.xml", required: true}}
        when: always()
vendor:
  jenkins-job: {{job: freestyle}}
"""
THEIRS = """\
- job:
    name: shop-{n}
    project-type: freestyle
    node: linux
    parameters:
      - string: {{name: TARGET, description: Where to, default: staging-{n}}}
      - bool: {{name: FORCE, default: false}}
    scm:
      - git: {{url: "https://git.example.org/shop-{n}.git", branches: ["*/main"]}}
    triggers:
      - pollscm: {{cron: H/15 * * * *}}
      - timed: H 2 * * *
    builders:
      - shell: |
          set -e
          make build-{n}
      - shell: make test > "log-{n}.txt" && echo 'done'
    publishers:
      - archive: {{artifacts: "dist/*.tar.gz"}}
      - junit: {{results: "reports/*.xml"}}
"""


def theirs(folder):
    """The texts of all jobs that the files of a folder define, by jenkins-job-builder."""
    config = JJBConfig(config_section="jenkins")
    config.validate()
    config.jenkins["query_plugins_info"] = False
    roots = Roots(config)
    load_files(config, roots, [Path(folder)])
    registry = ModuleRegistry(config, [])
    registry.set_macros(roots.macros)
    jobs = list(roots.generate_jobs())
    registry.amend_job_dicts(jobs)
    return [one.output().decode() for one in XmlJobGenerator(registry).generateXML(jobs)]


def files(count):
    """The definitions of so many jobs for jenkins-job-builder, in one file as it wants them."""
    return "".join(THEIRS.format(n=n) for n in range(count))


def timed(work, count):
    """What some work gives, and the milliseconds that it takes for each of so many jobs."""
    gc.collect()  # nobody tidies up after the others
    start = time.perf_counter()
    found = work()
    return found, (time.perf_counter() - start) / count * 1000


def run(quick):
    logging.getLogger("jenkins_jobs").setLevel(logging.ERROR)
    count, rounds = (50, 2) if quick else (1000, 5)
    names = catalogue()
    native = native_dialect(names.inputs(), names.shorts(), names.triggers)
    jobs = Registry().dialect("jenkins-job")
    sources = [single(f"shop-{n}.yaml", OURS.format(n=n)) for n in range(count)]

    def rendered():
        return [write(read(one, native).pipeline, jobs).documents.documents[0].text for one in sources]

    def converted():
        return [convert(one, native, jobs).documents.documents[0].text for one in sources]

    took = {theirs: [], rendered: [], converted: []}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "jobs.yaml").write_text(files(1))
        theirs(folder)  # both sides have read their tables once when it begins
        write(read(sources[0], native).pipeline, jobs)
        (Path(folder) / "jobs.yaml").write_text(files(count))
        for _ in range(rounds):  # in turn, so that all suffer alike from what else the machine does
            for side, times in took.items():
                texts, each = timed(lambda side=side: side(folder) if side is theirs else side(), count)
                if len(texts) != count or not all(text.count("<hudson.tasks.Shell>") == 2 for text in texts):
                    raise SystemExit(f"{side.__name__}: a job is missing, or its two steps")
                times.append(each)

    rival = min(took[theirs])
    return [
        {
            "name": f"jobs: {count:,} freestyle jobs {what}",
            "value": min(took[side]),
            "unit": "ms/job",
            "ratio": min(took[side]) / rival,
            "against": f"jenkins-job-builder ({rival:.2f} ms/job)",
        }
        for what, side in (("rendered", rendered), ("converted, with report", converted))
    ]
