"""Updates of AIOS itself, with small releases in the place of whole ones."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aios_app.domain.errors import ConflictError, ExternalError, InstanceBusy, StackError
from aios_app.services.update_aios import go_back, look_for_update, make_release, take_release
from tests.integration.git_fixtures import commit, deaf_port, git, quiet_git
from tests.integration.git_remotes import Away, HttpsRemote, away, https_remote, refusing_ssh
from tests.integration.release_fixtures import SETUP, Upstream, silent, upstream

__all__ = ["away", "deaf_port", "https_remote", "quiet_git", "refusing_ssh", "upstream"]


def test_a_newer_version_is_built_beside_the_checkout_and_taken(upstream: Upstream) -> None:
    upstream.push("two")
    new = upstream.push("three")
    before = git(upstream.checkout, "rev-parse", "HEAD", "@{u}")
    said: list[str] = []

    news = look_for_update(upstream.place)
    taken = upstream.update(said)

    assert (news.behind, [line.split(" ", 1)[1] for line in news.lines]) == (2, ["three", "two"])
    assert (taken, upstream.version()) == (new, "three")
    assert [line.split()[1] for line in said if line.startswith("ok")] == ["built", "checked:", "current:"]
    assert git(upstream.checkout, "rev-parse", "HEAD", "@{u}") == before
    assert git(upstream.checkout, "status", "--porcelain") == ""
    assert upstream.update() == ""


def test_a_version_later_the_release_is_what_is_updated_and_only_the_last_two_stay(
    upstream: Upstream,
) -> None:
    taken = []
    for name in ("two", "three", "four"):
        upstream.push(name)
        taken.append(upstream.update())

    assert upstream.version() == "four"
    assert {path.name for path in upstream.releases.folder.iterdir()} == set(taken[1:])
    assert git(upstream.checkout, "rev-list", "--count", "HEAD") == "1"


def test_going_back_leads_to_the_version_before_and_the_newer_is_not_taken_by_itself(
    upstream: Upstream,
) -> None:
    new = upstream.push("two")
    upstream.update()

    go_back(upstream.place, silent)

    assert upstream.version() == "one"
    assert upstream.releases.notes.skipped == new
    go_back(upstream.place, silent)
    assert upstream.version() == "two"


def test_where_nothing_came_before_there_is_nothing_to_go_back_to(upstream: Upstream) -> None:
    with pytest.raises(ConflictError, match="no version before"):
        go_back(upstream.place, silent)

    assert upstream.version() == "one"


def _local_change(checkout: Path) -> str:
    (checkout / "wants").write_text("mine")
    return "changes of its own"


def _local_commit(checkout: Path) -> str:
    commit(checkout, "mine.txt", "mine")
    return "commits of its own"


def _detached(checkout: Path) -> str:
    git(checkout, "checkout", "-q", "--detach")
    return "on no branch"


def _other_branch(checkout: Path) -> str:
    git(checkout, "checkout", "-q", "-b", "feature")
    return "on branch feature"


@pytest.mark.parametrize("change", [_local_change, _local_commit, _detached, _other_branch])
def test_a_developers_own_checkout_is_never_changed(
    upstream: Upstream, change: Callable[[Path], str]
) -> None:
    upstream.push("two")
    words = change(upstream.checkout)
    state = git(upstream.checkout, "status", "--porcelain=v2", "--branch")

    with pytest.raises(ConflictError, match=words):
        upstream.update()

    assert git(upstream.checkout, "status", "--porcelain=v2", "--branch") == state
    assert upstream.version() == "one"
    assert not upstream.releases.folder.exists()


def test_a_changed_release_is_not_built_over(upstream: Upstream) -> None:
    upstream.push("two")
    taken = upstream.update()
    (upstream.releases.place(taken) / "aios").write_text("#!/bin/sh\necho mended by hand\n")
    upstream.push("three")

    with pytest.raises(ConflictError, match="changed by hand"):
        upstream.update()

    assert upstream.version() == "mended by hand"


def test_a_removed_upstream_branch_is_said_in_gits_words(upstream: Upstream) -> None:
    git(upstream.folder / "developer", "push", "-q", "origin", "main:other")
    git(upstream.remote, "symbolic-ref", "HEAD", "refs/heads/other")
    git(upstream.folder / "developer", "push", "-q", "origin", ":main")

    with pytest.raises(ExternalError, match="couldn't find remote ref refs/heads/main"):
        upstream.update()

    assert "couldn't find remote ref" in upstream.releases.failure_line(upstream.place.settings)
    assert upstream.version() == "one"


def test_a_rewritten_history_is_not_taken(upstream: Upstream) -> None:
    work = upstream.folder / "developer"
    git(work, "commit", "-q", "--amend", "-m", "another one")
    git(work, "push", "-q", "--force", "origin", "main")

    with pytest.raises(ConflictError, match="rewritten"):
        upstream.update()

    assert "rewritten" in upstream.releases.failure_line(upstream.place.settings)
    assert upstream.version() == "one"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"aios": "#!/bin/sh\necho no such module >&2; exit 1\n"}, "no such module"),
        ({"bad": "bad  redis    is too old\n"}, "redis is too old"),
        ({"setup": "#!/bin/sh\necho no package of that name; exit 9\n"}, "no package of that name"),
        ({"setup": "#!/bin/sh\nexit 0\n"}, "ended with 1"),
    ],
    ids=["does not start", "doctor finds", "dependency is not there", "setup makes nothing"],
)
def test_a_version_that_does_not_work_is_not_taken(
    upstream: Upstream, files: dict[str, str], words: str
) -> None:
    new = upstream.push("two", **files)

    with pytest.raises(ExternalError, match=words):
        upstream.update()

    assert upstream.version() == "one"
    assert not upstream.releases.place(new).exists()
    assert words in upstream.releases.failure_line(upstream.place.settings)
    upstream.push("three", setup=SETUP, aios=(upstream.checkout / "aios").read_text(), bad="")
    upstream.update()
    assert upstream.version() == "three"
    assert upstream.releases.failure_line(upstream.place.settings) == ""


def test_a_new_dependency_is_of_the_new_environment_alone(upstream: Upstream) -> None:
    upstream.push("two needs more", setup=SETUP + "echo found >.venv/dependency\necho $1 >.venv/asked\n")

    taken = upstream.update()

    assert (upstream.releases.place(taken) / ".venv/dependency").exists()
    assert (upstream.releases.place(taken) / ".venv/asked").read_text() == "update\n"
    assert not (upstream.checkout / ".venv/dependency").exists()


def test_pages_that_were_built_are_taken_along(upstream: Upstream) -> None:
    (upstream.checkout / "web/static").mkdir(parents=True)
    (upstream.checkout / "web/static/index.html").write_text("built")
    upstream.push("two")

    taken = upstream.update()

    assert (upstream.releases.place(taken) / "web/static/index.html").read_text() == "built"


def test_a_hanging_remote_ends_at_the_limit(upstream: Upstream, deaf_port: int) -> None:
    git(upstream.checkout, "remote", "set-url", "origin", f"http://127.0.0.1:{deaf_port}/aios.git")
    began = time.monotonic()

    with pytest.raises(ExternalError, match="does not answer"):
        look_for_update(upstream.without_pause())

    assert time.monotonic() - began < 6
    assert upstream.version() == "one"


def test_without_a_key_for_ssh_versions_come_by_https_from_then_on(
    upstream: Upstream, away: Away, refusing_ssh: int, https_remote: HttpsRemote
) -> None:
    # Given an installed checkout whose origin takes no key, and the same repository by HTTPS
    (https_remote.root / "org/aios.git").symlink_to(upstream.remote)
    git(upstream.checkout, "remote", "set-url", "origin", "git@hub.test:org/aios.git")
    away.lead_ssh_to(refusing_ssh)
    away.lead_https_to(https_remote.url)
    away.trust(https_remote)
    new = upstream.push("two")

    # When it is updated
    news = look_for_update(upstream.place)
    upstream.update()

    # Then the version has come by HTTPS, and the person's own checkout keeps its address
    twin = "https://127.0.0.1/org/aios.git"
    assert (news.commit, news.remark.partition(",")[0]) == (new, f"origin is {twin} from now on")
    assert upstream.version() == "two"
    assert git(upstream.checkout, "config", "remote.origin.url") == "git@hub.test:org/aios.git"

    # And the release does not ask SSH any more
    upstream.push("three")
    assert look_for_update(upstream.place).remark == ""
    assert git(upstream.releases.source, "config", "remote.origin.url") == twin


def test_where_the_disk_takes_nothing_that_is_said_and_nothing_is_left(upstream: Upstream) -> None:
    home = upstream.releases.home
    (home / "update.json").mkdir()
    (home / "releases").write_text("in the way")
    upstream.push("two")

    with pytest.raises(StackError, match=r"cannot write: .*releases"):
        upstream.update()
    assert sorted(path.name for path in home.iterdir()) == [
        "current",
        "releases",
        "source.git",
        "update.json",
        "update.lock",
    ]
    (home / "update.lock").unlink()
    (home / "update.lock").mkdir()
    with pytest.raises(StackError, match=r"cannot write .*update\.lock: Is a directory"):
        upstream.update()

    assert upstream.version() == "one"


def test_a_memory_for_passwords_that_git_leaves_behind_holds_no_update_up(upstream: Upstream) -> None:
    with upstream.releases.updating() as lock:
        memory = subprocess.Popen(["sleep", "60"], pass_fds=[lock])

    try:
        upstream.push("two")
        assert upstream.update()
    finally:
        memory.kill()
        memory.wait()


def test_of_two_updates_at_once_one_gives_up(upstream: Upstream) -> None:
    upstream.push("two")
    news = look_for_update(upstream.place)

    with upstream.releases.updating(), pytest.raises(InstanceBusy, match="another update"):
        make_release(upstream.place, news.commit, silent)

    make_release(upstream.place, news.commit, silent)
    take_release(upstream.place, news.commit, silent)
    assert upstream.version() == "two"
