"""A pipeline whose file is gone: told by every plan, never touched."""

from pathlib import Path

from pipemgr.config import find
from pipemgr.plan.plan import Orphan
from pipemgr.service.planning import carry_out, plan
from pipemgr.service.runtime import Runtime
from pipemgr.service.workspace import create


def test_a_published_pipeline_without_its_file_is_told_and_left_alone(tmp_path: Path) -> None:
    create(tmp_path)
    runtime = Runtime(find(tmp_path))
    try:
        list(carry_out(runtime, plan(runtime)))
        (tmp_path / "pipelines" / "hello.yaml").unlink()
        made = plan(runtime)
        assert made.orphans == (Orphan(connection="local", pipeline="hello"),)
        assert made.pending == ()
        assert list(carry_out(runtime, made)) == []
        assert runtime.adapter("local").fetch("hello")
    finally:
        runtime.close()
