"""A long history: memory and the time of a page while 1,000,000 builds are ingested, listed, verified and followed.

Only when asked for (`make bench ARGS=history`): it takes many minutes. `PIPEMGR_HISTORY=200000` makes it shorter.
Builds are small (one stage, one step, one log) and come in pages of 200, as a walk through a vendor's past brings
them. A figure's rival is the same thing at the beginning: 1.00 is flat.
"""

import os
import resource
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from pipemgr.ingest.recorder import Recorder
from pipemgr.ledger import open_ledger
from pipemgr.ledger.verify import verify
from pipemgr.model.runs import Build, BuildInstance, BuildLog, StageInstance, StepInstance
from pipemgr.model.status import Result, State, Status

sys.path.insert(0, str(Path(__file__).parent))

from bench_ingest import GOOD, START

ON_REQUEST = True
PAGE = 200
OPEN = Status(state=State.RUNNING, raw="in_progress", table="sample 1")
assert GOOD.result is Result.SUCCESS


def snapshot(number):
    """A small build; one in 10,000 is still running."""
    began = START + timedelta(minutes=number)
    ended = began + timedelta(seconds=30)
    step = StepInstance(
        external_id="1", name="make", status=GOOD, started_at=began, finished_at=ended, exit_code=0
    )
    runs = number % 10_000 == 0
    return BuildInstance(
        build=Build(pipeline=f"p{number % 50}", external_id=str(number), number=number, branch="main"),
        external_id=str(number),
        status=OPEN if runs else GOOD,
        started_at=began,
        finished_at=None if runs else ended,
        stages=(
            StageInstance(
                external_id="1", name="all", status=GOOD, started_at=began, finished_at=ended, steps=(step,)
            ),
        ),
        logs=(BuildLog(name="all", stage="1", digest=f"sha256:{number:064x}", offset=60, complete=True),),
    )


def megabytes():
    """What the process has in memory right now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def timed(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def run(quick):
    count = 2_000 if quick else int(os.environ.get("PIPEMGR_HISTORY", "1000000"))
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(f"sqlite:///{Path(folder) / 'ledger.db'}")
        rows = ingested(ledger, count) + listed(ledger, count) + whole(ledger, count)
        ledger.close()
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        told(f"the ledger takes {size / 1e9:.1f} GB, {size / count:,.0f} bytes a build")
    return rows


def ingested(ledger, count):
    """Page by page, sealing every 50 pages, as polls do."""
    recorder, seconds, memory = Recorder(ledger), {}, {}
    marks = {round(count * part / PAGE) * PAGE: part for part in (0.1, 0.5, 1.0)}
    began = time.perf_counter()
    recent = []
    for first in range(0, count, PAGE):
        taken, _ = timed(lambda: recorder.record("ci", [snapshot(first + one) for one in range(PAGE)]))  # noqa: B023
        recent = [*recent[-19:], taken]
        if first % (50 * PAGE) == 0:
            ledger.store.seal()
        part = marks.get(first + PAGE)
        if part is not None:
            seconds[part], memory[part] = sorted(recent)[len(recent) // 2], megabytes()
            told(
                f"ingest at {part:.0%}: {memory[part]:.0f} MB, a page of {PAGE} {seconds[part] * 1000:.0f} ms"
            )
    told(f"ingested {count:,} builds in {time.perf_counter() - began:.0f} s")
    ledger.store.seal()
    return [
        row("ingest, memory at the end", memory[1.0], memory[0.1], "MB", "at 10 %"),
        row("ingest, one page at the end", seconds[1.0] * 1000, seconds[0.1] * 1000, "ms", "at 10 %"),
    ]


def listed(ledger, count):
    """All of it, newest first, as `build list` pages through it."""
    seconds, memory, seen, before = [], [], 0, None
    while True:
        taken, page = timed(lambda: ledger.queries.builds(limit=PAGE, before=before))  # noqa: B023
        if not page:
            break
        seconds.append(taken)
        memory.append(megabytes())
        seen, before = seen + len(page), page[-1].build.id
    assert seen == count
    first, last = (sorted(some)[len(some) // 2] for some in (seconds[:10], seconds[-10:]))
    told(
        f"list: {memory[len(memory) // 10]:.0f} MB at 10 %, {memory[len(memory) // 2]:.0f} MB at 50 %, {memory[-1]:.0f} MB"
    )
    return [
        row("list, memory at the last page", memory[-1], memory[len(memory) // 10], "MB", "at 10 %"),
        row("list, the last page", last * 1000, first * 1000, "ms", "the first page"),
    ]


def whole(ledger, count):
    """Following what is open, and verifying everything."""
    before = megabytes()
    following, refs = timed(lambda: ledger.queries.open_instances("ci"))
    assert len(refs) == -(-count // 10_000)
    verifying, found = timed(lambda: verify(ledger.engine))
    assert found.ok
    after, peak = megabytes(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    told(
        f"open attempts {following * 1000:.1f} ms; verified {found.size:,} entries in {verifying:.0f} s, peak {peak:.0f} MB"
    )
    return [
        row("verify, memory afterwards", after, before, "MB", "before"),
        row("peak memory of it all", peak, before, "MB", "before verifying"),
    ]


def told(line):
    print(f"    {line}", file=sys.stderr, flush=True)


def row(name, value, rival, unit, against):
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "ratio": value / rival,
        "against": f"{against}, {rival:,.1f} {unit}",
    }
