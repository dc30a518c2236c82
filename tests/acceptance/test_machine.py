"""A machine on which something is missing, or a server does not answer."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from aios_app.domain.models import JobState
from tests.acceptance.stack import QUICK, Stack

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def bare() -> Iterator[Stack]:
    """An instance that is not up, with one project and a PATH of its own."""
    root = Path(tempfile.mkdtemp(prefix="aios-a-", dir="/tmp"))
    built = Stack(root)
    programs = root / "bin"
    programs.mkdir()
    for folder in built.environment["PATH"].split(":"):
        for program in Path(folder).glob("*"):
            if not (programs / program.name).is_symlink():
                (programs / program.name).symlink_to(program)
    built.environment["PATH"] = str(programs)
    built.projects("shop", 1)
    try:
        yield built
    finally:
        built.close()
        shutil.rmtree(root, ignore_errors=True)


def test_without_tmux_or_with_an_old_one_jobs_fail_in_one_clear_line_and_go_on_once_it_is_there(
    bare: Stack,
) -> None:
    tmux = bare.root / "bin" / "tmux"
    real = tmux.readlink()
    tmux.unlink()
    missing = bare.run("all", "d:1", QUICK, "--wait")
    bare.script("bin/tmux", "#!/bin/sh\necho tmux 2.9\n")
    old = bare.run("all", "d:1", QUICK, "--wait")
    tmux.unlink()
    tmux.symlink_to(real)

    bare.ok("retry", "r1")

    assert (missing.returncode, old.returncode) == (1, 1)
    assert "tmux is not installed: apt-get install tmux" in missing.stdout
    assert "tmux 2.9 is too old, 3.2 is needed: apt-get install tmux" in old.stdout
    assert [job.state for job in bare.until_over(1)] == [JobState.REVIEW]


@pytest.mark.long
def test_down_leaves_no_tmux_server_without_sessions_and_one_with_agents_alone(bare: Stack) -> None:
    [job] = bare.until_all(bare.start("multi", "shop-0", "d:1", QUICK), JobState.REVIEW)

    bare.ok("down")
    with_agent = bare.tmux.find(job.name)
    bare.ok("stop", str(job.number))
    bare.ok("down")

    assert with_agent is not None
    assert not bare.tmux.is_alive()


def test_a_redis_that_does_not_answer_is_one_clear_line_at_once(bare: Stack) -> None:
    bare.environment["AIOS_REDIS_URL"] = "redis://person:secret@127.0.0.1:1/3"

    refused = bare.run("all", "d:1", "x")
    reading = bare.run("jobs")

    assert refused.returncode == 4
    assert refused.stderr.startswith("Redis does not answer at redis://127.0.0.1:1/3")
    assert len(refused.stderr.splitlines()) == 1
    assert "secret" not in refused.stderr
    assert not bare.settings.worktrees_dir.exists()
    assert reading.returncode == 0
    assert "the stack is down" in reading.stderr


def test_a_remote_that_hangs_or_is_gone_holds_a_job_no_longer_than_the_limit(bare: Stack) -> None:
    [shop] = (bare.root / "code").iterdir()
    bare.git(shop, "remote", "set-url", "origin", str(bare.root / "nowhere"))
    [slow] = bare.projects("slow", 1)[0:1]
    bare.git(slow, "remote", "set-url", "origin", f"ext::sh {bare.script('hang', 'sleep 60')}")
    bare.git(slow, "config", "protocol.ext.allow", "always")
    bare.ok("config", "fetch_timeout", "1s")

    done = bare.run("all", "d:1", QUICK, "--wait")

    assert done.returncode == 0, done.stdout
    gone, hanging = bare.jobs(1)
    assert (gone.state, hanging.state) == (JobState.REVIEW, JobState.REVIEW)
    assert (gone.base_ref, hanging.base_ref) == ("origin/main", "origin/main")
    assert "nowhere" in gone.note
    assert "1 s" in hanging.note
    assert gone.note.count("\n") == hanging.note.count("\n") == 0
