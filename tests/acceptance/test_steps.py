"""Steps in real sessions: built at the prompt, run, ended, and from task files in fresh worktrees."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from aios_app.domain.models import Job, JobState
from tests.acceptance.stack import Stack
from tests.conftest import CHECKOUT

_MARK = "\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT}"

pytestmark = pytest.mark.timeout(60)

#: Types each of its words as a line at the prompt, in one process as the dashboard is one.
_PROMPT = """
import json, sys
from dataclasses import asdict
from aios_app.cli.prompt_line import run_line
for line in sys.argv[1:]:
    print(json.dumps(asdict(run_line(line, __import__("os").getcwd()))))
"""


def typed(stack: Stack, cwd: Path, *lines: str) -> list[dict[str, Any]]:
    """What came of these lines at the prompt of a dashboard in that directory."""
    done = subprocess.run(
        [sys.executable, "-c", _PROMPT, *lines],
        cwd=cwd,
        env=stack.environment | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def folder(stack: Stack, name: str) -> Path:
    """A directory that is no repository."""
    path = stack.root / name
    path.mkdir()
    return path


def newest(stack: Stack) -> int:
    """The number of the run that was started last."""
    return stack.ledger.run_numbers()[0]


def ran(stack: Stack, cwd: Path, *lines: str) -> Job:
    """The job of the run that the last line starts, once it is over."""
    typed(stack, cwd, *lines)
    return stack.until_over(newest(stack))[0]


def test_a_list_is_built_run_and_ends_with_its_progress(stack: Stack) -> None:
    here = folder(stack, "plain")

    job = ran(
        stack,
        here,
        "plain: Go in | mkdir sub && cd sub; x='a  b'",
        'plain: Write | echo "$x | ${PWD##*/}" > ../out; test -t 0',
        "run plain",
    )

    assert (job.state, job.cause, job.progress) == (JobState.REVIEW, "", "2/2 done")
    assert (here / "out").read_text() == "a  b | sub\n"
    assert (job.name.startswith("aios-plain-"), job.worktree) == (True, str(here))
    assert "--- 2/2: Write" in stack.ok("logs", "plain")
    assert f"#{job.number}" in stack.ok("jobs")


@pytest.mark.parametrize(
    ("name", "step", "cause"),
    [
        ("missing", "no-such-program", 'step 2 "Bad" exited 127 (command not found)'),
        ("exits", "exit 0", 'step 2 "Bad" ended the shell, so 1 further step did not run'),
        ("killed", "kill -9 $$", 'step 2 "Bad" ended by SIGKILL'),
    ],
)
def test_the_step_that_ends_the_job_is_named_and_no_further_one_runs(
    stack: Stack, name: str, step: str, cause: str
) -> None:
    here = folder(stack, name)

    job = ran(
        stack,
        here,
        f"{name}: Good | true",
        f"{name}: Bad | {step}",
        f"{name}: Never | touch ran",
        f"run {name}",
    )

    assert (job.state, job.cause, job.progress) == (JobState.FAILED, cause, "2/3: Bad")
    assert not (here / "ran").exists()
    assert cause in stack.ok("jobs", f"r{job.run}")


def test_a_step_that_never_ends_holds_no_worker_and_is_stopped(stack: Stack) -> None:
    here = folder(stack, "endless")
    typed(stack, here, "endless: For ever | echo here; cat", "run endless")
    run = newest(stack)
    [job] = stack.until(run, lambda jobs: jobs[0].progress == "1/1: For ever")

    other = ran(stack, here, "beside: One | true", "run beside")
    shown = stack.ok("jobs", f"r{run}")
    stack.ok("stop", "endless")
    [job] = stack.until_over(run)

    assert other.state is JobState.REVIEW
    assert "step: 1/1: For ever" in shown
    assert (job.state, stack.processes("AIOS_ATTEMPT", job.attempt)) == (JobState.STOPPED, [])


def test_a_shell_that_is_killed_with_its_terminal_is_lost_at_its_step(stack: Stack) -> None:
    here = folder(stack, "torn")
    typed(stack, here, "torn: One | true", "torn: Two | cat", "run torn")
    [job] = stack.until(newest(stack), lambda jobs: jobs[0].progress == "2/2: Two")
    [session] = stack.sessions([job])

    os.kill(session.pane_pid, signal.SIGKILL)
    [job] = stack.until_over(job.run)

    assert (job.state, job.cause) == (JobState.FAILED, "session lost at 2/2: Two")
    assert f"aios retry {job.number}" in stack.run("resume", "--all").stderr


@pytest.mark.long
def test_a_job_that_failed_begins_anew_with_its_first_step(stack: Stack) -> None:
    here = folder(stack, "again")
    first = ran(stack, here, "again: Count | echo x >> out", "again: Check | test -f ok", "run again")
    (here / "ok").touch()

    stack.ok("retry", "again")
    [job] = stack.until_all(first.run, JobState.REVIEW)

    assert first.cause == 'step 2 "Check" exited 1'
    assert (job.progress, (here / "out").read_text()) == ("2/2 done", "x\nx\n")


@pytest.mark.long
def test_the_steps_of_a_job_are_those_that_it_was_started_with(stack: Stack) -> None:
    here = folder(stack, "fixed")
    typed(stack, here, "fixed: Wait | read line", "fixed: Then | echo $line > out", "run fixed")
    run = newest(stack)
    [job] = stack.until(run, lambda jobs: jobs[0].progress == "1/2: Wait")

    typed(stack, here, "clear fixed", "fixed: Other | touch other")
    stack.type(job, "on")
    [job] = stack.until_over(run)

    assert (job.state, (here / "out").read_text()) == (JobState.REVIEW, "on\n")
    assert not (here / "other").exists()


@pytest.mark.long
def test_steps_go_on_while_the_worker_is_dead_and_are_known_when_it_is_back(stack: Stack) -> None:
    here = folder(stack, "orphan")
    typed(stack, here, "orphan: Wait | read line", "orphan: Bad | exit 3", "orphan: No | true", "run orphan")
    run = newest(stack)
    [job] = stack.until(run, lambda jobs: jobs[0].progress == "1/3: Wait")

    psutil.Process(int(json.loads(stack.ok("status", "--json"))["worker"]["pid"])).kill()
    stack.type(job, "on")
    [job] = stack.until_over(run)

    assert (job.state, job.cause, job.attempt_no) == (JobState.FAILED, 'step 2 "Bad" exited 3', 1)


@pytest.mark.long
def test_two_dashboards_build_one_list_and_each_sees_all_of_it(stack: Stack) -> None:
    left, right = folder(stack, "left"), folder(stack, "right")
    typed(stack, left, "both: One | echo 1")
    typed(stack, right, "both: Two | echo 2 > two")

    [menu] = typed(stack, right, "menu")
    job = ran(stack, right, "run both")

    assert "run both" in menu["says"]
    assert f"2 steps in {left}" in menu["says"]
    assert (job.progress, (left / "two").read_text()) == ("2/2 done", "2\n")


@pytest.mark.long
def test_what_a_name_and_a_step_hold_is_never_shell_text_of_ours(stack: Stack) -> None:
    here = folder(stack, "hostile")
    name = "it's $(touch HACK) `touch HACK` \"日本"
    text = "日本 $(no) `no` \\ | : " + "w" * 10_000

    job = ran(stack, here, f"{name}: $(touch HACK) | printf '%s' '{text}' > out", f"run {name}")

    assert (job.state, job.title) == (JobState.REVIEW, name)
    assert (here / "out").read_text() == text
    assert [path.name for path in here.iterdir()] == ["out"]
    assert stack.ok("wait", name).startswith(f"#{job.number} review")


@pytest.mark.long
def test_attach_opens_the_browser_or_says_the_address_and_attaches_here(stack: Stack) -> None:
    here = folder(stack, "seen")
    shown = stack.root / "shown"
    browser = stack.script("browser", f'#!/bin/sh\nprintf %s "$1" > {shown}.new; mv {shown}.new {shown}\n')
    typed(stack, here, "seen: Look | cat", "run seen")
    number = str(stack.until(newest(stack), lambda jobs: jobs[0].is_open)[0].number)

    [without] = typed(stack, here, "attach seen")
    stack.environment |= {"DISPLAY": ":9", "BROWSER": str(browser)}
    [with_browser] = typed(stack, here, "attach seen")
    for name in ("DISPLAY", "BROWSER"):
        del stack.environment[name]
    stack.ok("stop", "seen")

    assert (without["says"].startswith("http://127.0.0.1:"), without["words"]) == (True, ["attach", number])
    assert (with_browser["says"], with_browser["words"]) == ("the terminal of seen is in your browser", [])


@pytest.mark.long
def test_a_line_is_a_step_or_a_command_and_what_stands_before_is_no_part_of_it(stack: Stack) -> None:
    here = folder(stack, "before")

    built, close, spaced, words, agent, wrong = typed(
        stack,
        here,
        f"{_MARK} before: One | true",
        "before:Two|true",
        "two words: One | true",
        "aios jobs -r",
        'd "fix: the pipe | of it"',
        'mlti d:2 "a | b"',
    )

    assert built["says"] == "before: step 1 is One   run before"
    assert close["says"] == "before: step 2 is Two   run before"
    assert spaced["says"] == "two words: step 1 is One   run two words"
    assert (words["words"], agent["words"]) == (["jobs", "-r"], ["d", "fix: the pipe | of it"])
    assert wrong["words"] == ["mlti", "d:2", "a | b"]


@pytest.mark.long
def test_aios_run_attaches_to_the_job_on_a_terminal(stack: Stack) -> None:
    here = folder(stack, "attached")
    typed(stack, here, "attached: Ask | printf 'now? '; read line; echo $line > out; read end")

    with stack.terminal("run", "attached", cwd=stack.root) as terminal:
        terminal.read_until("now? ")
        terminal.type("yes\n\n")
        [job] = stack.until_over(newest(stack))

    assert (job.state, (here / "out").read_text()) == (JobState.REVIEW, "yes\n")


@pytest.mark.long
def test_open_runs_the_persons_editor_in_the_directory_of_the_list(stack: Stack) -> None:
    here = folder(stack, "opened")
    stack.ok("config", "editor_command", "env --new 'two words' .")

    [_, opened] = typed(stack, here, "opened: One | true", "open opened")

    assert (opened["argv"], opened["cwd"]) == (["env", "--new", "two words", "."], str(here))


def test_a_task_file_runs_in_a_fresh_worktree_with_its_values_as_data(stack: Stack) -> None:
    shop = stack.project("shop")
    write_task(
        shop,
        "deploy",
        repo="..",
        variables={"env": None, "note": "it's; touch HACK"},
        steps=[
            {
                "desc": "Say {{env}}",
                "cmd": 'echo {{env}} "{{note}}" > out; git rev-parse --show-toplevel > top',
            }
        ],
    )

    shown = stack.ok("run", "deploy", "--var", "env=$(touch HACK)", "--dry-run", cwd=shop)
    stack.ok("run", "deploy", "--var", "env=$(touch HACK)", cwd=shop)
    [job] = stack.until_over(newest(stack))

    assert "echo '$(touch HACK)' \"it's; touch HACK\" > out" in shown
    assert (job.state, job.cause, job.is_in_place, job.base_ref) == (
        JobState.REVIEW,
        "",
        False,
        "origin/main",
    )
    assert (Path(job.worktree) / "out").read_text() == "$(touch HACK) it's; touch HACK\n"
    assert Path((Path(job.worktree) / "top").read_text().strip()) == Path(job.worktree)
    assert not any(Path(place, "HACK").exists() for place in (shop, job.worktree))
    assert stack.ok("diff", "Deploy", "--stat").count("\n") >= 2


def test_what_is_wrong_with_a_task_is_one_line_and_nothing_runs(stack: Stack) -> None:
    here = folder(stack, "broken")
    step = {"desc": "a", "cmd": "echo {{env}}"}
    write_task(here, "norepo", repo="nowhere", steps=[{"desc": "a", "cmd": "b"}])
    write_task(here, "wants", steps=[step])
    (here / "tasks" / "bad.json").write_text('{"name": "x",\n  "stepz": []}')
    runs = stack.ledger.run_numbers()

    for words, code, said in (
        (("norepo",), 2, "tasks/norepo.json:3:10: there is no project 'nowhere'"),
        (("bad",), 2, "tasks/bad.json:2:3: a task has no 'stepz': did you mean steps?"),
        (("tasks/bad.json",), 2, "tasks/bad.json:2:3:"),
        (("tasks/no.json",), 2, "tasks/no.json: No such file"),
        (("qq",), 2, "there are no steps 'qq': none were built so, and there is no tasks/qq.json"),
        (("wnats",), 2, "there are no steps 'wnats': did you mean wants?"),
        (("wants",), 3, "tasks/wants.json:4:3: no value for env: --var env=VALUE"),
        (("wants", "--var", "envy=1"), 2, "no step uses a variable 'envy': did you mean env?"),
        (("wants", "--var", "env"), 2, "--var env says no value"),
        (("wants", "--var", "env=a\x1bb"), 2, "control characters"),
    ):
        done = stack.run("run", *words, cwd=here)

        assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
        assert said in done.stderr, (words, done.stderr)
    assert stack.ledger.run_numbers() == runs


def test_on_a_terminal_missing_values_are_asked_for_and_the_steps_shown_before_they_run(stack: Stack) -> None:
    here = folder(stack, "asked")
    write_task(here, "greet", steps=[{"desc": "Greet", "cmd": "echo hello {{who}} > out"}])
    runs = stack.ledger.run_numbers()

    with stack.terminal("run", "greet", "-d", cwd=here) as terminal:
        terminal.read_until("who:")
        terminal.type("you and me\n")
        shown = terminal.read_until("[Y/n]")
        terminal.type("n\n")
        terminal.read_until("nothing was done")
    assert "echo hello 'you and me' > out" in shown
    assert stack.ledger.run_numbers() == runs

    with stack.terminal("run", "greet", "-d", "--var", "who=all", cwd=here) as terminal:
        terminal.read_until("[Y/n]")
        terminal.type("\n")
        terminal.read_until("next:")
    [job] = stack.until_over(newest(stack))
    assert (job.state, (here / "out").read_text()) == (JobState.REVIEW, "hello all\n")


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_step_that_prints_a_gigabyte_takes_neither_memory_nor_disk(stack: Stack) -> None:
    here = folder(stack, "loud")
    peak = 0
    typed(stack, here, "loud: Print | head -c 1000000000 /dev/zero | tr '\\0' x", "run loud")

    def is_over() -> bool:
        nonlocal peak
        pid = stack.tmux.pid()
        peak = max(peak, psutil.Process(pid).memory_info().rss if pid else 0)
        return stack.jobs(newest(stack))[0].state not in {JobState.PREPARING, JobState.RUNNING}

    stack.await_event(is_over, deadline_s=280)
    [job] = stack.jobs(newest(stack))
    files = (stack.settings.jobs_dir / str(job.number)).rglob("*")

    assert (job.state, job.progress) == (JobState.REVIEW, "1/1 done")
    assert peak < 200 * 2**20
    assert sum(path.stat().st_size for path in files) < 20 * 2**20
    assert len(stack.ok("logs", "loud")) < 3 * 2**20


def write_task(directory: Path, name: str, **fields: Any) -> None:
    """A task file with each of its fields on a line of its own."""
    (directory / "tasks").mkdir(exist_ok=True)
    text = json.dumps({"name": name.title(), **fields}, indent=1)
    (directory / "tasks" / f"{name}.json").write_text(text)
