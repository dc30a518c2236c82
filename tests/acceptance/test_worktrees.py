"""Worktrees that are removed, cleaned up and brought back; differences: as a person types them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from aios_app.domain.models import Job, JobState
from tests.acceptance.stack import QUICK, Stack

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Path:
    return stack.project("shop")


def _reviewed(stack: Stack, prompt: str = QUICK, spec: str = "d:1") -> list[Job]:
    """Jobs of the stand-in agent in review, their agents open at their prompts."""
    return stack.until_all(stack.start("multi", "shop", spec, prompt), JobState.REVIEW)


def _content(root: Path) -> dict[bytes, bytes]:
    files = (path for path in root.rglob("*") if path.is_symlink() or path.is_file())
    return {os.fsencode(path.relative_to(root)): _bytes(path) for path in files if path.name != ".git"}


def _bytes(path: Path) -> bytes:
    if path.is_symlink():
        return b"link to " + os.fsencode(path.readlink())
    return f"{path.stat().st_mode & 0o100:o} ".encode() + path.read_bytes()


def _make_a_mess(stack: Stack, worktree: Path) -> None:
    """What is unpushed, stashed, changed, untracked, executable, a link, and of no language."""
    (worktree / "stashed.txt").write_text("stashed\n")
    stack.git(worktree, "stash", "-u")
    (worktree / "README.md").write_text("changed\n")
    (worktree / "run.sh").write_text("#!/bin/sh\n")
    (worktree / "run.sh").chmod(0o755)
    (worktree / "link").symlink_to("/nowhere")
    (worktree / os.fsdecode(b"caf\xe9\x1b[31m")).write_bytes(bytes(range(256)))


def test_what_goes_is_named_asked_for_and_comes_back_byte_for_byte(stack: Stack, shop: Path) -> None:
    [job] = _reviewed(stack)
    worktree = Path(job.worktree)
    _make_a_mess(stack, worktree)
    content = _content(worktree)

    # Nobody is there to answer
    done = stack.run("w+", str(job.number))
    assert done.returncode == 3
    assert _content(worktree) == content

    # With -y it is named first all the same
    done = stack.run(f"w+{job.number}", "-y")
    assert done.returncode == 0, done.stderr
    named = done.stderr.splitlines()
    assert named[0] == f"#{job.number} {job.name}, branch {job.branch}"
    assert named[1] == "  1 changed: README.md"
    assert named[2] == "  3 untracked: caf\ufffd, link, run.sh".replace("\ufffd", "")
    assert named[3].startswith("  1 commit that nothing else has: ")
    assert named[4].startswith(f"  1 stashed, stays there (git stash list): stash@{{0}} WIP on {job.branch}")
    assert done.stdout == (
        f"#{job.number} removed, in the trash for 30 days: aios trash restore {job.number}\n"
    )
    assert not worktree.exists()
    assert stack.git(shop, "branch", "--list", job.branch) == ""
    assert stack.sessions([job]) == []
    assert stack.job(job.number).state is JobState.DROPPED
    assert f"#{job.number}  shop " in stack.ok("trash")

    # It comes back, and its agent with its conversation
    back = stack.ok("trash", "restore", str(job.number))
    assert back == f"#{job.number} is in review again: {job.worktree}, branch {job.branch}\n"
    assert _content(worktree) == content
    assert f"#{job.number} review" in stack.ok("jobs")
    stack.ok("send", str(job.number), "--wait", QUICK)
    assert stack.git(worktree, "log", "-1", "--format=%s").startswith("Add greeting")
    assert stack.ok(f"w{job.number}").strip() == job.worktree


def test_a_person_at_a_terminal_is_asked_and_may_say_no(stack: Stack, shop: Path) -> None:
    [job] = _reviewed(stack)

    with stack.terminal("w+", str(job.number)) as terminal:
        terminal.read_until("Remove 1 worktree? The trash keeps it for 30 days. [Y/n]")
        terminal.type("n\n")
        assert terminal.process.wait(20) == 1

    assert Path(job.worktree).is_dir()
    assert stack.job(job.number).state is JobState.REVIEW


def test_an_agent_at_work_and_one_that_a_person_is_at_keep_their_worktrees(stack: Stack, shop: Path) -> None:
    [slow] = stack.until_all(stack.start("multi", "shop", "d:1", "x\ndemo: seconds 30"), JobState.RUNNING)
    [seen] = _reviewed(stack)

    done = stack.run("w+", str(slow.number), "-y")
    assert done.returncode == 3
    assert f"its agent works: aios wait {slow.number} or aios stop {slow.number} first" in done.stderr
    with stack.terminal("attach", str(seen.number)) as terminal:
        terminal.read_until("demo>")
        done = stack.run("w+", str(seen.number), "-y")
        assert done.returncode == 3
        assert "somebody is attached to its agent: leave it first" in done.stderr
    stack.ok("stop", str(slow.number))

    assert stack.ok("w+", str(slow.number), "-y").startswith(f"#{slow.number} removed")


def test_the_same_line_typed_twice_removes_nothing_else(stack: Stack, shop: Path) -> None:
    first, second = _reviewed(stack, spec="d:2")

    stack.ok("w+", str(first.number), "-y")
    done = stack.run("w+", str(first.number), "-y")

    assert done.returncode == 3
    assert "it is dropped and removed already (aios trash)" in done.stderr
    assert Path(second.worktree).is_dir()


def test_cleanup_takes_what_is_done_with_and_says_what_stays(stack: Stack, shop: Path) -> None:
    [unchanged] = _reviewed(stack, "say hello\ndemo: no change\ndemo: seconds 0.1")
    landed, opened = _reviewed(stack, spec="d:2")
    stack.git(shop, "pull", "-q", "--ff-only")
    stack.git(shop, "merge", "-q", "--squash", landed.branch)
    stack.git(shop, "commit", "-q", "-m", "squashed")
    stack.git(shop, "push", "-q")

    listed = stack.ok("w")
    done = stack.run("cleanup", "-y")

    assert done.returncode == 0, done.stderr
    work = {line.split()[0]: line for line in listed.splitlines()}
    assert "landed" in work[f"w{landed.number}"]
    assert "not landed" in work[f"w{opened.number}"]
    assert "no change" in work[f"w{unchanged.number}"]
    assert all(len(line) <= 80 for line in listed.splitlines())
    assert stack.job(unchanged.number).state is JobState.DROPPED
    assert stack.job(landed.number).state is JobState.LANDED
    assert (
        f"#{opened.number} stays: not landed: aios land {opened.number}, or aios cleanup --all" in done.stderr
    )
    assert Path(opened.worktree).is_dir()
    assert stack.ok("cleanup", "--older", "14d") == "nothing to remove\n"

    done = stack.run("cleanup", "--all", "-y")
    assert f"#{opened.number} {opened.name}, branch {opened.branch}" in done.stderr
    assert stack.job(opened.number).state is JobState.DROPPED
    assert not Path(opened.worktree).exists()


def test_the_diff_is_shown_to_a_person_and_taken_by_git(stack: Stack, shop: Path) -> None:
    [job] = _reviewed(stack)
    worktree = Path(job.worktree)
    (worktree / "new.txt").write_text("tab\there\n\x1b]0;owned\x07plain\n")

    piped = stack.ok("diff", str(job.number))
    assert piped.startswith("diff --git a/greeting-")
    assert "\x1b" not in piped
    assert "+tab\there\n+plain\n" in piped
    patched = subprocess.run(["git", "apply", "--check", "-"], cwd=shop, input=piped.encode(), check=False)
    assert patched.returncode == 0

    with stack.terminal("diff", str(job.number)) as terminal:
        shown = terminal.read_until("plain")
    assert "\x1b[32m+plain" in shown
    assert "owned" not in shown
    assert stack.ok("diff", str(job.number), "--stat").splitlines()[-1] == " 2 files +3 -0"
    answer = json.loads(stack.ok("diff", str(job.number), "--json"))
    assert [file["path"] for file in answer["files"]] == [f"greeting-{job.number}.md", "new.txt"]


def test_a_worktree_that_a_person_made_goes_by_its_name_and_keeps_its_branch(
    stack: Stack, shop: Path
) -> None:
    [job] = _reviewed(stack)
    place = Path(job.worktree).with_name("mine")
    stack.git(shop, "worktree", "add", "-q", "-b", "my-branch", str(place))
    (place / "new.txt").write_text("x")

    assert "not of AIOS" in stack.ok("w")
    done = stack.run("w+", "mine", "-y")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "mine removed, in the trash for 30 days: aios trash restore mine; branch my-branch"
    )
    assert not place.exists()
    assert Path(job.worktree).is_dir()
    assert stack.ok("trash", "restore", "mine") == f"mine is back: {place}, branch my-branch\n"
    assert (place / "new.txt").read_text() == "x"
