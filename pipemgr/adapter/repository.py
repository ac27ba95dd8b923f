"""A Git repository as adapters read it: a bare mirror, kept current by one request when nothing changed.

The mirror lies in a folder of its own. Every operation opens and closes it, `fetch` holds a lock on it, and git runs
hardened: no prompts, hooks, helpers or configuration of this machine, one protocol, a time limit. A credential goes
to git by its environment only: it is in no address, argument, file or error.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from pydantic import Field

from pipemgr.errors import AdapterError, NotFound, Refused, Retryable
from pipemgr.model.base import Value
from pipemgr.model.runs import Moment

from .remote import Remote, failed

if TYPE_CHECKING:
    import git

SECONDS: Final = 120.0
"""How long one git command may take."""
LOCK_SECONDS: Final = 60.0
"""How long to wait for somebody else's fetch of the same mirror."""
LARGEST: Final = 1 << 20
"""Bytes of a file that is read."""
SHA: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_START: Final = b"\x02"
_FORMAT: Final = "tformat:%x02%H%x00%P%x00%an%x00%ct%x00%s"
_FIELDS: Final = 5


class Commit(Value):
    """A commit of a branch, and the paths that it changed there: for a merge, what it brought to its first parent.

    Paths and names that are not UTF-8 have a replacement character where they are not.
    """

    sha: str
    parents: tuple[str, ...] = ()
    author: str = ""
    committed_at: Moment
    subject: str = ""
    paths: tuple[str, ...] = ()


class File(Value):
    """A file at a revision."""

    path: str
    digest: str
    """The id of its content in Git."""
    size: int = Field(ge=0)


class Repository:
    """One remote repository, read through its mirror in `folder`. Threads need one each; processes may share the folder.

    `branches` and `notes` are the names that are mirrored. `where` is the connection that errors name. Whatever goes wrong is an `AdapterError`: `Unreachable`, `AuthenticationFailed`,
    `NotFound`, `Refused`.
    """

    def __init__(
        self,
        folder: Path,
        remote: Remote,
        *,
        branches: tuple[str, ...],
        notes: tuple[str, ...] = (),
        where: str,
    ) -> None:
        self.folder = folder
        self.remote = remote
        self.where = where
        self._refs = (*(_ref("heads", one) for one in branches), *(_ref("notes", one) for one in notes))

    # The remote ------------------------------------------------------------------------------------------

    def refs(self) -> dict[str, str]:
        """What the remote has under the mirrored names: full ref name to id. One request; none changes the mirror."""
        out = self._git("ls-remote", "--refs", "--", self.remote.url, *self._refs, remote=True)
        pairs = (line.split("\t", 1) for line in out.decode("utf-8", "replace").splitlines() if "\t" in line)
        return {name: sha for sha, name in pairs if name in self._refs}

    def fetch(self) -> None:
        """Bring the mirror to what the remote has. Rewritten branches are followed; old commits stay for a while."""
        wanted = [f"+{one}:{one}" for one in self.refs()]
        if not wanted:
            return
        options = [
            "--quiet",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            "--update-shallow",
        ]
        with self._locked():
            first = (
                self.remote.depth is not None
                and self._run("rev-parse", "--quiet", "--verify", wanted[0][1:].split(":")[0])[0]
            )
            depth = [f"--depth={self.remote.depth}"] if first else []
            self._git("fetch", *options, *depth, "--", self.remote.url, *wanted, remote=True)

    # The mirror ------------------------------------------------------------------------------------------

    def head(self, branch: str) -> str | None:
        """The commit that a branch is at in the mirror; None when there is no such branch."""
        return self.resolve(_ref("heads", branch))

    def resolve(self, revision: str) -> str | None:
        """The id of the commit that a ref or an id names in the mirror; None when there is none."""
        code, out, _ = self._run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{_name(revision)}^{{commit}}"
        )
        return out.decode("ascii").strip() if code == 0 else None

    def contains(self, descendant: str, ancestor: str) -> bool:
        """Whether `ancestor` is in the history of `descendant`; an unknown commit is in none."""
        code, _, _ = self._run("merge-base", "--is-ancestor", _name(ancestor), _name(descendant))
        return code == 0

    def fork(self, first: str, second: str) -> str | None:
        """The newest commit that both have; None when their histories have nothing in common."""
        code, out, _ = self._run("merge-base", _name(first), _name(second))
        return out.decode("ascii").strip() if code == 0 else None

    def revisions(self, tip: str, *, after: str | None = None, limit: int | None = None) -> tuple[str, ...]:
        """The ids of the commits up to `tip` that are not in `after`, newest first, along first parents."""
        bounds = [_name(tip), *([f"^{_name(after)}"] if after else [])]
        count = [f"--max-count={limit}"] if limit is not None else []
        out = self._git("rev-list", "--first-parent", *count, "--end-of-options", *bounds)
        return tuple(out.decode("ascii").split())

    def commits(
        self,
        tip: str,
        *,
        after: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
        paths: tuple[str, ...] = (),
    ) -> tuple[Commit, ...]:
        """The newest commits up to `tip`, newest first, along first parents: the order in which a branch moved.

        `after` leaves out what is in its history, `since` what is older; with `paths` (folders or files, no patterns)
        only commits that changed something there count. What came by a merge is told as the merge.
        """
        words = [
            "--first-parent",
            "--diff-merges=first-parent",
            "--raw",
            "-z",
            "--no-renames",
            "--no-abbrev",
            "--root",
        ]
        words += [f"--format={_FORMAT}", f"--max-count={limit}"]
        words += [f"--since={since.astimezone(UTC).isoformat()}"] if since else []
        bounds = [_name(tip), *([f"^{_name(after)}"] if after else [])]
        return tuple(_commits(self._git("log", *words, "--end-of-options", *bounds, "--", *paths)))

    def files(self, revision: str, folder: str = "") -> dict[str, File]:
        """The files below a folder at a revision, by path: no links, no submodules."""
        path = [folder] if folder else []
        code, out, error = self._run(
            "ls-tree", "-r", "-z", "--long", "--full-tree", _name(revision), "--", *path
        )
        if code:
            raise self._failed("ls-tree", error)
        return {file.path: file for file in _files(out)}

    def contents(self, files: Mapping[str, File] | tuple[File, ...]) -> Iterator[tuple[File, bytes]]:
        """What is in these files, one at a time; one of more than `LARGEST` bytes is left out."""
        every = files.values() if isinstance(files, Mapping) else files
        wanted = [file for file in every if file.size <= LARGEST]
        if not wanted:
            return
        out = self._git(
            "cat-file", "--batch", given="".join(f"{one.digest}\n" for one in wanted), remote=True
        )
        place = 0
        for file in wanted:
            end = out.index(b"\n", place)
            size = int(out[place:end].split()[2])
            yield file, out[end + 1 : end + 1 + size]
            place = end + 2 + size

    def read(self, revision: str, path: str) -> bytes | None:
        """A file at a revision; None when there is none, or when it is larger than `LARGEST`."""
        file = self.files(revision, path).get(path)
        return next((data for _, data in self.contents((file,))), None) if file else None

    def notes(self, name: str) -> dict[str, File]:
        """The notes of `refs/notes/<name>` in the mirror, by the commit that they are about."""
        ref = _ref("notes", name)
        if self.resolve(ref) is None:
            return {}
        found = {path.replace("/", ""): file for path, file in self.files(ref).items()}
        return {sha: file for sha, file in found.items() if SHA.fullmatch(sha)}

    # Git itself ------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the mirror against other fetches. Raises `Retryable` when somebody else does so for too long."""
        lock = self.folder.with_name(f"{self.folder.name}.lock")
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + LOCK_SECONDS
        try:
            while not _taken(descriptor):
                if time.monotonic() > deadline:
                    raise Retryable("another process is fetching it", where=self.where, remedy="wait for it")
                time.sleep(0.05)
            yield
        finally:
            os.close(descriptor)

    def _git(self, *words: str, remote: bool = False, given: str | None = None) -> bytes:
        code, out, error = self._run(*words, remote=remote, given=given)
        if code:
            raise self._failed(words[0], error)
        return out

    def _run(self, *words: str, remote: bool = False, given: str | None = None) -> tuple[int, bytes, str]:
        environment = self.remote.environment(self.folder, remote=remote)
        with self._opened() as repo, _stdin(given) as stdin:
            done: Any = repo.git.execute(
                ["git", *words],
                env=environment,
                istream=stdin,
                with_extended_output=True,
                with_exceptions=False,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
                kill_after_timeout=SECONDS,
            )
        code, out, error = done
        return int(code), bytes(out), str(error)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[git.Repo]:
        library = _library()
        if not (self.folder / "HEAD").is_file():
            self._create(library)
        try:
            with library.Repo(self.folder) as repo:
                yield repo
        except (library.InvalidGitRepositoryError, library.NoSuchPathError):
            raise Refused(
                f"the mirror {self.folder} is damaged",
                where=self.where,
                remedy="remove that folder: it is made anew",
            ) from None
        except library.GitCommandNotFound:
            raise _missing() from None

    def _create(self, library: Any) -> None:
        """Make the mirror: empty, bare, without hooks, and without a word of where it comes from."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            if (self.folder / "HEAD").is_file():
                return
            # By an environment of its own: a GIT_DIR of whoever started us would lead it elsewhere.
            library.Git(self.folder.parent).execute(
                ["git", "init", "--quiet", "--bare", "--template=", str(self.folder)],
                env=self.remote.environment(self.folder),
                kill_after_timeout=SECONDS,
            )

    def _failed(self, command: str, error: str) -> AdapterError:
        return failed(error, command, self.remote.url, self.where)


def _library() -> Any:
    try:
        import git
    except ImportError:  # what GitPython raises when there is no git
        raise _missing() from None
    return git


def _missing() -> Refused:
    return Refused("git is not installed", remedy="install it: apt install git")


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _stdin(text: str | None) -> Iterator[BinaryIO | None]:
    import tempfile

    if text is None:
        yield None
        return
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        yield cast("BinaryIO", file)


def _name(revision: str) -> str:
    """A revision that may stand in a command: an id, or the full name of a ref. Raises `NotFound`."""
    if SHA.fullmatch(revision) or (revision.startswith("refs/") and _ordinary(revision)):
        return revision
    raise NotFound(f"{revision!r} is no commit", remedy="give a full commit id")


def _ref(kind: str, name: str) -> str:
    """The full name of a branch or of notes. Raises `Refused` for what is none."""
    if not _ordinary(name):
        raise Refused(f"{name!r} is no name for a branch or for notes", remedy="see `git check-ref-format`")
    return f"refs/{kind}/{name}"


_BAD = re.compile(r"[\x00-\x20~^:?*\[\\\x7f]|\.\.|@\{|//|/\.|\.lock(/|$)|^[-./]|[/.]$|^@$|^$")


def _ordinary(name: str) -> bool:
    """Whether git takes a name for a ref, and no command takes it for an option (git-check-ref-format(1))."""
    return not _BAD.search(name)


def _commits(out: bytes) -> Iterator[Commit]:
    """Read `git log --raw -z`: five fields of a commit, then pairs of a change and its path."""
    words = iter(out.split(b"\0"))
    head: list[bytes] = []
    paths: list[str] = []
    for word in words:
        if word.startswith(_START):
            if head:
                yield _commit(head, paths)
            head, paths = [word[1:], *(next(words) for _ in range(_FIELDS - 1))], []
        elif word.lstrip(b"\n").startswith(b":"):
            paths.append(next(words).decode("utf-8", "replace"))
    if head:
        yield _commit(head, paths)


def _commit(head: list[bytes], paths: list[str]) -> Commit:
    sha, parents, author, seconds, subject = (field.decode("utf-8", "replace") for field in head)
    return Commit(
        sha=sha,
        parents=tuple(parents.split()),
        author=author,
        committed_at=_moment(seconds),
        subject=subject,
        paths=tuple(paths),
    )


def _moment(seconds: str) -> datetime:
    """A committer's clock may say anything; what no date can hold is the beginning of time."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _files(out: bytes) -> Iterator[File]:
    for line in out.split(b"\0"):
        facts, _, path = line.partition(b"\t")
        words = facts.split()
        if len(words) == 4 and words[0].startswith(b"100") and words[3].isdigit():  # noqa: PLR2004 - mode type id size
            yield File(path=path.decode("utf-8", "replace"), digest=words[2].decode(), size=int(words[3]))
