"""One agent for a directory: found again, started, given its prompt, attached."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from aios_app.domain.models import Job, JobState
from aios_app.stack.waiting import tries
from tests.acceptance.stack import Stack

pytestmark = pytest.mark.timeout(60)

QUICK = "say hello\ndemo: seconds 0.1"


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Path:
    """A saved project."""
    return stack.project("shop")


def opened(stack: Stack, *words: str, cwd: Path) -> dict[str, Any]:
    """What the command answers, without attaching."""
    answer: dict[str, Any] = json.loads(stack.ok(*words, "--json", cwd=cwd))
    return answer


def job_in(stack: Stack, answer: dict[str, Any], state: JobState) -> Job:
    """The job of the answer, once it is in that state."""
    return stack.until_all(answer["job"]["run"], state)[0]


def folder(stack: Stack, name: str) -> Path:
    """A directory that is no repository."""
    path = stack.root / name
    path.mkdir()
    return path


def test_an_agent_works_in_the_directory_itself_and_is_found_again(stack: Stack) -> None:
    here = folder(stack, "plain")

    first = opened(stack, "d", cwd=here)
    job = job_in(stack, first, JobState.REVIEW)
    second = opened(stack, "demo", cwd=here)

    assert (first["is_new"], second["is_new"]) == (True, False)
    assert second["job"]["number"] == job.number
    assert (job.worktree, job.branch, job.is_in_place) == (str(here), "", True)
    assert stack.sessions([job])[0].path == str(here)
    assert list(here.iterdir()) == []


def test_commands_at_the_same_time_make_one_session(stack: Stack) -> None:
    here = folder(stack, "at-once")

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: opened(stack, "d", cwd=here), range(4)))

    assert len({answer["job"]["number"] for answer in answers}) == 1
    assert [answer["is_new"] for answer in answers].count(True) == 1


def test_a_prompt_starts_the_agent_and_the_next_one_goes_to_the_same(stack: Stack) -> None:
    here = folder(stack, "prompted")

    said = stack.ok("d", "-d", QUICK, cwd=here)
    [run, *_] = stack.ledger.run_numbers()
    [job] = stack.until_all(run, JobState.REVIEW)
    again = opened(stack, "d", "and goodbye\ndemo: seconds 0.1", cwd=here)
    [job] = stack.until(job.run, lambda jobs: jobs[0].turns == 2)

    assert said.splitlines()[0] == "'say hello' is the prompt"
    assert again["delivery"]["is_delivered"], again
    assert (again["is_new"], again["job"]["number"]) == (False, job.number)
    assert "and goodbye" in next(here.glob("greeting-*.md")).read_text()
    assert "say hello" in next(here.glob("greeting-*.md")).read_text()


def test_the_first_line_says_what_a_word_was_taken_for(stack: Stack, shop: Path) -> None:
    elsewhere = folder(stack, "else where")

    project = stack.ok("d", "shop", "--dry-run", cwd=elsewhere)
    directory = stack.ok("d", "./else where", "--dry-run", cwd=stack.root)
    prompt = stack.ok("d", "look at a/b", "--dry-run", cwd=elsewhere)
    always = stack.ok("d", "-p", "shop", "--dry-run", cwd=elsewhere)

    assert project.splitlines()[0] == f"'shop' is project 0: {shop}"
    assert directory.splitlines()[0] == f"'./else where' is the directory {elsewhere}"
    assert prompt.splitlines()[0] == "'look at a/b' is the prompt"
    assert always == f"would start demo in {elsewhere}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("d", "no/where"), "no directory"),
        (("d", "77"), "no project 77"),
        (("d", "fix", "it"), "'fix' is no project"),
        (("dp", "mine"), "uses the default prompt"),
        (("h", "-p", "x"), "htop takes no prompt"),
        (("d", "--base", "main"), "aios d++"),
        (("d", "x", "-p", "y"), "two prompts"),
        (("dd",), "'dd' is not a command"),
    ],
)
def test_what_is_wrong_is_said_and_starts_nothing(stack: Stack, words: tuple[str, ...], said: str) -> None:
    runs = stack.ledger.run_numbers()

    done = stack.run(*words, "-d") if words != ("dd",) else stack.run(*words)

    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert stack.ledger.run_numbers() == runs


def test_two_plus_signs_are_a_new_worktree_each_time(stack: Stack, shop: Path) -> None:
    first, second = (opened(stack, "d++", "shop", QUICK, cwd=stack.root) for _ in range(2))
    job = job_in(stack, first, JobState.REVIEW)

    assert first["job"]["number"] != second["job"]["number"]
    assert job.worktree != str(shop)
    assert stack.git(Path(job.worktree), "branch", "--show-current") == job.branch
    assert "origin/main" in first["base"]
    found = opened(stack, "d", cwd=Path(job.worktree))
    assert (found["is_new"], found["job"]["number"]) == (False, job.number)


def test_the_default_prompt_is_put_into_the_input_or_submitted(stack: Stack) -> None:
    here = folder(stack, "default")
    (stack.root / "own.md").write_text("the default of demo\ndemo: seconds 0.1\n")
    stack.ok("prompt", "d", "--file", str(stack.root / "own.md"))

    draft = opened(stack, "dp", cwd=here)
    job = job_in(stack, draft, JobState.REVIEW)
    screen = stack.tmux.capture(job.name)
    stack.tmux.paste(job.name, "", submit=True)
    [job] = stack.until(job.run, lambda jobs: jobs[0].turns == 1)
    submitted = opened(stack, "dpp", cwd=here)
    [job] = stack.until(job.run, lambda jobs: jobs[0].turns == 2)

    assert draft["delivery"]["message"] == "in its input, not submitted"
    assert "the default of demo" in screen
    assert submitted["delivery"]["is_delivered"]
    assert stack.ok("prompt", "demo") == "the default of demo\ndemo: seconds 0.1\n"


def test_attaching_shows_the_session_outside_inside_its_own_and_inside_another_tmux(stack: Stack) -> None:
    here, other = folder(stack, "outside"), stack.root / "other.sock"
    answer = opened(stack, "d", cwd=here)
    job = job_in(stack, answer, JobState.REVIEW)
    place = str(here)

    with stack.terminal("d", place) as terminal:
        terminal.read_until("demo> ")
        assert stack.sessions([job])[0].attached == 1

    command, environment = stack.command("d", place)
    tmux = ["tmux", "-f", "/dev/null", "-S", str(other)]
    subprocess.run(
        [*tmux, "new-session", "-d", "-x", "80", "-y", "24", *command], check=True, env=environment
    )
    try:
        assert any(stack.sessions([job])[0].attached == 1 for _ in tries(10))
        listed = subprocess.run(
            [*tmux, "list-windows", "-F", "#{window_name}"], capture_output=True, text=True, check=True
        )
        assert job.name in listed.stdout.split()
    finally:
        subprocess.run([*tmux, "kill-server"], check=True)

    assert any(stack.sessions([job])[0].attached == 0 for _ in tries(10))
    second = job_in(stack, opened(stack, "d", cwd=folder(stack, "second")), JobState.REVIEW)
    with stack.terminal("attach", str(second.number)) as terminal:
        terminal.read_until("demo> ")
        own = ["tmux", "-S", str(stack.settings.tmux_socket)]
        given = ["env", *(f"{name}={value}" for name, value in environment.items())]
        ask = [*own, "new-window", "-t", f"={second.name}:", *given, *command]
        subprocess.run(ask, check=True)
        assert any(stack.sessions([job])[0].attached == 1 for _ in tries(10))
    stack.ok("stop", str(second.number))


def test_a_shell_beside_the_agent_is_the_persons_and_no_text_goes_to_it(stack: Stack) -> None:
    here = folder(stack, "beside")

    job = job_in(stack, opened(stack, "d", "-t", QUICK, cwd=here), JobState.REVIEW)
    opened(stack, "d", "-t", cwd=here)
    own = ["tmux", "-S", str(stack.settings.tmux_socket)]
    subprocess.run([*own, "select-window", "-t", f"={job.name}:{{end}}"], check=True)
    sent = stack.ok("send", str(job.number), "touch HACKED\ndemo: seconds 0.1", "--wait")

    assert stack.sessions([job])[0].windows == 2
    assert "delivered" in sent
    assert not (here / "HACKED").exists()
    assert len(stack.processes("AIOS_ATTEMPT", job.attempt)) > 0
    shell = [p for p in stack.processes("AIOS_DATA_DIR", str(stack.settings.data_dir)) if p.name() == "sh"]
    assert [p for p in shell if "AIOS_ATTEMPT" in p.environ()] == []


def test_without_a_terminal_nothing_is_started(stack: Stack) -> None:
    done = stack.run("d", cwd=folder(stack, "no-terminal"))

    assert (done.returncode, "add -d" in done.stderr) == (3, True)
    assert str(stack.root / "no-terminal") not in stack.ok("ls")


def test_the_setup_of_fresh_worktrees_is_not_run_in_a_persons_own_directory(stack: Stack, shop: Path) -> None:
    stack.ok("config", "shop.setup", "touch set-up")
    here, fresh = opened(stack, "d", "shop", cwd=stack.root), opened(stack, "d++", "shop", cwd=stack.root)

    job_in(stack, here, JobState.REVIEW)
    job = job_in(stack, fresh, JobState.REVIEW)

    assert Path(job.worktree, "set-up").exists()
    assert not (shop / "set-up").exists()


def test_nothing_of_a_job_in_place_is_removed(stack: Stack) -> None:
    here = folder(stack, "kept")
    stack.ok("agents", "add", "f", "failing", "--", "no-such-program")
    (here / "mine").write_text("x")

    job = job_in(stack, opened(stack, "f", "x", cwd=here), JobState.FAILED)
    fresh = stack.run("retry", str(job.number), "--fresh")

    assert (here / "mine").read_text() == "x"
    assert (fresh.returncode, "without --fresh" in fresh.stderr) == (2, True)
    assert opened(stack, "f", "x", cwd=here)["is_new"]
