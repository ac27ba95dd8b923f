"""A Git repository through its mirror: what is read, what is refused, and what is left behind."""

import base64
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.wrappers import Response

from pipemgr.adapter.remote import Remote, same
from pipemgr.adapter.repository import Repository
from pipemgr.errors import AdapterError, AuthenticationFailed, NotFound, Refused, Retryable, Unreachable
from pipemgr.secrets import Secret
from pipemgr.testing.fakes.server import Call, FakeServer, route

CLEAN = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


class Work:
    """A bare repository, and a checkout that pushes to it."""

    def __init__(self, folder: Path) -> None:
        self.bare, self.tree = folder / "remote.git", folder / "tree"
        self.clock = 1_790_000_000
        self._run("init", "-q", "--bare", "-b", "main", str(self.bare), cwd=folder)
        self._run("init", "-q", "-b", "main", str(self.tree), cwd=folder)
        self.git("remote", "add", "origin", str(self.bare))

    def _run(self, *words: str | bytes, cwd: Path) -> str:
        self.clock += 60
        dates = {"GIT_AUTHOR_DATE": f"@{self.clock} +0000", "GIT_COMMITTER_DATE": f"@{self.clock} +0000"}
        done = subprocess.run(
            ["git", *words], cwd=cwd, env={**CLEAN, **dates}, capture_output=True, check=True, timeout=60
        )
        return done.stdout.decode("utf-8", "replace").strip()

    def git(self, *words: str) -> str:
        return self._run(*words, cwd=self.tree)

    def commit(self, message: str = "change", files: dict[str, str] | None = None) -> str:
        for name, text in (files or {}).items():
            path = self.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def push(self, *more: str) -> None:
        self.git("push", "-q", "origin", "HEAD", *more)


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path)


@pytest.fixture
def mirror(work: Work, tmp_path: Path) -> Repository:
    remote = Remote(url=str(work.bare))
    return Repository(
        tmp_path / "state" / "mirror", remote, branches=("main",), notes=("pipemgr",), where="here"
    )


def test_what_was_pushed_is_read(work: Work, mirror: Repository) -> None:
    first = work.commit("one", {"apps/shop/a.yaml": "1", "README": "x"})
    second = work.commit("two\n\nbody", {"apps/blog/b.yaml": "2"})
    work.push()
    mirror.fetch()
    assert mirror.refs() == {"refs/heads/main": second}
    assert mirror.head("main") == second
    new, old = mirror.commits(second)
    assert (new.sha, new.parents, new.paths, new.subject, new.author) == (
        second, (first,), ("apps/blog/b.yaml",), "two", "Ada",
    )  # fmt: skip
    assert set(old.paths) == {"apps/shop/a.yaml", "README"}
    assert new.committed_at > old.committed_at
    assert [one.sha for one in mirror.commits(second, after=first)] == [second]
    assert [one.sha for one in mirror.commits(second, paths=("apps/shop",))] == [first]
    assert mirror.read(second, "apps/shop/a.yaml") == b"1"
    assert mirror.read(second, "apps/shop") is None
    assert mirror.read(first, "apps/blog/b.yaml") is None
    assert mirror.revisions(second) == (second, first)
    assert mirror.contains(second, first)
    assert not mirror.contains(first, second)


def test_an_empty_repository_has_nothing(mirror: Repository) -> None:
    assert mirror.refs() == {}
    mirror.fetch()
    assert mirror.head("main") is None
    assert mirror.notes("pipemgr") == {}


def test_a_merge_is_told_once_with_what_it_brought(work: Work, mirror: Repository) -> None:
    work.commit("base", {"a": "1"})
    work.git("checkout", "-q", "-b", "topic")
    inner = [work.commit(f"inner {number}", {f"topic-{number}": "x"}) for number in range(3)]
    work.git("checkout", "-q", "main")
    work.commit("meanwhile", {"b": "1"})
    work.git("merge", "-q", "--no-ff", "-m", "merge", "topic")
    work.push()
    mirror.fetch()
    told = mirror.commits(mirror.head("main") or "")
    assert [one.subject for one in told] == ["merge", "meanwhile", "base"]
    assert set(told[0].paths) == {"topic-0", "topic-1", "topic-2"}
    assert not {one.sha for one in told} & set(inner)


def test_notes_are_read_by_the_commit_they_are_about(work: Work, mirror: Repository) -> None:
    sha = work.commit("one", {"a": "1"})
    work.git("notes", "--ref=pipemgr", "add", "-m", '{"phase": "synced"}', sha)
    work.git("notes", "--ref=private", "add", "-m", "no", sha)
    work.push("refs/notes/*")
    mirror.fetch()
    assert set(mirror.refs()) == {"refs/heads/main", "refs/notes/pipemgr"}
    notes = mirror.notes("pipemgr")
    assert [(file.path, data.strip()) for file, data in mirror.contents(notes)] == [
        (notes[sha].path, b'{"phase": "synced"}')
    ]


def test_a_forced_push_is_followed_and_can_be_told(work: Work, mirror: Repository) -> None:
    base = work.commit("base", {"a": "1"})
    old = work.commit("old", {"a": "2"})
    work.push()
    mirror.fetch()
    work.git("reset", "-q", "--hard", base)
    new = work.commit("new", {"a": "3"})
    work.push("--force")
    mirror.fetch()
    assert mirror.head("main") == new
    assert not mirror.contains(new, old)
    assert mirror.fork(new, old) == base


def test_names_that_are_not_utf8_links_and_submodules_survive(work: Work, mirror: Repository) -> None:
    inner = work.commit("one", {"a": "1"})
    Path(os.fsdecode(os.fsencode(work.tree) + b"/caf\xe9\n\x02x")).write_text("x", encoding="utf-8")
    (work.tree / "link").symlink_to("/etc/passwd")
    (work.tree / "vendored").mkdir()
    work.git("update-index", "--add", "--cacheinfo", f"160000,{inner},vendored")
    head = work.commit("odd")
    work.push()
    mirror.fetch()
    (odd, _) = mirror.commits(head)
    assert set(odd.paths) == {"caf\ufffd\n\x02x", "link", "vendored"}
    assert set(mirror.files(head)) == {"a", "caf\ufffd\n\x02x"}
    assert mirror.read(head, "link") is None


def test_the_first_look_at_a_huge_history_is_bounded(work: Work, tmp_path: Path) -> None:
    shas = [work.commit(f"{number}", {"a": str(number)}) for number in range(6)]
    work.push()
    remote = Remote(url=f"file://{work.bare}", depth=2)
    mirror = Repository(tmp_path / "mirror", remote, branches=("main",), where="here")
    mirror.fetch()
    assert mirror.revisions(shas[-1]) == (shas[-1], shas[-2])
    shas += [work.commit(f"{number}", {"a": str(number)}) for number in range(6, 9)]
    work.push()
    mirror.fetch()
    assert mirror.revisions(shas[-1]) == tuple(reversed(shas[4:]))


def test_a_large_file_is_not_read(work: Work, mirror: Repository) -> None:
    (work.tree / "large").write_bytes(os.urandom(2 << 20))
    head = work.commit("large", {"small": "1"})
    work.push()
    mirror.fetch()
    assert mirror.read(head, "large") is None
    assert mirror.read(head, "small") == b"1"


def test_a_shallow_remote_is_read_as_far_as_it_goes(work: Work, tmp_path: Path) -> None:
    for number in range(5):
        work.commit(f"{number}", {"a": str(number)})
    work.push()
    work._run("clone", "-q", "--bare", "--depth=2", f"file://{work.bare}", "shallow.git", cwd=tmp_path)
    remote = Remote(url=str(tmp_path / "shallow.git"))
    mirror = Repository(tmp_path / "mirror", remote, branches=("main",), where="here")
    mirror.fetch()
    assert [one.subject for one in mirror.commits(mirror.head("main") or "")] == ["4", "3"]


def test_a_repository_that_goes_is_not_found(work: Work, mirror: Repository) -> None:
    work.commit()
    work.push()
    mirror.fetch()
    work.bare.rename(work.bare.with_name("elsewhere"))
    with pytest.raises(NotFound, match=r"git ls-remote of .*remote\.git"):
        mirror.refs()
    assert mirror.head("main") is not None


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c 'touch /tmp/owned'",
        "--upload-pack=touch /tmp/owned",
        "git://example.org/a.git",
        "http://example.org/a.git",
        "fd::17",
        "a/relative/folder",
        "https://",
        "ssh://-oProxyCommand=x/a",
        "-oProxyCommand=x@host:a",
        "https://example.org/a\nb",
    ],
)
def test_an_address_that_is_not_on_the_list_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        Repository(tmp_path / "m", Remote(url=url), branches=("main",), where="here").refs()
    assert not (tmp_path / "m").exists() or not any((tmp_path / "m").rglob("pack/*"))


def test_a_password_in_the_address_is_refused_without_repeating_it(tmp_path: Path) -> None:
    remote = Remote(url="https://ada:hunter22@example.org/a.git")
    with pytest.raises(Refused) as refused:
        Repository(tmp_path / "m", remote, branches=("main",), where="here").refs()
    assert "hunter22" not in str(refused.value) + str(refused.value.remedy)


@pytest.mark.parametrize(
    "name",
    ["", "-x", "--upload-pack=x", "a..b", "a b", "a:b", "a*", "a\n", ".hidden", "a.lock", "@{-1}", "a//b"],
)
def test_a_branch_that_is_no_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        Repository(tmp_path / "m", Remote(url="/x"), branches=(name,), where="here")


@given(st.text(max_size=40))
def test_no_text_becomes_an_option_or_another_revision(text: str) -> None:
    mirror = Repository(Path("/nowhere/m"), Remote(url="/x"), branches=("main",), where="here")
    if not text.startswith("refs/"):
        with pytest.raises((NotFound, Refused)):
            mirror.resolve(text)


def test_a_hook_and_the_users_configuration_have_no_say(
    work: Work, mirror: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.commit()
    work.push()
    mark = tmp_path / "ran"
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("reference-transaction", "post-index-change", "pre-auto-gc"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {mark}\n", encoding="utf-8")
        (hooks / name).chmod(0o755)
    config = tmp_path / "gitconfig"
    config.write_text(f"[core]\nhooksPath = {hooks}\n[protocol]\nallow = always\n", encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "not-here"))
    mirror.fetch()
    assert mirror.head("main")
    assert not mark.exists()


def test_a_credential_is_in_the_environment_only(tmp_path: Path) -> None:
    remote = Remote(url="https://example.org/a.git", credential=Secret("hunter22"))
    with_it = remote.environment(tmp_path, remote=True)
    (header,) = (value for value in with_it.values() if value.startswith("Authorization: Basic "))
    assert not any(value.startswith("Authorization") for value in remote.environment(tmp_path).values())
    assert "http.https://example.org/.extraHeader" in with_it.values()
    assert "hunter22" not in repr(remote)
    assert header


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("fatal: Authentication failed for 'https://x/'", AuthenticationFailed),
        ("fatal: could not read Username for 'https://x': terminal prompts disabled", AuthenticationFailed),
        ("git@x: Permission denied (publickey).", AuthenticationFailed),
        (
            "Host key verification failed.\nfatal: Could not read from remote repository.",
            AuthenticationFailed,
        ),
        ("fatal: repository 'https://x/' not found", NotFound),
        ("fatal: unable to access 'https://x/': Could not resolve host: x", Unreachable),
        ('Timeout: the command "git fetch" did not complete in 120 secs.', Unreachable),
        ("", Unreachable),
    ],
)
def test_complaints_of_git_become_typed_errors(said: str, kind: type[AdapterError]) -> None:
    from pipemgr.adapter.remote import failed

    assert type(failed(said, "fetch", "https://x/", "here")) is kind


def test_a_git_that_hangs_is_ended_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipemgr.adapter.repository.SECONDS", 1.0)
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\nexec sleep 321.5\n", encoding="utf-8")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    remote = Remote(url="git@example.org:a.git")
    began = time.monotonic()
    with pytest.raises(Unreachable, match="did not complete"):
        Repository(tmp_path / "m", remote, branches=("main",), where="here").refs()
    assert time.monotonic() - began < 20
    assert subprocess.run(["pgrep", "-f", "sleep 321.5"], capture_output=True, check=False).returncode == 1


def test_a_mirror_that_somebody_else_fetches_is_waited_for(
    work: Work, mirror: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.commit()
    work.push()
    mirror.fetch()
    monkeypatch.setattr("pipemgr.adapter.repository.LOCK_SECONDS", 0.2)
    with mirror._locked(), pytest.raises(Retryable, match="another process"):
        mirror.fetch()
    mirror.fetch()


def test_a_fetch_leaves_no_process_and_no_open_file(work: Work, mirror: Repository) -> None:
    def mine() -> tuple[int, int]:
        children = subprocess.run(
            ["ps", "--ppid", str(os.getpid()), "-o", "comm="], capture_output=True, text=True, check=False
        )
        return children.stdout.count("git"), len(list(Path("/proc/self/fd").iterdir()))

    work.commit("one", {"a": "1"})
    work.push()
    mirror.fetch()
    before = mine()
    for _ in range(5):
        mirror.fetch()
        mirror.commits(mirror.head("main") or "")
        mirror.read(mirror.head("main") or "", "a")
    assert mine() == before


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        ("https://example.org/a/b.git", "git@example.org:a/b", True),
        ("https://example.org/a/b/", "ssh://git@Example.org/a/b.git", True),
        ("https://example.org/a/b", "https://example.org/a/c", False),
        ("/srv/a.git", "file:///srv/a", True),
    ],
)
def test_addresses_of_one_repository_are_the_same(first: str, second: str, equal: bool) -> None:
    assert same(first, second) is equal


def test_any_callable_may_ask_at_once(work: Work, mirror: Repository) -> None:
    from concurrent.futures import ThreadPoolExecutor

    head = work.commit("one", {"a": "1"})
    work.push()
    mirror.fetch()

    def ask(_: int) -> Any:
        own = Repository(mirror.folder, mirror.remote, branches=("main",), where="here")
        return own.read(head, "a")

    asked: Callable[[int], Any] = ask
    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(asked, range(24))) == {b"1"}


class Guarded(FakeServer):
    """A repository behind basic authentication, by the dumb protocol: its list of refs is a file."""

    @route("/a.git/info/refs", query=("service",))
    def listed(self, call: Call) -> Response:
        if call.headers.get("authorization") != f"Basic {base64.b64encode(b'ada:hunter22').decode()}":
            return Response("no", 401, {"WWW-Authenticate": "Basic"})
        return Response(f"{'a' * 40}\trefs/heads/main\n", content_type="text/plain")


def test_a_credential_opens_a_guarded_repository_and_a_wrong_one_does_not(tmp_path: Path) -> None:
    with Guarded() as server:

        def ask(secret: str | None) -> dict[str, str]:
            credential = Secret(secret) if secret else None
            remote = Remote(url=f"{server.url}/a.git", user="ada", credential=credential)
            return Repository(tmp_path / "m", remote, branches=("main",), where="here").refs()

        assert ask("hunter22") == {"refs/heads/main": "a" * 40}
        assert server.calls[0].status == 200  # no try without it
        for wrong in ("hunter23", None):
            with pytest.raises(AuthenticationFailed) as failure:
                ask(wrong)
            assert "hunter" not in str(failure.value)
        assert not any(b"hunter22" in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
