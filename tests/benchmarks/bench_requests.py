"""Requests: what a poll in which nothing happened costs, beside a poller of the usual kind on the same fake.

The usual poller lists the newest page of every source, without conditions, and asks for what the list does not tell:
of a Jenkins job its newest build, of a CircleCI pipeline its workflows. Charged requests are those that count against
a vendor's limit: GitHub does not count an answer of 304.
"""

import os
import tempfile
from pathlib import Path

import requests

SOURCES, BUILDS, CYCLES = 10, 20, 5
TOKEN = "11fake-token"


def filled(names):
    from pipemgr.testing.fakes.world import World

    world = World()
    for _ in range(BUILDS):
        for name in names:
            run = world.start(name)
            world.begin(run)
            world.tick(30)
            world.finish(run)
    world.tick(60)
    return world


def connected(name, folder, given):
    from pipemgr.adapter import Connection
    from pipemgr.adapter.guard import Guarded
    from pipemgr.adapter.registry import Registry

    registry = Registry()
    kind = registry.load(name)
    place = Connection("here", folder, folder, registry.dialect, registry.tables(name))
    return Guarded(kind, place, kind.Settings.model_validate(given))


def ours(name, fake, given):
    """Requests, and charged requests, of one poll in which nothing happened."""
    from pipemgr.ingest.poller import Pace, poll
    from pipemgr.ledger import open_ledger

    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(f"sqlite:///{folder}/ledger.db")
        try:
            ledger.store.register("here", name)
            adapter = connected(name, Path(folder), given)
            while poll("here", adapter, ledger, Pace(logs="none")).changes:
                pass
            fake.world.tick(3600)  # what is new is watched for a while
            poll("here", adapter, ledger, Pace(logs="none"))
            before = len(fake.calls)
            for _ in range(CYCLES):
                assert not poll("here", adapter, ledger, Pace(logs="none")).changes
        finally:
            ledger.close()
    asked = fake.asked(before)
    return len(asked) / CYCLES, sum(call.status != 304 for call in asked) / CYCLES


def theirs(fake, ask):
    before = len(fake.calls)
    with requests.Session() as session:
        ask(session, fake.url)
    return len(fake.asked(before))


def github():
    from pipemgr.testing.fakes.github import GitHub

    repositories = [f"acme/r{one}" for one in range(SOURCES)]
    world = filled([f"{one}:ci.yml" for one in repositories])

    def usual(session, url):
        for one in repositories:
            address = f"{url}/repos/{one}/actions/runs"
            said = session.get(
                address, headers={"Authorization": f"Bearer {TOKEN}"}, params={"per_page": "100"}
            )
            for run in said.json()["workflow_runs"]:
                assert run["status"] == "completed"

    with GitHub(world, token=TOKEN) as fake:
        given = {"url": fake.url, "token": "env:BENCH_TOKEN", "repositories": repositories}
        yield "GitHub Actions, 10 repositories", ours("github-actions", fake, given), theirs(fake, usual)


def jenkins():
    from pipemgr.testing.fakes.jenkins import JenkinsFake

    jobs = [f"job{one}" for one in range(SOURCES)]

    def usual(session, url):
        session.auth = (fake.user, fake.token)
        listed = session.get(f"{url}/api/json", params={"tree": "jobs[name]"}).json()
        for job in listed["jobs"]:
            asked = {"tree": "lastBuild[number,building,result]"}
            last = session.get(f"{url}/job/{job['name']}/api/json", params=asked).json()["lastBuild"]
            assert not last["building"]

    with JenkinsFake(filled(jobs)) as fake:
        given = {"url": fake.url, "user": fake.user, "token": "env:BENCH_TOKEN"}
        yield "Jenkins, 10 jobs", ours("jenkins", fake, given), theirs(fake, usual)


def circleci():
    from pipemgr.testing.fakes.circleci import CircleCI

    projects = [f"gh/acme/r{one}" for one in range(SOURCES)]

    def usual(session, url):
        session.headers["Circle-Token"] = TOKEN
        for one in projects:
            for pipeline in session.get(f"{url}/api/v2/project/{one}/pipeline").json()["items"]:
                session.get(f"{url}/api/v2/pipeline/{pipeline['id']}/workflow").raise_for_status()

    for api in ("v3", "v2"):
        with CircleCI(filled(projects), token=TOKEN) as fake:
            given = {"url": fake.url, "token": "env:BENCH_TOKEN", "projects": projects, "api": api}
            yield f"CircleCI {api}, 10 projects", ours("circleci", fake, given), theirs(fake, usual)


def run(quick):
    del quick  # counts, not times
    os.environ["BENCH_TOKEN"] = TOKEN
    rows = []
    for vendor in (github, jenkins, circleci):
        for name, (asked, charged), usual in vendor():
            rows.append(
                {
                    "name": f"an idle poll of {name}",
                    "value": asked,
                    "unit": f"requests, {charged:g} charged",
                    "ratio": asked / usual,
                    "against": f"a poller of the usual kind ({usual} requests, all charged)",
                }
            )
    return rows
