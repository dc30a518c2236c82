from __future__ import annotations

import socket
from pathlib import Path

import pytest

from aios_app.cli.machine_words import cluster_words, mark_unreachable, unreachable
from aios_app.domain.errors import MachineRemoved, StackError, UsageError
from aios_app.domain.machines import Machine
from aios_app.domain.placing import by_room
from aios_app.services.admit_machine import free_name
from aios_app.settings import RELAY_PORT, load
from aios_app.stack.certificates import fingerprint, make_authority, make_certificate
from aios_app.stack.cluster import (
    check_not_removed,
    is_as_wanted,
    listen_at,
    note_removed,
    parse_place,
    read_cluster,
    write_authority,
    write_cluster,
)

_HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("place", "parsed"),
    [
        ("10.0.0.5", ("10.0.0.5", RELAY_PORT)),
        ("10.0.0.5:7000", ("10.0.0.5", 7000)),
        ("pi.local:7000", ("pi.local", 7000)),
        ("fe80::1", ("fe80::1", RELAY_PORT)),
        ("[fe80::1]:7000", ("fe80::1", 7000)),
    ],
)
def test_an_address_may_have_a_port(place: str, parsed: tuple[str, int]) -> None:
    assert parse_place(place) == parsed


@pytest.mark.parametrize(
    "place", ["", "::", "*", "0.0" + ".0.0", "a b", "10.0.0.5:0", "10.0.0.5:70000", "$(x)", "h:"]
)
def test_what_others_cannot_go_to_is_refused(place: str) -> None:
    with pytest.raises(UsageError):
        parse_place(place)


def _environment(folder: Path) -> dict[str, str]:
    return {"HOME": str(folder), "AIOS_DATA_DIR": str(folder)}


def test_a_founder_says_where_it_is_found_and_its_server_has_a_password(tmp_path: Path) -> None:
    before = load(_environment(tmp_path))
    listen_at(before, "10.0.0.5:7000")
    settings = load(_environment(tmp_path))

    assert (settings.listen, settings.relay_port, settings.is_member) == ("10.0.0.5", 7000, False)
    assert len(settings.redis_password) > 30
    assert settings.redis_password not in (settings.cluster_dir / "users.acl").read_text()
    assert {path.stat().st_mode & 0o077 for path in settings.cluster_dir.iterdir()} == {0}
    assert is_as_wanted(settings, "10.0.0.5:7000")
    assert not is_as_wanted(settings, "off")


def test_a_port_that_another_program_has_is_refused_and_nothing_is_changed(tmp_path: Path) -> None:
    settings = load(_environment(tmp_path))

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=f"127.0.0.1 port {port}: Address already in use"):
            listen_at(settings, f"127.0.0.1:{port}")

    assert not settings.cluster_file.exists()
    assert not settings.redis_password


def test_a_closed_founder_keeps_its_password_and_its_members_their_keys(tmp_path: Path) -> None:
    listen_at(load(_environment(tmp_path)), "10.0.0.5")
    password = load(_environment(tmp_path)).redis_password
    listen_at(load(_environment(tmp_path)), "off")

    assert not load(_environment(tmp_path)).cluster_file.exists()
    assert load(_environment(tmp_path)).redis_password == password


def test_a_member_knows_its_redis_by_the_authority_of_the_cluster(tmp_path: Path) -> None:
    settings = load(_environment(tmp_path))
    write_authority(settings, "a certificate")
    write_cluster(settings, {"redis_url": "rediss://m:p@h:7680/0", "listen": "10.0.0.6"})
    settings = load(_environment(tmp_path) | {"AIOS_REDIS_URL": "redis://elsewhere"})

    assert settings.is_member
    assert str(settings.redis_url).startswith("rediss://m:p@h:7680/0?ssl_cert_reqs=required")
    assert settings.cluster_file.stat().st_mode & 0o077 == 0
    assert "AIOS_REDIS_URL" not in settings.environment()
    assert load(_environment(tmp_path) | {"AIOS_LISTEN": "pi"}).listen == "pi"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"relay_port": "x"}', "\0"])
def test_a_broken_cluster_file_makes_no_member(tmp_path: Path, text: str) -> None:
    (tmp_path / "cluster.json").write_text(text)

    assert not load(_environment(tmp_path)).is_member
    assert load(_environment(tmp_path)).relay_port == RELAY_PORT


def test_a_removed_machine_stays_told_until_it_joins_again(tmp_path: Path) -> None:
    write_cluster(load(_environment(tmp_path)), {"redis_url": "redis://h"})
    settings = load(_environment(tmp_path))
    check_not_removed(settings)
    note_removed(settings)

    with pytest.raises(MachineRemoved, match="joins anew"):
        check_not_removed(settings)
    assert read_cluster(settings)["redis_url"] == "redis://h"


def test_what_ran_before_a_machine_joined_anew_does_not_put_it_out_again(tmp_path: Path) -> None:
    write_cluster(load(_environment(tmp_path)), {"redis_url": "rediss://machine:before@h/0"})
    write_authority(load(_environment(tmp_path)), "pem")
    before = load(_environment(tmp_path))
    write_cluster(before, {"redis_url": "rediss://machine:after@h/0"})

    note_removed(before)
    check_not_removed(before)

    note_removed(load(_environment(tmp_path)))
    with pytest.raises(MachineRemoved):
        check_not_removed(before)


def test_certificates_are_kept_and_made_anew_for_other_names(tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "a", "cluster")
    first = make_certificate(tmp_path / "s", ["10.0.0.5"], authority)[0].read_text()

    assert make_certificate(tmp_path / "s", ["10.0.0.5"], authority)[0].read_text() == first
    assert make_certificate(tmp_path / "s", ["pi.local"], authority)[0].read_text() != first
    assert make_authority(tmp_path / "a", "cluster") == authority
    assert len(fingerprint(authority.certificate.read_text())) == 64
    assert {path.stat().st_mode & 0o077 for path in tmp_path.glob("*/*")} == {0}


def test_each_machine_has_a_name_of_its_own() -> None:
    assert free_name("pi", []) == "pi"
    assert free_name("pi", ["pi", "pi-2"]) == "pi-3"
    assert free_name(" \n ", []) == "machine"
    assert free_name("two\nlines " + "x" * 100, []).startswith("two lines x")


def test_jobs_of_a_machine_that_does_not_answer_say_since_when() -> None:
    answer = {
        "now_ms": 10 * _HOUR_MS,
        "machines": [
            {"id": "a", "name": "pi", "unreachable_ms": 9 * _HOUR_MS},
            {"id": "b", "name": "vm", "unreachable_ms": 0},
        ],
        "jobs": [
            {"machine": "a", "state": "running"},
            {"machine": "a", "state": "landed"},
            {"machine": "b", "state": "running"},
        ],
    }
    mark_unreachable(answer)

    away = [job.get("away", "") for job in answer["jobs"]]  # type: ignore[attr-defined]
    assert away[0].startswith("pi is unreachable since ")
    assert away[1:] == ["", ""]


def test_the_time_is_right_whatever_this_machine_s_clock_says() -> None:
    hour_ago = unreachable(1_000_000_000_000, 1_000_000_000_000 + _HOUR_MS)

    assert hour_ago == unreachable(2_000_000_000_000, 2_000_000_000_000 + _HOUR_MS)
    assert unreachable(1, 5) == "unreachable"


def test_status_says_what_a_machine_is() -> None:
    alone = {"is_member": False, "owner": "vm", "machines": 1, "listen": "", "relay_port": 0}
    founder = alone | {"listen": "10.0.0.5", "relay_port": 7680, "is_relay_up": False, "expires_ms": 0}

    assert cluster_words({}) == cluster_words({"cluster": alone}) == ""
    assert "the relay is down" in cluster_words({"cluster": founder})
    member = alone | {"is_member": True, "machines": 2}
    assert cluster_words({"cluster": member}) == "member of the cluster of vm, 2 machines: aios machines"


def test_jobs_are_offered_first_where_there_is_most_room_then_least_load_then_most_memory() -> None:
    def machine(name: str, *, slots: int = 0, **facts: float) -> Machine:
        return Machine(id=name, name=name, max_agents=4, slots=slots, facts=facts)

    asked = by_room(
        [
            machine("fuller", slots=1, load=0, cores=1, available_bytes=1 << 40),
            machine("busier", load=6, cores=4, available_bytes=1 << 40),
            machine("smaller", load=8, cores=8, available_bytes=1 << 30),
            machine("larger", load=4, cores=4, available_bytes=1 << 35),
        ]
    )

    assert [one.name for one in asked] == ["larger", "smaller", "busier", "fuller"]
