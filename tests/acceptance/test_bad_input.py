"""Bad input: one clear line, the right exit code, nothing half made, and the others go on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aios_app.domain.models import JobState
from tests.acceptance.stack import QUICK, Completed, Stack

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Path:
    """A saved project."""
    return stack.project("shop")


def assert_refused(done: Completed, code: int, *words: str) -> None:
    """One clear line, and this exit code."""
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("zz:1", "x"), "zz"),
        (("c:0", "x"), "c:0"),
        (("c:-1", "x"), "c:-1"),
        (("c:1000", "x"), "c:1000"),
        (("c:x", "x"), "c:x"),
        (("x",), "x"),
        ((), "spec"),
        (("d:60", "d:60", "x"), "at most 99"),
        (("d:1", "x", "y"), "quotes"),
        (("d:1", ""), "empty"),
        (("d:1", "x", "--limit", "soon"), "soon"),
        (("d:1", "x", "--fail-fast"), "--seq"),
        (("d:1", "x", "--no-such-flag"), "--no-such-flag"),
        (("d:1", "x", "--prompt-file", "/nowhere"), "/nowhere"),
    ],
)
def test_what_is_wrong_in_the_words_is_said_and_nothing_starts(
    stack: Stack, shop: Path, words: tuple[str, ...], said: str
) -> None:
    before = stack.ledger.run_numbers()

    assert_refused(stack.run("all", *words), 2, said)

    assert stack.ledger.run_numbers() == before
    assert not list(stack.settings.worktrees_dir.glob("*"))


def test_projects_that_cannot_be_worked_in_are_named_and_the_others_go_on(stack: Stack, shop: Path) -> None:
    missing, plain, empty = stack.projects("bad", 3)
    shutil.rmtree(missing)
    shutil.rmtree(plain / ".git")
    shutil.rmtree(empty)
    empty.mkdir()
    stack.git(empty, "init", "-q")

    done = stack.run("all", "d:1", QUICK, "--wait")

    assert done.returncode == 1
    assert "bad-0" in done.stderr
    assert "does not exist" in done.stderr
    assert "bad-1 is not a git repository" in done.stderr
    assert "bad-2 has no commit" in done.stderr
    [job] = stack.jobs(stack.ledger.run_numbers()[0])
    assert (job.project, job.state) == ("shop", JobState.REVIEW)
    for name in ("bad-0", "bad-1", "bad-2"):
        assert_refused(stack.run("multi", name, "d:1", "x"), 2, name)
        stack.ok("remove", name)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("add", "/nowhere"), 2, "/nowhere"),
        (("add", "/"), 2, "not in a git repository"),
        (("remove", "nothing"), 2, "nothing"),
        (("stop", "999"), 2, "999"),
        (("retry", "r999"), 2, "r999"),
        (("logs", "no-such-name"), 2, "no-such-name"),
        (("wait", "."), 2, "aios w lists them"),
        (("jobs", "r999"), 2, "r999"),
        (("attach", "1"), 3, "terminal"),
        (("config", "nothing", "1"), 2, "nothing"),
        (("config", "max_agents", "0"), 2, "at least 1"),
        (("agents", "add", "all", "x", "--", "true"), 2, "all"),
        (("frobnicate",), 2, "frobnicate"),
        (("multi", "nothing", "d:1", "x"), 2, "nothing"),
        (("multi", "d:1", "x"), 2, "git repository"),
        (("multi", "shop", "c:0", "x"), 2, "c:0"),
        (("multi", "shop"), 2, "spec"),
        (("all", "d:1", "x", "--only", "nothing"), 2, "nothing"),
        (("all", "d:1", "x", "--except", "*"), 2, "no project is left"),
    ],
)
def test_other_commands_refuse_in_one_line(
    stack: Stack, shop: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    assert_refused(stack.run(*words), code, said)


def test_a_worktree_that_cannot_be_made_leaves_neither_directory_nor_branch(stack: Stack, shop: Path) -> None:
    full = Path("/dev/full/worktrees")
    stack.ok("config", "worktrees_dir", str(full))

    done = stack.run("multi", "shop", "d:1", "x", "--wait")

    stack.ok("config", "worktrees_dir", str(stack.settings.worktrees_dir))
    assert done.returncode == 1
    [job] = stack.jobs(stack.ledger.run_numbers()[0])
    assert job.state is JobState.FAILED
    assert "/dev/full" in job.cause
    assert stack.git(shop, "branch", "--list", job.branch) == ""
    assert job.name not in stack.git(shop, "worktree", "list")
