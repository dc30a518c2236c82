"""What can go wrong, in the width at which callers catch it.

::

    AiosError                    base; the message defaults to the docstring
    ├─ UsageError                bad input, nothing touched
    │   ├─ BadAgentSpec · UnknownAgent · UnknownProject · UnknownJob · BadPrompt · BadValue
    ├─ ConflictError             refused to protect something that exists
    │   ├─ ProjectExists · InstanceBusy · NotNow · MachineRemoved
    ├─ ProjectUnusable           a saved project cannot be worked in: skipped, the others go on
    └─ ExternalError             an outside program failed; carries its own words
        ├─ GitError · TmuxError · QueueError (NotLetIn) · StoreError · StackError
        ├─ MachineAway           another machine of the cluster does not answer, or not as it should
        ├─ TmuxMissing           tmux or git is not there or too old
        └─ LedgerLost            Redis answers but holds no ledger: reconcile first

Exit codes live in ``cli``, HTTP codes in ``web``, retry lists on the tasks. Every class takes positional
arguments only, so that it can be pickled.
"""

from __future__ import annotations


class AiosError(Exception):
    """Something went wrong."""

    #: The width at which clients tell errors apart: ``usage``, ``conflict`` or ``external``.
    kind = "external"

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class UsageError(AiosError):
    """The command is not understood."""

    kind = "usage"


class BadAgentSpec(UsageError):
    """A spec is <agent>:<count>, e.g. c:2, with a count from 1 to 99."""


class UnknownAgent(UsageError):
    """There is no such agent: see aios agents."""


class UnknownProject(UsageError):
    """There is no such project: see aios p."""


class UnknownJob(UsageError):
    """There is no such job: see aios jobs --all."""


class BadPrompt(UsageError):
    """The prompt cannot be given to an agent."""


class BadValue(UsageError):
    """The value does not fit the setting."""


class ConflictError(AiosError):
    """Refused, to protect something that exists."""

    kind = "conflict"


class ProjectExists(ConflictError):
    """The project is saved already."""


class InstanceBusy(ConflictError):
    """Another AIOS holds this data directory or this Redis database."""


class MachineRemoved(ConflictError):
    """This machine was removed from its cluster."""


class NotNow(ConflictError):
    """The job is not in a state that allows this."""


class ProjectUnusable(AiosError):
    """The project is missing, is not a git repository, or has no commit."""

    kind = "usage"


class ExternalError(AiosError):
    """An outside program failed."""

    def __init__(self, message: str = "", stderr: str = "") -> None:
        super().__init__(message)
        #: The outside program's own words, unchanged.
        self.stderr = stderr

    def __str__(self) -> str:
        first = str(self.args[0])
        words = self.stderr.strip()
        return f"{first}: {words}" if words and words not in first else first


class GitError(ExternalError):
    """Git failed."""


class TmuxError(ExternalError):
    """Tmux failed."""


class TmuxMissing(ExternalError):
    """Tmux is not installed, or older than 3.2: apt-get install tmux."""


class QueueError(ExternalError):
    """Redis does not answer."""


class NotLetIn(QueueError):
    """Redis refuses the login of this machine."""


class LedgerLost(QueueError):
    """Redis answers but holds no ledger of this instance."""


class StoreError(ExternalError):
    """The database cannot be read or written."""


class StackError(ExternalError):
    """The stack did not start."""


class MachineAway(ExternalError):
    """Another machine of the cluster does not answer."""


def error_of_kind(kind: str, message: str, otherwise: type[AiosError] = ExternalError) -> AiosError:
    """The error that another program of AIOS has told, in the width that its kind says."""
    return {"usage": UsageError, "conflict": ConflictError}.get(kind, otherwise)(message)
