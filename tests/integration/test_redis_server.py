"""The embedded Redis: its choice, its configuration, and its address in the words of two libraries."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from kombu import Connection

from aios_app.domain.errors import StackError
from aios_app.settings import Settings
from aios_app.stack.address import redis_py_url, redis_url
from aios_app.stack.redis_server import Engine, find_engine, write_config
from aios_app.stack.unix_http import is_listening
from aios_app.stack.waiting import tries
from tests.integration.stack_stand_ins import settings_for

ODD_NAMES = ["plain", "with space", "Ünï🚀", "100%25", "a;b#c?d&e=f+g", "q'u\"o\\te"]


@pytest.fixture
def short_dir() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="aios-redis-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(params=ODD_NAMES)
def server(short_dir: Path, request: pytest.FixtureRequest) -> Iterator[Settings]:
    settings = settings_for(short_dir / request.param)
    engine = find_engine()
    config = write_config(settings, engine)
    with subprocess.Popen([engine.path, config], stdout=subprocess.PIPE) as process:
        assert any(is_listening(settings.redis_socket) for _ in tries(5))
        yield settings
        process.kill()


def test_redis_py_and_kombu_reach_the_same_database(server: Settings) -> None:
    with Connection(redis_url(server)) as broker:
        queue = broker.SimpleQueue("greetings")
        queue.put("hello")
        queue.close()

    with redis.Redis.from_url(redis_py_url(server)) as client:
        assert client.llen("greetings") == 1


def test_the_server_is_private_and_keeps_every_write(server: Settings) -> None:
    with redis.Redis.from_url(redis_py_url(server), decode_responses=True) as client:
        names = ("port", "appendonly", "appendfsync", "save", "maxmemory-policy", "dir")
        config = {name: client.config_get(name)[name] for name in names}

    assert stat.S_IMODE(server.redis_socket.stat().st_mode) & 0o077 == 0
    assert config == {
        "port": "0",
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory-policy": "noeviction",
        "dir": str(server.redis_dir),
    }


def test_an_outside_server_is_named_in_the_words_of_each_library(tmp_path: Path) -> None:
    network = settings_for(tmp_path, AIOS_REDIS_URL="rediss://u:p@host:6380/3")
    plain = settings_for(tmp_path, AIOS_REDIS_URL="unix:///run/my%20redis.sock?db=2")
    celery = settings_for(tmp_path, AIOS_REDIS_URL="redis+socket:///run/r.sock?virtual_host=4")

    assert redis_url(network) == redis_py_url(network) == "rediss://u:p@host:6380/3"
    assert redis_url(plain) == "redis+socket:///run/my%20redis.sock?virtual_host=2"
    assert redis_py_url(celery) == "unix:///run/r.sock?db=4"


def fake_server(directory: Path, says: str) -> Path:
    program = directory / "redis-server"
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    return program


def test_the_bundled_engine_is_found_with_its_version() -> None:
    engine = find_engine()

    assert engine.name == "valkey"
    assert int(engine.version.split(".")[0]) >= 9


def test_an_old_or_missing_server_is_refused_with_what_to_do(tmp_path: Path) -> None:
    old = fake_server(tmp_path, "Redis server v=6.0.16 sha=00000000:0 bits=64")

    with pytest.raises(StackError, match=r"only redis 6\.0\.16 at .*apt-get install redis-server"):
        find_engine([tmp_path / "absent", old])
    with pytest.raises(StackError, match=r"none.*AIOS_REDIS_URL"):
        find_engine([])


def test_the_systems_server_is_taken_where_nothing_is_bundled(tmp_path: Path) -> None:
    system = fake_server(tmp_path, "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64")

    assert find_engine([tmp_path / "absent", system]) == Engine(path=system, name="redis", version="7.0.15")


@pytest.mark.parametrize(
    ("name", "version"), [("redis", "7.0.15"), ("valkey", "99.0.0"), ("valkey", "9.10.0")]
)
def test_data_of_another_or_a_newer_engine_is_not_touched(tmp_path: Path, name: str, version: str) -> None:
    settings = settings_for(tmp_path)
    write_config(settings, Engine(path=Path("/x"), name=name, version=version))

    with pytest.raises(StackError, match=f"written by {name} {version}"):
        write_config(settings, Engine(path=Path("/y"), name="valkey", version="9.9.2"))

    assert json.loads((settings.redis_dir / "engine.json").read_text())["version"] == version


def test_a_newer_version_of_the_same_engine_goes_on_with_the_data(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    for version in ("9.1.2", "9.10.0"):
        write_config(settings, Engine(path=Path("/x"), name="valkey", version=version))

    assert json.loads((settings.redis_dir / "engine.json").read_text())["version"] == "9.10.0"
