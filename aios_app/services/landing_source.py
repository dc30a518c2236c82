"""What of a job lands: its worktree with all that is uncommitted, or the branch that is left of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aios_app.domain.errors import ConflictError, NotNow
from aios_app.domain.landing import Landing, landing_message
from aios_app.domain.models import Job
from aios_app.git.commits import commits_since, head_of, told
from aios_app.git.committing import commit_all
from aios_app.git.entries import branch_sha
from aios_app.git.landed import brought_along, fork_of
from aios_app.git.location import Repository
from aios_app.git.metadata import read_metadata
from aios_app.git.person import Person
from aios_app.git.targets import is_ancestor
from aios_app.services.landing_site import Site

#: Commits that are listed.
_MOST_TOLD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A commit with the job's work, and what a person is told of it."""

    sha: str  #: empty: worktree and branch are gone
    said: tuple[str, ...] = ()


def find_source(job: Job, repo: Repository, landing: Landing, person: Person) -> Source:
    """Commits what is uncommitted in the job's worktree; its branch where the worktree was removed by hand.

    Raises ``NotNow`` where the directory is something else now, and what ``commit_all`` raises.
    """
    worktree = Path(job.worktree)
    if worktree.is_dir():
        return _of_worktree(job, repo, worktree, message_of(job, landing), person)
    sha = branch_sha(repo, job.branch)
    said = (f"note its worktree is gone, so its branch {job.branch} lands",) if sha else ()
    return Source(sha=sha, said=said)


def message_of(job: Job, landing: Landing) -> str:
    """Of the commits that the landing makes: the person's own words, else the prompt's and the agent's."""
    first, _, rest = landing.message.strip().partition("\n")
    title, body = (first, rest) if first else (job.title, job.message)
    return landing_message(title, body, job=job.number, agent=job.agent)


def revert_message(job: Job) -> str:
    """Of the commit that takes back what the job landed."""
    span = f"{job.landed_from[:12]}..{job.landed_sha[:12]}"
    return landing_message(
        f'Revert "{job.title}"', f"This takes back {span}.", job=job.number, agent=job.agent
    )


def why_unchanged(job: Job, site: Site, base: str) -> str:
    """Says so, and where the work may have gone: agents commit in the person's checkout by mistake."""
    branch, number = site.target.branch, job.number
    said = f"#{number} has no change to land: aios w+ {number} removes its worktree"
    if not site.target.remote or not branch_sha(site.repo, branch):
        return said
    elsewhere = commits_since(site.repo, f"refs/heads/{branch}", base, job.started_ms or job.created_ms)
    if not elsewhere:
        return said
    commits = "\n".join(f"  {line}" for line in elsewhere[:_MOST_TOLD])
    return f"{said}\nyour {branch} in {site.repo.root} has commits that were made since it began:\n{commits}"


def undone_part(job: Job, repo: Repository, source_sha: str, base: str) -> str:
    """The commit that took back what the job landed, where a merge would bring only what came after that.

    Empty: there is none, the work knows of it, or none of its commits is on the branch.
    """
    undone = job.undone_sha
    if not undone or not is_ancestor(repo, undone, base) or is_ancestor(repo, undone, source_sha):
        return ""
    fork = fork_of(repo, source_sha, base)
    return undone if fork and not is_ancestor(repo, fork, job.base_sha) else ""


def check_own(job: Job, site: Site, source_sha: str, base: str) -> list[str]:
    """Notes for a person on commits that would land with the job's own, since it was to begin at them.

    Raises ``ConflictError`` where nobody wanted that: they are another branch's, or the branch was rewound.
    """
    along = brought_along(site.repo, source_sha, job.base_sha, base)
    if not along:
        return []
    count = f"{len(along)} commits that are" if len(along) > 1 else "1 commit that is"
    said = f"#{job.number} began at {job.base_sha[:7]}, with {count} not on {site.target.name}"
    told = along[:_MOST_TOLD]
    own = brought_along(site.repo, source_sha, job.base_sha, base, is_unpushed=True)
    if job.base and own == along:
        return [f"note {said}: {', '.join(told)}"]
    commits = "".join(f"\n  {line}" for line in told)
    raise ConflictError(
        f"{said}:{commits}\nto land its own work alone, in {job.worktree}: "
        f"git rebase --onto {site.target.name} {job.base_sha[:12]}"
    )


def _of_worktree(job: Job, repo: Repository, worktree: Path, message: str, person: Person) -> Source:
    if (read_metadata(worktree) or {}).get("job") != job.number:
        raise NotNow(f"{worktree} is not the worktree of #{job.number} any more: look at it first")
    branch, head = head_of(worktree)
    said = _on_other_branch(job, repo, branch, head) if branch != job.branch else ()
    committed = commit_all(worktree, message, person)
    if committed:
        said = (f"ok {told(repo, committed)}", *said)
    return Source(sha=committed or head, said=said)


def _on_other_branch(job: Job, repo: Repository, branch: str, head: str) -> tuple[str, ...]:
    """Says where the agent left its worktree; refused where its branch has commits that are not there."""
    where = f"branch {branch}" if branch else "no branch"
    own = branch_sha(repo, job.branch)
    if own and not is_ancestor(repo, own, head):
        raise NotNow(
            f"{job.worktree} is on {where}, which lacks commits of {job.branch}: to land both, "
            f"git merge {job.branch} there; else git switch {job.branch}"
        )
    return (f"note its worktree is on {where}, no longer on {job.branch}: what stands there lands",)
