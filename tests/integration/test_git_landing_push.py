from __future__ import annotations

import time
from pathlib import Path

import pytest

from aios_app.domain.errors import ConflictError, GitError
from aios_app.domain.landing import Strategy
from aios_app.git.merging import merge
from aios_app.git.person import Person
from aios_app.git.pushing import PushRaced, PushRefused, PushUnknown, push
from aios_app.git.scratch import Scratch
from aios_app.git.targets import Target, remote_has
from tests.integration.git_fixtures import (
    Cloned,
    cloned,
    deaf_port,
    git,
    push_from_elsewhere,
    quiet_git,
)
from tests.integration.landing_fixtures import MAIN, MESSAGE, PERSON, held, hook, is_gone, land, work

__all__ = ["cloned", "deaf_port", "held", "quiet_git"]
pytestmark = pytest.mark.usefixtures("quiet_git")


@pytest.fixture
def base(cloned: Cloned) -> str:
    return git(cloned.root, "rev-parse", "origin/main")


@pytest.fixture
def merged(cloned: Cloned, held: Scratch, base: str) -> str:
    return merge(held, base, work(cloned.root, {"a.txt": "a\n"}), Strategy.MERGE, MESSAGE, PERSON)


def _on_origin(cloned: Cloned) -> str:
    return git(cloned.origin, "rev-parse", "main")


def _has(cloned: Cloned, sha: str, person: Person = PERSON) -> bool:
    return remote_has(cloned.repo, MAIN, sha, person, timeout_s=5)


def test_a_push_moves_the_branch_and_nothing_else(
    cloned: Cloned, held: Scratch, base: str, merged: str
) -> None:
    git(cloned.root, "config", "push.followTags", "true")
    git(cloned.root, "tag", "-a", "-m", "mine", "v1", merged)

    push(held, MAIN, merged, base, PERSON, timeout_s=10)

    assert (
        git(cloned.origin, "for-each-ref", "--format=%(refname) %(objectname)") == f"refs/heads/main {merged}"
    )
    assert git(cloned.root, "rev-parse", "origin/main") == merged
    assert _has(cloned, merged)
    push(held, MAIN, merged, base, PERSON, timeout_s=10)


def test_a_remote_whose_path_is_relative_to_the_checkout_is_found(
    cloned: Cloned, held: Scratch, base: str, merged: str
) -> None:
    git(cloned.root, "remote", "set-url", "origin", f"../{cloned.origin.name}")

    push(held, MAIN, merged, base, PERSON, timeout_s=10)

    assert _has(cloned, merged)


def test_a_branch_with_a_slash_is_pushed_to(cloned: Cloned, held: Scratch, base: str, merged: str) -> None:
    git(cloned.root, "push", "-q", "origin", "main:rel/1.0")

    push(held, Target(branch="rel/1.0"), merged, base, PERSON, timeout_s=10)

    assert git(cloned.origin, "rev-parse", "rel/1.0") == merged
    assert _on_origin(cloned) == base


def test_what_does_not_contain_the_old_value_is_never_pushed(
    cloned: Cloned, held: Scratch, tmp_path: Path, merged: str
) -> None:
    theirs = push_from_elsewhere(cloned, tmp_path)
    git(cloned.root, "fetch", "-q")

    with pytest.raises(ConflictError, match=r"does not contain .* not pushed"):
        push(held, MAIN, merged, theirs, PERSON, timeout_s=10)

    assert _on_origin(cloned) == theirs


def test_a_lost_race_is_told_and_nothing_is_overwritten(
    cloned: Cloned, held: Scratch, tmp_path: Path, base: str, merged: str
) -> None:
    theirs = push_from_elsewhere(cloned, tmp_path)

    with pytest.raises(PushRaced, match="origin/main moved meanwhile"):
        push(held, MAIN, merged, base, PERSON, timeout_s=10)

    assert _on_origin(cloned) == theirs
    assert not _has(cloned, merged)


def test_a_race_lost_in_the_last_moment_is_told_too(
    cloned: Cloned, held: Scratch, tmp_path: Path, base: str, merged: str
) -> None:
    # Given a remote whose branch moves between its answer and the update
    git(cloned.root, "push", "-q", "origin", f"{work(cloned.root, {'b.txt': 'b'}, 'other')}:refs/heads/other")
    hook(cloned.origin / "hooks", "update", "git update-ref refs/heads/main refs/heads/other")

    with pytest.raises(PushRaced):
        push(held, MAIN, merged, base, PERSON, timeout_s=10)

    assert _on_origin(cloned) == git(cloned.origin, "rev-parse", "other")


def test_a_rewound_remote_is_not_restored(cloned: Cloned, held: Scratch) -> None:
    first = git(cloned.root, "rev-parse", "origin/main")
    landed = land(held, work(cloned.root, {"a.txt": "a\n"}))
    sha = merge(held, landed, work(cloned.root, {"b.txt": "b\n"}, "other"), Strategy.MERGE, MESSAGE, PERSON)
    git(cloned.origin, "update-ref", "refs/heads/main", first)

    with pytest.raises(PushRaced):
        push(held, MAIN, sha, landed, PERSON, timeout_s=10)

    assert _on_origin(cloned) == first


def test_a_remote_that_refuses_is_shown_in_its_own_words(
    cloned: Cloned, held: Scratch, base: str, merged: str
) -> None:
    hook(
        cloned.origin / "hooks",
        "pre-receive",
        "echo GH006: Protected branch; echo Two reviews needed; exit 1",
    )

    with pytest.raises(PushRefused, match="origin/main refused the push") as caught:
        push(held, MAIN, merged, base, PERSON, timeout_s=10)

    assert caught.value.stderr.splitlines() == [
        "GH006: Protected branch",
        "Two reviews needed",
        "pre-receive hook declined",
    ]
    assert not _has(cloned, merged)


def test_a_pre_push_hook_sees_the_merged_files_and_is_obeyed(
    cloned: Cloned, held: Scratch, base: str, merged: str
) -> None:
    hook(cloned.root / ".git/hooks", "pre-push", "ls; echo tests fail >&2; exit 1")

    with pytest.raises(PushRefused, match="tests fail"):
        push(held, MAIN, merged, base, PERSON, timeout_s=10)
    assert _on_origin(cloned) == base

    hook(cloned.root / ".git/hooks", "pre-push", "test -f a.txt")
    push(held, MAIN, merged, base, PERSON, timeout_s=10)
    assert _has(cloned, merged)


@pytest.mark.parametrize("strategy", list(Strategy))
def test_with_hooks_off_no_hook_runs(cloned: Cloned, held: Scratch, strategy: Strategy) -> None:
    source = work(cloned.root, {"a.txt": "a\n"})
    for name in ("pre-push", "pre-merge-commit", "commit-msg", "post-checkout", "pre-commit", "pre-rebase"):
        hook(cloned.root / ".git/hooks", name, "exit 1")

    sha = land(held, source, strategy, PERSON.without_hooks())

    assert _has(cloned, sha)


@pytest.mark.parametrize("scheme", ["git", "http"])
def test_a_remote_that_is_silent_is_given_up_in_time(
    cloned: Cloned, held: Scratch, base: str, merged: str, deaf_port: int, scheme: str
) -> None:
    git(cloned.root, "remote", "set-url", "origin", f"{scheme}://127.0.0.1:{deaf_port}/shop.git")

    begun = time.monotonic()
    with pytest.raises(PushUnknown, match=r"did not end the push within 0\.5 s"):
        push(held, MAIN, merged, base, PERSON, timeout_s=0.5)
    with pytest.raises(GitError, match=r"took longer than 0\.5 s"):
        remote_has(cloned.repo, MAIN, merged, PERSON, timeout_s=0.5)

    assert time.monotonic() - begun < 6


def _ssh(folder: Path, text: str) -> Person:
    """A stand-in for ssh, which is called with the host and the remote's command."""
    program = folder / "ssh-stand-in"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return Person(environment={"GIT_SSH_COMMAND": str(program)})


def _by_ssh(cloned: Cloned) -> None:
    git(cloned.root, "remote", "set-url", "origin", f"ssh://nowhere{cloned.origin}")


def test_an_ssh_that_hangs_is_ended_with_all_that_it_started(
    cloned: Cloned, held: Scratch, base: str, merged: str, tmp_path: Path
) -> None:
    _by_ssh(cloned)
    person = _ssh(tmp_path, f"trap '' TERM; sleep 60 & echo $! > {tmp_path}/child; wait; sleep 60")

    with pytest.raises(PushUnknown):
        push(held, MAIN, merged, base, person, timeout_s=2)

    assert is_gone(int((tmp_path / "child").read_text()))


@pytest.mark.parametrize(
    ("name", "when", "arrives"),
    [("pre-receive", "true", False), ("reference-transaction", 'test "$1" = committed', True)],
)
def test_a_connection_lost_in_the_middle_is_unknown_until_the_remote_is_asked(
    cloned: Cloned,
    held: Scratch,
    base: str,
    merged: str,
    tmp_path: Path,
    *,
    name: str,
    when: str,
    arrives: bool,
) -> None:
    # Given a remote whose git is killed before or after it has moved the branch
    _by_ssh(cloned)
    person = _ssh(tmp_path, 'shift; while [ "$1" = -o ]; do shift 2; done; exec sh -c "$*"')
    hook(cloned.origin / "hooks", name, f"{when} && kill -9 $PPID; exit 0")

    with pytest.raises(PushUnknown, match="whether it arrived is not known"):
        push(held, MAIN, merged, base, person, timeout_s=10)

    assert _has(cloned, merged, person) is arrives
    assert _on_origin(cloned) == (merged if arrives else base)


def test_a_door_that_stays_shut_is_a_refusal(
    cloned: Cloned, held: Scratch, base: str, merged: str, tmp_path: Path
) -> None:
    _by_ssh(cloned)
    person = _ssh(tmp_path, "echo 'git@nowhere: Permission denied (publickey).' >&2; exit 255")

    with pytest.raises(PushRefused) as caught:
        push(held, MAIN, merged, base, person, timeout_s=10)

    assert "Permission denied" in str(caught.value)
    assert str(caught.value).endswith("\nto mend it: ssh-add")


def test_a_landing_after_a_lost_race_contains_both(
    cloned: Cloned, held: Scratch, tmp_path: Path, base: str, merged: str
) -> None:
    theirs = push_from_elsewhere(cloned, tmp_path)
    with pytest.raises(PushRaced):
        push(held, MAIN, merged, base, PERSON, timeout_s=10)
    git(cloned.root, "fetch", "-q")

    land(held, git(cloned.root, "rev-parse", "work"))

    assert theirs in git(cloned.origin, "rev-list", "main").splitlines()
    assert git(cloned.origin, "ls-tree", "--name-only", "main").split() == ["README.md", "a.txt", "news.txt"]
