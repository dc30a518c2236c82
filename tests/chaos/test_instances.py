"""One data directory is one AIOS, whatever was killed and whoever starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aios_app.domain.models import JobState
from aios_app.stack.guard import EXIT_BUSY
from tests.chaos.fleet import ALL, Fleet

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(90)]


@pytest.mark.parametrize("victims", [("supervisor",), ("supervisor", "worker"), ALL], ids=len)
def test_three_who_start_the_stack_at_once_after_a_kill_start_one(
    fleet: Fleet, victims: tuple[str, ...]
) -> None:
    with fleet.recovery(f"kill -9 of {', '.join(victims)}, aios up three times at once"):
        fleet.kill(*victims)
        started = [fleet.open("up") for _ in range(3)]
        answers = [process.communicate(timeout=60) for process in started]

        assert [process.returncode for process in started] == [0, 0, 0], answers
        fleet.check_one_of_each()


def test_jobs_go_on_without_a_supervisor_and_the_next_one_takes_over(fleet: Fleet) -> None:
    fleet.add("orphans")
    fleet.kill("supervisor")

    run = fleet.start("multi", "orphans", "s:2", "quick")
    jobs = fleet.settle(run, JobState.REVIEW)
    with fleet.recovery("kill -9 of supervisor, a job before aios up"):
        fleet.ok("up")
        fleet.check_one_of_each()

    fleet.check_started_once(jobs)


def test_a_command_that_starts_jobs_brings_a_killed_stack_back(fleet: Fleet) -> None:
    fleet.add("back")
    with fleet.recovery("kill -9 of all, then aios multi"):
        fleet.kill(*ALL)
        run = fleet.start("multi", "back", "s:2", "quick")
        jobs = fleet.settle(run, JobState.REVIEW)

    fleet.check_one_of_each()
    fleet.check_started_once(jobs)


@pytest.mark.parametrize("name", ["worker", "web", "redis"])
def test_a_second_program_of_a_kind_is_refused(fleet: Fleet, name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aios_app.stack.guard", name, "--", "sleep", "60"],
        env=fleet.command()[1],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert (done.returncode, f"{name} runs already" in done.stderr) == (EXIT_BUSY, True), done
    fleet.check_one_of_each()


def test_a_frozen_worker_that_wakes_after_its_death_was_noted_does_no_harm(fleet: Fleet) -> None:
    """Nobody takes the place of a worker that is only frozen: its lock is the proof that it lives."""
    fleet.add("woken")
    with fleet.frozen("worker") as worker:
        run = fleet.start("multi", "woken", "s:2", "quick")
        fleet.ok("up")
        assert fleet.process("worker") == worker

    fleet.check_started_once(fleet.settle(run, JobState.REVIEW))
    assert fleet.process("worker") == worker


def test_a_terminated_supervisor_takes_all_along_and_jobs_go_on_after_up(fleet: Fleet) -> None:
    fleet.add("polite")
    with fleet.closed("polite"):
        run = fleet.start("multi", "polite", "s:2", "hold")
        before = fleet.settle(run, JobState.RUNNING)
        os.kill(fleet.process("supervisor").pid, signal.SIGTERM)
        fleet.eventually(lambda: not (fleet.settings.run_dir / "supervisord.pid").exists())
        with fleet.recovery("SIGTERM of supervisor"):
            fleet.ok("up")
            assert [job.attempt for job in fleet.settle(run, JobState.RUNNING)] == [j.attempt for j in before]
    fleet.check_started_once(fleet.settle(run, JobState.REVIEW))


def test_another_aios_on_the_same_redis_is_refused_and_disturbs_nobody(
    fleet: Fleet, short_path: Path
) -> None:
    fleet.add("undisturbed")
    argv, environment = fleet.command()
    other = environment | {
        "AIOS_DATA_DIR": str(short_path / "data"),
        "AIOS_REDIS_URL": f"unix://{fleet.settings.redis_socket}",
    }
    up, _ = (
        subprocess.run([*argv, word], env=other, capture_output=True, text=True, timeout=40, check=False)
        for word in ("up", "down")
    )

    assert up.returncode != 0
    assert "belongs to another AIOS" in up.stderr, up
    fleet.check_one_of_each()
    run = fleet.start("multi", "undisturbed", "s:2", "quick")
    fleet.check_started_once(fleet.settle(run, JobState.REVIEW))
