"""``aios pr``: a job's branch on origin, and the pull request for it."""

from __future__ import annotations

import json
import os
import select
from pathlib import Path
from typing import Any

import pytest

from aios_app.domain.errors import ConflictError, ExternalError, NotNow
from aios_app.domain.models import Job, JobState
from aios_app.git.pull_request import Hosting, Request
from aios_app.git.worktrees import add_worktree, write_metadata
from aios_app.services.context import Context
from aios_app.services.open_pull_request import open_pull_request
from tests.integration.checkout_fixtures import hook, tip
from tests.integration.git_fixtures import Cloned, cloned, commit, git, push_from_elsewhere, quiet_git
from tests.integration.service_fixtures import now, running

__all__ = ["cloned", "quiet_git"]

_REQUEST = Request(head="aios/7-fix", base="main", title="Fix it", body="")
#: Says what it was asked in a file, as gh would answer.
_GH = """#!/usr/bin/env python3
import json, os, sys
with open({log!r}, "a") as log:
    log.write(json.dumps([sys.argv[1:], sys.stdin.read()]) + "\\n")
if sys.argv[1] == "auth":
    sys.exit({auth})
print({said!r}, file=sys.stderr)
sys.exit({status})
"""


@pytest.fixture
def job(context: Context, cloned: Cloned) -> Job:
    """In review, with an untracked file in its worktree."""
    context.catalog.add_project(cloned.root, name="shop")
    [made] = running(context, "c:1", "-fix the $(login)\n\nby noon", cwd=cloned.root)
    sha = git(cloned.root, "rev-parse", "HEAD")
    add_worktree(cloned.repo, path=Path(made.worktree), branch=made.branch, sha=sha)
    write_metadata(Path(made.worktree), {"job": made.number, "branch": made.branch})
    (Path(made.worktree) / "fix.txt").write_text("fixed\n")
    changes: dict[str, Any] = {"base_ref": "origin/main", "base_sha": sha, "message": "The query was lost."}
    context.ledger.move(made.attempt, {JobState.RUNNING}, JobState.REVIEW, **changes)
    return now(context, [made])[0]


def _gh(folder: Path, *, said: str, status: int = 0, auth: int = 0) -> tuple[dict[str, str], Path]:
    """A program ``gh`` for the PATH, and where it writes down what it was asked."""
    folder.mkdir()
    log = folder / "asked"
    (folder / "gh").write_text(_GH.format(log=str(log), said=said, status=status, auth=auth))
    (folder / "gh").chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}, log


def test_all_of_the_work_is_on_origin_under_its_own_name(context: Context, cloned: Cloned, job: Job) -> None:
    main = tip(cloned)

    answer = open_pull_request(context, job, environment={})

    assert git(cloned.origin, "show", f"{job.branch}:fix.txt") == "fixed"
    assert git(cloned.origin, "log", "-1", "--format=%B", job.branch) == (
        f"-fix the $(login)\n\nThe query was lost.\n\nAios-Job: {job.number} codex"
    )
    assert (answer["is_open"], answer["message"]) == (False, f"{job.branch} is on origin")
    assert tip(cloned) == main


def test_the_address_that_the_remote_names_is_given(context: Context, cloned: Cloned, job: Job) -> None:
    hook(
        cloned.origin,
        "post-receive",
        "echo; echo 'Create a pull request:'; echo '  https://git.example.org/shop/pull/new/x'",
    )

    answer = open_pull_request(context, job, environment={})

    assert answer["url"] == "https://git.example.org/shop/pull/new/x"
    assert now(context, [job])[0].pull_request == ""


def test_further_work_moves_the_branch_on(context: Context, cloned: Cloned, job: Job) -> None:
    open_pull_request(context, job, environment={})
    sha = commit(Path(job.worktree), "more.txt", "x\n")

    open_pull_request(context, job, environment={})

    assert tip(cloned, job.branch) == sha


def test_a_branch_of_that_name_with_other_commits_is_not_overwritten(
    context: Context, cloned: Cloned, job: Job, tmp_path: Path
) -> None:
    theirs = push_from_elsewhere(cloned, tmp_path, branch=job.branch)

    with pytest.raises(ConflictError, match="with other commits"):
        open_pull_request(context, job, environment={})

    assert tip(cloned, job.branch) == theirs


def test_the_base_itself_is_never_pushed(context: Context, cloned: Cloned, job: Job) -> None:
    main = tip(cloned)
    git(cloned.root, "switch", "-q", "-c", "elsewhere")
    git(Path(job.worktree), "switch", "-q", "main")

    open_pull_request(context, job, environment={})

    assert tip(cloned) == main
    assert git(cloned.origin, "show", f"{job.branch}:fix.txt") == "fixed"


def test_what_the_remote_says_when_it_refuses_is_shown(context: Context, cloned: Cloned, job: Job) -> None:
    hook(cloned.origin, "pre-receive", "echo 'names must begin with feature/' >&2; exit 1")

    with pytest.raises(ExternalError, match="names must begin with feature/"):
        open_pull_request(context, job, environment={})


def test_without_a_change_nothing_is_opened(context: Context, cloned: Cloned, job: Job) -> None:
    (Path(job.worktree) / "fix.txt").unlink()

    with pytest.raises(NotNow, match="has nothing that origin/main has not"):
        open_pull_request(context, job, environment={})

    assert tip(cloned, job.branch) == ""


def test_while_its_agent_works_it_is_refused(context: Context, cloned: Cloned, job: Job) -> None:
    context.ledger.move(job.attempt, {JobState.REVIEW}, JobState.RUNNING)

    with pytest.raises(NotNow, match=f"aios wait {job.number} or aios stop {job.number} first"):
        open_pull_request(context, now(context, [job])[0], environment={})


def test_of_a_worktree_that_was_removed_by_hand_the_branch_is_pushed(
    context: Context, cloned: Cloned, job: Job
) -> None:
    sha = commit(Path(job.worktree), "done.txt", "x\n")
    git(cloned.root, "worktree", "remove", "--force", job.worktree)

    open_pull_request(context, job, environment={})

    assert tip(cloned, job.branch) == sha


def _to_github(context: Context, cloned: Cloned, job: Job, environment: dict[str, str]) -> dict[str, Any]:
    """Origin has an address of GitHub and is in truth the bare repository beside it."""
    git(cloned.root, "remote", "set-url", "origin", "git@github.com:me/shop.git")
    script = Path(cloned.root).parent / "ssh"
    script.write_text(f"#!/bin/sh\nfor last; do :; done\nset -- ${{last%% *}}\nexec $1 {cloned.origin}\n")
    script.chmod(0o755)
    return open_pull_request(context, job, environment=environment | {"GIT_SSH_COMMAND": str(script)})


def test_gh_opens_it_and_the_job_remembers(
    context: Context, cloned: Cloned, job: Job, tmp_path: Path
) -> None:
    environment, log = _gh(tmp_path / "bin", said="https://github.com/me/shop/pull/12")

    answer = _to_github(context, cloned, job, environment)

    assert (answer["url"], answer["is_open"]) == ("https://github.com/me/shop/pull/12", True)
    assert answer["job"]["pull_request"] == now(context, [job])[0].pull_request == answer["url"]
    _, [words, given] = [json.loads(line) for line in log.read_text().splitlines()]
    assert given == ""
    assert words == [
        "pr",
        "create",
        "--repo=github.com/me/shop",
        f"--head={job.branch}",
        "--base=main",
        "--title=-fix the $(login)",
        "--body=The query was lost.",
    ]


def test_one_that_is_open_already_is_found(
    context: Context, cloned: Cloned, job: Job, tmp_path: Path
) -> None:
    said = (
        'a pull request for branch "x" into branch "main" already exists:\nhttps://github.com/me/shop/pull/9'
    )
    environment, _ = _gh(tmp_path / "bin", said=said, status=1)

    answer = _to_github(context, cloned, job, environment)

    assert (answer["url"], answer["is_open"]) == ("https://github.com/me/shop/pull/9", True)


@pytest.mark.parametrize(
    ("auth", "reason"), [(1, "gh is not logged in to github.com"), (0, "gh could not open it: rate limited")]
)
def test_where_gh_cannot_it_says_why_and_where_to_open_it(
    context: Context, cloned: Cloned, job: Job, tmp_path: Path, auth: int, reason: str
) -> None:
    environment, _ = _gh(tmp_path / "bin", said="rate limited", status=1, auth=auth)

    answer = _to_github(context, cloned, job, environment)

    assert answer["url"] == f"https://github.com/me/shop/compare/main...{job.branch}?expand=1"
    assert (answer["is_open"], answer["message"]) == (False, f"{job.branch} is on origin; {reason}")


def _has_ended(pid: int) -> bool:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 5)[0])
    finally:
        os.close(descriptor)


def test_a_gh_that_never_answers_is_ended_with_its_children(
    context: Context, cloned: Cloned, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aios_app.git.pull_request._GH_LIMIT_S", 0.5)
    environment, _ = _gh(tmp_path / "bin", said="")
    (tmp_path / "bin/gh").write_text("#!/bin/sh\n[ $1 = auth ] && exit\nsleep 987 & echo $! >$0.pid; wait\n")

    answer = _to_github(context, cloned, job, environment)

    assert answer["message"].endswith("gh could not open it: no answer within 0.5 s")
    assert _has_ended(int((tmp_path / "bin/gh.pid").read_text()))


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("git@github.com:me/shop.git", "https://github.com/me/shop/compare/main...aios/7-fix?expand=1"),
        (
            "https://ada:secret@gitlab.example.org/group/sub/shop.git",
            "https://gitlab.example.org/group/sub/shop/-/merge_requests/new"
            "?merge_request%5Bsource_branch%5D=aios%2F7-fix&merge_request%5Btarget_branch%5D=main",
        ),
        (
            "ssh://git@altssh.bitbucket.org:443/me/shop.git",
            "https://bitbucket.org/me/shop/pull-requests/new?source=aios%2F7-fix&dest=main",
        ),
        ("http://gitea.local:3000/me/shop", "http://gitea.local:3000/me/shop/compare/main...aios/7-fix"),
        ("https://git.example.org/shop.git", ""),
    ],
)
def test_the_page_that_opens_a_request(address: str, page: str) -> None:
    hosting = Hosting.of(address)

    assert hosting is not None
    assert hosting.address_for(_REQUEST) == page


@pytest.mark.parametrize("address", ["/srv/git/shop.git", "file:///srv/git/shop.git"])
def test_a_directory_has_no_pages(address: str) -> None:
    assert Hosting.of(address) is None
