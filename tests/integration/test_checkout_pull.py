"""``aios pull``: a person's checkout becomes what origin has, and what goes can be brought back."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from aios_app.domain.errors import ConflictError, GitError, NotNow
from aios_app.git.checkout import find_checkout
from aios_app.git.checkout_pull import fetch_default, keep_checkout, replace
from aios_app.git.person import Person
from aios_app.git.trash import TrashEntry
from aios_app.services.context import Context
from aios_app.services.trash import restore_trash
from tests.integration.checkout_fixtures import Checkouts
from tests.integration.git_fixtures import (
    Cloned,
    cloned,
    commit,
    deaf_port,
    git,
    make_repository,
    push_from_elsewhere,
    quiet_git,
)
from tests.integration.service_fixtures import running

__all__ = ["cloned", "deaf_port", "quiet_git"]


@pytest.fixture
def person(context: Context, quiet_git: None) -> Checkouts:
    return Checkouts(context)


def _state(root: Path) -> tuple[str, str, dict[str, bytes]]:
    """Everything that a person would miss."""
    files = {
        str(path.relative_to(root)): os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in root.rglob("*")
        if ".git" not in path.parts and (path.is_file() or path.is_symlink())
    }
    return git(root, "rev-parse", "HEAD"), git(root, "status", "--porcelain", "--ignored"), files


def _make_a_mess(root: Path) -> str:
    """A commit of its own, and changes of each kind; gives the commit."""
    (root / ".gitignore").write_text("*.log\n")
    git(root, "add", ".gitignore")
    own = commit(root, "own.txt", "mine\n")
    (root / "README.md").write_text("changed\n")
    (root / "own.txt").unlink()
    (root / "draft").mkdir()
    (root / "draft/run.sh").write_bytes(b"#!/bin/sh\n\xff\n")
    (root / "draft/run.sh").chmod(0o755)
    (root / "link").symlink_to("nowhere")
    (root / "noise.log").write_text("kept\n")
    (root / "news.txt").write_text("mine, not theirs\n")
    return own


def test_what_goes_is_named_and_nothing_is_touched_without_a_yes(
    person: Checkouts, cloned: Cloned, tmp_path: Path
) -> None:
    news = push_from_elsewhere(cloned, tmp_path)
    own = _make_a_mess(cloned.root)
    before = _state(cloned.root)

    answer = person.pull(cloned.root, sure=False)

    assert answer["names"] == [
        f"commit {own[:7]} write own.txt",
        "changed README.md",
        "deleted own.txt",
        "untracked draft/run.sh",
        "untracked link",
        "untracked news.txt",
    ]
    assert answer["question"].startswith(f"Make main of shop origin/main {news[:7]}?")
    assert _state(cloned.root) == before


def test_the_checkout_becomes_what_origin_has(person: Checkouts, cloned: Cloned, tmp_path: Path) -> None:
    news = push_from_elsewhere(cloned, tmp_path)
    _make_a_mess(cloned.root)

    answer = person.pull(cloned.root)

    head, status, files = _state(cloned.root)
    assert (head, answer["sha"]) == (news, news)
    assert git(cloned.root, "branch", "--show-current") == "main"
    assert files == {"README.md": b"one\n", "news.txt": b"news\n", "noise.log": b"kept\n"}
    assert status == "?? noise.log"  # what was ignored by a file that went is there all the same


def test_all_of_it_comes_back_into_a_worktree_of_its_own(
    person: Checkouts, context: Context, cloned: Cloned, tmp_path: Path
) -> None:
    push_from_elsewhere(cloned, tmp_path)
    own = _make_a_mess(cloned.root)
    before = _state(cloned.root)[2]

    steps = person.pull(cloned.root)["steps"]
    answer = restore_trash(context, ref="shop", cwd=str(cloned.root))
    restored = Path(answer["path"])

    assert (answer["entry"]["commits"], answer["entry"]["files"]) == (1, 5)
    assert steps[0] == "ok kept for 30 days: aios trash restore shop"
    assert restored != cloned.root
    assert git(restored, "rev-parse", "HEAD") == own
    assert _state(restored)[2] == {name: data for name, data in before.items() if name != "noise.log"}
    assert os.access(restored / "draft/run.sh", os.X_OK)
    assert "?? draft/" in git(restored, "status", "--porcelain")


def test_the_branch_that_is_checked_out_is_the_one_that_moves(person: Checkouts, cloned: Cloned) -> None:
    main = git(cloned.root, "rev-parse", "main")
    git(cloned.root, "switch", "-q", "-c", "feature")
    commit(cloned.root, "a", "x\n")

    answer = person.pull(cloned.root)

    assert answer["steps"][-1] == f"ok feature is origin/main {main[:7]}"
    assert git(cloned.root, "branch", "--show-current") == "feature"
    assert git(cloned.root, "rev-parse", "feature") == main


def test_stashes_and_repositories_inside_stay_and_are_said(person: Checkouts, cloned: Cloned) -> None:
    (cloned.root / "README.md").write_text("stashed\n")
    git(cloned.root, "stash")
    make_repository(cloned.root / "vendor")
    (cloned.root / "draft").write_text("x\n")

    names = person.pull(cloned.root, sure=False)["names"]
    person.pull(cloned.root)

    assert names == [
        "untracked draft",
        "stays: vendor/ is a repository of its own",
        "stays: 1 in git stash list",
    ]
    assert git(cloned.root, "stash", "list") != ""
    assert git(cloned.root / "vendor", "status", "--porcelain") == ""
    assert not (cloned.root / "draft").exists()


def test_where_there_is_nothing_to_do_it_says_so(person: Checkouts, cloned: Cloned) -> None:
    sha = git(cloned.root, "rev-parse", "HEAD")

    assert person.pull(cloned.root, sure=False)["steps"] == [
        f"nothing to pull: shop is origin/main {sha[:7]} already"
    ]


def test_news_alone_leave_nothing_in_the_trash(person: Checkouts, cloned: Cloned, tmp_path: Path) -> None:
    news = push_from_elsewhere(cloned, tmp_path)

    person.pull(cloned.root)

    assert git(cloned.root, "rev-parse", "HEAD") == news
    assert git(cloned.root, "for-each-ref", "refs/aios") == ""


def test_the_default_branch_is_the_one_that_origin_has_by_now(
    person: Checkouts, cloned: Cloned, tmp_path: Path
) -> None:
    news = push_from_elsewhere(cloned, tmp_path, branch="trunk")
    git(cloned.origin, "symbolic-ref", "HEAD", "refs/heads/trunk")

    assert person.pull(cloned.root)["steps"][-1] == f"ok main is origin/trunk {news[:7]}"


def test_an_origin_whose_head_names_no_branch_has_main_for_its_default(
    person: Checkouts, cloned: Cloned, tmp_path: Path
) -> None:
    news = push_from_elsewhere(cloned, tmp_path)
    git(cloned.origin, "symbolic-ref", "HEAD", "refs/heads/master")

    assert person.pull(cloned.root)["sha"] == news

    git(cloned.origin, "update-ref", "-d", "refs/heads/main")
    with pytest.raises(ConflictError, match="has no default branch"):
        person.pull(cloned.root)


def test_an_origin_that_cannot_be_asked_leaves_everything_as_it_was(
    person: Checkouts, context: Context, cloned: Cloned, deaf_port: int
) -> None:
    context.catalog.set("push_timeout", "1s")
    _make_a_mess(cloned.root)
    before = _state(cloned.root)

    for url in (f"http://127.0.0.1:{deaf_port}/shop.git", f"{cloned.origin}-gone"):
        git(cloned.root, "remote", "set-url", "origin", url)
        with pytest.raises(GitError):
            person.pull(cloned.root)

    assert _state(cloned.root) == before


def test_without_an_origin_it_is_refused(person: Checkouts, quiet_git: None, tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "alone")

    with pytest.raises(ConflictError, match="has no remote origin"):
        person.pull(repo.root)


def test_an_ignored_file_is_never_overwritten(person: Checkouts, cloned: Cloned, tmp_path: Path) -> None:
    push_from_elsewhere(cloned, tmp_path)
    (cloned.root / ".git/info/exclude").write_text("news.txt\n")
    (cloned.root / "news.txt").write_text("mine\n")
    before = _state(cloned.root)

    with pytest.raises(ConflictError, match=r"news.txt is ignored in .*: move it away"):
        person.pull(cloned.root)

    assert _state(cloned.root) == before


def test_what_is_written_meanwhile_is_not_lost(cloned: Cloned, tmp_path: Path, quiet_git: None) -> None:
    push_from_elsewhere(cloned, tmp_path)
    (cloned.root / "draft").write_text("first\n")
    head = git(cloned.root, "rev-parse", "HEAD")
    checkout = find_checkout(cloned.root)
    found = fetch_default(checkout, Person(), timeout_s=5)
    entry = TrashEntry(name="shop", path=str(cloned.root), removed_ms=1_700_000_000_000)
    kept = keep_checkout(checkout, entry, max_bytes=1 << 20).sha
    (cloned.root / "draft").write_text("second\n")

    with pytest.raises(ConflictError, match="was not touched"):
        replace(found, kept, Person())

    assert (cloned.root / "draft").read_text() == "second\n"
    assert git(cloned.root, "rev-parse", "HEAD") == head
    assert git(cloned.root, "status", "--porcelain") == "?? draft"


def test_one_that_was_cut_off_in_the_middle_goes_on(
    person: Checkouts, context: Context, cloned: Cloned, tmp_path: Path
) -> None:
    news = push_from_elsewhere(cloned, tmp_path)
    (cloned.root / "draft").write_text("mine\n")
    entry = TrashEntry(name="first", path=str(cloned.root), removed_ms=1_700_000_000_000)
    kept = keep_checkout(find_checkout(cloned.root), entry, max_bytes=1 << 20)
    git(cloned.root, "reset", "-q", kept.sha)

    person.pull(cloned.root)

    assert git(cloned.root, "rev-parse", "HEAD") == news
    assert git(cloned.root, "status", "--porcelain") == ""
    restored = restore_trash(context, ref="shop", cwd=str(cloned.root))["path"]
    assert (Path(restored) / "draft").read_text() == "mine\n"


def test_too_much_for_the_trash_is_refused(person: Checkouts, context: Context, cloned: Cloned) -> None:
    context.catalog.set("trash_max_mb", "1")
    (cloned.root / "film.mp4").write_bytes(bytes(2 << 20))

    with pytest.raises(ConflictError, match=r"the largest is film\.mp4 with 2 MB"):
        person.pull(cloned.root)

    assert (cloned.root / "film.mp4").exists()


def test_where_an_agent_works_it_is_refused(person: Checkouts, context: Context, cloned: Cloned) -> None:
    context.catalog.add_project(cloned.root, name="shop")
    [job] = running(context, "c:1", "x", cwd=cloned.root)
    git(cloned.root, "worktree", "add", "-q", "-b", job.branch, job.worktree)

    with pytest.raises(NotNow, match=rf"#{job.number} works in .*: aios wait {job.number}"):
        person.pull(Path(job.worktree))

    person.pull(cloned.root)


def test_a_repository_without_a_commit_gets_its_first_from_origin(
    person: Checkouts, cloned: Cloned, tmp_path: Path
) -> None:
    root = tmp_path / "fresh"
    root.mkdir()
    git(root, "init", "-q")
    git(root, "remote", "add", "origin", str(cloned.origin))
    (root / "mine.txt").write_text("x\n")

    answer = person.pull(root)

    assert git(root, "rev-parse", "HEAD") == answer["sha"] == git(cloned.origin, "rev-parse", "main")
    assert subprocess.check_output(["ls", root], text=True) == "README.md\n"
    assert "aios trash restore fresh" in answer["steps"][0]
