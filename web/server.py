"""The life of the service: the start, the socket, the stop.

The socket is there once all requests can be answered.
It stops in this order: no new connections, the streams end, requests under way get their answer, exit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket

from aios_app.domain.errors import InstanceBusy, QueueError, StackError
from aios_app.services.context import Context, build_context
from aios_app.services.reconcile import ensure_ledger
from aios_app.settings import Settings
from web.app import make_app
from web.browser import make_browser_app
from web.door import Door
from web.entrance import share_endpoints, ticket_endpoints
from web.feed import Feed
from web.handlers import MAX_BODY_BYTES
from web.node_door import NodeDoor
from web.nodes import Nodes
from web.pending import Pending

logger = logging.getLogger(__name__)

#: Requests answered at once; an ``attach`` may wait half a minute in its thread.
_THREADS = 32
#: Seconds that requests under way have for their answer when the service stops.
_STOP_S = 5.0
#: Seconds that Redis has to answer before the service gives up its start.
_REDIS_S = 10.0
_PAUSE_S = 0.1


async def serve(settings: Settings) -> None:
    """Serves until a signal; raises an ``AiosError`` where it cannot start."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, "request"))
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    with contextlib.closing(await asyncio.to_thread(build_context, settings)) as context:
        await _find_ledger(stopping, context)
        with contextlib.closing(bind(settings.api_socket)) as listener:
            await answer_until(stopping, context, listener)


def bind(path: Path) -> socket.socket:
    """A private listening socket; one that a killed service left behind is replaced, a living one kept."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if _is_answered(path):
        raise InstanceBusy(f"another service answers at {path} already: aios status")
    try:
        return bind_unix_socket(os.fspath(path), mode=0o600)
    except (OSError, ValueError) as error:
        raise StackError(f"cannot listen at {path}", str(error)) from error


def connect(context: Context) -> Redis:
    """A connection for the feed: without a time limit for answers, for it waits in Redis for events."""
    return Redis.from_url(
        context.ledger.url,
        decode_responses=True,
        encoding_errors="surrogateescape",
        socket_timeout=None,
        retry=Retry(NoBackoff(), 0),
    )


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
    return True


async def _find_ledger(stopping: asyncio.Event, context: Context) -> None:
    give_up = asyncio.get_running_loop().time() + _REDIS_S
    while not stopping.is_set():
        try:
            await asyncio.to_thread(_recover, context)
        except QueueError as error:
            if asyncio.get_running_loop().time() > give_up:
                raise
            logger.warning("not yet: %s", error)
            await asyncio.sleep(_PAUSE_S)
        else:
            return


def _recover(context: Context) -> None:
    """Makes the ledger where it is lost, and asks for what an earlier service may have left unsent."""
    ensure_ledger(context, owns=True)
    if context.settings.has_worker:
        context.queue.send_reconcile(context.machine)


async def answer_until(stopping: asyncio.Event, context: Context, listener: socket.socket) -> None:
    """Answers over ``listener`` until ``stopping`` is set and those under way have their answer."""
    ledger = context.ledger
    feed = Feed(lambda: connect(context), ledger.jobs, lambda: ensure_ledger(context, owns=True))
    pending = Pending()
    nodes = Nodes(context)
    door, node_door = Door(context, feed, pending, nodes, make_browser_app), NodeDoor(context, pending)
    app = make_app(door, feed, ticket_endpoints(door) | share_endpoints(door))
    server = HTTPServer(app, max_body_size=8 * MAX_BODY_BYTES)
    await _open(door)
    await _open(node_door)
    server.add_socket(listener)
    logger.info("the service answers at %s", context.settings.api_socket)
    await stopping.wait()
    context.settings.api_socket.unlink(missing_ok=True)  # while it still answers: nobody can have replaced it
    server.stop()
    await door.stop()
    await node_door.stop()
    await feed.close()
    if not await pending.is_over(_STOP_S):
        logger.warning("stopped with requests that took longer than %s s", _STOP_S)
        logging.shutdown()
        os._exit(0)
    await server.close_all_connections()
    await door.close()
    await node_door.close()
    nodes.close()


async def _open(door: Door | NodeDoor) -> None:
    """Without browsers, or other machines, the rest goes on."""
    try:
        await door.open()
    except StackError as error:
        logger.warning("%s", error)
