"""Fakes of what stands around a GitOps repository: a forge's statuses, checks and deployments, and a Kubernetes API.

The repository itself needs no fake: tests make real ones. A `World` of runs does not fit here either, since it is the
commits that are built: a test says what the forge and the controllers say of them.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Response

from .server import Call, FakeServer, answer, route

BEGINNING = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
NEEDS = ("Accept", "X-GitHub-Api-Version")


def written(moment: datetime) -> str:
    """A moment as both APIs write it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class FakeForge(FakeServer):
    """GitHub's commit statuses, check runs and deployments of one repository, newest first.

    Shapes and headers as in the recordings (octokit: Statuses, Checks, Deployments) and in the REST description: pages
    of 30 unless asked for up to 100, `Link`, an `ETag` of the whole list, 304 for the same one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGINNING
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self._ids = count(1000)

    def status(self, sha: str, context: str, state: str, description: str = "") -> dict[str, Any]:
        """Somebody posts a commit status."""
        row = {"context": context, "state": state, "description": description, "target_url": ""}
        return self._post(f"statuses {sha}", row)

    def check(self, sha: str, name: str, status: str, conclusion: str | None = None) -> dict[str, Any]:
        """An app creates a check run."""
        times = {"started_at": written(self.now), "completed_at": written(self.now) if conclusion else None}
        row = {
            "name": name,
            "head_sha": sha,
            "status": status,
            "conclusion": conclusion,
            "output": {"title": None},
        }
        return self._post(f"checks {sha}", {**row, **times, "html_url": f"{self.url}/runs"})

    def deployment(self, sha: str, environment: str) -> dict[str, Any]:
        """Somebody creates a deployment."""
        return self._post(
            "deployments", {"sha": sha, "environment": environment, "task": "deploy", "payload": {}}
        )

    def deployed(self, deployment: dict[str, Any], state: str, description: str = "") -> None:
        """A deployment gets a status, which also touches the deployment."""
        self._post(
            f"deployed {deployment['id']}", {"state": state, "description": description, "target_url": ""}
        )
        deployment["updated_at"] = written(self.now)

    def _post(self, key: str, row: dict[str, Any]) -> dict[str, Any]:
        self.now += timedelta(seconds=30)
        made = {
            "id": next(self._ids),
            **row,
            "created_at": written(self.now),
            "updated_at": written(self.now),
        }
        self.rows.setdefault(key, []).insert(0, made)
        return made

    @route("/repos/acme/deploy/commits/<sha>/statuses", query=("per_page", "page"), headers=NEEDS)
    def statuses(self, call: Call, sha: str) -> Response:
        """https://docs.github.com/en/rest/commits/statuses#list-commit-statuses-for-a-reference."""
        return self._page(call, self.rows.get(f"statuses {sha}", []))

    @route("/repos/acme/deploy/commits/<sha>/check-runs", query=("per_page", "page", "filter"), headers=NEEDS)
    def checks(self, call: Call, sha: str) -> Response:
        """https://docs.github.com/en/rest/checks/runs#list-check-runs-for-a-git-reference."""
        return self._page(call, self.rows.get(f"checks {sha}", []), "check_runs")

    @route("/repos/acme/deploy/deployments", query=("per_page", "page"), headers=NEEDS)
    def deployments(self, call: Call) -> Response:
        """https://docs.github.com/en/rest/deployments/deployments#list-deployments."""
        return self._page(call, self.rows.get("deployments", []))

    @route("/repos/acme/deploy/deployments/<number>/statuses", query=("per_page", "page"), headers=NEEDS)
    def deployment_statuses(self, call: Call, number: str) -> Response:
        """https://docs.github.com/en/rest/deployments/statuses#list-deployment-statuses."""
        return self._page(call, self.rows.get(f"deployed {number}", []))

    def _page(self, call: Call, rows: list[dict[str, Any]], key: str | None = None) -> Response:
        size, page = min(100, int(call.query.get("per_page", 30))), int(call.query.get("page", 1))
        etag = f'W/"{hashlib.sha256(json.dumps([rows, page]).encode()).hexdigest()[:32]}"'
        if call.headers.get("if-none-match") == etag:
            return Response(status=304, headers={"ETag": etag})
        shown = rows[(page - 1) * size : page * size]
        headers = {"ETag": etag}
        if page * size < len(rows):
            query = urlencode({**call.query, "page": page + 1})
            headers["Link"] = f'<{self.url}{call.path}?{query}>; rel="next"'
        return answer({"total_count": len(rows), key: shown} if key else shown, 200, **headers)


class FakeCluster(FakeServer):
    """A Kubernetes API that lists resources in chunks, and knows the logs of pods.

    https://kubernetes.io/docs/reference/using-api/api-concepts/: `limit`, `continue`, `metadata.resourceVersion`; a
    token that is too old is 410, a kind that is not installed 404. `expire` lets the next token be too old.
    """

    def __init__(self) -> None:
        super().__init__()
        self.items: dict[str, list[dict[str, Any]]] = {}
        self.logs: dict[str, str] = {}
        self.expire = False

    @property
    def kubeconfig(self) -> dict[str, Any]:
        """A configuration that leads here."""
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": self.url}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
            "users": [{"name": "fake", "user": {"token": "made-up"}}],
        }

    def put(self, plural: str, item: dict[str, Any]) -> None:
        """A resource as it is from now on, by its kind's plural."""
        rows = self.items.setdefault(plural, [])
        rows[:] = [one for one in rows if one["metadata"]["name"] != item["metadata"]["name"]]
        rows.append(item)

    @route("/apis/<group>/<version>/<plural>", query=("limit", "continue"), headers=("Authorization",))
    def everywhere(self, call: Call, group: str, version: str, plural: str) -> Response:
        """All resources of a kind."""
        return self._chunk(call, plural, None)

    @route(
        "/apis/<group>/<version>/namespaces/<space>/<plural>",
        query=("limit", "continue"),
        headers=("Authorization",),
    )
    def within(self, call: Call, group: str, version: str, space: str, plural: str) -> Response:
        """All resources of a kind in a namespace."""
        return self._chunk(call, plural, space)

    def _chunk(self, call: Call, plural: str, space: str | None) -> Response:
        if plural not in self.items:
            return answer({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}, 404)
        token, limit = call.query.get("continue"), int(call.query.get("limit", 500))
        if token and self.expire:
            self.expire = False
            return answer({"kind": "Status", "status": "Failure", "reason": "Expired", "code": 410}, 410)
        rows = [
            one for one in self.items[plural] if space in (None, one.get("metadata", {}).get("namespace"))
        ]
        place = int(token or 0)
        meta = {"resourceVersion": "1", "continue": str(place + limit) if place + limit < len(rows) else ""}
        return answer(
            {"kind": "List", "apiVersion": "v1", "metadata": meta, "items": rows[place : place + limit]}
        )

    @route(
        "/api/v1/namespaces/<space>/pods/<pod>/log",
        query=("container", "limitBytes"),
        headers=("Authorization",),
    )
    def log(self, call: Call, space: str, pod: str) -> Response:
        """The log of a container, from its beginning."""
        text = self.logs.get(f"{space}/{pod}/{call.query.get('container')}")
        if text is None:
            return answer({"kind": "Status", "reason": "NotFound", "code": 404}, 404)
        return Response(
            text.encode()[: int(call.query.get("limitBytes", 1 << 30))], content_type="text/plain"
        )
