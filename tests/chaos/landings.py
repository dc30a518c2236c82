"""What lands in a test of landings, and what of it must hold afterwards."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aios_app.domain.models import Job, JobState
from tests.chaos.fleet import Fleet
from tests.conftest import new_project

#: Refuses what is no move forward of a branch, and keeps in mind that somebody tried.
_UPDATE_HOOK = """\
case $1 in refs/heads/*) ;; *) exit 0 ;; esac
case $2 in *[!0]*) git merge-base --is-ancestor "$2" "$3" || { echo "$@" >>forced; exit 1; } ;; esac
"""


@dataclass(frozen=True)
class Shop:
    """A project whose remote takes no force, and notes each push."""

    path: Path
    remote: Path

    @property
    def name(self) -> str:
        return self.path.name


def shop(fleet: Fleet, name: str) -> Shop:
    """A saved project of this name with its remote."""
    fleet.add(name)
    return _watched(fleet, name)


def new_shop(fleet: Fleet, name: str) -> Shop:
    """The same, but saved nowhere."""
    new_project(fleet.root, fleet.environment, name)
    return _watched(fleet, name)


def _watched(fleet: Fleet, name: str) -> Shop:
    made = Shop(fleet.root / "code" / name, fleet.root / "remotes" / f"{name}.git")
    fleet.git(made.remote, "config", "core.logAllRefUpdates", "true")
    put_hook(made, "update", _UPDATE_HOOK)
    return made


def put_hook(place: Shop, name: str, text: str) -> Path:
    """A hook of the remote, in shell."""
    hook = place.remote / "hooks" / name
    hook.write_text(f"#!/bin/sh\n{text}\n")
    hook.chmod(0o755)
    return hook


def worked(fleet: Fleet, place: Shop, *specs: str) -> list[Job]:
    """Jobs of these agents with this prompt, all in review; none of them has committed anything."""
    return fleet.settle(fleet.start("multi", place.name, *specs), JobState.REVIEW)


def ask(fleet: Fleet, *jobs: Job) -> subprocess.Popen[str]:
    """A person's ``aios land`` of these jobs, which goes on until they have landed."""
    return fleet.open("land", *(str(job.number) for job in jobs), "-y", "--json")


def outcomes(asked: subprocess.Popen[str], deadline_s: float = 40) -> list[str]:
    """What came of each landing, in the order in which they were asked for."""
    out, err = asked.communicate(timeout=deadline_s)
    assert out, err
    answer: dict[str, Any] = json.loads(out)
    return [landing["outcome"] for landing in answer["landings"]]


def file_of(job: Job) -> str:
    """The file that the job's agent writes."""
    return f"{job.number}.txt"


def is_on(fleet: Fleet, repository: Path, job: Job) -> bool:
    """Whether main of this repository has the job's work."""
    return file_of(job) in fleet.git(repository, "ls-tree", "--name-only", "main").splitlines()


def is_whole(job: Job) -> bool:
    """Whether the job's worktree is there with all that its agent wrote."""
    worktree = Path(job.worktree)
    return (worktree / ".git").exists() and (worktree / file_of(job)).read_text() == f"by {job.number}\n"


def check_never_neither(fleet: Fleet, place: Shop, jobs: Sequence[Job]) -> None:
    """At any time each work is on the remote, or whole in its worktree."""
    for job in jobs:
        assert is_whole(job) or is_on(fleet, place.remote, job), job.number


def check_landed(fleet: Fleet, place: Shop, jobs: Sequence[Job]) -> None:
    """The work of each is on main once, and nothing else is left of it."""
    check_history(fleet, place.remote, jobs)
    for job in jobs:
        assert fleet.job(job.number).state is JobState.LANDED
        assert fleet.job(job.number).landed_sha
        assert not Path(job.worktree).exists()
        assert fleet.git(place.path, "branch", "--list", job.branch) == ""
    folders = {Path(job.worktree).parent for job in jobs}
    assert [path for folder in folders for path in folder.glob(".*")] == []
    assert fleet.git(place.path, "for-each-ref", "refs/aios/landing") == ""


def check_history(fleet: Fleet, repository: Path, jobs: Sequence[Job]) -> None:
    """Each file came in by one commit, and each job by one merge."""
    added = fleet.git(
        repository, "log", "--no-merges", "--diff-filter=A", "--name-only", "--format=", "main"
    ).splitlines()
    merged = Counter(merged_jobs(fleet, repository))
    assert {job.number: added.count(file_of(job)) for job in jobs} == {job.number: 1 for job in jobs}
    assert {job.number: merged[job.number] for job in jobs} == {job.number: 1 for job in jobs}


def merged_jobs(fleet: Fleet, repository: Path) -> list[int]:
    """The jobs that came onto main, in the order in which they did."""
    trailer = "--format=%(trailers:key=Aios-Job,valueonly,separator=%x2C)"
    lines = fleet.git(repository, "log", "--first-parent", "--reverse", trailer, "main").splitlines()
    return [int(line.split()[0]) for line in lines if line]


def check_only_forward(fleet: Fleet, place: Shop) -> None:
    """Main of the remote was only moved from where it stood, and forward; nobody tried anything else."""
    log = (place.remote / "logs" / "refs" / "heads" / "main").read_text()
    moves = [line.split()[:2] for line in log.splitlines()]
    assert [old for old, _ in moves[1:]] == [new for _, new in moves[:-1]]
    assert fleet.git(place.remote, "rev-parse", "main") == moves[-1][1]
    assert not (place.remote / "forced").exists()
