"""A person's own repository from the command line: push, pull, revert, setup, pr."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aios_app.domain.models import JobState
from tests.acceptance.stack import QUICK, Stack

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Path:
    """A saved project with a remote."""
    return stack.project("shop")


def _remote(stack: Stack, name: str, *words: str) -> str:
    return stack.git(stack.root / "remotes" / f"{name}.git", *words)


def test_a_first_day_from_an_empty_directory_to_a_pull(stack: Stack) -> None:
    root, remote = stack.root / "code/site", stack.root / "remotes/site.git"
    root.mkdir(parents=True)
    stack.git(stack.root, "init", "-q", "--bare", str(remote))
    (root / "index.html").write_text("<p>\n")

    made = stack.run("setup", str(remote), "-y", cwd=root)
    (root / "new.css").write_text("p {}\n")
    pushed = stack.run("push", "a style", "-y", cwd=root)
    nothing = stack.run("push", cwd=root)
    undone = stack.run("revert", "-y", cwd=root)
    (root / "draft.txt").write_text("mine\n")
    pulled = stack.run("pull", "-y", cwd=root)
    restored = stack.run("trash", "restore", "site", cwd=root)

    head = _remote(stack, "site", "rev-parse", "--short=7", "main")
    assert made.stdout.splitlines()[1:] == [f"ok origin is {remote}", "ok pushed to origin/main"]
    assert made.stderr.splitlines()[0] == f" git init in {root}"
    assert pushed.stdout == f'ok commit {head} "a style"\nok pushed to origin/main\n'
    assert pushed.stderr.splitlines()[-1] == " new new.css"
    assert nothing.stdout == "nothing to push: site is as origin/main\n"
    assert "next: aios push" in undone.stdout
    assert pulled.stdout == f"ok kept for 30 days: aios trash restore site\nok main is origin/main {head}\n"
    own, draft = pulled.stderr.splitlines()
    assert (own.partition(' Revert "')[2], draft) == ('a style"', " untracked draft.txt")
    assert not (root / "draft.txt").exists()
    assert [one.returncode for one in (made, pushed, nothing, undone, pulled, restored)] == [0] * 6


def test_without_a_terminal_and_without_y_nothing_is_done(stack: Stack, shop: Path) -> None:
    (shop / "draft\x1b[31m.txt").write_text("mine\n")
    before = stack.git(shop, "rev-parse", "HEAD")

    for words in (("push",), ("pull",), ("revert", "-n", "1")):
        done = stack.run(*words, cwd=shop)

        assert (done.returncode, done.stdout) == (3, "")
        assert "Nobody is there to answer: add -y" in done.stderr
        assert "\x1b" not in done.stderr
    assert stack.git(shop, "rev-parse", "HEAD") == before
    (shop / "draft\x1b[31m.txt").unlink()


def test_at_a_terminal_the_person_is_asked_and_may_say_no(stack: Stack, shop: Path) -> None:
    (shop / "draft.txt").write_text("mine\n")

    with stack.terminal("push", cwd=shop) as terminal:
        terminal.read_until("Commit 1 file in shop and push main to origin/main? [Y/n]")
        terminal.type("n\n")
        assert terminal.process.wait(20) == 1

    assert stack.git(shop, "status", "--porcelain") == "?? draft.txt"
    (shop / "draft.txt").unlink()


def test_what_would_take_work_away_is_not_what_an_empty_answer_means(stack: Stack, shop: Path) -> None:
    (shop / "draft.txt").write_text("mine\n")

    with stack.terminal("pull", cwd=shop) as terminal:
        terminal.read_until("[y/N]")
        terminal.type("\n")
        assert terminal.process.wait(20) == 1

    assert stack.git(shop, "status", "--porcelain") == "?? draft.txt"
    (shop / "draft.txt").unlink()


def test_outside_of_a_repository_it_is_wrong_usage(stack: Stack) -> None:
    done = stack.run("push", "-y", cwd=stack.root / "home")

    assert (done.returncode, done.stdout) == (2, "")
    assert "is not in a git repository" in done.stderr


def test_in_a_worktree_of_aios_push_lands_and_keeps_it(stack: Stack, shop: Path) -> None:
    [job] = stack.until_all(stack.start("multi", "shop", "d:1", QUICK), JobState.REVIEW)
    (Path(job.worktree) / "more.txt").write_text("x\n")

    done = stack.run("push", "mine", "-y", cwd=Path(job.worktree))

    assert done.returncode == 0, done.stderr
    assert _remote(stack, "shop", "show", "main:more.txt") == "x"
    assert Path(job.worktree).is_dir()
    assert stack.job(job.number).state is JobState.REVIEW


def test_pr_pushes_the_branch_and_says_so(stack: Stack, shop: Path) -> None:
    [job] = stack.until_all(stack.start("multi", "shop", "d:1", QUICK), JobState.REVIEW)

    answer = json.loads(stack.ok("pr", str(job.number), "--json"))

    assert (answer["is_open"], answer["job"]["number"]) == (False, job.number)
    assert _remote(stack, "shop", "rev-parse", job.branch) == stack.git(
        Path(job.worktree), "rev-parse", "HEAD"
    )
    again = stack.run("pr", str(job.number))
    assert again.stdout.splitlines()[0] == f"ok {job.branch} is on origin"


def test_variables_that_git_has_no_need_of_are_refused(stack: Stack, shop: Path) -> None:
    import http.client
    import socket

    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(stack.settings.api_socket))
    body = {"cwd": str(shop), "environment": {"LD_PRELOAD": "/tmp/x.so"}}

    connection.request("POST", "/api/v1/checkout/push", json.dumps(body))
    response = connection.getresponse()

    assert response.status == 400
    assert "environment" in json.loads(response.read())["error"]["message"]
    connection.close()
