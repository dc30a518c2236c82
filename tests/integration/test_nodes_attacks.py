"""Nodes against strangers, and a machine against nodes that are not what they seem."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aios_app.domain.models import Job
from aios_app.stack.certificates import make_certificate
from aios_app.stack.waiting import tries
from tests.integration.cluster_fixtures import LISTEN, Cluster, cluster, open_cluster, trusting
from tests.integration.web_fixtures import WAIT_S, Browser, Site
from web import door, node_door, nodes
from web.door import Close

__all__ = ["cluster"]

Talk = Callable[[ssl.SSLSocket], None]


@contextmanager
def pretending(cluster: Cluster, directory: Path, talk: Talk) -> Iterator[None]:
    """The ledger takes a server that answers each connection by ``talk`` for the far node."""
    certificate, key = make_certificate(directory, [LISTEN])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with contextlib.suppress(OSError), tls.wrap_socket(connection, server_side=True) as taken:
                    talk(taken)

    with socket.create_server((LISTEN, 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        port = listener.getsockname()[1]
        with registered(cluster, port=port, certificate=certificate.read_text()):
            yield
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@contextmanager
def registered(cluster: Cluster, **values: str | int) -> Iterator[None]:
    """The ledger says this of the far machine until the block ends."""
    _, port, certificate = cluster.known_as(cluster.far)
    cluster.register(cluster.far, **values)
    try:
        yield
    finally:
        cluster.register(cluster.far, port=port, certificate=certificate)


def answering(body: bytes, status: str = "200 OK") -> Talk:
    """Answers one request with this."""

    def talk(connection: ssl.SSLSocket) -> None:
        with connection.makefile("rb") as request:
            lines = list(iter(request.readline, b"\r\n"))
            sizes = [line.split(b":")[1] for line in lines if line.lower().startswith(b"content-length")]
            request.read(int(sizes[0]) if sizes else 0)
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body)

    return talk


def send_to_both(cluster: Cluster, here: Job, there: Job) -> list[tuple[int, bool, str]]:
    """What came of a word to a job of each machine."""
    refs = [str(there.number), str(here.number)]
    answer = cluster.near.api("POST /jobs/send", {"refs": refs, "cwd": "/", "text": "true"})
    assert answer.status == 200
    return [(one["job"]["number"], one["is_delivered"], one["message"]) for one in answer["results"]]


@pytest.mark.parametrize("authorization", [None, "Bearer ", "Bearer wrong", "Basic d3Jvbmc6", "Bearer \xe9"])
@pytest.mark.parametrize("path", ["/api/v1/status", "/attach/x", "/nothing", "/"])
def test_who_does_not_show_the_secret_of_the_cluster_gets_nothing(
    cluster: Cluster, path: str, authorization: str | None
) -> None:
    stranger = cluster.stranger()

    answer = stranger.get(path, {"Authorization": authorization})

    assert answer.status == 401
    assert "only machines of this cluster" in answer.json["error"]["message"]


def test_a_terminal_is_not_opened_without_the_secret_nor_is_anything_typed(cluster: Cluster) -> None:
    job = cluster.far.shell()
    stranger = cluster.stranger()

    assert stranger.connect(f"/attach/{job.name}").refused_with == 401
    assert cluster.far.clients(job) == []


def test_a_machine_that_was_removed_has_no_key_any_more(cluster: Cluster) -> None:
    registry = cluster.near.context.ledger.registry
    bearer = {"Authorization": f"Bearer {registry.node_secret()}"}
    stranger = cluster.stranger()
    assert stranger.get("/api/v1/status", bearer).status == 200

    registry.remove("a-machine-that-was-here")

    assert stranger.get("/api/v1/status", bearer).status == 401


def test_tickets_and_links_for_browsers_are_not_given_to_other_machines(cluster: Cluster) -> None:
    bearer = {"Authorization": f"Bearer {cluster.near.context.ledger.registry.node_secret()}"}

    answer = cluster.stranger().post("/api/v1/web/ticket", {"path": "/"}, bearer)

    assert answer.status == 404


@pytest.mark.long
def test_who_says_nothing_or_half_of_it_is_cut_off(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "_IDLE_S", 0.4)
    halves = (b"", b"GET / HTTP/1.1\r\nHost", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")

    with open_cluster(short_path) as opened:
        address, port, certificate = opened.known_as(opened.far)
        with socket.create_connection((address, port), WAIT_S) as silent:
            assert silent.recv(1) == b""
        for half in halves:
            tcp = socket.create_connection((address, port), WAIT_S)
            with trusting(certificate).wrap_socket(tcp) as tls:
                tls.sendall(half)
                assert tls.recv(1) == b""


def test_nobody_takes_all_connections_of_a_node(cluster: Cluster) -> None:
    address, port, certificate = cluster.known_as(cluster.far)
    here = ("127.0.0.9", 0)

    with contextlib.ExitStack() as opened:
        for _ in range(door.MAX_OF_ONE):
            opened.enter_context(socket.create_connection((address, port), WAIT_S, here))
        refused = opened.enter_context(socket.create_connection((address, port), WAIT_S, here))
        assert refused.recv(1) == b""
        assert cluster.stranger().get("/api/v1/status").status == 401

    assert any(_is_taken(address, port, certificate, here) for _ in tries(WAIT_S))  # those that went are gone


def _is_taken(address: str, port: int, certificate: str, here: tuple[str, int]) -> bool:
    with socket.create_connection((address, port), WAIT_S, here) as tcp, contextlib.suppress(OSError):
        trusting(certificate).wrap_socket(tcp).close()
        return True
    return False


def test_a_terminal_that_a_removed_machine_has_open_ends(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_door, "_PING_S", 0.2)

    with open_cluster(short_path) as opened:
        job = opened.far.shell()
        registry = opened.near.context.ledger.registry
        bearer = {"Authorization": f"Bearer {registry.node_secret()}", "Origin": None}
        with opened.stranger().socket(f"/attach/{job.name}", bearer) as terminal:
            terminal.type("echo $((6*7))x\n")
            terminal.until("42x")
            registry.remove("a-machine-that-was-here")
            assert terminal.until_closed().code == Close.GOING_AWAY


def test_a_node_with_another_certificate_is_told_nothing_and_the_others_go_on(
    cluster: Cluster, tmp_path: Path
) -> None:
    here, there = cluster.near.shell(), cluster.far.shell()
    other, _ = make_certificate(tmp_path, [LISTEN])

    with registered(cluster, certificate=other.read_text()):
        far, near = send_to_both(cluster, here, there)

    assert near[:2] == (here.number, True)
    assert far == (
        there.number,
        False,
        "not delivered: far shows another certificate than it has registered: aios machines",
    )


def test_a_node_that_nobody_answers_at_is_named_and_the_others_go_on(cluster: Cluster) -> None:
    here, there = cluster.near.shell(), cluster.far.shell()
    with socket.create_server((LISTEN, 0)) as free:
        port = free.getsockname()[1]

    with registered(cluster, port=port):
        far, near = send_to_both(cluster, here, there)
        log = cluster.near.api(f"GET /jobs/{there.number}/log")
        listed = cluster.near.api("GET /sessions")

    assert near[1]
    assert far[2] == "not delivered: far does not answer: Connection refused"
    assert (log.status, log["error"]["type"]) == (502, "MachineAway")
    assert listed["problems"] == ["far does not answer: Connection refused"]
    assert here.number in {one["job"] for one in listed["sessions"]}


@pytest.mark.long
def test_a_node_that_takes_connections_and_is_silent_keeps_nobody_waiting(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "CONNECT_S", 0.5)
    here, there = cluster.near.shell(), cluster.far.shell()

    with socket.create_server((LISTEN, 0)) as silent, registered(cluster, port=silent.getsockname()[1]):
        far, near = send_to_both(cluster, here, there)
        with cluster.near.browser().socket(f"/attach/{there.name}") as terminal:
            closed = terminal.until_closed()

    assert near[1]
    assert far[2] == "not delivered: far does not answer: nothing came in time"
    assert (closed.code, closed.reason) == (Close.MACHINE_AWAY, "far does not answer: nothing came in time")


@pytest.mark.parametrize(
    "talk",
    [
        answering(b"no JSON"),
        answering(b"[]"),
        answering(b'{"v": 1}'),
        answering(b'{"v": 1, "results": [17]}'),
        answering(b'{"v": 1, "results": [{"job": {}, "is_delivered": true, "message": "", "turns": 0}]}'),
        answering(b'{"v": 1, "results": "all"}'),
        answering(b'{"v": 2, "results": []}'),
        answering(b"[" * 100_000),
        answering(b'{"v": 1, "error": {}}', "400 Bad"),
        answering(b'{"v": 1, "error": 5}', "500 Bad"),
        answering(b"", "302 Found\r\nLocation: https://127.0.0.1:1/"),
        answering(b"", "401 Unauthorized"),
        lambda connection: connection.sendall(b"\x00\xff garbage " * 1000),
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000),
        lambda connection: connection.close(),
    ],
)
def test_a_node_that_answers_anything_else_is_one_line_and_breaks_nothing(
    cluster: Cluster, tmp_path: Path, talk: Talk
) -> None:
    job = cluster.far.shell()
    body = {"refs": [str(job.number)], "cwd": "/", "text": "true"}

    with pretending(cluster, tmp_path, talk):
        answer = cluster.near.api("POST /jobs/send", body)

    assert (answer.status, answer["error"]["type"]) == (502, "MachineAway")
    assert answer["error"]["message"].startswith("far ")
    assert "\n" not in answer["error"]["message"]


def test_an_error_of_a_node_cannot_make_a_class_of_its_own(cluster: Cluster, tmp_path: Path) -> None:
    job = cluster.far.shell()
    error = {"kind": "conflict", "type": "__builtins__", "message": "x" * 100_000}

    with pretending(cluster, tmp_path, answering(json.dumps({"v": 1, "error": error}).encode(), "409 No")):
        answer = cluster.near.api(f"GET /jobs/{job.number}/log")

    assert (answer.status, answer["error"]["type"]) == (409, "ConflictError")
    assert len(answer["error"]["message"]) < 3000


def test_no_program_is_taken_from_another_machine(cluster: Cluster, tmp_path: Path) -> None:
    job = cluster.far.shell()
    evil = {"v": 1, "job": job.to_json(), "argv": ["sh", "-c", "echo evil"], "is_resumed": True}

    with pretending(cluster, tmp_path, answering(json.dumps(evil).encode())):
        answer = cluster.near.api(
            "POST /jobs/attach", {"ref": str(job.number), "cwd": "/", "tmux": "", "read_only": False}
        )

    assert answer.status == 200, answer
    assert (answer["argv"], answer["is_resumed"]) == ([], True)


def test_a_request_does_not_go_round_where_the_ledger_is_wrong(cluster: Cluster) -> None:
    job = cluster.far.shell()
    _, port, certificate = cluster.known_as(cluster.near)

    with registered(cluster, port=port, certificate=certificate):
        answer = cluster.near.api(f"GET /jobs/{job.number}/log")
        with cluster.near.browser().socket(f"/attach/{job.name}") as terminal:
            closed = terminal.until_closed()

    assert (answer.status, answer["error"]["type"]) == (502, "MachineAway")
    assert "not on this machine" in answer["error"]["message"]
    assert closed.code == Close.MACHINE_AWAY


def test_a_link_to_look_shows_another_machines_terminal_and_types_nothing(cluster: Cluster) -> None:
    job = cluster.far.shell()
    guest = _guest(cluster.near, job)

    with guest.socket(f"/attach/{job.name}?read_only=0") as terminal:
        hello = terminal.message()["hello"]
        terminal.type("echo $((6*7))x\n")
        with cluster.far.browser().socket(f"/attach/{job.name}") as own:
            own.type("echo $((6*8))x\n")
            own.until("48x")
        seen = terminal.until("48x")

    assert b"42x" not in seen
    assert hello["read_only"]
    assert "path" not in hello["job"]
    assert guest.get(f"/api/v1/jobs/{job.number}/history").status == 200
    assert guest.get(f"/api/v1/jobs/{job.number}/log").status == 403


def test_a_node_lets_nobody_type_who_comes_by_a_link_nor_look_at_another_job(cluster: Cluster) -> None:
    job, other = cluster.far.shell(), cluster.far.shell()
    bearer = {"Authorization": f"Bearer {cluster.near.context.ledger.registry.node_secret()}", "Origin": None}
    node = cluster.stranger()

    with node.socket(f"/attach/{other.name}?link={job.number}", bearer) as wrong:
        assert wrong.until_closed().code == Close.NOTHING_THERE
    with node.socket(f"/attach/{job.name}?link={job.number}&read_only=0", bearer) as terminal:
        assert terminal.message()["hello"]["read_only"]
        terminal.type("touch evil\n")
        with node.socket(f"/attach/{job.name}", bearer) as own:
            own.type("echo $((6*7))x\n")
            own.until("42x")
        assert b"evil" not in terminal.until("42x")


def _guest(site: Site, job: Job) -> Browser:
    url = site.api("POST /web/shares", {"ref": str(job.number), "cwd": "/", "lasts": "1h"})["url"]
    guest = site.browser(is_logged_in=False)
    assert guest.post("/share", {"token": url.partition("#")[2]}).status == 200
    return guest
