"""CircleCI as a fake: APIs v1.1, v2 and v3 over a `World`. Here is v3; the others are in `circleci_classic.py`.

Shapes are those that CircleCI's own command line program reads (circleci-cli, `internal/apiclient`) and that the
conventions of API v3 describe (docs: "API V3 conventions").
"""

from __future__ import annotations

import json
import re

from werkzeug.wrappers import Response

from pipemgr.model.status import State

from .circleci_classic import FIRST_STEP, Classic, gone, uuid
from .circleci_shapes import Data, detail_of, identity, job_word, run_of, whole
from .server import Call, answer, route
from .world import Run

LARGEST_PAGE = 20
"""Of the search; more is refused."""
_TERM = re.compile(r'pipeline\.(status|git\.branch) == "([^"]*)"')
_RANGE = re.compile(r"bytes=(\d+)-")


class CircleCI(Classic):
    """CircleCI with all its APIs; the knobs are those of `Classic`."""

    @route("/api/v3/users")
    def users(self, _call: Call) -> Response:
        """The command line program's `me`."""
        said = {"name": "Ada", "login": self.login, "avatar_url": ""}
        return answer({"data": [{"id": identity("user", 1), "attributes": said}], "page": {"next": None}})

    @route("/api/v3/runs/search", method="POST")
    def search(self, call: Call) -> Response:
        """Runs of several projects, newest first; shapes of the command line program's `runSearchRequest`."""
        body = json.loads(call.body)
        scope, page = body["scope"], body["page"]
        known = {"scope", "filter", "order_by", "page"}
        if set(body) - known or set(scope) != {"project_ids", "from", "to"} or not scope["project_ids"]:
            call.wrong = "the search is not of the right form"
            return _refused("invalid request")
        if not 0 < page["limit"] <= LARGEST_PAGE:
            call.wrong = "Invalid page size"
            return _refused("Invalid page size")
        terms = dict(_TERM.findall(body["filter"]))
        if re.sub(_TERM, "", body["filter"]).replace("and", "").strip():
            call.wrong = f"no filter: {body['filter']}"
            return _refused("invalid filter")
        rows = [run for run in self.world.known() if self._matches(run, scope, terms)]
        rows.sort(key=lambda run: (run.created_at, run.id), reverse=True)
        first = int(page["cursor"] or 0)
        last = first + page["limit"]
        found = [
            run_of(run, uuid(run.pipeline), self.run_word(run), self.errors_of(run))
            for run in rows[first:last]
        ]
        return answer(
            {"data": found, "page": {"next": str(last) if last < len(rows) else None, "prev": None}}
        )

    @route("/api/v3/jobs/<job>")
    def job_detail(self, _call: Call, job: str) -> Response:
        """The command line program's `jobWire`."""
        found = self.job_by_id(job)
        if found is None:
            return gone()
        run, attempt, one = found
        return answer(detail_of(one, self.words.get(job) or job_word(one, []), self.id_of(run, attempt)))

    @route("/api/v3/jobs/<job>/stdout", needs=("filter[execution]", "filter[step_num]"))
    def stdout(self, call: Call, job: str) -> Response:
        """Bytes from the asked place on; `X-Terminal` once the step has ended; 416 behind the end, 404 for nothing."""
        found, at = self.job_by_id(job), int(call.query["filter[step_num]"]) - FIRST_STEP
        if found is None or not 0 <= at < len(found[2].steps) or not found[2].steps[at].text:
            return gone()
        step = found[2].steps[at]
        content = step.text.encode()
        asked = _RANGE.fullmatch(call.headers.get("range", ""))
        first = int(asked[1]) if asked else 0
        if first >= len(content):
            return Response("", 416, content_type="application/octet-stream")
        response = Response(content[first:], 206 if asked else 200, content_type="application/octet-stream")
        if step.state is State.FINISHED:
            response.headers["X-Terminal"] = "true"
        return response

    @route("/api/v3/jobs/<job>/tests")
    def case_lines(self, _call: Call, job: str) -> Response:
        """One case a line (the command line program's `StreamJobTests`)."""
        found = self.job_by_id(job)
        if found is None:
            return gone()
        lines = "".join(json.dumps(case) + "\n" for case in self.tests.get(found[2].name, []))
        return Response(lines, content_type="application/jsonl")

    def _matches(self, run: Run, scope: Data, terms: dict[str, str]) -> bool:
        within = scope["from"] <= str(whole(run.created_at)) <= scope["to"]
        right = terms.get("status", self.run_word(run)) == self.run_word(run)
        return within and right and uuid(run.pipeline) in scope["project_ids"]


def _refused(detail: str) -> Response:
    return answer({"error": {"id": "e-1", "title": "Bad request", "detail": detail, "source": {}}}, 400)
