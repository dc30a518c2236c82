"""Steps as they are typed at the dashboard, in a real tmux: a shell, a long run, a debugger, two at once."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from aios_app.domain.models import Job, JobState
from aios_app.stack.waiting import tries
from tests.acceptance.dashboard_screen import dashboard
from tests.acceptance.stack import DEADLINE_S, Stack

pytestmark = [pytest.mark.long, pytest.mark.timeout(90)]

_TRAINING = """
import sys
for epoch in range(int(sys.argv[2])):
    print("epoch", epoch, flush=True)
answer = input("save? ")
open("saved", "w").write(answer)
"""
_SERVER = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
open("port", "w").write(f"{sys.argv[1]} {listener.getsockname()[1]}")
listener.accept()
"""


@pytest.fixture(scope="module")
def stack(stack: Stack) -> Stack:
    """The stack of a person whose terminals know python, npm and a browser."""
    return equipped(stack)


def equipped(stack: Stack) -> Stack:
    """Programs that the login shell of the person finds; what the browser is sent to is in ``shown``."""
    home = stack.root / "home"
    (home / "bin").mkdir()
    (home / ".profile").write_text('PATH="$HOME/bin:$PATH"\n')
    shown = stack.root / "shown"
    programs = {
        "python": f'exec {Path(sys.executable).resolve()} "$@"',
        "python3": f'exec {Path(sys.executable).resolve()} "$@"',
        "npm": f'exec {sys.executable} server.py "npm $*"',
        "browser": f'printf %s "$1" > {shown}.new; mv {shown}.new {shown}',
    }
    for name, line in programs.items():
        (home / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
        (home / "bin" / name).chmod(0o755)
    stack.environment |= {"DISPLAY": ":9", "BROWSER": str(home / "bin" / "browser")}
    return stack


@pytest.fixture
def other() -> Iterator[Stack]:
    """A second instance."""
    root = Path(tempfile.mkdtemp(prefix="aios-b-", dir="/tmp"))
    built = Stack(root)
    try:
        built.ok("up")
        yield equipped(built)
    finally:
        built.close()
        shutil.rmtree(root, ignore_errors=True)


def folder(stack: Stack, name: str) -> Path:
    """A directory of the person's."""
    path = stack.root / name
    path.mkdir()
    return path


def typed(stack: Stack, cwd: Path, *lines: str) -> Job:
    """The job that these lines build and run, once it is at its last step and the browser is shown it."""
    shown = stack.root / "shown"
    shown.unlink(missing_ok=True)
    with dashboard(stack, cwd) as screen:
        screen.enters(*lines)
        screen.sees("is in your browser")
        run = stack.ledger.run_numbers()[0]
        steps = len(lines) - 2
        [job] = stack.until(run, lambda jobs: jobs[0].progress.startswith(f"{steps}/{steps}: "))
        screen.sees(job.progress)
        screen.enters("quit")
    assert "/login?ticket=" in appears(shown)
    return job


def appears(path: Path) -> str:
    """What is in the file, once it is there."""
    for _ in tries(DEADLINE_S):
        if path.exists() and (text := path.read_text()):
            return text
    pytest.fail(f"{path} never came")


def until_shows(stack: Stack, job: Job, text: str) -> str:
    """The job's terminal, once it shows that."""
    for _ in tries(DEADLINE_S):
        if text in (screen := stack.tmux.capture(job.name)):
            return screen
    pytest.fail(f"{text!r} was never shown:\n{stack.tmux.capture(job.name)}")


def test_interactive_development_in_an_environment_that_a_step_activated(stack: Stack) -> None:
    here = folder(stack, "development")
    (here / "project").mkdir()

    job = typed(
        stack,
        here,
        "code: Setup | cd project && python3 -m venv venv",
        "code: Activate | source venv/bin/activate",
        "code: Shell | bash",
        "run code",
        "attach code",
    )
    stack.type(job, "python -c 'import sys; print(sys.prefix)' > prefix; exit")
    [job] = stack.until_over(job.run)

    assert (here / "project" / "prefix").read_text().strip() == str(here / "project" / "venv")
    assert (job.state, job.progress, job.worktree) == (JobState.REVIEW, "3/3 done", str(here))
    assert job.name.startswith("aios-code-")


def test_a_long_run_is_watched_and_typed_into(stack: Stack) -> None:
    here = folder(stack, "training")
    (here / "train.py").write_text(_TRAINING)

    job = typed(
        stack, here, "train: Start training | python train.py --epochs 100", "run train", "attach train"
    )
    until_shows(stack, job, "save?")
    stack.type(job, "yes")
    [job] = stack.until_over(job.run)

    assert (job.state, (here / "saved").read_text()) == (JobState.REVIEW, "yes")
    assert "epoch 99" in stack.ok("logs", "train")


def test_debugging_step_by_step(stack: Stack) -> None:
    here = folder(stack, "debugging")
    (here / "script.py").write_text("x = 6\ny = x * 7\nprint(y)\n")

    job = typed(
        stack, here, "debug: Run with debugger | python -m pdb script.py", "run debug", "attach debug"
    )
    until_shows(stack, job, "(Pdb)")
    for command, shown in (("n", "script.py(2)"), ("n", "script.py(3)"), ("p y + 1", "43")):
        stack.type(job, command)
        until_shows(stack, job, shown)
    stack.type(job, "q")
    [job] = stack.until_over(job.run)

    assert (job.state, job.progress) == (JobState.REVIEW, "1/1 done")


def test_two_instances_side_by_side_each_with_its_own(stack: Stack, other: Stack) -> None:
    jobs, ports = {}, {}
    for one, name, line in (
        (stack, "backend", "backend: Start server | python manage.py runserver"),
        (other, "frontend", "frontend: Start dev | npm run dev"),
    ):
        here = folder(one, name)
        for program in ("manage.py", "server.py"):
            (here / program).write_text(_SERVER)
        jobs[name] = typed(one, here, line, f"run {name}", f"attach {name}")
        ports[name] = appears(here / "port").rsplit(" ", 1)

    assert [said for said, _ in ports.values()] == ["runserver", "npm run dev"]
    assert [name for name in ("backend", "frontend") if name in stack.ok("jobs", "-r")] == ["backend"]
    assert [name for name in ("backend", "frontend") if name in other.ok("jobs", "-r")] == ["frontend"]
    for one, job in ((stack, jobs["backend"]), (other, jobs["frontend"])):
        assert one.jobs(job.run)[0].state is JobState.RUNNING
        one.ok("stop", str(job.number))
        one.until_over(job.run)
