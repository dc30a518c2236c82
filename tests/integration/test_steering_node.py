"""A node without a worker: it steers the cluster, and is none of the machines where jobs run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aios_app.services.catalogue_sync import share_catalogue
from aios_app.services.config import set_setting
from aios_app.services.context import Context, build_context
from aios_app.services.reconcile import ensure_ledger
from aios_app.settings import Settings, load
from aios_app.stack.address import redis_py_url
from aios_app.stack.cluster import write_cluster
from aios_app.stack.directories import prepare_directories
from aios_app.stack.supervisor import default_programs
from tests.integration.machine_fixtures import Join, join
from tests.private_redis import RedisServer

__all__ = ["join"]


@pytest.fixture
def steering(settings: Settings, join: Join, short_path: Path) -> Iterator[tuple[Context, Context]]:
    """The node, and the one machine that it steers."""
    data_dir = short_path / "steering"
    own = load({"HOME": str(short_path / "home"), "AIOS_DATA_DIR": str(data_dir)})
    prepare_directories(own)
    write_cluster(own, {"redis_url": redis_py_url(settings), "worker": "off"})
    worker = join("worker-1")
    node = build_context(load({"HOME": str(short_path / "home"), "AIOS_DATA_DIR": str(data_dir)}))
    ensure_ledger(node)
    # What joins by the Redis of a cluster belongs to it, though it is the only machine.
    yield node, replace(worker, settings=replace(worker.settings, is_member=True))
    node.close()


def test_it_is_no_place_for_jobs(steering: tuple[Context, Context]) -> None:
    node, worker = steering
    set_setting(node, key="max_agents", value="7")

    assert node.ledger.machines() == [worker.machine]
    assert [machine.name for machine in node.ledger.machines_known()] == ["worker-1"]
    assert node.ledger.machine(node.machine) == {}


def test_its_stack_has_no_worker(steering: tuple[Context, Context]) -> None:
    node, worker = steering

    assert [program.name for program in default_programs(node.settings, None)] == ["web"]
    assert [program.name for program in default_programs(worker.settings, None)] == ["worker", "web"]


def test_what_it_saves_is_known_to_the_only_machine(steering: tuple[Context, Context]) -> None:
    node, worker = steering
    share_catalogue(worker)  # the ledger is its own, so its catalogue comes first
    node.catalog.set("claude_prompt", "think first")
    share_catalogue(node)
    share_catalogue(worker)

    assert worker.catalog.get("claude_prompt") == "think first"


def test_a_cluster_that_begins_with_it_gives_the_first_numbers(
    settings: Settings, redis_server: RedisServer, short_path: Path
) -> None:
    home = {"HOME": str(short_path / "home"), "AIOS_DATA_DIR": str(short_path / "steering")}
    prepare_directories(load(home))
    write_cluster(load(home), {"redis_url": redis_py_url(settings), "worker": "off"})
    node = build_context(load(home))
    ensure_ledger(node)
    numbers = node.ledger.registry.last_numbers()
    node.close()

    assert numbers == (0, 0)
