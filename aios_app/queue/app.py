"""The Celery application that the service sends with and the worker runs."""

from __future__ import annotations

import socket
from typing import Any

from celery import Celery

from aios_app.domain.machines import client_name

#: Seconds for which a message may stay unacknowledged. The worker of a machine restores its own messages
#: when it starts, so this only has to be longer than any machine may be away.
VISIBILITY_TIMEOUT_S = 30 * 86400
#: Seconds between two looks at Redis of an idle worker; a message wakes it at once.
POLLING_INTERVAL_S = 60
#: Seconds between the questions that an idle worker asks Redis beside that: whether subscriptions still live,
#: and whether messages of a dead worker came back, which this worker sees to itself when it connects.
HOUSEKEEPING_S = 3600
#: After about two minutes without an answer to the kernel's probes a connection counts as lost.
_PROBES = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}


def queue_name(machine: str) -> str:
    """The queue that the worker of this machine consumes."""
    return f"machine.{machine}"


def make_app(broker_url: str, *, machine: str = "") -> Celery:
    """A Celery application of its own (never the process's current one).

    ``machine`` gives the worker of that machine its private keys for unacknowledged messages. There is no
    result backend: results live in the ledger, and Flower reads them from events.
    """
    app = Celery("aios", set_as_current=False)
    app.conf.update(
        broker_url=broker_url,
        broker_transport_options=_transport_options(machine),
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_publish_retry_policy={"max_retries": 3, "interval_start": 0, "interval_step": 0.2},
        task_default_queue=queue_name(machine),
        task_create_missing_queues=True,
        worker_prefetch_multiplier=1,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=True,
        control_queue_expires=None,  # one that expires is looked after every minute
        enable_utc=True,
    )
    return app


def _transport_options(machine: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "visibility_timeout": VISIBILITY_TIMEOUT_S,
        "polling_interval": POLLING_INTERVAL_S,
        "queue_order_strategy": "priority",
        "health_check_interval": HOUSEKEEPING_S,
        "unacked_restore_interval": HOUSEKEEPING_S,
        "socket_keepalive": True,
        "socket_keepalive_options": {
            getattr(socket, name): value for name, value in _PROBES.items() if hasattr(socket, name)
        },
    }
    if machine:
        options["client_name"] = client_name(machine)
        options |= {name: f"{name.removesuffix('_key')}.{machine}" for name in _UNACKED_KEYS}
    return options


_UNACKED_KEYS = ("unacked_key", "unacked_index_key", "unacked_mutex_key")
