"""A landing: a job's work on its way to the base branch, in line with the others that want there."""

from __future__ import annotations

import enum
import unicodedata
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self


class Strategy(enum.StrEnum):
    """How a branch comes into its base."""

    MERGE = "merge"
    SQUASH = "squash"
    REBASE = "rebase"


class Outcome(enum.StrEnum):
    """What came of a landing."""

    LANDED = "landed"  #: seen on the base; worktree and branch are gone, or kept as asked
    NOTHING = "nothing"  #: no change, so nothing to land
    CONFLICT = "conflict"  #: nothing was changed
    RED = "red"  #: the check failed on the merged tree; nothing was pushed
    REFUSED = "refused"  #: not done, to protect something
    FAILED = "failed"  #: an outside program failed: the remote, a hook, signing


#: The exit code of the command that asked for one landing.
EXIT_CODES = {
    Outcome.LANDED: 0,
    Outcome.NOTHING: 3,
    Outcome.CONFLICT: 3,
    Outcome.RED: 1,
    Outcome.REFUSED: 3,
    Outcome.FAILED: 4,
}


#: What git, its helpers and hooks need of the environment of the person's terminal; nothing else is taken.
PERSON_VARIABLES = frozenset(
    {
        "DBUS_SESSION_BUS_ADDRESS",
        "DISPLAY",
        "GIT_AUTHOR_DATE",
        "GIT_AUTHOR_EMAIL",
        "GIT_AUTHOR_NAME",
        "GIT_COMMITTER_DATE",
        "GIT_COMMITTER_EMAIL",
        "GIT_COMMITTER_NAME",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "GNUPGHOME",
        "PATH",
        "SSH_AGENT_PID",
        "SSH_AUTH_SOCK",
        "WAYLAND_DISPLAY",
        "XDG_RUNTIME_DIR",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictFile:
    """A file that both sides changed, with each side's commits to it, newest first, as lines."""

    path: str
    ours: tuple[str, ...] = ()  #: of the base
    theirs: tuple[str, ...] = ()  #: of the job


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """One request to land a job, or to undo what a job landed."""

    id: str  #: task id of its ``merge_push``
    job: int
    line: str  #: the queue that it stands in: one per remote and base branch
    label: str  #: of the line, e.g. ``main of shop``
    remote: str = ""  #: empty: there is none, and the branch is the repository's own
    branch: str = ""  #: that it lands on
    is_revert: bool = False
    message: str = ""  #: the person's own in the place of the prompt's first line
    is_kept: bool = False  #: worktree and branch stay
    resolves: bool = False  #: a conflict is given to the job's agent
    drops: tuple[int, ...] = ()  #: the rivals that go to the trash once it has landed
    environment: tuple[tuple[str, str], ...] = ()  #: of the person's terminal, for git's helpers
    asked_at: str = ""  #: the machine of a terminal whose ``environment`` means nothing here; empty: this one
    asked_ms: int = 0  #: when it was asked for
    source_sha: str = ""  #: the job's commit; this and the next two are known before anything is pushed
    base_sha: str = ""  #: the commit that it lands on
    sha: str = ""  #: the commit that the base becomes
    place: int = 0  #: in line: 1 lands now; 0: not in line (any more)
    steps: tuple[str, ...] = ()  #: what was done, in order, one line each
    outcome: Outcome | None = None  #: None: not over
    problem: str = ""  #: why it did not land, one or more lines
    conflicts: tuple[ConflictFile, ...] = ()

    def evolve(self, **changes: Any) -> Self:  # noqa: ANN401 - any field
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """With lists for tuples and an object for ``environment``."""
        data = asdict(self)
        return data | {"environment": dict(self.environment), "drops": list(self.drops)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of ``to_json``; unknown names are left out."""
        known = {f.name: data[f.name] for f in fields(cls) if f.name in data}
        known |= {name: tuple(known[name]) for name in ("drops", "steps") if name in known}
        if "environment" in known:
            known["environment"] = tuple(dict(known["environment"]).items())
        if known.get("outcome"):
            known["outcome"] = Outcome(known["outcome"])
        known["conflicts"] = tuple(_conflict(one) for one in known.get("conflicts", ()))
        return cls(**known)


def _conflict(data: dict[str, Any]) -> ConflictFile:
    return ConflictFile(path=data["path"], ours=tuple(data["ours"]), theirs=tuple(data["theirs"]))


def landing_message(title: str, body: str, *, job: int, agent: str) -> str:
    """Of the commits that a landing makes: the prompt's first line, the agent's last words, a trailer.

    Without control characters: git refuses some, and a terminal that shows the history obeys others.
    """
    subject = " ".join(_plain(title).split()) or f"Work of {agent}"
    return "\n\n".join(filter(None, (subject, _plain(body).strip(), f"Aios-Job: {job} {agent}"))) + "\n"


def _plain(text: str) -> str:
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) != "Cc")
