"""Jobs of Jenkins from definitions, against jenkins-job-builder in the same run: the time that one job takes.

Each job has two parameters, two triggers, a Git repository, two shell steps, an archive and a JUnit report. Both sides
begin with YAML texts and end with the text of each `config.xml`; neither speaks to a server.
"""

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


def run(quick):
    logging.getLogger("jenkins_jobs").setLevel(logging.ERROR)
    count = 50 if quick else 1000
    names = catalogue()
    native = native_dialect(names.inputs(), names.shorts(), names.triggers)
    jobs = Registry().dialect("jenkins-job")
    sources = [single(f"shop-{n}.yaml", OURS.format(n=n)) for n in range(count)]
    write(read(sources[0], native).pipeline, jobs)  # tables are read once

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "jobs.yaml").write_text("".join(THEIRS.format(n=n) for n in range(count)))
        start = time.perf_counter()
        made = theirs(folder)
        rival = (time.perf_counter() - start) / count
    if len(made) != count:
        raise SystemExit(f"jenkins-job-builder made {len(made)} jobs of {count}")

    def rendered(one):
        return write(read(one, native).pipeline, jobs).documents.documents[0].text

    def converted(one):
        return convert(one, native, jobs).documents.documents[0].text

    rows = []
    for what, action in (("rendered", rendered), ("converted, with report", converted)):
        start = time.perf_counter()
        texts = [action(one) for one in sources]
        took = (time.perf_counter() - start) / count
        if not all(text.count("<hudson.tasks.Shell>") == 2 for text in (*texts, *made)):
            raise SystemExit("a job without its two steps")
        rows.append(
            {
                "name": f"jobs: {count:,} freestyle jobs {what}",
                "value": took * 1000,
                "unit": "ms/job",
                "ratio": took / rival,
                "against": f"jenkins-job-builder ({rival * 1000:.2f} ms/job)",
            }
        )
    return rows
