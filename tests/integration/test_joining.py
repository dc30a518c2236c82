from __future__ import annotations

import base64
import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aios_app.agents import DEMO_AGENT
from aios_app.domain.errors import BadValue, NotNow, QueueError, StackError, UsageError
from aios_app.domain.machines import client_name
from aios_app.ledger.members import Members
from aios_app.services.config import set_setting
from aios_app.services.context import Context
from aios_app.services.join_cluster import Token, join_by_token, join_by_url, read_token
from aios_app.services.machine_news import Herald
from aios_app.services.machines import list_machines, remove_machine
from aios_app.services.project_places import machine_named
from aios_app.services.reconcile import ensure_ledger
from aios_app.settings import Settings, load
from aios_app.stack.address import redis_py_url
from aios_app.stack.certificates import fingerprint, make_certificate
from tests.conftest import environment_in
from tests.integration.founder_fixtures import Founder, client, founding, joined
from tests.integration.service_fixtures import running


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


def test_a_secret_lets_one_machine_join_once(founder: Founder) -> None:
    secret = founder.secret()
    first = founder.let_in("one", machine="0" * 36, secret=secret)

    assert founder.let_in("one", machine="0" * 36, secret=secret)["name"] == first["name"]
    with pytest.raises(UsageError, match="was used already"):
        founder.let_in("two", machine="1" * 36, secret=secret)
    founder.context.ledger.registry.members.dismiss("0" * 36)


def test_a_removed_machine_comes_back_by_a_new_secret_alone(founder: Founder) -> None:
    secret, machine = founder.secret(), "6" * 36
    name = founder.let_in("six", machine=machine, secret=secret)["name"]

    remove_machine(founder.context, name=name, is_confirmed=True)

    with pytest.raises(UsageError, match="was used already"):
        founder.let_in("six", machine=machine, secret=secret)
    assert founder.let_in("six", machine=machine)["name"] == "six"


def test_a_machine_that_has_a_key_is_listed_and_removed_though_it_never_came(founder: Founder) -> None:
    machine = "7" * 36
    founder.let_in("seven", machine=machine)

    assert machine in {one["id"] for one in list_machines(founder.context)["machines"]}
    assert remove_machine(founder.context, name="seven", is_confirmed=True)["is_removed"]


def test_a_copy_of_a_data_directory_takes_the_place_of_no_machine_that_is_there(
    founder: Founder, member: Settings
) -> None:
    with joined(member) as there, client(member) as worker:
        worker.client_setname(client_name(there.machine))
        secret = founder.secret()

        for machine in (there.machine, founder.context.machine):
            with pytest.raises(NotNow, match="in this cluster already"):
                founder.let_in("copy", machine=machine, secret=secret)

        assert there.ledger.now_ms() > 0
        assert founder.let_in("copy", machine="8" * 36, secret=secret)["name"] == "copy"


def test_a_machine_joins_again_where_it_lost_the_cluster_a_moment_ago(
    founder: Founder, member: Settings
) -> None:
    with joined(member) as there:
        Herald(there).speak()  # nobody has missed it yet

        assert founder.let_in("again", machine=there.machine)["name"] == "again"


def test_a_founder_of_others_joins_no_cluster(founder: Founder) -> None:
    founder.let_in("nine", machine="9" * 36)

    with pytest.raises(NotNow, match="other machines have joined this one"):
        join_by_url(founder.settings, redis_py_url(founder.settings))


def test_a_machine_makes_no_secrets_that_let_others_in(founder: Founder, member: Settings) -> None:
    with client(member) as connection, pytest.raises(QueueError, match="does not let"):
        Members(connection).issue("planted", 60_000)


def test_a_name_is_printable_and_nobody_is_taken_for_the_one_whose_id_it_bears(founder: Founder) -> None:
    name = founder.let_in("\x1b[31mevil\x07\n../" + "a" * 10_000)["name"]
    impostor = founder.let_in(founder.context.machine)["name"]

    assert name.isprintable()
    assert len(name) <= 60
    assert impostor == founder.context.machine
    assert machine_named(founder.context, impostor).id == founder.context.machine


def test_an_old_secret_and_an_invented_one_are_refused_in_their_own_words(founder: Founder) -> None:
    with pytest.raises(UsageError, match="has expired"):
        founder.let_in(secret=founder.secret(for_ms=0))
    with pytest.raises(UsageError, match="is of no use in this cluster"):
        founder.let_in(secret="i" * 9)


def test_a_machine_of_another_ledger_is_told_to_update(founder: Founder) -> None:
    from aios_app.services.admit_machine import admit_machine

    with pytest.raises(BadValue, match="update it"):
        admit_machine(
            founder.context, secret="s" * 9, id="2" * 36, name="old", version="0.0.1", ledger=0, run=0, job=0
        )


def test_a_second_machine_of_one_name_gets_a_number(founder: Founder, short_path: Path) -> None:
    with joined(founder.member(short_path / "one", name="twin")) as one:
        one.catalog.set("machine_name", "twin")
        ensure_ledger(one)
        assert founder.let_in("twin", machine="3" * 36)["name"] == "twin-2"


@pytest.mark.parametrize("text", ["", "aios1.", "aios1.abc", "x", "aios1.bnVsbA", "aios1.W10"])
def test_what_is_no_token_is_said_to_be_none(text: str) -> None:
    with pytest.raises(UsageError, match="no join token"):
        read_token(text)


def test_numbers_that_a_joining_machine_gave_are_not_given_again(founder: Founder) -> None:
    ledger = founder.context.ledger
    before = ledger.registry.last_numbers()

    ledger.open(instance="", last_run=before[0] + 7, last_job=before[1] + 9)
    ledger.open(instance="", last_run=0, last_job=0)

    given = ledger.reserve(1)
    assert (given.run, given.first_job) == (before[0] + 8, before[1] + 10)


def test_a_machine_with_work_of_its_own_does_not_join(
    founder: Founder, context: Context, project: Path
) -> None:
    running(context, "d:1", "fix it", cwd=project)
    url = redis_py_url(founder.settings)

    with pytest.raises(NotNow, match="neither landed nor dropped"):
        join_by_url(context.settings, url)


def test_by_a_url_a_machine_joins_with_a_name_of_its_own(founder: Founder, short_path: Path) -> None:
    environment = environment_in(short_path)
    done = join_by_url(load(environment), redis_py_url(founder.settings))

    settings = load(environment)
    with joined(settings) as there:
        assert settings.is_member
        assert there.catalog.machine_name() == done.name
        assert done.name != founder.context.catalog.machine_name()


def test_no_machine_takes_the_name_of_another_afterwards(founder: Founder, member: Settings) -> None:
    with joined(member) as there, pytest.raises(BadValue, match="another machine"):
        set_setting(there, key="machine_name", value=founder.context.catalog.machine_name())


def write_token(token: Token) -> str:
    """The inverse of ``read_token``."""
    values = {"node": f"{token.host}:{token.port}", "pin": token.pin, "secret": token.secret}
    return "aios1." + base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


@contextlib.contextmanager
def _answering(folder: Path, answer: bytes) -> Iterator[Token]:
    """A server of the right certificate that answers this, whatever it is asked."""
    certificate, key = make_certificate(folder, ["127.0.0.1"])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as plain, tls.wrap_socket(plain, server_side=True) as connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        pin = fingerprint(certificate.read_text())
        yield Token(host="127.0.0.1", port=listener.getsockname()[1], pin=pin, secret="s" * 9)
        thread.join(5)


@pytest.mark.parametrize(
    "body",
    [b"", b"x", b"[]", b"{}", b'{"error": 1}', b'{"error": {}}', b'{"name": "n"}', b"[" * 5000],
)
def test_an_answer_that_no_aios_gives_is_an_error_in_one_line_and_changes_nothing(
    short_path: Path, body: bytes
) -> None:
    settings = load(environment_in(short_path))
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)

    with _answering(short_path / "server", head + body) as token, pytest.raises(StackError) as refused:
        join_by_token(settings, write_token(token))

    assert len(str(refused.value).splitlines()) == 1
    assert not settings.cluster_file.exists()
