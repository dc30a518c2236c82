from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from aios_app.agents import DEMO_AGENT
from aios_app.domain.errors import MachineRemoved, NotNow, QueueError, StackError
from aios_app.domain.landing import Landing
from aios_app.domain.machines import SILENT_MS, YOUNG_MS, client_name
from aios_app.domain.models import Job, JobState
from aios_app.services.catalogue_sync import sync_catalogue
from aios_app.services.context import Context
from aios_app.services.join_cluster import join_by_url
from aios_app.services.machine_news import Herald
from aios_app.services.machines import drain_machine, list_machines, remove_machine, resume_machine
from aios_app.services.reconcile import ensure_ledger
from aios_app.settings import Settings, load
from aios_app.stack.address import check_outside_redis, redis_py_url
from aios_app.stack.certificates import make_authority, make_certificate
from aios_app.stack.cluster import check_not_removed
from tests.conftest import environment_in
from tests.integration.founder_fixtures import Founder, client, founding, joined
from tests.integration.machine_fixtures import Join, is_gone, join
from tests.integration.service_fixtures import now, running, started

__all__ = ["join"]


@pytest.fixture(scope="module")
def founder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Founder]:
    """One for all tests here, that each give it machines of their own."""
    with founding(tmp_path_factory.mktemp("f")) as founder:
        yield founder


@pytest.fixture
def member(founder: Founder, short_path: Path) -> Settings:
    return founder.member(short_path / "pi")


@pytest.fixture
def project(context: Context, make_project: Callable[[str], Path]) -> Path:
    path = make_project("shop")
    context.catalog.add_project(path)
    context.catalog.put_agent(DEMO_AGENT)
    return path


# The relay


def test_a_machine_reaches_the_ledger_by_tls_with_a_user_of_its_own(
    founder: Founder, member: Settings
) -> None:
    with joined(member) as there:
        assert there.settings.is_member
        assert there.machine in {one.id for one in founder.context.ledger.machines_known()}
        assert there.ledger.registry.owner() == founder.context.machine


@pytest.mark.parametrize(
    "command",
    [
        "FLUSHALL", "CONFIG GET dir", "ACL LIST", "ACL SETUSER x on", "KEYS *", "SHUTDOWN", "MONITOR", "SAVE",
        "CLIENT KILL TYPE normal", "SCRIPT FLUSH", "FUNCTION LIST", "REPLICAOF NO ONE", "GET foreign",
        "SET foreign 1", "SORT foreign", "DEBUG SLEEP 0", "MIGRATE h 1 k 0 1",
    ],
)  # fmt: skip
def test_a_machine_has_no_other_keys_and_no_administration(
    founder: Founder, command: str, member_client: Any
) -> None:
    with pytest.raises(redis.ResponseError):
        member_client.execute_command(*command.split())


@pytest.fixture(scope="module")
def member_client(founder: Founder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    settings = founder.member(tmp_path_factory.mktemp("m") / "pi")
    with client(settings) as connection:
        yield connection


def test_a_script_of_a_machine_has_no_other_keys_either(member_client: Any) -> None:
    with pytest.raises(redis.ResponseError):
        member_client.eval("return redis.call('SET', 'foreign', '1')", 0)


def test_nobody_is_let_in_without_a_password(founder: Founder) -> None:
    with redis.Redis(
        unix_socket_path=str(founder.settings.redis_socket), retry=Retry(NoBackoff(), 0)
    ) as stranger:
        with pytest.raises(redis.AuthenticationError):
            stranger.ping()
        with pytest.raises(redis.AuthenticationError):
            stranger.execute_command("AUTH", "default", "")


def test_large_values_pass_the_relay_unharmed_however_slowly_they_are_read(
    member_client: Any,
) -> None:
    text = "0123456789abcdef" * (1 << 18)  # 4 MB, more than all buffers on the way

    member_client.set("aios:1:large", text)
    pipe = member_client.pipeline(transaction=False)
    for _ in range(4):
        pipe.get("aios:1:large")

    assert all(found == text for found in pipe.execute())
    member_client.delete("aios:1:large")


def test_who_speaks_no_tls_gets_nothing_and_others_go_on(founder: Founder, member_client: Any) -> None:
    with socket.create_connection(("127.0.0.1", founder.settings.relay_port)) as stranger:
        stranger.sendall(b"PING\r\n" * 100)
        stranger.settimeout(5)
        answer = b"".join(iter(lambda: _received(stranger), b""))

    assert b"PONG" not in answer
    assert member_client.ping()


@pytest.mark.parametrize("words", ["PING", "RESET", "HELLO 3", "AUTH default x", "GET aios:1:meta"])
def test_who_is_not_let_in_keeps_no_connection(founder: Founder, member_client: Any, words: str) -> None:
    with _by_tls(founder) as stranger:
        stranger.sendall(words.encode() + b"\r\n")
        answer = b"".join(iter(lambda: _received(stranger), b""))

    assert answer.startswith((b"-", b"+RESET"))
    assert member_client.ping()


@pytest.mark.long
@pytest.mark.timeout(20)
def test_who_says_nothing_keeps_no_connection_either(founder: Founder, member_client: Any) -> None:
    with _by_tls(founder) as stranger:
        stranger.settimeout(14)
        assert _received(stranger) == b""
    assert member_client.ping()


@contextlib.contextmanager
def _by_tls(founder: Founder) -> Iterator[ssl.SSLSocket]:
    tls = ssl.create_default_context(cafile=str(founder.settings.cluster_dir / "authority.pem"))
    address = ("127.0.0.1", founder.settings.relay_port)
    with (
        socket.create_connection(address, 5) as plain,
        tls.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        yield connection


def _received(connection: socket.socket) -> bytes:
    with contextlib.suppress(ConnectionError):
        return connection.recv(4096)
    return b""


def test_another_authority_is_not_taken_for_the_cluster_s(founder: Founder, member: Settings) -> None:
    foreign = ssl.create_default_context()

    with (
        socket.create_connection(("127.0.0.1", founder.settings.relay_port)) as connection,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        foreign.wrap_socket(connection, server_hostname="127.0.0.1")
    check_outside_redis(member)


def test_an_authority_of_the_system_s_is_believed_only_of_the_right_name(
    founder: Founder, member: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = make_authority(tmp_path, "public")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*make_certificate(tmp_path / "theirs", ["theirs.example"], public))
    monkeypatch.setenv("SSL_CERT_FILE", str(public.certificate))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        port = f":{founder.settings.relay_port}/"
        url = str(member.redis_url).replace(port, f":{listener.getsockname()[1]}/")
        thread = threading.Thread(target=_shake_hands, args=(listener, tls))
        thread.start()
        with client(replace(member, redis_url=url)) as connection:
            connection.set_retry(Retry(NoBackoff(), 0))
            with pytest.raises(redis.ConnectionError, match="certificate verify failed"):
                connection.ping()
        thread.join(5)


def _shake_hands(listener: socket.socket, tls: ssl.SSLContext) -> None:
    with listener.accept()[0] as plain, contextlib.suppress(OSError):
        tls.wrap_socket(plain, server_side=True).close()


def test_by_a_url_with_tls_a_machine_forgets_by_whom_it_knew_another_redis(
    founder: Founder, short_path: Path
) -> None:
    member = founder.member(short_path / "pi")
    authority = short_path / "own.pem"
    authority.write_text((member.cluster_dir / "authority.pem").read_text())
    make_authority(member.cluster_dir, "of an earlier cluster")  # its key is not there: made anew
    url = f"{str(member.redis_url).partition('?')[0]}?ssl_ca_certs={authority}"
    environment = environment_in(short_path)

    join_by_url(load({**environment, "AIOS_DATA_DIR": str(member.data_dir)}), url)

    settings = load({**environment, "AIOS_DATA_DIR": str(member.data_dir)})
    assert settings.redis_url == url
    check_outside_redis(settings)
    with joined(settings) as there:
        assert there.ledger.registry.find(there.machine) is not None


def test_a_restarted_redis_knows_its_machines_and_they_come_again(short_path: Path) -> None:
    with founding(short_path) as founder:
        member = founder.member(short_path / "pi")
        with joined(member) as there:
            founder.kill_server()
            with pytest.raises(QueueError):
                there.ledger.now_ms()
            founder.start_server()

            assert there.ledger.now_ms() > 0
            assert there.machine in there.ledger.machines()


# Whether they are there


def test_a_machine_is_there_while_its_beat_is_young_or_its_connection_lives(
    founder: Founder, member: Settings
) -> None:
    registry = founder.context.ledger.registry
    with joined(member) as there:
        Herald(there).speak()
        assert registry.find(there.machine).is_there  # type: ignore[union-attr]

        old_ms = founder.context.ledger.now_ms() - YOUNG_MS - 1
        registry.write(there.machine, beat_ms=old_ms)
        assert registry.find(there.machine).unreachable_ms == old_ms  # type: ignore[union-attr]

        with client(member) as worker:
            worker.client_setname(client_name(there.machine))
            assert registry.find(there.machine).is_there  # type: ignore[union-attr]
            registry.write(there.machine, beat_ms=old_ms - SILENT_MS)
            assert not registry.find(there.machine).is_there  # type: ignore[union-attr]


def test_a_machine_that_stops_says_so_and_is_there_again_when_it_speaks(
    founder: Founder, member: Settings
) -> None:
    registry = founder.context.ledger.registry
    with joined(member) as there:
        herald = Herald(there)
        herald.speak()
        herald.fall_silent()
        assert not registry.find(there.machine).is_there  # type: ignore[union-attr]

        herald.hurry()
        herald.speak()
        found = registry.find(there.machine)
        assert found is not None
        assert found.is_there
        assert found.facts["cores"] > 0
        assert found.facts["agents"]["t"] == "" or "not installed" in found.facts["agents"]["t"]


def test_where_a_machine_went_the_others_say_so_of_the_jobs_that_wait_for_it(
    join: Join, make_project: Callable[[str], Path]
) -> None:
    box, pi = join("box"), join("pi")
    box.catalog.add_project(make_project("shop"))
    for ctx in (box, pi, box):
        sync_catalogue(ctx)
    herald = Herald(pi)
    herald.speak()
    jobs = started(pi, "shop", "d:1", "fix it")
    is_gone(box)

    herald.hurry()
    herald.speak()

    assert [job.reason for job in now(pi, jobs)] == ["for machine box: unreachable"]


def test_a_machine_alone_says_nothing_and_is_not_drained(context: Context) -> None:
    with pytest.raises(NotNow, match="the only machine"):
        drain_machine(context, name=context.machine)
    assert Herald(context).speak() is None
    assert "beat_ms" not in context.ledger.machine(context.machine)


def test_a_worker_that_speaks_otherwise_takes_no_jobs_and_says_why(
    founder: Founder, member: Settings
) -> None:
    with joined(member) as there:
        Herald(there).speak()
        there.ledger.registry.write(there.machine, messages=99, version="9.9")
        shown = {one["id"]: one for one in list_machines(founder.context)["machines"]}

    assert "AIOS 9.9 is another one" in shown[there.machine]["takes_no_jobs"]
    assert "another one" not in shown[founder.context.machine]["takes_no_jobs"]


# Draining and removing


def test_a_drained_machine_takes_no_jobs_until_it_is_resumed(founder: Founder, member: Settings) -> None:
    with joined(member) as there:
        Herald(there).speak()
        name = there.catalog.machine_name()
        drained = drain_machine(founder.context, name=there.machine)
        assert name in drained["machine"]["takes_no_jobs"]
        assert not resume_machine(founder.context, name=there.machine)["machine"]["takes_no_jobs"]


def test_a_removed_machine_has_no_key_any_more_and_is_told_so(founder: Founder, member: Settings) -> None:
    with joined(member) as there:
        asked = remove_machine(founder.context, name=there.machine, is_confirmed=False)
        assert not asked["is_removed"]
        assert there.ledger.now_ms() > 0

        remove_machine(founder.context, name=there.machine, is_confirmed=True)

        with pytest.raises(QueueError, match="removed from its cluster"):
            there.ledger.now_ms()
        with pytest.raises(StackError, match="removed from its cluster"):
            check_outside_redis(member)
        with pytest.raises(MachineRemoved, match="joins anew"):
            ensure_ledger(there)
        with pytest.raises(MachineRemoved, match="joins anew"):
            check_not_removed(member)
        assert there.machine not in founder.context.ledger.machines()


def test_a_removed_machine_with_a_redis_of_the_person_s_own_is_told_so_too(
    founder: Founder, short_path: Path
) -> None:
    environment = environment_in(short_path)
    join_by_url(load(environment), redis_py_url(founder.settings))
    with joined(load(environment)) as there:
        remove_machine(founder.context, name=there.machine, is_confirmed=True)

        with pytest.raises(MachineRemoved, match="joins anew"):
            ensure_ledger(there)


def test_the_machine_with_the_ledger_is_not_removed(founder: Founder) -> None:
    with pytest.raises(NotNow, match="Redis belongs to"):
        remove_machine(founder.context, name=founder.context.machine, is_confirmed=True)


def test_the_jobs_of_a_removed_machine_are_lost_with_their_place_in_line(
    context: Context, project: Path
) -> None:
    *theirs, ours = running(context, "d:3", "fix it", cwd=project)
    for job in (theirs[1], ours):
        context.ledger.move(job.attempt, {JobState.RUNNING}, JobState.REVIEW, finishes=True, ends=True)
    landings = [_in_line(context, job) for job in (theirs[1], ours)]
    context.ledger.set_machine(GONE, name="gone", max_agents=5)
    for job in theirs:
        context.ledger.note(job.number, machine=GONE)

    answer = remove_machine(context, name="gone", is_confirmed=True)

    assert {job["state"] for job in answer["jobs"]} == {"lost"}
    assert [(job.state, job.is_open) for job in now(context, theirs)] == [(JobState.LOST, False)] * 2
    assert "its machine gone was removed" in now(context, theirs)[0].cause
    assert now(context, [ours])[0].state is JobState.REVIEW
    head = context.ledger.lines.head("a line")
    assert head is not None
    assert head.landing == landings[1].id
    passed_over = context.ledger.lines.landing(theirs[1].number)
    assert passed_over is not None
    assert "gone was removed" in passed_over.problem


GONE = "4" * 36


def _in_line(ctx: Context, job: Job) -> Landing:
    landing = Landing(id=str(uuid.uuid4()), job=job.number, line="a line", label="main", message="m")
    assert ctx.ledger.lines.join(landing, lease_ms=60_000) is not None
    return landing
