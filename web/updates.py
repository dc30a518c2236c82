"""Looks for a newer AIOS are sent by what people do, and nobody waits for that."""

from __future__ import annotations

import asyncio
import logging
import time

from aios_app.domain.errors import AiosError
from aios_app.services.context import Context
from aios_app.services.update_check import send_when_due
from web.pending import Pending

logger = logging.getLogger(__name__)

#: Seconds in which requests are answered without another thought.
_REST_S = 10.0
#: Seconds that a look has to be noted by the worker, which may be down, before it is sent again.
_SENT_REST_S = 600.0


class UpdateLooks:
    """Told of each answer once it is out; belongs to the loop of the service."""

    def __init__(self, context: Context, pending: Pending) -> None:
        self._context = context
        self._pending = pending
        self._rests_until = 0.0
        self._look: asyncio.Task[None] | None = None

    def answered(self) -> None:
        """Sends ``update_check`` where it is due, in a thread; costs a look at the clock else."""
        if time.monotonic() < self._rests_until:
            return
        self._rests_until = time.monotonic() + _REST_S
        self._look = asyncio.get_running_loop().create_task(self._send())

    async def _send(self) -> None:
        with self._pending:
            try:
                if await asyncio.to_thread(send_when_due, self._context):
                    self._rests_until = time.monotonic() + _SENT_REST_S
            except AiosError as error:
                logger.info("no look for a newer AIOS: %s", error)
