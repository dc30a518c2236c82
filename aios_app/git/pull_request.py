"""A branch on origin, and the pull request for it: opened by ``gh``, else where a person opens it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote, urlencode

from aios_app.domain.errors import ConflictError, ExternalError
from aios_app.domain.landing import PERSON_VARIABLES
from aios_app.git.location import Repository
from aios_app.git.person import Person, remote_words
from aios_app.git.runner import GitFailed
from aios_app.settings import environment_without

#: Seconds for one request of ``gh``.
_GH_LIMIT_S = 60.0
_GH_QUIET = {"GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1", "NO_COLOR": "1"}
_ADDRESS = r"(?:(?P<scheme>[a-z+]+)://)?(?:[^/@]*@)?(?P<host>[^/:]+)(?P<port>:\d+(?=/))?[:/]/*(?P<path>.+?)(?:\.git)?/*"
_REMOTE_URL = re.compile(r"^remote:.*?(https?://\S*(?:pull|merge|compare)\S*)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for: ``head`` into ``base``, both branches of origin."""

    head: str
    base: str
    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosting:
    """Where the pages of a repository are."""

    site: str  #: ``https://github.com``
    path: str  #: ``me/shop``

    @property
    def host(self) -> str:
        return self.site.partition("://")[2]

    @classmethod
    def of(cls, address: str) -> Self | None:
        """Of the address of a remote; None for a directory of this machine."""
        found = re.fullmatch(_ADDRESS, address)
        if found is None or address.startswith(("/", ".", "file:")):
            return None
        scheme = found["scheme"] if found["scheme"] in ("http", "https") else ""
        host = re.sub(r"^(alt)?ssh\.", "", found["host"])
        return cls(
            site=f"{scheme or 'https'}://{host}{(found['port'] or '') if scheme else ''}", path=found["path"]
        )

    def address_for(self, request: Request) -> str:
        """The page that opens such a request; empty for a hosting that is not known."""
        base, head = quote(request.base), quote(request.head)
        page = f"{self.site}/{self.path}"
        if "github" in self.host:
            return f"{page}/compare/{base}...{head}?expand=1"
        if "gitlab" in self.host:
            wanted = {
                "merge_request[source_branch]": request.head,
                "merge_request[target_branch]": request.base,
            }
            return f"{page}/-/merge_requests/new?{urlencode(wanted)}"
        if "bitbucket" in self.host:
            return f"{page}/pull-requests/new?{urlencode({'source': request.head, 'dest': request.base})}"
        if any(name in self.host for name in ("gitea", "codeberg", "forgejo")):
            return f"{page}/compare/{base}...{head}"
        return ""


def push_branch(repo: Repository, sha: str, branch: str, person: Person, *, timeout_s: float) -> str:
    """Makes ``sha`` the branch of origin, or moves it on; the address that origin names for a pull request.

    Raises ``ConflictError`` where origin's branch has other commits, else what git raises. Nothing is forced.
    """
    args = ["push", "--no-follow-tags", "--", "origin", f"{sha}:refs/heads/{branch}"]
    try:
        said = person.run(args, cwd=repo.root, timeout_s=timeout_s, with_remarks=True)
    except GitFailed as error:
        if "(fetch first)" in error.stderr or "(non-fast-forward)" in error.stderr:
            raise ConflictError(
                f"origin has a branch {branch} with other commits: rename yours by git branch -m"
            ) from error
        raise ExternalError(f"origin did not take {branch}", remote_words(error)) from error
    found = _REMOTE_URL.search(said)
    return found[1] if found else ""


def open_by_gh(
    hosting: Hosting, request: Request, *, cwd: Path, environment: Mapping[str, str]
) -> tuple[str, str]:
    """The address of the request, opened now or before; else empty and why not. Asks nobody anything."""
    own = {name: value for name, value in environment.items() if name in PERSON_VARIABLES}
    env = environment_without("AIOS_", "GIT_") | own | _GH_QUIET
    gh = shutil.which("gh", path=env.get("PATH"))
    if gh is None:
        return "", "gh is not installed"
    if _run([gh, "auth", "status", f"--hostname={hosting.host}"], cwd, env)[0] != 0:
        return "", f"gh is not logged in to {hosting.host}"
    words = [f"--{name}={value}" for name, value in _options(hosting, request).items()]
    status, said = _run([gh, "pr", "create", *words], cwd, env)
    found = re.findall(r"https?://\S+", said)
    if found and (status == 0 or "already exists" in said):
        return found[-1], ""
    return "", f"gh could not open it: {said.strip() or f'it exited {status}'}"


def _options(hosting: Hosting, request: Request) -> dict[str, str]:
    repository = f"{hosting.host}/{hosting.path}"
    return {
        "repo": repository,
        "head": request.head,
        "base": request.base,
        "title": request.title,
        "body": request.body,
    }


def _run(argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> tuple[int, str]:
    """Exit status and all that was said; what is too late is ended with its children."""
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            process.wait(_GH_LIMIT_S)
        except subprocess.TimeoutExpired:
            return 1, f"no answer within {_GH_LIMIT_S:g} s"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        said.seek(0)
        return process.returncode, said.read().decode("utf-8", "surrogateescape")
