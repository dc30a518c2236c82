from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aios_app.domain.errors import ConflictError, GitError
from aios_app.domain.landing import Strategy
from aios_app.git.committing import commit_all
from aios_app.git.merging import merge
from aios_app.git.person import Person
from aios_app.git.removal import remove_worktree
from aios_app.git.scratch import Scratch
from aios_app.git.trash import TrashEntry
from aios_app.git.worktrees import add_worktree
from tests.integration.git_fixtures import Cloned, cloned, commit, git, make_clone, make_repository, quiet_git
from tests.integration.landing_fixtures import MESSAGE, PERSON, held, hook, land, work

__all__ = ["cloned", "held", "quiet_git"]
pytestmark = pytest.mark.usefixtures("quiet_git")


@pytest.fixture
def tree(cloned: Cloned) -> Path:
    """A worktree with something changed, removed and new in it, and something ignored."""
    place = cloned.root.parent / "tree-work"
    work(cloned.root, {"gone.txt": "x\n", ".gitignore": "*.log\n"})
    (place / "README.md").write_text("two\n")
    (place / "gone.txt").unlink()
    (place / "new").mkdir()
    (place / "new" / "Süd \udcff.txt").write_text("n\n")
    (place / "noise.log").write_text("noise\n")
    return place


def test_all_that_is_not_ignored_is_committed_as_the_person(
    cloned: Cloned, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPG_TTY", "/dev/pts/0")
    hook(cloned.root / ".git/hooks", "pre-commit", 'test -z "$GPG_TTY$AIOS_JOB"')
    person = Person(environment={"GIT_AUTHOR_NAME": "Grace", "GIT_DIR": "/nowhere"})

    sha = commit_all(tree, MESSAGE, person)

    assert git(tree, "rev-parse", "HEAD") == sha
    assert git(tree, "status", "--porcelain") == ""
    assert git(tree, "show", "-s", "--format=%an %cn") == "Grace T"
    assert git(tree, "show", "-s", "--format=%B") == MESSAGE.strip()
    assert "noise.log" not in git(tree, "ls-tree", "-r", "--name-only", "HEAD")
    assert commit_all(tree, MESSAGE, person) == ""


def test_a_message_longer_than_an_argument_may_be_is_kept_whole(tree: Path) -> None:
    text = "fix\n\n" + "words of an agent \n" * 20_000

    commit_all(tree, text, PERSON)

    assert len(git(tree, "show", "-s", "--format=%B")) > 300_000


def test_a_hook_that_refuses_is_obeyed_and_its_words_are_shown(cloned: Cloned, tree: Path) -> None:
    hook(cloned.root / ".git/hooks", "pre-commit", "echo lint: 3 errors >&2; exit 1")
    before = git(tree, "rev-parse", "HEAD")

    with pytest.raises(GitError, match="lint: 3 errors"):
        commit_all(tree, MESSAGE, PERSON)

    assert git(tree, "rev-parse", "HEAD") == before
    assert commit_all(tree, MESSAGE, PERSON.without_hooks())


def test_nothing_in_the_middle_of_a_merge_is_committed(cloned: Cloned) -> None:
    place = cloned.root.parent / "tree-work"
    work(cloned.root, {"README.md": "theirs\n"})
    commit(cloned.root, "README.md", "ours\n")
    with pytest.raises(subprocess.CalledProcessError):
        git(place, "merge", "-q", "main")

    with pytest.raises(ConflictError, match="a merge is not finished"):
        commit_all(place, MESSAGE, PERSON)


def test_a_repository_inside_is_named_and_nothing_is_committed(tree: Path) -> None:
    make_repository(tree / "vendor" / "lib")

    with pytest.raises(ConflictError, match=r"repository of its own \(vendor/lib\)"):
        commit_all(tree, MESSAGE, PERSON)

    git(tree, "add", "vendor/lib")
    with pytest.raises(ConflictError, match="vendor/lib"):
        commit_all(tree, MESSAGE, PERSON)


@pytest.fixture
def with_submodule(cloned: Cloned, tmp_path: Path) -> Path:
    """A worktree with a submodule in it, ready for use."""
    library = make_clone(tmp_path, "library")
    git(cloned.root, "submodule", "--quiet", "add", str(library.origin), "lib")
    git(cloned.root, "commit", "-q", "-m", "lib")
    git(cloned.root, "push", "-q", "origin", "main")
    work(cloned.root, {"a.txt": "a\n"})
    place = cloned.root.parent / "tree-work"
    git(place, "submodule", "--quiet", "update", "--init")
    return place


def test_a_submodule_with_work_of_its_own_is_named(with_submodule: Path) -> None:
    (with_submodule / "lib" / "new.txt").write_text("n\n")
    with pytest.raises(ConflictError, match=r"submodule lib .* uncommitted"):
        commit_all(with_submodule, MESSAGE, PERSON)

    commit(with_submodule / "lib", "new.txt", "n\n")
    with pytest.raises(ConflictError, match=r"submodule lib .* its remote has not"):
        commit_all(with_submodule, MESSAGE, PERSON)


def test_what_a_sparse_checkout_leaves_out_is_committed_too(cloned: Cloned, tree: Path) -> None:
    git(tree, "sparse-checkout", "set", "new")
    (tree / "other").mkdir()
    (tree / "other" / "deep.txt").write_text("d\n")

    sha = commit_all(tree, MESSAGE, PERSON)

    assert git(cloned.root, "show", f"{sha}:other/deep.txt") == "d"


@pytest.mark.parametrize("pin", ["release", "orphan", "shallow"])
def test_a_submodule_at_a_commit_of_its_remote_that_is_in_no_branch_lands_and_goes(
    cloned: Cloned, tmp_path: Path, pin: str
) -> None:
    library = make_repository(tmp_path / "library").root
    git(library, "checkout", "-q", "--detach")
    git(library, "tag", "v1", commit(library, "release.txt", "1\n"))
    git(library, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(cloned.root, "submodule", "--quiet", "add", f"file://{library}", "lib")
    git(cloned.root / "lib", "checkout", "-q", "main" if pin == "shallow" else "v1")
    if pin == "shallow":
        git(cloned.root, "config", "-f", ".gitmodules", "submodule.lib.shallow", "true")
        git(library, "checkout", "-q", "main")
        commit(library, "newer.txt", "2\n")
    if pin == "orphan":
        git(library, "tag", "-d", "v1")
    git(cloned.root, "commit", "-qam", "with a library")
    place = tmp_path / "trees" / "j7"
    add_worktree(cloned.repo, path=place, branch="aios/7", sha=git(cloned.root, "rev-parse", "HEAD"))
    (place / "new.txt").write_text("n\n")

    assert commit_all(place, MESSAGE, PERSON)
    entry = TrashEntry(name="j7", path=str(place), removed_ms=int(time.time() * 1000), job=7)
    assert remove_worktree(cloned.repo, entry, branch="aios/7", max_bytes=1000).entry is not None


def test_a_submodule_at_a_release_that_came_later_lands_and_one_at_a_tag_of_its_own_does_not(
    cloned: Cloned, tmp_path: Path
) -> None:
    library = make_repository(tmp_path / "library").root
    git(cloned.root, "submodule", "--quiet", "add", str(library), "lib")
    git(cloned.root, "commit", "-qm", "with a library")
    place = tmp_path / "trees" / "j7"
    add_worktree(cloned.repo, path=place, branch="aios/7", sha=git(cloned.root, "rev-parse", "HEAD"))
    git(library, "checkout", "-q", "--detach")
    git(library, "tag", "v2", commit(library, "release.txt", "2\n"))
    git(place / "lib", "fetch", "-q", "--tags")
    git(place / "lib", "checkout", "-q", "v2")

    assert commit_all(place, MESSAGE, PERSON)
    git(place / "lib", "tag", "mine", commit(place / "lib", "mine.txt", "m\n"))
    git(place / "lib", "checkout", "-q", "v2")
    with pytest.raises(ConflictError, match=r"its remote has not \(\w+ write mine.txt\)"):
        commit_all(place, MESSAGE, PERSON)


def test_a_submodule_whose_work_is_pushed_lands(with_submodule: Path, cloned: Cloned, held: Scratch) -> None:
    sha = commit(with_submodule / "lib", "new.txt", "n\n")
    git(with_submodule / "lib", "push", "-q", "origin", "HEAD:main")

    landed = land(held, commit_all(with_submodule, MESSAGE, PERSON))

    assert sha in git(cloned.root, "ls-tree", landed, "lib")
    assert (held.path / "lib" / "new.txt").read_text() == "n\n"


def test_a_person_who_signs_lands_signed_by_each_strategy(
    cloned: Cloned, tree: Path, held: Scratch, tmp_path: Path
) -> None:
    key = _signing_key(cloned.root, tmp_path)
    source = commit_all(tree, MESSAGE, PERSON)
    base = commit(cloned.root, "b.txt", "b\n")

    made = [merge(held, base, source, strategy, MESSAGE, PERSON) for strategy in Strategy]

    assert key.exists()
    for sha in (source, *made):
        assert git(cloned.root, "log", "-1", "--format=%G?", sha) == "G"


def test_a_key_that_wants_a_passphrase_fails_with_what_mends_it(
    cloned: Cloned, tree: Path, tmp_path: Path
) -> None:
    _signing_key(cloned.root, tmp_path, is_locked=True)

    with pytest.raises(GitError) as caught:
        commit_all(tree, MESSAGE, PERSON)

    assert str(caught.value).endswith("\nto mend it: ssh-add")


@pytest.mark.timeout(30)  # to make a key takes seconds on a machine at work
def test_a_gpg_key_that_wants_a_passphrase_asks_no_terminal(
    cloned: Cloned, tree: Path, short_path: Path
) -> None:
    with _gpg_home(short_path) as home:
        git(cloned.root, "config", "commit.gpgsign", "true")

        with pytest.raises(GitError) as caught:
            commit_all(tree, MESSAGE, Person(environment={"GNUPGHOME": str(home)}), timeout_s=20)

    assert str(caught.value).endswith("\nto mend it: echo | gpg --clearsign >/dev/null")


def test_the_key_of_an_agent_in_the_persons_terminal_signs(
    cloned: Cloned, tree: Path, tmp_path: Path, short_path: Path
) -> None:
    # Given a key with a passphrase, unlocked in an agent that only the person's terminal knows
    key = _signing_key(cloned.root, tmp_path)
    socket = short_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.PIPE)
    try:
        assert agent.stdout is not None
        agent.stdout.readline()
        subprocess.run(
            ["ssh-add", "-q", str(key)], env=os.environ | {"SSH_AUTH_SOCK": str(socket)}, check=True
        )
        key.unlink()

        sha = commit_all(tree, MESSAGE, Person(environment={"SSH_AUTH_SOCK": str(socket)}))
    finally:
        agent.terminate()
        agent.communicate()

    assert git(tree, "log", "-1", "--format=%G?", sha) == "G"


def _signing_key(root: Path, folder: Path, *, is_locked: bool = False) -> Path:
    key, passphrase = folder / "signing", "secret" if is_locked else ""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(key)], check=True)
    (folder / "allowed").write_text(f"t@example.org {key.with_suffix('.pub').read_text()}")
    for name, value in {
        "gpg.format": "ssh",
        "user.signingKey": f"{key}.pub",
        "gpg.ssh.allowedSignersFile": str(folder / "allowed"),
        "commit.gpgsign": "true",
    }.items():
        git(root, "config", name, value)
    return key


@contextmanager
def _gpg_home(folder: Path) -> Iterator[Path]:
    """A key ring of its own whose key has a passphrase that no agent knows."""
    home = folder / "gnupg"
    home.mkdir(mode=0o700)
    env = os.environ | {"GNUPGHOME": str(home)}
    make = ["gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "secret"]
    user = ["--quick-gen-key", "T <t@example.org>", "ed25519", "sign"]
    subprocess.run([*make, *user], env=env, check=True, capture_output=True)
    subprocess.run(["gpgconf", "--kill", "gpg-agent"], env=env, check=True)
    try:
        yield home
    finally:
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], env=env, check=True)
        shutil.rmtree(home)
