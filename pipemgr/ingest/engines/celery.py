"""The Celery engine: beats hand out what is due, workers on any number of machines poll it.

A message says only which connection, and the ticket that it was claimed with. What Redis or RabbitMQ forget, deliver
twice or deliver late does no harm: a ticket is good once and for a short time, and is written anew when that is over.
Hence the settings: messages are acknowledged at once, not kept on disk, never retried, and there are no results.
"""

from __future__ import annotations

import contextlib
import warnings
from collections import deque
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

from celery import Celery, signals
from celery.exceptions import SecurityWarning
from kombu.exceptions import OperationalError

from pipemgr.errors import ConfigurationError, PipemgrError, Unreachable

from . import Setup, Shift
from .ticking import HUB, Ticking

TICKET_SECONDS = 30.0
"""How long a message may wait for a worker; then its connection is handed out again."""
BATCH = 100
"""How many connections are claimed at once."""
MOST_WAITING = 1000
"""How many messages may wait for a worker: more would be too old when they are taken."""
TASK = "pipemgr.poll"
QUEUE = "pipemgr"
_SCHEMES = ("redis", "rediss", "redis+socket", "sentinel", "amqp", "amqps")
_EXAMPLES = 'write [polling] broker = "redis://HOST/0" or "amqp://USER@HOST//"'


class CeleryEngine(Ticking):
    """`run_forever` is a beat, `work_forever` a worker. There may be several of both."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.app = application(setup)
        self._unsent: deque[tuple[str, str]] = deque()

    def run_once(self) -> int:
        """Hand out what is due now; see `Engine`. Raises `Unreachable` when the broker can't be reached."""
        with self.setup.shift() as shift:
            return self.tick(shift)

    def tick(self, shift: Shift) -> int:
        """Claim what is due and send each a message, unless many wait. Without a broker nothing is claimed."""
        room = MOST_WAITING - self._waiting()
        self._send()
        done = 0
        while done < room and not self.stopping.is_set():
            ticket = f"ticket:{uuid4().hex}"
            asked = min(BATCH, room - done)
            found = shift.due(asked, owner=ticket, seconds=TICKET_SECONDS)
            self._unsent.extend((lease.name, ticket) for lease in found)
            self._send()
            done += len(found)
            if len(found) < asked:
                break
        return done

    def work_forever(self) -> int:
        """Poll what the beats hand out, until a signal; see `Engine`."""
        _serve(self.app, self.setup)
        # Told to root, because of messages that hold code; ours hold two words.
        warnings.simplefilter("ignore", SecurityWarning)
        worker = self.app.Worker(
            concurrency=self.setup.polling.workers,
            quiet=True,
            loglevel="WARNING",
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        worker.start()
        return int(worker.exitcode or 0)

    def _send(self) -> None:
        """Send what waits; what can't be sent waits on, so that no ticket is lost while the broker is away."""
        try:
            while self._unsent:
                self.app.send_task(TASK, self._unsent[0], expires=TICKET_SECONDS, retry=False)
                self._unsent.popleft()
        except (OperationalError, OSError) as error:
            raise self._unreachable(error) from None

    def _waiting(self) -> int:
        """How many messages no worker has taken yet; asks by a connection of its own, which no outage has broken."""
        try:
            with self.app.connection_for_write() as connection:
                connection.ensure_connection(max_retries=1, interval_start=0)
                queue: Any = self.app.amqp.queues[QUEUE](connection.default_channel)
                return int(queue.queue_declare().message_count)
        except (OperationalError, OSError) as error:
            raise self._unreachable(error) from None

    def _unreachable(self, error: Exception) -> PipemgrError:
        return Unreachable(
            f"the broker can't be reached: {error}",
            where=shown(self.setup),
            remedy="start it, or correct [polling] broker; polling goes on when it is back",
        )


def application(setup: Setup) -> Celery:
    """The Celery application of a workspace; connects only when used. Raises `ConfigurationError`."""
    url = _address(setup)
    app = Celery("pipemgr", broker=url, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        broker_connection_max_retries=None,  # a supervisor that restarts us would do no better
        broker_connection_retry_on_startup=True,
        broker_transport_options=_transport(url),
        task_acks_late=False,
        task_default_delivery_mode="transient",
        task_default_queue=QUEUE,
        task_ignore_result=True,
        task_publish_retry=False,
        worker_disable_prefetch=_is_redis(url),
        worker_prefetch_multiplier=1,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
    )
    return app


def shown(setup: Setup) -> str:
    """The broker's address as it may be shown."""
    return setup.polling.broker or str(setup.path)


def _serve(app: Celery, setup: Setup) -> None:
    """Register the task. Each process of the pool opens a shift of its own when the first message comes."""
    opened: list[Shift] = []
    stack = contextlib.ExitStack()

    @app.task(name=TASK)
    def poll(name: str, ticket: str) -> None:
        if not opened:
            opened.append(stack.enter_context(setup.shift()))
        _work(opened[0], name, ticket, setup)

    def close(**_: Any) -> None:
        opened.clear()
        stack.close()

    # Weakly kept by default, and gone with this function.
    signals.worker_process_shutdown.connect(close, weak=False)


def _work(shift: Shift, name: str, ticket: str, setup: Setup) -> None:
    """Poll a connection if the ticket is good. Whatever the database says is told, and the ticket runs out."""
    if name not in shift.paces:
        shift.tell(name, _stranger(name, setup))
        return
    try:
        lease = shift.take(name, ticket)
    except PipemgrError as error:
        shift.tell(HUB, error)
        return
    if lease is not None:
        shift.work(lease)


def _stranger(name: str, setup: Setup) -> PipemgrError:
    return ConfigurationError(
        f"a beat hands out {name!r}, which is not configured here",
        where=str(setup.path),
        remedy="give beats and workers the same file, restart both after a change, and each workspace a broker "
        "database (redis://HOST/1) or virtual host of its own",
    )


def _is_redis(url: str) -> bool:
    return urlsplit(url).scheme in ("redis", "rediss", "redis+socket", "sentinel")


def _transport(url: str) -> dict[str, Any]:
    """What keeps a silently dead connection to Redis from being waited for; RabbitMQ has heartbeats."""
    if not _is_redis(url):
        return {}
    return {"health_check_interval": 10, "socket_connect_timeout": 5, "socket_keepalive": True}


def _address(setup: Setup) -> str:
    """The broker's address with the password; raises `ConfigurationError` for one that is none."""
    polling = setup.polling
    if polling.broker is None:
        raise ConfigurationError("no broker is configured", where=str(setup.path), remedy=_EXAMPLES)
    try:
        parts = urlsplit(polling.broker)
        password, known = parts.password, parts.scheme in _SCHEMES
    except ValueError:
        password, known = None, False
    if password:
        raise ConfigurationError(
            "the broker's address holds a password",
            where=str(setup.path),
            remedy='keep it out of the file: [polling] broker_password = "env:NAME"',
        )
    if not known:
        raise ConfigurationError(
            f"the broker's address is none that is known: {polling.broker}",
            where=str(setup.path),
            remedy=_EXAMPLES,
        )
    if polling.broker_password is None:
        return polling.broker
    secret = quote(polling.broker_password.resolve(setup.path.parent), safe="")
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:{secret}@{host}").geturl()
