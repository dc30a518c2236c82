"""``aios push``: a person's checkout, committed and pushed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from aios_app.domain.errors import ConflictError, ExternalError, ProjectUnusable, UsageError
from aios_app.services.context import Context
from tests.integration.checkout_fixtures import Checkouts, hook, tip
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

__all__ = ["cloned", "deaf_port", "quiet_git"]


@pytest.fixture
def person(context: Context, quiet_git: None) -> Checkouts:
    return Checkouts(context)


def test_all_that_is_new_is_named_and_nothing_is_done_without_a_yes(
    person: Checkouts, cloned: Cloned
) -> None:
    before = git(cloned.root, "rev-parse", "HEAD")
    (cloned.root / "src").mkdir()
    (cloned.root / "src/new.py").write_text("x\n")
    (cloned.root / "README.md").write_text("two\n")

    answer = person.push(cloned.root, sure=False)

    assert answer["names"] == ["new src/new.py", "changed README.md"]
    assert answer["question"] == "Commit 2 files in shop and push main to origin/main?"
    assert git(cloned.root, "rev-parse", "HEAD") == before == tip(cloned)
    assert git(cloned.root, "diff", "--cached", "--name-only") == ""


def test_everything_is_committed_and_pushed_to_the_upstream(person: Checkouts, cloned: Cloned) -> None:
    (cloned.root / "new.txt").write_text("x\n")
    (cloned.root / "README.md").unlink()

    answer = person.push(cloned.root)

    assert tip(cloned) == answer["sha"] == git(cloned.root, "rev-parse", "HEAD")
    assert answer["steps"] == [f'ok commit {answer["sha"][:7]} "Update shop"', "ok pushed to origin/main"]
    assert git(cloned.root, "ls-tree", "--name-only", "HEAD") == "new.txt"


def test_a_message_is_taken_as_it_is(person: Checkouts, cloned: Cloned) -> None:
    (cloned.root / "new.txt").write_text("x\n")

    person.push(cloned.root, "--amend $(touch /tmp/x)\n\nwith a body")

    assert git(cloned.root, "log", "-1", "--format=%B") == "--amend $(touch /tmp/x)\n\nwith a body"
    assert git(cloned.root, "rev-list", "--count", "HEAD") == "2"


def test_a_branch_without_an_upstream_gets_one_of_its_name(person: Checkouts, cloned: Cloned) -> None:
    git(cloned.root, "switch", "-q", "-c", "fix/login")
    commit(cloned.root, "a.txt", "a\n")

    answer = person.push(cloned.root / ".")

    assert tip(cloned, "fix/login") == answer["sha"]
    assert git(cloned.root, "rev-parse", "--abbrev-ref", "@{upstream}") == "origin/fix/login"


def test_a_branch_that_follows_one_of_another_name_is_not_pushed_there(
    person: Checkouts, cloned: Cloned
) -> None:
    git(cloned.root, "switch", "-q", "-c", "feature", "--track", "origin/main")
    commit(cloned.root, "a.txt", "a\n")
    before = tip(cloned)

    with pytest.raises(ConflictError, match="feature follows origin/main"):
        person.push(cloned.root)

    assert tip(cloned) == before
    git(cloned.root, "config", "push.default", "upstream")
    assert person.push(cloned.root)["sha"] == tip(cloned)


def test_where_there_is_nothing_to_do_it_says_so(person: Checkouts, cloned: Cloned) -> None:
    answer = person.push(cloned.root, sure=False)

    assert answer["steps"] == ["nothing to push: shop is as origin/main"]


def test_commits_that_wait_are_named_and_pushed(person: Checkouts, cloned: Cloned) -> None:
    sha = commit(cloned.root, "a.txt", "a\n")

    answer = person.push(cloned.root, sure=False)

    assert answer["names"] == [f"commit {sha[:7]} write a.txt"]
    assert answer["question"] == "Push 1 commit of shop to origin/main?"
    assert person.push(cloned.root)["sha"] == tip(cloned) == sha


def test_without_a_remote_it_commits_and_says_what_is_missing(
    person: Checkouts, quiet_git: None, tmp_path: Path
) -> None:
    repo = make_repository(tmp_path / "alone")
    (repo.root / "a").write_text("a\n")

    answer = person.push(repo.root)

    assert answer["steps"][1] == "no remote, so nothing was pushed: aios setup URL adds one"
    assert git(repo.root, "status", "--porcelain") == ""


def test_a_remote_that_is_ahead_is_not_overwritten(person: Checkouts, cloned: Cloned, tmp_path: Path) -> None:
    theirs = push_from_elsewhere(cloned, tmp_path)
    (cloned.root / "a").write_text("a\n")

    with pytest.raises(ConflictError, match="git pull --rebase origin main, then aios push"):
        person.push(cloned.root)

    assert tip(cloned) == theirs
    assert git(cloned.root, "log", "-1", "--format=%s") == "Update shop"


def test_what_the_remote_says_when_it_refuses_is_shown(person: Checkouts, cloned: Cloned) -> None:
    hook(cloned.origin, "pre-receive", "echo 'no pushes on Friday' >&2; echo 'ask Ada' >&2; exit 1")
    (cloned.root / "a").write_text("a\n")

    with pytest.raises(ExternalError, match=r"what was committed stays here: no pushes on Friday\nask Ada$"):
        person.push(cloned.root)


def test_a_hook_that_refuses_the_commit_is_obeyed(person: Checkouts, cloned: Cloned) -> None:
    hook(cloned.root, "pre-commit", "echo 'lint is red' >&2; exit 1")
    (cloned.root / "a").write_text("a\n")

    with pytest.raises(ExternalError, match="lint is red"):
        person.push(cloned.root)

    assert git(cloned.root, "rev-parse", "HEAD") == tip(cloned)


def test_a_project_with_its_hooks_off_is_pushed_without_them(
    person: Checkouts, context: Context, cloned: Cloned
) -> None:
    project = context.catalog.add_project(cloned.root, name="shop")
    context.catalog.set_project_setting(project, "hooks", "off")
    hook(cloned.root, "pre-commit", "exit 1")
    (cloned.root / "a").write_text("a\n")

    assert person.push(cloned.root)["sha"] == tip(cloned)


def test_a_remote_that_is_silent_ends_with_its_time_limit(
    person: Checkouts, context: Context, cloned: Cloned, deaf_port: int
) -> None:
    context.catalog.set("push_timeout", "1s")
    git(cloned.root, "remote", "set-url", "origin", f"http://127.0.0.1:{deaf_port}/shop.git")
    (cloned.root / "a").write_text("a\n")
    begun = time.monotonic()

    with pytest.raises(ExternalError, match="did not answer within 1 s"):
        person.push(cloned.root)

    assert time.monotonic() - begun < 5
    assert git(cloned.root, "log", "-1", "--format=%s") == "Update shop"


def test_secrets_and_large_files_are_pointed_out(person: Checkouts, cloned: Cloned) -> None:
    for name in (".env", ".env.example", "deploy/key.pem", "id_ed25519", "id_ed25519.pub"):
        (cloned.root / name).parent.mkdir(exist_ok=True)
        (cloned.root / name).write_text("x\n")
    with (cloned.root / "film.mp4").open("wb") as film:
        film.truncate(60 << 20)

    names = person.push(cloned.root, sure=False)["names"]

    assert [name for name in names if name.startswith("WARNING")] == [
        "WARNING .env looks like a secret",
        "WARNING deploy/key.pem looks like a secret",
        "WARNING film.mp4 has 60 MB",
        "WARNING id_ed25519 looks like a secret",
    ]


def test_of_many_files_it_says_where_the_others_are(person: Checkouts, cloned: Cloned) -> None:
    (cloned.root / "node_modules").mkdir()
    for number in range(50):
        (cloned.root / f"node_modules/{number:02}.js").write_text("")

    names = person.push(cloned.root, sure=False)["names"]

    assert len(names) == 41
    assert names[-1] == "and 10 more, 10 of them in node_modules/"


def test_a_repository_inside_is_refused(person: Checkouts, cloned: Cloned) -> None:
    make_repository(cloned.root / "vendor/lib")

    with pytest.raises(ConflictError, match=r"vendor/lib/ in .* is a repository of its own"):
        person.push(cloned.root, sure=False)


def test_on_no_branch_it_is_refused(person: Checkouts, cloned: Cloned) -> None:
    git(cloned.root, "switch", "-q", "--detach")

    with pytest.raises(ConflictError, match="is on no branch: git switch"):
        person.push(cloned.root)


def test_in_the_middle_of_a_merge_it_is_refused(person: Checkouts, cloned: Cloned) -> None:
    git(cloned.root, "switch", "-q", "-c", "other")
    commit(cloned.root, "README.md", "theirs\n")
    git(cloned.root, "switch", "-q", "main")
    commit(cloned.root, "README.md", "ours\n")
    with pytest.raises(Exception, match="returned non-zero"):
        git(cloned.root, "merge", "other")

    with pytest.raises(ConflictError, match=r"a merge is not finished .*git merge --abort"):
        person.push(cloned.root)


def test_outside_of_any_repository_it_is_wrong_usage(person: Checkouts, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()

    with pytest.raises(ProjectUnusable, match="is not in a git repository"):
        person.push(tmp_path / "plain")


def test_in_a_bare_repository_it_is_wrong_usage(person: Checkouts, cloned: Cloned) -> None:
    with pytest.raises(UsageError, match="has no checked out files"):
        person.push(cloned.origin)


def test_a_first_commit_in_a_subdirectory_takes_all_of_the_repository(
    person: Checkouts, quiet_git: None, tmp_path: Path
) -> None:
    root, name = tmp_path / "fresh", "line\nbreak \x1b[31m.txt"
    (root / "below").mkdir(parents=True)
    git(root, "init", "-q")
    (root / name).write_text("x\n")

    answer = person.push(root / "below", "first")

    assert git(root, "log", "-1", "--format=%s") == "first"
    assert answer["sha"] == git(root, "rev-parse", "HEAD")
    assert person.push(root, sure=False)["steps"] == [
        "nothing to commit in fresh, and it has no remote: aios setup URL adds one"
    ]
