"""When a look for a newer AIOS is due, who sends it, and that it is made once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from aios_app.domain.errors import ConflictError
from aios_app.services.config import set_setting
from aios_app.services.context import Context
from aios_app.services.fire_timer import fire_due_timers
from aios_app.services.timers import UPDATE
from aios_app.services.update_aios import look_for_update
from aios_app.services.update_check import arm_update_timer, check_for_update, due_in_s, send_when_due
from aios_app.stack.packaged import update_command
from tests.integration.api_fixtures import serving
from tests.integration.git_fixtures import quiet_git
from tests.integration.release_fixtures import Upstream, upstream

__all__ = ["quiet_git", "upstream"]


def _sent(context: Context) -> list[str]:
    """The tasks in this machine's queue."""
    redis = context.ledger._redis
    return [
        str(json.loads(text)["headers"]["task"]) for text in redis.lrange(f"machine.{context.machine}", 0, -1)
    ]


def _look_at(context: Context, ago_s: int, interval: str = "86400") -> None:
    context.catalog.set("auto_update", "on")
    context.catalog.set("check_interval", interval)
    context.catalog.set("last_update_check", str(int(time.time()) - ago_s))


def test_a_look_is_due_once_the_interval_has_passed_and_never_unless_wanted(context: Context) -> None:
    assert due_in_s(context.catalog) is None

    _look_at(context, 86_500)
    assert due_in_s(context.catalog) == 0
    _look_at(context, 86_300)
    assert 98 <= (due_in_s(context.catalog) or 0) <= 100
    # A clock that was in the future when it was noted keeps nobody from looking.
    _look_at(context, -500_000)
    assert due_in_s(context.catalog) == 0
    context.catalog.set("auto_update", "off")
    assert due_in_s(context.catalog) is None


def test_what_is_due_is_sent_to_this_machines_worker(context: Context) -> None:
    _look_at(context, 10)
    assert (send_when_due(context), _sent(context)) == (False, [])

    _look_at(context, 90_000)
    assert (send_when_due(context), _sent(context)) == (True, ["update_check"])


def test_what_people_do_sends_a_look_once_it_is_answered(context: Context) -> None:
    _look_at(context, 90_000)

    with serving(context) as api:
        assert [api("GET /projects").status for _ in range(3)] == [200] * 3

    assert _sent(context) == ["update_check"]


def test_the_worker_looks_by_itself_when_its_timer_comes(context: Context) -> None:
    _look_at(context, 10)
    arm_update_timer(context)
    left_s = fire_due_timers(context)
    assert left_s is not None
    assert 86_380 < left_s <= 86_400

    set_setting(context, key="check_interval", value="5s")

    timer = context.ledger.next_timer(context.machine)
    assert timer is not None
    assert timer[:2] == (UPDATE, "")
    assert fire_due_timers(context) is None
    assert "update_check" in _sent(context)
    set_setting(context, key="auto_update", value="off")
    assert context.ledger.next_timer(context.machine) is None


def test_a_look_is_noted_and_of_two_one_is_made(context: Context) -> None:
    _look_at(context, 90_000)

    first, second = check_for_update(context), check_for_update(context)

    # The code of these tests is installed nowhere, which is said to nobody but who asks.
    assert (first["outcome"], second) == ("failed", {"outcome": "not due"})
    assert "is not installed: git pull there" in first["reason"]
    assert time.time() - int(context.catalog.get("last_update_check")) < 9


def test_releases_that_something_runs_from_stay(upstream: Upstream) -> None:
    upstream.push("two")
    used = upstream.releases.place(upstream.update())
    program = [sys.executable, "-c", "import sys; sys.stdin.read()", f"{used}/hook.sh"]
    with subprocess.Popen(program, stdin=subprocess.PIPE) as process:
        for name in ("three", "four"):
            upstream.push(name)
            upstream.update()
        assert used.exists()
        process.communicate()

    upstream.push("five")
    upstream.update()

    assert not used.exists()


@pytest.mark.parametrize(
    ("prefix", "record", "command"),
    [
        ("/home/a/.venv", "", "/home/a/.venv/bin/python -m pip install --upgrade aios"),
        (
            "/opt/my tools",
            '{"url": "https://example.org/aios.git", "vcs_info": {"vcs": "git"}}',
            "'/opt/my tools/bin/python' -m pip install --upgrade git+https://example.org/aios.git",
        ),
        ("/home/a/.local/share/pipx/venvs/aios", "", "pipx upgrade aios"),
        (
            "/home/a/.local/share/uv/tools/aios",
            '{"url": "file:///tmp/a b.whl", "archive_info": {}}',
            "uv tool install --force 'file:///tmp/a b.whl'",
        ),
        ("/usr", "no json", "/usr/bin/python -m pip install --upgrade aios"),
    ],
)
def test_a_package_is_updated_in_the_words_of_what_installed_it(
    prefix: str, record: str, command: str
) -> None:
    assert update_command(prefix, record) == command


def test_of_a_package_nothing_is_fetched_and_the_command_is_said(upstream: Upstream, tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match=r"installed as a package: .* install --upgrade"):
        look_for_update(replace(upstream.place, running=tmp_path))

    assert not upstream.releases.source.exists()
